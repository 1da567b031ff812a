package web_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/obs"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web"
	"entraide/internal/door/web/kit"
	"entraide/internal/door/web/ui"
)

// house is the whole web with one person of every role.
type house struct {
	t       *testing.T
	d       *db.DB
	k       *kit.Kit
	h       http.Handler
	people  map[string]auth.Actor
	cookies map[string][]*http.Cookie
}

var roles = map[string][]auth.Role{"requester": nil, "agent": {auth.Agent}, "lead": {auth.Lead}, "admin": {auth.Admin}}

func build(t *testing.T, d *db.DB) *house {
	t.Helper()
	blobs, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.BaseURL = "http://127.0.0.1"
	k := &kit.Kit{DB: d, Blobs: blobs, Thumbs: blob.NewThumbnailer(1), Hasher: identity.NewHasher(1), Config: cfg, Drain: t.Context()}
	h, err := web.New(k, web.Deps{Metrics: obs.NewMetrics("test"), Log: slog.New(slog.DiscardHandler), API: http.NotFoundHandler(),
		Ready: func(context.Context) error { return nil }, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	w := &house{t, d, k, h, make(map[string]auth.Actor), make(map[string][]*http.Cookie)}
	w.do(func(ctx context.Context, tx *db.Tx) error { // as the roof prepares a fresh installation
		if _, err := identity.Seed(ctx, tx, auth.System("test"), [3]string{"Un", "Deux", "Trois"}); err != nil {
			return err
		}
		return ticket.Seed(ctx, tx)
	})
	for name, all := range roles {
		w.add(name, all...)
	}
	return w
}

func (w *house) add(name string, all ...auth.Role) {
	w.t.Helper()
	err := w.d.Write(w.t.Context(), func(tx *db.Tx) error {
		p, err := identity.Create(w.t.Context(), tx, auth.System("test"), identity.Person{Name: "Ada " + name, Email: strings.ReplaceAll(name, " ", ".") + "@exemple.test", Roles: all})
		if err != nil {
			return err
		}
		w.people[name], err = identity.LoadActor(w.t.Context(), tx, p.ID)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.signIn(name)
}

func (w *house) signIn(name string) {
	w.t.Helper()
	rec := httptest.NewRecorder()
	if err := w.k.SignIn(rec, httptest.NewRequestWithContext(w.t.Context(), "GET", "/", nil), w.people[name].ID); err != nil {
		w.t.Fatal(err)
	}
	w.cookies[name] = rec.Result().Cookies()
}

// ask sends one request as name, "nobody" without a session. Streams are left after a moment.
func (w *house) ask(name, method, path string) *httptest.ResponseRecorder {
	w.t.Helper()
	ctx := w.t.Context()
	if path == ui.LivePath {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, 50*time.Millisecond)
		defer stop()
	}
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(""))
	if method != http.MethodGet {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range w.cookies[name] {
		r.AddCookie(c)
	}
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	return rec
}

// admits says what the table of the contract says: which gate lets which role in.
func admits(g kit.Access, name string) bool {
	switch g {
	case kit.Everyone:
		return true
	case kit.SignedIn:
		return name != "nobody"
	case kit.Agents:
		return name == "agent" || name == "lead" || name == "admin"
	case kit.Leads:
		return name == "lead" || name == "admin"
	case kit.Admins:
		return name == "admin"
	}
	return false
}

var hole = regexp.MustCompile(`\{[^}]*\}`)

func TestEveryRouteForEveryRole(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		w := build(t, d)
		routes := w.k.Routes()
		if len(routes) < 60 {
			t.Fatalf("%d routes: a part is not mounted", len(routes))
		}
		for _, route := range routes {
			method, pattern, _ := strings.Cut(route.Pattern, " ")
			path := hole.ReplaceAllString(strings.TrimSuffix(pattern, "{$}"), "none")
			for _, name := range []string{"nobody", "requester", "agent", "lead", "admin"} {
				rec := w.ask(name, method, path)
				code, to := rec.Code, rec.Header().Get("Location")
				closed := code == 401 || code == 303 && strings.HasPrefix(to, ui.SignInPath+"?back=")
				switch {
				case admits(route.Access, name):
					if closed || code == 403 && route.Access != kit.Everyone || code >= 500 || code == 405 {
						t.Errorf("%s as %s: %d %s, want to be let in", route.Pattern, name, code, to)
					}
				case name == "nobody":
					if !closed {
						t.Errorf("%s as nobody: %d %s, want the way in", route.Pattern, code, to)
					}
				case code != 403:
					t.Errorf("%s as %s: %d, want 403", route.Pattern, name, code)
				}
				if rec.Header().Get("Content-Security-Policy") == "" || rec.Header().Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("%s as %s: without the headers that keep a page to itself", route.Pattern, name)
				}
				if pattern == ui.SignOutPath && name != "nobody" {
					w.signIn(name)
				}
			}
		}
	})
}

// open returns the GET routes of a ticket that are answered with 200 to name.
func (w *house) open(name, ref string) (all []string) {
	w.t.Helper()
	for _, route := range w.k.Routes() {
		method, pattern, _ := strings.Cut(route.Pattern, " ")
		if method != http.MethodGet || !strings.Contains(pattern, "{ref}") || !admits(route.Access, strings.TrimPrefix(name, "other ")) {
			continue
		}
		path := hole.ReplaceAllString(strings.ReplaceAll(pattern, "{ref}", ref), "none") + "?kind=/" // suggestions know the ticket for texts kept ready
		rec := w.ask(name, method, path)
		if rec.Code == 200 {
			all = append(all, route.Pattern)
		} else if rec.Code >= 500 || strings.Contains(rec.Body.String(), "Bulletin de paie") {
			w.t.Errorf("%s as %s: %d", route.Pattern, name, rec.Code)
		}
	}
	return all
}

func TestForeignTicketIsNotFound(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		w := build(t, d)
		w.add("other requester")
		w.add("other agent", auth.Agent)
		var own, hidden ticket.Ticket
		err := d.Write(t.Context(), func(tx *db.Tx) (err error) {
			ctx, machine := t.Context(), auth.System("test")
			draft := ticket.Draft{Subject: "Bulletin de paie", Channel: ticket.Portal, Message: ticket.Draught{Body: "Confidentiel"}}
			team, err := identity.CreateTeam(ctx, tx, machine, identity.Team{Name: "Paie", Level: 1, Active: true})
			if err != nil {
				return err
			}
			if err := identity.SetMember(ctx, tx, machine, team.ID, w.people["agent"].ID, false); err != nil {
				return err
			}
			if _, err := ticket.SaveQueue(ctx, tx, machine, ticket.Queue{Name: "Accueil", TeamID: team.ID, Position: 1, Active: true}); err != nil {
				return err
			}
			if own, err = ticket.OpenTicket(ctx, tx, w.people["requester"], draft); err != nil {
				return err
			}
			queue, err := ticket.SaveQueue(ctx, tx, machine, ticket.Queue{Name: "Paie", Position: 2, TeamID: team.ID, Private: true, Active: true})
			if err != nil {
				return err
			}
			draft.RequesterID, draft.QueueID = w.people["requester"].ID, queue.ID
			hidden, err = ticket.OpenTicket(ctx, tx, machine, draft)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if open := w.open("other requester", own.Reference()); len(open) > 0 {
			t.Errorf("somebody else reads %v", open)
		}
		if open := w.open("other agent", hidden.Reference()); len(open) > 0 {
			t.Errorf("an agent of another team reads %v", open)
		}
		if len(w.open("requester", own.Reference())) == 0 || len(w.open("agent", hidden.Reference())) == 0 {
			t.Error("those who may read it do not: nothing was tried")
		}
	})
}
