package form_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/form"
)

var questions = []form.Field{
	{Key: "serial", Kind: form.Text, Required: true},
	{Key: "story", Kind: form.Long},
	{Key: "amount", Kind: form.Number},
	{Key: "since", Kind: form.Date},
	{Key: "site", Kind: form.Choice, Options: []form.Option{{Value: "nantes", FR: "Nantes"}, {Value: "lyon", FR: "Lyon"}}},
	{Key: "tools", Kind: form.Choices, Options: []form.Option{{Value: "vpn", FR: "VPN"}, {Value: "mail", FR: "Messagerie", EN: "Mail"}}},
	{Key: "urgent", Kind: form.Boolean},
}

func TestValidate(t *testing.T) {
	ok := func(key string, in, want any) (map[string]any, map[string]any) {
		return map[string]any{"serial": "A1", key: in}, map[string]any{"serial": "A1", key: want}
	}
	for name, c := range map[string]struct {
		key      string
		in, want any
	}{
		"text on one line":        {"serial", "  A1\r\n B2 ", "A1 B2"},
		"long keeps its lines":    {"story", "a\r\nb\n", "a\nb"},
		"number of JSON":          {"amount", 12.5, 12.5},
		"number of a JSON number": {"amount", json.Number("7"), 7.0},
		"French decimal comma":    {"amount", "1 234,5", 1234.5},
		"narrow space":            {"amount", "1\u202f234", 1234.0},
		"typographic minus":       {"amount", "−3", -3.0},
		"decimal point":           {"amount", "0.25", 0.25},
		"zero is a value":         {"amount", 0.0, 0.0},
		"ISO date":                {"since", "2026-03-12", "2026-03-12"},
		"French date":             {"since", "12/03/2026", "2026-03-12"},
		"short French date":       {"since", "1/3/2026", "2026-03-01"},
		"choice":                  {"site", "lyon", "lyon"},
		"choice of a form":        {"site", []string{"lyon"}, "lyon"},
		"choices in their order":  {"tools", []any{"mail", "vpn", "mail"}, []string{"vpn", "mail"}},
		"one choice":              {"tools", "vpn", []string{"vpn"}},
		"ticked box":              {"urgent", "on", true},
		"hidden off, then ticked": {"urgent", []string{"off", "on"}, true},
		"false is a value":        {"urgent", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			in, want := ok(c.key, c.in, c.want)
			got, bad := form.Validate(questions, in)
			if len(bad) > 0 || !reflect.DeepEqual(got, want) {
				t.Errorf("Validate = %v, %v; want %v", got, bad, want)
			}
		})
	}
}

func TestValidateRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		key     string
		in      any
		errName string
		errKey  string
	}{
		"required missing":    {"serial", nil, "fields.serial", "form.error.required"},
		"required blank":      {"serial", " \u00a0\t ", "fields.serial", "form.error.required"},
		"text too long":       {"serial", strings.Repeat("é", form.MaxText+1), "fields.serial", "form.error.too_long"},
		"long too long":       {"story", strings.Repeat("a", form.MaxLong+1), "fields.story", "form.error.too_long"},
		"not a number":        {"amount", "douze", "fields.amount", "form.error.shape.number"},
		"two commas":          {"amount", "1,2,3", "fields.amount", "form.error.shape.number"},
		"infinite":            {"amount", "inf", "fields.amount", "form.error.shape.number"},
		"hexadecimal":         {"amount", "0x10", "fields.amount", "form.error.shape.number"},
		"31 February":         {"since", "31/02/2026", "fields.since", "form.error.shape.date"},
		"unknown choice":      {"site", "paris", "fields.site", "form.error.choice"},
		"two of a choice":     {"site", []string{"lyon", "nantes"}, "fields.site", "form.error.single"},
		"unknown in choices":  {"tools", []string{"vpn", "fax"}, "fields.tools", "form.error.choice"},
		"neither yes nor no":  {"urgent", "peut-être", "fields.urgent", "form.error.shape.boolean"},
		"an object":           {"serial", map[string]any{"a": 1}, "fields.serial", "form.error.shape.text"},
		"a field that is not": {"colour", "blue", "fields.colour", "form.error.unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			in := map[string]any{"serial": "A1", c.key: c.in}
			got, bad := form.Validate(questions, in)
			if len(bad) != 1 || bad[0].Name != c.errName || bad[0].Key != c.errKey {
				t.Errorf("Validate = %v, %v; want %s %s", got, bad, c.errName, c.errKey)
			}
			for _, l := range i18n.Langs() {
				if (i18n.Loc{Lang: l}).T(bad[0].Key, bad[0].Args...) == "" {
					t.Errorf("no sentence for %s", bad[0].Key)
				}
			}
		})
	}
}

func TestFromForm(t *testing.T) {
	got := form.FromForm(map[string][]string{"subject": {"x"}, "fields.serial": {"A1"}, "fields.": {"y"}})
	if want := map[string]any{"serial": []string{"A1"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("FromForm = %v, want %v", got, want)
	}
}

func TestShow(t *testing.T) {
	fr, en := i18n.Loc{Lang: i18n.FR}, i18n.Loc{Lang: i18n.EN}
	for _, c := range []struct {
		f     form.Field
		l     i18n.Loc
		value any
		want  string
	}{
		{questions[5], en, []any{"vpn", "mail", "fax"}, "VPN, Mail, fax"},
		{questions[4], en, "lyon", "Lyon"},
		{questions[6], fr, true, "Oui"},
		{questions[3], en, "2026-03-12", "12 March 2026"},
		{questions[2], fr, 2.5, "2,5"},
		{questions[0], fr, nil, ""},
	} {
		if got := c.f.Show(c.l, c.value); got != c.want {
			t.Errorf("Show(%v) = %q, want %q", c.value, got, c.want)
		}
	}
}

func TestFieldsOfAForm(t *testing.T) {
	maker, nobody := auth.Actor{ID: "m", Roles: []auth.Role{auth.Maker}}, auth.Actor{}
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		err := d.Write(ctx, func(tx *db.Tx) error {
			for i, f := range []form.Field{
				{Key: "everywhere"}, {Key: "incidents", TicketKind: "incident"},
				{Key: "printers", CategoryID: "c2"}, {Key: "scanners", CategoryID: "c3"},
			} {
				f.Kind, f.LabelFR, f.Position = form.Text, f.Key, 10-i
				if _, err := form.Create(ctx, tx, maker, f); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			kind string
			path []string
			want string
		}{
			{"incident", []string{"c2", "c1"}, "printers incidents everywhere"},
			{"request", []string{"c3"}, "scanners everywhere"},
			{"request", nil, "everywhere"},
		} {
			err := d.Read(ctx, func(tx *db.Tx) error {
				fields, err := form.For(ctx, tx, c.kind, c.path)
				var keys []string
				for _, f := range fields {
					keys = append(keys, f.Key)
				}
				if got := strings.Join(keys, " "); got != c.want {
					t.Errorf("For(%s, %v) = %s, want %s", c.kind, c.path, got, c.want)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		err = d.Read(ctx, func(tx *db.Tx) error { _, err := form.All(ctx, tx, nobody); return err })
		if !errors.Is(err, errs.Forbidden) {
			t.Errorf("nobody lists: %v", err)
		}
	})
}

func TestCreateAndChange(t *testing.T) {
	maker, agent := auth.Actor{ID: "m", Roles: []auth.Role{auth.Maker}}, auth.Actor{ID: "a", Roles: []auth.Role{auth.Agent}}
	good := form.Field{Key: "site", Kind: form.Choice, LabelFR: " Votre\nsite ", Options: []form.Option{{Value: "n", FR: "Nantes"}}}
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		create := func(a auth.Actor, f form.Field) (got form.Field, err error) {
			err = d.Write(ctx, func(tx *db.Tx) error { got, err = form.Create(ctx, tx, a, f); return err })
			return got, err
		}
		change := func(a auth.Actor, f form.Field) (got form.Field, err error) {
			err = d.Write(ctx, func(tx *db.Tx) error { got, err = form.Change(ctx, tx, a, f); return err })
			return got, err
		}
		if _, err := create(agent, good); !errors.Is(err, errs.Forbidden) {
			t.Errorf("an agent creates: %v", err)
		}
		f, err := create(maker, good)
		if err != nil || f.LabelFR != "Votre site" {
			t.Fatalf("create = %+v, %v", f, err)
		}
		bad := map[string]form.Field{
			"key":       {Key: "Site!", Kind: form.Text, LabelFR: "x"},
			"kind":      {Key: "k", Kind: "colour", LabelFR: "x"},
			"help_en":   {Key: "k", Kind: form.Text, LabelFR: "x", HelpEN: strings.Repeat("é", 301)},
			"label_fr":  {Key: "k", Kind: form.Text},
			"options":   {Key: "k", Kind: form.Choice, LabelFR: "x"},
			"options.1": {Key: "k", Kind: form.Choice, LabelFR: "x", Options: []form.Option{{Value: "a", FR: "A"}, {Value: "a", FR: "B"}}},
		}
		for name, b := range bad {
			if _, err := create(maker, b); len(errs.Fields(err)) != 1 || errs.Fields(err)[0].Name != name {
				t.Errorf("%s: error %v", name, err)
			}
		}
		if _, err := create(maker, good); len(errs.Fields(err)) != 1 || errs.Fields(err)[0].Key != "form.error.key_taken" {
			t.Errorf("same key: %v", err)
		}
		f.Key, f.Kind, f.LabelEN, f.Active, f.HelpFR, f.HelpEN = "other", form.Text, "Your site", false, " Où vous\ntravaillez", "Where you work"
		g, err := change(maker, f)
		if err != nil || g.Key != "site" || g.Kind != form.Choice || g.Version != 2 {
			t.Fatalf("change = %+v, %v", g, err)
		}
		if _, err := change(maker, f); !errors.Is(err, errs.Conflict) {
			t.Errorf("stale version: %v", err)
		}
		if _, err := change(agent, g); !errors.Is(err, errs.Forbidden) {
			t.Errorf("an agent changes: %v", err)
		}
		g.ID = "nope"
		if _, err := change(maker, g); !errors.Is(err, errs.NotFound) {
			t.Errorf("unknown: %v", err)
		}
		err = d.Read(ctx, func(tx *db.Tx) error {
			all, err := form.All(ctx, tx, agent)
			if len(all) != 1 || all[0].Label(i18n.EN) != "Your site" || all[0].Active || all[0].Help(i18n.FR) != "Où vous travaillez" || all[0].Help(i18n.EN) != "Where you work" || !reflect.DeepEqual(all[0].Options, good.Options) {
				t.Errorf("all = %+v", all)
			}
			asked, ferr := form.For(ctx, tx, "incident", nil)
			if len(asked) != 0 {
				t.Errorf("an inactive field is asked: %+v", asked)
			}
			return errors.Join(err, ferr)
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := dbtest.Count(t, d, "event"); n != 2 {
			t.Errorf("%d events, want 2", n)
		}
	})
}

func TestMove(t *testing.T) {
	maker, agent := auth.Actor{ID: "m", Roles: []auth.Role{auth.Maker}}, auth.Actor{ID: "a", Roles: []auth.Role{auth.Agent}}
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		ids := map[string]string{}
		for _, key := range []string{"a", "b", "c"} {
			err := d.Write(ctx, func(tx *db.Tx) error {
				f, err := form.Create(ctx, tx, maker, form.Field{Key: key, LabelFR: key, Kind: form.Text}) // all at the same place
				ids[key] = f.ID
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			a    auth.Actor
			key  string
			by   int
			want string
			err  error
		}{
			{maker, "c", -1, "a c b", nil},
			{maker, "a", 1, "c a b", nil},
			{maker, "c", -1, "c a b", nil},
			{maker, "c", 9, "a b c", nil},
			{agent, "c", -1, "a b c", errs.Forbidden},
			{maker, "none", 1, "a b c", errs.NotFound},
		} {
			err := d.Write(ctx, func(tx *db.Tx) error { return form.Move(ctx, tx, c.a, ids[c.key], c.by) })
			if !errors.Is(err, c.err) {
				t.Errorf("move %s by %d: %v", c.key, c.by, err)
			}
			var order []string
			err = d.Read(ctx, func(tx *db.Tx) error {
				all, err := form.All(ctx, tx, maker)
				for _, f := range all {
					order = append(order, f.Key)
					if f.Version != 1 {
						t.Errorf("%s has version %d", f.Key, f.Version)
					}
				}
				return err
			})
			if got := strings.Join(order, " "); got != c.want || err != nil {
				t.Errorf("move %s by %d: %s, want %s: %v", c.key, c.by, got, c.want, err)
			}
		}
	})
}
