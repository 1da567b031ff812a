package blob_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/errs"
)

// stores runs f on every kind of store; later moves the store's clock on by three days.
func stores(t *testing.T, f func(t *testing.T, s blob.Store, later func())) {
	t.Run("dir", func(t *testing.T) {
		d, root := open(t)
		f(t, d, func() {
			past := time.Now().Add(-72 * time.Hour)
			err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					err = os.Chtimes(path, past, past)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("s3", func(t *testing.T) {
		clock := gofakes3.FixedTimeSource(time.Now().Add(-72 * time.Hour))
		store, _ := openS3(t, clock)
		f(t, store, func() { clock.Advance(72 * time.Hour) })
	})
}

// openS3 starts a store of objects in this process; its requests are counted by method.
func openS3(t *testing.T, clock gofakes3.TimeSource) (*blob.S3, *requests) {
	t.Helper()
	backend := s3mem.New(s3mem.WithTimeSource(clock))
	if err := backend.CreateBucket("aide"); err != nil {
		t.Fatal(err)
	}
	seen := &requests{}
	fake := gofakes3.New(backend, gofakes3.WithTimeSource(clock), gofakes3.WithTimeSkewLimit(0), gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.add(r)
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	store, err := blob.OpenS3(address(t, server.URL), filepath.Join(t.TempDir(), "tmp"))
	if err != nil {
		t.Fatal(err)
	}
	return store, seen
}

func address(t *testing.T, server string) config.Bucket {
	t.Helper()
	a, err := config.Address("s3://key:secret@" + strings.TrimPrefix(server, "http://") + "/aide/pieces?tls=none&region=eu-west-3").Bucket()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

type requests struct {
	sync.Mutex
	puts  int
	paths map[string]bool
}

func (r *requests) add(q *http.Request) {
	r.Lock()
	defer r.Unlock()
	if r.paths == nil {
		r.paths = map[string]bool{}
	}
	r.paths[q.URL.Path] = true
	if q.Method == http.MethodPut {
		r.puts++
	}
}

func walked(t *testing.T, s blob.Store) map[string]time.Time {
	t.Helper()
	got := map[string]time.Time{}
	if err := s.Walk(t.Context(), func(r blob.Ref, at time.Time) error { got[r.Hash] = at; return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

func put(t *testing.T, s blob.Store, content string) blob.Ref {
	t.Helper()
	ref, err := s.Put(t.Context(), strings.NewReader(content), 0)
	if err != nil || ref != (blob.Ref{Hash: hashOf(content), Size: int64(len(content))}) {
		t.Fatalf("Put = %v, %v", ref, err)
	}
	return ref
}

func TestPutAndOpen(t *testing.T) {
	stores(t, func(t *testing.T, s blob.Store, _ func()) {
		for _, content := range []string{"bonjour", "", strings.Repeat("0123456789", 2_000_000)} {
			ref := put(t, s, content)
			f, err := s.Open(t.Context(), ref.Hash)
			if err != nil {
				t.Fatal(err)
			}
			at := int64(len(content) / 2)
			if _, err := f.Seek(at, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(f); string(b) != content[at:] || err != nil {
				t.Errorf("read %d bytes, %v", len(b), err)
			}
			if n, err := f.Seek(0, io.SeekEnd); n != ref.Size || err != nil {
				t.Errorf("the end is at %d, %v", n, err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			if got, err := s.Stat(t.Context(), ref.Hash); got != ref || err != nil {
				t.Errorf("Stat = %v, %v", got, err)
			}
		}
	})
}

func TestFailedPutsKeepNothing(t *testing.T) {
	stores(t, func(t *testing.T, s blob.Store, _ func()) {
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for name, c := range map[string]struct {
			ctx  context.Context
			r    io.Reader
			want error
		}{
			"too large":  {t.Context(), strings.NewReader("12345678"), blob.ErrTooLarge},
			"broken":     {t.Context(), iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("1234"))), iotest.ErrTimeout},
			"given up":   {gone, strings.NewReader("1"), context.Canceled},
			"just fits":  {t.Context(), strings.NewReader("1234567"), nil},
			"same again": {t.Context(), strings.NewReader("1234567"), nil},
		} {
			if _, err := s.Put(c.ctx, c.r, 7); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
		if got := walked(t, s); len(got) != 1 {
			t.Errorf("kept %v, want the one that fits", got)
		}
	})
}

func TestSameContentFromManyIsKeptOnce(t *testing.T) {
	stores(t, func(t *testing.T, s blob.Store, _ func()) {
		content := strings.Repeat("x", 100_000)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if ref, err := s.Put(t.Context(), iotest.HalfReader(strings.NewReader(content)), 0); err != nil || ref.Hash != hashOf(content) {
					t.Errorf("Put = %v, %v", ref, err)
				}
			})
		}
		wg.Wait()
		if got := walked(t, s); len(got) != 1 {
			t.Errorf("%d contents, want 1", len(got))
		}
	})
}

func TestStrangeHashes(t *testing.T) {
	stores(t, func(t *testing.T, s blob.Store, _ func()) {
		for _, h := range []string{"", "ab", "../secret", hashOf("nothing"), strings.ToUpper(hashOf("x")), ".." + strings.Repeat("/", 55) + "/secret"} {
			if _, err := s.Open(t.Context(), h); !errors.Is(err, blob.ErrNotFound) {
				t.Errorf("Open(%q): %v", h, err)
			}
			if _, err := s.Stat(t.Context(), h); !errors.Is(err, blob.ErrNotFound) {
				t.Errorf("Stat(%q): %v", h, err)
			}
			if err := s.Delete(t.Context(), h); err != nil {
				t.Errorf("Delete(%q): %v", h, err)
			}
		}
	})
}

func TestWalkAndDelete(t *testing.T) {
	stores(t, func(t *testing.T, s blob.Store, later func()) {
		for _, c := range []string{"a", "bb", "ccc"} {
			put(t, s, c)
		}
		later()
		put(t, s, "a")
		got := walked(t, s)
		if len(got) != 3 {
			t.Fatalf("walked %v", got)
		}
		if age := time.Since(got[hashOf("a")]); age > time.Hour {
			t.Errorf("a second Put does not make it young: %v", age)
		}
		if age := time.Since(got[hashOf("bb")]); age < 71*time.Hour {
			t.Errorf("one that nobody put again is young: %v", age)
		}
		if err := s.Delete(t.Context(), hashOf("bb")); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Open(t.Context(), hashOf("bb")); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("deleted content: %v", err)
		}
		stop := errors.New("stop")
		n := 0
		if err := s.Walk(t.Context(), func(blob.Ref, time.Time) error { n++; return stop }); err != stop || n != 1 {
			t.Errorf("stopped after %d with %v", n, err)
		}
	})
}

func TestS3SendsAContentOnce(t *testing.T) {
	store, seen := openS3(t, gofakes3.DefaultTimeSource())
	ref := put(t, store, "bonjour")
	put(t, store, "bonjour")
	if seen.puts != 1 {
		t.Errorf("sent %d times", seen.puts)
	}
	if path := "/aide/pieces/" + ref.Hash[:2] + "/" + ref.Hash[2:]; !seen.paths[path] {
		t.Errorf("asked %v, want %s", seen.paths, path)
	}
}

func TestS3ThatRefuses(t *testing.T) {
	if store, _ := openS3(t, gofakes3.DefaultTimeSource()); store.Check(t.Context()) != nil {
		t.Error("a good store is refused")
	}
	for name, c := range map[string]struct {
		status int
		code   string
		away   bool
		says   string
	}{
		"wrong key": {403, "InvalidAccessKeyId", false, "base.blob_refused"},
		"no bucket": {404, "NoSuchBucket", false, "base.blob_no_bucket"},
		"broken":    {501, "NotImplemented", true, "base.blob_away"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(c.status)
			if r.Method != http.MethodHead {
				_, _ = io.WriteString(w, "<Error><Code>"+c.code+"</Code></Error>")
			}
		}))
		store, err := blob.OpenS3(address(t, server.URL), filepath.Join(t.TempDir(), "tmp"))
		if err != nil {
			t.Fatal(err)
		}
		err = store.Check(t.Context())
		if err == nil || errors.Is(err, errs.Unavailable) != c.away || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := store.Put(t.Context(), strings.NewReader("x"), 0); !errors.Is(err, errs.Unavailable) {
			t.Errorf("%s: Put: %v", name, err)
		}
		server.Close()
	}
}

func TestS3ThatIsAway(t *testing.T) {
	a := address(t, "http://127.0.0.1:1")
	store, err := blob.OpenS3(a, filepath.Join(t.TempDir(), "tmp"))
	if err != nil {
		t.Fatalf("a store that is away must not keep the product from starting: %v", err)
	}
	if err := store.Check(t.Context()); !errors.Is(err, errs.Unavailable) {
		t.Errorf("Check: %v", err)
	}
}
