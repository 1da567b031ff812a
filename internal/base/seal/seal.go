// Package seal keeps secrets that the program must be able to read again, such as the password of a mailbox, unreadable
// in the database and its copies: AES-256-GCM under a key that lives outside of it.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrKey: what was sealed cannot be opened with this key, or was changed.
var ErrKey = errors.New("sealed with another key, or damaged")

// mark begins what was sealed; it names the method.
const mark = "s1:"

// Size of a key in bytes.
const Size = 32

// Key seals and opens. The zero Key can do neither; make one with New or Load.
type Key struct{ aead cipher.AEAD }

// New makes a Key of Size bytes.
func New(b []byte) (Key, error) {
	if len(b) != Size {
		return Key{}, fmt.Errorf("key of %d bytes, want %d", len(b), Size)
	}
	block, err := aes.NewCipher(b)
	if err != nil {
		return Key{}, err
	}
	aead, err := cipher.NewGCM(block)
	return Key{aead}, err
}

// Load reads the key of a file, which holds it as hexadecimal digits, and makes the file with a new key if there is
// none. Several processes that start at once agree on one key.
func Load(path string) (Key, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = create(path); err == nil || errors.Is(err, fs.ErrExist) {
			b, err = os.ReadFile(path)
		}
	}
	if err != nil {
		return Key{}, fmt.Errorf("key file: %w", err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil {
		return Key{}, fmt.Errorf("key file %s: %w", path, err)
	}
	return New(raw)
}

// create writes a new key beside path and links it there, so that nobody ever reads half a key.
func create(path string) error {
	raw := make([]byte, Size)
	if _, err := rand.Read(raw); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // readable by its owner only
	if err != nil {
		return err
	}
	_, err = f.WriteString(hex.EncodeToString(raw) + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Link(f.Name(), path)
	}
	return errors.Join(err, os.Remove(f.Name()))
}

// Seal makes plain unreadable. about names what it belongs to ("mailbox/01J…"): it must be the same to open it, so
// that a secret cannot be moved to another place.
func (k Key) Seal(plain []byte, about string) (string, error) {
	if k.aead == nil {
		return "", errors.New("no key to seal with")
	}
	nonce := make([]byte, k.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	return mark + base64.RawStdEncoding.EncodeToString(k.aead.Seal(nonce, nonce, plain, []byte(about))), nil
}

// Open returns what was sealed about the same thing.
// Errors: ErrKey.
func (k Key) Open(sealed, about string) ([]byte, error) {
	rest, ok := strings.CutPrefix(sealed, mark)
	b, err := base64.RawStdEncoding.DecodeString(rest)
	if !ok || err != nil || k.aead == nil || len(b) < k.aead.NonceSize() {
		return nil, ErrKey
	}
	plain, err := k.aead.Open(nil, b[:k.aead.NonceSize()], b[k.aead.NonceSize():], []byte(about))
	if err != nil {
		return nil, ErrKey
	}
	return plain, nil
}
