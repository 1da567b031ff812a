package recipients

import (
	"context"
	"slices"

	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
)

// mailing is what all mails about one ticket have in common.
type mailing struct {
	style
	box    channel.Mailbox  // by which they leave; zero = the mail server of the configuration
	thread []ticket.Message // what everybody on the ticket reads, once before was asked
	known  bool
}

// mailing reads what mails about t need.
func (t Teller) mailing(ctx context.Context, tx *db.Tx, about ticket.Ticket) (m mailing, err error) {
	cameBy, err := channel.CameBy(ctx, tx, machine(), about.Ref())
	if err != nil {
		return m, err
	}
	if m.box, _, err = channel.MailboxFor(ctx, tx, machine(), about.QueueID, cameBy); err != nil {
		return m, err
	}
	m.style, err = t.style(ctx, tx, m.box)
	return m, err
}

// style reads how the mails of a mailbox are written.
func (t Teller) style(ctx context.Context, tx *db.Tx, box channel.Mailbox) (y style, err error) {
	y.place = t.Place()
	if y.look, err = y.place.brand(ctx, tx); err != nil {
		return y, err
	}
	y.signature = func(lang i18n.Lang) string {
		if lang == i18n.EN {
			return box.Look.SignatureEN
		}
		return box.Look.SignatureFR
	}
	y.templates, err = LoadTemplates(ctx, tx)
	return y, err
}

// sender is the name beside the address of a mail that a person wrote.
func (m mailing) sender(person string) string {
	if m.box.Look.Sender != "" {
		return person + " · " + m.box.Look.Sender
	}
	return person + " · " + m.look.Name
}

// before returns the public message of a ticket that came right before message, for quoting; nil when it was the first.
func (m *mailing) before(ctx context.Context, tx *db.Tx, about ticket.Ticket, message string) ([]ticket.Message, error) {
	if !m.known {
		all, err := ticket.Conversation(ctx, tx, machine(), about)
		if err != nil {
			return nil, err
		}
		m.thread, m.known = slices.DeleteFunc(all, func(x ticket.Message) bool { return x.Visibility != ticket.Public }), true
	}
	i := slices.IndexFunc(m.thread, func(x ticket.Message) bool { return x.ID == message })
	if i < 1 {
		return nil, nil
	}
	return m.thread[i-1 : i], nil
}
