package seal_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"entraide/internal/base/seal"
)

func TestSeal(t *testing.T) {
	k, err := seal.New(bytes.Repeat([]byte{7}, seal.Size))
	if err != nil {
		t.Fatal(err)
	}
	other, err := seal.New(bytes.Repeat([]byte{8}, seal.Size))
	if err != nil {
		t.Fatal(err)
	}
	s, err := k.Seal([]byte("mot de passe"), "mailbox/1")
	if err != nil || strings.Contains(s, "passe") {
		t.Fatalf("%q, %v", s, err)
	}
	if again, err := k.Seal([]byte("mot de passe"), "mailbox/1"); err != nil || again == s {
		t.Errorf("the same secret looks the same twice (%v)", err)
	}
	if plain, err := k.Open(s, "mailbox/1"); err != nil || string(plain) != "mot de passe" {
		t.Errorf("opened %q, %v", plain, err)
	}
	for name, try := range map[string]func() ([]byte, error){
		"another key":   func() ([]byte, error) { return other.Open(s, "mailbox/1") },
		"another place": func() ([]byte, error) { return k.Open(s, "mailbox/2") },
		"damaged":       func() ([]byte, error) { return k.Open(s[:len(s)-4]+"AAAA", "mailbox/1") },
		"cut":           func() ([]byte, error) { return k.Open(s[:6], "mailbox/1") },
		"never sealed":  func() ([]byte, error) { return k.Open("mot de passe", "mailbox/1") },
		"no key":        func() ([]byte, error) { return seal.Key{}.Open(s, "mailbox/1") },
	} {
		if plain, err := try(); !errors.Is(err, seal.ErrKey) || plain != nil {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
	}
	if _, err := (seal.Key{}).Seal([]byte("x"), ""); err == nil {
		t.Error("sealed without a key")
	}
}

func TestLoadAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seal.key")
	sealed := make([]string, 8)
	var group sync.WaitGroup
	for i := range sealed {
		group.Go(func() {
			k, err := seal.Load(path)
			if err == nil {
				sealed[i], err = k.Seal([]byte("x"), "")
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	k, err := seal.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sealed {
		if _, err := k.Open(s, ""); err != nil {
			t.Errorf("two processes have two keys: %v", err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info.Mode(), err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".key-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seal.key")
	for _, content := range []string{"", "zz", "00ff"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.Load(path); err == nil {
			t.Errorf("key file %q is taken", content)
		}
	}
}
