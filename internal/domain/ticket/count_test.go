package ticket_test

import (
	"context"
	"fmt"
	"testing"

	"entraide/internal/base/db"
	"entraide/internal/domain/ticket"
)

// What is counted by queue is what a list shows, for everybody: private queues, their own tickets in them, those in copy.
func TestCountsAreThoseOfTheLists(t *testing.T) {
	each(t, func(h *house) {
		h.do(func(ctx context.Context, tx *db.Tx) error { return fill(ctx, tx, 2_000, 1) })
		var private []ticket.Ticket
		for range 3 {
			private = append(private, h.private())
		}
		h.do(func(ctx context.Context, tx *db.Tx) error {
			if err := ticket.Watch(ctx, tx, rita, private[0].ID, "nina"); err != nil {
				return err
			}
			_, err := ticket.Assign(ctx, tx, rita, private[1].ID, "rita", 0)
			return err
		})
		d := draft("De Nina")
		d.QueueID, d.RequesterID = "qp", "nina"
		h.open(rita, d)
		filters := append(builtIn(),
			ticket.Filter{Active: true, Assignee: "none"},
			ticket.Filter{Active: true, Queues: []string{"qp", "q2"}, Assignee: "none"},
			ticket.Filter{Active: true, MyTeams: true, Queues: []string{"q1"}},
			ticket.Filter{Active: true, Priority: 2},
			ticket.Filter{Active: true, Statuses: []ticket.Status{ticket.Pending}},
			ticket.Filter{Active: true, Statuses: []ticket.Status{ticket.New}})
		for _, a := range everybody {
			h.read(func(ctx context.Context, tx *db.Tx) error {
				counts, err := ticket.Counts(ctx, tx, a, filters)
				if err != nil {
					return err
				}
				for i, f := range filters {
					all, next, err := ticket.List(ctx, tx, a, f, ticket.Page{Limit: 200})
					if err != nil {
						return err
					}
					if counts[i] != len(all) || next != "" {
						h.Errorf("%s, %s: counted %d, listed %d", a.ID, fmt.Sprintf("%+v", f), counts[i], len(all))
					}
				}
				return nil
			})
		}
	})
}
