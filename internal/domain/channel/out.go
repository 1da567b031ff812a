package channel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/id"
	"entraide/internal/base/job"
	"entraide/internal/base/text"
)

// Outgoing is a mail to promise.
type Outgoing struct {
	MessageID string // "" never: see ThreadID
	Recipient string // address
	Subject   string
	Ref       string
	Message   string
	Key       string // the same news to the same person has the same key
	Content   Content
	MailboxID string // by which it goes; "" = the mail server of the configuration
	Exchange  string // id of the exchange with a third party; "" = none
}

// Post promises a mail: its envelope and the job that delivers it not before at. fresh is false, and nothing is
// promised, when its key was posted before. To a dead address nothing is sent: the envelope has failed from the start,
// and says why.
// Errors: errs.Forbidden unless a is the machine, errs.Invalid without a key, message id or recipient.
func Post(ctx context.Context, tx *db.Tx, a auth.Actor, o Outgoing, at time.Time) (e Envelope, fresh bool, err error) {
	if err := mayHandle(a); err != nil {
		return e, false, err
	}
	if o.Key == "" || o.MessageID == "" || o.Recipient == "" {
		return e, false, fmt.Errorf("post %q to %q: %w", o.MessageID, o.Recipient, errs.Invalid)
	}
	e = Envelope{ID: id.New(), Direction: Out, MessageID: o.MessageID, Recipient: text.Line(o.Recipient), Subject: text.Excerpt(o.Subject, MaxSubject),
		State: Waiting, Ref: o.Ref, Message: o.Message, Content: o.Content, Key: o.Key, At: tx.Now,
		MailboxID: o.MailboxID, Exchange: o.Exchange}
	address, dead, err := Dead(ctx, tx, a, o.Recipient)
	if err != nil {
		return e, false, err
	}
	if dead {
		e.State, e.Reason = Failed, text.Excerpt(Because("mailout.reason.dead", address.Words), maxReason)
	}
	e, fresh, err = insert(ctx, tx, e)
	if err != nil || !fresh || dead {
		return e, fresh && err == nil, err
	}
	return e, true, job.Insert(ctx, tx, job.New{Kind: JobSend, Key: e.ID, Payload: Promise{e.ID}, At: at})
}

// Find returns one envelope with its content.
// Errors: errs.Forbidden unless a is an administrator or the machine, errs.NotFound.
func Find(ctx context.Context, tx *db.Tx, a auth.Actor, envelopeID string) (Envelope, error) {
	if err := MayLook(a); err != nil {
		return Envelope{}, err
	}
	e, err := db.One(ctx, tx, scan, "SELECT "+columns+" FROM envelope WHERE id = $1", envelopeID)
	if err != nil {
		return e, fmt.Errorf("envelope %s: %w", envelopeID, err)
	}
	return e, nil
}

// MarkSent says that the mail server took the envelope, and from which address it went.
// Errors: errs.Forbidden unless a is the machine, errs.NotFound unless it is an outgoing one.
func MarkSent(ctx context.Context, tx *db.Tx, a auth.Actor, envelopeID, sender string) error {
	if err := mayHandle(a); err != nil {
		return err
	}
	return ended(ctx, tx, "UPDATE envelope SET state = 'sent', reason = '', sender = $1, done_at = $2, began_at = 0 WHERE id = $3 AND direction = 'out' RETURNING "+pageOf,
		sender, db.Ms(tx.Now), envelopeID)
}

// pageOf is the record whose page shows what became of an envelope; "" when it carries no message.
const pageOf = "CASE WHEN message = '' THEN '' ELSE ref END"

// ended stores the end of an outgoing envelope and tells the pages that show it.
func ended(ctx context.Context, tx *db.Tx, update string, args ...any) error {
	var ref string
	if err := db.First(ctx, tx, update, args, &ref); err != nil {
		return err
	}
	tx.Signal("envelopes")
	if ref != "" {
		tx.Signal(ref)
	}
	return nil
}

// MarkFailed says that the envelope will not be sent and why.
// Errors: as MarkSent.
func MarkFailed(ctx context.Context, tx *db.Tx, a auth.Actor, envelopeID, reason string) error {
	if err := mayHandle(a); err != nil {
		return err
	}
	return ended(ctx, tx, "UPDATE envelope SET state = 'failed', reason = $1, done_at = $2 WHERE id = $3 AND direction = 'out' RETURNING "+pageOf,
		text.Excerpt(reason, maxReason), db.Ms(tx.Now), envelopeID)
}

// Delay notes why an envelope still waits. Nothing is written when that is known already.
// Errors: errs.Forbidden unless a is the machine.
func Delay(ctx context.Context, tx *db.Tx, a auth.Actor, envelopeID, reason string) error {
	if err := mayHandle(a); err != nil {
		return err
	}
	reason = text.Excerpt(reason, maxReason)
	_, err := tx.ExecContext(ctx, "UPDATE envelope SET reason = $1 WHERE id = $2 AND state = 'waiting' AND reason <> $1", reason, envelopeID)
	return err
}

// Retry promises a failed or waiting mail again, now.
// Errors: errs.Forbidden unless a is an administrator, errs.NotFound unless it is outgoing and failed or waiting.
func Retry(ctx context.Context, tx *db.Tx, a auth.Actor, envelopeID string) error {
	if err := MayLook(a); err != nil {
		return err
	}
	return retry(ctx, tx, envelopeID)
}

// retry promises one mail again.
func retry(ctx context.Context, tx *db.Tx, envelopeID string) error {
	err := tx.ExecOne(ctx, "UPDATE envelope SET state = 'waiting', reason = '', done_at = 0, began_at = 0, doubts = 0 WHERE id = $1 AND direction = 'out' AND state IN ('failed', 'waiting')", envelopeID)
	if err != nil {
		return fmt.Errorf("retry envelope %s: %w", envelopeID, err)
	}
	tx.Signal("envelopes")
	j, err := job.Find(ctx, tx, JobSend, envelopeID)
	switch {
	case errors.Is(err, errs.NotFound):
		return job.Insert(ctx, tx, job.New{Kind: JobSend, Key: envelopeID, Payload: Promise{envelopeID}})
	case err != nil:
		return err
	case j.State == job.Dead || j.State == job.Waiting:
		return job.Retry(ctx, tx, j.ID)
	}
	return nil // it is under way already
}

// Page says which envelopes to list.
type Page struct {
	Direction Direction // "" = both
	State     State     // "" = all
	Before    string    // Next of the page before; "" = from the newest
	Limit     int       // 1 to 200; 0 = 50
}

// List returns envelopes without their content, newest first, and the Before of the next page, "" at the end.
// Errors: errs.Forbidden unless a is an administrator.
func List(ctx context.Context, tx *db.Tx, a auth.Actor, p Page) (list []Envelope, next string, err error) {
	if err := MayLook(a); err != nil {
		return nil, "", err
	}
	if p.Limit <= 0 {
		p.Limit = 50
	}
	p.Limit = min(p.Limit, 200)
	if p.Before == "" {
		p.Before = "Z" // sorts after every id, which begins with a digit, in every collation
	}
	list, err = db.All(ctx, tx, scanHead, `SELECT `+headColumns+` FROM envelope
		WHERE id < $1 AND ($2 = '' OR direction = $2) AND ($3 = '' OR state = $3) ORDER BY id DESC LIMIT $4`, p.Before, p.Direction, p.State, p.Limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("list envelopes: %w", err)
	}
	if len(list) > p.Limit {
		list = list[:p.Limit]
		next = list[p.Limit-1].ID
	}
	return list, next, nil
}

// Troubles returns up to limit envelopes that need somebody: failed, parked, or waiting with a reason; newest first.
// Errors: errs.Forbidden unless a is an administrator.
func Troubles(ctx context.Context, tx *db.Tx, a auth.Actor, limit int) ([]Envelope, error) {
	if err := MayLook(a); err != nil {
		return nil, err
	}
	return db.All(ctx, tx, scanHead, `SELECT `+headColumns+` FROM envelope
		WHERE state IN ('parked', 'waiting', 'failed') AND (state <> 'waiting' OR reason <> '') ORDER BY at DESC, id DESC LIMIT $1`, limit)
}

// Of returns the envelopes of one record, oldest first, without their content: whether the calling page may show them
// is for it to decide, so a must be the machine.
// Errors: errs.Forbidden unless a is the machine.
func Of(ctx context.Context, tx *db.Tx, a auth.Actor, ref string) ([]Envelope, error) {
	if err := mayHandle(a); err != nil {
		return nil, err
	}
	return db.All(ctx, tx, scanHead, "SELECT "+headColumns+" FROM envelope WHERE ref = $1 ORDER BY at, id", ref)
}

const headColumns = "id, direction, message_id, hash, sender, recipient, subject, state, reason, ref, message, key, at, done_at, mailbox_id, exchange, suggest, size"

func scanHead(r db.Row, e *Envelope) error {
	return r.Scan(&e.ID, &e.Direction, &e.MessageID, &e.Hash, &e.Sender, &e.Recipient, &e.Subject, &e.State, &e.Reason, &e.Ref,
		&e.Message, &e.Key, db.Millis(&e.At), db.Millis(&e.DoneAt), &e.MailboxID, &e.Exchange, &e.Suggest, &e.Size)
}
