package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"entraide/internal/base/i18n"
	"entraide/internal/base/mime"
	"entraide/internal/base/text"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
)

// fingerprint is the same for one message delivered twice, by whatever way: it leaves out what servers add on the
// way. Two messages that claim one Message-ID differ; of those without one, the date tells two of the same words apart.
func fingerprint(m mime.Message) string {
	h := sha256.New()
	identity := m.MessageID
	if identity == "" {
		identity = m.Date.UTC().Format(time.RFC3339)
	}
	for _, part := range []string{identity, strings.ToLower(m.From.Address), m.Subject, m.Text} {
		fmt.Fprintf(h, "%d\n%s", len(part), part) // lengths keep "a", "bc" and "ab", "c" apart
	}
	for _, a := range m.Attachments {
		fmt.Fprintf(h, "%d\n", a.Size)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// refusal returns the catalogue key of the reason for which m is not answered, and the details; "" if it is welcome.
func refusal(m mime.Message, own []string) (key, details string) {
	switch {
	case m.Bounce != nil:
		return "mail.reason.bounce", strings.TrimSpace(m.Bounce.Recipient + " " + m.Bounce.Status)
	case m.Loop:
		return "mail.reason.loop", ""
	case m.Auto:
		return "mail.reason.auto", m.AutoReason
	}
	for _, a := range own {
		if a != "" && strings.EqualFold(a, m.From.Address) {
			return "mail.reason.loop", m.From.Address // our own mail came back without its marks
		}
	}
	return "", ""
}

// cited returns the message ids that m answers, the nearest first.
func cited(m mime.Message) []string {
	var list []string
	if m.InReplyTo != "" {
		list = append(list, m.InReplyTo)
	}
	for i := len(m.References) - 1; i >= 0; i-- {
		if m.References[i] != m.InReplyTo {
			list = append(list, m.References[i])
		}
	}
	return list
}

// ownRecord returns the id of the ticket that one of the cited mails of ours was about, "" if none was.
func ownRecord(cited []string) string {
	for _, c := range cited {
		if r := channel.RecordOf(c); r != "" {
			return r
		}
	}
	return ""
}

// subject is what a new ticket is called: the mail's subject without prefixes, else its first words.
func subject(l i18n.Loc, m mime.Message) string {
	if s := text.Excerpt(text.SubjectCore(m.Subject), ticket.MaxSubject); s != "" {
		return s
	}
	if s := text.Excerpt(m.ReplyText, 80); s != "" {
		return s
	}
	return l.T("mail.in.no_subject")
}

// draught is the message that m becomes. files maps the Content-ID of inline pictures to their attachment; attached
// are the ids of all attachments; raw is the blob of the whole mail.
func draught(l i18n.Loc, m mime.Message, files map[string]string, attached []string, raw string) ticket.Draught {
	d := ticket.Draught{Body: shorten(m.ReplyText), Raw: raw, Attachments: attached}
	d.HTML = m.ReplyHTML(func(url string) string {
		id, ok := files[strings.TrimPrefix(url, "cid:")]
		if !ok || !strings.HasPrefix(url, "cid:") {
			return "" // remote pictures would tell the sender who reads
		}
		return "/attachments/" + id
	})
	if !text.Forwarded(m.Subject) {
		_, d.Quoted = text.StripReply(m.Text)
	}
	if strings.TrimSpace(d.Body) == "" {
		d.Body = l.T("mail.in.no_text")
	}
	return d
}

// shorten cuts a text to what a message holds; the raw mail keeps all of it.
func shorten(s string) string {
	if utf8.RuneCountInString(s) <= ticket.MaxBody {
		return s
	}
	return string([]rune(s)[:ticket.MaxBody-1]) + "…"
}
