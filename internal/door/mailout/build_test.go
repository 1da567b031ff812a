package mailout

import (
	"bytes"
	"net/mail"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/mime"
	"entraide/internal/domain/channel"
)

func TestBuild(t *testing.T) {
	png := []byte("\x89PNG\r\n\x1a\n" + strings.Repeat("x", 300))
	long := strings.Repeat("Le réseau de l’étage ", 14) + "fin"
	var references []string
	for i := range 20 {
		references = append(references, strings.Repeat(string(rune('a'+i)), 40)+"@exemple.fr")
	}
	raw, err := build(letter{
		envelope: channel.Envelope{MessageID: "t.1.2@h.fr", Recipient: "hélène@exämple.fr", Subject: long, Content: channel.Content{
			ToName: strings.Repeat("Hélène ", 10), Text: "Bonjour\n.\n" + strings.Repeat("mot ", 300), HTML: `<p>Bonjour <img src="cid:a@x"></p>`,
			InReplyTo: "b@x", References: references}},
		from: mail.Address{Name: "Été, « Aide »", Address: "aide@exemple.fr"}, replyTo: "aide+t.1.2@exemple.fr", host: "h.fr", date: time.Unix(1e9, 0),
		files: []file{
			{channel.File{Name: "plan.png", Type: "image/png", ContentID: "a@x"}, png},
			{channel.File{Name: "Relevé d’été " + strings.Repeat("é", 300) + ".pdf", Type: "application/pdf"}, []byte("%PDF")},
			{channel.File{Name: "a\"b\r\nBcc: x@y.fr", Type: "message/rfc822"}, []byte("From: x\r\n\r\n")},
		}})
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.SplitSeq(raw, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n") || bytes.HasPrefix(line, []byte("Bcc")) {
			t.Errorf("line of %d: %q", len(line), line)
		}
	}
	head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if len(line) > 78 {
			t.Errorf("header line of %d: %s", len(line), line)
		}
	}
	m, err := mime.Parser{Host: "h.fr"}.Parse(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if m.Subject != long || m.From.Name != "Été, « Aide »" || len(m.References) != 20 || m.To[0].Address != "hélène@xn--exmple-cua.fr" ||
		m.ReplyTo[0].Address != "aide+t.1.2@exemple.fr" || !m.Loop {
		t.Errorf("read back as %s, %+v, %v, %+v, %+v, %v", m.Subject, m.From, m.References, m.To, m.ReplyTo, m.Loop)
	}
	if len(m.Attachments) != 3 {
		t.Fatalf("%d files", len(m.Attachments))
	}
	a := m.Attachments
	if !a[0].Inline || a[0].ContentID != "a@x" || !bytes.Equal(a[0].Data, png) || a[0].ContentType != "image/png" {
		t.Errorf("picture %+v", a[0])
	}
	if n := a[1].Name; !strings.HasPrefix(n, "Relevé d’été éé") || !strings.HasSuffix(n, ".pdf") || len([]rune(n)) != maxFileName {
		t.Errorf("file called %s", n)
	}
	if a[2].ContentType == "message/rfc822" {
		t.Error("a file pretends to be a mail")
	}
}

func TestWire(t *testing.T) {
	for in, want := range map[string]wired{
		"a@exemple.fr":        {"a@exemple.fr", "a@exemple.fr", false},
		"a@bücher.example":    {"a@xn--bcher-kva.example", "a@xn--bcher-kva.example", false},
		"élodie@exemple.fr":   {"élodie@exemple.fr", "élodie@exemple.fr", true},
		`"a b"@exemple.fr`:    {"a b@exemple.fr", `"a b"@exemple.fr`, false},
		"a@[192.0.2.1]":       {"a@[192.0.2.1]", "a@[192.0.2.1]", false},
		"nobody":              {},
		"a@x.fr, b@x.fr":      {},
		"a@x.fr>\r\nRCPT TO:": {},
	} {
		got, err := wire(in)
		if got != want || (err != nil) != (want == wired{}) {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
}
