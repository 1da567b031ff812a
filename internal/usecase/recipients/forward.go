package recipients

import (
	"context"

	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
)

// MaxCarried is the most that the files of one mail weigh, in bytes.
const MaxCarried = maxCarried

// Forward is a question about a ticket to a third party, who has no access to it.
type Forward struct {
	Ticket ticket.Ticket
	Agent  string // name of who asks
	ToName string // of the third party; "" = unknown
	Lang   string // "fr" or "en"
	Body   string // Markdown
	Files  []ticket.Attachment
	Quotes []ticket.Message // of the ticket, the latest first: only what the agent chose
}

// Forward writes the mail of f, and says by which mailbox it leaves; the zero Mailbox is the mail server of the
// configuration.
func (t Teller) Forward(ctx context.Context, tx *db.Tx, f Forward) (subject string, c channel.Content, box channel.Mailbox, err error) {
	m, err := t.mailing(ctx, tx, f.Ticket)
	if err != nil {
		return "", c, box, err
	}
	x, files := m.forward(i18n.New(f.Lang, ""), f)
	rich, err := x.html()
	if err != nil {
		return "", c, box, err
	}
	c = channel.Content{ToName: f.ToName, FromName: m.sender(f.Agent), Text: x.text(), HTML: rich, Files: files}
	return x.Subject, c, m.box, nil
}

// forward writes the letter of f and lists the files that it carries.
func (y style) forward(l i18n.Loc, f Forward) (letter, []channel.File) {
	x := letter{Lang: language(l.Lang), Look: y.look, ReplyLine: replyLine(l)}
	load := carry(l, y.place, story{body: f.Body, files: f.Files, outsider: true})
	values := map[string]string{"reference": f.Ticket.Reference(), "subject": f.Ticket.Subject, "recipient": f.ToName, "requester": f.Ticket.Requester,
		"agent": f.Agent, "organisation": y.look.Name, "queue": f.Ticket.QueueName}
	y.write(&x, Forwarded, values, func(name string) []block {
		if name == "signature" {
			return y.sign(l, values)
		}
		return y.message(l, f.Body, load)
	})
	for _, m := range f.Quotes {
		x.Before = append(x.Before, y.quote(l, m))
	}
	return x, load.files
}
