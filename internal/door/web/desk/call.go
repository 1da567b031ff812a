package desk

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/form"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/desk"
	"entraide/internal/door/web/ui"
)

// call is the page on which a phone call is written down: who calls, then what for.
func (d *desk) call(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	return d.phone(w, r, http.StatusOK, page.Call{Q: text.Line(v.Get("q")), External: v.Get("external") != ""}, v.Get("person"))
}

// phone draws the page of a call from personID; "" = the caller is not known yet.
func (d *desk) phone(w http.ResponseWriter, r *http.Request, status int, c page.Call, personID string) error {
	err := d.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		if err := callers(ctx, tx, a, &c, personID); err != nil {
			return err
		}
		l := i18n.From(ctx)
		tree, err := ticket.Categories(ctx, tx)
		if err != nil {
			return err
		}
		queues, err := ticket.Destinations(ctx, tx, a)
		c.Cats = append([]ui.Option{{Label: l.T("desk.none")}}, categories(l, tree)...)
		c.Queues = []ui.Option{{Label: l.T("desk.queue.by_category")}}
		for _, q := range queues {
			c.Queues = append(c.Queues, ui.Option{Value: q.ID, Label: q.Name})
		}
		c.Kinds = []ui.Option{{Value: string(ticket.Incident), Label: l.T("ticket.kind.incident")}, {Value: string(ticket.Request), Label: l.T("ticket.kind.request")}}
		c.Scale = scales(l)
		if err != nil {
			return err
		}
		return asked(ctx, tx, tree, &c)
	})
	if err != nil {
		return err
	}
	s, err := d.DeskShell(w, r, i18n.T(r.Context(), "desk.call"), "call")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.Phone(s, c))
}

// asked fills in the fields of the organisation's own for the type and category of a form that came back.
func asked(ctx context.Context, tx *db.Tx, tree ticket.Tree, c *page.Call) error {
	var path []string
	for _, x := range tree.Path(c.Form.Value("calls", "category", "")) {
		path = append(path, x.ID)
	}
	fields, err := form.For(ctx, tx, c.Form.Value("calls", "type", string(ticket.Incident)), path)
	l := i18n.From(ctx)
	for _, f := range fields {
		p := custom(l, f, nil)
		c.Fields = append(c.Fields, page.Property{Options: p.options, Field: ui.Field{Name: p.name, Label: p.label, Hint: f.Help(l.Lang), Rows: p.rows, Kind: p.kind,
			Value: c.Form.Value("calls", p.name, ""), Error: c.Form.Mistake("calls", p.name), Optional: !f.Required}})
	}
	return err
}

func callers(ctx context.Context, tx *db.Tx, a auth.Actor, c *page.Call, personID string) error {
	l := i18n.From(ctx)
	if personID != "" {
		p, err := identity.Find(ctx, tx, a, personID)
		if err != nil {
			return err
		}
		c.Caller, c.Facts, c.External = personCard(p), contact(l, p), false
		past, _, err := ticket.List(ctx, tx, a, ticket.Filter{Requester: p.ID}, ticket.Page{Sort: ticket.ByCreated, Limit: pastShown})
		for _, t := range past {
			kind, _ := standing(l, t, tx.Now)
			c.Past = append(c.Past, page.Linked{Ref: t.Reference(), Subject: t.Subject, Href: "/desk/tickets/" + t.Reference(), Status: kind})
		}
		return err
	}
	if c.Q == "" {
		return nil
	}
	c.Asked = true
	found, err := lookUp(ctx, tx, a, c.Q)
	for _, p := range found {
		card := personCard(p)
		card.Href = link("/desk/call", url.Values{"person": {p.ID}})
		c.People = append(c.People, card)
	}
	return err
}

// maxPages bounds how many pages of people a telephone number is looked for in.
const maxPages = 50

// lookUp finds callers by name, address or telephone number, however its digits are grouped.
func lookUp(ctx context.Context, tx *db.Tx, a auth.Actor, typed string) ([]identity.Person, error) {
	number := digits(typed)
	if len(number) < 4 || len(number)*2 < len(strings.ReplaceAll(typed, " ", "")) {
		return identity.Search(ctx, tx, a, typed, 10)
	}
	var found []identity.Person
	f := identity.Filter{Limit: 200}
	for page := 0; page < maxPages && len(found) < 10; page++ {
		list, next, err := identity.List(ctx, tx, a, f)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			if calls(p.Phone, number) || calls(p.Mobile, number) {
				found = append(found, p)
			}
		}
		if next == "" {
			break
		}
		f.After = next
	}
	return found, nil
}

// calls reports whether a number of a person ends as the one shown by the telephone: prefixes differ.
func calls(stored, shown string) bool {
	stored = digits(stored)
	last := min(len(stored), len(shown), 9)
	return last >= 4 && (stored[len(stored)-last:] == shown[len(shown)-last:] || strings.Contains(stored, shown))
}

func digits(s string) string {
	return string(slices.DeleteFunc([]byte(s), func(b byte) bool { return b < '0' || b > '9' }))
}

// saveCall opens a ticket for who calls.
func (d *desk) saveCall(w http.ResponseWriter, r *http.Request) error {
	if err := d.Form(w, r); err != nil {
		return err
	}
	f := clean(r.PostForm)
	var t ticket.Ticket
	err := d.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		who := f.Get("requester")
		if who == "" {
			p, err := identity.EnsureParticipant(ctx, tx, a, f.Get("email"), f.Get("name"))
			if err != nil {
				return err
			}
			who = p.ID
		}
		dr := ticket.Draft{Kind: ticket.Kind(f.Get("type")), Subject: f.Get("subject"), RequesterID: who, Channel: ticket.Phone, CategoryID: f.Get("category"),
			QueueID: f.Get("queue"), Impact: kit.Int(f.Get("impact")), Urgency: kit.Int(f.Get("urgency")), Fields: form.FromForm(f), Message: ticket.Draught{Body: f.Get("body")}}
		if t, err = ticket.OpenTicket(ctx, tx, a, dr); err != nil {
			return err
		}
		if f.Get("mine") != "" && t.MayWork(a) == nil {
			t, err = ticket.Take(ctx, tx, a, t.ID)
		}
		return err
	})
	if errors.Is(err, errs.Invalid) {
		c := page.Call{External: f.Get("requester") == "", Form: page.Form{Name: "calls", Values: f, Mistakes: ui.MistakesOf(r.Context(), err)}}
		return d.phone(w, r, http.StatusUnprocessableEntity, c, f.Get("requester"))
	}
	if err != nil {
		return err
	}
	return d.Done(w, r, "/desk/tickets/"+t.Reference(), ui.Flash{Text: i18n.T(r.Context(), "desk.call.saved", "ref", t.Reference())})
}

// print is the ticket on paper: the whole conversation, without the desk around it.
func (d *desk) print(w http.ResponseWriter, r *http.Request) error {
	var p page.Print
	err := d.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		c, err := readDossier(ctx, tx, a, r.PathValue("ref"), query{view: "mine"})
		if err != nil {
			return err
		}
		l := i18n.From(ctx)
		p = page.Print{Ref: c.t.Reference(), Subject: c.t.Subject, Items: c.talk(ctx, tx, auth.Actor{}, r.URL.Query())} // names, for whoever reads the paper
		p.Facts = append([]ui.KV{{Name: l.T("desk.requester"), Text: c.t.Requester}, {Name: l.T("desk.status"), Text: l.T("ticket.status." + string(c.t.Status))}}, c.facts(l)...)
		return nil
	})
	if err != nil {
		return err
	}
	s, err := d.DeskShell(w, r, p.Ref+" · "+p.Subject, "desk")
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.Paper(s, p))
}
