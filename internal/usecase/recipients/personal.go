package recipients

import (
	"context"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/domain/channel"
)

// personal promises p a mail that is about no ticket, as write has it, to leave at a moment. One with a known key is
// promised already.
func (t Teller) personal(ctx context.Context, tx *db.Tx, p person, key string, at time.Time, write func(y style) letter) error {
	box, _, err := channel.MailboxFor(ctx, tx, machine(), "", "")
	if err != nil {
		return err
	}
	y, err := t.style(ctx, tx, box)
	if err != nil {
		return err
	}
	l := write(y)
	rich, err := l.html()
	if err != nil {
		return err
	}
	_, _, err = channel.Post(ctx, tx, machine(), channel.Outgoing{
		MessageID: channel.ThreadID(p.id, y.place.Host()), Recipient: p.email, Subject: l.Subject, Key: key, MailboxID: box.ID,
		Content: channel.Content{ToName: p.name, Text: l.text(), HTML: rich, Auto: "auto-generated", Unsubscribe: l.Unsubscribe},
	}, at)
	return err
}
