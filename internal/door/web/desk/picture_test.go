package desk

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"entraide/internal/base/netx"
	"entraide/internal/domain/ticket"
)

func TestFetchPicture(t *testing.T) {
	const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x04\x00\x00\x00\xb5\x1c\x0c\x02"
	seen := http.Header{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		maps.Copy(seen, r.Header)                   // all that any request told
		w.Header().Set("Content-Type", "image/png") // whatever it says, the bytes count
		w.Header().Set("Set-Cookie", "who=you")
		body := map[string]string{"/png": png, "/svg": `<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>`, "/html": "<script>x()</script>", "/empty": "", "/huge": png + strings.Repeat("x", maxPicture)}[r.URL.Path]
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "/png", http.StatusFound)
		case "/inside":
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		case "/gone":
			http.NotFound(w, r)
		default:
			if _, err := w.Write([]byte(body)); err != nil {
				t.Log(err) // the client hangs up on what is too long
			}
		}
	}))
	t.Cleanup(s.Close)
	client := netx.NewClient(netx.Options{Timeout: pictureTime, MaxBytes: maxPicture, Redirects: 3, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	for path, want := range map[string]bool{"/png": true, "/away": true, "/svg": false, "/html": false, "/empty": false, "/gone": false, "/huge": false} {
		b, kind, err := fetchPicture(t.Context(), client, s.URL+path)
		if (err == nil) != want || want && (kind != "image/png" || string(b) != png) {
			t.Errorf("%s: %d bytes of %s, %v", path, len(b), kind, err)
		}
	}
	for _, name := range []string{"Cookie", "Referer", "Authorization"} {
		if seen.Get(name) != "" {
			t.Errorf("the sender learns %s", name)
		}
	}
	for _, address := range []string{s.URL + "/png", "http://[::1]:80/x", "http://169.254.169.254/latest", "http://10.0.0.1/", "file:///etc/passwd", "http://%zz"} {
		if _, _, err := fetchPicture(t.Context(), pictureClient(), address); err == nil {
			t.Errorf("%s is fetched", address)
		}
	}
	if _, _, err := fetchPicture(t.Context(), pictureClient(), s.URL+"/png"); !errors.Is(err, netx.ErrRefused) {
		t.Errorf("inside the network: %v", err)
	}
}

func TestStrangers(t *testing.T) {
	m := ticket.Message{ID: "M", HTML: `<img data-src="https://a.example/1.png" class="remote-image" alt="a"><img src="/attachments/X" alt="b"><img data-src="http://b.example/2.png" class="remote-image" alt="c">`}
	if got := strings.Join(strangers(m), " "); got != "https://a.example/1.png http://b.example/2.png" {
		t.Errorf("strangers: %s", got)
	}
	html, blocked := bodyOf(m, true)
	if blocked || !strings.Contains(html, picturePath("M", 0)) || !strings.Contains(html, picturePath("M", 1)) || !strings.Contains(html, `src="/attachments/X"`) || strings.Contains(html, "example") {
		t.Errorf("shown: %s", html)
	}
	if html, blocked = bodyOf(m, false); !blocked || strings.Contains(html, ` src="http`) || !strings.Contains(html, `src="/attachments/X"`) {
		t.Errorf("hidden: %s", html)
	}
}
