package ticket

import (
	"context"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
)

// Reason says why a ticket is the next one to take.
type Reason string

// The reasons, the stronger first.
const (
	BecauseDue      Reason = "due"      // it is late, or soon
	BecausePriority Reason = "priority" // nothing is soon late; no other has a higher priority, and among its equals it waits longest
)

// atOnce is how many colleagues may ask at the same moment without waiting for each other.
const atOnce = 20

// Next assigns to a the most pressing ticket of the queues of their teams that nobody has, and says why it is that one: what
// is late or soon late comes first, then the highest priority, then what waits longest. Tickets that wait for somebody are
// left alone. ok is false when there is none. Two who ask at once get two tickets.
// It appends what Assign appends. Errors: as Assign.
func Next(ctx context.Context, tx *db.Tx, a auth.Actor) (t Ticket, why Reason, ok bool, err error) {
	waiting := Filter{Active: true, Statuses: []Status{New, Open}, Assignee: "none", MyTeams: true}
	soon := waiting
	soon.Due = DueSoon
	for _, x := range []struct {
		Filter
		Sort
		Reason
	}{{soon, ByDue, BecauseDue}, {waiting, ByPriority, BecausePriority}} {
		found, _, err := List(ctx, tx, a, x.Filter, Page{Sort: x.Sort, Limit: atOnce})
		if err != nil {
			return t, "", false, err
		}
		for _, f := range found {
			if free, err := f.claim(ctx, tx); err != nil {
				return t, "", false, err
			} else if free {
				t, err = Assign(ctx, tx, a, f.ID, a.ID, 0)
				return t, x.Reason, err == nil, err
			}
		}
		if len(found) == atOnce { // so many at the same moment: the next look finds others
			return t, "", false, db.Raced(errs.Because(errs.Conflict, "ticket.next_crowd"))
		}
	}
	return t, "", false, nil
}

// claim reports whether t is still free and in nobody else's hands, and keeps it until the end of the transaction.
func (t Ticket) claim(ctx context.Context, tx *db.Tx) (bool, error) {
	var one int
	err := db.First(ctx, tx, "SELECT 1 FROM ticket WHERE id = $1 AND assignee_id IS NULL AND active"+tx.SkipLocked(), []any{t.ID}, &one)
	return err == nil, ignoreNotFound(err)
}
