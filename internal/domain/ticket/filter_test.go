package ticket_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/domain/ticket"
)

func TestFilters(t *testing.T) {
	each(t, func(h *house) {
		make := func(subject string, f func(*ticket.Draft)) ticket.Ticket {
			d := draft(subject)
			d.RequesterID = "ann"
			f(&d)
			return h.open(theo, d)
		}
		a := make("Écran cassé 100%", func(d *ticket.Draft) { d.Tags, d.Impact, d.Urgency = []string{"Rouge"}, 1, 1 })
		h.wait(time.Hour)
		b := make("Accès au VPN", func(d *ticket.Draft) {
			d.Kind, d.RequesterID, d.CategoryID, d.Channel, d.AssigneeID, d.ExternalID = ticket.Request, "ben", "vpn", ticket.Mail, "nina", "ext-1"
		})
		c := make("Congé", func(d *ticket.Draft) { d.QueueID, d.Watchers = "qp", []string{"paul"} })
		e := make("Écran bleu_", func(d *ticket.Draft) {})
		h.end(paul, e.ID)
		h.do(func(ctx context.Context, tx *db.Tx) error { // paul resolved it, and so got it
			_, err := ticket.Pend(ctx, tx, nina, b.ID, ticket.OnRequester, time.Time{}, 0)
			return err
		})
		for name, x := range map[string]struct {
			a    auth.Actor
			f    ticket.Filter
			want []ticket.Ticket
		}{
			"all":                   {theo, ticket.Filter{}, []ticket.Ticket{a, b, c, e}},
			"words without accents": {theo, ticket.Filter{Q: "ecran  CASSE"}, []ticket.Ticket{a}},
			"any place":             {theo, ticket.Filter{Q: "cran"}, []ticket.Ticket{a, e}},
			"per cent is itself":    {theo, ticket.Filter{Q: "0%"}, []ticket.Ticket{a}},
			"underscore is itself":  {theo, ticket.Filter{Q: "bleu_"}, []ticket.Ticket{e}},
			"no wildcard":           {theo, ticket.Filter{Q: "b%u"}, nil},
			"a reference":           {theo, ticket.Filter{Q: " req-1002 "}, []ticket.Ticket{b}},
			"broken words":          {theo, ticket.Filter{Q: "\xff\x00"}, nil},
			"broken everything":     {theo, ticket.Filter{Tag: "\x00", Site: "\xff", Queues: []string{"\x00", "\xff"}, Assignee: "\x00", Statuses: []ticket.Status{"\x00"}}, nil},
			"active":                {theo, ticket.Filter{Active: true}, []ticket.Ticket{a, b, c}},
			"status":                {theo, ticket.Filter{Statuses: []ticket.Status{ticket.Pending}}, []ticket.Ticket{b}},
			"statuses":              {theo, ticket.Filter{Statuses: []ticket.Status{ticket.Pending, ticket.Resolved}}, []ticket.Ticket{b, e}},
			"kind":                  {theo, ticket.Filter{Kinds: []ticket.Kind{ticket.Request, ticket.Problem}}, []ticket.Ticket{b}},
			"queue":                 {theo, ticket.Filter{Queues: []string{"q1"}}, []ticket.Ticket{a, e}},
			"queues":                {theo, ticket.Filter{Queues: []string{"qp", "q2"}}, []ticket.Ticket{b, c}},
			"level":                 {theo, ticket.Filter{Level: 2}, []ticket.Ticket{b, c}},
			"mine":                  {nina, ticket.Filter{Assignee: "me"}, []ticket.Ticket{b}},
			"nobody's":              {theo, ticket.Filter{Assignee: "none"}, []ticket.Ticket{a, c}},
			"somebody's":            {theo, ticket.Filter{Assignee: "paul"}, []ticket.Ticket{e}},
			"requester":             {theo, ticket.Filter{Requester: "ben"}, []ticket.Ticket{b}},
			"oneself":               {ben, ticket.Filter{Requester: "ben"}, []ticket.Ticket{b}},
			"another's":             {ben, ticket.Filter{Requester: "ann"}, nil},
			"category":              {theo, ticket.Filter{Categories: []string{"vpn"}}, []ticket.Ticket{b}},
			"priority":              {theo, ticket.Filter{Priority: 2}, []ticket.Ticket{a}},
			"tag":                   {theo, ticket.Filter{Tag: "ROUGE"}, []ticket.Ticket{a}},
			"my teams":              {paul, ticket.Filter{MyTeams: true}, []ticket.Ticket{a, e}},
			"watched":               {paul, ticket.Filter{Watched: true}, []ticket.Ticket{c}},
			"just resolved":         {paul, ticket.Filter{ResolvedDays: 7, Assignee: "me"}, []ticket.Ticket{e}},
			"site":                  {theo, ticket.Filter{Site: "Brest"}, []ticket.Ticket{b}},
			"since":                 {theo, ticket.Filter{UpdatedSince: noon.Add(time.Minute)}, []ticket.Ticket{b, c, e}},
			"external id":           {theo, ticket.Filter{ExternalID: "ext-1"}, []ticket.Ticket{b}},
			"together":              {theo, ticket.Filter{Q: "ecran", Active: true, Level: 1, Requester: "ann"}, []ticket.Ticket{a}},
			"what nina sees":        {nina, ticket.Filter{}, []ticket.Ticket{a, b, e}},
		} {
			got, _ := h.list(x.a, x.f, ticket.Page{})
			if same(h.T, name, subjects(got), subjects(x.want)); h.Failed() {
				h.FailNow()
			}
			h.read(func(ctx context.Context, tx *db.Tx) error {
				n, err := ticket.Counts(ctx, tx, x.a, []ticket.Filter{{}, x.f})
				if err == nil && n[1] != len(x.want) {
					h.Errorf("%s: counted %d", name, n[1])
				}
				return err
			})
		}
	})
}

// TestPagesNeitherSkipNorRepeat pages through tickets of which many share their times and priorities.
func TestPagesNeitherSkipNorRepeat(t *testing.T) {
	each(t, func(h *house) {
		r := rand.New(rand.NewPCG(3, 5))
		h.do(func(ctx context.Context, tx *db.Tx) error {
			for i := range 90 {
				d := draft(fmt.Sprint("N° ", i))
				d.Impact, d.Urgency = 1+r.IntN(4), 1+r.IntN(4)
				if _, err := ticket.OpenTicket(ctx, tx, ann, d); err != nil {
					return err
				}
			}
			_, err := tx.ExecContext(ctx, "UPDATE ticket SET updated_at = number % 4, due_response_at = number % 3 * 1000, due_resolution_at = number % 5 * 700")
			return err
		})
		order := map[ticket.Sort]func(a, b ticket.Ticket) int{
			ticket.ByUpdated: func(a, b ticket.Ticket) int { return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), cmp.Compare(b.ID, a.ID)) },
			ticket.ByCreated: func(a, b ticket.Ticket) int { return cmp.Compare(b.ID, a.ID) },
			ticket.ByOldest:  func(a, b ticket.Ticket) int { return cmp.Or(a.UpdatedAt.Compare(b.UpdatedAt), cmp.Compare(a.ID, b.ID)) },
			ticket.ByPriority: func(a, b ticket.Ticket) int {
				return cmp.Or(cmp.Compare(a.Priority, b.Priority), a.UpdatedAt.Compare(b.UpdatedAt), cmp.Compare(a.ID, b.ID))
			},
			ticket.ByDue: func(a, b ticket.Ticket) int {
				due := func(x ticket.Ticket) int64 {
					if x.NextDue().IsZero() {
						return math.MaxInt64
					}
					return x.NextDue().UnixMilli()
				}
				return cmp.Or(cmp.Compare(due(a), due(b)), cmp.Compare(a.ID, b.ID))
			},
		}
		if len(order) != len(ticket.Sorts()) {
			h.Fatal("an order is not tested")
		}
		for _, a := range []auth.Actor{theo, paul, ann} {
			for s, before := range order {
				for _, limit := range []int{1, 7, 45, 89, 90, 91} {
					var all []ticket.Ticket
					cursor := ""
					for {
						page, next := h.list(a, ticket.Filter{Active: true}, ticket.Page{Sort: s, Limit: limit, Cursor: cursor})
						all = append(all, page...)
						if cursor = next; cursor == "" {
							break
						}
						if len(page) != limit {
							h.Fatalf("a page of %d", len(page))
						}
					}
					if len(all) != 90 || !slices.IsSortedFunc(all, before) {
						h.Fatalf("%s by %d: %d tickets, sorted %v", s, limit, len(all), slices.IsSortedFunc(all, before))
					}
					seen := map[string]bool{}
					for _, x := range all {
						seen[x.ID] = true
					}
					if len(seen) != 90 {
						h.Fatalf("%s by %d: %d different ones", s, limit, len(seen))
					}
				}
			}
		}
		for what, p := range map[string]ticket.Page{
			"no base64":           {Cursor: "%%%"},
			"no JSON":             {Cursor: base64.RawURLEncoding.EncodeToString([]byte("{"))},
			"of another order":    {Cursor: base64.RawURLEncoding.EncodeToString([]byte(`{"s":"oldest","a":1,"i":"x"}`))},
			"an unknown order":    {Sort: "colour"},
			"SQL for an order":    {Sort: "t.id; DROP TABLE ticket"},
			"an order in capital": {Sort: "UPDATED"},
		} {
			h.read(func(ctx context.Context, tx *db.Tx) error {
				_, _, err := ticket.List(ctx, tx, theo, ticket.Filter{}, p)
				if fails(h.T, err, errs.Invalid); h.Failed() {
					h.Fatal(what)
				}
				return nil
			})
		}
		for _, c := range []string{`{"s":"updated","a":99999999999999,"i":"\u0000"}`, `{"s":"updated","a":-1,"i":"' OR 1=1 --"}`} {
			h.list(theo, ticket.Filter{}, ticket.Page{Cursor: base64.RawURLEncoding.EncodeToString([]byte(c))})
		}
	})
}

func TestCountingStops(t *testing.T) {
	each(t, func(h *house) {
		h.do(func(ctx context.Context, tx *db.Tx) error { return fill(ctx, tx, 1100, 1) })
		h.read(func(ctx context.Context, tx *db.Tx) error {
			n, err := ticket.Counts(ctx, tx, theo, []ticket.Filter{{}, {Queues: []string{"nope"}}})
			same(h.T, "counts", n, []int{ticket.MaxCount, 0})
			if none, err := ticket.Counts(ctx, tx, theo, nil); none != nil || err != nil {
				h.Errorf("%v, %v", none, err)
			}
			return err
		})
	})
}
