package obs_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"entraide/internal/base/obs"
)

func TestLoggerCarriesIDsAndMasksSecrets(t *testing.T) {
	for _, format := range []string{"json", "text"} {
		var out bytes.Buffer
		log := obs.Logger(&out, "info", format).With("part", "mail").WithGroup("g")
		ctx := obs.WithCause(obs.WithRequest(t.Context(), "req-1"), "ev-1")
		log.DebugContext(ctx, "hidden")
		log.InfoContext(ctx, "sent", "password", "hunter2", "smtp_token", "hunter2", "authorization", []string{"hunter2"},
			"to", "a@b.fr", "err", errors.New("dial postgres://u:hunter2@db/x: refused"), "url", "/x?token=hunter2&a=1")
		s := out.String()
		for _, want := range []string{"req-1", "ev-1", "mail", "a@b.fr", "refused"} {
			if !strings.Contains(s, want) {
				t.Errorf("%s: %q is missing in %s", format, want, s)
			}
		}
		if strings.Contains(s, "hunter2") || strings.Contains(s, "hidden") {
			t.Errorf("%s shows what it must not: %s", format, s)
		}
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"s3://key:abc@store/b":                   "s3://key:••••@store/b",
		"Authorization: Bearer abcdefghijklmnop": "Authorization: Bearer ••••",
		"GET /x?password=abc&y=1":                "GET /x?password=••••&y=1",
		"use basic authentication":               "use basic authentication",
		"INC-1042: at 9:44":                      "INC-1042: at 9:44",
	} {
		if got := obs.Redact(in); got != want {
			t.Errorf("Redact(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTrace(t *testing.T) {
	var inside string
	h := obs.Trace(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inside = obs.RequestID(r.Context()) }))
	for sent, kept := range map[string]bool{"": false, "proxy-12345678": true, "x\" onload=": false, "short": false, strings.Repeat("a", 65): false} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set(obs.HeaderRequest, sent)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if inside == "" || w.Header().Get(obs.HeaderRequest) != inside || (inside == sent) != kept {
			t.Errorf("sent %q, inside %q, answered %q", sent, inside, w.Header().Get(obs.HeaderRequest))
		}
	}
}

// copying is any middleware that replaces the request, as sessions do.
func copying(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(obs.WithCause(r.Context(), "c")))
	})
}

func scrape(t *testing.T, m *obs.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

func TestMetricsByRouteAndClass(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /tickets/{id}", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	mux.HandleFunc("GET /boom", func(http.ResponseWriter, *http.Request) { panic("boom") })
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
	})
	var out bytes.Buffer
	log := obs.Logger(&out, "info", "json")
	m := obs.NewMetrics("v1.2.3")
	answer := func(w http.ResponseWriter, _ *http.Request, id string) { http.Error(w, "id "+id, 500) }
	h := obs.Trace(m.HTTP(obs.Access(log, func(p string) bool { return p == "/live" })(obs.Recover(log, answer)(copying(obs.Route(mux))))))
	for _, path := range []string{"/tickets/1", "/tickets/2", "/boom", "/live", "/nowhere"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
	s := scrape(t, m)
	for _, want := range []string{
		`entraide_http_requests_total{route="GET /tickets/{id}",status="2xx"} 2`,
		`entraide_http_requests_total{route="GET /boom",status="5xx"} 1`,
		`entraide_http_requests_total{route="GET /live",status="2xx"} 1`,
		`entraide_http_requests_total{route="none",status="4xx"} 1`,
		`entraide_http_request_seconds_count{route="GET /tickets/{id}",status="2xx"} 2`,
		`entraide_http_requests_in_flight 0`,
		`version="v1.2.3"`, "go_goroutines",
	} {
		if !strings.Contains(s, want) {
			t.Errorf("scrape has no %s", want)
		}
	}
	if strings.Contains(s, `entraide_http_request_seconds_count{route="GET /live"`) {
		t.Error("an event stream is timed")
	}
	journal := out.String()
	if n := strings.Count(journal, `"msg":"request"`); n != 4 {
		t.Errorf("%d access lines, want 4 without the quiet one:\n%s", n, journal)
	}
	if !strings.Contains(journal, `"route":"GET /tickets/{id}","status":200,"bytes":2`) || !strings.Contains(journal, "obs_test.go") {
		t.Errorf("route or stack is missing in the journal:\n%s", journal)
	}
}

func TestRecover(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	answer := func(w http.ResponseWriter, _ *http.Request, id string) {
		w.WriteHeader(500)
		io.WriteString(w, "Incident "+id)
	}
	serve := func(f http.HandlerFunc) (w *httptest.ResponseRecorder, cut any) {
		w = httptest.NewRecorder()
		defer func() { cut = recover() }()
		r := httptest.NewRequest("GET", "/", nil)
		obs.Recover(quiet, answer)(f).ServeHTTP(w, r.WithContext(obs.WithRequest(r.Context(), "req-9")))
		return w, nil
	}
	if w, cut := serve(func(http.ResponseWriter, *http.Request) { panic("x") }); cut != nil || w.Code != 500 || w.Body.String() != "Incident req-9" {
		t.Errorf("before writing: %d %q, cut %v", w.Code, w.Body, cut)
	}
	if w, cut := serve(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "half"); panic("x") }); cut != http.ErrAbortHandler || w.Body.String() != "half" {
		t.Errorf("after writing: %q, cut %v", w.Body, cut)
	}
	if _, cut := serve(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }); cut != http.ErrAbortHandler {
		t.Errorf("abort: cut %v", cut)
	}
}

func TestGauges(t *testing.T) {
	m := obs.NewMetrics("")
	n := 1.0
	read := func() map[string]float64 { return map[string]float64{"ready": n, "dead": 0} }
	if err := m.Gauges("entraide_jobs", "Jobs by state.", "state", read); err != nil {
		t.Fatal(err)
	}
	n = 7
	if s := scrape(t, m); !strings.Contains(s, `entraide_jobs{state="ready"} 7`) || !strings.Contains(s, `entraide_jobs{state="dead"} 0`) {
		t.Error("the gauge is not read at the scrape")
	}
	if m.Gauges("entraide_jobs", "Jobs by state.", "state", read) == nil {
		t.Error("the same name twice is accepted")
	}
}

func TestGuarded(t *testing.T) {
	m := obs.NewMetrics("")
	for _, c := range []struct {
		token, header string
		want          int
	}{
		{"s3cret", "Bearer s3cret", 200}, {"s3cret", "Bearer other", 404}, {"s3cret", "", 404}, {"s3cret", "s3cret", 404}, {"", "Bearer ", 404},
	} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.Header.Set("Authorization", c.header)
		w := httptest.NewRecorder()
		m.Guarded(c.token).ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("token %q, header %q: %d, want %d", c.token, c.header, w.Code, c.want)
		}
	}
}
