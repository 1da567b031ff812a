package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"entraide/internal/base/blob"
)

func open(t *testing.T) (*blob.Dir, string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "blobs")
	d, err := blob.OpenDir(root)
	if err != nil {
		t.Fatal(err)
	}
	return d, root
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// filesIn counts regular files under root, temporary ones included.
func filesIn(t *testing.T, root string) (n int) {
	t.Helper()
	err := filepath.WalkDir(root, func(_ string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPutAndOpen(t *testing.T) {
	d, root := open(t)
	ref, err := d.Put(t.Context(), strings.NewReader("bonjour"), 7)
	if err != nil || ref != (blob.Ref{Hash: hashOf("bonjour"), Size: 7}) {
		t.Fatalf("Put = %v, %v", ref, err)
	}
	if _, err := os.Stat(filepath.Join(root, ref.Hash[:2], ref.Hash[2:])); err != nil {
		t.Error(err)
	}
	again, err := blob.OpenDir(root) // a restart finds it
	if err != nil {
		t.Fatal(err)
	}
	f, err := again.Open(t.Context(), ref.Hash)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Seek(3, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(f); string(b) != "jour" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
	if s, err := d.Stat(t.Context(), ref.Hash); s != ref || err != nil {
		t.Errorf("Stat = %v, %v", s, err)
	}
}

func TestFailedPutsKeepNothing(t *testing.T) {
	d, root := open(t)
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
		if _, err := d.Put(c.ctx, c.r, 7); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if n := filesIn(t, root); n != 1 {
		t.Errorf("%d files left, want the one that fits", n)
	}
}

func TestSameContentFromManyIsKeptOnce(t *testing.T) {
	d, root := open(t)
	content := strings.Repeat("x", 100_000)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if ref, err := d.Put(t.Context(), iotest.HalfReader(strings.NewReader(content)), 0); err != nil || ref.Hash != hashOf(content) {
				t.Errorf("Put = %v, %v", ref, err)
			}
		})
	}
	wg.Wait()
	if n := filesIn(t, root); n != 1 {
		t.Errorf("%d files, want 1", n)
	}
}

func TestATruncatedFileIsHealed(t *testing.T) {
	d, root := open(t)
	h := hashOf("bonjour")
	if err := errors.Join(os.Mkdir(filepath.Join(root, h[:2]), 0o700), os.WriteFile(filepath.Join(root, h[:2], h[2:]), []byte("bon"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Put(t.Context(), strings.NewReader("bonjour"), 0); err != nil {
		t.Fatal(err)
	}
	if s, err := d.Stat(t.Context(), h); s.Size != 7 || err != nil {
		t.Errorf("Stat = %v, %v", s, err)
	}
}

func TestStrangeHashes(t *testing.T) {
	d, root := open(t)
	if err := os.WriteFile(filepath.Join(filepath.Dir(root), "secret"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, h := range []string{"", "ab", "../secret", hashOf("nothing"), strings.ToUpper(hashOf("x")), ".." + strings.Repeat("/", 55) + "/secret"} {
		if _, err := d.Open(t.Context(), h); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Open(%q): %v", h, err)
		}
		if _, err := d.Stat(t.Context(), h); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Stat(%q): %v", h, err)
		}
		if err := d.Delete(t.Context(), h); err != nil {
			t.Errorf("Delete(%q): %v", h, err)
		}
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(root), "secret")); err != nil {
		t.Error("a file outside was touched")
	}
}

func TestWalkAndDelete(t *testing.T) {
	d, root := open(t)
	want := map[string]int64{}
	for _, s := range []string{"a", "bb", "ccc"} {
		ref, err := d.Put(t.Context(), strings.NewReader(s), 0)
		if err != nil {
			t.Fatal(err)
		}
		want[ref.Hash] = ref.Size
	}
	old := time.Now().Add(-72 * time.Hour)
	h := hashOf("a")
	if err := errors.Join(os.Chtimes(filepath.Join(root, h[:2], h[2:]), old, old), os.WriteFile(filepath.Join(root, h[:2], "notes.txt"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Put(t.Context(), bytes.NewReader([]byte("a")), 0); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	err := d.Walk(t.Context(), func(r blob.Ref, at time.Time) error {
		got[r.Hash] = r.Size
		if time.Since(at) > time.Hour {
			t.Errorf("%s put %v: a second Put does not make it young", r.Hash, at)
		}
		return nil
	})
	if err != nil || len(got) != 3 || got[hashOf("ccc")] != 3 {
		t.Errorf("walked %v, %v", got, err)
	}
	if err := d.Delete(t.Context(), hashOf("bb")); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	n := 0
	if err := d.Walk(t.Context(), func(r blob.Ref, _ time.Time) error { n++; return stop }); err != stop || n != 1 {
		t.Errorf("stopped after %d with %v", n, err)
	}
	if _, err := d.Open(t.Context(), hashOf("bb")); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("deleted content: %v", err)
	}
}

func TestOpenDirRemovesWhatACrashLeft(t *testing.T) {
	_, root := open(t)
	old, young := filepath.Join(root, "tmp", "put-1"), filepath.Join(root, "tmp", "put-2")
	past := time.Now().Add(-48 * time.Hour)
	if err := errors.Join(os.WriteFile(old, nil, 0o600), os.WriteFile(young, nil, 0o600), os.Chtimes(old, past, past)); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.OpenDir(root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Error("the old file is still there")
	}
	if _, err := os.Stat(young); err != nil {
		t.Error("the file being written was removed")
	}
}
