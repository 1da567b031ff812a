package front_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
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
	"entraide/internal/door/web/front"
	"entraide/internal/door/web/kit"
)

const password = "un cheval dans la cuisine"

// world is a server of the pages under test, with one person who may sign in.
type world struct {
	t   *testing.T
	d   *db.DB
	k   *kit.Kit
	url string
	ada identity.Person
}

func each(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		blobs, err := blob.OpenDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, d: d}
		w.k = &kit.Kit{DB: d, Blobs: blobs, Thumbs: blob.NewThumbnailer(1), Hasher: identity.NewHasher(1), Config: config.Default(), Drain: t.Context()}
		front.Mount(w.k)
		w.k.Route(kit.Everyone, "GET /{$}", func(rw http.ResponseWriter, r *http.Request) error {
			_, err := io.WriteString(rw, "home of "+auth.From(r.Context()).Name)
			return err
		})
		srv := httptest.NewServer(w.k.Identify(w.k.Mux()))
		t.Cleanup(srv.Close)
		w.url = srv.URL
		w.ada = w.add(identity.Person{Name: "Ada Martin", GivenName: "Ada", Email: "ada@x.example", Lang: "fr"}, password)
		f(t, w)
	})
}

func (w *world) write(f func(ctx context.Context, tx *db.Tx) error) {
	w.t.Helper()
	if err := w.d.Write(w.t.Context(), func(tx *db.Tx) error { return f(w.t.Context(), tx) }); err != nil {
		w.t.Fatal(err)
	}
}

// add creates a person; with a password when it is not "".
func (w *world) add(p identity.Person, password string) identity.Person {
	w.t.Helper()
	w.write(func(ctx context.Context, tx *db.Tx) (err error) {
		p, err = identity.Create(ctx, tx, auth.System("test"), p)
		return err
	})
	if password != "" {
		if err := identity.SetPassword(w.t.Context(), w.d, w.k.Hasher, auth.System("test"), p.ID, password); err != nil {
			w.t.Fatal(err)
		}
	}
	return p
}

func (w *world) person() identity.Person {
	w.t.Helper()
	var p identity.Person
	err := w.d.Read(w.t.Context(), func(tx *db.Tx) (err error) {
		p, err = identity.Find(w.t.Context(), tx, auth.System("test"), w.ada.ID)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// browser is a client with cookies that does not follow redirects.
type browser struct {
	w *world
	c *http.Client
}

func (w *world) browser() browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return browser{w, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// answer is a page as the browser got it.
type answer struct {
	*http.Response
	body string
}

func (b browser) do(method, path, contentType string, body io.Reader) answer {
	b.w.t.Helper()
	r, err := http.NewRequestWithContext(b.w.t.Context(), method, b.w.url+path, body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set("Accept-Language", "fr")
	res, err := b.c.Do(r)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return answer{res, string(data)}
}

func (b browser) get(path string) answer { b.w.t.Helper(); return b.do("GET", path, "", nil) }

// post sends a form: names and values in turn.
func (b browser) post(path string, pairs ...string) answer {
	b.w.t.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return b.do("POST", path, "application/x-www-form-urlencoded", strings.NewReader(v.Encode()))
}

// file sends one file as a form does.
func (b browser) file(path, name string, data []byte) answer {
	b.w.t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	part, err := m.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write(data)
	}
	if err == nil {
		err = m.Close()
	}
	if err != nil {
		b.w.t.Fatal(err)
	}
	return b.do("POST", path, m.FormDataContentType(), &body)
}

// in signs Ada in.
func (w *world) in() browser {
	w.t.Helper()
	b := w.browser()
	if a := b.post("/sign-in", "who", w.ada.Email, "password", password); a.StatusCode != 303 {
		w.t.Fatalf("sign in: %d %s", a.StatusCode, a.text())
	}
	return b
}

// text is what a person reads of the page.
func (a answer) text() string {
	doc, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		return a.body
	}
	var out []string
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style" {
			out = append(out, strings.TrimSpace(n.Data))
		}
	}
	return strings.ReplaceAll(strings.Join(out, " "), "\u00a0", " ")
}

// attr is an attribute of the first element that has name=value.
func (a answer) attr(name, value, want string) string {
	doc, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		return ""
	}
	for n := range doc.Descendants() {
		all := map[string]string{}
		for _, x := range n.Attr {
			all[x.Key] = x.Val
		}
		if v, ok := all[name]; ok && v == value {
			return all[want]
		}
	}
	return ""
}

func (a answer) want(t *testing.T, what string, status int, words ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s: %d, want %d", what, a.StatusCode, status)
	}
	for _, s := range words {
		if text := a.text(); !strings.Contains(text, s) {
			t.Errorf("%s: %q is not in %.600s", what, s, text)
		}
	}
}

// picture is a PNG of that size, red at its left and blue elsewhere.
func picture(t *testing.T, w, h int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for x := range w {
		for y := range h {
			c := color.RGBA{B: 255, A: 255}
			if x < w/4 {
				c = color.RGBA{R: 255, A: 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
