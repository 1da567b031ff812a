package ticket_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/domain/ticket"
)

func TestViews(t *testing.T) {
	each(t, func(h *house) {
		save := func(a auth.Actor, v ticket.View) (got ticket.View, err error) {
			err = h.try(func(ctx context.Context, tx *db.Tx) (err error) {
				got, err = ticket.SaveView(ctx, tx, a, v)
				return err
			})
			return got, err
		}
		names := func(a auth.Actor) (out []string) {
			h.read(func(ctx context.Context, tx *db.Tx) error {
				all, err := ticket.Views(ctx, tx, a)
				for _, v := range all {
					out = append(out, v.Name)
				}
				return err
			})
			return out
		}
		f := ticket.Filter{Active: true, Tag: "rouge", UpdatedSince: noon}
		own, err := save(paul, ticket.View{Name: " À moi ", Filter: f})
		fails(h.T, err, nil)
		team, err := save(pat, ticket.View{Name: "Équipe", TeamID: "desk", Filter: f})
		fails(h.T, err, nil)
		for name, c := range map[string]struct {
			by   auth.Actor
			v    ticket.View
			want error
		}{
			"a requester":               {ann, ticket.View{Name: "x"}, errs.Forbidden},
			"a member does not lead":    {paul, ticket.View{Name: "x", TeamID: "desk"}, errs.Forbidden},
			"another team's lead":       {pat, ticket.View{Name: "x", TeamID: "net"}, errs.Forbidden},
			"an unknown team":           {theo, ticket.View{Name: "x", TeamID: "zzz"}, errs.Invalid},
			"no name":                   {paul, ticket.View{Name: " "}, errs.Invalid},
			"a long name":               {paul, ticket.View{Name: strings.Repeat("é", 61)}, errs.Invalid},
			"another's":                 {pat, ticket.View{ID: own.ID, Name: "volé", Version: 1}, errs.NotFound},
			"a team's, by a member":     {paul, ticket.View{ID: team.ID, Name: "volé", Version: 1}, errs.Forbidden},
			"an old version":            {paul, ticket.View{ID: own.ID, Name: "x", Version: 9}, errs.Conflict},
			"nobody's view":             {paul, ticket.View{ID: "zzz", Name: "x", Version: 1}, errs.NotFound},
			"in an administrator's eye": {theo, ticket.View{ID: team.ID, Name: "Équipe", TeamID: "desk", Filter: f, Version: 1}, nil},
		} {
			if _, err := save(c.by, c.v); err == nil != (c.want == nil) {
				h.Errorf("%s: %v", name, err)
			} else {
				fails(h.T, err, c.want)
			}
		}
		same(h.T, "paul's", names(paul), []string{"À moi", "Équipe"})
		same(h.T, "nina's", names(nina), nil)
		same(h.T, "theo's", names(theo), []string{"Équipe"})
		h.read(func(ctx context.Context, tx *db.Tx) error {
			v, err := ticket.FindView(ctx, tx, paul, own.ID)
			if v.Filter.Tag != "rouge" || !v.Filter.Active || !v.Filter.UpdatedSince.Equal(noon) || v.OwnerID != "paul" {
				h.Errorf("%+v", v)
			}
			return err
		})
		remove := func(a auth.Actor, id string) error {
			return h.try(func(ctx context.Context, tx *db.Tx) error { return ticket.DeleteView(ctx, tx, a, id) })
		}
		fails(h.T, remove(pat, own.ID), errs.NotFound)
		fails(h.T, remove(paul, team.ID), errs.Forbidden)
		fails(h.T, remove(paul, own.ID), nil)
		fails(h.T, remove(pat, team.ID), nil)
	})
}

func TestCannedReplies(t *testing.T) {
	each(t, func(h *house) {
		save := func(a auth.Actor, c ticket.CannedReply) (got ticket.CannedReply, err error) {
			err = h.try(func(ctx context.Context, tx *db.Tx) (err error) {
				got, err = ticket.SaveCannedReply(ctx, tx, a, c)
				return err
			})
			return got, err
		}
		c := ticket.CannedReply{Title: "Été", Body: "Bonjour {{requester.first_name}}, {{x}}", Lang: "fr"}
		for _, a := range []auth.Actor{ann, paul, pat, nina} {
			_, err := save(a, c)
			fails(h.T, err, errs.Forbidden)
		}
		common, err := save(theo, c)
		fails(h.T, err, nil)
		c.TeamID, c.Title = "desk", "Accueil"
		own, err := save(pat, c)
		fails(h.T, err, nil)
		_, err = save(paul, c)
		fails(h.T, err, errs.Forbidden)
		_, err = save(theo, ticket.CannedReply{Lang: "de", Body: " "})
		fails(h.T, err, errs.Invalid, "title", "body", "lang")
		_, err = save(theo, ticket.CannedReply{Title: "x", Body: "x", Lang: "en", TeamID: "zzz"})
		fails(h.T, err, errs.Invalid, "team")
		common.TeamID = "desk"
		_, err = save(pat, common) // everybody's cannot be taken by a team
		fails(h.T, err, errs.Forbidden)
		own.Version = 7
		_, err = save(pat, own)
		fails(h.T, err, errs.Conflict)
		mine, err := save(nina, ticket.CannedReply{Title: "À moi", Body: "x", Lang: "fr", OwnerID: nina.ID})
		fails(h.T, err, nil)
		_, err = save(paul, ticket.CannedReply{Title: "x", Body: "x", Lang: "fr", OwnerID: nina.ID})
		fails(h.T, err, errs.Forbidden)
		mine.OwnerID = theo.ID
		_, err = save(theo, mine) // not even an administrator takes what is personal
		fails(h.T, err, errs.Forbidden)
		_, err = save(theo, ticket.CannedReply{Title: "x", Body: "x", Lang: "fr", CategoryID: "none"})
		fails(h.T, err, errs.Invalid, "category")
		for who, want := range map[*auth.Actor]int{&ann: 0, &paul: 2, &nina: 2, &theo: 2} {
			h.read(func(ctx context.Context, tx *db.Tx) error {
				all, err := ticket.CannedReplies(ctx, tx, *who, "")
				if len(all) != want {
					h.Errorf("%s may use %d", who.Name, len(all))
				}
				return err
			})
		}
		h.read(func(ctx context.Context, tx *db.Tx) error {
			all, err := ticket.CannedReplies(ctx, tx, paul, "ete")
			if len(all) != 1 || all[0].ID != common.ID {
				h.Errorf("%+v", all)
			}
			return err
		})
		fails(h.T, h.try(func(ctx context.Context, tx *db.Tx) error { return ticket.DeleteCannedReply(ctx, tx, theo, mine.ID) }), errs.Forbidden)
		fails(h.T, h.try(func(ctx context.Context, tx *db.Tx) error { return ticket.DeleteCannedReply(ctx, tx, nina, mine.ID) }), nil)
		fails(h.T, h.try(func(ctx context.Context, tx *db.Tx) error { return ticket.DeleteCannedReply(ctx, tx, pat, common.ID) }), errs.Forbidden)
		fails(h.T, h.try(func(ctx context.Context, tx *db.Tx) error { return ticket.DeleteCannedReply(ctx, tx, pat, own.ID) }), nil)
		fails(h.T, h.try(func(ctx context.Context, tx *db.Tx) error { return ticket.DeleteCannedReply(ctx, tx, pat, own.ID) }), errs.NotFound)
	})
}

func TestFill(t *testing.T) {
	x := ticket.Ticket{Kind: ticket.Request, Number: 7, Subject: "{{agent.name}}", Requester: "Ann Le Gall"}
	c := ticket.CannedReply{Body: "{{requester.name}} {{requester.first_name}} {{ticket.reference}} {{ticket.subject}} {{agent.name}} {{agent.first_name}} {{else}}"}
	if got := c.Fill(x, paul); got != "Ann Le Gall Ann REQ-7 {{agent.name}} Paul Petit Paul {{else}}" {
		t.Error(got) // what a variable holds is not filled again
	}
}

func TestPresence(t *testing.T) {
	each(t, func(h *house) {
		x := h.open(ann, draft("Vu"))
		beat := func(a auth.Actor, writing bool) error {
			return h.try(func(ctx context.Context, tx *db.Tx) error { return ticket.Beat(ctx, tx, a, x.ID, writing) })
		}
		present := func(a auth.Actor) (out []string) {
			h.read(func(ctx context.Context, tx *db.Tx) error {
				all, err := ticket.Present(ctx, tx, a, x)
				for _, p := range all {
					s := p.PersonID
					if p.Writing {
						s += " writes"
					}
					out = append(out, s)
				}
				return err
			})
			return out
		}
		fails(h.T, beat(paul, false), nil)
		fails(h.T, beat(nina, true), nil)
		fails(h.T, beat(ann, true), nil) // a requester leaves no sign
		fails(h.T, beat(ben, true), errs.NotFound)
		same(h.T, "pat is told", present(pat), []string{"nina writes", "paul"})
		same(h.T, "paul is told", present(paul), []string{"nina writes"})
		same(h.T, "ann is told", present(ann), nil)
		h.wait(40 * time.Second)
		fails(h.T, beat(paul, true), nil)
		h.wait(10 * time.Second)
		same(h.T, "later", present(pat), []string{"paul writes"})
		h.do(func(ctx context.Context, tx *db.Tx) error { return ticket.PurgePresence(ctx, tx) })
		same(h.T, "purged", present(pat), []string{"paul writes"})
	})
}

func TestCategories(t *testing.T) {
	each(t, func(h *house) {
		tree := func() (out ticket.Tree) {
			h.read(func(ctx context.Context, tx *db.Tx) (err error) { out, err = ticket.Categories(ctx, tx); return err })
			return out
		}
		save := func(a auth.Actor, c ticket.Category) (got ticket.Category, err error) {
			err = h.try(func(ctx context.Context, tx *db.Tx) (err error) {
				got, err = ticket.SaveCategory(ctx, tx, a, c)
				return err
			})
			return got, err
		}
		all := tree()
		same(h.T, "below", all.Below("it"), []string{"it", "vpn", "vpnhome"})
		if all.Title("vpnhome", "fr") != "Informatique › VPN › À la maison" || all.Title("vpn", "en") != "Computing › VPN" || all.Title("x", "fr") != "" {
			h.Errorf("%q", all.Title("vpnhome", "fr"))
		}
		it, _ := all.Find("it")
		for _, parent := range []string{"it", "vpn", "vpnhome", "zzz"} { // under itself, under what is under it, under nothing
			it.ParentID = parent
			_, err := save(theo, it)
			fails(h.T, err, errs.Invalid, "parent")
		}
		_, err := save(theo, ticket.Category{NameFR: " ", NameEN: strings.Repeat("é", 201), QueueID: "zzz"})
		fails(h.T, err, errs.Invalid, "name_fr", "name_en", "queue")
		_, err = save(pat, ticket.Category{NameFR: "x", NameEN: "x"})
		fails(h.T, err, errs.Forbidden)
		got, err := save(theo, ticket.Category{NameFR: "Wifi", NameEN: "Wi-Fi", ParentID: "vpn"})
		fails(h.T, err, nil)
		got.Version = 9
		_, err = save(theo, got)
		fails(h.T, err, errs.Conflict)
		got.Version, got.ParentID = 1, ""
		got, err = save(theo, got)
		fails(h.T, err, nil)
		if got.Version != 2 || len(tree().Path(got.ID)) != 1 {
			h.Errorf("%+v", got)
		}
	})
}

func TestQueues(t *testing.T) {
	each(t, func(h *house) {
		for who, want := range map[*auth.Actor]int{&ann: 0, &paul: 2, &rita: 3, &theo: 3, &self: 3} {
			h.read(func(ctx context.Context, tx *db.Tx) error {
				all, err := ticket.Queues(ctx, tx, *who)
				if len(all) != want {
					h.Errorf("%s reads %d queues", who.Name, len(all))
				}
				return err
			})
		}
		save := func(a auth.Actor, q ticket.Queue) (got ticket.Queue, err error) {
			err = h.try(func(ctx context.Context, tx *db.Tx) (err error) {
				got, err = ticket.SaveQueue(ctx, tx, a, q)
				return err
			})
			return got, err
		}
		_, err := save(pat, ticket.Queue{Name: "x", TeamID: "desk"})
		fails(h.T, err, errs.Forbidden)
		_, err = save(theo, ticket.Queue{Name: " ", TeamID: "desk"})
		fails(h.T, err, errs.Invalid, "name")
		_, err = save(theo, ticket.Queue{Name: "x", TeamID: "z\x00"})
		fails(h.T, err, errs.Invalid, "team")
		q, err := save(theo, ticket.Queue{Name: "Serveurs", TeamID: "net", Level: 1})
		fails(h.T, err, nil)
		if q.Level != 2 || !q.Active {
			h.Errorf("%+v: the level is the team's", q)
		}
		q.Active = false
		stale := q
		_, err = save(theo, q)
		fails(h.T, err, nil)
		_, err = save(theo, stale)
		fails(h.T, err, errs.Conflict)
		d := draft("x")
		d.QueueID = q.ID
		fails(h.T, h.try(func(ctx context.Context, tx *db.Tx) error { _, err := ticket.OpenTicket(ctx, tx, theo, d); return err }), errs.Invalid, "queue")
		h.read(func(ctx context.Context, tx *db.Tx) error {
			all, err := ticket.Destinations(ctx, tx, paul)
			if len(all) != 3 { // also the private one, not the closed one
				h.Errorf("%+v", all)
			}
			return err
		})
		h.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE queue SET active = FALSE")
			return err
		})
		fails(h.T, h.try(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.OpenTicket(ctx, tx, ann, draft("x"))
			return err
		}), errs.Unavailable)
	})
}

func TestPriorities(t *testing.T) {
	each(t, func(h *house) {
		m := ticket.DefaultMatrix()
		m[2][2] = 1
		set := func(a auth.Actor, m ticket.Matrix) error {
			return h.try(func(ctx context.Context, tx *db.Tx) error { return ticket.SetPriorityMatrix(ctx, tx, a, m) })
		}
		fails(h.T, set(pat, m), errs.Forbidden)
		fails(h.T, set(theo, m), nil)
		bad := m
		bad[1][2] = 5
		fails(h.T, set(theo, bad), errs.Invalid, "priority.2.3")
		h.read(func(ctx context.Context, tx *db.Tx) error {
			got, err := ticket.PriorityMatrix(ctx, tx)
			if got != m {
				h.Errorf("%v", got)
			}
			return err
		})
		if x := h.open(ann, draft("x")); x.Priority != 1 {
			h.Errorf("priority %d", x.Priority)
		}
	})
}
