package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/crypto/argon2"

	"entraide/internal/base/errs"
	"entraide/internal/base/text"
)

// What a hash costs: 19 MiB, two passes, one lane, about 40 ms of one core.
const (
	hashMemory = 19 * 1024 // KiB
	hashTime   = 2
	hashSalt   = 16 // bytes
	hashLength = 32 // bytes
	// maxMemory bounds what a stored hash may ask for, should somebody have written into the table.
	maxMemory = 256 * 1024
	maxTime   = 10
)

// Hasher hashes and checks passwords, a bounded number at a time, since each one takes 19 MiB and a core.
type Hasher struct {
	slots chan struct{}
	none  string // a hash that no password has
}

// NewHasher returns a hasher that works on up to parallel passwords at once; less than 1 is 1.
func NewHasher(parallel int) *Hasher {
	h := &Hasher{slots: make(chan struct{}, max(1, parallel))}
	h.none = encode(random(hashSalt), random(hashLength))
	return h
}

// Hash returns what is stored of a password, as a PHC string. It waits for its turn until ctx ends.
// Errors: ctx's.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	salt := random(hashSalt)
	return encode(salt, argon2.IDKey([]byte(password), salt, hashTime, hashMemory, 1, hashLength)), nil
}

// Verify reports whether password is the one that stored was made of. stored = "" takes as long as any other and is
// never right. It waits for its turn until ctx ends.
// Errors: ctx's; one that says so when stored is no such hash.
func (h *Hasher) Verify(ctx context.Context, stored, password string) (bool, error) {
	if stored == "" {
		stored = h.none
	}
	p, err := decode(stored)
	if err != nil {
		return false, err
	}
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	key := argon2.IDKey([]byte(password), p.salt, p.time, p.memory, p.threads, uint32(len(p.key)))
	return subtle.ConstantTimeCompare(key, p.key) == 1, nil
}

func (h *Hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
}

func (h *Hasher) leave() { <-h.slots }

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}

func encode(salt, key []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, hashMemory, hashTime, b64(salt), b64(key))
}

type phc struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

func decode(s string) (p phc, err error) {
	part := strings.Split(s, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, errors.New("stored password is no argon2id hash")
	}
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads); err != nil {
		return p, fmt.Errorf("stored password: %w", err)
	}
	var e1, e2 error
	p.salt, e1 = base64.RawStdEncoding.DecodeString(part[4])
	p.key, e2 = base64.RawStdEncoding.DecodeString(part[5])
	if err := errors.Join(e1, e2); err != nil {
		return p, fmt.Errorf("stored password: %w", err)
	}
	if p.memory > maxMemory || p.time < 1 || p.time > maxTime || p.threads < 1 || len(p.key) < 16 || len(p.salt) < 8 {
		return p, errors.New("stored password has unreasonable parameters")
	}
	return p, nil
}

const (
	minPassword = 12
	maxPassword = 200
	// minDistinct refuses "aaaaaaaaaaaa" and "121212121212".
	minDistinct = 5
	// minPart is the shortest piece of a name that may not stand in a password.
	minPart = 4
)

// CheckPassword says whether a password may be chosen by somebody with these address and name: 12 to 200 characters,
// without pieces of them, none of the commonest. No classes of characters are asked for: length is what counts.
// Errors: errs.Invalid about the field "password".
func CheckPassword(password, email, name string) error {
	refuse := func(key string, args ...any) error { return errs.InvalidField("password", key, args...) }
	n := len([]rune(password))
	switch {
	case n < minPassword:
		return refuse("identity.password.short", "min", minPassword)
	case n > maxPassword:
		return refuse("identity.password.long", "max", maxPassword)
	}
	folded := text.Fold(password)
	local, _, _ := cutMail(emailKey(email))
	for _, part := range append(strings.Fields(foldName(name)), strings.Fields(foldName(local))...) {
		if len([]rune(part)) >= minPart && strings.Contains(folded, part) {
			return refuse("identity.password.personal")
		}
	}
	distinct := map[rune]bool{}
	for _, r := range folded {
		distinct[r] = true
	}
	if len(distinct) < minDistinct || isCommon(folded) {
		return refuse("identity.password.common")
	}
	return nil
}

// isCommon reports whether a folded password is a common one, or common ones strung together, with digits and signs
// around.
func isCommon(folded string) bool {
	letters := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		if plain, ok := leet[r]; ok {
			return plain
		}
		return -1
	}, strings.TrimFunc(folded, func(r rune) bool { return !unicode.IsLetter(r) }))
	for letters != "" {
		cut := 0
		for _, w := range common {
			if strings.HasPrefix(letters, w) && len(w) > cut {
				cut = len(w)
			}
		}
		if cut == 0 {
			return false
		}
		letters = letters[cut:]
	}
	return true // nothing but common words, or no letter at all
}

// leet spells the signs that people put for letters.
var leet = map[rune]rune{'0': 'o', '1': 'i', '3': 'e', '4': 'a', '5': 's', '@': 'a', '$': 's'}
