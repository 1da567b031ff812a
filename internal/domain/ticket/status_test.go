package ticket_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/domain/ticket"
)

func TestPend(t *testing.T) {
	later := noon.Add(time.Hour)
	for name, c := range map[string]struct {
		on     ticket.PendingOn
		until  time.Time
		by     auth.Actor
		want   error
		fields []string
	}{
		"for the requester":      {ticket.OnRequester, time.Time{}, paul, nil, nil},
		"for a third party":      {ticket.OnThirdParty, later, paul, nil, nil},
		"until a date":           {ticket.OnDate, later, pat, nil, nil},
		"until no date":          {ticket.OnDate, time.Time{}, paul, errs.Invalid, []string{"until"}},
		"until the past":         {ticket.OnDate, noon, paul, errs.Invalid, []string{"until"}},
		"for what?":              {"rain", later, paul, errs.Invalid, []string{"on"}},
		"another team":           {ticket.OnRequester, later, nina, errs.Forbidden, nil},
		"the requester may not":  {ticket.OnRequester, later, ann, errs.Forbidden, nil},
		"strangers know nothing": {ticket.OnRequester, later, ben, errs.NotFound, nil},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(h *house) {
				x := h.open(ann, draft("Attente"))
				pend := func(version int64) error {
					return h.try(func(ctx context.Context, tx *db.Tx) error {
						_, err := ticket.Pend(ctx, tx, c.by, x.ID, c.on, c.until, version)
						return err
					})
				}
				fails(h.T, pend(x.Version), c.want, c.fields...)
				if c.want != nil {
					return
				}
				fails(h.T, pend(x.Version), errs.Conflict) // an old version
				if got := h.get(x.ID); got.Status != ticket.Pending || got.PendingOn != c.on || got.PendingUntil != c.until {
					h.Errorf("%+v", got)
				}
				resume := func() error {
					return h.try(func(ctx context.Context, tx *db.Tx) error {
						_, err := ticket.Resume(ctx, tx, c.by, x.ID, 0)
						return err
					})
				}
				fails(h.T, resume(), nil)
				fails(h.T, resume(), errs.Conflict)
				if got := h.get(x.ID); got.Status != ticket.Open || got.PendingOn != "" || !got.PendingUntil.IsZero() {
					h.Errorf("%+v", got)
				}
				same(h.T, "events", kinds(h.history(theo, x.ID)), []string{"ticket.created", "ticket.pending", "ticket.opened"})
				h.resolve(x.ID)
				fails(h.T, pend(0), errs.Conflict)
				fails(h.T, resume(), errs.Conflict)
			})
		})
	}
}

func TestResolveReopenRate(t *testing.T) {
	each(t, func(h *house) {
		x, f := h.open(ann, draft("Réglé")), h.upload(paul, "a.txt")
		resolve := func(a auth.Actor, r ticket.Resolution) error {
			return h.try(func(ctx context.Context, tx *db.Tx) error { _, err := ticket.Resolve(ctx, tx, a, x.ID, r); return err })
		}
		rate := func(a auth.Actor, score string) error {
			return h.try(func(ctx context.Context, tx *db.Tx) error {
				return ticket.Rate(ctx, tx, a, x.ID, ticket.Rating{Score: score, Comment: "Merci \x00"})
			})
		}
		reopen := func(a auth.Actor, why string) error {
			return h.try(func(ctx context.Context, tx *db.Tx) error { _, err := ticket.Reopen(ctx, tx, a, x.ID, why); return err })
		}
		fails(h.T, rate(ann, "good"), errs.Conflict)
		fails(h.T, reopen(ann, ""), errs.Conflict)
		fails(h.T, resolve(ann, ticket.Resolution{}), errs.Forbidden)
		fails(h.T, resolve(paul, ticket.Resolution{Version: 7}), errs.Conflict)
		fails(h.T, resolve(paul, ticket.Resolution{Cause: strings.Repeat("é", ticket.MaxReason+1)}), errs.Invalid, "cause")
		fails(h.T, resolve(paul, ticket.Resolution{Attachments: []string{f.ID}}), errs.Invalid, "body")
		fails(h.T, resolve(paul, ticket.Resolution{Body: "Câble remplacé", Cause: "Câble", Attachments: []string{f.ID}}), nil)
		got := h.get(x.ID)
		if got.Status != ticket.Resolved || got.ResolvedAt != noon || got.RespondedAt != noon || got.Cause != "Câble" || got.AssigneeID != "paul" || got.Messages != 2 {
			h.Errorf("%+v", got)
		}
		if all := h.talk(ann, x.ID); len(all) != 2 || len(all[1].Attachments) != 1 || !all[1].ByAgent {
			h.Errorf("%+v", all)
		}
		fails(h.T, resolve(paul, ticket.Resolution{}), errs.Conflict)
		fails(h.T, rate(paul, "good"), errs.Forbidden)
		fails(h.T, rate(ann, "great"), errs.Invalid, "score")
		fails(h.T, rate(ann, "bad"), nil)
		fails(h.T, rate(ann, "good"), nil)
		h.read(func(ctx context.Context, tx *db.Tx) error {
			r, ok, err := ticket.RatingOf(ctx, tx, x)
			if !ok || r.Score != "good" || r.Comment != "Merci " || r.At != noon {
				h.Errorf("%+v", r)
			}
			return err
		})
		fails(h.T, reopen(ann, strings.Repeat("é", ticket.MaxReason+1)), errs.Invalid, "why")
		fails(h.T, reopen(ann, "Toujours en panne"), nil)
		if got = h.get(x.ID); got.Status != ticket.Open || got.Reopened != 1 || !got.ResolvedAt.IsZero() || got.Cause != "" {
			h.Errorf("%+v", got)
		}
		fails(h.T, resolve(paul, ticket.Resolution{}), nil)
		h.wait(8 * 24 * time.Hour)
		fails(h.T, reopen(ann, ""), errs.Conflict)
		fails(h.T, reopen(ben, ""), errs.NotFound)
		fails(h.T, reopen(nina, ""), errs.Forbidden)
		fails(h.T, reopen(paul, ""), nil)
		same(h.T, "events", kinds(h.history(ann, x.ID)), []string{"ticket.created", "ticket.resolved", "ticket.rated", "ticket.rated",
			"ticket.reopened", "ticket.resolved", "ticket.reopened"})
	})
}

func TestCancel(t *testing.T) {
	each(t, func(h *house) {
		for _, c := range []struct {
			by   auth.Actor
			want error
		}{{ann, nil}, {paul, nil}, {theo, nil}, {nina, errs.Forbidden}, {ben, errs.NotFound}} {
			x := h.open(ann, draft("Annulé"))
			cancel := func() error {
				return h.try(func(ctx context.Context, tx *db.Tx) error {
					_, err := ticket.Cancel(ctx, tx, c.by, x.ID, "plus besoin")
					return err
				})
			}
			fails(h.T, cancel(), c.want)
			if c.want == nil {
				fails(h.T, cancel(), errs.Conflict)
				if got := h.get(x.ID); got.Status != ticket.Cancelled || got.ClosedAt != noon {
					h.Errorf("%+v", got)
				}
			}
		}
	})
}

func TestSweeps(t *testing.T) {
	each(t, func(h *house) {
		const n = 203 // more than one call changes
		x := make([]ticket.Ticket, n+2)
		h.do(func(ctx context.Context, tx *db.Tx) (err error) {
			for i := range x {
				if x[i], err = ticket.OpenTicket(ctx, tx, ann, draft(fmt.Sprint("Vague ", i))); err != nil {
					return err
				}
				until := noon.Add(time.Hour)
				if i >= n {
					until = noon.Add(3 * time.Hour)
				}
				if _, err = ticket.Pend(ctx, tx, paul, x[i].ID, ticket.OnDate, until, 0); err != nil {
					return err
				}
			}
			return nil
		})
		sweep := func(f func(ctx context.Context, tx *db.Tx) (int, error)) (total, calls int) {
			for {
				var k int
				h.do(func(ctx context.Context, tx *db.Tx) (err error) { k, err = f(ctx, tx); return err })
				if k == 0 {
					return total, calls
				}
				total, calls = total+k, calls+1
			}
		}
		if k, _ := sweep(ticket.Wake); k != 0 {
			h.Errorf("woke %d too early", k)
		}
		h.wait(2 * time.Hour)
		if k, calls := sweep(ticket.Wake); k != n || calls != 2 {
			h.Errorf("woke %d in %d calls", k, calls)
		}
		if got := h.get(x[n].ID); got.Status != ticket.Pending {
			h.Error("one more woke")
		}
		h.do(func(ctx context.Context, tx *db.Tx) error {
			for i := range x {
				if _, err := ticket.Resolve(ctx, tx, paul, x[i].ID, ticket.Resolution{}); err != nil {
					return err
				}
			}
			return nil
		})
		h.wait(6 * 24 * time.Hour)
		if k, _ := sweep(ticket.CloseOld); k != 0 {
			h.Errorf("closed %d too early", k)
		}
		h.wait(24 * time.Hour)
		if k, calls := sweep(ticket.CloseOld); k != n+2 || calls != 2 {
			h.Errorf("closed %d in %d calls", k, calls)
		}
		if got := h.get(x[0].ID); got.Status != ticket.Closed || got.ClosedAt != h.clock() || got.ResolvedAt.IsZero() {
			h.Errorf("%+v", got)
		}
		same(h.T, "events", kinds(h.history(ann, x[0].ID)), []string{"ticket.created", "ticket.pending", "ticket.opened", "ticket.resolved", "ticket.closed"})
	})
}

func TestTwoAgentsTakeAtOnce(t *testing.T) {
	each(t, func(h *house) {
		for i := range 10 {
			x := h.open(ann, draft(fmt.Sprint("Pris ", i)))
			var all sync.WaitGroup
			var got [2]error
			for k, a := range []auth.Actor{pat, paul} {
				all.Go(func() {
					got[k] = h.try(func(ctx context.Context, tx *db.Tx) error { _, err := ticket.Take(ctx, tx, a, x.ID); return err })
				})
			}
			all.Wait()
			winner := map[string]error{"pat": got[0], "paul": got[1]}[h.get(x.ID).AssigneeID]
			if winner != nil || (got[0] == nil) == (got[1] == nil) || !errors.Is(errors.Join(got[:]...), errs.Conflict) {
				h.Fatalf("%v, %v, has it: %q", got[0], got[1], h.get(x.ID).AssigneeID)
			}
			same(h.T, "events", kinds(h.history(theo, x.ID)), []string{"ticket.created", "ticket.assigned"})
		}
	})
}

func TestAssign(t *testing.T) {
	each(t, func(h *house) {
		x := h.open(ann, draft("Donné"))
		assign := func(a auth.Actor, to string, version int64) error {
			return h.try(func(ctx context.Context, tx *db.Tx) error {
				_, err := ticket.Assign(ctx, tx, a, x.ID, to, version)
				return err
			})
		}
		fails(h.T, assign(paul, "nina", 0), errs.Invalid, "assignee")
		fails(h.T, assign(paul, "ann", 0), errs.Invalid, "assignee")
		fails(h.T, assign(paul, "gh\x00st", 0), errs.Invalid, "assignee")
		fails(h.T, assign(nina, "paul", 0), errs.Forbidden)
		fails(h.T, assign(ann, "paul", 0), errs.Forbidden)
		fails(h.T, assign(pat, "paul", 9), errs.Conflict)
		fails(h.T, assign(pat, "paul", x.Version), nil)
		fails(h.T, assign(pat, "paul", 0), nil) // again: nothing
		fails(h.T, h.try(func(ctx context.Context, tx *db.Tx) error { _, err := ticket.Take(ctx, tx, pat, x.ID); return err }), errs.Conflict)
		fails(h.T, h.try(func(ctx context.Context, tx *db.Tx) error { _, err := ticket.Take(ctx, tx, paul, x.ID); return err }), nil)
		if got := h.get(x.ID); got.AssigneeID != "paul" || got.Assignee != "Paul Petit" || got.Status != ticket.Open || got.Version != 2 {
			h.Errorf("%+v", got)
		}
		h.read(func(ctx context.Context, tx *db.Tx) error {
			all, err := ticket.Colleagues(ctx, tx, pat, "desk")
			if len(all) != 2 || all[0].ID != "pat" || all[0].Active != 0 || all[1].Active != 1 {
				h.Errorf("%+v", all)
			}
			return err
		})
		fails(h.T, assign(pat, "", 0), nil)
		fails(h.T, assign(theo, "theo", 0), nil)
		same(h.T, "events", kinds(h.history(theo, x.ID)), []string{"ticket.created", "ticket.assigned", "ticket.assigned", "ticket.assigned"})
	})
}

func TestOldVersionsOverwriteNothing(t *testing.T) {
	each(t, func(h *house) {
		x := h.open(ann, draft("Disputé"))
		subjects := []string{"Un", "Deux"}
		var got [2]error
		var all sync.WaitGroup
		for i := range got {
			all.Go(func() {
				got[i] = h.try(func(ctx context.Context, tx *db.Tx) error {
					_, err := ticket.Update(ctx, tx, paul, x.ID, ticket.Patch{Version: x.Version, Subject: &subjects[i]})
					return err
				})
			})
		}
		all.Wait()
		if (got[0] == nil) == (got[1] == nil) || !errors.Is(errors.Join(got[:]...), errs.Conflict) {
			h.Errorf("%v, %v", got[0], got[1])
		}
		for i := range got {
			if now := h.get(x.ID); got[i] == nil && (now.Subject != subjects[i] || now.Version != x.Version+1) {
				h.Errorf("%+v", now)
			}
		}
	})
}
