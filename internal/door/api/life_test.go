package api_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/usecase/react"
)

const tickets = "/api/v1/tickets"

// upload sends a file and returns the answer.
func (k *desk) upload(who, name, content string, header ...string) result {
	k.tb.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	f, err := form.CreateFormFile("file", name)
	if err == nil {
		_, err = f.Write([]byte(content))
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		k.tb.Fatal(err)
	}
	return k.call(who, "POST", "/api/v1/attachments", b.String(), append([]string{"Content-Type", form.FormDataContentType()}, header...)...)
}

// TestLife is a request's whole life by program: asked with a file, answered, escalated, merged, resolved, rated.
func TestLife(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		file := k.upload("alice", `../../"écran".txt`, "journal").want(201)
		if file.str("name") != "_écran_.txt" || !strings.HasPrefix(file.str("content_type"), "text/plain") {
			t.Errorf("upload: %s", file.body)
		}
		r := k.open("alice", "VPN coupé", obj{"attachments": []string{file.str("id")}})
		ref := r.str("reference")
		other := k.open("bruno", "VPN aussi", nil).str("reference")

		got := k.call("carla", "GET", file.str("url"), nil).want(200)
		if got.body != "journal" || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment") || got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("download: %v %q", got.header, got.body)
		}
		k.call("bruno", "GET", file.str("url"), nil).want(404)

		k.call("carla", "POST", tickets+"/"+ref+"/messages", obj{"body": "Note **interne**", "visibility": "internal"}).want(201)
		m := k.call("carla", "POST", tickets+"/"+ref+"/messages", obj{"body": "Depuis quand ?"}).want(201)
		if m.str("author", "id") != k.id["carla"] || m.at("by_agent") != true || m.str("visibility") != "public" {
			t.Errorf("message: %s", m.body)
		}
		if n := len(k.call("alice", "GET", tickets+"/"+ref+"/messages", nil).want(200).at("items").([]any)); n != 2 {
			t.Errorf("the requester reads %d messages", n)
		}
		first := k.call("carla", "GET", tickets+"/"+ref+"/messages?limit=2", nil).want(200)
		rest := k.call("carla", "GET", tickets+"/"+ref+"/messages?limit=2&cursor="+first.str("next_cursor"), nil).want(200)
		if len(first.at("items").([]any)) != 2 || len(rest.at("items").([]any)) != 1 || rest.at("next_cursor") != nil {
			t.Errorf("pages: %s %s", first.body, rest.body)
		}

		k.call("carla", "POST", tickets+"/"+ref+"/escalations", obj{"level": 2, "reason": "Droits"}).want(422)
		e := k.call("carla", "POST", tickets+"/"+ref+"/escalations", obj{"level": 2, "reason": "Droits",
			"handover": obj{"tried": "Redémarrer", "known": "Un seul site", "asked": "Lire le journal"}}).want(201)
		if e.str("way") != "up" || e.at("ticket", "level") != 2.0 || e.str("by", "name") != "Carla Martin" {
			t.Errorf("escalation: %s", e.body)
		}
		if back := k.call("denis", "POST", tickets+"/"+ref+"/return", obj{"advice": "Voir la date"}).want(201); back.str("way") != "back" {
			t.Errorf("return: %s", back.body)
		}
		k.call("carla", "GET", tickets+"/"+ref+"/escalations", nil).want(200)
		k.call("alice", "GET", tickets+"/"+ref+"/escalations", nil).want(403)

		k.call("carla", "POST", tickets+"/"+ref+"/links", obj{"kind": "duplicate", "ticket": other}).want(201)
		if l := k.call("carla", "GET", tickets+"/"+other+"/links", nil).want(200); l.at("items", 0, "outward") != false || l.str("items", 0, "ticket", "reference") != ref {
			t.Errorf("link from the other side: %s", l.body)
		}
		k.call("carla", "DELETE", tickets+"/"+other+"/links/duplicate/"+ref, nil).want(204)
		if s := k.call("carla", "POST", tickets+"/"+other+"/merge", obj{"into": ref}).want(200); s.str("reference") != ref {
			t.Errorf("merge: %s", s.body)
		}
		late := k.call("bruno", "POST", tickets+"/"+other+"/messages", obj{"body": "Toujours coupé."}).want(201)
		all := k.call("carla", "GET", tickets+"/"+ref+"/messages", nil).want(200)
		if !strings.Contains(all.body, late.str("id")) {
			t.Errorf("a reply to the merged ticket does not follow: %s", all.body)
		}
		if w := k.call("carla", "GET", tickets+"/"+ref+"/watchers", nil).want(200); w.str("items", 0, "email") != "bruno@exemple.fr" {
			t.Errorf("watchers: %s", w.body)
		}
		k.call("alice", "POST", tickets+"/"+ref+"/watchers", obj{"person": "denis@exemple.fr"}).want(201)
		k.call("carla", "DELETE", tickets+"/"+ref+"/watchers/denis@exemple.fr", nil).want(204)
		parted := k.call("carla", "POST", tickets+"/"+ref+"/split", obj{"messages": []string{late.str("id")}, "subject": "Autre panne"}).want(201)
		if parted.str("reference") == ref {
			t.Errorf("split: %s", parted.body)
		}

		done := k.call("carla", "PUT", tickets+"/"+ref+"/resolution", obj{"body": "Certificat renouvelé.", "cause": "Certificat"}).want(200)
		if done.str("status") != "resolved" || done.str("cause") != "Certificat" || done.str("assignee", "email") != "carla@exemple.fr" {
			t.Errorf("resolution: %s", done.body)
		}
		if seen := k.call("alice", "GET", tickets+"/"+ref, nil).want(200); strings.Contains(seen.body, "cause") || !strings.HasSuffix(seen.str("url"), "/requests/"+ref) {
			t.Errorf("the requester sees %s", seen.body)
		}
		if again := k.call("alice", "DELETE", tickets+"/"+ref+"/resolution", obj{"why": "Revenu"}).want(200); again.str("status") != "open" {
			t.Errorf("reopened: %s", again.body)
		}
		k.call("carla", "PUT", tickets+"/"+ref+"/resolution", obj{}).want(200)
		k.call("alice", "PUT", tickets+"/"+ref+"/rating", obj{"score": "good", "comment": "Merci"}).want(204)
		line := k.call("alice", "GET", tickets+"/"+ref+"/timeline", nil).want(200)
		if strings.Contains(line.body, "ticket.noted") || !strings.Contains(line.body, "ticket.rated") {
			t.Errorf("timeline of the requester: %s", line.body)
		}
	})
}

func TestChange(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		id := k.open("alice", "Écran noir", nil).str("id")
		path := tickets + "/" + id
		r := k.call("carla", "PATCH", path, obj{"version": 1, "assignee": "me", "impact": 1, "urgency": 1, "category": []string{"Réseau et VPN", "VPN"},
			"tags": []string{"Écran", "b"}, "subject": "Écran noir <b>"}).want(200)
		if r.str("assignee", "id") != k.id["carla"] || r.at("priority") != 1.0 || r.str("status") != "open" || r.str("category", "path", 1) != "VPN" ||
			r.str("tags", 1) != "écran" || r.str("subject") != "Écran noir <b>" {
			t.Errorf("changed: %s", r.body)
		}
		stale := k.call("carla", "PATCH", path, obj{"version": 1, "subject": "Ma phrase"}).want(409)
		if stale.str("current", "subject") != "Écran noir <b>" || stale.str("yours", "subject") != "Ma phrase" || stale.str("detail") == "" {
			t.Errorf("conflict: %s", stale.body)
		}
		failed := k.call("carla", "PATCH", path, obj{"subject": "Ma phrase"}, "If-Match", `"1"`).want(412)
		if failed.at("current", "version") != r.at("version") || failed.header.Get("ETag") != r.header.Get("ETag") {
			t.Errorf("precondition: %s", failed.body)
		}
		if via := k.call("carla", "PUT", path+"/resolution", obj{"version": 1}).want(409); via.str("current", "id") != id {
			t.Errorf("a stale resolution shows no current ticket: %s", via.body)
		}
		k.call("carla", "PATCH", path, obj{"subject": "Ma phrase"}, "If-Match", r.header.Get("ETag")).want(200)
		until := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second).Format(time.RFC3339)
		if p := k.call("carla", "PATCH", path, obj{"status": "pending", "pending_until": until}).want(200); p.str("pending_until") != until || p.str("pending_on") != "date" {
			t.Errorf("pending: %s", p.body)
		}
		past := k.call("carla", "PATCH", path, obj{"status": "pending", "pending_until": "2020-01-01T00:00:00Z"}).want(422)
		if past.str("errors", 0, "location") != "body.pending_until" {
			t.Errorf("past: %s", past.body)
		}
		k.call("carla", "PATCH", path, obj{"status": "open"}).want(200)
		k.call("carla", "PATCH", path, obj{"queue": "éditeurs"}).want(422) // up a level: needs the handover
		if f := k.call("carla", "PATCH", path, obj{"assignee": nil}).want(200); f.at("assignee") != nil {
			t.Errorf("freed: %s", f.body)
		}
		k.call("carla", "PATCH", path, obj{"subject": "x", "impact": 9}).want(422)
		k.call("alice", "PATCH", path, obj{"subject": "Non"}).want(403)
		k.call("alice", "PATCH", path, obj{"status": "cancelled", "reason": "Réglé"}).want(200)
	})
}

func TestPeopleAndViews(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		p := k.call("emma", "POST", "/api/v1/people", obj{"name": "Farid Petit", "email": "farid@exemple.fr", "roles": []string{"agent"}, "manager": "denis@exemple.fr"}).want(201)
		if p.str("roles", 0) != "agent" || p.str("manager") != k.id["denis"] {
			t.Errorf("created: %s", p.body)
		}
		twice := k.call("emma", "POST", "/api/v1/people", obj{"name": "Farid", "email": "FARID@exemple.fr"}).want(422)
		if twice.str("errors", 0, "location") != "body.email" || twice.str("errors", 0, "value") != "FARID@exemple.fr" {
			t.Errorf("taken: %s", twice.body)
		}
		k.call("carla", "POST", "/api/v1/people", obj{"name": "X"}).want(403)
		k.call("alice", "PATCH", "/api/v1/people/me", obj{"lang": "en", "phone": "01 23"}).want(200)
		k.call("alice", "PATCH", "/api/v1/people/me", obj{"name": "Reine"}).want(403)
		k.call("emma", "PATCH", "/api/v1/people/"+p.str("id"), obj{"version": 1, "active": false}).want(200)
		if l := k.call("carla", "GET", "/api/v1/people?q=petit&active=false", nil).want(200); l.str("items", 0, "id") != p.str("id") {
			t.Errorf("inactive: %s", l.body)
		}
		if me := k.call("denis", "GET", "/api/v1/people/me", nil).want(200); me.str("leads", 0) != k.teams[1].ID {
			t.Errorf("me: %s", me.body)
		}
		g := k.call("emma", "POST", "/api/v1/groups", obj{"code": "secours", "name": "Secouristes"}).want(201).str("id")
		k.call("emma", "POST", "/api/v1/groups/"+g+"/members", obj{"person": "alice@exemple.fr"}).want(204)
		if m := k.call("bruno", "GET", "/api/v1/groups/"+g+"/members", nil).want(200); m.str("items", 0, "id") != k.id["alice"] {
			t.Errorf("members: %s", m.body)
		}
		k.call("emma", "DELETE", "/api/v1/groups/"+g+"/members/alice@exemple.fr", nil).want(204)

		k.open("alice", "Un", nil)
		k.open("alice", "Deux", obj{"tags": []string{"vpn"}})
		v := k.call("carla", "POST", "/api/v1/views", obj{"name": "VPN", "filter": obj{"tag": "vpn", "queues": []string{"support de proximite"}}}).want(201)
		l := k.call("carla", "GET", "/api/v1/views/"+v.str("id")+"/tickets", nil).want(200)
		if len(l.at("items").([]any)) != 1 || l.str("items", 0, "subject") != "Deux" {
			t.Errorf("view: %s", l.body)
		}
		counts := map[string]any{}
		for _, it := range k.call("carla", "GET", "/api/v1/views", nil).want(200).at("items").([]any) {
			counts[it.(obj)["id"].(string)] = it.(obj)["count"]
		}
		if counts["unassigned"] != 2.0 || counts[v.str("id")] != 1.0 || counts["queue-"+k.queues[0].ID] != 2.0 || counts["mine"] != 0.0 {
			t.Errorf("counts: %v", counts)
		}
		k.call("denis", "DELETE", "/api/v1/views/"+v.str("id"), nil).want(404)
		k.call("carla", "DELETE", "/api/v1/views/"+v.str("id"), nil).want(204)
		for _, q := range []string{"?status=new,open", "?status=new&status=open", "?status=closed&status=new&type=incident"} {
			if n := len(k.call("carla", "GET", tickets+q, nil).want(200).at("items").([]any)); n != 2 {
				t.Errorf("%s: %d tickets", q, n)
			}
		}
		page := k.call("carla", "GET", tickets+"?limit=1&sort=created", nil).want(200)
		next := k.call("carla", "GET", tickets+"?limit=1&sort=created&cursor="+page.str("next_cursor"), nil).want(200)
		if page.str("items", 0, "subject") != "Deux" || next.str("items", 0, "subject") != "Un" || next.at("next_cursor") != nil {
			t.Errorf("pages: %s %s", page.body, next.body)
		}
	})
}

// TestCreatingIsFewStatements holds the busiest errand to what its rows need: a look at the surroundings, then ticket,
// stay, message, event and to-do, and on SQLite the number.
func TestCreatingIsFewStatements(t *testing.T) {
	dbtest.EachWith(t, dbtest.Options{Reacts: react.Readers}, func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		k.open("alice", "Pour que le jeton et les catégories soient connus", obj{"category": "Réseau et VPN/VPN"})
		want := int64(6)
		if d.Engine == db.SQLite {
			want++
		}
		for name, body := range map[string]string{"plain": newTicket, "with a category": strings.Replace(newTicket, "{", `{"category":"Réseau et VPN/VPN",`, 1)} {
			ctx, n := db.Counting(t.Context())
			req := httptest.NewRequestWithContext(ctx, "POST", tickets, strings.NewReader(body))
			req.Header.Set("Authorization", "Bearer "+k.token["alice"])
			req.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			if k.h.ServeHTTP(w, req); w.Code != http.StatusCreated {
				t.Fatal(w.Body)
			}
			if n.Load() != want {
				t.Errorf("%s: %d statements, want %d", name, n.Load(), want)
			}
		}
	})
}

// TestStatements holds lists to a number of statements that does not grow with them.
func TestStatements(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		countOf := func(path string) int64 {
			ctx, n := db.Counting(t.Context())
			req := httptest.NewRequestWithContext(ctx, "GET", path, nil)
			req.Header.Set("Authorization", "Bearer "+k.token["carla"])
			w := httptest.NewRecorder()
			k.h.ServeHTTP(w, req)
			if w.Code != http.StatusOK {
				t.Fatal(w.Body)
			}
			return n.Load()
		}
		count := func() int64 { return countOf(tickets) }
		one := func() {
			id := k.open("alice", "Encore", obj{"category": "Réseau et VPN/VPN", "tags": []string{"a"}}).str("id")
			k.call("carla", "PATCH", tickets+"/"+id, obj{"assignee": "me"}).want(200)
		}
		one()
		count() // the token and the tree are remembered from here on
		few, log := count(), countOf("/api/v1/events")
		for range 30 {
			one()
		}
		if many := count(); many != few || few > 3 {
			t.Errorf("%d statements for one ticket, %d for 31", few, many)
		}
		if many := countOf("/api/v1/events"); many != log || log > 2 {
			t.Errorf("%d statements for the events of one ticket, %d for those of 31", log, many)
		}
	})
}

func TestTheNextTicket(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		k.call("alice", "POST", "/api/v1/tickets/next", nil).want(403)
		if none := k.call("carla", "POST", "/api/v1/tickets/next", nil).want(200); none.str("reason") != "none" || none.at("ticket") != nil {
			t.Errorf("nothing waits: %s", none.body)
		}
		low, high := k.open("alice", "Souris", nil), k.open("alice", "Serveur", obj{"impact": 1, "urgency": 1})
		first := k.call("carla", "POST", "/api/v1/tickets/next", nil, "Idempotency-Key", "n1").want(200)
		again := k.call("carla", "POST", "/api/v1/tickets/next", nil, "Idempotency-Key", "n1").want(200)
		if first.str("ticket", "id") != high.str("id") || first.str("reason") != "priority" || first.str("ticket", "assignee", "name") == "" || again.body != first.body {
			t.Errorf("first: %s, again: %s", first.body, again.body)
		}
		if second := k.call("carla", "POST", "/api/v1/tickets/next", nil).want(200); second.str("ticket", "id") != low.str("id") {
			t.Errorf("second: %s", second.body)
		}
		soon := k.call("carla", "GET", "/api/v1/tickets?due=late&sort=due", nil).want(200)
		if n := len(soon.at("items").([]any)); n != 0 {
			t.Errorf("%d late", n)
		}
		k.call("carla", "GET", "/api/v1/tickets?sort=due&status=closed", nil).want(422)
	})
}

func TestProblems(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		one, two := k.open("alice", "VPN coupé", nil), k.open("bruno", "VPN lent", nil)
		p := k.call("denis", "POST", "/api/v1/tickets", obj{"type": "problem", "subject": "Le concentrateur sature", "body": "Treize incidents."}).want(201).str("reference")
		path := "/api/v1/problems/" + p
		if got := k.call("denis", "GET", path, nil).want(200); got.str("state") != "unknown" || got.at("updated_at") != nil {
			t.Errorf("at first: %s", got.body)
		}
		for _, who := range []string{"alice"} {
			k.call(who, "GET", path, nil).want(404)
			k.call(who, "POST", path+"/broadcasts", obj{"body": "x"}).want(404)
		}
		k.call("denis", "GET", "/api/v1/problems/"+one.str("reference"), nil).want(404)
		k.call("denis", "PUT", path, obj{"state": "unknown", "version": 0}).want(403) // of another team
		k.call("emma", "PUT", path, obj{"state": "known", "version": 0}).want(422)
		k.call("emma", "PUT", path, obj{"state": "known", "cause": "Sessions", "workaround": "Se reconnecter", "version": 0}).want(200)
		k.call("emma", "PUT", path, obj{"state": "unknown", "version": 0}).want(409)
		if got := k.call("denis", "GET", path, nil).want(200); got.at("known_error") != true || got.str("workaround") != "Se reconnecter" {
			t.Errorf("known: %s", got.body)
		}
		group := k.call("emma", "POST", path+"/incidents", obj{"incidents": []string{one.str("reference"), two.str("id")}}).want(200)
		again := k.call("denis", "GET", path+"/incidents", nil).want(200)
		if len(group.at("items").([]any)) != 2 || again.body != group.body {
			t.Errorf("grouped: %s then %s", group.body, again.body)
		}
		if n := k.call("emma", "POST", path+"/broadcasts", obj{"body": "Nous cherchons."}).want(200).at("incidents"); n != 2.0 {
			t.Errorf("told %v", n)
		}
		k.call("emma", "POST", path+"/resolution", obj{"body": "Réparé.", "incidents": []string{one.str("reference")}}).want(200)
		k.call("emma", "POST", path+"/resolution", obj{"body": "Encore"}).want(409)
		if n := dbtest.Count(t, d, "job WHERE kind = 'ticket.cascade'"); n != 2 {
			t.Errorf("%d cascades", n)
		}
	})
}
