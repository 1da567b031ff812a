package app_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/mailtest"
)

// fleet is several programs on one database and one store of files, behind a balancer that knows nothing.
type fleet struct {
	t        *testing.T
	mu       sync.Mutex
	replicas []*program
	turn     int
	retries  int
}

// next returns the address of one replica after another, also of those that are down: a balancer notices late.
func (f *fleet) next() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn++
	return f.replicas[f.turn%len(f.replicas)].url
}

func (f *fleet) start(p *program) {
	f.t.Helper()
	q := *p
	q.start()
	f.mu.Lock()
	defer f.mu.Unlock()
	p.cmd, p.url = q.cmd, q.url
}

func (f *fleet) signal(p *program, s syscall.Signal) {
	f.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		f.t.Fatal(err)
	}
}

// send tries until it is acknowledged: what a balancer, or a person who presses the button again, does.
func (f *fleet) send(method, path, token, key string, body, into any) bool {
	deadline := time.Now().Add(time.Minute)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		code, err := post(ctx, f.next()+path, token, method, key, body, into)
		cancel()
		switch {
		case err == nil && code == http.StatusCreated:
			return true
		case err == nil && code != http.StatusServiceUnavailable && code != http.StatusConflict: // 409: the first try is under way
			f.t.Errorf("%s %s: %d", method, path, code)
			return false
		case time.Now().After(deadline):
			f.t.Errorf("%s %s: not acknowledged within a minute: %d %v", method, path, code, err)
			return false
		}
		f.mu.Lock()
		f.retries++
		f.mu.Unlock()
	}
}

// TestReplicas lets three replicas work for many clients while one is killed, one is paused, the database restarts and all
// of them are restarted one after another: whoever tries again succeeds, and everything has happened once.
func TestReplicas(t *testing.T) {
	server, err := dbtest.StartServer("fsync=on", "synchronous_commit=on")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	files := s3mem.New()
	if err := files.CreateBucket("aide"); err != nil {
		t.Fatal(err)
	}
	store := httptest.NewServer(gofakes3.New(files, gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
	t.Cleanup(store.Close)
	box, settings := startMailbox(t)
	dir := t.TempDir()
	bin := filepath.Join(dir, "entraide")
	build(t, bin)
	env := append(append(os.Environ(), settings...), "ENTRAIDE_DATABASE="+server.URL,
		"ENTRAIDE_BLOB=s3://key:secret@"+strings.TrimPrefix(store.URL, "http://")+"/aide?tls=none&region=eu-west-3")
	f := &fleet{t: t}
	var tokens map[string]string
	for i := range 3 {
		p := &program{t: t, bin: bin, data: filepath.Join(dir, fmt.Sprint("data", i)), env: env}
		if i == 0 {
			tokens = p.people()
		} else if err := os.CopyFS(filepath.Join(p.data, "keys"), os.DirFS(filepath.Join(f.replicas[0].data, "keys"))); err != nil {
			t.Fatal(err)
		}
		p.start()
		defer func() { p.kill() }()
		f.replicas = append(f.replicas, p)
	}

	ack := newAcknowledged()
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for c := range 6 {
		clients.Go(func() {
			client(ctx, fmt.Sprint("c", c), ack, func(method, path, who, key string, body, into any) bool {
				return f.send(method, path, tokens[who], key, body, into)
			})
		})
	}
	moreNews := func(n int) {
		t.Helper()
		before := ack.news()
		mailtest.Eventually(t, "the load goes on", func() bool { return ack.news() >= before+n })
	}
	moreNews(36)
	f.replicas[0].kill()
	moreNews(36)
	f.start(f.replicas[0])
	moreNews(36)
	f.signal(f.replicas[1], syscall.SIGSTOP)
	moreNews(12) // each request that meets the stopped one costs its client two seconds
	f.signal(f.replicas[1], syscall.SIGCONT)
	moreNews(36)
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	moreNews(36)
	for _, p := range f.replicas {
		f.signal(p, syscall.SIGTERM)
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("a replica that was told to end: %v", err)
		}
		f.start(p)
		moreNews(18)
	}
	stop()
	clients.Wait()
	t.Logf("acknowledged: %d tickets, %d messages, %d attachments; %d requests were tried again", len(ack.tickets), len(ack.messages), len(ack.attachments), f.retries)
	for _, p := range f.replicas {
		ack.check(t, p.url, tokens["yan"])
	}
	box.check(t, ack)
	if n := box.told("eva@exemple.test"); n != ack.news() {
		t.Errorf("%d mails for %d pieces of news", n, ack.news())
	}
}
