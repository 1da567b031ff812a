package settings

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/form"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
)

const fieldsPath = ui.SettingsPath + "/fields"

func (p pages) mountFields() {
	p.Route(kit.Admins, "GET "+fieldsPath, p.fields)
	p.Route(kit.Admins, "GET "+fieldsPath+"/new", p.newField)
	p.Route(kit.Admins, "POST "+fieldsPath, p.saveField)
	p.Route(kit.Admins, "GET "+fieldsPath+"/{id}", p.field)
	p.Route(kit.Admins, "POST "+fieldsPath+"/{id}", p.saveField)
	p.Route(kit.Admins, "POST "+fieldsPath+"/{id}/move", p.moveField)
	p.Route(kit.Admins, "POST "+fieldsPath+"/{id}/archive", p.setField(false, "settings.field.now_archived"))
	p.Route(kit.Admins, "POST "+fieldsPath+"/{id}/restore", p.setField(true, "settings.field.now_restored"))
}

// types are the types of ticket to choose from, all first.
func types(l i18n.Loc) []ui.Option {
	out := []ui.Option{{Label: l.T("settings.field.type.all")}}
	for _, k := range []ticket.Kind{ticket.Incident, ticket.Request, ticket.Problem} {
		out = append(out, ui.Option{Value: string(k), Label: l.T("ticket.kind." + string(k))})
	}
	return out
}

// branches are the categories to choose from, all first.
func branches(l i18n.Loc, tree ticket.Tree) []ui.Option {
	out := []ui.Option{{Label: l.T("settings.field.category.all")}}
	for _, c := range tree {
		out = append(out, ui.Option{Value: c.ID, Label: tree.Title(c.ID, string(l.Lang))})
	}
	return out
}

// where says in words which forms ask f.
func where(l i18n.Loc, tree ticket.Tree, f form.Field) string {
	kind, category := l.T("settings.field.type.all"), l.T("settings.field.category.all")
	if f.TicketKind != "" {
		kind = l.T("ticket.kind." + f.TicketKind)
	}
	if title := tree.Title(f.CategoryID, string(l.Lang)); title != "" {
		category = title
	}
	return kind + " · " + category
}

func (p pages) fields(w http.ResponseWriter, r *http.Request) error {
	l, q := i18n.From(r.Context()), r.URL.Query()
	v := page.Fields{Type: q.Get("type"), Category: q.Get("category"), Types: types(l)}
	v.Narrow = v.Type != "" || v.Category != ""
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		tree, err := ticket.Categories(ctx, tx)
		if err != nil {
			return err
		}
		v.Categories = branches(l, tree)
		var path []string
		for _, c := range tree.Path(v.Category) {
			path = append(path, c.ID)
		}
		all, err := form.All(ctx, tx, a)
		v.Any = len(all) > 0
		for _, f := range all {
			asked := f.Active && (v.Type == "" || f.TicketKind == "" || f.TicketKind == v.Type) && (v.Category == "" || f.CategoryID == "" || slices.Contains(path, f.CategoryID))
			if v.Narrow && !asked {
				continue
			}
			v.List = append(v.List, page.FieldLine{ID: f.ID, Label: f.Label(l.Lang), Href: fieldsPath + "/" + f.ID, Kind: l.T("settings.field.kind." + string(f.Kind)),
				Where: where(l, tree, f), Required: f.Required, Archived: !f.Active})
		}
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.shell(w, r, l.T("settings.fields"), "fields")
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.FieldsPage(s, v))
}

// newField asks for the kind of answer first: it decides what else there is to say.
func (p pages) newField(w http.ResponseWriter, r *http.Request) error {
	l, kind := i18n.From(r.Context()), form.Kind(r.URL.Query().Get("kind"))
	if slices.Contains(form.Kinds(), kind) {
		v := page.Field{Kind: string(kind), Active: true}
		if chooses(kind) {
			v.Options = make([]page.FieldOption, 2)
		}
		return p.showField(w, r, http.StatusOK, v)
	}
	icons := map[form.Kind]string{form.Text: "type", form.Long: "file-text", form.Number: "hash", form.Date: "calendar", form.Choice: "circle-dot", form.Choices: "list-checks", form.Boolean: "square-check"}
	var kinds []page.FieldKind
	for _, k := range form.Kinds() {
		kinds = append(kinds, page.FieldKind{Kind: string(k), Icon: icons[k], Label: l.T("settings.field.kind." + string(k)), Text: l.T("settings.field.about." + string(k))})
	}
	s, err := p.shell(w, r, l.T("settings.field.new"), "fields")
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.FieldKindsPage(s, kinds))
}

func chooses(k form.Kind) bool { return k == form.Choice || k == form.Choices }

func shownField(f form.Field) page.Field {
	v := page.Field{ID: f.ID, Title: f.LabelFR, Key: f.Key, Kind: string(f.Kind), LabelFR: f.LabelFR, LabelEN: f.LabelEN, HelpFR: f.HelpFR, HelpEN: f.HelpEN,
		Type: f.TicketKind, Category: f.CategoryID, Required: f.Required, Active: f.Active, Version: f.Version}
	for _, o := range f.Options {
		v.Options = append(v.Options, page.FieldOption{Value: o.Value, FR: o.FR, EN: o.EN})
	}
	return v
}

func (p pages) findField(r *http.Request) (f form.Field, err error) {
	err = p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		f, err = form.Find(ctx, tx, a, r.PathValue("id"))
		return err
	})
	return f, err
}

func (p pages) field(w http.ResponseWriter, r *http.Request) error {
	f, err := p.findField(r)
	if err != nil {
		return err
	}
	v := shownField(f)
	v.Sample = &f
	return p.showField(w, r, http.StatusOK, v)
}

func (p pages) showField(w http.ResponseWriter, r *http.Request, status int, v page.Field) error {
	l := i18n.From(r.Context())
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, _ auth.Actor) error {
		tree, err := ticket.Categories(ctx, tx)
		v.Categories = branches(l, tree)
		return err
	})
	if err != nil {
		return err
	}
	v.Types, v.Chooses, v.KindLabel = types(l), chooses(form.Kind(v.Kind)), l.T("settings.field.kind."+v.Kind)
	if v.Title == "" {
		v.Title = l.T("settings.field.new")
	}
	s, err := p.shell(w, r, v.Title, "fields")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.FieldPage(s, v))
}

// typedField reads the form of a field, with all the choices typed, also blank ones.
func typedField(r *http.Request) page.Field {
	f := r.PostForm
	v := page.Field{ID: r.PathValue("id"), Key: f.Get("key"), Kind: f.Get("kind"), LabelFR: f.Get("label_fr"), LabelEN: f.Get("label_en"), HelpFR: f.Get("help_fr"), HelpEN: f.Get("help_en"),
		Type: f.Get("ticket_kind"), Category: f.Get("category"), Required: f.Get("required") != "", Active: true, Version: versionOf(r)}
	values, en := f["option_value"], f["option_en"]
	for i, fr := range f["option_fr"] {
		o := page.FieldOption{FR: fr}
		if i < len(values) {
			o.Value = values[i]
		}
		if i < len(en) {
			o.EN = en[i]
		}
		v.Options = append(v.Options, o)
	}
	return v
}

// arrange does what a button beside the choices asks for: add one, drop one, move one.
func arrange(v *page.Field, do string) {
	what, at, _ := strings.Cut(do, ".")
	i := kit.Int(at)
	switch {
	case what == "add":
		v.Options = append(v.Options, page.FieldOption{})
		v.Focus = len(v.Options)
	case i < 0 || i >= len(v.Options):
	case what == "drop":
		v.Options = slices.Delete(v.Options, i, i+1)
		v.Focus = min(i+1, len(v.Options))
	case what == "up" && i > 0:
		v.Options[i-1], v.Options[i] = v.Options[i], v.Options[i-1]
		v.Focus = i
	case what == "down" && i < len(v.Options)-1:
		v.Options[i], v.Options[i+1] = v.Options[i+1], v.Options[i]
		v.Focus = i + 2
	}
}

// slug makes a name for programs of what people read: "Numéro de série" is "numero_de_serie". taken tells which exist.
func slug(label string, longest int, taken func(string) bool) string {
	words := strings.FieldsFunc(text.Fold(label), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	s := strings.Join(words, "_")
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		s = strings.Trim("x_"+s, "_")
	}
	s = strings.Trim(s[:min(len(s), longest-3)], "_")
	for n, stem := 2, s; taken(s); n++ {
		s = stem + "_" + strconv.Itoa(n)
	}
	return s
}

// put writes what was typed into f. Choices keep the value that tickets already hold; new ones get one of their label.
func put(v *page.Field, f *form.Field) {
	f.LabelFR, f.LabelEN, f.HelpFR, f.HelpEN = v.LabelFR, v.LabelEN, v.HelpFR, v.HelpEN
	f.TicketKind, f.CategoryID, f.Required, f.Options = v.Type, v.Category, v.Required, nil
	v.Options = slices.DeleteFunc(v.Options, func(o page.FieldOption) bool { return strings.TrimSpace(o.FR+o.EN) == "" })
	for i := range v.Options {
		o := &v.Options[i]
		if o.Value == "" && strings.TrimSpace(o.FR) != "" {
			o.Value = slug(o.FR, 100, func(s string) bool {
				return slices.ContainsFunc(v.Options, func(o page.FieldOption) bool { return o.Value == s })
			})
		}
		f.Options = append(f.Options, form.Option{Value: o.Value, FR: o.FR, EN: o.EN})
	}
}

func (p pages) saveField(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	v := typedField(r)
	if !slices.Contains(form.Kinds(), form.Kind(v.Kind)) {
		return errs.InvalidField("kind", "form.error.kind")
	}
	if do := r.PostFormValue("do"); do != "" {
		arrange(&v, do)
		return p.showTypedField(w, r, http.StatusOK, v)
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error { return storeField(ctx, tx, a, &v) })
	if status, yes := refused(err); yes {
		v.Mistakes, v.Changed = ui.MistakesOf(r.Context(), err), status == http.StatusConflict
		for i := range v.Options {
			v.Options[i].Error = v.Mistakes.Of("options." + strconv.Itoa(i))
		}
		if v.Changed {
			now, found := p.findField(r)
			if found != nil {
				return found
			}
			v.Version = now.Version // saving again is about the one in force
		}
		return p.showTypedField(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return p.done(w, r, fieldsPath, "settings.field.saved")
}

// showTypedField shows what was typed about a field, under the name that it has.
func (p pages) showTypedField(w http.ResponseWriter, r *http.Request, status int, v page.Field) error {
	if v.ID != "" {
		now, err := p.findField(r)
		if err != nil {
			return err
		}
		v.Title, v.Key, v.Kind, v.Active, v.Sample = now.LabelFR, now.Key, string(now.Kind), now.Active, &now
	}
	return p.showField(w, r, status, v)
}

// storeField creates or changes the field of v in one transaction.
func storeField(ctx context.Context, tx *db.Tx, a auth.Actor, v *page.Field) error {
	if v.Category != "" {
		tree, err := ticket.Categories(ctx, tx)
		if err != nil {
			return err
		}
		if _, ok := tree.Find(v.Category); !ok {
			return errs.InvalidField("category", "settings.field.category.unknown")
		}
	}
	if v.ID != "" {
		f, err := form.Find(ctx, tx, a, v.ID)
		if err != nil {
			return err
		}
		f.Version = v.Version
		put(v, &f)
		_, err = form.Change(ctx, tx, a, f)
		return err
	}
	all, err := form.All(ctx, tx, a)
	if err != nil {
		return err
	}
	f := form.Field{Key: strings.TrimSpace(v.Key), Kind: form.Kind(v.Kind), Position: len(all)}
	for _, x := range all {
		f.Position = max(f.Position, x.Position+1)
	}
	if f.Key == "" {
		f.Key = slug(v.LabelFR, 40, func(s string) bool { return slices.ContainsFunc(all, func(x form.Field) bool { return x.Key == s }) })
	}
	put(v, &f)
	_, err = form.Create(ctx, tx, a, f)
	return err
}

func (p pages) moveField(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	by := 1
	if r.PostFormValue("do") == "up" {
		by = -1
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return form.Move(ctx, tx, a, r.PathValue("id"), by)
	})
	if err != nil {
		return err
	}
	return kit.Redirect(w, r, fieldsPath+"#f-"+r.PathValue("id"))
}

// setField archives a field or takes it back.
func (p pages) setField(active bool, done string) kit.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			f, err := form.Find(ctx, tx, a, r.PathValue("id"))
			if err != nil {
				return err
			}
			f.Active = active
			_, err = form.Change(ctx, tx, a, f)
			return err
		})
		if err != nil {
			return err
		}
		return p.done(w, r, fieldsPath+"/"+r.PathValue("id"), done)
	}
}
