package web_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	"entraide/internal/door/web/ui"
)

// hear opens the stream of name and returns its lines of data as they come.
func (w *house) hear(base, name, mark string, topics ...string) <-chan string {
	w.t.Helper()
	ctx, stop := context.WithTimeout(w.t.Context(), 20*time.Second)
	w.t.Cleanup(stop)
	q := url.Values{"topics": {strings.Join(topics, ",")}, "mark": {mark}}
	r, err := http.NewRequestWithContext(ctx, "GET", base+ui.LivePath+"?"+q.Encode(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range w.cookies[name] {
		r.AddCookie(c)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	if res.StatusCode != 200 {
		w.t.Fatalf("%s hears %d", name, res.StatusCode)
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		defer res.Body.Close()
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			if text, ok := strings.CutPrefix(s.Text(), "data: "); ok {
				lines <- text
			}
		}
	}()
	return lines
}

// until collects what is heard up to and with the topic last.
func until(t *testing.T, lines <-chan string, last string) (all []string) {
	t.Helper()
	for line := range lines {
		all = append(all, line)
		if strings.Contains(line, `"`+last+`"`) {
			return all
		}
	}
	t.Fatalf("%s is never heard, only %v", last, all)
	return nil
}

func (w *house) do(f func(ctx context.Context, tx *db.Tx) error) {
	w.t.Helper()
	if err := w.d.Write(w.t.Context(), func(tx *db.Tx) error { return f(w.t.Context(), tx) }); err != nil {
		w.t.Fatal(err)
	}
}

func TestWhoHearsWhat(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		w := build(t, d)
		srv := httptest.NewServer(w.h)
		t.Cleanup(srv.Close)
		w.add("other requester")
		var own ticket.Ticket
		var queue ticket.Queue
		w.do(func(ctx context.Context, tx *db.Tx) (err error) {
			own, err = ticket.OpenTicket(ctx, tx, w.people["requester"], ticket.Draft{Subject: "Bulletin de paie", Channel: ticket.Portal, Message: ticket.Draught{Body: "Il manque."}})
			queue.ID = own.QueueID
			return err
		})
		topic := "ticket/" + own.ID
		wanted := []string{topic, "presence/" + own.ID, "queue/" + queue.ID, "requests/" + w.people["requester"].ID,
			"inbox/" + w.people["requester"].ID, "inbox/" + w.people["other requester"].ID, "inbox/" + w.people["agent"].ID, "envelopes", "*"}
		streams := map[string]<-chan string{}
		for _, name := range []string{"requester", "other requester", "agent"} {
			streams[name] = w.hear(srv.URL, name, "", wanted...)
		}
		w.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Note(ctx, tx, w.people["admin"], own.ID, ticket.Say{Draught: ticket.Draught{Body: "Demander à Zénobie"}})
			return err
		})
		w.do(func(ctx context.Context, tx *db.Tx) error {
			for _, topic := range []string{"presence/" + own.ID, "envelopes", "queue/" + queue.ID} {
				tx.Signal(topic)
			}
			for _, name := range []string{"requester", "other requester", "agent"} { // the last that each may hear
				tx.Signal("inbox/" + w.people[name].ID)
			}
			return nil
		})
		for name, may := range map[string][]string{
			"requester":       {topic, "inbox/" + w.people["requester"].ID, "requests/" + w.people["requester"].ID},
			"other requester": {"inbox/" + w.people["other requester"].ID},
			"agent":           {topic, "presence/" + own.ID, "queue/" + queue.ID, "inbox/" + w.people["agent"].ID},
		} {
			heard := until(t, streams[name], "inbox/"+w.people[name].ID)
			for _, line := range heard {
				m := regexp.MustCompile(`^\{"topic":"([^"]*)","seq":\d+\}$`).FindStringSubmatch(line)
				if m == nil {
					t.Errorf("%s hears more than a name: %s", name, line)
					continue
				}
				if !contains(may, m[1]) {
					t.Errorf("%s hears %s", name, m[1])
				}
			}
			if all := strings.Join(heard, " "); name != "other requester" && !strings.Contains(all, topic) {
				t.Errorf("%s does not hear of the ticket: %s", name, all)
			}
		}
	})
}

func contains(all []string, s string) bool {
	for _, x := range all {
		if x == s {
			return true
		}
	}
	return false
}

var markOf = regexp.MustCompile(`data-live-mark="([^"]+)"`)

// What changes after a page was read and before its stream stands is told as soon as it does.
func TestNothingIsMissedBetweenPageAndStream(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		w := build(t, d)
		srv := httptest.NewServer(w.h)
		t.Cleanup(srv.Close)
		var own ticket.Ticket
		w.do(func(ctx context.Context, tx *db.Tx) (err error) {
			own, err = ticket.OpenTicket(ctx, tx, w.people["requester"], ticket.Draft{Subject: "Imprimante", Channel: ticket.Portal, Message: ticket.Draught{Body: "Muette."}})
			return err
		})
		inbox, topic := "inbox/"+w.people["requester"].ID, "ticket/"+own.ID
		read := func() string {
			m := markOf.FindStringSubmatch(w.ask("requester", "GET", "/requests/"+own.Reference()).Body.String())
			if m == nil {
				t.Fatal("the page carries no mark")
			}
			return m[1]
		}
		mark := read()
		w.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Note(ctx, tx, auth.System("test"), own.ID, ticket.Say{Draught: ticket.Draught{Body: "Encre"}})
			return err
		})
		until(t, w.hear(srv.URL, "requester", mark, topic, inbox), topic)

		lines := w.hear(srv.URL, "requester", read(), topic, inbox) // nothing changed since: the first word is a new one
		w.do(func(_ context.Context, tx *db.Tx) error { tx.Signal(inbox); return nil })
		if heard := until(t, lines, inbox); len(heard) != 1 {
			t.Errorf("told again what the page shows already: %v", heard)
		}
		for _, strange := range []string{"another-process.1", "nonsense", markOf.FindString("") + "x"} {
			if heard := until(t, w.hear(srv.URL, "requester", strange, topic, inbox), inbox); len(heard) != 2 {
				t.Errorf("mark %q: %v, want to be told everything", strange, heard)
			}
		}
	})
}

func TestPanicIsAPage(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		w := build(t, d)
		w.k.Route(kit.SignedIn, "GET /broken", func(http.ResponseWriter, *http.Request) error { panic("secret cause") })
		rec := w.ask("requester", "GET", "/broken")
		body, id := rec.Body.String(), rec.Header().Get("X-Request-Id")
		if rec.Code != 500 || !strings.Contains(body, "<main") || !strings.Contains(body, "Ada requester") {
			t.Errorf("%d %.300s", rec.Code, body)
		}
		if id == "" || !strings.Contains(body, id) {
			t.Errorf("the page does not name the request %q", id)
		}
		if strings.Contains(body, "secret cause") || rec.Header().Get("Content-Security-Policy") == "" {
			t.Error("the page tells the cause, or is not kept to itself")
		}
	})
}
