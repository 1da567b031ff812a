package ticket_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/domain/ticket"
)

func (h *house) link(a auth.Actor, from, to string, k ticket.LinkKind) error {
	return h.try(func(ctx context.Context, tx *db.Tx) error { return ticket.AddLink(ctx, tx, a, from, to, k) })
}

func (h *house) links(a auth.Actor, id string) (all []ticket.Link) {
	h.read(func(ctx context.Context, tx *db.Tx) error {
		t, err := ticket.Find(ctx, tx, a, id)
		if err == nil {
			all, err = ticket.Links(ctx, tx, a, t)
		}
		return err
	})
	return all
}

func TestLinks(t *testing.T) {
	each(t, func(h *house) {
		x, y, p := h.open(ann, draft("Un")), h.open(ben, draft("Deux")), h.private()
		fails(h.T, h.link(paul, x.ID, y.ID, ticket.Related), nil)
		fails(h.T, h.link(paul, y.ID, x.ID, ticket.Related), nil) // the same, from the other side
		fails(h.T, h.link(paul, x.ID, y.ID, ticket.Duplicate), nil)
		fails(h.T, h.link(paul, x.ID, x.ID, ticket.Related), errs.Invalid, "ticket")
		fails(h.T, h.link(paul, x.ID, y.ID, "friend"), errs.Invalid, "kind")
		fails(h.T, h.link(paul, x.ID, p.ID, ticket.Related), errs.NotFound)
		fails(h.T, h.link(nina, x.ID, y.ID, ticket.Related), errs.Forbidden)
		fails(h.T, h.link(ann, x.ID, y.ID, ticket.Related), errs.NotFound)
		fails(h.T, h.link(theo, p.ID, x.ID, ticket.CausedBy), nil)
		if n := dbtest.Count(h.T, h.d, "ticket_link"); n != 3 {
			h.Errorf("%d links", n)
		}
		if got := h.links(paul, x.ID); len(got) != 2 {
			h.Errorf("%+v: the private one is not seen", got)
		}
		for _, l := range h.links(theo, y.ID) {
			if l.Other.ID != x.ID || l.Outward {
				h.Errorf("%+v", l)
			}
		}
		remove := func(a auth.Actor, k ticket.LinkKind) error {
			return h.try(func(ctx context.Context, tx *db.Tx) error { return ticket.RemoveLink(ctx, tx, a, y.ID, x.ID, k) })
		}
		fails(h.T, remove(nina, ticket.Related), errs.Forbidden)
		fails(h.T, remove(paul, ticket.Related), nil)
		fails(h.T, remove(paul, ticket.Related), errs.NotFound)
		same(h.T, "events", kinds(h.history(paul, y.ID)), []string{"ticket.created", "ticket.linked", "ticket.linked", "ticket.unlinked"})
		same(h.T, "events for the requester", kinds(h.history(ben, y.ID)), []string{"ticket.created"})
	})
}

func TestLinksOfOneKindMakeNoCircle(t *testing.T) {
	each(t, func(h *house) {
		a, b, c := h.open(ann, draft("Un")), h.open(ann, draft("Deux")), h.open(ann, draft("Trois"))
		for _, k := range []ticket.LinkKind{ticket.Parent, ticket.CausedBy, ticket.Duplicate} {
			fails(h.T, h.link(paul, a.ID, b.ID, k), nil)
			fails(h.T, h.link(paul, b.ID, a.ID, k), errs.Invalid, "ticket")
			fails(h.T, h.link(paul, b.ID, c.ID, k), nil)
			fails(h.T, h.link(paul, c.ID, a.ID, k), errs.Invalid, "ticket")
			fails(h.T, h.link(paul, a.ID, c.ID, k), nil) // a shorter way is no circle
		}
		if n := dbtest.Count(h.T, h.d, "ticket_link"); n != 9 {
			h.Errorf("%d links", n)
		}
		fails(h.T, h.merge(paul, a.ID, c.ID), nil)
		for _, l := range h.links(paul, c.ID) {
			if l.Other.ID != b.ID || l.Outward {
				h.Errorf("a merge closed a circle: %s, outward %v", l.Kind, l.Outward)
			}
		}
		if n := dbtest.Count(h.T, h.d, "ticket_link"); n != 3 {
			h.Errorf("%d links after the merge", n)
		}
	})
}

func (h *house) merge(a auth.Actor, gone, into string) error {
	return h.try(func(ctx context.Context, tx *db.Tx) error { _, err := ticket.Merge(ctx, tx, a, gone, into); return err })
}

func TestMergeLosesNothing(t *testing.T) {
	each(t, func(h *house) {
		f := h.upload(ann, "a.txt")
		d := draft("A")
		d.Message.Attachments = []string{f.ID}
		a := h.open(ann, d)
		h.wait(time.Minute)
		bd := draft("B")
		bd.RequesterID, bd.Watchers, bd.Tags = "ben", []string{"nina", "rita"}, []string{"rouge", "bleu"}
		b := h.open(pat, bd)
		h.do(func(ctx context.Context, tx *db.Tx) error { // ann asks A and watches B
			_, err := ticket.Update(ctx, tx, pat, a.ID, ticket.Patch{Tags: &[]string{"bleu", "vert"}})
			if err == nil {
				err = ticket.Watch(ctx, tx, ben, b.ID, "ann")
			}
			return err
		})
		h.wait(time.Minute)
		h.reply(paul, a.ID, say("A répondu"))
		h.wait(time.Minute)
		h.note(paul, b.ID, "Note de B @[Théo](person:theo)")
		held := say("B retenu")
		held.Hold = true
		late := h.reply(paul, b.ID, held)
		c, e := h.open(ben, draft("C")), h.open(ben, draft("E"))
		for _, l := range []struct {
			from, to string
			k        ticket.LinkKind
		}{{a.ID, b.ID, ticket.Related}, {b.ID, c.ID, ticket.Related}, {c.ID, a.ID, ticket.Related}, {e.ID, b.ID, ticket.Parent}} {
			fails(h.T, h.link(paul, l.from, l.to, l.k), nil)
		}
		fails(h.T, h.merge(nina, b.ID, a.ID), errs.Forbidden)
		fails(h.T, h.merge(ann, b.ID, a.ID), errs.Forbidden)
		fails(h.T, h.merge(paul, b.ID, b.ID), errs.Invalid, "ticket")
		fails(h.T, h.merge(paul, b.ID, a.ID), nil)
		fails(h.T, h.merge(paul, b.ID, a.ID), errs.Conflict)
		fails(h.T, h.merge(paul, a.ID, b.ID), errs.Conflict)

		same(h.T, "conversation", bodies(h.talk(pat, a.ID)), []string{"Bonjour, A", "Bonjour, B", "A répondu", "Note de B @[Théo](person:theo)"})
		if m := h.talk(pat, a.ID); len(m[0].Attachments) != 1 || m[0].MovedFrom != "" || m[1].MovedFrom != b.ID {
			h.Errorf("%+v", m)
		}
		h.do(func(ctx context.Context, tx *db.Tx) error { return ticket.Release(ctx, tx, late.ID) })
		if got := h.get(a.ID); got.Messages != 5 || len(h.talk(pat, a.ID)) != 5 {
			h.Errorf("%d messages counted, %d there", got.Messages, len(h.talk(pat, a.ID)))
		}
		gone := h.get(b.ID)
		if gone.Status != ticket.Closed || gone.MergedInto != a.ID || gone.Messages != 0 || len(h.talk(pat, b.ID)) != 0 {
			h.Errorf("%+v", gone)
		}
		h.read(func(ctx context.Context, tx *db.Tx) error {
			w, err := ticket.Watchers(ctx, tx, a)
			var who []string
			for _, p := range w {
				who = append(who, p.PersonID)
			}
			same(h.T, "watchers", who, []string{"ben", "nina", "rita"})
			if err != nil {
				return err
			}
			tags, err := ticket.Tags(ctx, tx, a)
			same(h.T, "tags", tags, []string{"bleu", "rouge", "vert"})
			return err
		})
		var to []string
		for _, l := range h.links(theo, a.ID) {
			to = append(to, l.Other.Subject+" "+string(l.Kind))
		}
		slices.Sort(to)
		same(h.T, "links", to, []string{"C related", "E parent"})
		all, _ := h.list(theo, ticket.Filter{Mentioned: true}, ticket.Page{})
		same(h.T, "mentions", ids(all), []string{a.ID})
		same(h.T, "history", kinds(h.history(ben, a.ID)), []string{"ticket.created", "ticket.watched", "ticket.watched", "ticket.created",
			"ticket.watched", "ticket.replied", "ticket.opened", "ticket.watched", "ticket.merged", "ticket.absorbed", "ticket.replied"})
		same(h.T, "history of what is gone", kinds(h.history(ben, b.ID)), []string{"ticket.watched", "ticket.watched", "ticket.created", "ticket.watched", "ticket.merged"})

		// A chain: A lives on in C, and so does B.
		fails(h.T, h.merge(paul, a.ID, c.ID), nil)
		for _, ref := range []string{a.ID, b.ID, b.Reference()} {
			h.read(func(ctx context.Context, tx *db.Tx) error {
				got, err := ticket.Follow(ctx, tx, ben, ref)
				if got.ID != c.ID {
					h.Errorf("%s leads to %s", ref, got.ID)
				}
				return err
			})
		}
		m := h.talk(theo, c.ID)
		if len(m) != 6 || m[0].MovedFrom != a.ID || m[1].MovedFrom != b.ID {
			h.Errorf("%+v", m)
		}
		if n := len(h.history(theo, c.ID)); n < 18 {
			h.Errorf("%d events of the three", n)
		}
		fails(h.T, h.try(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Reply(ctx, tx, ben, b.ID, say("Allô"))
			return err
		}), errs.Conflict)
		h.do(func(ctx context.Context, tx *db.Tx) error {
			got, err := ticket.Follow(ctx, tx, ben, b.ID)
			if err == nil {
				_, err = ticket.Reply(ctx, tx, ben, got.ID, say("Allô"))
			}
			return err
		})
	})
}

func TestSplit(t *testing.T) {
	each(t, func(h *house) {
		f := h.upload(ann, "a.txt")
		d := draft("Tout")
		d.CategoryID, d.QueueID, d.Fields, d.Watchers = "vpn", "q1", map[string]any{"serial": "A1"}, []string{"ben"}
		d.RequesterID = "ann"
		x := h.open(paul, d)
		h.do(func(ctx context.Context, tx *db.Tx) error { return ticket.Watch(ctx, tx, paul, x.ID, "rita") })
		note := h.note(paul, x.ID, "Note @[Nina](person:nina)")
		second := h.reply(ann, x.ID, ticket.Say{Draught: ticket.Draught{Body: "Et l'écran", Attachments: []string{f.ID}}})
		first := h.talk(ann, x.ID)[0].ID
		other := h.open(ben, draft("Autre"))
		split := func(a auth.Actor, p ticket.Parting) (y ticket.Ticket, err error) {
			err = h.try(func(ctx context.Context, tx *db.Tx) (err error) {
				y, err = ticket.Split(ctx, tx, a, x.ID, p)
				return err
			})
			return y, err
		}
		for name, c := range map[string]struct {
			by     auth.Actor
			p      ticket.Parting
			want   error
			fields []string
		}{
			"nothing":          {paul, ticket.Parting{Subject: "x"}, errs.Invalid, []string{"messages"}},
			"everything":       {paul, ticket.Parting{Subject: "x", Messages: []string{first, note.ID, second.ID}}, errs.Invalid, []string{"messages"}},
			"another's":        {paul, ticket.Parting{Subject: "x", Messages: []string{second.ID, h.talk(ben, other.ID)[0].ID}}, errs.Invalid, []string{"messages"}},
			"without a name":   {paul, ticket.Parting{Messages: []string{second.ID}}, errs.Invalid, []string{"subject"}},
			"of another type":  {paul, ticket.Parting{Subject: "x", Kind: ticket.Problem, Messages: []string{second.ID}}, errs.Invalid, []string{"type"}},
			"by another team":  {nina, ticket.Parting{Subject: "x", Messages: []string{second.ID}}, errs.Forbidden, nil},
			"by the requester": {ann, ticket.Parting{Subject: "x", Messages: []string{second.ID}}, errs.Forbidden, nil},
		} {
			_, err := split(c.by, c.p)
			if fails(h.T, err, c.want, c.fields...); h.Failed() {
				h.Fatal(name)
			}
		}
		y, err := split(paul, ticket.Parting{Subject: "Écran", Kind: ticket.Request, Messages: []string{second.ID, note.ID, second.ID}})
		fails(h.T, err, nil)
		if y.CategoryID != "vpn" || y.Fields["serial"] != "A1" {
			h.Errorf("category %s, fields %v", y.CategoryID, y.Fields)
		}
		h.read(func(ctx context.Context, tx *db.Tx) error {
			w, err := ticket.Watchers(ctx, tx, y)
			if len(w) != 2 || w[0].PersonID != "ben" || w[1].PersonID != "rita" {
				h.Errorf("in copy: %+v", w)
			}
			return err
		})
		if y.RequesterID != "ann" || y.QueueID != "q1" || y.Kind != ticket.Request || y.Messages != 2 || h.get(x.ID).Messages != 1 {
			h.Errorf("%+v", y)
		}
		m := h.talk(paul, y.ID)
		if len(m) != 2 || m[1].MovedFrom != x.ID || len(m[1].Attachments) != 1 || len(h.talk(paul, x.ID)) != 1 {
			h.Errorf("%+v", m)
		}
		if l := h.links(paul, y.ID); len(l) != 1 || l[0].Other.ID != x.ID || l[0].Kind != ticket.Related {
			h.Errorf("%+v", l)
		}
		all, _ := h.list(nina, ticket.Filter{Mentioned: true}, ticket.Page{})
		same(h.T, "mentions", ids(all), []string{y.ID})
		if e := h.history(ann, y.ID); len(e) != 1 || e[0].Data.Message != second.ID {
			h.Errorf("the requester is told of %+v", e)
		}
		same(h.T, "history", kinds(h.history(paul, x.ID)), []string{"ticket.watched", "ticket.created", "ticket.watched", "ticket.mentioned", "ticket.noted", "ticket.replied", "ticket.split", "ticket.linked"})
	})
}

func TestUpdate(t *testing.T) {
	each(t, func(h *house) {
		d := draft("Avant")
		d.CategoryID, d.RequesterID, d.Watchers, d.QueueID = "vpn", "ann", []string{"ben"}, "q1"
		d.Fields = map[string]any{"serial": "S1", "floor": 2}
		x := h.open(pat, d)
		update := func(a auth.Actor, p ticket.Patch) (got ticket.Ticket, err error) {
			err = h.try(func(ctx context.Context, tx *db.Tx) (err error) {
				got, err = ticket.Update(ctx, tx, a, x.ID, p)
				return err
			})
			return got, err
		}
		p := func(s string) *string { return &s }
		n := func(i int) *int { return &i }
		kind := func(k ticket.Kind) *ticket.Kind { return &k }
		for name, c := range map[string]struct {
			by     auth.Actor
			p      ticket.Patch
			want   error
			fields []string
		}{
			"another team":      {nina, ticket.Patch{Subject: p("x")}, errs.Forbidden, nil},
			"the requester":     {ann, ticket.Patch{Subject: p("x")}, errs.Forbidden, nil},
			"a stranger":        {auth.Actor{ID: "zoe"}, ticket.Patch{Subject: p("x")}, errs.NotFound, nil},
			"an old version":    {paul, ticket.Patch{Subject: p("x"), Version: 7}, errs.Conflict, nil},
			"many faults":       {paul, ticket.Patch{Subject: p(" "), CategoryID: p("x"), RequesterID: p("x\x00"), Impact: n(5), Urgency: n(0)}, errs.Invalid, []string{"subject", "category", "requester", "impact", "urgency"}},
			"priority":          {paul, ticket.Patch{Priority: n(5)}, errs.Invalid, []string{"priority"}},
			"a closed category": {paul, ticket.Patch{CategoryID: p("old")}, errs.Invalid, []string{"category"}},
			"to a problem":      {paul, ticket.Patch{Kind: kind(ticket.Problem)}, errs.Invalid, []string{"type"}},
			"to nothing":        {paul, ticket.Patch{Kind: kind("")}, errs.Invalid, []string{"type"}},
			"a required field":  {paul, ticket.Patch{Fields: map[string]any{"serial": nil}}, errs.Invalid, []string{"fields.serial"}},
			"a wrong field":     {paul, ticket.Patch{Fields: map[string]any{"floor": "haut"}}, errs.Invalid, []string{"fields.floor"}},
			"an unknown field":  {paul, ticket.Patch{Fields: map[string]any{"nope": 1}}, errs.Invalid, []string{"fields.nope"}},
			"a long tag":        {paul, ticket.Patch{Tags: &[]string{strings.Repeat("x", 61)}}, errs.Invalid, []string{"tags"}},
			"many tags":         {paul, ticket.Patch{Tags: &[]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31"}}, errs.Invalid, []string{"tags"}},
		} {
			_, err := update(c.by, c.p)
			if fails(h.T, err, c.want, c.fields...); h.Failed() {
				h.Fatal(name)
			}
		}
		if got, err := update(paul, ticket.Patch{Subject: p("Avant "), Tags: &[]string{}}); err != nil || got.Version != x.Version {
			h.Errorf("nothing changed: version %d, %v", got.Version, err)
		}
		got, err := update(paul, ticket.Patch{Version: x.Version, Subject: p("Après"), Kind: kind(ticket.Request), Impact: n(1), Urgency: n(1), RequesterID: p("ben"),
			Tags: &[]string{"B", "a"}, Fields: map[string]any{"floor": 3}})
		fails(h.T, err, nil)
		if got.Subject != "Après" || got.Reference() != "REQ-1001" || got.Priority != 1 || got.Requester != "Ben Roux" || got.Version != x.Version+1 ||
			got.Fields["floor"] != 3.0 || got.Fields["serial"] != "S1" {
			h.Errorf("%+v", got)
		}
		if n := dbtest.Count(h.T, h.d, "watcher"); n != 0 {
			h.Error("the requester is still in copy")
		}
		var changed []string
		all := h.history(paul, x.ID)
		for _, c := range all[len(all)-1].Data.Changes {
			changed = append(changed, c.Field+": "+c.From+" → "+c.To)
		}
		same(h.T, "changes", changed, []string{"subject: Avant → Après", "kind: incident → request", "impact: 3 → 1", "urgency: 3 → 1", "priority: 3 → 1",
			"requester: Ann Le Gall → Ben Roux", "fields.floor: 2 → 3", "tags:  → a, b"})
		// The form changes under the ticket: what is there stays and can be cleared, what is missing is no hindrance.
		_, err = update(paul, ticket.Patch{CategoryID: p("it")})
		fails(h.T, err, nil)
		got, err = update(paul, ticket.Patch{Priority: n(4), Fields: map[string]any{"floor": nil}})
		fails(h.T, err, nil)
		if got.Priority != 4 || len(got.Fields) != 1 || got.Fields["serial"] != "S1" {
			h.Errorf("%+v", got)
		}
		h.read(func(ctx context.Context, tx *db.Tx) error {
			tags, err := ticket.KnownTags(ctx, tx, nina, "A", 5)
			same(h.T, "known tags", tags, []string{"a"})
			return err
		})
		h.read(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.KnownTags(ctx, tx, ann, "", 5)
			fails(h.T, err, errs.Forbidden)
			return nil
		})
	})
}
