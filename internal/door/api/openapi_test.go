package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
)

var update = flag.Bool("update", false, "write the golden files")

// refs collects every reference of a document.
func refs(v any, out map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if s, ok := x.(string); ok && k == "$ref" {
				out[s] = true
			}
			refs(x, out)
		}
	case []any:
		for _, x := range v {
			refs(x, out)
		}
	}
}

// TestOpenAPI checks the structure that generators of clients stumble over.
func TestOpenAPI(t *testing.T) {
	k := newDesk(t, dbtest.Open(t, db.SQLite, dbtest.Options{}))
	r := k.call("", "GET", "/api/openapi.json", nil).want(200)
	doc := r.json()
	if doc["openapi"] != "3.1.0" || r.str("info", "title") == "" || r.str("components", "securitySchemes", "token", "scheme") != "bearer" {
		t.Errorf("head: %.400s", r.body)
	}
	schemas := r.at("components", "schemas").(obj)
	found := map[string]bool{}
	refs(doc, found)
	for ref := range found {
		if name, ok := strings.CutPrefix(ref, "#/components/schemas/"); !ok || schemas[name] == nil {
			t.Errorf("reference to nothing: %s", ref)
		}
	}
	ids, parameter := map[string]bool{}, regexp.MustCompile(`\{(\w+)\}`)
	n := 0
	for path, item := range doc["paths"].(obj) {
		for method, v := range item.(obj) {
			n++
			op := v.(obj)
			id, _ := op["operationId"].(string)
			where := method + " " + path
			if id == "" || ids[id] || op["summary"] == "" || op["security"] == nil {
				t.Errorf("%s: id %q used twice or missing, or no summary or security", where, id)
			}
			ids[id] = true
			declared := map[string]bool{}
			key := false
			params, _ := op["parameters"].([]any)
			for _, p := range params {
				p := p.(obj)
				declared[p["name"].(string)] = p["in"] == "path"
				key = key || p["name"] == "Idempotency-Key" && p["required"] != true
				if p["in"] == "query" && p["required"] == true {
					t.Errorf("%s: query parameter %v is required", where, p["name"])
				}
			}
			for _, m := range parameter.FindAllStringSubmatch(path, -1) {
				if !declared[m[1]] {
					t.Errorf("%s: %s is not declared", where, m[1])
				}
			}
			if method == "post" && !key {
				t.Errorf("%s takes no Idempotency-Key", where)
			}
			answers := op["responses"].(obj)
			for _, code := range []string{"401", "403", "422", "429"} {
				a, ok := answers[code].(obj)
				if !ok || a["content"].(obj)["application/problem+json"] == nil {
					t.Errorf("%s: no problem for %s", where, code)
				}
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d operations", n)
	}
	for name := range schemas {
		if strings.Contains(name, "JSON") {
			t.Errorf("a type of ours shows through: %s", name)
		}
	}
	if null := r.at("components", "schemas", "Ticket", "properties", "assignee", "oneOf", 1, "type"); null != "null" {
		t.Errorf("the assignee may be null: %v", null)
	}
	problem := schemas["ErrorModel"].(obj)["properties"].(obj)
	for _, p := range []string{"title", "status", "detail", "errors", "current", "yours"} {
		if problem[p] == nil {
			t.Errorf("problems have no %s", p)
		}
	}
}

// TestDocs checks that the page needs no network and no script, and shows every operation in both languages.
func TestDocs(t *testing.T) {
	k := newDesk(t, dbtest.Open(t, db.SQLite, dbtest.Options{}))
	for lang, want := range map[string]string{"fr": "Ouvre un ticket", "en": "Open a ticket"} {
		r := k.call("", "GET", "/api/docs", nil, "Accept-Language", lang).want(200)
		if !strings.Contains(r.body, want) || strings.Contains(r.header.Get("Content-Security-Policy"), "unsafe") {
			t.Errorf("%s: %v %.300s", lang, r.header, r.body)
		}
		root, err := html.Parse(strings.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		details := 0
		for n := range root.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			if n.Data == "details" {
				details++
			}
			if n.Data == "script" || n.Data == "style" || n.Data == "iframe" {
				t.Errorf("%s: <%s>", lang, n.Data)
			}
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") || (a.Key == "src" || a.Key == "href") && strings.Contains(a.Val, "//") {
					t.Errorf("%s: <%s %s=%q>", lang, n.Data, a.Key, a.Val)
				}
			}
		}
		if details < 40 {
			t.Errorf("%s: %d operations", lang, details)
		}
	}
}

// TestGolden holds the shape of answers, with what changes from run to run masked.
func TestGolden(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		r := k.open("alice", "Plus de VPN", obj{"category": "Réseau et VPN/VPN", "tags": []string{"vpn"}, "external_id": "x-1"})
		golden(t, "ticket-created", r)
		path := tickets + "/" + r.str("id")
		golden(t, "message", k.call("carla", "POST", path+"/messages", obj{"body": "Depuis quand ?"}).want(201))
		golden(t, "escalation", k.call("carla", "POST", path+"/escalations", obj{"queue": "Réseaux", "reason": "Droits",
			"handover": obj{"tried": "t", "known": "k", "asked": "a"}}).want(201))
		golden(t, "timeline", k.call("carla", "GET", path+"/timeline", nil).want(200))
		golden(t, "tickets", k.call("alice", "GET", tickets, nil).want(200))
		golden(t, "person", k.call("emma", "GET", "/api/v1/people/carla@exemple.fr", nil).want(200))
		golden(t, "stale", k.call("denis", "PATCH", path, obj{"version": 1, "subject": "S"}).want(409))
		golden(t, "invalid-fr", k.call("alice", "POST", tickets, obj{"subject": "", "impact": 7, "nope": 1}).want(422))
		golden(t, "invalid-en", k.call("alice", "POST", tickets, obj{"subject": "", "impact": 7, "nope": 1}, "Accept-Language", "en").want(422))
	})
}

var (
	identifiers = regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{26}`)
	instants    = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
)

func golden(t *testing.T, name string, r result) {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(r.body), "", "  "); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	got := instants.ReplaceAllString(identifiers.ReplaceAllString(strings.TrimSpace(b.String()), "ID"), "INSTANT") + "\n"
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}
