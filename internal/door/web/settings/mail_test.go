package settings_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/intake"
)

func TestMailboxes(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, agent browser) {
		has(t, admin.do(200, "/settings/mail", nil), "/settings/mail/boxes/new")
		for _, path := range []string{"", "/boxes/new", "/messages", "/blocks", "/addresses"} {
			admin.do(200, "/settings/mail"+path, nil)
			agent.do(403, "/settings/mail"+path, nil)
		}
		for _, preset := range []string{"microsoft365", "gmail", "ovh", "infomaniak", "zimbra", "nonsense"} {
			admin.do(200, "/settings/mail/boxes/new?preset="+preset, nil)
		}
		form := url.Values{"name": {"Support"}, "address": {"no address"}, "in_way": {"imap"}, "in_host": {"imap.x.example"}, "in_user": {"aide"},
			"password": {"tr0ubadour"}, "active": {"on"}}
		refused := admin.do(422, "/settings/mail/boxes", form)
		has(t, refused, "no address")
		if strings.Contains(refused, "tr0ubadour") {
			t.Error("a refused form shows the password")
		}
		agent.do(403, "/settings/mail/boxes", form)
		form.Set("address", "aide@x.example")
		box := admin.do(303, "/settings/mail/boxes", form)
		page := admin.do(200, box, nil)
		has(t, page, "imap.x.example")
		if strings.Contains(page, "tr0ubadour") {
			t.Error("the page shows the password")
		}
		form.Set("password", "") // kept
		form.Set("version", "1")
		form.Set("name", "Assistance")
		admin.do(303, box, form)
		err := d.Read(t.Context(), func(tx *db.Tx) error {
			list, err := channel.Mailboxes(t.Context(), tx, auth.System("test"))
			if err != nil {
				return err
			}
			if len(list) != 1 || list[0].Name != "Assistance" {
				t.Errorf("%d mailboxes, %+v", len(list), list)
			}
			s, err := list[0].Secrets(key)
			if s.Password != "tr0ubadour" {
				t.Error("the password is not kept")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		form.Set("version", "1")
		has(t, admin.do(409, box, form), "Assistance")
		admin.do(404, "/settings/mail/boxes/none", nil)
		admin.do(422, box+"/removal", url.Values{})
		agent.do(403, box+"/removal", url.Values{"sure": {"on"}})
		admin.do(303, box+"/removal", url.Values{"sure": {"on"}})
		if n := dbtest.Count(t, d, "mailbox"); n != 0 {
			t.Errorf("%d mailboxes after removal", n)
		}
	})
}

func TestMessageExplained(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, agent browser) {
		blobs, err := blob.OpenDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		err = d.Write(t.Context(), func(tx *db.Tx) error {
			if _, err := identity.Seed(t.Context(), tx, auth.System("test"), [3]string{"1", "2", "3"}); err != nil {
				return err
			}
			return ticket.Seed(t.Context(), tx)
		})
		if err != nil {
			t.Fatal(err)
		}
		in := func(raw string) intake.Result {
			r, err := intake.Deliver(context.Background(), d, blobs, strings.NewReader(raw), intake.Options{Host: "support.example"})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		const mail = "From: Eve <eve@spam.example>\r\nTo: aide@x.example\r\nSubject: Promo <b>X</b>\r\nMessage-ID: <1@spam.example>\r\n\r\nAchetez\r\n"
		admin.do(422, "/settings/mail/blocks", url.Values{"pattern": {"nowhere"}, "reason": {"parce que"}})
		has(t, admin.do(422, "/settings/mail/blocks", url.Values{"pattern": {"nowhere"}, "reason": {"parce que"}}), "parce que")
		admin.do(303, "/settings/mail/blocks", url.Values{"pattern": {"spam.example"}})
		has(t, admin.do(200, "/settings/mail/blocks", nil), "spam.example")
		r := in(mail)
		if r.Outcome != intake.Quarantined {
			t.Fatalf("%+v", r)
		}
		path := "/settings/mail/messages/" + r.Envelope
		page := admin.do(200, path, nil)
		has(t, page, "It matches the blocked sender spam.example.")
		has(t, page, "Promo &lt;b&gt;X")
		has(t, page, path+"/release")
		agent.do(403, path, nil)
		agent.do(403, path+"/raw", nil)
		agent.do(403, path+"/release", url.Values{})
		has(t, admin.do(200, "/settings/mail/messages?state=quarantined", nil), "eve@spam.example")
		admin.do(303, "/settings/mail/blocks/removal", url.Values{"pattern": {"spam.example"}})
		admin.do(404, "/settings/mail/blocks/removal", url.Values{"pattern": {"spam.example"}})
		admin.do(404, "/settings/mail/messages/none", nil)
	})
}

func TestDeadAddresses(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, agent browser) {
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := channel.NoteBounce(t.Context(), tx, auth.System("test"), "gone@x.example", "5.1.1", "no such user")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		has(t, admin.do(200, "/settings/mail/addresses", nil), "no such user")
		agent.do(403, "/settings/mail/addresses/revival", url.Values{"address": {"gone@x.example"}})
		admin.do(303, "/settings/mail/addresses/revival", url.Values{"address": {"gone@x.example"}})
		admin.do(404, "/settings/mail/addresses/revival", url.Values{"address": {"gone@x.example"}})
	})
}

func TestMailRules(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, agent browser) {
		const path = "/settings/mail/rules"
		has(t, admin.do(200, path, nil), `value="60"`)
		good := url.Values{"copies": {"none"}, "hour": {"10"}, "day": {"20"}, "same": {"5"}, "exempt": {"@Alarms.example\r\nbob@x.example bob@x.example"}}
		agent.do(403, path, nil)
		agent.do(403, path, good)
		for field, bad := range map[string]string{"copies": "some", "hour": "0", "day": "9", "same": "many", "exempt": "nowhere"} {
			form := url.Values{}
			for k, v := range good {
				form[k] = v
			}
			form.Set(field, bad)
			refused := admin.do(422, path, form)
			has(t, refused, `href="#f-`+field)
			if field != "copies" {
				has(t, refused, bad)
			}
		}
		if n := dbtest.Count(t, d, "setting"); n != 0 {
			t.Errorf("%d settings after refused forms", n)
		}
		admin.do(303, path, good)
		has(t, admin.do(200, path, nil), "alarms.example\nbob@x.example<")
	})
}

func TestMailTemplates(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, agent browser) {
		const list, one = "/settings/mail/templates", "/settings/mail/templates/reply/fr"
		has(t, admin.do(200, list, nil), one)
		agent.do(403, list, nil)
		agent.do(403, one, nil)
		admin.do(404, "/settings/mail/templates/love/fr", nil)
		admin.do(404, "/settings/mail/templates/reply/de", nil)
		has(t, admin.do(200, one, nil), "{{headline}}")
		good := url.Values{"subject": {"[{{reference}}] Réponse"}, "body": {"# Bonjour {{recipient}}\r\n\r\n{{message}}"}}
		for _, bad := range []url.Values{
			{"subject": {"x"}, "body": {"{{mesage}}"}},
			{"subject": {"{{message}}"}, "body": {"{{message}}"}},
			{"subject": {"x"}, "body": {"Bonjour"}},
			{"subject": {"x"}, "body": {"{{message"}},
		} {
			for _, path := range []string{one, one + "/trial"} {
				has(t, admin.do(422, path, bad), bad.Get("body")) // what was typed stays
			}
			if frame := admin.do(422, one+"/preview", bad); strings.Contains(frame, "<script") || !strings.Contains(frame, "<p>") {
				t.Errorf("the preview does not say what is wrong: %s", frame)
			}
		}
		if n := dbtest.Count(t, d, "setting") + dbtest.Count(t, d, "envelope"); n != 0 {
			t.Errorf("%d rows after refused forms", n)
		}
		has(t, admin.do(200, one+"/preview", good), "Bonjour Camille Renaud")
		has(t, admin.do(200, one+"/preview?as=text", good), "<pre>[INC-1042] Réponse")
		has(t, admin.do(200, one+"/trial", good), "{{recipient}}")
		if n := dbtest.Count(t, d, "envelope"); n != 1 || dbtest.Count(t, d, "setting") != 0 {
			t.Errorf("%d mails of one trial", n)
		}
		agent.do(403, one, good)
		agent.do(403, one+"/trial", good)
		admin.do(303, one, good)
		has(t, admin.do(200, one, nil), "# Bonjour {{recipient}}")
		has(t, admin.do(200, one+"/preview", nil), "Bonjour Camille Renaud")
		has(t, admin.do(200, list, nil), "changed")
		admin.do(303, one+"/restoration", url.Values{})
		has(t, admin.do(200, one, nil), "{{headline}}")
		for _, bad := range []url.Values{{"accent": {"red"}}, {"accent": {"#12345"}}, {"accent": {""}, "name": {strings.Repeat("é", 81)}}} {
			admin.do(422, "/settings/mail/brand", bad)
		}
		agent.do(403, "/settings/mail/brand", url.Values{"name": {"Ateliers"}})
		admin.do(303, "/settings/mail/brand", url.Values{"name": {"Ateliers <b>"}, "accent": {"#AA0000"}})
		has(t, admin.do(200, list, nil), `value="#aa0000"`)
		frame := admin.do(200, one+"/preview", nil)
		has(t, frame, "#aa0000")
		has(t, frame, "Ateliers &lt;b&gt;")
	})
}
