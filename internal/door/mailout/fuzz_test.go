package mailout

import (
	"bytes"
	"net/mail"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/mime"
	"entraide/internal/base/text"
	"entraide/internal/domain/channel"
)

// Whatever people type, the message has our headers and no other, lines that servers take, and says what they typed.
func FuzzBuild(f *testing.F) {
	for _, s := range []string{"Le réseau", "x\r\nBcc: victim@exemple.fr\r\n\r\nhello", strings.Repeat("é", 500), strings.Repeat("a", 2000), "=?utf-8?q?x?=", "\x00\xff", ".\r\n.\r\n", "\u2028\u200f\u00ad", "<>,;:\"\\"} {
		f.Add(s, s, s)
	}
	allowed := []string{"Date", "From", "Reply-To", "To", "Message-Id", "In-Reply-To", "References", "Subject", "Auto-Submitted", "X-Auto-Response-Suppress",
		"X-Entraide-Loop", "List-Unsubscribe", "Precedence", "Mime-Version", "Content-Type", "Content-Transfer-Encoding"}
	f.Fuzz(func(t *testing.T, subject, name, body string) {
		raw, err := build(letter{envelope: channel.Envelope{MessageID: name, Recipient: "a@exemple.fr", Subject: subject, Content: channel.Content{ToName: name, Text: body, HTML: body,
			InReplyTo: subject, References: []string{"a@b", body}, Auto: name, Unsubscribe: body}}, from: mail.Address{Name: name, Address: "b@exemple.fr"}, replyTo: "c@exemple.fr",
			host: "h.fr", date: time.Unix(1e9, 0), files: []file{{channel.File{Name: name, Type: subject, ContentID: body}, []byte(body)}, {channel.File{Name: subject}, nil}}})
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.SplitSeq(raw, []byte("\r\n")) {
			if len(line) > 998 || bytes.ContainsAny(line, "\r\n") {
				t.Errorf("line of %d: %.80q", len(line), line)
			}
		}
		m, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		for h, values := range m.Header {
			known := false
			for _, a := range allowed {
				known = known || a == h
			}
			if !known || len(values) != 1 {
				t.Errorf("header %s, %d times", h, len(values))
			}
		}
		read, err := mime.Parse(bytes.NewReader(raw), 0)
		if err != nil {
			t.Fatal(err)
		}
		flat := func(s string) string { return strings.Join(strings.Fields(text.Line(s)), " ") }
		if got, want := flat(read.Subject), flat(subject); got != want && len(subject) < 300 {
			t.Errorf("subject %q read as %q", want, got)
		}
		if read.From.Address != "b@exemple.fr" || len(read.To) != 1 || read.To[0].Address != "a@exemple.fr" {
			t.Errorf("from %+v to %+v", read.From, read.To)
		}
	})
}
