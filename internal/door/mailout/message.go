package mailout

import (
	"errors"
	"fmt"
	"net/mail"
	"net/textproto"
	"strings"

	gomail "github.com/wneessen/go-mail"

	basetext "entraide/internal/base/text"
	"entraide/internal/domain/channel"
)

// Header names that go-mail has no constant for.
const (
	headerAuto     gomail.Header = "Auto-Submitted"
	headerSuppress gomail.Header = "X-Auto-Response-Suppress"
	headerLoop     gomail.Header = "X-Entraide-Loop"
)

// message builds the mail of an envelope. Nothing that a person typed reaches a header but cleaned to one line and
// encoded, so that no name or subject can add a header of its own.
func message(e channel.Envelope, from *mail.Address, host string) (*gomail.Msg, error) {
	to, err := mail.ParseAddress(e.Recipient)
	if err != nil {
		return nil, fmt.Errorf("recipient %q: %w", e.Recipient, err)
	}
	to.Name = basetext.Line(e.Content.ToName)
	sender := *from
	if name := basetext.Line(e.Content.FromName); name != "" {
		sender.Name = name
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(&sender)
	m.ToMailAddress(to)
	m.ReplyToMailAddress(from)
	m.SetMessageIDWithValue(idOnly(e.MessageID))
	m.SetDate()
	m.Subject(basetext.Line(e.Subject))
	if id := idOnly(e.Content.InReplyTo); id != "" {
		m.SetGenHeader(gomail.HeaderInReplyTo, "<"+id+">")
	}
	var references []string
	for _, r := range e.Content.References {
		if id := idOnly(r); id != "" {
			references = append(references, "<"+id+">")
		}
	}
	if len(references) > 0 {
		m.SetGenHeader(gomail.HeaderReferences, strings.Join(references, " "))
	}
	suppress := "OOF, AutoReply" // a person wrote it: an answer is welcome, an absence note is not
	if auto := basetext.Line(e.Content.Auto); auto != "" {
		m.SetGenHeader(headerAuto, auto)
		suppress = "All"
	}
	m.SetGenHeader(headerSuppress, suppress)
	if host != "" {
		m.SetGenHeader(headerLoop, basetext.Line(host))
	}
	if u := basetext.Line(e.Content.Unsubscribe); u != "" && !strings.ContainsAny(u, "<> ") {
		m.SetGenHeader(gomail.HeaderListUnsubscribe, "<"+u+">")
	}
	m.SetBodyString(gomail.TypeTextPlain, e.Content.Text)
	if e.Content.HTML != "" {
		m.AddAlternativeString(gomail.TypeTextHTML, e.Content.HTML)
	}
	return m, nil
}

// idOnly returns a message id that fits a header, "" for one that does not: foreign ids are whatever a sender wrote.
func idOnly(id string) string {
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c >= 0x7f || c == '<' || c == '>' {
			return ""
		}
	}
	if len(id) > 500 {
		return ""
	}
	return id
}

// reply returns the code with which the server refused, 0 when it did not answer.
func reply(err error) int {
	var p *textproto.Error
	if errors.As(err, &p) {
		return p.Code
	}
	return 0
}

// text returns what the server or the network said, without go-mail's own words around it.
func text(err error) string {
	said := err.Error()
	var se *gomail.SendError
	if errors.As(err, &se) {
		said = strings.TrimPrefix(se.Error(), se.Reason.String()+": ")
		said, _, _ = strings.Cut(said, ", affected ")
		said = strings.ReplaceAll(said, `"`, "")
	}
	return basetext.Excerpt(said, 300)
}
