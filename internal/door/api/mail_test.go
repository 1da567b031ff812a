package api_test

import (
	"strings"
	"testing"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/usecase/intake"
)

func TestMails(t *testing.T) {
	const mails = "/api/v1/mails"
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		in := func(raw string) intake.Result {
			t.Helper()
			r, err := intake.Deliver(t.Context(), d, k.deps.Blobs, strings.NewReader(raw), intake.Options{Host: "support.example"})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		k.call("emma", "POST", mails+"/blocks", obj{"pattern": "Spam.example", "reason": "publicité"}).want(204)
		k.call("emma", "POST", mails+"/blocks", obj{"pattern": "nowhere"}).want(422)
		if b := k.call("emma", "GET", mails+"/blocks", nil).want(200); b.str("items", 0, "pattern") != "spam.example" || b.str("items", 0, "reason") != "publicité" {
			t.Errorf("blocks: %s", b.body)
		}
		const raw = "From: Eve <eve@spam.example>\r\nTo: aide@exemple.fr\r\nSubject: Promo\r\nMessage-ID: <1@spam.example>\r\n\r\nAchetez\r\n"
		held := in(raw)
		in("From: Ann <alice@exemple.fr>\r\nTo: aide@exemple.fr\r\nSubject: VPN\r\nMessage-ID: <2@exemple.fr>\r\n\r\nIl se coupe\r\n")
		list := k.call("emma", "GET", mails+"?direction=in&limit=1", nil).want(200)
		if list.str("items", 0, "subject") != "VPN" || list.at("next_cursor") == nil {
			t.Errorf("the first page: %s", list.body)
		}
		list = k.call("emma", "GET", mails+"?state=quarantined&address=eve@", nil).want(200)
		if len(list.at("items").([]any)) != 1 || list.str("items", 0, "id") != held.Envelope {
			t.Errorf("quarantine: %s", list.body)
		}
		one := k.call("emma", "GET", mails+"/"+held.Envelope, nil).want(200)
		if one.str("reason") != "Cet expéditeur est bloqué. spam.example" || len(one.at("decisions").([]any)) != 2 || one.at("ref") != nil {
			t.Errorf("one: %s", one.body)
		}
		if got := k.call("emma", "GET", mails+"/"+held.Envelope+"/raw", nil).want(200); got.body != raw || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment") {
			t.Errorf("raw: %s", got.body)
		}
		if got := k.call("emma", "POST", mails+"/"+held.Envelope+"/replay", nil).want(200); got.str("state") != "done" || !strings.HasPrefix(got.str("ref"), "ticket/") {
			t.Errorf("released: %s", got.body)
		}
		k.call("emma", "POST", mails+"/"+held.Envelope+"/replay", nil).want(409)
		k.call("emma", "DELETE", mails+"/blocks/spam.example", nil).want(204)
		k.call("emma", "DELETE", mails+"/blocks/spam.example", nil).want(404)
		k.call("emma", "GET", mails+"?state=lost", nil).want(422)
	})
}
