package promise

import (
	"context"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/domain/calendar"
	"entraide/internal/domain/sla"
	"entraide/internal/domain/ticket"
)

// Explained is one promise about a ticket, with how its time was counted.
type Explained struct {
	sla.Clock
	Policy, Calendar string // names
	Zone             *time.Location
	Until            time.Time // until when it was counted: it was met, or it is now
	Used             time.Duration
	Days             []calendar.Day
}

// Left is what remains of the promised working time; negative when it is over.
func (e Explained) Left() time.Duration { return time.Duration(e.Minutes)*time.Minute - e.Used }

// Explain tells how the clocks of t came to where they stand: by the policy and calendar that count now.
// Errors: errs.Forbidden unless a is an agent.
func Explain(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket) (all []Explained, err error) {
	clocks, err := sla.Clocks(ctx, tx, a, t.Ref())
	if err != nil {
		return nil, err
	}
	for _, k := range clocks {
		e := Explained{Clock: k, Until: tx.Now}
		if !k.Met.IsZero() {
			e.Until = k.Met
		}
		p, err := sla.FindPolicy(ctx, tx, k.PolicyID)
		if err != nil {
			return nil, err
		}
		stored, err := calendar.Find(ctx, tx, p.CalendarID)
		if err != nil {
			return nil, err
		}
		c, err := calendar.Compile(stored.Spec)
		if err != nil {
			return nil, err
		}
		e.Policy, e.Calendar, e.Zone = p.Name, stored.Name, c.Zone()
		if e.Days, err = c.Explain(k.Started, e.Until, k.Pauses); err != nil {
			return nil, err
		}
		if n := len(e.Days); n > 0 {
			e.Used = e.Days[n-1].Total
		}
		all = append(all, e)
	}
	return all, nil
}
