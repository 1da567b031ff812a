// Package problems goes from incidents to the problem behind them and back: a problem is opened from incidents, one message
// tells everybody who is touched by it, and its end ends them.
//
// What goes to many incidents is a cascade: a durable job that takes one incident after another, each in a transaction of
// its own that also notes the step. A crash leaves each incident done or untouched, and nobody is told twice.
package problems

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/job"
	"entraide/internal/base/text"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/problem"
	"entraide/internal/domain/ticket"
)

// JobCascade is the job that brings a message or an end to the incidents of a problem.
const JobCascade = "problem.cascade"

// maxIncidents bounds a cascade.
const maxIncidents = 2000

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

// What a cascade does to each incident.
const (
	tell    = "tell"
	resolve = "resolve"
)

// cascade is the payload of the job.
type cascade struct {
	ID        string   `json:"id"`
	Do        string   `json:"do"` // tell, resolve
	Problem   string   `json:"problem"`
	By        string   `json:"by"` // person
	Body      string   `json:"body"`
	Incidents []string `json:"incidents"`
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
	return len(all), start(ctx, tx, a, t, tell, body, all)
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
	return t, start(ctx, tx, a, t, resolve, r.Body, all)
}

// active are the ids of the incidents of a problem that are not over.
func active(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket) (ids []string, err error) {
	links, err := ticket.Links(ctx, tx, a, t)
	for _, x := range Incidents(links) {
		if x.Status.Active() && x.MergedInto == "" && len(ids) < maxIncidents {
			ids = append(ids, x.ID)
		}
	}
	return ids, err
}

func start(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, do, body string, incidents []string) error {
	c := cascade{ID: id.New(), Do: do, Problem: t.ID, By: a.ID, Body: text.Clean(body), Incidents: incidents}
	_, err := event.Emit(ctx, tx, a, event.Event{Kind: "problem.cascade", Ref: t.Ref(), Internal: true,
		Data: event.Data{Extra: map[string]string{"do": do, "count": fmt.Sprint(len(incidents))}}})
	if err != nil {
		return err
	}
	return job.Insert(ctx, tx, job.New{Kind: JobCascade, Key: c.ID, Payload: c})
}

// Handler returns the handler of JobCascade.
func Handler(d *db.DB) job.Handler {
	return job.Handler{Timeout: 10 * time.Minute, Run: func(ctx context.Context, j job.Job) error {
		var c cascade
		if err := j.Decode(&c); err != nil {
			return job.Final(err)
		}
		for _, incident := range c.Incidents {
			if err := d.Write(ctx, func(tx *db.Tx) error { return c.step(ctx, tx, incident) }); err != nil {
				return fmt.Errorf("%s %s: %w", c.Do, incident, err)
			}
		}
		return nil
	}}
}

// step does c to one incident, unless it was done. Who began the cascade acts, with the machine's right: that they may was
// decided when they began it. What has ended by itself meanwhile is left alone.
func (c cascade) step(ctx context.Context, tx *db.Tx, incident string) error {
	by, err := identity.FindMany(ctx, tx, machine(), []string{c.By})
	if err != nil {
		return err
	}
	a := machine()
	a.ID, a.Name = c.By, by[c.By].Name
	t, err := ticket.Find(ctx, tx, a, incident)
	if errors.Is(err, errs.NotFound) {
		return nil // erased since
	}
	if err != nil || !t.Status.Active() || t.MergedInto != "" {
		return err
	}
	fresh, err := problem.Step(ctx, tx, a, c.ID, t.Ref())
	if err != nil || !fresh {
		return err
	}
	if c.Do == resolve {
		_, err = ticket.Resolve(ctx, tx, a, t.ID, ticket.Resolution{Body: c.Body})
		return err
	}
	_, err = ticket.Reply(ctx, tx, a, t.ID, ticket.Say{Draught: ticket.Draught{Body: c.Body}})
	return err
}

func machine() auth.Actor { return auth.System("problem") }
