package msgraph_test

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"entraide/internal/base/msgraph"
)

// The requests are those of the documentation: learn.microsoft.com/graph/api/user-sendmail, "MIME format".
func TestSend(t *testing.T) {
	raw := []byte("From: aide@exemple.fr\r\nSubject: =?utf-8?q?R=C3=A9seau?=\r\n\r\nBonjour\r\n")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got, err := base64.StdEncoding.DecodeString(string(body))
		if err != nil || string(got) != string(raw) {
			t.Errorf("body %q, %v", body, err)
		}
		if r.Method != http.MethodPost || r.URL.EscapedPath() != "/users/aide+rh%40exemple.fr/sendMail" && r.URL.EscapedPath() != "/users/aide+rh@exemple.fr/sendMail" ||
			r.Header.Get("Content-Type") != "text/plain" || r.Header.Get("Authorization") != "Bearer jeton" {
			t.Errorf("%s %s %v", r.Method, r.URL.EscapedPath(), r.Header)
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	if err := (msgraph.Client{Base: server.URL}).Send(t.Context(), "jeton", "aide+rh@exemple.fr", raw); err != nil {
		t.Error(err)
	}
}

func TestErrorsSayHowLongToWait(t *testing.T) {
	now := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "-3": 0, "soon": 0, "999999999": 24 * time.Hour,
		now.Add(5 * time.Minute).Format(http.TimeFormat): 5 * time.Minute, now.Add(-time.Hour).Format(http.TimeFormat): 0,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", now.Format(http.TimeFormat))
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"error":{"code":"serviceNotAvailable","message":"Later."}}`)
		}))
		err := (msgraph.Client{Base: server.URL}).Send(t.Context(), "jeton", "a@x.fr", []byte("x"))
		server.Close()
		var e msgraph.Error
		if !errors.As(err, &e) || e.After != want || e.Code != "serviceNotAvailable" || !msgraph.Later(e.Status) {
			t.Errorf("%q: %+v", header, err)
		}
	}
}
