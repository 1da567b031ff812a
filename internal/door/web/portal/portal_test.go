package portal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/domain/form"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	"entraide/internal/door/web/portal"
)

// world is a small organisation and a server of the portal.
type world struct {
	t    *testing.T
	d    *db.DB
	k    *kit.Kit
	url  string
	who  map[string]auth.Actor
	cats map[string]string
	wrap func(http.Handler) http.Handler // around the routes; nil: nothing
}

func each(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	var ticks atomic.Int64
	begin := time.Now().Add(-time.Hour)
	clock := func() time.Time { return begin.Add(time.Duration(ticks.Add(1)) * 10 * time.Millisecond) } // no two moments are the same
	dbtest.EachWith(t, dbtest.Options{Now: clock}, func(t *testing.T, d *db.DB) { f(t, newWorld(t, d)) })
}

func newWorld(t *testing.T, d *db.DB) *world {
	t.Helper()
	blobs, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Limits.Upload = 64 << 10
	w := &world{t: t, d: d, who: map[string]auth.Actor{}, cats: map[string]string{}}
	w.k = &kit.Kit{DB: d, Blobs: blobs, Thumbs: blob.NewThumbnailer(1), Hasher: identity.NewHasher(1), Config: cfg, Drain: t.Context()}
	portal.Mount(w.k)
	w.write(func(ctx context.Context, tx *db.Tx) error {
		sys := auth.System("test")
		for _, p := range []identity.Person{
			{Name: "Camille Renaud", GivenName: "Camille", Email: "camille@x.example", Lang: "fr"},
			{Name: "Hélène Marchand", Email: "helene@x.example", Lang: "fr"},
			{Name: "Noor Haddad", Email: "noor@x.example", Lang: "en"},
			{Name: "Yanis Belkacem", Email: "yanis@x.example", Roles: []auth.Role{auth.Agent}},
			{Name: "Sophie Lemaire", Email: "sophie@x.example", Roles: []auth.Role{auth.Agent}},
		} {
			made, err := identity.Create(ctx, tx, sys, p)
			if err != nil {
				return err
			}
			name, _, _ := strings.Cut(p.Email, "@")
			w.who[name] = auth.Actor{ID: made.ID}
		}
		for level, who := range map[int]string{1: "yanis", 2: "sophie"} {
			team, err := identity.CreateTeam(ctx, tx, sys, identity.Team{Name: fmt.Sprintf("Niveau %d", level), Level: level})
			if err != nil {
				return err
			}
			if err := identity.SetMember(ctx, tx, sys, team.ID, w.who[who].ID, false); err != nil {
				return err
			}
		}
		if err := ticket.Seed(ctx, tx); err != nil {
			return err
		}
		for _, c := range [][2]string{{"Réseau", ""}, {"VPN", "Réseau"}, {"Locaux", ""}} {
			made, err := ticket.SaveCategory(ctx, tx, sys, ticket.Category{NameFR: c[0], NameEN: c[0], ParentID: w.cats[c[1]]})
			if err != nil {
				return err
			}
			w.cats[c[0]] = made.ID
		}
		if _, err := form.Create(ctx, tx, sys, form.Field{Key: "poste", LabelFR: "Numéro du poste", Kind: form.Text, CategoryID: w.cats["VPN"], Required: true}); err != nil {
			return err
		}
		for name, a := range w.who {
			loaded, err := identity.LoadActor(ctx, tx, a.ID)
			if err != nil {
				return err
			}
			w.who[name] = loaded
		}
		return nil
	})
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := http.Handler(w.k.Mux())
		if w.wrap != nil {
			h = w.wrap(h)
		}
		w.k.Identify(h).ServeHTTP(rw, r)
	}))
	t.Cleanup(srv.Close)
	w.url = srv.URL
	return w
}

func (w *world) write(f func(ctx context.Context, tx *db.Tx) error) {
	w.t.Helper()
	ctx := w.t.Context()
	if err := w.d.Write(ctx, func(tx *db.Tx) error { return f(ctx, tx) }); err != nil {
		w.t.Fatal(err)
	}
}

// open makes a request of who.
func (w *world) open(who, subject string) (t ticket.Ticket) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx *db.Tx) (err error) {
		t, err = ticket.OpenTicket(ctx, tx, w.who[who], ticket.Draft{Subject: subject, Channel: ticket.Portal, Message: ticket.Draught{Body: "Voici ce que je vois."}})
		return err
	})
	return t
}

// find reads a ticket as the machine sees it.
func (w *world) find(id string) (t ticket.Ticket) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx *db.Tx) (err error) {
		t, err = ticket.Find(ctx, tx, auth.System("test"), id)
		return err
	})
	return t
}

func (w *world) resolve(t ticket.Ticket) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx *db.Tx) error {
		_, err := ticket.Resolve(ctx, tx, w.who["yanis"], t.ID, ticket.Resolution{Body: "C’est réparé."})
		return err
	})
}

// browser is somebody's browser, with their session.
type browser struct {
	w *world
	c *http.Client
}

func (w *world) browser(who string) browser {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	if who != "" {
		rec := httptest.NewRecorder()
		if err := w.k.SignIn(rec, httptest.NewRequest(http.MethodGet, "/", nil), w.who[who].ID); err != nil {
			w.t.Fatal(err)
		}
		jar.SetCookies(u, rec.Result().Cookies())
	}
	return browser{w, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// page is an answer.
type page struct {
	status int
	head   http.Header
	body   string
	w      *world
}

func (b browser) do(r *http.Request) page {
	b.w.t.Helper()
	res, err := b.c.Do(r)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return page{res.StatusCode, res.Header, string(body), b.w}
}

func (b browser) get(path string, headers ...string) page {
	b.w.t.Helper()
	r, err := http.NewRequestWithContext(b.w.t.Context(), http.MethodGet, b.w.url+path, nil)
	if err != nil {
		b.w.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return b.do(r)
}

func (b browser) post(path string, form url.Values, headers ...string) page {
	b.w.t.Helper()
	r, err := http.NewRequestWithContext(b.w.t.Context(), http.MethodPost, b.w.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return b.do(r)
}

// upload sends one file as script does, and returns its id and the answer.
func (b browser) upload(name string, content []byte) (string, page) {
	b.w.t.Helper()
	p := b.multipart("/uploads", nil, name, content, "Accept", "application/json")
	var answer struct{ ID string }
	if p.status == http.StatusOK {
		if err := json.Unmarshal([]byte(p.body), &answer); err != nil {
			b.w.t.Fatalf("answer %q: %v", p.body, err)
		}
	}
	return answer.ID, p
}

// multipart sends a form with one file, as a browser does without script.
func (b browser) multipart(path string, form url.Values, name string, content []byte, headers ...string) page {
	b.w.t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	check := func(err error) {
		b.w.t.Helper()
		if err != nil {
			b.w.t.Fatal(err)
		}
	}
	for key, values := range form {
		for _, v := range values {
			check(m.WriteField(key, v))
		}
	}
	f, err := m.CreateFormFile("file", name)
	check(err)
	_, err = f.Write(content)
	check(err)
	check(m.Close())
	r, err := http.NewRequestWithContext(b.w.t.Context(), http.MethodPost, b.w.url+path, &body)
	check(err)
	r.Header.Set("Content-Type", m.FormDataContentType())
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return b.do(r)
}

func (p page) want(status int, texts ...string) page {
	p.w.t.Helper()
	if p.status != status {
		p.w.t.Fatalf("status %d, want %d: %s", p.status, status, p.text())
	}
	for _, s := range texts {
		if !strings.Contains(p.text(), s) {
			p.w.t.Errorf("no %q in: %s", s, p.text())
		}
	}
	return p
}

func (p page) lacks(texts ...string) page {
	p.w.t.Helper()
	for _, s := range texts {
		if strings.Contains(p.text(), s) {
			p.w.t.Errorf("%q must not be in: %s", s, p.text())
		}
	}
	return p
}

// text is the words of the page, spaces of every kind made one.
func (p page) text() string {
	if !strings.HasPrefix(p.head.Get("Content-Type"), "text/html") {
		return p.body
	}
	doc, err := html.Parse(strings.NewReader(p.body))
	if err != nil {
		p.w.t.Fatal(err)
	}
	var b strings.Builder
	for n := range doc.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
		if n.Type == html.ElementNode && n.Data == "input" {
			b.WriteString(attr(n, "value") + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// value is the value of the first input of that name.
func (p page) value(name string) string {
	p.w.t.Helper()
	doc, err := html.Parse(strings.NewReader(p.body))
	if err != nil {
		p.w.t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "input" && attr(n, "name") == name {
			return attr(n, "value")
		}
	}
	p.w.t.Fatalf("no input %s in %s", name, p.body)
	return ""
}
