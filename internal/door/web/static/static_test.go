package static

import (
	"compress/gzip"
	"io"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestEveryURLIsServed(t *testing.T) {
	h, err := Handler()
	if err != nil {
		t.Fatal(err)
	}
	get := func(url, accept string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", url, nil)
		r.Header.Set("Accept-Encoding", accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for url, kind := range map[string]string{
		CSS: "text/css", CoreJS: "text/javascript", DeskJS: "text/javascript", Icons: "image/svg+xml",
		Symbol: "image/svg+xml", SymbolMono: "image/svg+xml", Help: "image/svg+xml", Wordmark: "image/svg+xml",
		WordmarkDark: "image/svg+xml", Sans: "font/woff2", Serif: "font/woff2",
	} {
		w := get(url, "")
		if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s, want 200 %s: run the build in assets/", url, w.Code, w.Header().Get("Content-Type"), kind)
		}
		if !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s may be kept for good, Cache-Control = %q", url, w.Header().Get("Cache-Control"))
		}
	}
	plain, packed := get(CSS, ""), get(CSS, "br, gzip")
	if packed.Header().Get("Content-Encoding") != "gzip" || packed.Body.Len() >= plain.Body.Len() {
		t.Fatalf("style sheet: encoding %q, %d bytes of %d", packed.Header().Get("Content-Encoding"), packed.Body.Len(), plain.Body.Len())
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	back, err := io.ReadAll(z)
	if err != nil || string(back) != plain.Body.String() {
		t.Errorf("gzip gives other bytes than the plain file (%v)", err)
	}
	if w := get("/static/entraide.css", ""); w.Code != 404 {
		t.Errorf("a URL without hash gives %d, want 404: it would be kept for good", w.Code)
	}
}

// The style sheet names its fonts by the same hashed URLs.
func TestStyleSheetFonts(t *testing.T) {
	css, err := dist.ReadFile("dist/entraide.css")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, m := range regexp.MustCompile(`url\("?([^")]+woff2)"?\)`).FindAllStringSubmatch(string(css), -1) {
		found++
		if u := Prefix + m[1]; u != Sans && u != Serif {
			t.Errorf("font %s is not served", u)
		}
	}
	if found != 2 {
		t.Errorf("%d fonts in the style sheet, want 2", found)
	}
}
