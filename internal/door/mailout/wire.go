package mailout

import (
	"fmt"
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
)

// wired is an address as mail servers take it.
type wired struct {
	address string // its host in ASCII
	path    string // address, quoted where SMTP wants it
	utf8    bool   // the server must know SMTPUTF8
}

// wire reads an address: a host with accents is written as servers know it, a local part with them stays.
func wire(address string) (wired, error) {
	a, err := mail.ParseAddress(address)
	if err != nil {
		return wired{}, fmt.Errorf("address %q: %w", address, err)
	}
	at := strings.LastIndexByte(a.Address, '@')
	local, host := a.Address[:at], a.Address[at+1:]
	if !ascii(host) {
		if host, err = idna.Lookup.ToASCII(host); err != nil {
			return wired{}, fmt.Errorf("address %q: %w", address, err)
		}
	}
	a = &mail.Address{Address: local + "@" + host}
	return wired{address: a.Address, path: strings.Trim(a.String(), "<>"), utf8: !ascii(local)}, nil
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
