package mailin_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/mailtest"
	"entraide/internal/base/seal"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/mailin"
	"entraide/internal/usecase/intake"
)

var eventually = mailtest.Eventually

// dovecot is the server with the helpers of these tests, which use the mailbox "aide".
type dovecot struct{ *mailtest.Dovecot }

func startDovecot(t *testing.T) dovecot {
	t.Helper()
	return dovecot{mailtest.StartDovecot(t)}
}

func (s dovecot) client() *imapclient.Client { return s.Client("aide") }

func (s dovecot) put(n int) { s.append("INBOX", mail(n)) }

func (s dovecot) append(folder, raw string) { s.Append("aide", folder, raw) }

func (s dovecot) unseen(folder string) (unread, all uint32) { return s.Unseen("aide", folder) }

func mail(n int) string {
	return fmt.Sprintf("From: Ann <ann@exemple.fr>\r\nTo: aide@exemple.fr\r\nSubject: Panne %d\r\nMessage-ID: <%d@exemple.fr>\r\nDate: Thu, 12 Mar 2026 09:44:00 +0100\r\n\r\nLe VPN se coupe. %s\r\n",
		n, n, strings.Repeat("Toujours. ", 400))
}

// desk is a house that fetches.
type desk struct {
	t     *testing.T
	d     *db.DB
	key   seal.Key
	blobs blob.Store
	box   channel.Mailbox
}

var self = auth.System("test")

func newDesk(t *testing.T, d *db.DB, in channel.Inbound) *desk {
	t.Helper()
	key, err := seal.New(make([]byte, seal.Size))
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	k := &desk{t: t, d: d, key: key, blobs: blobs}
	in.Way, in.Host, in.TLS, in.User = channel.IMAP, "127.0.0.1", channel.Plain, "aide"
	err = d.Write(t.Context(), func(tx *db.Tx) error {
		if _, err := identity.Seed(t.Context(), tx, self, [3]string{"1", "2", "3"}); err != nil {
			return err
		}
		if err := ticket.Seed(t.Context(), tx); err != nil {
			return err
		}
		k.box, err = channel.SaveMailbox(t.Context(), tx, self, key, channel.Mailbox{Name: "Aide", Address: "aide@exemple.fr", Active: true, In: in},
			&channel.Secrets{Password: "secret"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// run fetches until the returned function is called.
func (k *desk) run() (stop func()) {
	ctx, cancel := context.WithCancel(k.t.Context())
	done := make(chan struct{})
	f := mailin.Fetcher{DB: k.d, Blobs: k.blobs, Key: k.key, Intake: intake.Options{Host: "aide.exemple.fr"}, Every: time.Second, Rest: 50 * time.Millisecond}
	go func() { defer close(done); f.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	k.t.Cleanup(stop)
	return stop
}

func (k *desk) tickets() int { return dbtest.Count(k.t, k.d, "ticket") }

func (k *desk) state() (f channel.Fetch) {
	k.t.Helper()
	err := k.d.Read(k.t.Context(), func(tx *db.Tx) error {
		all, err := channel.Fetches(k.t.Context(), tx, self)
		f = all[k.box.ID]
		return err
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return f
}

func TestFetch(t *testing.T) {
	server := startDovecot(t)
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		server := dovecot{server.For(t)}
		unread, had := server.unseen("INBOX")
		if unread != 0 {
			t.Fatalf("%d unread messages before the test", unread)
		}
		k := newDesk(t, d, channel.Inbound{Port: server.Port})
		base := int(had)
		server.put(base + 1)
		stop := k.run()
		eventually(t, "what waited is a ticket", func() bool { return k.tickets() == 1 })
		server.put(base + 2) // told by IDLE
		eventually(t, "what arrives is a ticket", func() bool { return k.tickets() == 2 })
		eventually(t, "both are read on the server", func() bool { n, _ := server.unseen("INBOX"); return n == 0 })
		if f := k.state(); f.Fetched != 2 || f.Error != "" || f.Checked.IsZero() {
			t.Errorf("state %+v", f)
		}
		stop()
		server.put(base + 3)
		second := k.run() // goes on where the first one stopped, and a rival does not take anything twice
		k.run()
		eventually(t, "what arrived meanwhile is a ticket", func() bool { return k.tickets() == 3 })
		second()
		server.put(base + 4)
		eventually(t, "the rival takes over", func() bool { return k.tickets() == 4 })
		eventually(t, "all are read", func() bool { n, _ := server.unseen("INBOX"); return n == 0 })
	})
}

func TestServerAwayAndBack(t *testing.T) {
	server := startDovecot(t)
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	k := newDesk(t, d, channel.Inbound{Port: server.Port, After: channel.AfterDelete})
	server.put(1)
	k.run()
	eventually(t, "it is a ticket", func() bool { return k.tickets() == 1 })
	eventually(t, "it is gone from the server", func() bool { _, n := server.unseen("INBOX"); return n == 0 })
	server.Stop()
	eventually(t, "settings say that the server is away", func() bool { return k.state().Error != "" })
	server.Start()
	server.put(2)
	eventually(t, "fetching goes on by itself", func() bool { return k.tickets() == 2 && k.state().Error == "" })
}

func TestWrongPassword(t *testing.T) {
	server := startDovecot(t)
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	k := newDesk(t, d, channel.Inbound{Port: server.Port})
	save := func(password string) {
		err := d.Write(t.Context(), func(tx *db.Tx) (err error) {
			k.box, err = channel.SaveMailbox(t.Context(), tx, self, k.key, k.box, &channel.Secrets{Password: password})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	save("wrong")
	server.put(1)
	k.run()
	eventually(t, "settings say that the password is wrong", func() bool { return strings.HasPrefix(k.state().Error, "mail.reason.fetch_login") })
	if strings.Contains(k.state().Error, "wrong") {
		t.Error("the error shows the password")
	}
	save("secret") // takes effect without a restart
	eventually(t, "it is a ticket", func() bool { return k.tickets() == 1 })
}

// cutter lets a number of bytes through in each direction, then cuts the connection; each new one lets more through.
type cutter struct {
	net.Listener
	to   string
	step int64
	mu   sync.Mutex
	cuts int64
}

func (c *cutter) serve() {
	for {
		in, err := c.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", c.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		c.mu.Lock()
		c.cuts++
		room := c.cuts * c.step
		c.mu.Unlock()
		end := sync.OnceFunc(func() { _, _ = in.Close(), out.Close() })
		pass := func(dst, src net.Conn) { _, _ = io.CopyN(dst, src, room); end() }
		go pass(out, in)
		go pass(in, out)
	}
}

// TestCutAnywhere cuts the connection after every 97 bytes more, so somewhere in each command and each answer.
func TestCutAnywhere(t *testing.T) {
	server := startDovecot(t)
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{Listener: l, to: server.Address(), step: 97}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	go c.serve()
	k := newDesk(t, d, channel.Inbound{Port: l.Addr().(*net.TCPAddr).Port, After: channel.AfterMove, MoveTo: "Recus"})
	cl := server.client()
	if err := cl.Create("Recus", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := cl.Close(); err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		server.put(n)
	}
	k.runQuick()
	eventually(t, "each is a ticket", func() bool { return k.tickets() == 4 })
	eventually(t, "each is moved", func() bool {
		_, in := server.unseen("INBOX")
		_, out := server.unseen("Recus")
		return in == 0 && out == 4
	})
	if n := dbtest.Count(t, d, "message"); n != 4 {
		t.Errorf("%d messages of 4 mails", n)
	}
	if c.cuts < 20 {
		t.Errorf("only %d cuts", c.cuts)
	}
}

// runQuick fetches without a rest after failures.
func (k *desk) runQuick() {
	ctx, cancel := context.WithCancel(k.t.Context())
	done := make(chan struct{})
	f := mailin.Fetcher{DB: k.d, Blobs: k.blobs, Key: k.key, Intake: intake.Options{Host: "aide.exemple.fr"}, Every: time.Second, Rest: time.Millisecond, MaxRest: 10 * time.Millisecond}
	go func() { defer close(done); f.Run(ctx) }()
	k.t.Cleanup(func() { cancel(); <-done })
}
