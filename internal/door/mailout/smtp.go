package mailout

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"entraide/internal/base/msgraph"
	"entraide/internal/base/oauth"
	"entraide/internal/domain/channel"
)

// How long a server may take.
const (
	dialFor    = 20 * time.Second // to get to a greeting, signed in
	commandFor = 30 * time.Second // for one answer
	bodyFor    = 3 * time.Minute  // for its word on a whole mail
)

// parcel is one message on its way to one recipient.
type parcel struct {
	from, to wired
	raw      []byte
	files    []msgraph.File // for Microsoft Graph: those that raw does not contain
	id       string         // of the envelope, for notices of delivery
	begin    func() error   // called just before the body leaves; an error stops it
}

// stage is how far a session got. What failed before doubting left no mail behind.
type stage int

const (
	connecting stage = iota // to the server, with TLS
	signing                 // in
	naming                  // the sender
	addressing              // the recipient
	handing                 // the body over
	doubting                // all is handed over, and no answer came
	answering               // the server's word on the whole mail
)

// failure is what went wrong at a stage.
type failure struct {
	stage stage
	err   error
}

func (f failure) Error() string { return f.err.Error() }
func (f failure) Unwrap() error { return f.err }

// session is a connection that is signed in.
type session struct {
	client *smtp.Client
	conn   net.Conn
	mails  int // sent by it
}

// dial gets a session. Errors: failure (connecting, signing).
func dial(ctx context.Context, s Sender, r route) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, dialFor)
	defer cancel()
	address := net.JoinHostPort(r.host, strconv.Itoa(r.port))
	config := s.trust(r.host)
	var conn net.Conn
	var err error
	if r.tls == channel.TLS {
		conn, err = (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return nil, failure{connecting, err}
	}
	// The client waits by its own clock; ctx ends it.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	x := &session{conn: conn}
	if r.tls == channel.StartTLS {
		x.client, err = smtp.NewClientStartTLS(conn, config)
	} else {
		x.client = smtp.NewClient(conn)
	}
	if err == nil {
		x.client.CommandTimeout, x.client.SubmissionTimeout = commandFor, bodyFor
		err = x.client.Hello(s.name())
	}
	if err != nil {
		_ = conn.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, failure{connecting, err}
	}
	if err := x.signIn(ctx, s, r); err != nil {
		x.close()
		return nil, failure{signing, err}
	}
	return x, nil
}

// trust is the TLS configuration for a host.
func (s Sender) trust(host string) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.TLS != nil {
		c = s.TLS.Clone()
	}
	c.ServerName = host
	return c
}

// name is how we introduce ourselves.
func (s Sender) name() string {
	if s.Host == "" || strings.ContainsAny(s.Host, " \r\n") {
		return "localhost"
	}
	return s.Host
}

var errNoMechanism = errors.New("the server offers no way to sign in that we know")

func (x *session) signIn(ctx context.Context, s Sender, r route) error {
	if r.user == "" {
		return nil
	}
	asks, offered := x.client.Extension("AUTH")
	if !asks && r.guessed && !r.oauth {
		return nil
	}
	offers := func(how string) bool {
		for _, o := range strings.Fields(strings.ToUpper(offered)) {
			if o == how {
				return true
			}
		}
		return false
	}
	if r.oauth {
		token, err := s.Token(ctx, r.box, r.secrets)
		if err != nil {
			return tokenError{err}
		}
		err = x.client.Auth(oauth.XOAUTH2(r.user, token))
		if code, _ := answer(err); code != 535 {
			return err
		}
		fresh, tokenErr := s.another(ctx, r, token) // the one at hand may have been revoked before its time
		if tokenErr != nil || fresh == token {
			return err
		}
		return x.client.Auth(oauth.XOAUTH2(r.user, fresh))
	}
	switch {
	case offers("PLAIN"):
		return x.client.Auth(sasl.NewPlainClient("", r.user, r.password))
	case offers("LOGIN"):
		return x.client.Auth(sasl.NewLoginClient(r.user, r.password))
	}
	return errNoMechanism
}

// tokenError: the provider of sign-ins gives no token.
type tokenError struct{ error }

func (e tokenError) Unwrap() error { return e.error }

// send hands one mail over. Errors: failure.
func (x *session) send(ctx context.Context, m parcel) error {
	stop := context.AfterFunc(ctx, func() { _ = x.conn.Close() })
	defer stop()
	x.mails++
	o := smtp.MailOptions{Return: smtp.DSNReturnHeaders, EnvelopeID: m.id, Size: int64(len(m.raw))}
	if m.from.utf8 || m.to.utf8 {
		if ok, _ := x.client.Extension("SMTPUTF8"); !ok {
			return failure{addressing, errNoUTF8}
		}
		o.UTF8 = true
	}
	if err := x.client.Mail(m.from.path, &o); err != nil {
		return failure{naming, err}
	}
	if err := x.client.Rcpt(m.to.path, nil); err != nil {
		return failure{addressing, err}
	}
	w, err := x.client.Data()
	if err != nil {
		return failure{handing, err}
	}
	if err := m.begin(); err != nil {
		_ = x.conn.Close() // without the final dot the server drops what it has
		return failure{handing, err}
	}
	if _, err := w.Write(m.raw); err != nil {
		return failure{handing, err}
	}
	err = w.Close()
	var said *smtp.SMTPError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &said):
		return failure{answering, err}
	}
	return failure{doubting, err}
}

var errNoUTF8 = errors.New("the server does not know addresses with accents (SMTPUTF8)")

// close ends the session politely, without waiting long.
func (x *session) close() {
	x.client.CommandTimeout = 2 * time.Second
	if x.client.Quit() != nil {
		_ = x.client.Close()
	}
}
