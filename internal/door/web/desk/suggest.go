package desk

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	"entraide/internal/door/web/ui"
)

// suggested is how many things are offered at once.
const suggested = 8

// suggest answers what is typed in a message: "/" texts kept ready, "@" people, "#" tickets.
func (d *desk) suggest(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	ref := r.PathValue("ref")
	if ref == "" {
		ref = v.Get("ticket")
	}
	var list []ui.Suggestion
	err := d.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		switch v.Get("kind") {
		case "/":
			list, err = canned(ctx, tx, a, ref, v.Get("q"))
		case "@":
			list, err = mentions(ctx, tx, a, v.Get("q"))
		case "#":
			list, err = references(ctx, tx, a, v.Get("q"))
		}
		return err
	})
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, ui.SuggestList(list))
}

func canned(ctx context.Context, tx *db.Tx, a auth.Actor, ref, q string) ([]ui.Suggestion, error) {
	t, err := ticket.Find(ctx, tx, a, ref)
	if err != nil {
		return nil, err
	}
	all, err := ticket.CannedReplies(ctx, tx, a, q)
	if err != nil {
		return nil, err
	}
	who, err := identity.Find(ctx, tx, a, t.RequesterID)
	if err != nil {
		return nil, err
	}
	lang := who.Lang
	if lang == "" {
		lang = string(i18n.From(ctx).Lang)
	}
	slices.SortStableFunc(all, func(x, y ticket.CannedReply) int { // those in the requester's language first
		return cmp.Compare(btoi(x.Lang != lang), btoi(y.Lang != lang))
	})
	var out []ui.Suggestion
	for _, c := range all[:min(len(all), suggested)] {
		out = append(out, ui.Suggestion{Icon: "scroll-text", Label: c.Title, Detail: strings.ToUpper(c.Lang), Insert: c.Fill(t, a)})
	}
	return out, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func mentions(ctx context.Context, tx *db.Tx, a auth.Actor, q string) ([]ui.Suggestion, error) {
	people, err := identity.Search(ctx, tx, a, q, suggested)
	var out []ui.Suggestion
	for _, p := range people {
		out = append(out, ui.Suggestion{Icon: "at-sign", Label: p.Name, Detail: personCard(p).Detail, Insert: "@[" + p.Name + "](person:" + p.ID + ")"})
	}
	return out, err
}

func references(ctx context.Context, tx *db.Tx, a auth.Actor, q string) ([]ui.Suggestion, error) {
	found, _, err := ticket.List(ctx, tx, a, ticket.Filter{Q: q}, ticket.Page{Limit: suggested})
	var out []ui.Suggestion
	for _, t := range found {
		out = append(out, ui.Suggestion{Icon: "ticket", Label: t.Reference() + " " + t.Subject, Detail: t.Requester, Insert: t.Reference()})
	}
	return out, err
}

// palette answers Ctrl-K: what can be done here, where one can go, tickets and people.
func (d *desk) palette(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	var groups []ui.PaletteGroup
	err := d.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		p := finder{l: i18n.From(ctx), q: text.Fold(v.Get("q")), typed: text.Line(v.Get("q")), agent: a.Agent()}
		if ref := v.Get("on"); ref != "" && p.agent {
			p.actions()
		}
		if err := p.tickets(ctx, tx, a); err != nil {
			return err
		}
		p.places(a)
		if err := p.people(ctx, tx, a); err != nil {
			return err
		}
		groups = p.groups
		return nil
	})
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, ui.PaletteResults(groups))
}
