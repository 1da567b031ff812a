package live_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/live"
)

// page is a client in memory. Deadlines are kept so that a client that takes nothing fails as a connection would.
type page struct {
	header   http.Header
	mu       sync.Mutex
	text     strings.Builder
	flushed  int
	deadline time.Time
	stuck    bool
}

func (p *page) Header() http.Header { return p.header }
func (p *page) WriteHeader(int)     {}

func (p *page) Write(b []byte) (int, error) {
	if p.stuck {
		time.Sleep(time.Until(p.deadline)) // time of the bubble
		return 0, errors.New("i/o timeout")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *page) FlushError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flushed = p.text.Len()
	return nil
}

func (p *page) SetWriteDeadline(t time.Time) error { p.deadline = t; return nil }

// read returns what has arrived since the last call.
func (p *page) read() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.text.String()[:p.flushed]
	p.text.Reset()
	p.flushed = 0
	return s
}

// ear is a source that the test speaks into.
type ear struct {
	c       chan struct{}
	pending []string
}

func (e *ear) say(topics ...string) {
	e.pending = append(e.pending, topics...)
	e.c <- struct{}{}
}

func (e *ear) source() live.Source {
	return live.Source{C: e.c, Take: func() []string { t := e.pending; e.pending = nil; return t }}
}

// open serves one stream inside a bubble; ended receives what Serve returned.
func open(ctx context.Context, s *live.Streams, p *page, o live.Options) (e *ear, ended chan error) {
	e, ended = &ear{c: make(chan struct{})}, make(chan error, 1)
	p.header = make(http.Header)
	go func() { ended <- s.Serve(ctx, p, e.source(), o) }()
	synctest.Wait()
	return e, ended
}

func TestMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		s := live.New(t.Context(), 10)
		p := new(page)
		e, ended := open(ctx, s, p, live.Options{Topics: []string{"ticket/1", "queue/2"}})
		expect := func(want string) {
			t.Helper()
			synctest.Wait()
			if got := p.read(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		expect(": open\n\n")
		e.say("ticket/1")
		expect("id: 1\ndata: {\"topic\":\"ticket/1\",\"seq\":1}\n\n")
		e.say("queue/2", "ticket/1")
		expect("id: 2\ndata: {\"topic\":\"queue/2\",\"seq\":2}\n\nid: 3\ndata: {\"topic\":\"ticket/1\",\"seq\":3}\n\n")
		e.say() // woken for nothing
		expect("")
		e.say("*")
		expect("id: 4\ndata: {\"topic\":\"ticket/1\",\"seq\":4}\n\nid: 5\ndata: {\"topic\":\"queue/2\",\"seq\":5}\n\n")
		e.say("ticket/\n\ndata: forged")
		expect("id: 6\ndata: {\"topic\":\"ticket/\\n\\ndata: forged\",\"seq\":6}\n\n")
		if p.header.Get("Content-Type") != "text/event-stream; charset=utf-8" || p.header.Get("Cache-Control") != "no-store" {
			t.Errorf("header %v", p.header)
		}
		if s.Open() != 1 {
			t.Errorf("%d open", s.Open())
		}
		leave()
		if err := <-ended; err != nil || s.Open() != 0 {
			t.Errorf("%v, %d open", err, s.Open())
		}
		expect("")
	})
}

func TestReturningClientIsToldEverything(t *testing.T) {
	for last, want := range map[string]int{"41": 42, "forged": 1, "": 0} {
		synctest.Test(t, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			p := new(page)
			_, ended := open(ctx, live.New(t.Context(), 1), p, live.Options{Topics: []string{"a"}, Last: last})
			text := ": open\n\n"
			if last != "" {
				text = fmt.Sprintf("id: %d\ndata: {\"topic\":\"a\",\"seq\":%d}\n\n", want, want)
			}
			if got := p.read(); got != text {
				t.Errorf("Last-Event-ID %q: %q, want %q", last, got, text)
			}
			leave()
			<-ended
		})
	}
}

func TestHeartbeatAndLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(page)
		e, ended := open(t.Context(), live.New(t.Context(), 1), p, live.Options{Topics: []string{"a"}})
		p.read()
		beats := func(after time.Duration, want int) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if got := strings.Count(p.read(), ": beat\n\n"); got != want {
				t.Errorf("%d heartbeats in %v, want %d", got, after, want)
			}
		}
		beats(15*time.Second-1, 0)
		beats(1, 1)
		beats(30*time.Second, 2)
		beats(10*time.Second, 0)
		e.say("a") // a message is as good as a heartbeat
		beats(15*time.Second-1, 0)
		began := time.Now()
		if err := <-ended; err != nil || time.Since(began) > time.Hour || !strings.HasSuffix(p.read(), "retry: 1000\n\n") {
			t.Errorf("%v after %v, or no hint to come back", err, time.Since(began))
		}
		if !p.deadline.IsZero() {
			t.Error("the deadline stays on the connection")
		}
	})
}

func TestDrainSaysComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		drain, end := context.WithCancel(t.Context())
		s := live.New(drain, 10)
		p := new(page)
		_, ended := open(t.Context(), s, p, live.Options{})
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if got := p.read(); !strings.HasSuffix(got, "retry: 1000\n\n") {
			t.Errorf("got %q", got)
		}
		late := new(page)
		_, ended = open(t.Context(), s, late, live.Options{})
		if err := <-ended; !errors.Is(err, errs.Unavailable) || late.text.Len() != 0 || s.Open() != 0 {
			t.Errorf("after the end: %v, %q, %d open", err, late.text.String(), s.Open())
		}
	})
}

func TestStreamsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		s := live.New(t.Context(), 2)
		_, first := open(ctx, s, new(page), live.Options{})
		_, second := open(ctx, s, new(page), live.Options{})
		p := new(page)
		_, third := open(ctx, s, p, live.Options{})
		if err := <-third; !errors.Is(err, errs.Unavailable) || p.text.Len() != 0 || len(p.header) != 0 {
			t.Errorf("third: %v, %q", err, p.text.String())
		}
		if s.Open() != 2 {
			t.Errorf("%d open", s.Open())
		}
		leave()
		<-first
		<-second
		if s.Open() != 0 {
			t.Errorf("%d open at the end", s.Open())
		}
	})
}

// A client that takes nothing frees its goroutine and its place, at the latest after a heartbeat and the write time.
func TestDeadClientIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := live.New(t.Context(), 1)
		p := new(page)
		_, ended := open(t.Context(), s, p, live.Options{})
		p.stuck = true
		began := time.Now()
		if err := <-ended; err != nil || time.Since(began) != 25*time.Second || s.Open() != 0 {
			t.Errorf("%v after %v, %d open", err, time.Since(began), s.Open())
		}
	})
}

// The whole way: a commit, a subscription, a real connection.
func TestFromCommitToBrowser(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		s := live.New(t.Context(), 10)
		gone := make(chan error, 1)
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sub := d.Listen(func(topic string) bool { return topic == "ticket/1" })
			defer sub.Close()
			gone <- s.Serve(r.Context(), w, live.Source{C: sub.C, Take: sub.Take}, live.Options{Topics: []string{"ticket/1"}})
		}))
		defer srv.Close()
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(res.Body)
		next := func(prefix string) string {
			t.Helper()
			for lines.Scan() {
				if strings.HasPrefix(lines.Text(), prefix) {
					return lines.Text()
				}
			}
			t.Fatalf("stream ended before %q: %v", prefix, lines.Err())
			return ""
		}
		next(": open")
		err = d.Write(t.Context(), func(tx *db.Tx) error { tx.Signal("ticket/2"); tx.Signal("ticket/1"); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if got := next("data: "); !strings.Contains(got, `"topic":"ticket/1"`) {
			t.Errorf("got %s", got)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-gone; err != nil || s.Open() != 0 {
			t.Errorf("after the client left: %v, %d open", err, s.Open())
		}
	})
}
