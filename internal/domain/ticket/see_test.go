package ticket_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/domain/ticket"
)

func TestWhoSees(t *testing.T) {
	each(t, func(h *house) {
		open := draft("Ouvert")
		open.RequesterID, open.Watchers = "ann", []string{"ben"}
		public, private := h.open(pat, open), h.private()
		h.do(func(ctx context.Context, tx *db.Tx) error { return ticket.Watch(ctx, tx, rita, private.ID, "nina") })
		for name, c := range map[string]struct {
			a               auth.Actor
			public, private string // "": not at all, "r": as a requester, "a": as an agent
		}{
			"requester":                  {ann, "r", "r"},
			"watcher":                    {ben, "r", ""},
			"agent of the team":          {paul, "a", ""},
			"lead of another team":       {pat, "a", ""},
			"agent in copy":              {nina, "a", "r"},
			"team of the private queue":  {rita, "a", "a"},
			"administrator":              {theo, "a", "a"},
			"the machine":                {self, "a", "a"},
			"stranger":                   {auth.Actor{ID: "zoe"}, "", ""},
			"nobody":                     {auth.Actor{}, "", ""},
			"a member who is no agent":   {auth.Actor{ID: "rita", Teams: []string{"staff"}}, "", ""},
			"a maker is not an agent":    {auth.Actor{ID: "zoe", Roles: []auth.Role{auth.Maker}}, "", ""},
			"a lead's name without role": {auth.Actor{ID: "zoe", LeadOf: []string{"desk"}}, "", ""},
		} {
			for id, want := range map[string]string{public.ID: c.public, private.ID: c.private} {
				h.read(func(ctx context.Context, tx *db.Tx) error {
					got := ""
					x, err := ticket.Find(ctx, tx, c.a, id)
					if err == nil {
						got = "r"
						if x.AsAgent(c.a) {
							got = "a"
						}
					} else if !errors.Is(err, errs.NotFound) {
						return err
					}
					if got != want {
						h.Errorf("%s: %q, want %q", name, got, want)
					}
					return nil
				})
			}
		}
	})
}

// TestAllWaysOfSeeingAgree makes people and tickets at random and asks each way of reading about each pair.
func TestAllWaysOfSeeingAgree(t *testing.T) {
	each(t, func(h *house) {
		r := rand.New(rand.NewPCG(7, 7))
		people := []auth.Actor{ann, ben, pat, paul, nina, rita, theo}
		type thing struct{ id, public, internal, held string }
		var things []thing
		for i := range 30 {
			d := draft(fmt.Sprint("Sujet ", i))
			d.RequesterID, d.QueueID = people[r.IntN(len(people))].ID, []string{"q1", "q2", "qp"}[r.IntN(3)]
			for _, p := range people {
				if r.IntN(4) == 0 {
					d.Watchers = append(d.Watchers, p.ID)
				}
			}
			f := h.upload(theo, "a.txt")
			d.Message.Attachments = []string{f.ID}
			x := h.open(theo, d)
			g, k := h.upload(theo, "b.txt"), h.upload(theo, "c.txt")
			h.do(func(ctx context.Context, tx *db.Tx) error {
				_, err := ticket.Note(ctx, tx, theo, x.ID, ticket.Say{Draught: ticket.Draught{Body: "entre nous", Attachments: []string{g.ID}}})
				return err
			})
			kept := ticket.Say{Hold: true, Draught: ticket.Draught{Body: "bientôt", Attachments: []string{k.ID}}}
			if x.RequesterID == "theo" {
				kept.Hold = false // one's own tickets are not answered as the desk
			}
			h.reply(theo, x.ID, kept)
			things = append(things, thing{x.ID, f.ID, g.ID, k.ID})
		}
		for _, a := range everybody {
			all, next := h.list(a, ticket.Filter{}, ticket.Page{Limit: 200})
			if next != "" {
				h.Fatal("more than one page")
			}
			seen := ids(all)
			h.read(func(ctx context.Context, tx *db.Tx) error {
				n, err := ticket.Counts(ctx, tx, a, []ticket.Filter{{}, {Active: true}})
				if err != nil {
					return err
				}
				if n[0] != len(seen) || n[1] != len(seen) {
					h.Errorf("%s: counts %v, lists %d", a.Name, n, len(seen))
				}
				for _, x := range things {
					found, err := ticket.Find(ctx, tx, a, x.id)
					if (err == nil) != slices.Contains(seen, x.id) {
						h.Errorf("%s: Find and List disagree on %s: %v", a.Name, x.id, err)
					}
					one, err2 := ticket.Counts(ctx, tx, a, []ticket.Filter{{Queues: []string{"q1"}, Requester: found.RequesterID}})
					if err2 != nil || len(one) != 1 {
						return err2
					}
					_, ferr := ticket.FindAttachment(ctx, tx, a, x.public)
					if (ferr == nil) != (err == nil) {
						h.Errorf("%s: Find %v, FindAttachment %v", a.Name, err, ferr)
					}
					_, ierr := ticket.FindAttachment(ctx, tx, a, x.internal)
					if (ierr == nil) != (err == nil && found.AsAgent(a)) {
						h.Errorf("%s: file of a note: %v", a.Name, ierr)
					}
					_, herr := ticket.FindAttachment(ctx, tx, a, x.held)
					if (herr == nil) != (a.ID == "theo" || found.RequesterID == "theo") {
						h.Errorf("%s: file of a held reply: %v", a.Name, herr)
					}
					if err != nil {
						continue
					}
					m, err := ticket.Conversation(ctx, tx, a, found)
					if err != nil {
						return err
					}
					notes := slices.ContainsFunc(m, func(m ticket.Message) bool { return m.Visibility == ticket.Internal })
					for _, one := range m {
						if _, err := ticket.FindMessage(ctx, tx, a, one.ID); (err == nil) != one.HeldUntil.IsZero() {
							h.Errorf("%s: FindMessage: %v", a.Name, err)
						}
					}
					_, eerr := ticket.Escalations(ctx, tx, a, found)
					events, err := ticket.Timeline(ctx, tx, a, found)
					for _, e := range events {
						if e.Internal && !notes {
							h.Errorf("%s reads %s", a.Name, e.Kind)
						}
					}
					if as := found.AsAgent(a); notes != as || (eerr == nil) != as {
						h.Errorf("%s: agent %v, notes %v, escalations %v", a.Name, as, notes, eerr)
					}
					return err
				}
				return nil
			})
		}
	})
}

func TestWhatNoIDCanBeIsNotFound(t *testing.T) {
	each(t, func(h *house) {
		for _, id := range []string{"", "nope", "INC-999999", "INC-0", "PRB-1", "a\x00b", "\xff", "INC-1\x00", "INC-99999999999999999999"} {
			h.read(func(ctx context.Context, tx *db.Tx) error {
				_, err := ticket.Find(ctx, tx, theo, id)
				fails(h.T, err, errs.NotFound)
				_, err = ticket.FindMessage(ctx, tx, theo, id)
				fails(h.T, err, errs.NotFound)
				_, err = ticket.FindAttachment(ctx, tx, theo, id)
				fails(h.T, err, errs.NotFound)
				_, err = ticket.FindQueue(ctx, tx, id)
				fails(h.T, err, errs.NotFound)
				return nil
			})
		}
		x := h.open(ann, draft("Un"))
		for _, ref := range []string{"INC-1001", "inc-1001", " req-1001 ", x.ID} {
			if got := h.get(ref); got.ID != x.ID {
				h.Errorf("%q does not find it", ref)
			}
		}
	})
}

func TestWhatMayBeDone(t *testing.T) {
	type row struct{ work, reply, note, resolve, reopen, cancel, rate string } // "y", "f" forbidden, "c" conflict
	for status, want := range map[ticket.Status]map[string]row{
		ticket.New:       {"ann": {"f", "y", "f", "f", "c", "y", "c"}, "paul": {"y", "y", "y", "y", "c", "y", "f"}, "nina": {"f", "y", "y", "f", "f", "f", "f"}, "ben": {"f", "y", "f", "f", "f", "f", "f"}},
		ticket.Open:      {"ann": {"f", "y", "f", "f", "c", "y", "c"}, "theo": {"y", "y", "y", "y", "c", "y", "f"}},
		ticket.Pending:   {"ann": {"f", "y", "f", "f", "c", "y", "c"}, "pat": {"y", "y", "y", "y", "c", "y", "f"}},
		ticket.Resolved:  {"ann": {"f", "y", "f", "f", "y", "c", "y"}, "paul": {"y", "y", "y", "c", "y", "c", "f"}, "ben": {"f", "y", "f", "f", "f", "f", "f"}},
		ticket.Closed:    {"ann": {"f", "c", "f", "f", "c", "c", "y"}, "paul": {"c", "c", "y", "c", "c", "c", "f"}, "theo": {"c", "c", "y", "c", "c", "c", "f"}},
		ticket.Cancelled: {"ann": {"f", "c", "f", "f", "c", "c", "c"}, "paul": {"c", "c", "y", "c", "c", "c", "f"}},
	} {
		for who, w := range want {
			a := everybody[slices.IndexFunc(everybody, func(a auth.Actor) bool { return a.ID == who })]
			x := ticket.Ticket{ID: "t", Kind: ticket.Incident, Number: 1, Status: status, RequesterID: "ann", TeamID: "desk", ResolvedAt: noon}
			for what, c := range map[string]struct {
				err  error
				want string
			}{
				"work": {x.MayWork(a), w.work}, "reply": {x.MayReply(a), w.reply}, "note": {x.MayNote(a), w.note}, "resolve": {x.MayResolve(a), w.resolve},
				"reopen": {x.MayReopen(a, ticket.DefaultPolicy(), noon), w.reopen}, "cancel": {x.MayCancel(a), w.cancel}, "rate": {x.MayRate(a), w.rate},
			} {
				got := "y"
				switch {
				case errors.Is(c.err, errs.Forbidden):
					got = "f"
				case errors.Is(c.err, errs.Conflict):
					got = "c"
				}
				if got != c.want {
					t.Errorf("%s, %s, %s: %q, want %q", status, who, what, got, c.want)
				}
			}
		}
	}
	x := ticket.Ticket{Status: ticket.Resolved, RequesterID: "ann", TeamID: "desk", ResolvedAt: noon}
	late := noon.AddDate(0, 0, 8)
	fails(t, x.MayReopen(ann, ticket.DefaultPolicy(), late), errs.Conflict)
	fails(t, x.MayReopen(paul, ticket.DefaultPolicy(), late), nil)
	x.MergedInto = "u"
	for _, err := range []error{x.MayWork(theo), x.MayReply(ann), x.MayReopen(ann, ticket.DefaultPolicy(), noon), x.MayRate(ann)} {
		fails(t, err, errs.Conflict)
	}
}
