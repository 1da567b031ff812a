package recipients

import (
	"context"
	"errors"
	"strings"

	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/notify"
)

// system maps what happens to the installation to the news that its administrators get.
var system = map[string]notify.News{channel.MailHeld: "system.held", channel.MailParked: "system.parked"}

// reactSystem tells the administrators of e, each as they chose.
func (t Teller) reactSystem(ctx context.Context, tx *db.Tx, e event.Event) error {
	about, err := channel.Find(ctx, tx, machine(), strings.TrimPrefix(e.Ref, "envelope/"))
	if errors.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	admins, err := identity.Administrators(ctx, tx, machine())
	if err != nil {
		return err
	}
	ids := make([]string, len(admins))
	for i, a := range admins {
		ids[i] = a.ID
	}
	choices, err := notify.ChoicesOf(ctx, tx, machine(), ids)
	if err != nil {
		return err
	}
	for _, a := range admins {
		p := from(a)
		item := notify.Item{Person: p.id, News: system[e.Kind], Ref: e.Ref, EventID: e.ID, Title: about.Subject, Actor: e.Data.Extra["who"], Excerpt: about.Why(p.loc), At: e.At}
		d := notify.Decide(choices.For(p.id, notify.System, true), choices.Rhythm(p.id), tx.Now, p.zone())
		if d.Inbox {
			if err := notify.Put(ctx, tx, machine(), item); err != nil {
				return err
			}
		}
		switch {
		case d.Mail == notify.Digest:
			err = notify.AddToDigest(ctx, tx, machine(), item)
		case d.Mail == notify.Now && p.email != "":
			err = t.postItem(ctx, tx, p, item, d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// postItem promises the mail that tells p one item that is about no ticket.
func (t Teller) postItem(ctx context.Context, tx *db.Tx, p person, item notify.Item, d notify.Decision) error {
	box, _, err := channel.MailboxFor(ctx, tx, machine(), "", "")
	if err != nil {
		return err
	}
	y, err := t.style(ctx, tx, box)
	if err != nil {
		return err
	}
	l := y.item(p.loc, item)
	rich, err := l.html()
	if err != nil {
		return err
	}
	_, _, err = channel.Post(ctx, tx, machine(), channel.Outgoing{
		MessageID: channel.ThreadID(p.id, y.place.Host()), Recipient: p.email, Subject: l.Subject, Key: item.EventID + " " + p.id, MailboxID: box.ID,
		Content: channel.Content{ToName: p.name, Text: l.text(), HTML: rich, Auto: "auto-generated"},
	}, d.MailAt)
	return err
}
