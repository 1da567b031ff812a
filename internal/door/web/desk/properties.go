package desk

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/form"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/desk"
	"entraide/internal/door/web/ui"
)

// property is one editable property: how it is asked and what it holds now.
type property struct {
	name, label, value, words string // words are value as people read it
	hint                      string
	options                   []ui.Option
	rows                      int
	kind                      string // of the input
	multi                     bool   // several values, with commas between
	optional                  bool
}

// editableNow are the properties that the form of the ticket asks for.
func (d dossier) editableNow(l i18n.Loc) []property {
	t := d.t
	scale := func(name, label string, v int) property {
		return choice(name, label, strconv.Itoa(v), scales(l))
	}
	kinds := []ui.Option{{Value: string(ticket.Incident), Label: l.T("ticket.kind.incident")}, {Value: string(ticket.Request), Label: l.T("ticket.kind.request")}}
	if t.Kind == ticket.Problem {
		kinds = []ui.Option{{Value: string(ticket.Problem), Label: l.T("ticket.kind.problem")}}
	}
	var ranks []ui.Option
	for p := 1; p <= 4; p++ {
		ranks = append(ranks, ui.Option{Value: strconv.Itoa(p), Label: ui.PriorityName(l, p)})
	}
	tags := strings.Join(d.tags, ", ")
	out := []property{
		{name: "subject", label: l.T("desk.subject"), value: t.Subject, words: t.Subject},
		choice("type", l.T("desk.type"), string(t.Kind), kinds),
		choice("category", l.T("desk.category"), t.CategoryID, append([]ui.Option{{Label: l.T("desk.none")}}, categories(l, d.tree)...)),
		scale("impact", l.T("desk.impact"), t.Impact),
		scale("urgency", l.T("desk.urgency"), t.Urgency),
		choice("priority", l.T("desk.priority"), strconv.Itoa(t.Priority), ranks),
		{name: "requester", label: l.T("desk.requester.change"), value: t.Email, words: t.Requester + " " + t.Email},
		{name: "tags", label: l.T("desk.tags"), value: tags, words: tags, optional: true},
	}
	if t.Email == "" {
		out[6].value = t.Requester
	}
	out[2].optional = true
	for _, f := range d.fields {
		p := custom(l, f, t.Fields[f.Key])
		p.optional = !f.Required
		out = append(out, p)
	}
	return out
}

func choice(name, label, value string, options []ui.Option) property {
	p := property{name: name, label: label, value: value, words: value, options: options}
	if i := slices.IndexFunc(options, func(o ui.Option) bool { return o.Value == value }); i >= 0 {
		p.words = options[i].Label
	}
	return p
}

func scales(l i18n.Loc) []ui.Option {
	var out []ui.Option
	for i := 1; i <= 4; i++ {
		n := strconv.Itoa(i)
		out = append(out, ui.Option{Value: n, Label: l.T("ticket.scale." + n)})
	}
	return out
}

// custom is a field of the organisation's own as a property.
func custom(l i18n.Loc, f form.Field, value any) property {
	p := property{name: "fields." + f.Key, label: f.Label(l.Lang), hint: f.Help(l.Lang), words: f.Show(l, value)}
	none := ui.Option{Label: l.T("desk.none")}
	switch f.Kind {
	case form.Choice:
		options := []ui.Option{none}
		for _, o := range f.Options {
			options = append(options, ui.Option{Value: o.Value, Label: o.Label(l.Lang)})
		}
		c := choice(p.name, p.label, textOf(value), options)
		c.hint = p.hint
		return c
	case form.Boolean:
		c := choice(p.name, p.label, textOf(value), []ui.Option{none, {Value: "true", Label: l.T("desk.yes")}, {Value: "false", Label: l.T("desk.no")}})
		c.hint = p.hint
		return c
	case form.Long:
		p.rows = 3
	case form.Date:
		p.kind = "date"
	case form.Choices:
		p.multi = true
	}
	p.value = textOf(value)
	return p
}

// textOf is a stored value as an input holds it.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		var parts []string
		for _, x := range v {
			parts = append(parts, textOf(x))
		}
		return strings.Join(parts, ", ")
	}
	return ""
}

func (d dossier) editable(l i18n.Loc, f page.Form) []page.Property {
	var out []page.Property
	for _, p := range d.editableNow(l) {
		out = append(out, page.Property{Was: p.value, Options: p.options, Field: ui.Field{Name: p.name, Label: p.label, Hint: p.hint, Rows: p.rows, Kind: p.kind,
			Value: f.Value("properties", p.name, p.value), Error: f.Mistake("properties", p.name), Optional: p.optional, Attrs: p.attrs()}})
	}
	return out
}

// attrs give the first field the focus when the dialog opens.
func (p property) attrs() templ.Attributes {
	if p.name != "subject" {
		return nil
	}
	return templ.Attributes{"autofocus": true, "maxlength": strconv.Itoa(ticket.MaxSubject)}
}

// properties saves the form of the ticket. Each field says what it was when the page was drawn, so that two people
// who change different things both keep their change; a field that both changed is shown for a choice.
func (d *desk) properties(w http.ResponseWriter, r *http.Request) error {
	if err := d.Form(w, r); err != nil {
		return err
	}
	v := clean(r.PostForm)
	var c dossier
	var quarrel []ui.Diff
	err := d.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if c, err = readDossier(ctx, tx, a, r.PathValue("ref"), readQuery(r.URL.Query())); err != nil {
			return err
		}
		l := i18n.From(ctx)
		now := c.editableNow(l)
		seen, err := strconv.ParseInt(v.Get("version"), 10, 64)
		if err != nil {
			return errs.Because(errs.Invalid, "web.problem.invalid.text")
		}
		if quarrel = quarrels(now, v); len(quarrel) > 0 && seen != c.t.Version {
			return errs.Because(errs.Conflict, "ticket.stale", "ref", c.t.Reference())
		}
		p, err := c.patch(ctx, tx, a, now, v)
		if err != nil {
			return err
		}
		c.t, err = ticket.Update(ctx, tx, a, c.t.ID, p)
		return err
	})
	switch {
	case err == nil:
		return d.Done(w, r, here(c.t.Reference(), r.URL.Query()), ui.Flash{Text: i18n.T(r.Context(), "desk.done.changed", "ref", c.t.Reference())})
	case errors.Is(err, errs.Conflict) && len(quarrel) > 0:
		return d.quarrel(w, r, c, quarrel)
	case errors.Is(err, errs.Invalid), errors.Is(err, errs.Conflict):
		p := kit.ProblemOf(r.Context(), err)
		return d.show(w, r, p.Status, page.Form{Name: "properties", Values: v, Mistakes: ui.MistakesOf(r.Context(), err), Text: p.Text})
	}
	return err
}

// quarrels are the fields that the author changed and somebody else changed to something else since.
func quarrels(now []property, v url.Values) []ui.Diff {
	var out []ui.Diff
	for _, p := range now {
		mine, was := meant(p, v.Get(p.name)), v.Get("was."+p.name)
		if !v.Has(p.name) || mine == was || mine == p.value || was == p.value {
			continue
		}
		out = append(out, ui.Diff{Name: p.name, Label: p.label, Mine: wordsOf(p, mine), Theirs: p.words, Long: p.rows > 0})
	}
	return out
}

// meant is a typed value as the form holds it: the three-way choice shows the words of an option, not its value.
func meant(p property, typed string) string {
	typed = strings.ReplaceAll(typed, "\r\n", "\n")
	for _, o := range p.options {
		if text.Fold(o.Label) == text.Fold(typed) {
			return o.Value
		}
	}
	if p.name == "requester" {
		if i := strings.LastIndex(typed, " "); i >= 0 && strings.Contains(typed[i:], "@") {
			return strings.TrimSpace(typed[i:])
		}
	}
	return typed
}

func wordsOf(p property, value string) string {
	for _, o := range p.options {
		if o.Value == value {
			return o.Label
		}
	}
	return value
}

// quarrel shows both versions of what two people changed, and keeps the rest of what was typed.
func (d *desk) quarrel(w http.ResponseWriter, r *http.Request, c dossier, fields []ui.Diff) error {
	l := i18n.From(r.Context())
	who := l.T("desk.event.somebody")
	me := auth.From(r.Context()).ID
	for _, e := range c.events {
		if len(e.Data.Changes) > 0 && e.ActorID != me {
			who = e.Actor
		}
	}
	q := page.Conflict{Ref: c.t.Reference(), Subject: c.t.Subject, Who: who, Version: strconv.FormatInt(c.t.Version, 10), Fields: fields,
		Action: link("/desk/tickets/"+c.t.Reference()+"/properties", readQuery(r.URL.Query()).values(true)), Back: here(c.t.Reference(), r.URL.Query())}
	for _, p := range c.editableNow(l) {
		asked := slices.ContainsFunc(fields, func(f ui.Diff) bool { return f.Name == p.name })
		if !asked && r.PostForm.Has(p.name) {
			q.Hidden = append(q.Hidden, [2]string{p.name, r.PostForm.Get(p.name)}, [2]string{"was." + p.name, r.PostForm.Get("was." + p.name)})
		}
		if asked {
			q.Hidden = append(q.Hidden, [2]string{"was." + p.name, p.value})
		}
	}
	s, err := d.DeskShell(w, r, q.Ref, "desk")
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusConflict, page.Quarrel(s, q))
}

// patch holds what the author changed, and nothing else.
func (d dossier) patch(ctx context.Context, tx *db.Tx, a auth.Actor, now []property, v url.Values) (ticket.Patch, error) {
	p := ticket.Patch{Version: d.t.Version}
	for _, f := range now {
		mine := meant(f, v.Get(f.name))
		if !v.Has(f.name) || mine == f.value || v.Has("was."+f.name) && mine == v.Get("was."+f.name) {
			continue
		}
		n, err := strconv.Atoi(mine)
		if err != nil {
			n = 0 // refused by the room where a number is wanted
		}
		switch f.name {
		case "subject":
			p.Subject = &mine
		case "type":
			k := ticket.Kind(mine)
			p.Kind = &k
		case "category":
			p.CategoryID = &mine
		case "impact":
			p.Impact = &n
		case "urgency":
			p.Urgency = &n
		case "priority":
			p.Priority = &n
		case "requester":
			id, err := findPerson(ctx, tx, a, "requester", mine)
			if err != nil {
				return p, err
			}
			p.RequesterID = &id
		case "tags":
			list := splitTags(mine)
			p.Tags = &list
		default:
			if p.Fields == nil {
				p.Fields = map[string]any{}
			}
			p.Fields[strings.TrimPrefix(f.name, "fields.")] = f.store(mine)
		}
	}
	return p, nil
}

// store is what was typed as the form room reads it; nil clears.
func (p property) store(typed string) any {
	switch {
	case typed == "":
		return nil
	case p.multi:
		var list []string
		for _, v := range splitTags(typed) {
			list = append(list, strings.TrimSpace(v))
		}
		return list
	}
	return typed
}
