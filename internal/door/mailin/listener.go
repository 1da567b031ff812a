package mailin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"

	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/domain/channel"
	"entraide/internal/usecase/intake"
)

// Listener takes mail in that mail servers hand over: LMTP (RFC 2033) or SMTP (RFC 5321). Nothing is acknowledged before
// it is stored.
type Listener struct {
	DB     *db.DB
	Blobs  blob.Store
	Intake intake.Options
	Domain string      // under which it greets
	TLS    *tls.Config // for STARTTLS; nil = none is offered
	// Relays are the networks of the mail servers that may come in; nil = this machine and private networks. A mail server
	// says what it found out about a sender, so that whoever may speak as one must be known.
	Relays []netip.Prefix
	Quiet  time.Duration // without a byte before a connection is ended; 0 = two minutes
}

// Bounds of one connection.
const (
	quietFor      = 2 * time.Minute // RFC 5321 grants five; servers next door need less
	maxRecipients = 100
	maxAtOnce     = 100       // connections
	maxLine       = 1 << 20   // bytes; the standard says 998, real mail does not care
	maxHanding    = time.Hour // for one message, however slow the line
)

// Open listens at a door. A socket that a dead process left is removed. Errors: of the address.
func Open(d config.Door) (net.Listener, error) {
	if d.Network == "unix" {
		if c, err := net.Dial("unix", d.Address); err == nil {
			return nil, errors.Join(fmt.Errorf("mail: another process listens at %s", d.Address), c.Close())
		} else if err := os.Remove(d.Address); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("mail: %w", err)
		}
	}
	l, err := net.Listen(d.Network, d.Address)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	if d.Network == "unix" {
		// The mail server runs under another name; the directory says who may come in.
		if err := os.Chmod(d.Address, 0o666); err != nil {
			return nil, errors.Join(fmt.Errorf("mail: %w", err), l.Close())
		}
	}
	return l, nil
}

// Serve takes mail in at l until ctx ends; what is under way then may end within the time for drain.
func (x Listener) Serve(ctx context.Context, l net.Listener, lmtp bool, drain time.Duration) error {
	// Commands end with ctx; a message that is being stored does not.
	s := smtp.NewServer(&gate{Listener: x, ctx: context.WithoutCancel(ctx), open: lmtp})
	s.LMTP, s.Domain, s.TLSConfig = lmtp, x.Domain, x.TLS
	s.MaxMessageBytes, s.MaxRecipients = x.Intake.Most(), maxRecipients
	if x.Quiet == 0 {
		x.Quiet = quietFor
	}
	s.ReadTimeout, s.WriteTimeout = x.Quiet, x.Quiet
	s.MaxLineLength = maxLine
	s.EnableSMTPUTF8, s.EnableBINARYMIME = true, true
	s.ErrorLog = slog.NewLogLogger(slog.Default().Handler(), slog.LevelInfo)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(&crowd{Listener: l, from: x, room: make(chan struct{}, maxAtOnce)}) }()
	select {
	case err := <-ended:
		return fmt.Errorf("mail: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := s.Shutdown(end); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
		return errors.Join(err, s.Close())
	}
	<-ended
	return nil
}

// crowd lets a bounded number of connections in at once, of known servers; others wait at the door.
type crowd struct {
	net.Listener
	from Listener
	room chan struct{}
}

func (c *crowd) Accept() (net.Conn, error) {
	c.room <- struct{}{}
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			<-c.room
			return nil, err
		}
		if c.from.knows(conn.RemoteAddr()) {
			return &guest{Conn: conn, quiet: c.from.Quiet, leave: sync.OnceFunc(func() { <-c.room })}, nil
		}
		c.turnAway(conn)
	}
}

// knows reports whether mail may be handed over from an address. A socket is guarded by its directory.
func (x Listener) knows(from net.Addr) bool {
	tcp, ok := from.(*net.TCPAddr)
	if !ok {
		return true
	}
	a := tcp.AddrPort().Addr().Unmap()
	if x.Relays == nil {
		return a.IsLoopback() || a.IsPrivate()
	}
	return slices.ContainsFunc(x.Relays, func(p netip.Prefix) bool { return p.Contains(a) })
}

// turnAway says why (RFC 5321, 3.1: 554 at the opening) and ends the connection.
func (c *crowd) turnAway(conn net.Conn) {
	slog.Warn("mail server turned away", "from", conn.RemoteAddr().String(), "remedy", "add it to mail.relays")
	err := conn.SetDeadline(time.Now().Add(time.Second)) // this is the goroutine that lets others in
	if err == nil {
		_, err = fmt.Fprintf(conn, "554 5.7.1 %s may not hand mail over here: mail.relays does not name it\r\n", conn.RemoteAddr())
	}
	if err := errors.Join(err, conn.Close()); err != nil {
		slog.Info("mail server turned away without a word", "error", err)
	}
}

type guest struct {
	net.Conn
	leave func()
	gone  atomic.Bool // the client says nothing more
	quiet time.Duration
	until atomic.Pointer[time.Time] // a message is on its way and must be here by then; nil = none is
}

// Read notes the end: the last chunk of a message (BDAT) that breaks off looks whole to the protocol's library. While a
// message comes, each byte gives more time: the library grants it once for the whole.
func (g *guest) Read(p []byte) (int, error) {
	if until := g.until.Load(); until != nil {
		at := time.Now().Add(g.quiet)
		if at.After(*until) {
			at = *until
		}
		if err := g.SetReadDeadline(at); err != nil {
			return 0, err
		}
	}
	n, err := g.Conn.Read(p)
	if err != nil {
		g.gone.Store(true)
	}
	return n, err
}

// whole is a message whose connection still stands at its end. Without that it may have been cut.
type whole struct {
	io.Reader
	from *guest
}

func (w whole) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if errors.Is(err, io.EOF) && w.from.gone.Load() {
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

// Close may be called more than once.
func (g *guest) Close() error {
	g.leave()
	return g.Conn.Close()
}

// gate makes sessions. open takes any recipient: over LMTP the mail server has decided that the mail is ours.
type gate struct {
	Listener
	ctx  context.Context
	open bool
}

// NewSession implements smtp.Backend.
func (g *gate) NewSession(c *smtp.Conn) (smtp.Session, error) {
	conn := c.Conn()
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	from, ok := conn.(*guest)
	if !ok {
		return nil, refusal(later)
	}
	return &visit{gate: g, from: from}, nil
}

// visit is one connection; it holds one message at a time.
type visit struct {
	gate *gate
	from *guest
	to   []string
}

// Reset forgets the message begun.
func (v *visit) Reset() { v.to = nil }

// Logout implements smtp.Session.
func (v *visit) Logout() error { return nil }

// Mail takes any sender: what becomes of the mail is for the intake to say.
func (v *visit) Mail(string, *smtp.MailOptions) error { return nil }

// What a mail server is told.
const (
	unknown = "No such mailbox here"
	later   = "Not stored, try again later"
	nothing = "The message is empty"
)

// refusal is an answer with its codes (RFC 3463).
func refusal(words string) error {
	e := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: words}
	switch words {
	case unknown:
		e.Code, e.EnhancedCode = 550, smtp.EnhancedCode{5, 1, 1}
	case nothing:
		e.Code, e.EnhancedCode = 554, smtp.EnhancedCode{5, 6, 0}
	}
	return e
}

// Rcpt refuses who is none of ours, where strangers could come in.
func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !v.gate.open {
		ours, err := v.gate.ours(to)
		if err != nil {
			slog.ErrorContext(v.gate.ctx, "mail not taken", "error", err)
			return refusal(later)
		}
		if !ours {
			return refusal(unknown)
		}
	}
	v.to = append(v.to, to)
	return nil
}

// ours reports whether an address leads to a mailbox of ours.
func (g *gate) ours(address string) (bool, error) {
	plain := intake.Plain(address)
	for _, own := range g.Intake.Own {
		if strings.EqualFold(own, plain) {
			return true, nil
		}
	}
	var boxes []channel.Mailbox
	err := g.DB.Read(g.ctx, func(tx *db.Tx) (err error) { boxes, err = channel.Mailboxes(g.ctx, tx, machine()); return err })
	return slices.ContainsFunc(boxes, func(m channel.Mailbox) bool { return m.Active && slices.Contains(m.Addresses(), plain) }), err
}

// Data stores one message. It counts as one whatever the number of its recipients; a reply address among them tells most.
func (v *visit) Data(r io.Reader) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			slog.ErrorContext(v.gate.ctx, "mail not taken", "panic", cause)
			err = refusal(later)
		}
	}()
	end := time.Now().Add(maxHanding)
	v.from.until.Store(&end)
	defer v.from.until.Store(nil)
	o := v.gate.Intake
	o.To = intake.Foremost(v.to)
	res, err := intake.Deliver(v.gate.ctx, v.gate.DB, v.gate.Blobs, whole{r, v.from}, o)
	var said *smtp.SMTPError
	switch {
	case errors.As(err, &said): // the message is too long
		return said
	case errors.Is(err, io.ErrUnexpectedEOF): // the connection broke: nobody hears the answer
		slog.InfoContext(v.gate.ctx, "mail not taken", "error", err)
		return refusal(later)
	case err != nil:
		slog.ErrorContext(v.gate.ctx, "mail not taken", "error", err)
		return refusal(later)
	case res.Refused():
		return refusal(nothing)
	}
	return nil
}
