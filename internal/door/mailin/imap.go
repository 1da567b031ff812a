package mailin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"entraide/internal/base/db"
	"entraide/internal/base/oauth"
	"entraide/internal/domain/channel"
	"entraide/internal/usecase/intake"
)

// commandTime is how long a server may keep silent.
const commandTime = 2 * time.Minute

// position is where fetching goes on: UIDs have a meaning within one UIDVALIDITY only (RFC 9051, 2.3.1.1).
type position struct {
	Validity uint32   `json:"validity"`
	UID      imap.UID `json:"uid"` // the last one that is stored here
	// Delta and Since are Microsoft Graph's: the link to go on with, and from when on what is read is taken as well.
	Delta string    `json:"delta,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

// link is a connection to a mailbox with its folder open.
type link struct {
	*imapclient.Client
	conn net.Conn
	dead *time.Timer   // ends the connection when a server keeps silent; the client's own deadlines leave gaps
	news chan struct{} // the server says that something changed
	at   position
	// messages is how many the folder held when it was opened.
	messages uint32
	idle     bool // the server tells by itself
	// silence is how long the server may keep silent.
	silence time.Duration
	// stuck are messages that are taken in, and that the server would neither put away nor mark: asked again, not fetched.
	stuck   map[imap.UID]bool
	trouble error // of the last message that was to be put away; nil = none
}

// hurry gives the next exchange its time.
func (l *link) hurry() { l.dead.Reset(l.silence) }

// end lets go of the connection. What matters is stored by then; the server notices.
func (l *link) end() {
	l.dead.Stop()
	_ = l.conn.Close() // it may be closed already
}

// terms are what a connection needs besides the mailbox.
type terms struct {
	silence time.Duration
	token   Token
	spent   func(token string)
}

// connect opens the folder of m.
func connect(ctx context.Context, m channel.Mailbox, secrets channel.Secrets, x terms) (l *link, err error) {
	in := m.In
	if in.Way != channel.IMAP {
		return nil, failure{"mail.reason.fetch_way", nil}
	}
	byToken := in.Auth == channel.OAuth || in.Auth == channel.Credentials
	if byToken && x.token == nil {
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
	l = &link{conn: conn, news: make(chan struct{}, 1), stuck: map[imap.UID]bool{}, silence: x.silence, dead: time.AfterFunc(x.silence, func() { _ = conn.Close() })}
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
	user := m.Account(in.User)
	if byToken {
		token, err := x.token(ctx, m, secrets)
		if err != nil {
			return nil, tokenFailure(err)
		}
		err = l.Authenticate(oauth.XOAUTH2(user, token))
		if err != nil {
			x.spent(token)
			return nil, failure{"mail.reason.fetch_token_login", err}
		}
	} else if err := l.Login(user, secrets.Password).Wait(); err != nil {
		return nil, failure{"mail.reason.fetch_login", err}
	}
	s, err := l.Select(in.Inbox(), nil).Wait()
	if err != nil {
		return nil, failure{"mail.reason.fetch_folder", err}
	}
	l.at, l.messages = position{Validity: s.UIDValidity}, s.NumMessages
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

// session fetches m until ctx ends, something fails, or another process holds m.
func (f Fetcher) session(ctx context.Context, m channel.Mailbox, holder string) error {
	at, err := f.hold(ctx, m, holder)
	if err != nil {
		return err
	}
	ctx, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	go f.prolong(ctx, m, holder, lose)
	if m.In.Way == channel.Graph {
		err = f.followGraph(ctx, m, holder, at)
	} else {
		err = f.follow(ctx, m, holder, at)
	}
	if cause := context.Cause(ctx); errors.Is(cause, errHeld) {
		return cause
	}
	return err
}

// prolong keeps m for this process while a session lasts, and ends the session when it is lost: one message may take
// longer than a lease.
func (f Fetcher) prolong(ctx context.Context, m channel.Mailbox, holder string, lose context.CancelCauseFunc) {
	every := time.NewTicker(f.lease() / 4)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			if _, err := f.hold(ctx, m, holder); errors.Is(err, errHeld) {
				lose(err)
				return
			}
		}
	}
}

// lease is how long a process that died keeps a mailbox from the others.
func (f Fetcher) lease() time.Duration { return max(leaseFor, 3*f.Every) }

// follow connects and takes in what comes.
func (f Fetcher) follow(ctx context.Context, m channel.Mailbox, holder string, at position) error {
	secrets, err := m.Secrets(f.Key)
	if err != nil {
		return failure{"mail.reason.fetch_key", err}
	}
	l, err := connect(ctx, m, secrets, terms{f.Silence, f.Token, f.spent})
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
		if at, err = f.take(ctx, l, m, holder, at); err != nil {
			return err
		}
		if err := l.wait(ctx, f.Every); err != nil {
			return err
		}
	}
}

// hold takes or prolongs the mailbox for this process and returns where fetching goes on.
func (f Fetcher) hold(ctx context.Context, m channel.Mailbox, holder string) (at position, err error) {
	err = f.DB.Write(ctx, func(tx *db.Tx) error {
		x, ok, err := channel.Hold(ctx, tx, machine(), m.ID, holder, tx.Now.Add(f.lease()))
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

// batch is how many sizes are asked for at once.
const batch = 500

// take takes in what is new after at and what nobody has read, the oldest first, and returns the new position. What the
// server would not put away does not keep back what follows; it is told at the end.
func (f Fetcher) take(ctx context.Context, l *link, m channel.Mailbox, holder string, at position) (position, error) {
	l.hurry()
	var after imap.UIDSet
	after.AddRange(at.UID+1, 0)
	found, err := l.UIDSearch(&imap.SearchCriteria{Or: [][2]imap.SearchCriteria{{{UID: []imap.UIDSet{after}}, {NotFlag: []imap.Flag{imap.FlagSeen}}}},
		NotFlag: []imap.Flag{imap.FlagDeleted}}, nil).Wait()
	if err != nil {
		return at, fmt.Errorf("search: %w", err)
	}
	uids := found.AllUIDs()
	slices.Sort(uids)
	if err := f.note(ctx, m, holder, at, 0); err != nil {
		return at, err
	}
	for part := range slices.Chunk(uids, batch) {
		sizes, err := l.sizes(part, at.UID)
		if err != nil {
			return at, err
		}
		for _, uid := range part {
			if _, ok := sizes[uid]; !ok {
				continue
			}
			fresh := 0
			if !l.stuck[uid] {
				if fresh, err = f.one(ctx, l, m, uid, sizes[uid]); err != nil {
					return at, err
				}
			}
			at.UID = max(at.UID, uid)
			if err := f.note(ctx, m, holder, at, fresh); err != nil {
				return at, err
			}
			l.trouble = l.putAway(m.In, uid, sizes[uid] <= f.Intake.Most())
			var no *imap.Error
			if l.trouble != nil && !errors.As(l.trouble, &no) {
				return at, fmt.Errorf("put away: %w", l.trouble)
			}
		}
	}
	if l.trouble != nil {
		slog.WarnContext(ctx, "mail not put away", "mailbox", m.Address, "error", l.trouble)
	}
	return at, f.tell(ctx, m, l.trouble)
}

// tell writes down what goes wrong while fetching goes on: the server's refusal to put a message away; nil = nothing.
func (f Fetcher) tell(ctx context.Context, m channel.Mailbox, refusal error) error {
	if refusal == nil {
		return nil
	}
	return f.DB.Write(ctx, func(tx *db.Tx) error {
		return channel.FetchFailed(ctx, tx, machine(), m.ID, channel.Because("mail.reason.fetch_after", refusal.Error()))
	})
}

func (f Fetcher) note(ctx context.Context, m channel.Mailbox, holder string, at position, n int) error {
	b, err := json.Marshal(at)
	if err != nil {
		return err
	}
	return f.DB.Write(ctx, func(tx *db.Tx) error {
		ok, err := channel.NoteFetch(ctx, tx, machine(), m.ID, holder, string(b), n)
		if err == nil && !ok {
			err = errHeld
		}
		return err
	})
}

// sizes asks for the bytes of each message, and leaves out those that were taken in before and are read: a range without
// end matches the last message, whatever its number (RFC 9051, 9, seq-range).
func (l *link) sizes(uids []imap.UID, last imap.UID) (map[imap.UID]int64, error) {
	l.hurry()
	list, err := l.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{UID: true, RFC822Size: true, Flags: true}).Collect()
	if err != nil {
		return nil, fmt.Errorf("sizes: %w", err)
	}
	sizes := make(map[imap.UID]int64, len(list))
	for _, m := range list {
		if m.UID > last || !slices.Contains(m.Flags, imap.FlagSeen) {
			sizes[m.UID] = m.RFC822Size
		}
	}
	return sizes, nil
}

// one takes one message in, and returns 1 unless it was known. Of one that is too long only the beginning is fetched.
func (f Fetcher) one(ctx context.Context, l *link, m channel.Mailbox, uid imap.UID, size int64) (fresh int, err error) {
	l.hurry()
	section := &imap.FetchItemBodySection{Peek: true}
	o := f.Intake
	o.Mailbox, o.To = m, m.Address
	if size > f.Intake.Most() {
		section.Partial = &imap.SectionPartial{Size: intake.HeadLength}
		o.Whole = size
	}
	cmd := l.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}})
	fresh, err = f.deliver(ctx, l, cmd, o)
	if e := cmd.Close(); err == nil && e != nil {
		err = fmt.Errorf("fetch: %w", e)
	}
	return fresh, err
}

// putAway says on the server that a message is taken in. Of one that is too long the server keeps the only copy: it
// stays there, read. What the server refuses to move or delete it is asked to mark, and if it refuses that too, not to
// be asked for again in this session.
func (l *link) putAway(in channel.Inbound, uid imap.UID, whole bool) error {
	l.hurry()
	set := imap.UIDSetNum(uid)
	seen := func() error { return l.Store(set, flags(imap.FlagSeen), nil).Close() }
	var err error
	switch {
	case whole && in.After == channel.AfterMove:
		_, err = l.Move(set, in.MoveTo).Wait()
	case whole && in.After == channel.AfterDelete:
		if err = l.Store(set, flags(imap.FlagDeleted), nil).Close(); err == nil && l.Caps().Has(imap.CapUIDPlus) {
			err = l.UIDExpunge(set).Close()
		}
	default:
		err = seen()
	}
	delete(l.stuck, uid)
	var no *imap.Error
	if !errors.As(err, &no) {
		return err
	}
	if other := seen(); other != nil {
		if !errors.As(other, &no) {
			return other
		}
		l.stuck[uid] = true
	}
	return err
}

func flags(f imap.Flag) *imap.StoreFlags {
	return &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{f}}
}

// deliver hands the message of cmd to the intake; fresh is 0 for one that is known, or gone.
func (f Fetcher) deliver(ctx context.Context, l *link, cmd *imapclient.FetchCommand, o intake.Options) (fresh int, err error) {
	for data := cmd.Next(); data != nil; data = cmd.Next() {
		for item := data.Next(); item != nil; item = data.Next() {
			body, ok := item.(imapclient.FetchItemDataBodySection)
			if !ok || body.Literal == nil {
				continue
			}
			r, err := intake.Deliver(ctx, f.DB, f.Blobs, &exact{l: l, r: body.Literal, left: body.Literal.Size()}, o)
			if err != nil {
				return 0, err
			}
			if !r.Known {
				fresh++
			}
			if _, err := io.Copy(io.Discard, body.Literal); err != nil { // of one that is longer than the server said
				return 0, err
			}
		}
	}
	return fresh, nil
}

// exact fails where a connection ends in the middle of a message, which must not look like its end. Each byte that comes
// gives the connection more time: only silence ends it.
type exact struct {
	l    *link
	r    io.Reader
	left int64
}

func (e *exact) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.left -= int64(n)
	if n > 0 {
		e.l.hurry()
	}
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
	l.dead.Reset(every + l.silence)
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
