package api_test

import (
	"strings"
	"testing"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
)

func TestChangeView(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		v := k.call("carla", "POST", "/api/v1/views", obj{"name": "VPN", "filter": obj{"active": true}}).want(201)
		path := "/api/v1/views/" + v.str("id")
		w := k.call("carla", "PATCH", path, obj{"version": 1, "name": "VPN urgent", "filter": obj{"active": true, "priority": 1, "tag": "vpn"}}).want(200)
		if w.str("name") != "VPN urgent" || w.at("filter", "priority") != 1.0 || w.at("version") != 2.0 || w.str("kind") != "personal" || w.header.Get("ETag") != `"2"` {
			t.Errorf("%s", w.body)
		}
		if w = k.call("carla", "PATCH", path, obj{"name": "VPN"}).want(200); w.at("filter", "tag") != "vpn" {
			t.Errorf("the filter is lost: %s", w.body)
		}
		k.call("carla", "PATCH", path, obj{"version": 1, "name": "vieux"}).want(409)
		k.call("carla", "PATCH", path, obj{"name": "vieux"}, "If-Match", `"2"`).want(412)
		k.call("carla", "PATCH", path, obj{"name": "neuf"}, "If-Match", `"3"`).want(200)
		k.call("carla", "PATCH", path, obj{"name": " \t"}).want(422)
		k.call("carla", "PATCH", path, obj{"team": k.teams[1].ID}).want(403)
		k.call("denis", "PATCH", path, obj{"name": "x"}).want(404)
		k.call("alice", "PATCH", path, obj{"name": "x"}).want(403)
		k.call("carla", "PATCH", "/api/v1/views/unassigned", obj{"name": "x"}).want(404)
	})
}

func TestSimilarAndPicker(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		one := k.open("alice", "Plus de VPN à Brest", obj{"tags": []string{"vpn"}})
		two := k.open("bruno", "VPN coupé à Brest", nil)
		k.open("bruno", "Souris cassée", nil)
		s := k.call("carla", "GET", tickets+"/"+two.str("reference")+"/similar", nil).want(200)
		if len(s.at("items").([]any)) != 1 || s.str("items", 0, "id") != one.str("id") || s.at("items", 0, "tags", 0) != "vpn" || s.at("next_cursor") != nil {
			t.Errorf("similar: %s", s.body)
		}
		if s = k.call("bruno", "GET", tickets+"/"+two.str("id")+"/similar", nil).want(200); len(s.at("items").([]any)) != 0 {
			t.Errorf("a requester sees another's: %s", s.body)
		}
		k.call("alice", "GET", tickets+"/"+two.str("id")+"/similar", nil).want(404)
		p := k.call("carla", "GET", "/api/v1/people/picker?q=mart&limit=2", nil).want(200)
		if len(p.at("items").([]any)) != 2 || !strings.HasPrefix(p.str("items", 0, "mention"), "@[Alice Martin](person:"+k.id["alice"]+")") {
			t.Errorf("picker: %s", p.body)
		}
		if p = k.call("carla", "GET", "/api/v1/people/picker?q=bruno@", nil).want(200); p.str("items", 0, "id") != k.id["bruno"] {
			t.Errorf("by address: %s", p.body)
		}
		k.call("carla", "POST", tickets+"/"+one.str("id")+"/messages", obj{"body": "Voyez " + p.str("items", 0, "mention"), "visibility": "internal"}).want(201)
		if n := dbtest.Count(t, d, "mention"); n != 1 {
			t.Errorf("%d mentions", n)
		}
	})
}
