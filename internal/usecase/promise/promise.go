// Package promise keeps the clocks of tickets: the reader "promise" of the event log works them out anew whenever
// something happens to a ticket, and the alarms tell the desk in time.
package promise

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/domain/calendar"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/sla"
	"entraide/internal/domain/ticket"
)

// Name is the name of the reader in the table "event kind → who reacts".
const Name = "promise"

// Kinds lists the event kinds that may move a clock.
func Kinds() []string {
	return []string{"ticket.created", "ticket.replied", "ticket.changed", "ticket.pending", "ticket.opened", "ticket.escalated", "ticket.returned",
		"ticket.resolved", "ticket.closed", "ticket.reopened", "ticket.cancelled", "ticket.merged", "ticket.absorbed", "ticket.split"}
}

// What the alarms append to the log; Ref is the ticket.
const (
	Warned   = "sla.warned"
	Breached = "sla.breached"
)

// JobAlarm is the scheduled job that lets alarms go off; JobAnew counts all running clocks anew, after a policy or a
// calendar changed.
const (
	JobAlarm = "sla.alarm"
	JobAnew  = "sla.anew"
)

func machine() auth.Actor { return auth.System("promise") }

// Reader returns the reader of the event log.
func Reader() event.Reader {
	return event.Reader{Name: Name, React: func(ctx context.Context, tx *db.Tx, e event.Event) error {
		id, ok := strings.CutPrefix(e.Ref, "ticket/")
		if !ok {
			return nil
		}
		err := Refresh(ctx, tx, id)
		if errors.Is(err, errs.NotFound) {
			return nil // erased since
		}
		return err
	}}
}

// Refresh is Promise for a ticket by its id. Errors: errs.NotFound.
func Refresh(ctx context.Context, tx *db.Tx, ticketID string) error {
	t, err := ticket.Find(ctx, tx, machine(), ticketID)
	if err == nil {
		_, err = Promise(ctx, tx, t)
	}
	return err
}

// Promise works out the clocks of t from what happened to it, keeps its deadlines beside it, and returns it with them.
func Promise(ctx context.Context, tx *db.Tx, t ticket.Ticket) (ticket.Ticket, error) {
	r, err := readRules(ctx, tx)
	if err != nil {
		return t, err
	}
	return r.promise(ctx, tx, t)
}

func (r *rules) promise(ctx context.Context, tx *db.Tx, t ticket.Ticket) (ticket.Ticket, error) {
	p, c, ok, err := r.policyOf(ctx, tx, t)
	if err != nil {
		return t, err
	}
	var response, resolution time.Time
	if ok && t.MergedInto == "" && t.Kind != ticket.Problem {
		f, err := factsOf(ctx, tx, t, p.Targets[t.Priority].Next > 0)
		if err != nil {
			return t, err
		}
		clocks, err := sla.Work(p, c, t.Priority, f)
		if err != nil {
			return t, err
		}
		if err := sla.Set(ctx, tx, machine(), t.Ref(), p, c, clocks); err != nil {
			return t, err
		}
		response, resolution = deadlines(clocks)
	} else if !t.DueResponse.IsZero() || !t.DueResolved.IsZero() {
		if err := sla.Drop(ctx, tx, machine(), t.Ref()); err != nil {
			return t, err
		}
	}
	if err := ticket.SetDue(ctx, tx, machine(), t, response, resolution); err != nil {
		return t, err
	}
	t.DueResponse, t.DueResolved = response, resolution
	return t, nil
}

// deadlines are the two that a ticket shows: of the answer that is due, and of the resolution.
func deadlines(clocks []sla.Clock) (response, resolution time.Time) {
	for _, k := range clocks {
		switch {
		case k.Metric == sla.Resolution:
			resolution = k.Due
		case k.Metric == sla.First && response.IsZero(), k.Metric == sla.Next:
			response = k.Due
		}
	}
	return response, resolution
}

// rules are the policies as one transaction sees them; categories, calendars and requesters are read when they are needed
// first.
type rules struct {
	policies  []sla.Policy
	tree      ticket.Tree
	calendars map[string]*calendar.Calendar
	asks      bool                     // a policy looks at who asks
	who       map[string]sla.Requester // by person
}

func readRules(ctx context.Context, tx *db.Tx) (*rules, error) {
	policies, err := sla.Policies(ctx, tx)
	return &rules{policies: policies, calendars: map[string]*calendar.Calendar{}, who: map[string]sla.Requester{},
		asks: slices.ContainsFunc(policies, func(p sla.Policy) bool { return p.Active && p.Fits.AsksRequester() })}, err
}

// policyOf returns the policy that fits t, with its calendar.
func (r *rules) policyOf(ctx context.Context, tx *db.Tx, t ticket.Ticket) (p sla.Policy, c *calendar.Calendar, ok bool, err error) {
	if len(r.policies) == 0 {
		return p, nil, false, nil
	}
	about := sla.Case{Kind: string(t.Kind), QueueID: t.QueueID, Priority: t.Priority}
	if t.CategoryID != "" {
		if r.tree == nil {
			if r.tree, err = ticket.Categories(ctx, tx); err != nil {
				return p, nil, false, err
			}
		}
		for _, x := range r.tree.Path(t.CategoryID) {
			about.Path = append(about.Path, x.ID)
		}
	}
	if err := r.meet(ctx, tx, t); err != nil {
		return p, nil, false, err
	}
	about.Requester = r.who[t.RequesterID]
	if p, ok = sla.Choose(r.policies, about); !ok {
		return p, nil, false, nil
	}
	if c = r.calendars[p.CalendarID]; c == nil {
		stored, err := calendar.Find(ctx, tx, p.CalendarID)
		if err != nil {
			return p, nil, false, err
		}
		if c, err = calendar.Compile(stored.Spec); err != nil {
			return p, nil, false, err
		}
		r.calendars[p.CalendarID] = c
	}
	return p, c, true, nil
}

// meet reads who asks of the tickets, all at once, where a policy looks at them.
func (r *rules) meet(ctx context.Context, tx *db.Tx, tickets ...ticket.Ticket) error {
	var ids []string
	for _, t := range tickets {
		if _, known := r.who[t.RequesterID]; !known && !slices.Contains(ids, t.RequesterID) {
			ids = append(ids, t.RequesterID)
		}
	}
	if !r.asks || len(ids) == 0 {
		return nil
	}
	people, err := identity.FindMany(ctx, tx, machine(), ids)
	if err != nil {
		return err
	}
	groups, err := identity.GroupsOfMany(ctx, tx, machine(), ids)
	for _, id := range ids {
		p := people[id]
		r.who[id] = sla.Requester{Groups: groups[id], Site: p.Site, Department: p.Department, VIP: p.VIP}
	}
	return err
}

// factsOf reads from the log what the clocks of t care about; next asks for the conversation as well.
func factsOf(ctx context.Context, tx *db.Tx, t ticket.Ticket, next bool) (sla.Facts, error) {
	f := sla.Facts{Ref: t.Ref(), Started: t.CreatedAt, Answered: t.RespondedAt}
	log, err := event.Of(ctx, tx, t.Ref(), true)
	if err != nil {
		return f, err
	}
	var over time.Time
	stop := func(at time.Time) {
		if n := len(f.Waits); n > 0 && f.Waits[n-1].To.IsZero() {
			f.Waits[n-1].To = at
		}
	}
	for _, e := range log {
		switch e.Kind {
		case "ticket.pending":
			stop(e.At)
			f.Waits = append(f.Waits, sla.Wait{On: e.Data.Extra["on"], From: e.At})
		case "ticket.opened":
			stop(e.At)
		case "ticket.resolved", "ticket.cancelled":
			stop(e.At)
			over = e.At
		case "ticket.reopened":
			stop(e.At)
			if !over.IsZero() {
				f.Closed = append(f.Closed, calendar.Pause{From: over, To: e.At})
			}
			over = time.Time{}
		}
	}
	if !t.Status.Active() {
		if f.Ended = over; f.Ended.IsZero() {
			f.Ended = t.UpdatedAt // imported without its past
		}
	}
	if !next || t.RespondedAt.IsZero() {
		return f, nil
	}
	said, err := ticket.Conversation(ctx, tx, machine(), t)
	if err != nil {
		return f, err
	}
	f.Asked = asked(said, f.Answered)
	return f, nil
}

// asked is the first public word that is not the desk's since the desk spoke last; zero when the desk spoke last, or has
// not spoken at all: then its first answer is due, which is another promise.
func asked(said []ticket.Message, answered time.Time) (at time.Time) {
	if answered.IsZero() {
		return time.Time{}
	}
	for _, m := range slices.Backward(said) {
		if m.Visibility != ticket.Public || !m.HeldUntil.IsZero() {
			continue
		}
		if m.ByAgent {
			return at
		}
		at = m.CreatedAt
	}
	return time.Time{}
}
