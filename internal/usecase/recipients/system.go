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
			err = t.personal(ctx, tx, p, item.EventID+" "+p.id, d.MailAt, func(y style) letter { return y.item(p.loc, item) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}
