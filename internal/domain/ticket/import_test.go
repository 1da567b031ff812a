package ticket_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/ticket"
)

func past(external string, at time.Time) ticket.Imported {
	return ticket.Imported{
		Ticket: ticket.Ticket{ExternalID: external, Kind: ticket.Incident, Subject: "Vieux " + external, Status: ticket.Closed, Impact: 3, Urgency: 3, Priority: 2,
			QueueID: "q1", Level: 1, RequesterID: "ann", Channel: ticket.Mail, CreatedAt: at, ResolvedAt: at.Add(time.Hour), ClosedAt: at.Add(2 * time.Hour)},
		Messages: []ticket.ImportedMessage{
			{Message: ticket.Message{AuthorID: "ann", Visibility: ticket.Public, Channel: ticket.Mail, Body: "Bonjour " + external, CreatedAt: at},
				Files: []ticket.Attachment{{Hash: "aa", Name: "a.txt", ContentType: "text/plain", Size: 1}}},
			{Message: ticket.Message{AuthorID: "paul", Visibility: ticket.Internal, Channel: ticket.Portal, ByAgent: true, Body: "Note " + external, CreatedAt: at.Add(time.Minute)}},
		},
		Events:      []event.Event{{Kind: "ticket.created", At: at, ActorID: "ann", Actor: "Ann"}, {Kind: "ticket.closed", At: at.Add(2 * time.Hour)}},
		Escalations: []ticket.Escalation{{Way: ticket.Up, FromQueueID: "q1", ToQueueID: "q2", FromLevel: 1, ToLevel: 2, Reason: "r", At: at.Add(time.Minute)}},
		Tags:        []string{"vieux"}, Watchers: []string{"ben", "ann", "ghost"}, Rating: &ticket.Rating{Score: "good", At: at.Add(3 * time.Hour)},
	}
}

func TestImport(t *testing.T) {
	each(t, func(h *house) {
		put := func(a auth.Actor, im ticket.Imported) (x ticket.Ticket, err error) {
			err = h.try(func(ctx context.Context, tx *db.Tx) (err error) { x, err = ticket.Import(ctx, tx, a, im); return err })
			return x, err
		}
		at := time.Date(2019, 5, 6, 7, 8, 9, 0, time.UTC)
		_, err := put(pat, past("a", at))
		fails(h.T, err, errs.Forbidden)
		_, err = put(theo, ticket.Imported{Ticket: ticket.Ticket{ExternalID: strings.Repeat("x", 201)}})
		fails(h.T, err, errs.Invalid, "external_id", "subject", "messages", "created_at", "type", "status", "channel", "impact", "urgency", "priority", "level")
		odd := past("odd", at)
		odd.Ticket.Kind, odd.Ticket.Status, odd.Ticket.Impact, odd.Ticket.Level, odd.Ticket.Subject = "bug", ticket.Pending, 5, 0, " \u200b\u00a0"
		odd.Messages[0].Visibility, odd.Messages[1].Body, odd.Rating.Score = "secret", "\u200b \n", "fine"
		_, err = put(theo, odd)
		fails(h.T, err, errs.Invalid, "type", "pending_on", "impact", "level", "subject", "messages.0.visibility", "messages.1.body", "rating.score")
		for _, f := range errs.Fields(err) {
			if why := (i18n.Loc{Lang: i18n.EN}).T(f.Key, f.Args...); f.Name == "type" && why != "“bug” does not exist: give one of incident, request, problem." {
				h.Errorf("%s: %s", f.Name, why)
			}
		}
		a, err := put(theo, past("a", at))
		fails(h.T, err, nil)
		got := h.get(a.ID)
		if got.CreatedAt != at || got.ResolvedAt != at.Add(time.Hour) || got.ClosedAt != at.Add(2*time.Hour) || got.UpdatedAt != at.Add(2*time.Hour) || got.Messages != 2 {
			h.Errorf("%+v", got)
		}
		m := h.talk(theo, a.ID)
		if len(m) != 2 || m[1].CreatedAt != at.Add(time.Minute) || len(m[0].Attachments) != 1 {
			h.Errorf("%+v", m)
		}
		if n := dbtest.Count(h.T, h.d, "event_todo") + dbtest.Count(h.T, h.d, "job"); n != 0 {
			h.Errorf("%d to-dos: somebody would be told", n)
		}
		if e := h.history(theo, a.ID); len(e) != 2 || e[0].At != at || e[0].Actor != "Ann" {
			h.Errorf("%+v", e)
		}
		if n := dbtest.Count(h.T, h.d, "watcher"); n != 1 {
			h.Errorf("%d watchers", n) // not the requester, not a ghost
		}
		again, err := put(theo, past("a", at))
		if !errors.Is(err, ticket.ErrKnown) || again.ID != a.ID {
			h.Errorf("again: %v, %v", again.ID, err)
		}
		if n := dbtest.Count(h.T, h.d, "message"); n != 2 {
			h.Errorf("%d messages", n)
		}

		b := past("b", at.Add(time.Hour))
		b.MergedInto = "zzz"
		_, err = put(theo, b)
		fails(h.T, err, errs.Invalid, "merged_into")
		b.MergedInto, b.Ticket.RequesterID = "a", "ben"
		gone, err := put(theo, b)
		fails(h.T, err, nil)
		c := past("c", at.Add(2*time.Hour))
		c.MergedInto = "b" // which lives on in a
		_, err = put(theo, c)
		fails(h.T, err, nil)
		if m := h.talk(theo, a.ID); len(m) != 6 || m[2].MovedFrom != gone.ID || m[2].Body != "Bonjour b" {
			h.Errorf("%+v", m)
		}
		if h.get(a.ID).Messages != 6 || h.get(gone.ID).Messages != 0 || h.get(gone.ID).MergedInto != a.ID {
			h.Errorf("%+v", h.get(gone.ID))
		}
		h.read(func(ctx context.Context, tx *db.Tx) error {
			s, err := ticket.Stays(ctx, tx, got)
			if len(s) != 1 || s[0].Entered != at {
				h.Errorf("%+v", s)
			}
			if err != nil {
				return err
			}
			r, ok, err := ticket.RatingOf(ctx, tx, got)
			if !ok || r.At != at.Add(3*time.Hour) {
				h.Errorf("%+v", r)
			}
			if err != nil {
				return err
			}
			e, err := ticket.Escalations(ctx, tx, theo, got)
			if len(e) != 1 || e[0].At != at.Add(time.Minute) {
				h.Errorf("%+v", e)
			}
			return err
		})
	})
}
