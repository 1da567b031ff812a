package msgraph_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
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

// office stands in for Microsoft Graph as its documentation describes drafts, attachments and upload sessions.
type office struct {
	*httptest.Server
	t       *testing.T
	refuse  string // method and end of the path that answers 503
	draft   string
	files   map[string]string // what arrived, by name
	inline  map[string]string // content id by name
	upload  string            // name of the file that comes in pieces
	got     int
	sent    bool
	deleted bool
}

func newOffice(t *testing.T) *office {
	o := &office{t: t, files: map[string]string{}, inline: map[string]string{}}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if len(body) >= 4<<20 {
			t.Errorf("%s %s: a request of %d bytes", r.Method, r.URL.Path, len(body))
		}
		call := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/users/aide@x.fr/messages")
		if (r.Header.Get("Authorization") == "Bearer jeton") == (call == "PUT /upload") {
			t.Errorf("%s with %q", call, r.Header.Get("Authorization"))
		}
		if o.refuse != "" && strings.HasPrefix(call, o.refuse) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		o.answer(w, r, call, body)
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *office) answer(w http.ResponseWriter, r *http.Request, call string, body []byte) {
	var file struct {
		Name, ContentID string
		ContentBytes    []byte
		AttachmentItem  struct {
			Name, ContentID string
			Size            int
		}
	}
	switch call {
	case "POST ":
		raw, err := base64.StdEncoding.DecodeString(string(body))
		if err != nil || r.Header.Get("Content-Type") != "text/plain" {
			o.t.Errorf("draft: %v", err)
		}
		o.draft = string(raw)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":"D1"}`)
	case "POST /D1/attachments", "POST /D1/attachments/createUploadSession":
		if err := json.Unmarshal(body, &file); err != nil {
			o.t.Error(err)
		}
		if call == "POST /D1/attachments" {
			o.files[file.Name], o.inline[file.Name] = string(file.ContentBytes), file.ContentID
			w.WriteHeader(http.StatusCreated)
			return
		}
		o.upload, o.got = file.AttachmentItem.Name, 0
		_, _ = io.WriteString(w, `{"uploadUrl":"`+o.URL+`/upload"}`)
	case "PUT /upload":
		if want := fmt.Sprintf("bytes %d-%d/", o.got, o.got+len(body)-1); !strings.HasPrefix(r.Header.Get("Content-Range"), want) {
			o.t.Errorf("piece %q, want %s", r.Header.Get("Content-Range"), want)
		}
		o.got += len(body)
		o.files[o.upload] += string(body)
	case "POST /D1/send":
		o.sent = true
		w.WriteHeader(http.StatusAccepted)
	case "DELETE /D1":
		o.deleted = true
		w.WriteHeader(http.StatusNoContent)
	default:
		o.t.Errorf("unexpected %s", call)
	}
}

func TestSendLarge(t *testing.T) {
	raw := []byte("From: aide@x.fr\r\nMessage-ID: <1@x>\r\nIn-Reply-To: <0@x>\r\n\r\nVoici.\r\n")
	big := strings.Repeat("0123456789", 700_000)
	files := []msgraph.File{{Name: "vue.png", Type: "image/png", ContentID: "c1", Data: []byte("png")}, {Name: "journal.log", Type: "text/plain", Data: []byte(big)}}
	o := newOffice(t)
	c := msgraph.Client{Base: o.URL}
	if err := c.SendLarge(t.Context(), "jeton", "aide@x.fr", raw, files); err != nil {
		t.Fatal(err)
	}
	if !o.sent || o.draft != string(raw) || o.files["vue.png"] != "png" || o.inline["vue.png"] != "c1" || o.files["journal.log"] != big {
		t.Errorf("sent %v, draft %q, %d bytes of the log", o.sent, o.draft, len(o.files["journal.log"]))
	}
	for refuse, drafted := range map[string]bool{"POST ": false, "POST /D1/attachments": true, "PUT /upload": true, "POST /D1/send": true} {
		o := newOffice(t)
		o.refuse = refuse
		if refuse == "POST " {
			o.refuse = "POST" // everything
		}
		err := (msgraph.Client{Base: o.URL}).SendLarge(t.Context(), "jeton", "aide@x.fr", raw, files)
		var e msgraph.Error
		var not msgraph.NotSent
		if !errors.As(err, &e) || e.Status != 503 || errors.As(err, &not) != (refuse != "POST /D1/send") || o.sent {
			t.Errorf("%s: %v", refuse, err)
		}
		if drafted && errors.As(err, &not) != o.deleted {
			t.Errorf("%s: the draft stays: %v", refuse, !o.deleted)
		}
	}
}
