package ticket_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/domain/ticket"
)

// What is promised soonest comes first, page after page; what is not promised comes last.
func TestDue(t *testing.T) {
	each(t, func(h *house) {
		now := h.clock()
		machine := auth.System("promise")
		var want []string
		for i, due := range []struct{ response, resolution time.Duration }{
			{-time.Hour, 0}, {30 * time.Minute, 9 * time.Hour}, {0, time.Hour}, {10 * time.Hour, 3 * time.Hour}, {5 * time.Hour, 0}, {0, 0}, {0, 0},
		} {
			x := h.open(theo, draft("Panne "+string(rune('A'+i))))
			at := func(d time.Duration) time.Time {
				if d == 0 {
					return time.Time{}
				}
				return now.Add(d)
			}
			h.do(func(ctx context.Context, tx *db.Tx) error {
				return ticket.SetDue(ctx, tx, machine, x, at(due.response), at(due.resolution))
			})
			want = append(want, x.ID)
		}
		h.read(func(ctx context.Context, tx *db.Tx) error {
			var got []string
			p := ticket.Page{Sort: ticket.ByDue, Limit: 2}
			for {
				page, next, err := ticket.List(ctx, tx, paul, ticket.Filter{Active: true}, p)
				if err != nil {
					return err
				}
				for _, x := range page {
					got = append(got, x.ID)
				}
				if p.Cursor = next; next == "" {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("by due: %v, want %v", got, want)
			}
			for due, n := range map[ticket.Due]int{ticket.DueLate: 1, ticket.DueSoon: 3} {
				f := ticket.Filter{Active: true, Due: due}
				list, _, err := ticket.List(ctx, tx, paul, f, ticket.Page{})
				counts, e := ticket.Counts(ctx, tx, paul, []ticket.Filter{f})
				if err != nil || e != nil || len(list) != n || counts[0] != n {
					t.Errorf("%s: %d listed, %v counted, want %d; %v %v", due, len(list), counts, n, err, e)
				}
			}
			if _, _, err := ticket.List(ctx, tx, paul, ticket.Filter{}, ticket.Page{Sort: ticket.ByDue}); !errors.Is(err, errs.Invalid) {
				t.Errorf("due times of what is over: %v", err)
			}
			return nil
		})
		// An answer ends the first clock: the resolution is next.
		if first := h.get(want[1]); !first.NextDue().Equal(now.Add(30 * time.Minute)) {
			t.Errorf("next due %v", first.NextDue())
		}
		h.reply(paul, want[1], ticket.Say{Draught: ticket.Draught{Body: "Je regarde."}})
		if first := h.get(want[1]); !first.NextDue().Equal(now.Add(9 * time.Hour)) {
			t.Errorf("next due after an answer %v", first.NextDue())
		}
	})
}
