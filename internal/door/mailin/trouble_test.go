package mailin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/channel"
	"entraide/internal/door/mailin"
	"entraide/internal/usecase/intake"
)

// fetch runs a fetcher that rests little, with what change says, until the test ends.
func (k *desk) fetch(change func(f *mailin.Fetcher)) (stop func()) {
	ctx, cancel := context.WithCancel(k.t.Context())
	done := make(chan struct{})
	f := mailin.Fetcher{DB: k.d, Blobs: k.blobs, Key: k.key, Intake: intake.Options{Host: "aide.exemple.fr"}, Every: 200 * time.Millisecond, Rest: time.Millisecond, MaxRest: 10 * time.Millisecond}
	change(&f)
	go func() { defer close(done); f.Run(ctx) }()
	stop = func() { cancel(); <-done }
	k.t.Cleanup(stop)
	return stop
}

// TestPutAwayRefused lets the server refuse to move what was taken in: what follows is taken in all the same, nothing
// comes back, and settings say so as long as it lasts.
func TestPutAwayRefused(t *testing.T) {
	server := startDovecot(t)
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	k := newDesk(t, d, channel.Inbound{Port: server.Port, After: channel.AfterMove, MoveTo: "Absent"})
	for n := range 3 {
		server.put(n)
	}
	k.fetch(func(*mailin.Fetcher) {})
	eventually(t, "each is a ticket", func() bool { return k.tickets() == 3 })
	eventually(t, "settings say that they are not put away", func() bool { return strings.HasPrefix(k.state().Error, "mail.reason.fetch_after") })
	eventually(t, "they are read on the server", func() bool { unread, all := server.unseen("INBOX"); return unread == 0 && all == 3 })
	c := server.client()
	if err := c.Create("Absent", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	server.put(3)
	eventually(t, "the next one is moved", func() bool { _, all := server.unseen("Absent"); return all == 1 })
	eventually(t, "the trouble is over", func() bool { f := k.state(); return f.Error == "" && f.Fetched == 4 })
	if n := dbtest.Count(t, d, "message"); n != 4 {
		t.Errorf("%d messages of 4 mails", n)
	}
}

// TestTooLongToFetch holds that a mail over the limit is written down, left on the server, and keeps nothing back.
func TestTooLongToFetch(t *testing.T) {
	server := startDovecot(t)
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	k := newDesk(t, d, channel.Inbound{Port: server.Port, After: channel.AfterDelete})
	server.append("INBOX", strings.Replace(mail(1), "\r\n\r\n", "\r\n\r\n"+strings.Repeat("Un film en entier. ", 20_000), 1))
	server.put(2)
	k.fetch(func(f *mailin.Fetcher) { f.Intake.Limit = 100_000 })
	eventually(t, "the other is a ticket", func() bool { return k.tickets() == 1 })
	eventually(t, "it stays on the server, read", func() bool { unread, all := server.unseen("INBOX"); return unread == 0 && all == 1 })
	var state, reason, subject string
	var size int64
	err := d.Read(t.Context(), func(tx *db.Tx) error {
		return tx.QueryRowContext(t.Context(), "SELECT state, reason, subject, size FROM envelope WHERE ref = ''").Scan(&state, &reason, &subject, &size)
	})
	if err != nil || state != "parked" || !strings.HasPrefix(reason, channel.ReasonTooLong) || subject == "" || size < 380_000 {
		t.Errorf("%s, %s, %q, %d bytes, %v", state, reason, subject, size, err)
	}
}

// TestNumberedAnew lets the server forget its numbers, as after a restore: nothing is taken twice, nothing is lost.
func TestNumberedAnew(t *testing.T) {
	server := startDovecot(t)
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	k := newDesk(t, d, channel.Inbound{Port: server.Port, Folder: "Aide"})
	c := server.client()
	if err := c.Create("Aide", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	var before [2]string
	for n := range 2 {
		before[n] = mail(n)
		server.append("Aide", before[n])
	}
	stop := k.fetch(func(*mailin.Fetcher) {})
	eventually(t, "both are tickets", func() bool { return k.tickets() == 2 && k.state().Fetched == 2 })
	stop()
	if err := c.Delete("Aide").Wait(); err != nil {
		t.Fatal(err)
	}
	if err := c.Create("Aide", &imap.CreateOptions{}).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for _, raw := range before {
		server.append("Aide", raw)
	}
	server.append("Aide", mail(2))
	k.fetch(func(*mailin.Fetcher) {})
	eventually(t, "the new one is a ticket", func() bool { return k.tickets() == 3 })
	eventually(t, "all are read", func() bool { unread, all := server.unseen("Aide"); return unread == 0 && all == 3 })
	if f := k.state(); f.Fetched != 3 || k.tickets() != 3 {
		t.Errorf("%d fetched, %d tickets", f.Fetched, k.tickets())
	}
}

// trickle passes what the server says on in small pieces, so that one message takes longer than a server may be silent.
func trickle(l net.Listener, to string, piece int, every time.Duration) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", to)
		if err != nil {
			_ = in.Close()
			continue
		}
		go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
		go func() {
			defer func() { _ = in.Close() }()
			tick := time.NewTicker(every)
			defer tick.Stop()
			for range tick.C {
				if _, err := io.CopyN(in, out, 1); err != nil {
					return
				}
				b := make([]byte, piece)
				n, err := out.Read(b)
				if err != nil {
					return
				}
				if _, err := in.Write(b[:n]); err != nil {
					return
				}
			}
		}()
	}
}

func TestSlowLine(t *testing.T) {
	server := startDovecot(t)
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	const silence = 500 * time.Millisecond
	go trickle(l, server.Address(), 2000, 10*time.Millisecond)
	server.append("INBOX", strings.Replace(mail(1), "\r\n\r\n", "\r\n\r\n"+strings.Repeat("Un long journal. ", 12_000), 1)) // 200 KB: a second
	k := newDesk(t, d, channel.Inbound{Port: l.Addr().(*net.TCPAddr).Port})
	began := time.Now()
	k.fetch(func(f *mailin.Fetcher) { f.Silence = silence })
	eventually(t, "it is a ticket", func() bool { return k.tickets() == 1 })
	if took := time.Since(began); took < silence {
		t.Errorf("it came in %s: the line is not slow", took)
	}
}

// full is a blob store without room, until it has some.
type full struct {
	blob.Store
	room atomic.Bool
}

func (f *full) Put(ctx context.Context, r io.Reader, limit int64) (blob.Ref, error) {
	if !f.room.Load() {
		return blob.Ref{}, fmt.Errorf("write: %w", errNoSpace)
	}
	return f.Store.Put(ctx, r, limit)
}

var errNoSpace = errors.New("no space left on device")

func TestFullDisk(t *testing.T) {
	server := startDovecot(t)
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	k := newDesk(t, d, channel.Inbound{Port: server.Port, After: channel.AfterDelete})
	store := &full{Store: k.blobs}
	for n := range 2 {
		server.put(n)
	}
	k.fetch(func(f *mailin.Fetcher) { f.Blobs = store })
	eventually(t, "settings say that there is no room", func() bool { return strings.Contains(k.state().Error, "no space left") })
	if unread, all := server.unseen("INBOX"); unread != 2 || all != 2 || k.tickets() != 0 {
		t.Errorf("%d of %d unread, %d tickets on a full disk", unread, all, k.tickets())
	}
	store.room.Store(true)
	eventually(t, "both are tickets", func() bool { return k.tickets() == 2 })
	eventually(t, "both are gone from the server, and no error is left", func() bool {
		_, all := server.unseen("INBOX")
		return all == 0 && k.state().Error == ""
	})
	if !bytes.Contains([]byte(k.state().Position), []byte("uid")) {
		t.Errorf("position %s", k.state().Position)
	}
}

func TestTest(t *testing.T) {
	server := startDovecot(t)
	server.put(1)
	box := channel.Mailbox{Address: "aide@exemple.fr", In: channel.Inbound{Way: channel.IMAP, Host: "127.0.0.1", Port: server.Port, TLS: channel.Plain, User: "aide"}}
	say := func(change func(b *channel.Mailbox, s *channel.Secrets)) string {
		b, s := box, channel.Secrets{Password: "secret"}
		change(&b, &s)
		var keys []string
		for _, c := range (mailin.Fetcher{}).Test(t.Context(), b, s) {
			if l := (i18n.Loc{}); strings.Contains(l.T(c.Key, c.Words()...), "{") {
				t.Errorf("a word is missing in %s", c.Key)
			}
			if strings.Contains(c.Detail, s.Password) && s.Password != "" {
				t.Errorf("%s shows the password", c.Key)
			}
			keys = append(keys, fmt.Sprintf("%s %v", c.Key[strings.LastIndexByte(c.Key, '.')+1:], c.OK))
		}
		return strings.Join(keys, ", ")
	}
	for name, c := range map[string]struct {
		change func(b *channel.Mailbox, s *channel.Secrets)
		want   string
	}{
		"as it should be":  {func(*channel.Mailbox, *channel.Secrets) {}, "folder true, idle true"},
		"a wrong password": {func(_ *channel.Mailbox, s *channel.Secrets) { s.Password = "troubadour" }, "fetch_login false"},
		"no such folder":   {func(b *channel.Mailbox, _ *channel.Secrets) { b.In.Folder = "Nulle part" }, "fetch_folder false"},
		"nowhere to put": {func(b *channel.Mailbox, _ *channel.Secrets) {
			b.In.After, b.In.MoveTo = channel.AfterMove, "Nulle part"
		}, "folder true, idle true, no_move false"},
		"somewhere to put":   {func(b *channel.Mailbox, _ *channel.Secrets) { b.In.After, b.In.MoveTo = channel.AfterMove, "INBOX" }, "folder true, idle true, move true"},
		"no server there":    {func(b *channel.Mailbox, _ *channel.Secrets) { b.In.Port = 1 }, "fetch_connect false"},
		"TLS where none is":  {func(b *channel.Mailbox, _ *channel.Secrets) { b.In.TLS = channel.TLS }, "fetch_tls false"},
		"nothing is fetched": {func(b *channel.Mailbox, _ *channel.Secrets) { b.In.Way = channel.NoWay }, ""},
	} {
		if got := say(c.change); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if unread, all := server.unseen("INBOX"); unread != 1 || all != 1 {
		t.Errorf("the tests changed the mailbox: %d of %d unread", unread, all)
	}
}
