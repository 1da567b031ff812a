package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/i18n"
	"entraide/internal/base/mime"
	"entraide/internal/base/text"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
)

// Options say where a message came in.
type Options struct {
	To      string          // address it was delivered to; "" = as the message says
	Host    string          // of our base URL, by which we know our own mail
	Own     []string        // addresses that we send from, besides those of our mailboxes
	Limit   int64           // bytes of one message; 0 = mime.DefaultLimit
	Whole   int64           // bytes of the message of which only the beginning is handed over; 0 = all of it is
	Mailbox channel.Mailbox // by which it came; zero = a pipe: the mailbox that it is addressed to
	// Past is when a message of an archive was sent. It becomes part of the past: nobody is told, nothing is answered, the
	// fuse does not count it, and what we sent ourselves is the desk's own word. Zero = it comes in now.
	Past time.Time
}

// Configured is what the configuration says of how messages are taken in.
func Configured(c config.Config) Options {
	return Options{Host: config.Host(c.BaseURL), Own: c.SMTP.Own(), Limit: int64(c.Limits.Mail)}
}

// Most returns the most bytes of a message that is taken in.
func (o Options) Most() int64 {
	if o.Limit > 0 {
		return o.Limit
	}
	return mime.DefaultLimit
}

// Outcome is what became of a message.
type Outcome string

// The outcomes.
const (
	Opened      Outcome = "opened"      // a new ticket
	Replied     Outcome = "replied"     // a message on a ticket
	Ignored     Outcome = "ignored"     // written down, not answered
	Parked      Outcome = "parked"      // a person must look
	Quarantined Outcome = "quarantined" // held back; a person may release it
)

// Result tells what became of a message.
type Result struct {
	Outcome   Outcome
	Known     bool   // it had been taken before: nothing was done
	Envelope  string // id
	Ref       string // "ticket/01J…"; "" = none
	Reference string // "INC-1042"; "" = none
	Reason    string // of Ignored and Parked, see channel.Envelope.Why
}

// Refused reports whether the message can never be taken in as it is, empty or too long: whoever handed it over had better
// give it back to its sender.
func (r Result) Refused() bool {
	return r.Outcome == Parked && (r.Reason == reasonEmpty || strings.HasPrefix(r.Reason, channel.ReasonTooLong))
}

const reasonEmpty = "mail.reason.empty"

// machine is who takes messages in.
func machine() auth.Actor { return auth.System("mail intake") }

// mail is a message on its way in.
type mail struct {
	mime.Message
	envelope channel.Incoming
	files    []ticket.Attachment
	left     int // attachments beyond what one message holds; the raw mail keeps them
	box      channel.Mailbox
	own      []string         // all addresses that are ours, lower case
	past     bool             // of an archive
	replayed string           // envelope that a person sends on its way again: neither blocks nor the fuse hold it back; "" = it is new
	decision channel.Envelope // what became of it, and the steps that led there
}

// step adds a decision to the trail: catalogue key "mail.step.…" and its arguments, name and value in turn.
func (m *mail) step(key string, args ...string) {
	s := channel.Step{Key: key}
	for i := 0; i+1 < len(args); i += 2 {
		if s.Args == nil {
			s.Args = make(map[string]string)
		}
		s.Args[args[i]] = text.Excerpt(args[i+1], 200)
	}
	m.decision.Trail = append(m.decision.Trail, s)
}

// HeadLength is how many bytes are kept of a message that is too long: its header, and the first words.
const HeadLength = 64 << 10

// kept is a message in the blob store.
type kept struct {
	hash  string
	size  int64 // bytes of the message
	short bool  // only its beginning is kept: it is too long
}

// Foremost is the recipient that tells most of several: the first reply address, else the first of all, "" of none.
func Foremost(recipients []string) (to string) {
	for _, r := range recipients {
		if to == "" || strings.Contains(r, "+") && !strings.Contains(to, "+") {
			to = r
		}
	}
	return to
}

// Deliver takes one raw message in. When it returns without error, what became of the message is durable; one that is
// empty or too long is parked.
// Errors: of the database, the blob store and the reader, which may pass when the same message is delivered again.
func Deliver(ctx context.Context, d *db.DB, store blob.Store, raw io.Reader, o Options) (Result, error) {
	var head beginning
	ref, err := store.Put(ctx, io.TeeReader(raw, &head), o.Most())
	k := kept{hash: ref.Hash, size: ref.Size}
	switch {
	case errors.Is(err, blob.ErrTooLarge):
		k.short, k.size = true, head.seen
		ref, err = store.Put(ctx, bytes.NewReader(head.kept), 0)
		k.hash = ref.Hash
	case o.Whole > 0:
		k.short, k.size = true, o.Whole
	}
	if err != nil {
		return Result{}, fmt.Errorf("keep message: %w", err)
	}
	return take(ctx, d, store, k, o, "")
}

// beginning keeps the first HeadLength bytes written to it, and counts all.
type beginning struct {
	kept []byte
	seen int64
}

func (b *beginning) Write(p []byte) (int, error) {
	b.seen += int64(len(p))
	b.kept = append(b.kept, p[:min(len(p), HeadLength-len(b.kept))]...)
	return len(p), nil
}

// Again takes a parked message in once more, after its obstacle is gone.
// Errors: errs.Forbidden unless a is an administrator, errs.NotFound, errs.Conflict unless it is parked.
func Again(ctx context.Context, d *db.DB, store blob.Store, a auth.Actor, envelopeID string, o Options) (Result, error) {
	return again(ctx, d, store, a, envelopeID, o, channel.Parked)
}

// Release takes a message out of quarantine in: a person decided that it is welcome.
// Errors: errs.Forbidden unless a is an administrator, errs.NotFound, errs.Conflict unless it is in quarantine.
func Release(ctx context.Context, d *db.DB, store blob.Store, a auth.Actor, envelopeID string, o Options) (Result, error) {
	return again(ctx, d, store, a, envelopeID, o, channel.Quarantined)
}

func again(ctx context.Context, d *db.DB, store blob.Store, a auth.Actor, envelopeID string, o Options, from channel.State) (Result, error) {
	var e channel.Envelope
	err := d.Read(ctx, func(tx *db.Tx) (err error) {
		if e, err = channel.Find(ctx, tx, a, envelopeID); err != nil || e.MailboxID == "" {
			return err
		}
		o.Mailbox, err = channel.FindMailbox(ctx, tx, a, e.MailboxID)
		if errors.Is(err, errs.NotFound) { // it was removed meanwhile
			return nil
		}
		return err
	})
	if err != nil {
		return Result{}, err
	}
	if e.Direction != channel.In || e.State != from {
		return Result{}, fmt.Errorf("envelope %s is %s: %w", e.ID, e.State, errs.Conflict)
	}
	if e.Shortened() {
		return Result{}, fmt.Errorf("envelope %s: %w", e.ID, errs.Because(errs.Conflict, "mail.in.short"))
	}
	o.To = e.Recipient
	return take(ctx, d, store, kept{hash: e.Hash, size: e.Size}, o, e.ID)
}

// take decides about a kept message. replayed is the envelope that a person sends on its way again, "" for a new one.
func take(ctx context.Context, d *db.DB, store blob.Store, k kept, o Options, replayed string) (r Result, err error) {
	m, err := read(ctx, store, k, o)
	m.replayed, m.past = replayed, !o.Past.IsZero()
	if reason := unreadable(err, k); reason != "" {
		m.envelope.Key = "raw:" + k.hash
		err = o.write(ctx, d, func(ctx context.Context, tx *db.Tx) (err error) {
			r, err = park(ctx, tx, m, reason)
			return err
		})
		return r, err
	}
	if err != nil {
		return Result{}, err
	}
	err = o.write(ctx, d, func(ctx context.Context, tx *db.Tx) (err error) {
		defer survive(&err)
		n := m // a transaction that is tried again decides again
		r, err = decide(ctx, tx, &n, o)
		return err
	})
	reason := unreadable(err, kept{})
	if refused(err) {
		reason = channel.Because("mail.reason.not_taken", err.Error())
	}
	if reason != "" {
		// The rooms refuse it, or our program fails on it, and will again: it must neither be lost nor come back for ever.
		err = o.write(ctx, d, func(ctx context.Context, tx *db.Tx) (err error) {
			r, err = park(ctx, tx, m, reason)
			return err
		})
	}
	return r, err
}

// write writes now, or into the past.
func (o Options) write(ctx context.Context, d *db.DB, f func(ctx context.Context, tx *db.Tx) error) error {
	if !o.Past.IsZero() {
		ctx = event.AsHistory(ctx)
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		if !o.Past.IsZero() {
			tx.Now = o.Past
		}
		return f(ctx, tx)
	})
}

// unreadable returns why a message can never be read, "" if it can, or may later.
func unreadable(err error, k kept) string {
	var p poison
	switch {
	case errors.As(err, &p):
		return channel.Because("mail.reason.poison", p.Error())
	case errors.Is(err, mime.ErrEmpty):
		return reasonEmpty
	case err == nil && k.short:
		return channel.Because(channel.ReasonTooLong, fmt.Sprintf("(%.1f MB)", float64(k.size)/(1<<20)))
	}
	return ""
}

// refused reports whether the rooms said no for good, rather than being out of order.
func refused(err error) bool {
	if errors.Is(err, errs.Unavailable) {
		return false
	}
	return errors.Is(err, errs.Invalid) || errors.Is(err, errs.Conflict) || errors.Is(err, errs.Forbidden) || errors.Is(err, errs.NotFound)
}

// poison is a message that our own program cannot read; it must not stop those behind it.
type poison struct{ cause any }

func (p poison) Error() string { return fmt.Sprint(p.cause) }

// survive makes an error of a panic, whatever a message does to our program.
func survive(err *error) {
	if cause := recover(); cause != nil {
		*err = poison{cause}
	}
}

// parsed reads a message and survives whatever it does to the parser.
func parsed(p mime.Parser, raw io.Reader) (m mime.Message, err error) {
	defer survive(&err)
	return p.Parse(raw)
}

// read parses a kept message and keeps its attachments. It does what is slow, before the transaction.
func read(ctx context.Context, store blob.Store, k kept, o Options) (m mail, err error) {
	m.envelope = channel.Incoming{Hash: k.hash, Recipient: o.To, MailboxID: o.Mailbox.ID, Size: k.size}
	raw, err := store.Open(ctx, k.hash)
	if err != nil {
		return m, fmt.Errorf("read message: %w", err)
	}
	defer func() { err = errors.Join(err, raw.Close()) }()
	p := mime.Parser{Limit: o.Limit, Host: o.Host}
	if o.Mailbox.In.Server != "" {
		p.Receivers = []string{o.Mailbox.In.Server}
	}
	m.Message, err = parsed(p, raw)
	if err != nil {
		return m, err
	}
	m.envelope.MessageID, m.envelope.Sender, m.envelope.Subject = m.MessageID, strings.ToLower(m.From.Address), m.Subject
	m.envelope.Recipient, m.envelope.Key = recipient(m.Message, o), fingerprint(m.Message)
	if k.short {
		return m, nil
	}
	for i, a := range m.Attachments {
		if i == ticket.MaxAttachments {
			m.left = len(m.Attachments) - i
			break
		}
		ref, err := store.Put(ctx, bytes.NewReader(a.Data), 0)
		if err != nil {
			return m, fmt.Errorf("keep attachment: %w", err)
		}
		m.files = append(m.files, ticket.Attachment{Hash: ref.Hash, Name: a.Name, Size: ref.Size, ContentID: a.ContentID,
			ContentType: blob.Sniff(a.Name, a.Data[:min(len(a.Data), blob.SniffLength)])})
	}
	return m, nil
}

func recipient(m mime.Message, o Options) string {
	switch {
	case o.To != "":
		return o.To
	case len(m.Recipients) > 0:
		return m.Recipients[0]
	case len(m.To) > 0:
		return m.To[0].Address
	}
	return ""
}

// decide says what m is and does it.
func decide(ctx context.Context, tx *db.Tx, m *mail, o Options) (Result, error) {
	if err := m.address(ctx, tx, o); err != nil {
		return Result{}, err
	}
	if m.replayed != "" {
		if err := channel.Recognise(ctx, tx, machine(), m.replayed, m.envelope); err != nil {
			return Result{}, err
		}
	}
	e, _, err := channel.Receive(ctx, tx, machine(), m.envelope)
	if err != nil {
		return Result{}, err
	}
	switch {
	case e.State == channel.Received || e.State == channel.Parked, e.State == channel.Quarantined && m.replayed != "":
	default:
		return known(ctx, tx, e)
	}
	m.decision.ID = e.ID
	own := m.own
	if m.past {
		own = nil
	}
	if key, details := refusal(m.Message, own); key != "" {
		m.step(key, "details", details)
		return ignore(ctx, tx, m, channel.Because(key, details))
	}
	if m.From.Address == "" {
		return settle(ctx, tx, m, channel.Parked, "mail.reason.no_address")
	}
	m.step("mail.step.from", "name", m.From.Name, "address", m.From.Address)
	m.authentication()
	if m.Auto || m.NoReply {
		m.step(channel.StepQuiet)
	}
	if m.replayed == "" {
		reason, err := unwanted(ctx, tx, m)
		if err != nil {
			return Result{}, err
		}
		if reason != "" {
			return settle(ctx, tx, m, channel.Quarantined, reason)
		}
	}
	r, err := enter(ctx, tx, m)
	if err != nil || r.Outcome == Parked {
		return r, err
	}
	r.Envelope = e.ID
	m.decision.State, m.decision.Ref = channel.Done, r.Ref
	if m.decision.Exchange == "" { // what a third party cites must never lead into the ticket's own conversation
		if err := channel.Cite(ctx, tx, machine(), r.Ref, cited(m.Message)); err != nil {
			return r, err
		}
	}
	return r, channel.Decide(ctx, tx, machine(), m.decision)
}

// settle ends the way of m without a ticket.
func settle(ctx context.Context, tx *db.Tx, m *mail, state channel.State, reason string) (Result, error) {
	m.decision.State, m.decision.Reason = state, reason
	r := Result{Outcome: Outcome(state), Envelope: m.decision.ID, Reason: reason}
	if err := channel.Decide(ctx, tx, machine(), m.decision); err != nil || state != channel.Parked {
		return r, err
	}
	told, err := channel.ParkedLately(ctx, tx, machine(), m.decision.ID)
	if err != nil || told {
		return r, err
	}
	return r, channel.Alert(ctx, tx, machine(), channel.MailParked, m.decision.ID, m.envelope.Sender)
}

// known tells what became of a message that was taken before.
func known(ctx context.Context, tx *db.Tx, e channel.Envelope) (Result, error) {
	r := Result{Outcome: Ignored, Known: true, Envelope: e.ID, Ref: e.Ref, Reason: e.Reason}
	if e.State == channel.Quarantined || e.State == channel.Parked {
		r.Outcome = Outcome(e.State)
	}
	id, ok := strings.CutPrefix(e.Ref, "ticket/")
	if !ok {
		return r, nil
	}
	t, err := ticket.Find(ctx, tx, machine(), id)
	if errors.Is(err, errs.NotFound) {
		return r, nil
	}
	r.Reference = t.Reference()
	if e.State == channel.Done {
		r.Outcome = Replied
		if t.CreatedAt.Equal(e.DoneAt) {
			r.Outcome = Opened
		}
	}
	return r, err
}

func park(ctx context.Context, tx *db.Tx, m mail, reason string) (Result, error) {
	e, fresh, err := channel.Receive(ctx, tx, machine(), m.envelope)
	if err != nil {
		return Result{}, err
	}
	if !fresh && (e.State == channel.Done || e.State == channel.Ignored || e.State == channel.Parked && m.replayed == "") {
		return known(ctx, tx, e)
	}
	m.decision = channel.Envelope{ID: e.ID}
	return settle(ctx, tx, &m, channel.Parked, reason)
}

// ignore writes down why m is not answered. A mail of ours that could not be delivered fails visibly, its address is
// marked if it is dead, and the desk reads it on the ticket.
func ignore(ctx context.Context, tx *db.Tx, m *mail, reason string) (Result, error) {
	if m.past { // what did not arrive then says nothing about today
		return settle(ctx, tx, m, channel.Ignored, reason)
	}
	r := Result{Outcome: Ignored, Envelope: m.decision.ID, Reason: reason}
	for _, b := range m.Bounces {
		if b.Recipient == "" || b.Status == "" {
			continue
		}
		dead, err := channel.NoteBounce(ctx, tx, machine(), b.Recipient, b.Status, b.Diagnostic)
		if err != nil {
			return r, err
		}
		if dead {
			m.step("mail.step.dead", "address", b.Recipient, "status", b.Status)
		}
	}
	if b := m.Bounce; b != nil && strings.HasPrefix(b.Status, "5") {
		ref, err := channel.Bounced(ctx, tx, machine(), b.Original, reason)
		if err != nil {
			return r, err
		}
		if id, ok := strings.CutPrefix(ref, "ticket/"); ok {
			t, err := ticket.Follow(ctx, tx, machine(), id)
			if err != nil && !errors.Is(err, errs.NotFound) {
				return r, err
			}
			if err == nil {
				r.Ref, r.Reference = t.Ref(), t.Reference()
				m.step("mail.step.about", "ref", r.Reference)
				if err := note(ctx, tx, t, i18n.Loc{}.T("mail.in.bounced", "recipient", b.Recipient, "status", b.Status)); err != nil {
					return r, err
				}
			}
		}
	}
	m.decision.State, m.decision.Reason, m.decision.Ref = channel.Ignored, reason, r.Ref
	return r, channel.Decide(ctx, tx, machine(), m.decision)
}
