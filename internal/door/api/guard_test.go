package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/i18n"
	"entraide/internal/base/once"
	"entraide/internal/domain/identity"
	"entraide/internal/door/api"
)

// TestBadInput sends what nobody should: each gets a clear refusal that names the place, in both languages, and nothing
// changes.
func TestBadInput(t *testing.T) {
	type c struct {
		who, method, path string
		body              any
		status            int
		location          string
	}
	ok := func(more obj) obj {
		b := obj{"subject": "S", "body": "B"}
		for k, v := range more {
			b[k] = v
		}
		return b
	}
	cases := map[string]c{
		"no subject":           {"alice", "POST", tickets, obj{"body": "B"}, 422, "body.subject"},
		"empty subject":        {"alice", "POST", tickets, ok(obj{"subject": ""}), 422, "body.subject"},
		"blank subject":        {"alice", "POST", tickets, ok(obj{"subject": " \t\n "}), 422, "body.subject"},
		"long subject":         {"alice", "POST", tickets, ok(obj{"subject": strings.Repeat("é", 201)}), 422, "body.subject"},
		"long body":            {"alice", "POST", tickets, ok(obj{"body": strings.Repeat("é", 100_001)}), 422, "body.body"},
		"subject of a number":  {"alice", "POST", tickets, ok(obj{"subject": 5}), 422, "body.subject"},
		"unknown field":        {"alice", "POST", tickets, ok(obj{"subjet": "S"}), 422, "body.subjet"},
		"unknown type":         {"alice", "POST", tickets, ok(obj{"type": "wish"}), 422, "body.type"},
		"impact out of range":  {"alice", "POST", tickets, ok(obj{"impact": 9}), 422, "body.impact"},
		"unknown category":     {"alice", "POST", tickets, ok(obj{"category": "Cuisine"}), 422, "body.category"},
		"unknown queue":        {"carla", "POST", tickets, ok(obj{"queue": "Cuisine"}), 422, "body.queue"},
		"unknown custom field": {"alice", "POST", tickets, ok(obj{"fields": obj{"nope": 1}}), 422, "body.fields.nope"},
		"wrong address":        {"carla", "POST", tickets, ok(obj{"requester": "nobody"}), 422, "body.requester"},
		"unknown person":       {"carla", "POST", tickets, ok(obj{"requester": "01JD8Z5K3M9Q2W4E6R8T0Y1V2X"}), 422, "body.requester"},
		"unknown attachment":   {"alice", "POST", tickets, ok(obj{"attachments": []string{"x"}}), 422, "body.attachments"},
		"null":                 {"alice", "POST", tickets, ok(obj{"subject": nil}), 422, "body.subject"},
		"no object":            {"alice", "POST", tickets, `[1]`, 422, "body"},
		"broken JSON":          {"alice", "POST", tickets, `{"subject":`, 400, "body"},
		"broken UTF-8":         {"alice", "POST", tickets, "{\"subject\":\"a\xff\xfe\",\"body\":\"b\"}", 400, "body"},
		"a NUL":                {"alice", "POST", tickets, `{"subject":"a\u0000b","body":"b"}`, 400, "body"},
		"no body":              {"alice", "POST", tickets, "", 400, ""},
		"too large":            {"alice", "POST", tickets, ok(obj{"body": strings.Repeat("x", 2<<20)}), 413, ""},
		"somebody else's name": {"alice", "POST", tickets, ok(obj{"requester": "bruno@exemple.fr"}), 403, ""},
		"a queue of choice":    {"alice", "POST", tickets, ok(obj{"queue": "Réseaux"}), 403, ""},
		"unknown parameter":    {"alice", "GET", tickets + "?stauts=new", nil, 422, "query.stauts"},
		"limit twice":          {"alice", "GET", tickets + "?limit=1&limit=2", nil, 422, "query.limit"},
		"limit of a word":      {"alice", "GET", tickets + "?limit=many", nil, 422, "query.limit"},
		"limit too high":       {"alice", "GET", tickets + "?limit=201", nil, 422, "query.limit"},
		"unknown status":       {"alice", "GET", tickets + "?status=lost", nil, 422, "query.status[0]"},
		"no instant":           {"alice", "GET", tickets + "?updated_since=hier", nil, 422, "query.updated_since"},
		"forged cursor":        {"alice", "GET", tickets + "?cursor=eyJzIjoi", nil, 422, "query.cursor"},
		"unknown assignee":     {"carla", "GET", tickets + "?assignee=nobody@exemple.fr", nil, 422, "query.assignee"},
		"NUL in the query":     {"alice", "GET", tickets + "?q=%00", nil, 400, ""},
		"latin-1 in the query": {"alice", "GET", tickets + "?q=%E9", nil, 400, ""},
		"NUL in the path":      {"alice", "GET", tickets + "/a%00b", nil, 400, ""},
		"a foreign number":     {"alice", "GET", tickets + "/INC-999999", nil, 404, ""},
		"SQL as a number":      {"alice", "GET", tickets + "/" + url.PathEscape("1' OR '1'='1"), nil, 404, ""},
		"a path as a number":   {"alice", "GET", tickets + "/" + url.PathEscape("../../etc/passwd"), nil, 404, ""},
		"no such address":      {"alice", "GET", "/api/v1/nothing", nil, 404, ""},
		"no such method":       {"alice", "DELETE", tickets, nil, 405, ""},
		"no form":              {"alice", "POST", "/api/v1/attachments", "x", 415, ""},
		"a stranger's view":    {"carla", "GET", "/api/v1/views/nope/tickets", nil, 404, ""},
		"a long key":           {"alice", "GET", tickets + "/" + strings.Repeat("x", 300), nil, 422, "path.id"},
	}
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		before := dbtest.Count(t, d, "ticket") + dbtest.Count(t, d, "person") + dbtest.Count(t, d, "event")
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				k := *k
				k.tb = t
				var said []string
				for _, lang := range []string{"fr", "en"} {
					r := k.call(c.who, c.method, c.path, c.body, "Accept-Language", lang).want(c.status)
					if ct := r.header.Get("Content-Type"); ct != "application/problem+json" || r.at("status") != float64(c.status) {
						t.Errorf("%s: %s", ct, r.body)
					}
					if l := r.header.Get("Content-Language"); l != lang {
						t.Errorf("language %q, want %q", l, lang)
					}
					if c.location != "" {
						if got := r.str("errors", 0, "location"); got != c.location {
							t.Errorf("location %q, want %q", got, c.location)
						}
						said = append(said, r.str("errors", 0, "message"))
					} else {
						said = append(said, r.str("detail"))
					}
				}
				if said[0] == said[1] || strings.Contains(said[0]+said[1], "expected") || i18n.Has(said[0]) {
					t.Errorf("not translated: %q", said)
				}
			})
		}
		if after := dbtest.Count(t, d, "ticket") + dbtest.Count(t, d, "person") + dbtest.Count(t, d, "event"); after != before {
			t.Errorf("%d rows before, %d after", before, after)
		}
	})
}

// TestInjection stores what would hurt elsewhere and gets it back as the text it is.
func TestInjection(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		for _, s := range []string{`'; DROP TABLE ticket; --`, `<script>alert(1)</script>`, `{{.}} ${x} %s %00`, `"><img src=x onerror=y>`, `\u202egnp.exe`, `..\..\x`} {
			r := k.open("alice", s, obj{"external_id": s})
			if got := k.call("alice", "GET", tickets+"/"+r.str("id"), nil).want(200); got.str("subject") != s || got.str("external_id") != s {
				t.Errorf("%q came back as %q", s, got.str("subject"))
			}
			k.call("carla", "GET", tickets+"?"+url.Values{"q": {s}, "tag": {s}, "external_id": {s}}.Encode(), nil).want(200)
		}
		r := k.open("alice", "En-tête\r\nX-Evil: 1", nil)
		if r.str("subject") != "En-tête X-Evil: 1" || r.header.Get("X-Evil") != "" {
			t.Errorf("header injection: %s", r.body)
		}
	})
}

// TestHugeUpload refuses 200 MB before reading them, announced or not.
func TestHugeUpload(t *testing.T) {
	k := newDesk(t, dbtest.Open(t, db.SQLite, dbtest.Options{}))
	srv := httptest.NewServer(k.h)
	defer srv.Close()
	for name, announced := range map[string]bool{"announced": true, "chunked": false} {
		t.Run(name, func(t *testing.T) {
			const size = 200 << 20
			counted := &counter{r: io.MultiReader(strings.NewReader("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n"), io.LimitReader(zeros{}, size))}
			req, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL+"/api/v1/attachments", counted)
			if err != nil {
				t.Fatal(err)
			}
			if announced {
				req.ContentLength = size
			}
			req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
			req.Header.Set("Authorization", "Bearer "+k.token["alice"])
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != 413 || !strings.Contains(string(b), "25") {
				t.Errorf("%d %v %s", res.StatusCode, err, b)
			}
			if counted.n.Load() > 60<<20 {
				t.Errorf("%d bytes were taken", counted.n.Load())
			}
		})
	}
}

func TestIdentify(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		r := k.call("", "GET", tickets, nil).want(401)
		if r.header.Get("WWW-Authenticate") == "" || r.str("title") != "Authentification requise" {
			t.Errorf("%v %s", r.header, r.body)
		}
		k.call("", "GET", tickets, nil, "Authorization", "Basic eDp5").want(401)
		k.call("", "GET", tickets, nil, "Authorization", "Bearer ent_wrong").want(401)
		k.call("", "GET", tickets, nil, "Authorization", "bearer "+k.token["alice"]).want(200)

		// A revoked token, a lost role and an absence of activity are felt at once, in spite of what is remembered.
		issue := func(who string, scopes ...string) (secret string, id string) {
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				s, tok, err := identity.IssueToken(t.Context(), tx, auth.System("test"), k.id[who], "t", scopes, time.Time{})
				secret, id = s, tok.ID
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return secret, id
		}
		secret, id := issue("carla", "tickets:read")
		k.token["reader"] = secret
		k.call("reader", "GET", tickets, nil).want(200)
		scope := k.call("reader", "POST", tickets, obj{"subject": "S", "body": "B"}, "Accept-Language", "en").want(403)
		if !strings.Contains(scope.str("detail"), "tickets:write") {
			t.Errorf("scope: %s", scope.body)
		}
		k.call("reader", "GET", "/api/v1/people/me", nil).want(403)
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return identity.RevokeToken(t.Context(), tx, auth.System("test"), id) }); err != nil {
			t.Fatal(err)
		}
		k.call("reader", "GET", tickets, nil).want(401)
		k.call("carla", "GET", "/api/v1/views", nil).want(200)
		k.call("emma", "PATCH", "/api/v1/people/"+k.id["carla"], obj{"roles": []string{}}).want(200)
		k.call("carla", "GET", "/api/v1/views", nil).want(403)

		// The browser's session is taken over from the pages' middleware, and guarded against other sites.
		session := func(header ...string) *httptest.ResponseRecorder {
			req := httptest.NewRequest("POST", tickets, strings.NewReader(`{"subject":"S","body":"B"}`))
			req.Header.Set("Content-Type", "application/json")
			for i := 0; i+1 < len(header); i += 2 {
				req.Header.Set(header[i], header[i+1])
			}
			ctx := i18n.With(auth.With(t.Context(), auth.Actor{ID: k.id["alice"], Email: "alice@exemple.fr"}), i18n.New("en", ""))
			w := httptest.NewRecorder()
			k.h.ServeHTTP(w, req.WithContext(ctx))
			return w
		}
		if w := session("Sec-Fetch-Site", "same-origin"); w.Code != 201 {
			t.Errorf("session: %d %s", w.Code, w.Body)
		}
		if w := session("Sec-Fetch-Site", "cross-site"); w.Code != 403 || !strings.Contains(w.Body.String(), "another site") {
			t.Errorf("cross-site: %d %s", w.Code, w.Body)
		}
	})
}

func TestRate(t *testing.T) {
	k := newDesk(t, dbtest.Open(t, db.SQLite, dbtest.Options{}))
	k.deps.Rate = api.Rate{PerSecond: 0.1, Burst: 3}
	k.serve()
	for range 3 {
		k.call("alice", "GET", tickets, nil).want(200)
	}
	if r := k.call("alice", "GET", tickets, nil).want(429); r.header.Get("Retry-After") != "10" {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
	k.call("bruno", "GET", tickets, nil).want(200)
}

// TestOnce sends the same request again and again, one after the other and all at once.
func TestOnce(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		body := obj{"subject": "Une fois", "body": "B"}
		first := k.call("alice", "POST", tickets, body, "Idempotency-Key", "k1").want(201)
		again := k.call("alice", "POST", tickets, body, "Idempotency-Key", "k1").want(201)
		if again.body != first.body || again.header.Get("Idempotency-Replayed") != "true" || again.header.Get("Location") != first.header.Get("Location") || again.header.Get("ETag") != `"1"` {
			t.Errorf("second answer %v %s, first %s", again.header, again.body, first.body)
		}
		k.call("alice", "POST", tickets, obj{"subject": "Autre", "body": "B"}, "Idempotency-Key", "k1").want(422)
		k.call("alice", "POST", tickets+"/"+first.str("id")+"/messages", body, "Idempotency-Key", "k1").want(422)
		k.call("bruno", "POST", tickets, body, "Idempotency-Key", "k1").want(201) // keys are each caller's own
		k.call("alice", "POST", tickets, body, "Idempotency-Key", "é").want(422)
		k.call("alice", "POST", tickets, obj{"subject": "", "body": "B"}, "Idempotency-Key", "k2").want(422)
		k.call("alice", "POST", tickets, body, "Idempotency-Key", "k2").want(201) // a refusal had no effect and binds nobody
		f := k.upload("alice", "a.txt", "x", "Idempotency-Key", "k3").want(201)
		if g := k.upload("alice", "a.txt", "x", "Idempotency-Key", "k3").want(201); g.body != f.body {
			t.Errorf("upload again: %s", g.body)
		}
		k.upload("alice", "a.txt", "y", "Idempotency-Key", "k3").want(422)

		n := dbtest.Count(t, d, "ticket")
		both := func(ask func() result) {
			var all sync.WaitGroup
			seen := make([]string, 8)
			for i := range seen {
				all.Go(func() {
					r := ask()
					if r.status != 201 && r.status != 200 {
						t.Errorf("%d %s", r.status, r.body)
						return
					}
					seen[i] = r.str("id")
				})
			}
			all.Wait()
			for _, s := range seen {
				if s != seen[0] {
					t.Errorf("answers differ: %v", seen)
					return
				}
			}
		}
		both(func() result { return k.call("alice", "POST", tickets, body, "Idempotency-Key", "all-at-once") })
		both(func() result {
			return k.call("alice", "POST", tickets, obj{"subject": "S", "body": "B", "external_id": "x1"})
		})
		if got := dbtest.Count(t, d, "ticket"); got != n+2 {
			t.Errorf("%d tickets, want %d", got, n+2)
		}
		known := k.call("alice", "POST", tickets, obj{"subject": "T", "body": "B", "external_id": "x1"}).want(200)
		if known.str("subject") != "S" {
			t.Errorf("known: %s", known.body)
		}
		hidden := k.call("bruno", "POST", tickets, obj{"subject": "T", "body": "B", "external_id": "x1"}).want(422)
		if hidden.str("errors", 0, "location") != "body.external_id" {
			t.Errorf("hidden: %s", hidden.body)
		}

		kept := dbtest.Count(t, d, "idempotency")
		purge := func(later time.Duration) {
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				tx.Now = tx.Now.Add(later)
				return once.Purge(t.Context(), tx)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if purge(23 * time.Hour); dbtest.Count(t, d, "idempotency") != kept {
			t.Error("forgotten too early")
		}
		if purge(25 * time.Hour); dbtest.Count(t, d, "idempotency") != 0 {
			t.Error("not forgotten")
		}
	})
}

// TestMatrix holds operations against roles. The ticket is alice's, in the queue of level 1, which carla works.
func TestMatrix(t *testing.T) {
	roles := []string{"", "alice", "bruno", "carla", "denis", "emma"}
	for _, m := range []struct {
		call string // method, path with {t} for the ticket
		body any
		want [6]int // nobody, requester, stranger, agent of the team, lead of another team, administrator
	}{
		{"GET /tickets", nil, [6]int{401, 200, 200, 200, 200, 200}},
		{"GET /tickets/{t}", nil, [6]int{401, 200, 404, 200, 200, 200}},
		{"PATCH /tickets/{t}", obj{"impact": 2}, [6]int{401, 403, 404, 200, 403, 200}},
		{"PATCH /tickets/{t}", obj{"assignee": "me"}, [6]int{401, 403, 404, 200, 403, 200}},
		{"GET /tickets/{t}/messages", nil, [6]int{401, 200, 404, 200, 200, 200}},
		{"POST /tickets/{t}/messages", obj{"body": "m"}, [6]int{401, 201, 404, 201, 201, 201}},
		{"POST /tickets/{t}/messages", obj{"body": "m", "visibility": "internal"}, [6]int{401, 403, 404, 201, 201, 201}},
		{"GET /tickets/{t}/escalations", nil, [6]int{401, 403, 404, 200, 200, 200}},
		{"POST /tickets/{t}/escalations", obj{"lead": true, "reason": "r"}, [6]int{401, 403, 404, 409, 403, 409}},
		{"POST /tickets/{t}/return", obj{"advice": "a"}, [6]int{401, 403, 404, 409, 403, 409}},
		{"PUT /tickets/{t}/resolution", obj{"body": "b"}, [6]int{401, 403, 404, 200, 403, 200}},
		{"DELETE /tickets/{t}/resolution", nil, [6]int{401, 409, 404, 409, 403, 409}},
		{"GET /tickets/{t}/links", nil, [6]int{401, 200, 404, 200, 200, 200}},
		{"POST /tickets/{t}/links", obj{"kind": "related", "ticket": "{t}"}, [6]int{401, 422, 404, 422, 422, 422}},
		{"POST /tickets/{t}/merge", obj{"into": "{t}"}, [6]int{401, 403, 404, 422, 403, 422}},
		{"POST /tickets/{t}/split", obj{"messages": []string{"x"}, "subject": "s"}, [6]int{401, 403, 404, 422, 403, 422}},
		{"GET /tickets/{t}/watchers", nil, [6]int{401, 200, 404, 200, 200, 200}},
		{"POST /tickets/{t}/watchers", obj{"person": "me"}, [6]int{401, 201, 404, 201, 201, 201}},
		{"GET /tickets/{t}/timeline", nil, [6]int{401, 200, 404, 200, 200, 200}},
		{"PUT /tickets/{t}/rating", obj{"score": "good"}, [6]int{401, 409, 404, 403, 403, 403}},
		{"GET /views", nil, [6]int{401, 403, 403, 200, 200, 200}},
		{"POST /views", obj{"name": "n", "filter": obj{}}, [6]int{401, 403, 403, 201, 201, 201}},
		{"GET /views/all/tickets", nil, [6]int{401, 403, 403, 200, 200, 200}},
		{"GET /queues", nil, [6]int{401, 200, 200, 200, 200, 200}},
		{"POST /calendars/preview", obj{"calendar": obj{"tz": "UTC", "hours": obj{"mon": [][]string{{"09:00", "12:00"}}}},
			"questions": []obj{{"op": "open", "start": "2026-03-02T09:00:00Z"}}}, [6]int{401, 200, 200, 200, 200, 200}},
		{"GET /categories", nil, [6]int{401, 200, 200, 200, 200, 200}},
		{"GET /teams", nil, [6]int{401, 200, 200, 200, 200, 200}},
		{"GET /people", nil, [6]int{401, 200, 200, 200, 200, 200}},
		{"GET /people/me", nil, [6]int{401, 200, 200, 200, 200, 200}},
		{"POST /people", obj{"name": "n"}, [6]int{401, 403, 403, 403, 403, 201}},
		{"GET /groups", nil, [6]int{401, 200, 200, 200, 200, 200}},
		{"POST /groups", obj{"code": "c", "name": "n"}, [6]int{401, 403, 403, 403, 403, 201}},
		{"GET /events", nil, [6]int{401, 200, 200, 200, 200, 200}},
		{"GET /mails", nil, [6]int{401, 403, 403, 403, 403, 200}},
		{"GET /mails/x", nil, [6]int{401, 403, 403, 403, 403, 404}},
		{"GET /mails/x/raw", nil, [6]int{401, 403, 403, 403, 403, 404}},
		{"POST /mails/x/replay", nil, [6]int{401, 403, 403, 403, 403, 404}},
		{"GET /mails/blocks", nil, [6]int{401, 403, 403, 403, 403, 200}},
		{"POST /mails/blocks", obj{"pattern": "spam.example"}, [6]int{401, 403, 403, 403, 403, 204}},
		{"DELETE /mails/blocks/none.example", nil, [6]int{401, 403, 403, 403, 403, 404}},
	} {
		t.Run(m.call, func(t *testing.T) {
			k := newDesk(t, dbtest.Open(t, db.SQLite, dbtest.Options{}))
			for i, who := range roles {
				ref := k.open("alice", "S", nil).str("reference")
				method, path, _ := strings.Cut(m.call, " ")
				body := m.body
				if b, ok := body.(obj); ok {
					filled := obj{}
					for key, v := range b {
						if v == "{t}" {
							v = ref
						}
						filled[key] = v
					}
					body = filled
				}
				r := k.call(who, method, "/api/v1"+strings.ReplaceAll(path, "{t}", ref), body)
				if r.status != m.want[i] {
					t.Errorf("%s as %q: %d, want %d: %.300s", m.call, who, r.status, m.want[i], r.body)
				}
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// counter counts what is read through it.
type counter struct {
	r io.Reader
	n atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}
