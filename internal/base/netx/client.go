package netx

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"time"
)

// ErrTooLarge: the answer is longer than the limit.
var ErrTooLarge = errors.New("answer too large")

// Options of a client. The zero value calls public addresses only, waits 10 seconds, reads 10 MiB, follows 5 redirects.
type Options struct {
	Allow     []netip.Prefix // networks that may be called although they are not public
	Timeout   time.Duration  // for the whole exchange, body included; 0 = 10 s
	MaxBytes  int64          // of an answer, after decompression; 0 = 10 MiB
	Redirects int            // followed at most; 0 = 5, negative = none: the redirect itself is returned
}

// NewClient makes an HTTP client behind a Guard. It ignores proxy settings of the environment, as a proxy would
// resolve names where the guard cannot see it. Calls fail with ErrRefused, reading a body with ErrTooLarge.
func NewClient(o Options) *http.Client {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 10 << 20
	}
	if o.Redirects == 0 {
		o.Redirects = 5
	}
	return &http.Client{
		Timeout:       o.Timeout,
		Transport:     limited{newTransport(o), o.MaxBytes},
		CheckRedirect: redirects(o.Redirects),
	}
}

func newTransport(o Options) *http.Transport {
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            NewGuard(o.Allow...).Dialer(min(o.Timeout, 5*time.Second)).DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           20,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second,
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  o.Timeout,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

func redirects(most int) func(*http.Request, []*http.Request) error {
	return func(r *http.Request, via []*http.Request) error {
		switch {
		case most < 0:
			return http.ErrUseLastResponse
		case len(via) > most:
			return fmt.Errorf("more than %d redirects", most)
		case via[0].URL.Scheme == "https" && r.URL.Scheme != "https":
			return errors.New("redirect from https to " + r.URL.Scheme)
		}
		r.Header.Del("Referer") // which address led there is nobody's business
		return nil
	}
}

// limited cuts answers at max bytes.
type limited struct {
	next *http.Transport
	max  int64
}

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.ContentLength > l.max && r.Method != http.MethodHead {
		return nil, errors.Join(fmt.Errorf("%d bytes announced: %w", resp.ContentLength, ErrTooLarge), resp.Body.Close())
	}
	resp.Body = &body{resp.Body, l.max}
	return resp, nil
}

// CloseIdleConnections lets http.Client close what is kept open.
func (l limited) CloseIdleConnections() { l.next.CloseIdleConnections() }

type body struct {
	io.ReadCloser
	left int64
}

func (b *body) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more than allowed tells "just fits" from "too long"
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}
