// Package id makes identifiers and secrets. An identifier is 26 characters of Crockford base 32, 48 bits of time and
// 80 bits of chance, so that sorting texts sorts by creation. A token is a secret; only its hash is stored.
package id

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"sync"
	"time"
)

const (
	length   = 26
	alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// last is the newest identifier of this process. It is the one piece of shared state: without it, two identifiers of
// the same millisecond, or made after the clock stepped back, would sort at random.
var last struct {
	sync.Mutex
	ms     uint64
	chance [10]byte
}

// New returns an identifier that sorts after every one New made before in this process.
func New() string {
	now := uint64(time.Now().UnixMilli())
	last.Lock()
	defer last.Unlock()
	if now > last.ms {
		last.ms, last.chance = now, chance()
	} else if !increment(&last.chance) {
		last.ms++ // 2^79 identifiers in one millisecond: borrow the next one
		last.chance = chance()
	}
	return encode(last.ms, last.chance)
}

// At returns an identifier that sorts as if made at t, for imported records. Two of the same millisecond sort at
// random. t before 1970 sorts as 1970.
func At(t time.Time) string { return encode(uint64(max(0, t.UnixMilli())), chance()) }

// Valid reports whether s has the shape of an identifier.
func Valid(s string) bool {
	if len(s) != length || s[0] > '7' {
		return false
	}
	for i := range length {
		if strings.IndexByte(alphabet, s[i]) < 0 {
			return false
		}
	}
	return true
}

// Token returns a new secret: 32 random bytes, 43 characters of base64url.
func Token() string {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Hash returns what is stored of a token: its SHA-256, 64 hexadecimal digits. Tokens are long and random, which is
// why a slow hash is not needed; never use it for passwords.
func Hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// chance draws 80 bits; the first is zero so that increments have room.
func chance() (c [10]byte) {
	rand.Read(c[:])
	c[0] &= 0x7f
	return c
}

// increment adds one and reports whether it fitted.
func increment(c *[10]byte) bool {
	for i := len(c) - 1; i >= 0; i-- {
		c[i]++
		if c[i] != 0 {
			return true
		}
	}
	return false
}

// encode writes 48 bits of time as 10 characters and 80 bits of chance as 16.
func encode(ms uint64, c [10]byte) string {
	var out [length]byte
	for i := 9; i >= 0; i-- {
		out[i] = alphabet[ms&31]
		ms >>= 5
	}
	for half := range 2 {
		var b [8]byte
		copy(b[3:], c[5*half:5*half+5])
		v := binary.BigEndian.Uint64(b[:])
		for i := 7; i >= 0; i-- {
			out[10+8*half+i] = alphabet[v&31]
			v >>= 5
		}
	}
	return string(out[:])
}
