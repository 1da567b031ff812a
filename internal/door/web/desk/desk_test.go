package desk_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/desk"
	"entraide/internal/door/web/kit"
	"entraide/internal/usecase/consult"
	"entraide/internal/usecase/recipients"
)

// house is a desk with people, served.
type house struct {
	t       *testing.T
	db      *db.DB
	blobs   blob.Store
	handler http.Handler
	people  map[string]identity.Person
	cookies map[string]*http.Cookie
	queues  map[string]ticket.Queue
}

// each runs f on a fresh house on both engines.
func each(t *testing.T, f func(t *testing.T, h *house)) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) { f(t, build(t, d)) })
}

func build(t *testing.T, d *db.DB) *house {
	t.Helper()
	blobs, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	k := &kit.Kit{DB: d, Blobs: blobs, Thumbs: blob.NewThumbnailer(1), Hasher: identity.NewHasher(1), Config: config.Default(), Drain: t.Context()}
	desk.Mount(k, func(ctx context.Context, tx *db.Tx, a auth.Actor, q desk.Question) error {
		_, err := consult.Ask(ctx, tx, a, recipients.Place{Base: "http://x.example"}, consult.Question{TicketID: q.TicketID, Address: q.Address, Name: q.Name, Body: q.Body, Quote: q.Quote, Wait: q.Wait})
		return err
	})
	h := &house{t: t, db: d, blobs: blobs, handler: k.Identify(k.Mux()), people: map[string]identity.Person{}, cookies: map[string]*http.Cookie{}, queues: map[string]ticket.Queue{}}
	h.write(func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		teams, err := identity.Seed(ctx, tx, a, [3]string{"Niveau 1", "Niveau 2", "Niveau 3"})
		if err != nil {
			return err
		}
		for _, p := range []struct {
			key, name string
			roles     []auth.Role
			team      int
		}{
			{"yanis", "Yanis Belkacem", []auth.Role{auth.Agent}, 0}, {"sophie", "Sophie Lemaire", []auth.Role{auth.Agent}, 1},
			{"lea", "Léa Martin", []auth.Role{auth.Agent, auth.Lead}, 0}, {"camille", "Camille Renaud", nil, -1},
			{"admin", "Ada Min", []auth.Role{auth.Admin}, -1},
		} {
			made, err := identity.Create(ctx, tx, a, identity.Person{Email: p.key + "@exemple.fr", Name: p.name, Lang: "fr", Roles: p.roles, Phone: "02 40 12 34 56", Site: "Nantes"})
			if err != nil {
				return err
			}
			h.people[p.key] = made
			if p.team >= 0 {
				if err := identity.SetMember(ctx, tx, a, teams[p.team].ID, made.ID, p.key == "lea"); err != nil {
					return err
				}
			}
		}
		if err := ticket.Seed(ctx, tx); err != nil {
			return err
		}
		if _, err := ticket.SaveQueue(ctx, tx, a, ticket.Queue{Name: "Ressources humaines", TeamID: teams[2].ID, Private: true, Position: 9}); err != nil {
			return err
		}
		queues, err := ticket.Queues(ctx, tx, a)
		for _, q := range queues {
			h.queues[q.Name] = q
		}
		return err
	})
	for key, p := range h.people {
		w := httptest.NewRecorder()
		if err := k.SignIn(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil), p.ID); err != nil {
			t.Fatal(err)
		}
		h.cookies[key] = w.Result().Cookies()[0]
	}
	return h
}

func (h *house) write(f func(ctx context.Context, tx *db.Tx, a auth.Actor) error) {
	h.t.Helper()
	ctx := h.t.Context()
	if err := h.db.Write(ctx, func(tx *db.Tx) error { return f(ctx, tx, auth.System("test")) }); err != nil {
		h.t.Fatal(err)
	}
}

// as loads the actor of a person and runs f as them.
func (h *house) as(key string, f func(ctx context.Context, tx *db.Tx, a auth.Actor) error) {
	h.t.Helper()
	h.write(func(ctx context.Context, tx *db.Tx, _ auth.Actor) error {
		a, err := identity.LoadActor(ctx, tx, h.people[key].ID)
		if err != nil {
			return err
		}
		return f(ctx, tx, a)
	})
}

// open opens a ticket of Camille in the queue of a name; "" = where it starts.
func (h *house) open(subject, queue string) ticket.Ticket {
	h.t.Helper()
	var out ticket.Ticket
	h.write(func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		out, err = ticket.OpenTicket(ctx, tx, a, ticket.Draft{Subject: subject, RequesterID: h.people["camille"].ID, QueueID: h.queues[queue].ID,
			Channel: ticket.Portal, Message: ticket.Draught{Body: "Rien ne va plus."}})
		return err
	})
	return out
}

func (h *house) find(id string) ticket.Ticket {
	h.t.Helper()
	var out ticket.Ticket
	h.write(func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		out, err = ticket.Find(ctx, tx, a, id)
		return err
	})
	return out
}

// answer is what a request got.
type answer struct {
	code   int
	body   string
	header http.Header
}

func (h *house) send(ctx context.Context, who, method, path string, form url.Values, fragment bool) answer {
	h.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequestWithContext(ctx, method, path, body)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if fragment {
		r.Header.Set("HX-Request", "true")
	}
	if c := h.cookies[who]; c != nil {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return answer{w.Code, w.Body.String(), w.Header()}
}

func (h *house) get(who, path string) answer {
	h.t.Helper()
	return h.send(h.t.Context(), who, "GET", path, nil, false)
}

func (h *house) post(who, path string, form url.Values) answer {
	h.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	return h.send(h.t.Context(), who, "POST", path, form, false)
}

// want fails unless the answer has the status, and the texts in its page.
func (h *house) want(a answer, code int, texts ...string) answer {
	h.t.Helper()
	if a.code != code {
		h.t.Fatalf("status %d, want %d\n%.1500s", a.code, code, words(a.body))
	}
	page := words(a.body)
	for _, s := range texts {
		if !strings.Contains(page, s) && !strings.Contains(a.body, s) {
			h.t.Errorf("%q is not on the page:\n%.3000s", s, page)
		}
	}
	return a
}

// words are the texts of a page, with plain spaces and apostrophes, as a test writes them.
func words(page string) string {
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return page
	}
	var b strings.Builder
	for n := range doc.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
	}
	plain := strings.NewReplacer("\u00a0", " ", "\u202f", " ", "’", "'").Replace(b.String())
	return strings.Join(strings.Fields(plain), " ")
}

// value is the value of the first input of a name.
func value(page, name string) string {
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return ""
	}
	for n := range doc.Descendants() {
		if n.Data == "input" && attr(n, "name") == name {
			return attr(n, "value")
		}
		if n.Data == "textarea" && attr(n, "name") == name && n.FirstChild != nil {
			return n.FirstChild.Data
		}
	}
	return ""
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// undo is the address in the undo of the flash that a redirect carries, shown by the next page.
func (h *house) undo(a answer, who string) string {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), "GET", a.header.Get("Location"), nil)
	r.AddCookie(h.cookies[who])
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	doc, err := html.Parse(w.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Data == "form" && n.Parent != nil && attr(n.Parent, "class") == "toast-card" {
			return attr(n, "action")
		}
	}
	h.t.Fatal("the page offers no undo")
	return ""
}
