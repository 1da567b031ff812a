package netx

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

func TestCheck(t *testing.T) {
	for _, s := range []string{
		"127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "0.0.0.0", "0.1.2.3",
		"100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1",
		"::1", "::", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
		"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001::1", "2001:db8::1", "fec0::1",
	} {
		if err := (Guard{}).Check(netip.MustParseAddr(s)); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v, want refused", s, err)
		}
	}
	for _, s := range []string{"1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"} {
		if err := (Guard{}).Check(netip.MustParseAddr(s)); err != nil {
			t.Errorf("%s: %v, want allowed", s, err)
		}
	}
	if !errors.Is(Guard{}.Check(netip.Addr{}), ErrRefused) {
		t.Error("no address at all is allowed")
	}
	g := NewGuard(netip.MustParsePrefix("10.1.0.0/16"))
	if g.Check(netip.MustParseAddr("::ffff:10.1.2.3")) != nil || g.Check(netip.MustParseAddr("10.2.0.1")) == nil {
		t.Error("the allow list is not what is allowed")
	}
}

func TestParseURL(t *testing.T) {
	for raw, ok := range map[string]bool{
		" https://hooks.example.org/x?a=1 ": true, "http://example.org:8080": true, "https://1.1.1.1/": true,
		"ftp://example.org": false, "file:///etc/passwd": false, "example.org": false, "https://": false, "": false,
		"https://u:p@example.org": false, "http://127.0.0.1/": false, "http://[::1]:80/": false, "http://[fe80::1%25eth0]/": false, "ht\x00tp://x": false,
	} {
		if _, err := (Guard{}).ParseURL(raw); (err == nil) != ok {
			t.Errorf("ParseURL(%q): %v", raw, err)
		}
	}
}

// count answers "ok" and counts, so that a test sees whether a call arrived.
func count(t *testing.T) (*httptest.Server, *int) {
	t.Helper()
	n := new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { *n++; io.WriteString(w, "ok") }))
	t.Cleanup(s.Close)
	return s, n
}

func get(c *http.Client, url string) (string, error) {
	resp, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func TestPrivateAddressesAreNotReached(t *testing.T) {
	s, n := count(t)
	named := strings.Replace(s.URL, "127.0.0.1", "localhost", 1) // refused only after the name is resolved
	for _, url := range []string{s.URL, named, "http://[::ffff:127.0.0.1]" + s.URL[strings.LastIndexByte(s.URL, ':'):]} {
		if _, err := get(NewClient(Options{}), url); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if *n != 0 {
		t.Errorf("%d calls arrived", *n)
	}
	if got, err := get(NewClient(Options{Allow: loopback}), s.URL); got != "ok" || err != nil {
		t.Errorf("allowed: %q, %v", got, err)
	}
}

func TestRedirectsAreCheckedAgain(t *testing.T) {
	target := ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target, http.StatusFound)
	}))
	defer s.Close()
	c := NewClient(Options{Allow: loopback})
	for _, target = range []string{"http://169.254.169.254/latest/meta-data/", "http://127.0.0.2:1/", "http://[::1]:1/"} {
		if _, err := get(c, s.URL); !errors.Is(err, ErrRefused) {
			t.Errorf("to %s: %v", target, err)
		}
	}
	target = "file:///etc/passwd"
	if _, err := get(c, s.URL); err == nil {
		t.Error("a file was followed to")
	}
	target = "/again"
	if _, err := get(c, s.URL); err == nil || !strings.Contains(err.Error(), "more than 5 redirects") {
		t.Errorf("endless: %v", err)
	}
	resp, err := NewClient(Options{Allow: loopback, Redirects: -1}).Get(s.URL)
	if err != nil || resp.StatusCode != http.StatusFound {
		t.Errorf("not followed: %v, %v", resp, err)
	}
	secure := httptest.NewTLSServer(http.RedirectHandler(s.URL, http.StatusFound))
	defer secure.Close()
	down := NewClient(Options{Allow: loopback})
	down.Transport.(limited).next.TLSClientConfig = secure.Client().Transport.(*http.Transport).TLSClientConfig
	if _, err := get(down, secure.URL); err == nil || !strings.Contains(err.Error(), "redirect from https to http") {
		t.Errorf("downgrade: %v", err)
	}
}

func TestAnswersAreCut(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	z.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/announced", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1001)) })
	mux.HandleFunc("/fits", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1000)) })
	mux.HandleFunc("/streamed", func(w http.ResponseWriter, _ *http.Request) {
		for range 101 {
			w.Write(make([]byte, 10))
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/packed", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed.Bytes())
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	c := NewClient(Options{Allow: loopback, MaxBytes: 1000})
	for path, want := range map[string]error{"/announced": ErrTooLarge, "/fits": nil, "/streamed": ErrTooLarge, "/packed": ErrTooLarge} {
		got, err := get(c, s.URL+path)
		if !errors.Is(err, want) || len(got) > 1000 {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
	}
}

func TestSlowServersAreLeft(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush() // headers arrive, the body never does
		<-r.Context().Done()
	}))
	defer s.Close()
	var timeout interface{ Timeout() bool }
	if _, err := get(NewClient(Options{Allow: loopback, Timeout: 50 * time.Millisecond}), s.URL); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("error %v, want a time-out", err)
	}
}

func TestNoProxyFromTheEnvironment(t *testing.T) {
	proxy, n := count(t)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	// Loopback is allowed so that a proxied call could succeed; the literal address is not, so a direct one is refused.
	if _, err := get(NewClient(Options{Allow: loopback}), "http://192.0.2.1/"); !errors.Is(err, ErrRefused) || *n != 0 {
		t.Errorf("error %v, %d calls at the proxy", err, *n)
	}
}
