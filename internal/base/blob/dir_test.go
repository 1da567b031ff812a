package blob_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
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

func TestFailedPutsLeaveNoFile(t *testing.T) {
	d, root := open(t)
	if _, err := d.Put(t.Context(), strings.NewReader("12345678"), 7); !errors.Is(err, blob.ErrTooLarge) {
		t.Error(err)
	}
	for range 2 {
		if _, err := d.Put(t.Context(), strings.NewReader("1234567"), 7); err != nil {
			t.Error(err)
		}
	}
	if n := filesIn(t, root); n != 1 {
		t.Errorf("%d files left, want the one that fits", n)
	}
}

func TestNoPathLeavesTheDirectory(t *testing.T) {
	d, root := open(t)
	secret := filepath.Join(filepath.Dir(root), "secret")
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Delete(t.Context(), ".."+strings.Repeat("/", 55)+"/secret"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(secret); err != nil {
		t.Error("a file outside was touched")
	}
}
