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
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
)

// Options say where a message came in.
type Options struct {
	To    string   // address it was delivered to; "" = as the message says
	Host  string   // of our base URL, by which we know our own mail
	Own   []string // addresses that we send from
	Limit int64    // bytes of one message; 0 = mime.DefaultLimit
}

// Outcome is what became of a message.
type Outcome string

// The outcomes.
const (
	Opened  Outcome = "opened"  // a new ticket
	Replied Outcome = "replied" // a message on a ticket
	Ignored Outcome = "ignored" // written down, not answered
	Parked  Outcome = "parked"  // a person must look
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
	return take(ctx, d, store, ref.Hash, o)
}

// Again takes a parked message in once more, after its obstacle is gone.
// Errors: errs.Forbidden unless a is an administrator, errs.NotFound, errs.Conflict unless it is parked.
func Again(ctx context.Context, d *db.DB, store blob.Store, a auth.Actor, envelopeID string, o Options) (Result, error) {
	var e channel.Envelope
	err := d.Read(ctx, func(tx *db.Tx) (err error) { e, err = channel.Find(ctx, tx, a, envelopeID); return err })
	if err != nil {
		return Result{}, err
	}
	if e.Direction != channel.In || e.State != channel.Parked {
		return Result{}, fmt.Errorf("envelope %s is %s: %w", e.ID, e.State, errs.Conflict)
	}
	o.To = e.Recipient
	return take(ctx, d, store, e.Hash, o)
}

func take(ctx context.Context, d *db.DB, store blob.Store, hash string, o Options) (Result, error) {
	m, err := read(ctx, store, hash, o)
	if err != nil {
		return Result{}, err
	}
	var r Result
	err = d.Write(ctx, func(tx *db.Tx) (err error) {
		r, err = decide(ctx, tx, m, o)
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

// read parses a kept message and keeps its attachments. It does what is slow, before the transaction.
func read(ctx context.Context, store blob.Store, hash string, o Options) (m mail, err error) {
	raw, err := store.Open(ctx, hash)
	if err != nil {
		return m, fmt.Errorf("read message: %w", err)
	}
	defer func() { err = errors.Join(err, raw.Close()) }()
	m.Message, err = mime.Parser{Limit: o.Limit, Host: o.Host}.Parse(raw)
	if errors.Is(err, mime.ErrEmpty) {
		return m, errs.InvalidField("message", "mail.in.empty")
	}
	if err != nil {
		return m, err
	}
	m.envelope = channel.Incoming{MessageID: m.MessageID, Hash: hash, Sender: m.From.Address, Recipient: recipient(m.Message, o), Subject: m.Subject,
		Key: fingerprint(m.Message)}
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
func decide(ctx context.Context, tx *db.Tx, m mail, o Options) (Result, error) {
	e, fresh, err := channel.Receive(ctx, tx, machine(), m.envelope)
	if err != nil {
		return Result{}, err
	}
	if !fresh && (e.State == channel.Done || e.State == channel.Ignored) {
		return known(ctx, tx, e)
	}
	if key, details := refusal(m.Message, o.Own); key != "" {
		return ignore(ctx, tx, m, e.ID, channel.Because(key, details))
	}
	if m.From.Address == "" {
		reason := "mail.reason.no_address"
		return Result{Outcome: Parked, Envelope: e.ID, Reason: reason}, channel.Park(ctx, tx, machine(), e.ID, reason)
	}
	r, message, err := enter(ctx, tx, m)
	if err != nil {
		return r, err
	}
	r.Envelope = e.ID
	return r, channel.MarkDone(ctx, tx, machine(), e.ID, r.Ref, message)
}

// known tells what became of a message that was taken before.
func known(ctx context.Context, tx *db.Tx, e channel.Envelope) (Result, error) {
	r := Result{Outcome: Ignored, Known: true, Envelope: e.ID, Ref: e.Ref, Reason: e.Reason}
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
	return Result{Outcome: Parked, Envelope: e.ID, Reason: reason}, channel.Park(ctx, tx, machine(), e.ID, reason)
}

// ignore writes down why m is not answered. A mail of ours that could not be delivered fails visibly, and the desk
// reads it on the ticket.
func ignore(ctx context.Context, tx *db.Tx, m mail, envelopeID, reason string) (Result, error) {
	r := Result{Outcome: Ignored, Envelope: envelopeID, Reason: reason}
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
				if err := note(ctx, tx, t, i18n.Loc{}.T("mail.in.bounced", "recipient", b.Recipient, "status", b.Status)); err != nil {
					return r, err
				}
			}
		}
	}
	return r, channel.Ignore(ctx, tx, machine(), envelopeID, reason, r.Ref)
}
