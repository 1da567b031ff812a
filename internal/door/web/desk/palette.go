package desk

import (
	"context"
	"net/url"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/ui"
)

// finder gathers what the palette offers for what is typed.
type finder struct {
	l      i18n.Loc
	q      string // folded
	typed  string
	agent  bool
	groups []ui.PaletteGroup
}

// fits reports whether every word typed begins a word of label.
func (p *finder) fits(label string) bool {
	words := strings.Fields(text.Fold(label))
	for _, w := range strings.Fields(p.q) {
		found := false
		for _, x := range words {
			found = found || strings.HasPrefix(x, w)
		}
		if !found {
			return false
		}
	}
	return true
}

func (p *finder) add(title string, items []ui.PaletteItem) {
	if len(items) > 0 {
		p.groups = append(p.groups, ui.PaletteGroup{Title: p.l.T(title), Items: items})
	}
}

// actions press the buttons of the open ticket.
func (p *finder) actions() {
	var items []ui.PaletteItem
	for _, x := range []struct{ key, label, icon string }{
		{"r", "desk.reply", "reply"}, {"n", "desk.note", "lock"}, {"a", "desk.take", "user-check"}, {"e", "desk.escalate", "arrow-up-right"},
		{"s", "desk.resolve", "circle-check"}, {"p", "desk.wait", "circle-pause"}, {"g", "desk.assign", "user-plus"}, {"i", "desk.properties", "file-pen"},
	} {
		if label := p.l.T(x.label); p.fits(label) {
			items = append(items, ui.PaletteItem{Icon: x.icon, Label: label, Key: x.key})
		}
	}
	p.add("desk.palette.actions", items)
}

func (p *finder) tickets(ctx context.Context, tx *db.Tx, a auth.Actor) error {
	if p.typed == "" {
		return nil
	}
	found, _, err := ticket.List(ctx, tx, a, ticket.Filter{Q: p.typed}, ticket.Page{Limit: 6})
	var items []ui.PaletteItem
	for _, t := range found {
		path := "/requests/"
		if t.AsAgent(a) {
			path = "/desk/tickets/"
		}
		kind, word := standing(p.l, t, tx.Now)
		if word == "" {
			word = p.l.T("ui.status." + string(kind))
		}
		items = append(items, ui.PaletteItem{Icon: "ticket", Ref: t.Reference(), Label: t.Subject, Right: word, Href: path + t.Reference()})
	}
	p.add("desk.palette.tickets", items)
	return err
}

// places are the pages one can go to.
func (p *finder) places(a auth.Actor) {
	list := []ui.PaletteItem{
		{Icon: "house", Label: p.l.T("web.nav.home"), Href: ui.HomePath},
		{Icon: "plus", Label: p.l.T("desk.palette.new"), Href: ui.NewRequestPath},
		{Icon: "inbox", Label: p.l.T("web.nav.requests"), Href: "/requests"},
		{Icon: "bell", Label: p.l.T("web.nav.notifications"), Href: ui.NotificationsPath},
		{Icon: "circle-user", Label: p.l.T("web.nav.profile"), Href: ui.ProfilePath},
	}
	if p.agent {
		for _, v := range ticket.BuiltIn() {
			list = append(list, ui.PaletteItem{Icon: viewIcon(v.ID), Label: p.l.T("desk.palette.view", "view", p.l.T("desk.view."+v.ID)), Href: viewPath(v.ID)})
		}
		list = append(list, ui.PaletteItem{Icon: "phone-call", Label: p.l.T("desk.call"), Href: "/desk/call"})
	}
	if a.Admin() {
		list = append(list, ui.PaletteItem{Icon: "settings", Label: p.l.T("web.nav.settings"), Href: ui.SettingsPath})
	}
	var items []ui.PaletteItem
	for _, it := range list {
		if p.fits(it.Label) {
			items = append(items, it)
		}
	}
	p.add("desk.palette.places", items)
}

// people are the callers one may write a ticket for; only agents are shown them.
func (p *finder) people(ctx context.Context, tx *db.Tx, a auth.Actor) error {
	if p.typed == "" || !p.agent {
		return nil
	}
	found, err := identity.Search(ctx, tx, a, p.typed, 5)
	var items []ui.PaletteItem
	for _, x := range found {
		items = append(items, ui.PaletteItem{Icon: "circle-user", Label: x.Name, Right: personCard(x).Detail, Href: link("/desk/call", url.Values{"person": {x.ID}})})
	}
	p.add("desk.palette.people", items)
	return err
}
