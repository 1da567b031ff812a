package mailin_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/domain/channel"
	"entraide/internal/door/mailin"
	"entraide/internal/usecase/intake"
)

// open starts a listener on a port of its own and returns where, and what ends it.
func (k *desk) open(lmtp bool, change func(x *mailin.Listener)) (address string, stop func()) {
	k.t.Helper()
	return k.openAt("127.0.0.1:0", lmtp, change)
}

func (k *desk) openAt(at string, lmtp bool, change func(x *mailin.Listener)) (address string, stop func()) {
	k.t.Helper()
	l, err := mailin.Open(config.Door{LMTP: lmtp, Network: "tcp", Address: at})
	if err != nil {
		k.t.Fatal(err)
	}
	x := mailin.Listener{DB: k.d, Blobs: k.blobs, Intake: intake.Options{Host: "aide.exemple.fr", Own: []string{"nous@exemple.fr"}}, Domain: "aide.exemple.fr"}
	change(&x)
	ctx, cancel := context.WithCancel(k.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := x.Serve(ctx, l, lmtp, 5*time.Second); err != nil {
			k.t.Error(err)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	k.t.Cleanup(stop)
	return l.Addr().String(), stop
}

// hand hands one message over and returns the server's word.
func hand(address string, lmtp bool, raw string, to ...string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	return handTo(conn, lmtp, raw, to...)
}

func handTo(conn net.Conn, lmtp bool, raw string, to ...string) error {
	c := smtp.NewClient(conn)
	if lmtp {
		c = smtp.NewClientLMTP(conn)
	}
	defer func() { _ = c.Close() }()
	if err := c.Mail("ann@exemple.fr", nil); err != nil {
		return err
	}
	for _, t := range to {
		if err := c.Rcpt(t, nil); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, raw); err != nil {
		return errors.Join(err, w.Close())
	}
	return w.Close()
}

// code is the number of a server's refusal, 0 for none, -1 for another error.
func code(err error) int {
	var e *smtp.SMTPError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.Code
	}
	return -1
}

func TestHandedOver(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		k := newDesk(t, d, channel.Inbound{})
		strict, _ := k.open(false, func(x *mailin.Listener) { x.Intake.Limit = 20_000 })
		trusted, _ := k.open(true, func(*mailin.Listener) {})
		for i, c := range []struct {
			name    string
			lmtp    bool
			raw     string
			to      []string
			code    int
			tickets int
		}{
			{"LMTP", true, mail(1), []string{"aide@exemple.fr"}, 0, 1},
			{"the same again", true, mail(1), []string{"aide@exemple.fr"}, 0, 1},
			{"LMTP, two recipients", true, mail(2), []string{"aide@exemple.fr", "autre@exemple.fr"}, 0, 2},
			{"LMTP, whoever it is for", true, mail(3), []string{"someone@else.example"}, 0, 3},
			{"SMTP", false, mail(4), []string{"aide@exemple.fr"}, 0, 4},
			{"SMTP, a plus address, shouted", false, mail(5), []string{"AIDE+x@exemple.fr"}, 0, 5},
			{"SMTP, the address of the configuration", false, mail(6), []string{"nous@exemple.fr"}, 0, 6},
			{"SMTP, no relay", false, mail(7), []string{"someone@else.example"}, 550, 6},
			{"SMTP, one of two is ours", false, mail(8), []string{"aide@exemple.fr", "someone@else.example"}, 550, 6},
			{"too long", false, strings.Replace(mail(9), "\r\n\r\n", "\r\n\r\n"+strings.Repeat("Long. ", 5000), 1), []string{"aide@exemple.fr"}, 552, 6},
			{"empty", true, "", []string{"aide@exemple.fr"}, 554, 6},
			{"no mail at all", true, "bonjour\r\n", []string{"aide@exemple.fr"}, 0, 6},
		} {
			address := strict
			if c.lmtp {
				address = trusted
			}
			if got := code(hand(address, c.lmtp, c.raw, c.to...)); got != c.code {
				t.Errorf("%d %s: %d, want %d", i, c.name, got, c.code)
			}
			if n := k.tickets(); n != c.tickets {
				t.Errorf("%d %s: %d tickets, want %d", i, c.name, n, c.tickets)
			}
		}
	})
}

func TestHandedOverBySocket(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	k := newDesk(t, d, channel.Inbound{})
	door := config.Door{LMTP: true, Network: "unix", Address: filepath.Join(t.TempDir(), "lmtp")}
	l, err := mailin.Open(door)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mailin.Open(door); err == nil {
		t.Error("two processes listen at one socket")
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil { // as a process does that is killed
		t.Fatal(err)
	}
	if l, err = mailin.Open(door); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- mailin.Listener{DB: d, Blobs: k.blobs, Domain: "x"}.Serve(ctx, l, true, time.Second)
	}()
	conn, err := net.Dial("unix", door.Address)
	if err != nil {
		t.Fatal(err)
	}
	if err := handTo(conn, true, mail(1), "aide@exemple.fr"); err != nil || k.tickets() != 1 {
		t.Errorf("%v, %d tickets", err, k.tickets())
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestStrangersAreTurnedAway lets only known mail servers hand mail over: what they say about a sender is believed.
func TestStrangersAreTurnedAway(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	k := newDesk(t, d, channel.Inbound{})
	for relays, known := range map[string]bool{"": true, "127.0.0.1": true, "10.0.0.0/8, 127.0.0.0/8": true, "192.0.2.3": false} {
		address, stop := k.open(true, func(x *mailin.Listener) { x.Relays = config.Mail{Relays: relays}.Senders() })
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || strings.HasPrefix(line, "220 ") != known || !known && !strings.HasPrefix(line, "554 5.7.1 127.0.0.1") {
			t.Errorf("relays %q: %q, %v", relays, line, err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		stop()
	}
}

// TestASlowLineEndsNothing hands a message over in small pieces, which takes longer than a connection may keep silent.
func TestASlowLineEndsNothing(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	k := newDesk(t, d, channel.Inbound{})
	const quiet = 500 * time.Millisecond
	address, _ := k.open(true, func(x *mailin.Listener) { x.Quiet = quiet })
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	slow := &slowConn{Conn: conn, pieces: 24, pause: quiet / 10}
	if err := handTo(slow, true, mail(1), "aide@exemple.fr"); err != nil || k.tickets() != 1 {
		t.Errorf("%v, %d tickets", err, k.tickets())
	}
}

// slowConn writes messages, which are longer than commands, in pieces.
type slowConn struct {
	net.Conn
	pieces int
	pause  time.Duration
}

func (s *slowConn) Write(p []byte) (n int, err error) {
	if len(p) < 100 {
		return s.Conn.Write(p)
	}
	tick := time.NewTicker(s.pause)
	defer tick.Stop()
	for len(p) > 0 && err == nil {
		<-tick.C // the slowness is what is tried
		m := 0
		m, err = s.Conn.Write(p[:min(len(p), max(1, len(p)/s.pieces))])
		n, p, s.pieces = n+m, p[m:], max(1, s.pieces-1)
	}
	return n, err
}

// TestNoRoom refuses for the moment what cannot be stored, and takes it when it comes again.
func TestNoRoom(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	k := newDesk(t, d, channel.Inbound{})
	store := &full{Store: k.blobs}
	address, _ := k.open(true, func(x *mailin.Listener) { x.Blobs = store })
	if got := code(hand(address, true, mail(1), "aide@exemple.fr")); got != 451 || k.tickets() != 0 {
		t.Errorf("%d on a full disk, %d tickets", got, k.tickets())
	}
	store.room.Store(true)
	if err := hand(address, true, mail(1), "aide@exemple.fr"); err != nil || k.tickets() != 1 {
		t.Errorf("%v, %d tickets", err, k.tickets())
	}
}

// TestCutWhileHandedOver cuts the connection after every few bytes more, as a mail server that tries again would see it:
// nothing is lost, nothing comes twice.
func TestCutWhileHandedOver(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	k := newDesk(t, d, channel.Inbound{})
	to, _ := k.open(true, func(*mailin.Listener) {})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &cutter{Listener: l, to: to, step: 41}
	go c.serve()
	tries := 0
	for ; hand(l.Addr().String(), true, mail(1), "aide@exemple.fr") != nil; tries++ {
		if tries > 500 {
			t.Fatal("it never arrives")
		}
	}
	if n := dbtest.Count(t, d, "message"); tries < 10 || n != 1 || k.tickets() != 1 {
		t.Errorf("%d messages, %d tickets after %d cuts", n, k.tickets(), tries)
	}
}

// slow is a blob store that waits, so that a test can end the listener meanwhile.
type slow struct {
	blob.Store
	began, go_ chan struct{}
	once       atomic.Bool
}

func (s *slow) Put(ctx context.Context, r io.Reader, limit int64) (blob.Ref, error) {
	if s.once.CompareAndSwap(false, true) {
		close(s.began)
		<-s.go_
	}
	return s.Store.Put(ctx, r, limit)
}

func TestWhatIsUnderWayEnds(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	k := newDesk(t, d, channel.Inbound{})
	store := &slow{Store: k.blobs, began: make(chan struct{}), go_: make(chan struct{})}
	address, stop := k.open(true, func(x *mailin.Listener) { x.Blobs = store })
	said := make(chan error, 1)
	go func() { said <- hand(address, true, mail(1), "aide@exemple.fr") }()
	<-store.began
	ended := make(chan struct{})
	go func() { stop(); close(ended) }()
	eventually(t, "nobody else comes in", func() bool { return code(hand(address, true, mail(1), "aide@exemple.fr")) == -1 })
	close(store.go_)
	if err := <-said; err != nil {
		t.Errorf("what was under way: %v", err)
	}
	<-ended
	if k.tickets() != 1 {
		t.Errorf("%d tickets", k.tickets())
	}
}

// The last chunk of a message that breaks off is half a message, although nothing but its length says so.
func TestCutInTheLastChunk(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	k := newDesk(t, d, channel.Inbound{})
	at, stop := k.open(false, func(*mailin.Listener) {})
	raw := mail(1)
	conn, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	talk := "EHLO x\r\nMAIL FROM:<ann@exemple.fr>\r\nRCPT TO:<aide@exemple.fr>\r\nBDAT " + strconv.Itoa(len(raw)) + " LAST\r\n" + raw[:len(raw)/2]
	if _, err := io.WriteString(conn, talk); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(conn)
	if err := errors.Join(err, conn.Close()); err != nil {
		t.Fatal(err)
	}
	stop()
	if n := k.tickets(); n != 0 || !strings.Contains(string(said), "451 4.3.0") {
		t.Errorf("%d tickets of half a mail:\n%s", n, said)
	}
}
