package desk

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/ui"
	"entraide/internal/usecase/intake"
)

// doubt is a mail that names a ticket without joining it.
type doubt struct {
	envelope channel.Envelope
	about    ticket.Ticket
}

// askedOf returns the questions that the mails of t leave to whoever works on it: those about tickets that a sees.
func askedOf(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket) (out []doubt, err error) {
	if t.Channel != ticket.Mail || t.MayWork(a) != nil {
		return nil, nil
	}
	list, err := channel.Asked(ctx, tx, a, t.Ref())
	for _, e := range list {
		about, err := ticket.Follow(ctx, tx, a, strings.TrimPrefix(e.Suggest, "ticket/"))
		if errors.Is(err, errs.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, doubt{e, about})
	}
	return out, err
}

// belongs answers whether a mail is about the ticket it names: both become one, or stay two.
func (d *desk) belongs(w http.ResponseWriter, r *http.Request) error {
	if err := d.Form(w, r); err != nil {
		return err
	}
	yes := r.PostForm.Get("same") == "yes"
	var t ticket.Ticket
	err := d.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if t, err = ticket.Find(ctx, tx, a, r.PathValue("ref")); err != nil {
			return err
		}
		list, err := askedOf(ctx, tx, a, t)
		if err != nil {
			return err
		}
		for _, q := range list {
			if q.envelope.ID == r.PathValue("envelope") {
				if yes {
					t = q.about
				}
				return intake.Join(ctx, tx, a, q.envelope.ID, yes)
			}
		}
		return errs.NotFound // somebody answered meanwhile
	})
	if err != nil {
		return err
	}
	key := "desk.mail.apart"
	if yes {
		key = "desk.mail.joined"
	}
	return d.Done(w, r, here(t.Reference(), r.URL.Query()), ui.Flash{Text: i18n.T(r.Context(), key, "ref", t.Reference())})
}
