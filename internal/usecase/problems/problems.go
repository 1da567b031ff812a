// Package problems goes from incidents to the problem behind them and back: a problem is opened from incidents, one message
// tells everybody who is touched by it, and its end ends them.
//
// What goes to many incidents is a cascade.
package problems

import (
	"context"
	"fmt"
	"slices"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/text"
	"entraide/internal/domain/problem"
	"entraide/internal/domain/ticket"
)

// Open makes a problem of an incident that a works: a ticket of that type, to which the incident is linked as its cause. It
// goes to a queue of level 2 or 3 of a's teams when they have one, else where its category leads.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict (not an incident, or it has a problem already), errs.Invalid (subject).
func Open(ctx context.Context, tx *db.Tx, a auth.Actor, incidentID, subject string) (ticket.Ticket, error) {
	t, err := ticket.Find(ctx, tx, a, incidentID)
	if err != nil {
		return t, err
	}
	if err := t.MayNote(a); err != nil {
		return t, err
	}
	if t.Kind == ticket.Problem {
		return t, errs.Because(errs.Conflict, "problem.of_problem", "ref", t.Reference())
	}
	if p, ok, err := Of(ctx, tx, a, t); err != nil {
		return t, err
	} else if ok {
		return t, errs.Because(errs.Conflict, "problem.has_one", "ref", t.Reference(), "problem", p.Reference())
	}
	queue, err := home(ctx, tx, a)
	if err != nil {
		return t, err
	}
	p, err := ticket.OpenTicket(ctx, tx, a, ticket.Draft{Kind: ticket.Problem, Subject: subject, CategoryID: t.CategoryID, Impact: t.Impact, Urgency: t.Urgency,
		QueueID: queue, RequesterID: a.ID, Channel: ticket.Portal, Message: ticket.Draught{Body: t.Reference() + " · " + t.Subject}})
	if err != nil {
		return p, err
	}
	return p, ticket.AddLink(ctx, tx, a, t.ID, p.ID, ticket.CausedBy)
}

// home is the first active queue of level 2 or higher of a's teams, "" when there is none.
func home(ctx context.Context, tx *db.Tx, a auth.Actor) (string, error) {
	queues, err := ticket.Queues(ctx, tx, a)
	i := slices.IndexFunc(queues, func(q ticket.Queue) bool { return q.Active && q.Level >= 2 && slices.Contains(a.Teams, q.TeamID) })
	if err != nil || i < 0 {
		return "", err
	}
	return queues[i].ID, nil
}

// Of returns the problem that t is caused by, the latest linked one that a may see; ok is false when there is none.
func Of(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket) (p ticket.Ticket, ok bool, err error) {
	links, err := ticket.Links(ctx, tx, a, t)
	p, ok = Cause(links)
	return p, ok, err
}

// Cause picks from the links of an incident its problem, the latest linked one.
func Cause(links []ticket.Link) (p ticket.Ticket, ok bool) {
	for _, l := range links {
		if l.Kind == ticket.CausedBy && l.Outward && l.Other.Kind == ticket.Problem {
			return l.Other, true
		}
	}
	return p, false
}

// Incidents picks from the links of a problem the tickets that it causes.
func Incidents(links []ticket.Link) (all []ticket.Ticket) {
	for _, l := range links {
		if l.Kind == ticket.CausedBy && !l.Outward && l.Other.Kind != ticket.Problem {
			all = append(all, l.Other)
		}
	}
	return all
}

// Save writes what is known of a problem that a works.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict, errs.Invalid (state, cause, workaround, fix).
func Save(ctx context.Context, tx *db.Tx, a auth.Actor, problemID string, d problem.Dossier) (problem.Dossier, error) {
	t, err := mine(ctx, tx, a, problemID)
	if err != nil {
		return d, err
	}
	d.Ref = t.Ref()
	return problem.Save(ctx, tx, a, d)
}

// mine returns a problem that a may work.
func mine(ctx context.Context, tx *db.Tx, a auth.Actor, problemID string) (ticket.Ticket, error) {
	t, err := ticket.Find(ctx, tx, a, problemID)
	if err == nil {
		err = t.MayWork(a)
	}
	if err == nil && t.Kind != ticket.Problem {
		err = errs.Because(errs.Conflict, "problem.none", "ref", t.Reference())
	}
	return t, err
}

// Tell promises that the requesters of all active incidents of a problem get body as an answer of a's.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict when no incident is active, errs.Invalid (body).
func Tell(ctx context.Context, tx *db.Tx, a auth.Actor, problemID, body string) (n int, err error) {
	t, err := mine(ctx, tx, a, problemID)
	if err != nil {
		return 0, err
	}
	if text.Blank(body) {
		return 0, errs.InvalidField("body", "problem.tell_body")
	}
	all, err := active(ctx, tx, a, t)
	if err != nil {
		return 0, err
	}
	if len(all) == 0 {
		return 0, errs.Because(errs.Conflict, "problem.nobody", "ref", t.Reference())
	}
	return len(all), start(ctx, tx, a, t, ticket.TellAll, body, all)
}

// Resolve resolves a problem and promises the same, with its last message, for those of its active incidents that are named.
// Errors: as ticket.Resolve.
func Resolve(ctx context.Context, tx *db.Tx, a auth.Actor, problemID string, r ticket.Resolution, incidents []string) (ticket.Ticket, error) {
	t, err := mine(ctx, tx, a, problemID)
	if err != nil {
		return t, err
	}
	all, err := active(ctx, tx, a, t)
	if err != nil {
		return t, err
	}
	all = slices.DeleteFunc(all, func(id string) bool { return !slices.Contains(incidents, id) })
	if t, err = ticket.Resolve(ctx, tx, a, t.ID, r); err != nil || len(all) == 0 {
		return t, err
	}
	return t, start(ctx, tx, a, t, ticket.ResolveAll, r.Body, all)
}

// active are the ids of the incidents of a problem that are not over.
func active(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket) (ids []string, err error) {
	links, err := ticket.Links(ctx, tx, a, t)
	for _, x := range Incidents(links) {
		if x.Status.Active() && x.MergedInto == "" && len(ids) < ticket.MaxCascade {
			ids = append(ids, x.ID)
		}
	}
	return ids, err
}

func start(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, do ticket.Spread, body string, incidents []string) error {
	_, err := event.Emit(ctx, tx, a, event.Event{Kind: "problem.cascade", Ref: t.Ref(), Internal: true,
		Data: event.Data{Extra: map[string]string{"do": string(do), "count": fmt.Sprint(len(incidents))}}})
	if err != nil {
		return err
	}
	return ticket.StartCascade(ctx, tx, a, ticket.Cascade{Do: do, Body: body, Tickets: incidents})
}

func machine() auth.Actor { return auth.System("problem") }
