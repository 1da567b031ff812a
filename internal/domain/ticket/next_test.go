package ticket_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/domain/ticket"
)

func TestNext(t *testing.T) {
	each(t, func(h *house) {
		next := func(a auth.Actor) (got string, why ticket.Reason) {
			h.do(func(ctx context.Context, tx *db.Tx) error {
				x, r, ok, err := ticket.Next(ctx, tx, a)
				if ok {
					got, why = x.Subject, r
					if x.AssigneeID != a.ID || x.Status != ticket.Open {
						t.Errorf("%s is %s's and %s", x.Subject, x.AssigneeID, x.Status)
					}
				}
				return err
			})
			return got, why
		}
		if got, _ := next(paul); got != "" {
			t.Errorf("nothing waits, and %s is taken", got)
		}
		open := func(subject, queue string, impact int) ticket.Ticket {
			d := draft(subject)
			d.RequesterID, d.QueueID, d.Impact, d.Urgency = "ann", queue, impact, impact
			x := h.open(theo, d)
			h.wait(time.Minute)
			return x
		}
		open("old", "q1", 3)
		open("young", "q1", 3)
		open("urgent", "q1", 1)
		promised := open("promised", "q1", 4)
		open("elsewhere", "qp", 1) // of a team that paul is not in
		waits := open("waits", "q1", 1)
		h.do(func(ctx context.Context, tx *db.Tx) error {
			if err := ticket.SetDue(ctx, tx, auth.System("promise"), promised, h.clock().Add(time.Hour), time.Time{}); err != nil {
				return err
			}
			_, err := ticket.Pend(ctx, tx, paul, waits.ID, ticket.OnRequester, time.Time{}, 0)
			return err
		})
		for _, want := range []struct {
			subject string
			why     ticket.Reason
		}{{"promised", ticket.BecauseDue}, {"urgent", ticket.BecausePriority}, {"old", ticket.BecausePriority}, {"young", ticket.BecausePriority}, {"", ""}} {
			if got, why := next(paul); got != want.subject || why != want.why {
				t.Errorf("%q because of %q, want %q because of %q", got, why, want.subject, want.why)
			}
		}
		if got, _ := next(ann); got != "" {
			t.Errorf("a requester got %s", got)
		}
	})
}

// Many who ask at the same moment get one ticket each.
func TestNextForMany(t *testing.T) {
	each(t, func(h *house) {
		const n = 12
		for range n {
			d := draft("Panne")
			d.RequesterID = "ann"
			h.open(theo, d)
		}
		var mu sync.Mutex
		var got []string
		var all sync.WaitGroup
		for range n {
			all.Go(func() {
				err := h.d.Write(t.Context(), func(tx *db.Tx) error {
					x, _, ok, err := ticket.Next(t.Context(), tx, paul)
					if err == nil && ok {
						tx.AfterCommit(func() { mu.Lock(); got = append(got, x.ID); mu.Unlock() })
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		slices.Sort(got)
		if len(got) != n || len(slices.Compact(got)) != n {
			t.Errorf("%d tickets for %d, %d different", len(got), n, len(slices.Compact(got)))
		}
	})
}
