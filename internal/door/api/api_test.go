package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/schema"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/api"
)

// desk is an organisation of five, a server and a token for each.
type desk struct {
	tb     testing.TB
	db     *db.DB
	h      http.Handler
	id     map[string]string // person ids by name
	token  map[string]string
	teams  []identity.Team
	queues []ticket.Queue
	deps   api.Deps
	drain  context.CancelFunc
}

var cast = []struct {
	name  string
	roles []auth.Role
	team  int // 0 = none
}{
	{"alice", nil, 0}, {"bruno", nil, 0},
	{"carla", []auth.Role{auth.Agent}, 1},
	{"denis", []auth.Role{auth.Agent, auth.Lead}, 2},
	{"emma", []auth.Role{auth.Admin}, 0},
}

func newDesk(tb testing.TB, d *db.DB) *desk {
	tb.Helper()
	blobs, err := blob.OpenDir(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	drain, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	k := &desk{tb: tb, db: d, id: map[string]string{}, token: map[string]string{}, drain: stop}
	tb.Cleanup(stop)
	cfg := config.Default()
	cfg.BaseURL = "https://aide.exemple.fr"
	k.deps = api.Deps{DB: d, Blobs: blobs, Config: cfg, Drain: drain, Log: slog.New(slog.NewTextHandler(tb.Output(), nil)),
		Stylesheet: "/static/entraide.css", Rate: api.Rate{PerSecond: 1e6, Burst: 1e6}}
	k.fill()
	k.serve()
	return k
}

func (k *desk) serve() {
	k.tb.Helper()
	h, err := api.New(k.deps)
	if err != nil {
		k.tb.Fatal(err)
	}
	k.h = h
}

// fill stores teams, queues, categories and the cast.
func (k *desk) fill() {
	k.tb.Helper()
	ctx, sys := k.tb.Context(), auth.System("test")
	err := k.db.Write(ctx, func(tx *db.Tx) (err error) {
		if k.teams, err = identity.Seed(ctx, tx, sys, [3]string{"Support de proximité", "Réseaux", "Éditeurs"}); err != nil {
			return err
		}
		if err = ticket.Seed(ctx, tx); err != nil {
			return err
		}
		if k.queues, err = ticket.Queues(ctx, tx, sys); err != nil {
			return err
		}
		top, err := ticket.SaveCategory(ctx, tx, sys, ticket.Category{NameFR: "Réseau et VPN", NameEN: "Network and VPN"})
		if err != nil {
			return err
		}
		if _, err = ticket.SaveCategory(ctx, tx, sys, ticket.Category{NameFR: "VPN", NameEN: "VPN", ParentID: top.ID}); err != nil {
			return err
		}
		for _, c := range cast {
			p, err := identity.Create(ctx, tx, sys, identity.Person{Name: strings.ToUpper(c.name[:1]) + c.name[1:] + " Martin", Email: c.name + "@exemple.fr", Roles: c.roles})
			if err != nil {
				return err
			}
			if c.team > 0 {
				if err := identity.SetMember(ctx, tx, sys, k.teams[c.team-1].ID, p.ID, c.name == "denis"); err != nil {
					return err
				}
			}
			k.id[c.name] = p.ID
			if k.token[c.name], _, err = identity.IssueToken(ctx, tx, sys, p.ID, "test", []string{"*"}, time.Time{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		k.tb.Fatal(err)
	}
}

type result struct {
	tb     testing.TB
	status int
	header http.Header
	body   string
}

// json is the body as a map.
func (r result) json() map[string]any {
	r.tb.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(r.body), &m); err != nil {
		r.tb.Fatalf("no JSON object (%d): %.300s", r.status, r.body)
	}
	return m
}

// at follows keys of objects and indexes of lists.
func (r result) at(path ...any) any {
	r.tb.Helper()
	var v any = r.json()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				r.tb.Fatalf("%v: no object at %q in %.600s", path, p, r.body)
			}
			v = m[p]
		case int:
			l, ok := v.([]any)
			if !ok || p >= len(l) {
				r.tb.Fatalf("%v: no item %d in %.600s", path, p, r.body)
			}
			v = l[p]
		}
	}
	return v
}

func (r result) str(path ...any) string {
	r.tb.Helper()
	s, ok := r.at(path...).(string)
	if !ok {
		r.tb.Fatalf("%v is no text in %.600s", path, r.body)
	}
	return s
}

// want fails unless the status is one of those.
func (r result) want(status int) result {
	r.tb.Helper()
	if r.status != status {
		r.tb.Fatalf("status %d, want %d: %.800s", r.status, status, r.body)
	}
	return r
}

// call sends a request as somebody ("" = nobody). body is nil, a string sent as it is, or a value sent as JSON;
// header are name, value pairs.
func (k *desk) call(who, method, path string, body any, header ...string) result {
	k.tb.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		j, err := json.Marshal(b)
		if err != nil {
			k.tb.Fatal(err)
		}
		r = bytes.NewReader(j)
	}
	req := httptest.NewRequestWithContext(k.tb.Context(), method, path, r)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if who != "" {
		req.Header.Set("Authorization", "Bearer "+k.token[who])
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	k.h.ServeHTTP(w, req)
	return result{k.tb, w.Code, w.Header(), w.Body.String()}
}

type obj = map[string]any

// open opens a ticket and returns its answer.
func (k *desk) open(who, subject string, more obj) result {
	k.tb.Helper()
	b := obj{"subject": subject, "body": "Depuis ce matin."}
	for key, v := range more {
		b[key] = v
	}
	return k.call(who, "POST", "/api/v1/tickets", b).want(201)
}

func TestCreateAndRead(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		r := k.open("alice", "Plus de VPN", obj{"category": "network and vpn / vpn", "impact": 2, "urgency": 2, "tags": []string{"VPN"}})
		if r.str("type") != "incident" || r.str("status") != "new" || r.str("channel") != "api" || r.str("requester", "email") != "alice@exemple.fr" ||
			r.str("category", "path", 0) != "Réseau et VPN" || r.str("tags", 0) != "vpn" || r.at("assignee") != nil || r.at("due", "resolution") != nil {
			t.Errorf("answer: %s", r.body)
		}
		for _, path := range []string{r.str("id"), r.str("reference"), strings.ToLower(r.str("reference"))} {
			got := k.call("alice", "GET", "/api/v1/tickets/"+path, nil).want(200)
			if got.str("id") != r.str("id") {
				t.Errorf("%s: %s", path, got.body)
			}
		}
		k.call("bruno", "GET", "/api/v1/tickets/"+r.str("id"), nil).want(404)
		l := k.call("carla", "GET", "/api/v1/tickets?q=vpn&status=active&level=1", nil).want(200)
		if l.str("items", 0, "id") != r.str("id") || l.at("next_cursor") != nil {
			t.Errorf("list: %s", l.body)
		}
		k.call("alice", "GET", "/api/v1/tickets/"+r.str("id"), nil, "If-None-Match", `"1"`).want(304)
	})
}

// migrate puts the schema into an empty database.
func migrate(tb testing.TB, d *db.DB) {
	tb.Helper()
	if _, err := schema.Migrate(tb.Context(), d, nil); err != nil {
		tb.Fatal(err)
	}
}
