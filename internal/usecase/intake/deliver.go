package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
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
	Mailbox channel.Mailbox // by which it came; zero = a pipe: the mailbox that it is addressed to
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

// Deliver takes one raw message in. When it returns without error, what became of the message is durable.
// Errors: errs.Invalid for what is no message or is too long, and for good; errs.Unavailable and everything else may
// pass when the same message is delivered again.
func Deliver(ctx context.Context, d *db.DB, store blob.Store, raw io.Reader, o Options) (Result, error) {
	if o.Limit <= 0 {
		o.Limit = mime.DefaultLimit
	}
	ref, err := store.Put(ctx, raw, o.Limit)
	if errors.Is(err, blob.ErrTooLarge) {
		return Result{}, errs.InvalidField("message", "mail.in.too_long", "max", i18n.Loc{}.Size(o.Limit))
	}
	if err != nil {
		return Result{}, fmt.Errorf("keep message: %w", err)
	}
	return take(ctx, d, store, ref.Hash, o, "")
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
	o.To = e.Recipient
	return take(ctx, d, store, e.Hash, o, e.ID)
}

// take decides about a kept message. replayed is the envelope that a person sends on its way again, "" for a new one.
func take(ctx context.Context, d *db.DB, store blob.Store, hash string, o Options, replayed string) (Result, error) {
	m, err := read(ctx, store, hash, o)
	var p poison
	if errors.As(err, &p) {
		var r Result
		m.envelope.Key = "raw:" + hash
		err = d.Write(ctx, func(tx *db.Tx) (err error) {
			r, err = park(ctx, tx, m, channel.Because("mail.reason.poison", p.Error()))
			return err
		})
		return r, err
	}
	if err != nil {
		return Result{}, err
	}
	m.replayed = replayed
	var r Result
	err = d.Write(ctx, func(tx *db.Tx) (err error) {
		n := m // a transaction that is tried again decides again
		r, err = decide(ctx, tx, &n, o)
		return err
	})
	if refused(err) {
		// The rooms refuse it, and will again: it must neither be lost nor come back for ever.
		reason := channel.Because("mail.reason.not_taken", err.Error())
		err = d.Write(ctx, func(tx *db.Tx) (err error) {
			r, err = park(ctx, tx, m, reason)
			return err
		})
	}
	return r, err
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

// parsed reads a message and survives whatever it does to the parser.
func parsed(p mime.Parser, raw io.Reader) (m mime.Message, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = poison{cause}
		}
	}()
	return p.Parse(raw)
}

// read parses a kept message and keeps its attachments. It does what is slow, before the transaction.
func read(ctx context.Context, store blob.Store, hash string, o Options) (m mail, err error) {
	m.envelope = channel.Incoming{Hash: hash, Recipient: o.To, MailboxID: o.Mailbox.ID}
	raw, err := store.Open(ctx, hash)
	if err != nil {
		return m, fmt.Errorf("read message: %w", err)
	}
	defer func() { err = errors.Join(err, raw.Close()) }()
	p := mime.Parser{Limit: o.Limit, Host: o.Host}
	if o.Mailbox.In.Server != "" {
		p.Receivers = []string{o.Mailbox.In.Server}
	}
	m.Message, err = parsed(p, raw)
	if errors.Is(err, mime.ErrEmpty) {
		return m, errs.InvalidField("message", "mail.in.empty")
	}
	if err != nil {
		return m, err
	}
	m.envelope = channel.Incoming{MessageID: m.MessageID, Hash: hash, Sender: m.From.Address, Recipient: recipient(m.Message, o), Subject: m.Subject,
		Key: fingerprint(m.Message), MailboxID: o.Mailbox.ID}
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
	if key, details := refusal(m.Message, m.own); key != "" {
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
	if err != nil {
		return r, err
	}
	r.Envelope = e.ID
	m.decision.State, m.decision.Ref = channel.Done, r.Ref
	if err := channel.Cite(ctx, tx, machine(), r.Ref, cited(m.Message)); err != nil {
		return r, err
	}
	return r, channel.Decide(ctx, tx, machine(), m.decision)
}

// settle ends the way of m without a ticket.
func settle(ctx context.Context, tx *db.Tx, m *mail, state channel.State, reason string) (Result, error) {
	m.decision.State, m.decision.Reason = state, reason
	return Result{Outcome: Outcome(state), Envelope: m.decision.ID, Reason: reason}, channel.Decide(ctx, tx, machine(), m.decision)
}

// known tells what became of a message that was taken before.
func known(ctx context.Context, tx *db.Tx, e channel.Envelope) (Result, error) {
	r := Result{Outcome: Ignored, Known: true, Envelope: e.ID, Ref: e.Ref, Reason: e.Reason}
	if e.State == channel.Quarantined {
		r.Outcome = Quarantined
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
	if !fresh && (e.State == channel.Done || e.State == channel.Ignored) {
		return known(ctx, tx, e)
	}
	m.decision = channel.Envelope{ID: e.ID}
	return settle(ctx, tx, &m, channel.Parked, reason)
}

// ignore writes down why m is not answered. A mail of ours that could not be delivered fails visibly, its address is
// marked if it is dead, and the desk reads it on the ticket.
func ignore(ctx context.Context, tx *db.Tx, m *mail, reason string) (Result, error) {
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
