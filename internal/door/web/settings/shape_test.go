package settings_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/domain/form"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
)

func TestReplies(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, agent browser) {
		w := teams(t, d, admin)
		const path = "/settings/replies"
		has(t, admin.do(200, path, nil), "No canned reply")
		typed := url.Values{"title": {""}, "body": {"Bonjour {{requester.first_name}}"}, "lang": {"fr"}, "team": {"all"}}
		has(t, admin.do(422, path, typed), "Bonjour {{requester.first_name}}")
		typed.Set("title", "Accueil")
		typed.Set("do", "preview")
		page := admin.do(200, path, typed)
		has(t, page, "Bonjour Camille")
		has(t, page, `value="Accueil"`)
		has(t, admin.do(200, path+"/preview", url.Values{"body": {"Hi {{requester.frist_name}} <script>alert(1)</script>"}}), "{{requester.frist_name}}")
		lacks(t, admin.do(200, path+"/preview", url.Values{"body": {"<script>alert(1)</script>"}}), "<script>")
		if n := dbtest.Count(t, d, "canned_reply"); n != 0 {
			t.Errorf("a preview stored %d replies", n)
		}
		typed.Del("do")
		admin.do(303, path, typed)
		w.lead.do(422, path, typed) // for everybody: a lead writes for their team
		typed.Set("team", w.desk.ID)
		w.lead.do(422, path, typed)
		typed.Set("team", w.net.ID)
		typed.Set("title", "Réseau")
		w.lead.do(303, path, typed)
		all := func() (list []ticket.CannedReply) {
			write(t, d, func(tx *db.Tx) (err error) {
				list, err = ticket.CannedReplies(t.Context(), tx, machine, "")
				return err
			})
			return list
		}
		list := all()
		if len(list) != 2 || list[0].TeamID != "" || list[1].TeamID != w.net.ID {
			t.Fatalf("replies: %+v", list)
		}
		common, theirs := path+"/"+list[0].ID, path+"/"+list[1].ID
		has(t, w.lead.do(200, common, nil), "An administrator changes it")
		typed.Set("version", "1")
		w.lead.do(403, common, typed)
		w.lead.do(403, common+"/delete", url.Values{})
		has(t, w.lead.do(200, path+"/new?from="+list[0].ID, nil), `value="Accueil"`)
		typed.Set("title", "Réseaux")
		w.lead.do(303, theirs, typed)
		has(t, w.lead.do(409, theirs, typed), `name="version" value="2"`)
		has(t, admin.do(200, path+"?q=bonjour&team=all&lang=fr", nil), "Accueil")
		lacks(t, admin.do(200, path+"?q=bonjour&team=all&lang=fr", nil), "Réseaux")
		has(t, admin.do(200, path+"?lang=en", nil), "No reply found")
		// An agent keeps personal ones, reads the common ones, and writes for nobody else.
		has(t, agent.do(200, path+"/new", nil), `value="me"`)
		agent.do(200, path+"/preview", url.Values{"body": {"x"}})
		agent.do(303, path, url.Values{"title": {"Mine"}, "body": {"x"}, "lang": {"fr"}, "team": {"me"}})
		has(t, agent.do(200, path, nil), "Mine")
		has(t, agent.do(200, path, nil), "Accueil")
		agent.do(422, path, url.Values{"title": {"All"}, "body": {"x"}, "lang": {"fr"}, "team": {"all"}})
		agent.do(422, common, typed) // for a team that is not theirs
		agent.do(403, common+"/delete", url.Values{})
		agent.do(403, "/settings", nil)
		lacks(t, admin.do(200, path, nil), "Mine")
		w.lead.do(303, path, url.Values{"title": {"Personal"}, "body": {"x"}, "lang": {"fr"}, "team": {"me"}})
		has(t, w.lead.do(200, path+"?team=me", nil), "Personal")
		lacks(t, admin.do(200, path, nil), "Personal")
		has(t, admin.do(422, path, url.Values{"title": {"About"}, "body": {"x"}, "lang": {"fr"}, "team": {"all"}, "category": {"none"}}), `value="About"`)
		w.lead.do(303, theirs+"/delete", url.Values{})
		admin.do(404, theirs, nil)
	})
}

func TestGroups(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, agent browser) {
		const path = "/settings/groups"
		anna := person(t, d, "Anna")
		has(t, admin.do(200, path, nil), "No group")
		has(t, admin.do(422, path, url.Values{"name": {""}, "code": {"a b"}}), `value="a b"`)
		group := admin.do(303, path, url.Values{"name": {"Secouristes de Nantes"}})
		has(t, admin.do(200, group, nil), "secouristes-de-nantes")
		admin.do(422, path, url.Values{"name": {"Secouristes de Nantes"}})
		agent.do(403, group, nil)
		has(t, admin.do(200, group+"?q=ann", nil), `value="`+anna.ID+`"`)
		admin.do(303, group+"/people", url.Values{"person": {anna.ID}})
		admin.do(404, group+"/people", url.Values{"person": {"nobody"}})
		has(t, admin.do(200, group+"?q=ann", nil), "Already in")
		has(t, admin.do(200, path+"?q=NANTES", nil), "1 person")
		lacks(t, admin.do(200, path+"?q=lyon", nil), "Secouristes")
		has(t, admin.do(409, group, url.Values{"name": {"Sauveteurs"}, "version": {"9"}}), `value="Sauveteurs"`)
		admin.do(422, group, url.Values{"name": {""}, "version": {"1"}})
		admin.do(303, group, url.Values{"name": {"Sauveteurs"}, "version": {"1"}})
		admin.do(303, group+"/people/"+anna.ID+"/remove", url.Values{})
		admin.do(303, group+"/delete", url.Values{})
		admin.do(404, group, nil)
	})
}

func TestTokens(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, agent browser) {
		const path = "/settings/tokens"
		has(t, admin.do(200, path, nil), "No token")
		anna := person(t, d, "Anna", auth.Agent)
		var made identity.Token
		write(t, d, func(tx *db.Tx) (err error) {
			_, made, err = identity.IssueToken(t.Context(), tx, machine, anna.ID, "Night import", []string{"tickets:read"}, tx.Now.Add(time.Hour))
			return err
		})
		page := admin.do(200, path+"?q=ann", nil)
		for _, want := range []string{"Night import", "Anna", "tickets:read", "never used"} {
			has(t, page, want)
		}
		has(t, admin.do(200, path+"?q=bob", nil), "No token found")
		agent.do(403, path+"/"+made.ID+"/revoke", url.Values{})
		admin.do(303, path+"/"+made.ID+"/revoke", url.Values{})
		admin.do(404, path+"/"+made.ID+"/revoke", url.Values{})
		if n := dbtest.Count(t, d, "api_token"); n != 0 {
			t.Errorf("%d tokens are left", n)
		}
	})
}

func TestFields(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, agent browser) {
		const path = "/settings/fields"
		all := func() (list []form.Field) {
			write(t, d, func(tx *db.Tx) (err error) {
				list, err = form.All(t.Context(), tx, machine)
				return err
			})
			return list
		}
		has(t, admin.do(200, path, nil), "No field")
		has(t, admin.do(200, path+"/new", nil), path+"/new?kind=choices")
		has(t, admin.do(200, path+"/new?kind=choice", nil), `id="f-options.1"`)
		admin.do(422, path, url.Values{"kind": {"colour"}})
		typed := url.Values{"kind": {"choice"}, "label_fr": {"Numéro de site"}, "help_fr": {"Où vous êtes"}, "option_value": {"", "", ""}, "option_fr": {"Nantes", "", "Lyon"}, "option_en": {"", "", ""}, "required": {"on"}}
		typed.Set("do", "up.2")
		page := admin.do(200, path, typed)
		if strings.Index(page, `value="Lyon"`) > strings.Index(page, `id="f-options.2"`) || !strings.Contains(page, "autofocus") {
			t.Error("the choice did not move up")
		}
		typed.Set("do", "add")
		has(t, admin.do(200, path, typed), `id="f-options.3"`)
		typed.Set("do", "drop.0")
		lacks(t, admin.do(200, path, typed), `value="Nantes"`)
		typed.Set("do", "drop.77")
		has(t, admin.do(200, path, typed), `value="Nantes"`)
		typed.Del("do")
		typed.Set("category", "gone")
		has(t, admin.do(422, path, typed), `value="Nantes"`)
		typed.Del("category")
		agent.do(403, path, typed)
		admin.do(303, path, typed)
		f := all()[0]
		if f.Key != "numero_de_site" || len(f.Options) != 2 || f.Options[1] != (form.Option{Value: "lyon", FR: "Lyon"}) || !f.Required || f.HelpFR != "Où vous êtes" {
			t.Errorf("field: %+v", f)
		}
		admin.do(303, path, url.Values{"kind": {"text"}, "label_fr": {"Numéro de site"}, "ticket_kind": {"request"}})
		has(t, admin.do(422, path, url.Values{"kind": {"text"}, "label_fr": {"x"}, "key": {"numero_de_site"}}), "another key")
		if list := all(); len(list) != 2 || list[1].Key != "numero_de_site_2" {
			t.Fatalf("fields: %+v", list)
		}
		one := path + "/" + f.ID
		typed = url.Values{"kind": {"choice"}, "label_fr": {"Site"}, "option_value": {"lyon", "nantes"}, "option_fr": {"Lyon Part-Dieu", ""}, "option_en": {"", ""}, "version": {"1"}}
		admin.do(303, one, typed)
		if f = all()[0]; len(f.Options) != 1 || f.Options[0].Value != "lyon" || f.Key != "numero_de_site" || f.Required {
			t.Errorf("changed: %+v", f)
		}
		has(t, admin.do(409, one, typed), `name="version" value="2"`)
		typed.Set("option_fr", "")
		typed.Set("version", "2")
		has(t, admin.do(422, one, typed), "f-options")
		admin.do(303, one+"/move", url.Values{"do": {"down"}})
		if all()[1].ID != f.ID {
			t.Error("the field did not move down")
		}
		has(t, admin.do(200, path+"?type=incident", nil), "Site")
		lacks(t, admin.do(200, path+"?type=incident", nil), "numero_de_site_2")
		admin.do(303, one+"/archive", url.Values{})
		lacks(t, admin.do(200, path+"?type=incident", nil), ">Site<")
		has(t, admin.do(200, one, nil), "no longer asked")
		admin.do(303, one+"/restore", url.Values{})
		agent.do(403, one+"/archive", url.Values{})
		admin.do(404, path+"/none", nil)
	})
}

func TestViews(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, agent browser) {
		w := teams(t, d, admin)
		const path = "/settings/views"
		typed := url.Values{"name": {""}, "team": {w.net.ID}, "status": {"pending"}, "assignee": {"none"}, "priority": {"2"}}
		w.lead.do(422, path, typed)
		typed.Set("name", "Urgent")
		typed.Set("team", w.desk.ID)
		has(t, w.lead.do(422, path, typed), `value="Urgent"`)
		has(t, admin.do(422, path, typed), `value="Urgent"`) // that team has no queue
		typed.Set("team", w.net.ID)
		agent.do(403, path, typed)
		w.lead.do(303, path, typed)
		var views []ticket.View
		read := func() ticket.View {
			write(t, d, func(tx *db.Tx) (err error) {
				views, err = ticket.Views(t.Context(), tx, machine)
				return err
			})
			return views[0]
		}
		v := read()
		if v.TeamID != w.net.ID || v.Filter.Priority != 2 || len(v.Filter.Queues) != 1 || v.Filter.Queues[0] != w.queue.ID || v.Filter.Assignee != "none" {
			t.Errorf("view: %+v", v)
		}
		has(t, w.lead.do(200, path, nil), "Wifi · ")
		one := path + "/" + v.ID
		w.lead.do(422, one, url.Values{"name": {"Urgent"}, "position": {"-1"}, "version": {"1"}})
		w.lead.do(303, one, url.Values{"name": {"Hot"}, "position": {"4"}, "version": {"1"}})
		has(t, w.lead.do(409, one, url.Values{"name": {"Cold"}, "position": {"4"}, "version": {"1"}}), `value="Cold"`)
		if v = read(); v.Name != "Hot" || v.Position != 4 || v.Filter.Priority != 2 {
			t.Errorf("view: %+v", v)
		}
		w.lead.do(404, path+"/none/delete", url.Values{})
		w.lead.do(303, one+"/delete", url.Values{})
		if n := dbtest.Count(t, d, "saved_view"); n != 0 {
			t.Errorf("%d views are left", n)
		}
	})
}

func TestEverySettingIsFound(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, _ browser) {
		w := teams(t, d, admin)
		for q, want := range map[string]string{
			"reopen":   `href="/settings/organisation#f-reopen"`,
			"TOKENS":   `href="/settings/tokens"`,
			"priority": `href="/settings/categories#priorities"`,
			"fail":     `href="/settings/work"`,
			"smtp":     `href="/settings/mail"`,
			"reply":    `href="/settings/replies/new"`,
		} {
			has(t, admin.do(200, "/settings?q="+q, nil), want)
		}
		has(t, admin.do(200, "/settings?q="+url.QueryEscape(`<b>"`), nil), "No setting for")
		lacks(t, w.lead.do(200, "/settings?q=tokens", nil), "/settings/tokens")
		home := admin.do(200, "/settings", nil)
		for _, part := range []string{"organisation", "people", "teams", "groups", "categories", "fields", "replies", "views", "mail", "work", "tokens"} {
			if n := strings.Count(home, `href="/settings/`+part+`"`); n < 2 {
				t.Errorf("%s is %d times on the first page", part, n)
			}
			title := admin.do(200, "/settings?q="+part, nil)
			has(t, title, `href="/settings/`+part)
		}
		has(t, home, "Workplace") // nobody is in it
	})
}

// TestListsReadAFixedNumberOfStatements holds that more rows are no more statements.
func TestListsReadAFixedNumberOfStatements(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, _ browser) {
		w := teams(t, d, admin)
		paths := []string{"/settings", "/settings/replies", "/settings/groups", "/settings/tokens", "/settings/fields", "/settings/views", "/settings/teams", "/settings/teams/" + w.net.ID}
		count := func() map[string]string {
			out := make(map[string]string)
			for _, path := range paths {
				admin.do(200, path, nil)
				out[path] = admin.do(200, "/statements", nil)
			}
			return out
		}
		fill := func(from, to int) {
			for i := from; i < to; i++ {
				n := strconv.Itoa(i)
				x := person(t, d, "Agent"+n, auth.Agent)
				write(t, d, func(tx *db.Tx) error {
					ctx := t.Context()
					if _, err := ticket.SaveCannedReply(ctx, tx, machine, ticket.CannedReply{Title: n, Body: n, Lang: "fr"}); err != nil {
						return err
					}
					if _, err := identity.CreateGroup(ctx, tx, machine, identity.Group{Name: n, Code: "g" + n}); err != nil {
						return err
					}
					if _, _, err := identity.IssueToken(ctx, tx, machine, x.ID, n, []string{"*"}, time.Time{}); err != nil {
						return err
					}
					if _, err := form.Create(ctx, tx, machine, form.Field{Key: "f" + n, LabelFR: n, Kind: form.Text}); err != nil {
						return err
					}
					if _, err := ticket.SaveView(ctx, tx, machine, ticket.View{Name: n, TeamID: w.net.ID}); err != nil {
						return err
					}
					return identity.SetMember(ctx, tx, machine, w.net.ID, x.ID, false)
				})
			}
		}
		fill(0, 1)
		few := count()
		fill(1, 30)
		for path, n := range count() {
			if n != few[path] {
				t.Errorf("%s: %s statements with 1 row, %s with 30", path, few[path], n)
			}
		}
	})
}
