package settings_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/job"
	"entraide/internal/base/seal"
	"entraide/internal/domain/identity"
	"entraide/internal/door/web/kit"
	"entraide/internal/door/web/settings"
)

// browser is somebody who is signed in.
type browser struct {
	t   *testing.T
	url string
	c   *http.Client
}

// do sends a form (nil = GET) and returns the page; a redirect is not followed, its target is the page.
func (b browser) do(want int, path string, form url.Values) string {
	b.t.Helper()
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Accept-Language", "en")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := b.c.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if res.StatusCode != want {
		b.t.Errorf("%s %s: %d, want %d: %.600s", method, path, res.StatusCode, want, page)
	}
	if to := res.Header.Get("Location"); to != "" {
		return to
	}
	return string(page)
}

// key seals the secrets of the mailboxes of tests.
var key = func() seal.Key {
	k, err := seal.New(make([]byte, seal.Size))
	if err != nil {
		panic(err)
	}
	return k
}()

func each(t *testing.T, f func(t *testing.T, d *db.DB, admin, agent browser)) {
	t.Helper()
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		blobs, err := blob.OpenDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		cfg := config.Default()
		cfg.BaseURL = "http://support.example"
		k := &kit.Kit{DB: d, Blobs: blobs, Hasher: identity.NewHasher(1), Config: cfg, Drain: t.Context()}
		settings.Mount(k)
		settings.MountMail(k, settings.Mail{Seal: key, Client: http.DefaultClient})
		k.Route(kit.Everyone, "GET /as/{id}", func(w http.ResponseWriter, r *http.Request) error { return k.SignIn(w, r, r.PathValue("id")) })
		var statements atomic.Int64 // of the last page, told by a page of the test's own
		k.Route(kit.Everyone, "GET /statements", func(w http.ResponseWriter, _ *http.Request) error {
			_, err := fmt.Fprint(w, statements.Load())
			return err
		})
		h := k.Identify(k.Mux())
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, n := db.Counting(r.Context())
			h.ServeHTTP(w, r.WithContext(ctx))
			if r.URL.Path != "/statements" {
				statements.Store(n.Load())
			}
		}))
		t.Cleanup(srv.Close)
		as := func(name string, role auth.Role) browser {
			var x identity.Person
			err := d.Write(t.Context(), func(tx *db.Tx) (err error) {
				x, err = identity.Create(t.Context(), tx, auth.System("test"), identity.Person{Name: name, Email: strings.ToLower(name) + "@x.example", Lang: "en", Roles: []auth.Role{role}})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			b := browser{t, srv.URL, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
			b.do(200, "/as/"+x.ID, nil)
			return b
		}
		f(t, d, as("Ada", auth.Admin), as("Bob", auth.Agent))
	})
}

func has(t *testing.T, page, want string) {
	t.Helper()
	if !strings.Contains(page, want) {
		t.Errorf("the page lacks %q", want)
	}
}

func TestPagesAndOrganisation(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, admin, agent browser) {
		for _, path := range []string{"", "/people", "/people/new", "/teams", "/work", "/mail", "/organisation"} {
			admin.do(200, "/settings"+path, nil)
			agent.do(403, "/settings"+path, nil)
		}
		typed := url.Values{"name": {"Ateliers"}, "reopen": {"366"}, "undo": {"5"}}
		has(t, admin.do(422, "/settings/organisation", typed), "Ateliers")
		typed.Set("reopen", "365")
		agent.do(403, "/settings/organisation", typed)
		admin.do(303, "/settings/organisation", typed)
		has(t, admin.do(200, "/settings/organisation", nil), `value="365"`)
	})
}

func TestPeople(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, agent browser) {
		admin.do(422, "/settings/people", url.Values{"name": {""}, "email": {"eva@x.example"}})
		eva := admin.do(303, "/settings/people", url.Values{"name": {"Eva"}, "email": {"eva@x.example"}})
		agent.do(403, eva, nil)
		has(t, admin.do(409, eva, url.Values{"name": {"Eva Roux"}, "email": {"eva@x.example"}, "version": {"99"}}), "Eva Roux")
		admin.do(422, eva, url.Values{"name": {""}, "version": {"1"}})
		admin.do(303, eva, url.Values{"name": {"Eva Roux"}, "email": {"eva@x.example"}, "version": {"1"}})
		admin.do(422, eva+"/roles", url.Values{"role": {"king"}})
		admin.do(303, eva+"/roles", url.Values{"role": {"agent", "maker"}})
		has(t, admin.do(200, "/settings/people?q=eva&role=maker", nil), "Eva Roux")
		has(t, admin.do(200, eva+"/invite", url.Values{}), "http://support.example/welcome/")
		if n := dbtest.Count(t, d, "envelope"); n != 1 {
			t.Errorf("%d mails promised, want the invitation", n)
		}
		admin.do(303, eva+"/active", url.Values{})
		admin.do(409, eva+"/invite", url.Values{})
		has(t, admin.do(200, "/settings/people?inactive=on", nil), "Eva Roux")
		admin.do(303, eva+"/active", url.Values{"on": {"1"}})
		admin.do(404, "/settings/people/nobody", nil)
	})
}

func TestTeams(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, admin, agent browser) {
		admin.do(422, "/settings/teams", url.Values{"name": {"Network"}, "level": {"7"}})
		team := admin.do(303, "/settings/teams", url.Values{"name": {"Network"}, "level": {"2"}})
		agent.do(403, team, nil)
		admin.do(409, team, url.Values{"name": {"Nets"}, "level": {"2"}, "active": {"on"}, "version": {"9"}})
		admin.do(422, team, url.Values{"name": {""}, "level": {"2"}, "active": {"on"}, "version": {"1"}})
		admin.do(303, team, url.Values{"name": {"Nets"}, "level": {"2"}, "active": {"on"}, "version": {"1"}})
		admin.do(422, team+"/queues", url.Values{"name": {"Wifi"}, "position": {"-1"}})
		admin.do(303, team+"/queues", url.Values{"name": {"Wifi"}, "position": {"1"}})
		has(t, admin.do(200, "/settings/teams", nil), "Wifi")
	})
}

func TestWork(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, agent browser) {
		run := job.Runner{DB: d, Handlers: map[string]job.Handler{"test.wait": {Run: func(context.Context, job.Job) error { return job.Wait("no oven") }}}}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		for _, key := range []string{"a", "b"} {
			if err := d.Write(ctx, func(tx *db.Tx) error { return job.Insert(ctx, tx, job.New{Kind: "test.wait", Key: key}) }); err != nil {
				t.Fatal(err)
			}
		}
		done := make(chan error, 1)
		go func() { done <- run.Run(ctx) }()
		var ids []string
		for deadline := d.Now().Add(20e9); len(ids) < 2 && d.Now().Before(deadline); {
			ids = nil
			err := d.Read(ctx, func(tx *db.Tx) error {
				list, err := job.List(ctx, tx, job.Waiting, 5)
				for _, j := range list {
					ids = append(ids, j.ID)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		stop()
		<-done
		if len(ids) < 2 {
			t.Fatal("the jobs do not wait")
		}
		has(t, admin.do(200, "/settings/work", nil), "no oven")
		agent.do(403, "/settings/work/"+ids[0]+"/retry", url.Values{})
		admin.do(303, "/settings/work/"+ids[0]+"/retry", url.Values{})
		admin.do(303, "/settings/work/"+ids[1]+"/drop", url.Values{})
		admin.do(404, "/settings/work/nothing/drop", url.Values{})
		admin.do(404, "/settings/work/events/nothing/retry", url.Values{"reader": {"x"}})
		admin.do(404, "/settings/mail/messages/nothing/retry", url.Values{})
	})
}

func TestVIP(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, _ browser) {
		form := url.Values{"name": {"Vera Important"}, "email": {"vera@exemple.test"}, "vip": {"on"}}
		admin.do(303, "/settings/people", form)
		var id string
		if n := dbtest.Count(t, d, "person WHERE vip"); n != 1 {
			t.Fatalf("%d VIPs after creating one", n)
		}
		err := d.Read(t.Context(), func(tx *db.Tx) error {
			return db.First(t.Context(), tx, "SELECT id FROM person WHERE vip", nil, &id)
		})
		if err != nil {
			t.Fatal(err)
		}
		if page := admin.do(200, "/settings/people/"+id, nil); !regexp.MustCompile(`<input[^>]*name="vip"[^>]* checked`).MatchString(page) {
			t.Error("the box of a VIP is not checked")
		}
		form.Del("vip")
		form.Set("version", "1")
		admin.do(303, "/settings/people/"+id, form)
		if n := dbtest.Count(t, d, "person WHERE vip"); n != 0 {
			t.Errorf("%d VIPs after the box was cleared", n)
		}
	})
}
