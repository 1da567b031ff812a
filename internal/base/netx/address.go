// Package netx calls addresses that strangers or settings name, such as webhooks and linked pages, without letting
// them reach into the network the program runs in. The address is checked when the connection is made, after names
// are resolved, so neither a redirect nor a name that changes its mind gets around it.
package netx

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// ErrRefused: the address lies in a network that may not be called.
var ErrRefused = errors.New("address refused")

// Guard decides which addresses may be called: public ones, and those of its allow list. The zero Guard allows
// public addresses only.
type Guard struct{ allow []netip.Prefix }

// NewGuard makes a Guard that also allows these networks: an administrator's internal services, a test's loopback.
func NewGuard(allow ...netip.Prefix) Guard { return Guard{allow} }

// refused are the networks that are not the public internet, beyond what netip's own predicates know.
var refused = prefixes(
	"0.0.0.0/8", "100.64.0.0/10" /* carriers, and the metadata service of one cloud */, "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"168.63.129.16/32", /* metadata service with a public address */
	"2001::/23" /* Teredo and other special uses */, "2001:db8::/32", "2002::/16" /* wraps IPv4 */, "3fff::/20", "5f00::/16",
)

// public6 is the only part of IPv6 that is handed out for the public internet.
var public6 = netip.MustParsePrefix("2000::/3")

func prefixes(all ...string) (p []netip.Prefix) {
	for _, s := range all {
		p = append(p, netip.MustParsePrefix(s))
	}
	return p
}

// Check reports whether a may be called. Errors: ErrRefused.
func (g Guard) Check(a netip.Addr) error {
	a = a.Unmap().WithZone("")
	if within(a, g.allow) {
		return nil
	}
	if !a.IsValid() || !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !public6.Contains(a) || within(a, refused) {
		return fmt.Errorf("%s: %w", a, ErrRefused)
	}
	return nil
}

func within(a netip.Addr, networks []netip.Prefix) bool {
	for _, n := range networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// Dialer returns a dialer that checks each address just before connecting to it.
func (g Guard) Dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		a, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%s: %w", address, ErrRefused) // not TCP or UDP: a socket file, say
		}
		return g.Check(a.Addr())
	}}
}

// ParseURL reads an address that a person typed: http or https, with a host, without a password. It does not resolve
// the name. Errors: plain errors; ErrRefused for a literal address that g refuses.
func (g Guard) ParseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	switch {
	case err != nil:
		return nil, err
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("scheme %q: only http and https are called", u.Scheme)
	case u.Hostname() == "":
		return nil, errors.New("no host in the address")
	case u.User != nil:
		return nil, errors.New("a name or password in the address")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		return u, g.Check(a)
	}
	return u, nil
}
