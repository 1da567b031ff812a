package desk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
	page "entraide/internal/door/web/page/desk"
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

// sentBy writes what became of a message by mail, the worst of it when it went to several people.
func sentBy(l i18n.Loc, now time.Time, x channel.Delivery) page.Sent {
	s := page.Sent{Icon: "check", Bad: true}
	switch x.State {
	case channel.DeliverySent:
		s.Bad = false
	case channel.DeliveryWaiting:
		s.Icon, s.Bad = "clock", false
	case channel.DeliveryNoAddress:
		s.Icon, s.Bad = "mail-x", false
	default:
		s.Icon = "circle-alert"
	}
	s.Line = l.T("desk.mail.sent."+string(x.State), "address", x.Address, "when", l.When(x.At, now))
	if why := x.Why(l); why != "" && x.State != channel.DeliverySent {
		s.Line += " " + why
	}
	return s
}

// resend sends again what of a message did not arrive.
func (d *desk) resend(w http.ResponseWriter, r *http.Request) error {
	var t ticket.Ticket
	var n int
	err := d.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if t, err = ticket.Find(ctx, tx, a, r.PathValue("ref")); err != nil {
			return err
		}
		if err := t.MayWork(a); err != nil {
			return err
		}
		m, err := ticket.FindMessage(ctx, tx, a, r.PathValue("message"))
		if err == nil && m.TicketID != t.ID {
			err = fmt.Errorf("message of another ticket: %w", errs.NotFound)
		}
		if err != nil {
			return err
		}
		n, err = channel.Resend(ctx, tx, a, m.ID)
		return err
	})
	if err != nil {
		return err
	}
	return d.Done(w, r, here(t.Reference(), r.URL.Query()), ui.Flash{Text: i18n.From(r.Context()).N("desk.mail.resent", int64(n))})
}

// Question is what an agent asks a third party about a ticket.
type Question struct {
	TicketID      string
	Address, Name string
	Body          string   // Markdown
	Quote         []string // ids of messages to send along
	Wait          bool     // the ticket waits for the answer
}

// Asker asks a third party. The roof gives it: the errand stands too high for a page to reach.
type Asker func(ctx context.Context, tx *db.Tx, a auth.Actor, q Question) error

// consult asks a third party about a ticket.
func (d *desk) consult(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (ticket.Ticket, string, error) {
	err := d.ask(ctx, tx, a, Question{TicketID: t.ID, Address: form.Get("address"), Name: form.Get("name"), Body: form.Get("body"),
		Quote: form["quote"], Wait: form.Get("wait") != ""})
	return t, "desk.done.consulted", err
}
