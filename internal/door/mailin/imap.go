package mailin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/domain/channel"
	"entraide/internal/usecase/intake"
)

// commandTime is how long one exchange with a server may take.
const commandTime = 2 * time.Minute

// position is where fetching goes on: UIDs have a meaning within one UIDVALIDITY only (RFC 9051, 2.3.1.1).
type position struct {
	Validity uint32   `json:"validity"`
	UID      imap.UID `json:"uid"` // the last one that is stored here
}

// link is a connection to a mailbox with its folder open.
type link struct {
	*imapclient.Client
	conn net.Conn
	dead *time.Timer   // ends the connection when a server keeps silent; the client's own deadlines leave gaps
	news chan struct{} // the server says that something changed
	at   position
	idle bool // the server tells by itself
}

// hurry gives the next exchange its time.
func (l *link) hurry(d time.Duration) { l.dead.Reset(d) }

// end lets go of the connection. What matters is stored by then; the server notices.
func (l *link) end() {
	l.dead.Stop()
	_ = l.conn.Close() // it may be closed already
}

// connect opens the folder of m.
func connect(ctx context.Context, m channel.Mailbox, secrets channel.Secrets) (l *link, err error) {
	in := m.In
	if in.Way != channel.IMAP {
		return nil, failure{"mail.reason.fetch_way", nil}
	}
	if in.Auth != "" && in.Auth != channel.Password {
		return nil, failure{"mail.reason.fetch_auth", nil}
	}
	secure := in.TLS
	if secure == "" {
		secure = channel.TLS
	}
	port := in.Port
	if port == 0 {
		port = map[string]int{channel.TLS: 993}[secure]
	}
	if port == 0 {
		port = 143
	}
	d := net.Dialer{Timeout: 20 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(in.Host, strconv.Itoa(port)))
	if err != nil {
		return nil, failure{"mail.reason.fetch_connect", err}
	}
	l = &link{conn: conn, news: make(chan struct{}, 1), dead: time.AfterFunc(commandTime, func() { _ = conn.Close() })}
	opened := l
	defer func() {
		if err != nil {
			opened.end()
		}
	}()
	if remote, ok := conn.RemoteAddr().(*net.TCPAddr); secure == channel.Plain && !(ok && remote.IP.IsLoopback()) {
		return nil, failure{"mail.reason.no_tls", nil}
	}
	o := &imapclient.Options{TLSConfig: &tls.Config{ServerName: in.Host, MinVersion: tls.VersionTLS12},
		UnilateralDataHandler: &imapclient.UnilateralDataHandler{Mailbox: func(*imapclient.UnilateralDataMailbox) {
			select {
			case l.news <- struct{}{}:
			default:
			}
		}}}
	if err := l.greet(ctx, conn, secure, o); err != nil {
		return nil, err
	}
	user := in.User
	if user == "" {
		user = m.Address
	}
	if err := l.Login(user, secrets.Password).Wait(); err != nil {
		return nil, failure{"mail.reason.fetch_login", err}
	}
	folder := in.Folder
	if folder == "" {
		folder = "INBOX"
	}
	s, err := l.Select(folder, nil).Wait()
	if err != nil {
		return nil, failure{"mail.reason.fetch_folder", err}
	}
	l.at = position{Validity: s.UIDValidity}
	if s.UIDNext > 0 {
		l.at.UID = s.UIDNext - 1
	}
	l.idle = l.Caps().Has(imap.CapIdle)
	return l, nil
}

// greet protects the connection and waits for the server's first words.
func (l *link) greet(ctx context.Context, conn net.Conn, secure string, o *imapclient.Options) (err error) {
	switch secure {
	case channel.TLS:
		t := tls.Client(conn, o.TLSConfig)
		if err = t.HandshakeContext(ctx); err == nil {
			l.Client = imapclient.New(t, o)
		}
	case channel.StartTLS:
		l.Client, err = imapclient.NewStartTLS(conn, o)
	default:
		l.Client = imapclient.New(conn, o)
	}
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &authority) || errors.As(err, &name):
		return failure{"mail.reason.fetch_certificate", err}
	case err != nil:
		return failure{"mail.reason.fetch_tls", err}
	}
	if err = l.WaitGreeting(); err != nil {
		return failure{"mail.reason.fetch_connect", err}
	}
	return nil
}

// session fetches m until ctx ends or something fails.
func (f Fetcher) session(ctx context.Context, m channel.Mailbox, holder string) error {
	at, err := f.hold(ctx, m, holder)
	if err != nil {
		return err
	}
	secrets, err := m.Secrets(f.Key)
	if err != nil {
		return failure{"mail.reason.fetch_key", err}
	}
	l, err := connect(ctx, m, secrets)
	if err != nil {
		return err
	}
	defer l.end()
	stop := context.AfterFunc(ctx, l.end) // whatever waits ends with an error that nobody reads
	defer stop()
	// Never seen, or numbered anew: only what nobody has read, or years of old mail would come in.
	if at.Validity != l.at.Validity {
		at = l.at
	}
	for {
		if at, err = f.take(ctx, l, m, at); err != nil {
			return err
		}
		if err := l.wait(ctx, f.Every); err != nil {
			return err
		}
		if _, err := f.hold(ctx, m, holder); err != nil {
			return err
		}
	}
}

// hold takes or prolongs the mailbox for this process and returns where fetching goes on.
func (f Fetcher) hold(ctx context.Context, m channel.Mailbox, holder string) (at position, err error) {
	err = f.DB.Write(ctx, func(tx *db.Tx) error {
		x, ok, err := channel.Hold(ctx, tx, machine(), m.ID, holder, tx.Now.Add(max(leaseFor, 3*f.Every)))
		switch {
		case err != nil:
			return err
		case !ok:
			return errHeld
		case x.Position == "":
			return nil
		}
		return json.Unmarshal([]byte(x.Position), &at)
	})
	return at, err
}

// take takes in what is new after at and what nobody has read, the oldest first, and returns the new position.
func (f Fetcher) take(ctx context.Context, l *link, m channel.Mailbox, at position) (position, error) {
	l.hurry(commandTime)
	var after imap.UIDSet
	after.AddRange(at.UID+1, 0)
	found, err := l.UIDSearch(&imap.SearchCriteria{Or: [][2]imap.SearchCriteria{{{UID: []imap.UIDSet{after}}, {NotFlag: []imap.Flag{imap.FlagSeen}}}},
		NotFlag: []imap.Flag{imap.FlagDeleted}}, nil).Wait()
	if err != nil {
		return at, fmt.Errorf("search: %w", err)
	}
	uids := found.AllUIDs()
	slices.Sort(uids)
	for _, uid := range uids {
		if err := f.one(ctx, l, m, uid); err != nil {
			return at, err
		}
		at.UID = max(at.UID, uid)
		if err := f.note(ctx, m, at, 1); err != nil {
			return at, err
		}
	}
	if len(uids) == 0 {
		return at, f.note(ctx, m, at, 0)
	}
	return at, nil
}

func (f Fetcher) note(ctx context.Context, m channel.Mailbox, at position, n int) error {
	b, err := json.Marshal(at)
	if err != nil {
		return err
	}
	return f.DB.Write(ctx, func(tx *db.Tx) error { return channel.NoteFetch(ctx, tx, machine(), m.ID, string(b), n) })
}

// one takes one message in and then says so on the server. A message that can never be taken in is left there, read:
// it must not come back for ever, nor be lost.
func (f Fetcher) one(ctx context.Context, l *link, m channel.Mailbox, uid imap.UID) error {
	l.hurry(commandTime)
	cmd := l.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}})
	taken, err := f.deliver(ctx, cmd, m)
	if e := cmd.Close(); err == nil && e != nil {
		err = fmt.Errorf("fetch: %w", e)
	}
	if err != nil {
		return err
	}
	l.hurry(commandTime)
	set := imap.UIDSetNum(uid)
	after := m.In.After
	if !taken {
		after = channel.AfterSeen
	}
	switch after {
	case channel.AfterMove:
		_, err = l.Move(set, m.In.MoveTo).Wait()
	case channel.AfterDelete:
		if err = l.Store(set, flags(imap.FlagDeleted), nil).Close(); err == nil && l.Caps().Has(imap.CapUIDPlus) {
			err = l.UIDExpunge(set).Close()
		}
	default:
		err = l.Store(set, flags(imap.FlagSeen), nil).Close()
	}
	if err != nil {
		return failure{"mail.reason.fetch_after", err}
	}
	return nil
}

func flags(f imap.Flag) *imap.StoreFlags {
	return &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{f}}
}

// deliver hands the message of cmd to the intake. taken is false for one that is gone or can never be taken in.
func (f Fetcher) deliver(ctx context.Context, cmd *imapclient.FetchCommand, m channel.Mailbox) (taken bool, err error) {
	o := f.Intake
	o.Mailbox, o.To = m, m.Address
	for data := cmd.Next(); data != nil; data = cmd.Next() {
		for item := data.Next(); item != nil; item = data.Next() {
			body, ok := item.(imapclient.FetchItemDataBodySection)
			if !ok || body.Literal == nil {
				continue
			}
			_, err := intake.Deliver(ctx, f.DB, f.Blobs, &exact{body.Literal, body.Literal.Size()}, o)
			switch {
			case err == nil:
				taken = true
			case !errors.Is(err, errs.Invalid):
				return false, err
			}
			if _, err := io.Copy(io.Discard, body.Literal); err != nil { // of one that is too long
				return false, err
			}
		}
	}
	return taken, nil
}

// exact fails where a connection ends in the middle of a message, which must not look like its end.
type exact struct {
	r    io.Reader
	left int64
}

func (e *exact) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.left -= int64(n)
	if errors.Is(err, io.EOF) && e.left > 0 {
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

// wait waits until the server tells of news, or for a while.
func (l *link) wait(ctx context.Context, every time.Duration) error {
	if !l.idle {
		pause(ctx, every)
		return ctx.Err()
	}
	l.hurry(every + commandTime)
	cmd, err := l.Idle()
	if err != nil {
		return fmt.Errorf("idle: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t := time.NewTimer(every)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-ended:
		return fmt.Errorf("idle ended: %w", errors.Join(err, io.ErrUnexpectedEOF))
	case <-l.news:
	case <-t.C:
	}
	if err := cmd.Close(); err != nil {
		return fmt.Errorf("idle: %w", err)
	}
	return <-ended
}
