package mailout_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/mime"
	"entraide/internal/domain/channel"
)

// cutting passes connections on to port; the first is cut once it has carried n bytes from the client.
func cutting(t *testing.T, port, n int) (through int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	first := true
	pass := func(client net.Conn, limit int64) {
		defer client.Close()
		server, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
		if err != nil {
			return
		}
		defer server.Close()
		all.Go(func() { _, _ = io.Copy(client, server); _ = client.Close() })
		_, _ = io.CopyN(server, client, limit)
	}
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			limit := int64(1 << 40)
			if first {
				limit, first = int64(n), false
			}
			all.Go(func() { pass(c, limit) })
		}
	})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().(*net.TCPAddr).Port
}

// Wherever the connection breaks before the last byte, the mail arrives, and once.
func TestCutAnywhereArrivesOnce(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	big := strings.Repeat("Bonjour Hélène, le réseau revient. ", 20_000)
	for name, after := range map[string]int{"at once": 0, "in EHLO": 10, "after EHLO": 22, "in MAIL": 60, "in RCPT": 120, "in DATA": 190, "in the header": 400,
		"in the body": 100_000, "near its end": 500_000} {
		t.Run(name, func(t *testing.T) {
			srv := &server{}
			c, _ := start(t, srv, false)
			c.Port = cutting(t, c.Port, after)
			e := post(t, d, func(o *channel.Outgoing) { o.Content.Text, o.Content.HTML = big, "" })
			s := sender(d, c)
			if err := attempt(t, s, e, 0); err == nil {
				t.Fatal("no error although the connection broke")
			}
			if len(srv.got) != 0 {
				t.Fatal("half a mail counts")
			}
			run(t, s, e, channel.Sent)
			if len(srv.got) != 1 {
				t.Errorf("%d copies", len(srv.got))
			}
		})
	}
}

// When the word is lost after the last byte, the mail comes again under the same id, three times at most.
func TestALostWordIsNoEndlessStory(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		srv := &server{hangUp: true}
		c, _ := start(t, srv, false)
		e := post(t, d, nil)
		got := run(t, sender(d, c), e, channel.Sent, channel.Failed)
		if got.State != channel.Failed || !strings.HasPrefix(got.Reason, "mailout.reason.lost") || len(srv.got) != 3 {
			t.Fatalf("%s %s after %d copies", got.State, got.Reason, len(srv.got))
		}
		for _, raw := range srv.got {
			if m, err := mime.Parse(strings.NewReader(raw), 0); err != nil || m.MessageID != e.MessageID {
				t.Errorf("a copy under another id: %s, %v", m.MessageID, err)
			}
		}
	})
}

// While the fate of a mail is unknown it waits, and says so.
func TestDoubtWaits(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	srv := &server{hangUp: true}
	c, _ := start(t, srv, false)
	s := sender(d, c)
	s.Doubt = time.Hour
	e := post(t, d, nil)
	if err := attempt(t, s, e, 0); err == nil { // the outcome cannot be stored: the job is not this test's
		t.Error("no error")
	}
	srv.hangUp = false
	if err := attempt(t, s, e, 0); err == nil || len(srv.got) != 1 {
		t.Errorf("sent again at once: %v, %d copies", err, len(srv.got))
	}
	s.Doubt = time.Millisecond
	if got := run(t, s, e, channel.Sent); len(srv.got) != 2 || got.Reason != "" {
		t.Errorf("%d copies, %s", len(srv.got), got.Reason)
	}
}

// A process that was paused and lost its lease does not send what another is sending.
func TestTwoProcessesSendOnce(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		srv := &server{hold: make(chan struct{}), held: make(chan struct{}, 2)}
		c, _ := start(t, srv, false)
		s, e := sender(d, c), post(t, d, nil)
		s.Doubt = time.Hour
		done := make(chan channel.Envelope)
		go func() { done <- run(t, s, e, channel.Sent) }()
		<-srv.held // the body is there, the word is not
		if err := attempt(t, s, e, 0); err != nil {
			t.Error(err)
		}
		if got := find(t, d, e.ID); got.Reason != "mailout.reason.unknown" {
			t.Errorf("the second process: %s", got.Reason)
		}
		close(srv.hold)
		<-done
		if len(srv.got) != 1 || find(t, d, e.ID).State != channel.Sent {
			t.Errorf("%d copies", len(srv.got))
		}
	})
}
