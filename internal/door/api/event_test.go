package api_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
)

// kinds returns the kinds of a list of events.
func kinds(r result) string {
	var out []string
	for _, it := range r.want(200).at("items").([]any) {
		out = append(out, it.(obj)["kind"].(string))
	}
	return strings.Join(out, " ")
}

func TestEvents(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		k.open("bruno", "De Bruno", nil)
		id := k.open("alice", "D’Alice", nil).str("id")
		k.call("carla", "POST", tickets+"/"+id+"/messages", obj{"body": "note", "visibility": "internal"}).want(201)
		k.call("carla", "POST", tickets+"/"+id+"/messages", obj{"body": "réponse"}).want(201)
		if got := kinds(k.call("alice", "GET", "/api/v1/events", nil)); got != "ticket.created ticket.replied ticket.opened" {
			t.Errorf("the requester sees %q", got)
		}
		if got := kinds(k.call("denis", "GET", "/api/v1/events", nil)); got != "ticket.created ticket.created ticket.noted ticket.replied ticket.opened" {
			t.Errorf("an agent sees %q", got)
		}
		if got := kinds(k.call("emma", "GET", "/api/v1/events?kind=person.created", nil)); strings.Count(got, "person.created") != len(cast) {
			t.Errorf("the administrator sees %q", got)
		}
		first := k.call("denis", "GET", "/api/v1/events?limit=2", nil)
		if got := kinds(k.call("denis", "GET", "/api/v1/events?cursor="+first.str("next_cursor"), nil)); got != "ticket.noted ticket.replied ticket.opened" {
			t.Errorf("second page %q", got)
		}
		if got := kinds(k.call("denis", "GET", "/api/v1/events?after="+first.str("items", 1, "id"), nil)); got != "ticket.noted ticket.replied ticket.opened" {
			t.Errorf("coming back %q", got)
		}
	})
}

// listen opens the stream as somebody and returns a function that gives its next event as "kind id".
func listen(t *testing.T, k *desk, srv *httptest.Server, who, last string) (next func() string, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/api/v1/events/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+k.token[who])
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("stream: %v %+v", err, res)
	}
	lines := bufio.NewScanner(res.Body)
	return func() string {
			var kind, id string
			for lines.Scan() {
				switch l := lines.Text(); {
				case strings.HasPrefix(l, "id: "):
					id = l[4:]
				case strings.HasPrefix(l, "event: "):
					kind = l[7:]
				case l == "" && kind != "":
					return kind + " " + id
				}
			}
			return "end"
		}, func() {
			cancel()
			if err := res.Body.Close(); err != nil {
				t.Error(err)
			}
		}
}

func TestStream(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d)
		srv := httptest.NewServer(k.h)
		defer srv.Close()
		k.open("alice", "Avant", nil)
		next, end := listen(t, k, srv, "alice", "")
		k.open("bruno", "D’un autre", nil)
		id := k.open("alice", "Pendant", nil).str("id")
		k.call("carla", "POST", tickets+"/"+id+"/messages", obj{"body": "note", "visibility": "internal"}).want(201)
		k.call("carla", "POST", tickets+"/"+id+"/messages", obj{"body": "réponse"}).want(201)
		first := next()
		if kind, _, _ := strings.Cut(first, " "); kind != "ticket.created" {
			t.Errorf("first: %q", first)
		}
		if got := next(); !strings.HasPrefix(got, "ticket.replied ") {
			t.Errorf("second: %q", got)
		}
		end()

		_, last, _ := strings.Cut(first, " ")
		next, end = listen(t, k, srv, "alice", last)
		defer end()
		if got := next(); !strings.HasPrefix(got, "ticket.replied ") {
			t.Errorf("after coming back: %q", got)
		}
		if got := next(); !strings.HasPrefix(got, "ticket.opened ") {
			t.Errorf("after coming back: %q", got)
		}
		k.drain()
		if got := next(); got != "end" {
			t.Errorf("after the drain: %q", got)
		}
	})
}
