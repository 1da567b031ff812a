package channel

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// maxReason and MaxSubject bound what envelopes tell, in runes.
const (
	maxReason  = 500
	MaxSubject = 300
)

// Incoming is a message as it came in.
type Incoming struct {
	MessageID string
	Hash      string // blob of the raw message
	Sender    string
	Recipient string
	Subject   string
	Key       string // the same message, delivered twice or by two ways, has the same key; never ""
	MailboxID string // by which it came; "" = a pipe
	Size      int64  // bytes
}

// Receive stores an envelope for what came in. fresh is false for a message that was received before: its envelope is
// returned as it stands.
// Errors: errs.Forbidden unless a is the machine, errs.Invalid without a key.
func Receive(ctx context.Context, tx *db.Tx, a auth.Actor, in Incoming) (e Envelope, fresh bool, err error) {
	if err := mayHandle(a); err != nil {
		return e, false, err
	}
	if in.Key == "" {
		return e, false, fmt.Errorf("receive without a key: %w", errs.Invalid)
	}
	e = Envelope{ID: id.New(), Direction: In, MessageID: in.MessageID, Hash: in.Hash, Sender: in.Sender, Recipient: in.Recipient,
		Subject: text.Excerpt(in.Subject, MaxSubject), State: Received, Key: in.Key, At: tx.Now, MailboxID: in.MailboxID, Size: in.Size}
	return insert(ctx, tx, e)
}

// Has reports whether exactly this message came in before, by its Message-ID and the hash of its bytes, and to which
// record it belongs; "" = none. A message without Message-ID is only known by Receive.
// Errors: errs.Forbidden unless a is the machine.
func Has(ctx context.Context, tx *db.Tx, a auth.Actor, messageID, hash string) (ref string, ok bool, err error) {
	if err := mayHandle(a); err != nil || messageID == "" {
		return "", false, err
	}
	refs, err := db.Strings(ctx, tx, "SELECT ref FROM envelope WHERE message_id = $1 AND hash = $2 AND direction = 'in' AND state <> 'received'", messageID, hash)
	if err != nil || len(refs) == 0 {
		return "", false, err
	}
	return refs[0], true, nil
}

// Recognise completes an envelope whose message could not be read when it came in, and can now: so that the same
// message is known again.
// Errors: errs.Forbidden unless a is the machine, errs.NotFound, errs.Conflict when the message came in again since.
func Recognise(ctx context.Context, tx *db.Tx, a auth.Actor, envelopeID string, in Incoming) error {
	if err := mayHandle(a); err != nil {
		return err
	}
	var n int
	err := db.First(ctx, tx, "SELECT count(*) FROM envelope WHERE direction = 'in' AND key = $1 AND id <> $2", []any{in.Key, envelopeID}, &n)
	if err != nil {
		return err
	}
	if n > 0 {
		return fmt.Errorf("envelope %s: %w", envelopeID, errs.Conflict)
	}
	return tx.ExecOne(ctx, "UPDATE envelope SET message_id = $1, sender = $2, recipient = $3, subject = $4, key = $5 WHERE id = $6 AND direction = 'in'",
		in.MessageID, in.Sender, in.Recipient, text.Excerpt(in.Subject, MaxSubject), in.Key, envelopeID)
}

// insert stores e unless its key is known; then it returns what is stored.
func insert(ctx context.Context, tx *db.Tx, e Envelope) (Envelope, bool, error) {
	n, err := tx.Exec(ctx, `INSERT INTO envelope (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, $15, $16, $17, $18, $19)
		ON CONFLICT (direction, key) WHERE key <> '' DO NOTHING`, e.ID, e.Direction, e.MessageID, e.Hash, e.Sender, e.Recipient,
		e.Subject, e.State, e.Reason, e.Ref, e.Message, db.JSON(e.Content), e.Key, db.Ms(e.At), e.MailboxID, e.Exchange, e.Suggest, db.JSON(&e.Trail), e.Size)
	if err != nil {
		return e, false, fmt.Errorf("store envelope: %w", err)
	}
	if n == 1 {
		tx.Signal("envelopes")
		return e, true, nil
	}
	e, err = db.One(ctx, tx, scan, "SELECT "+columns+" FROM envelope WHERE direction = $1 AND key = $2", e.Direction, e.Key)
	if err != nil {
		return e, false, fmt.Errorf("envelope of key %s: %w", e.Key, err)
	}
	return e, false, nil
}

// MarkDone says that what came in became message of ref.
// Errors: errs.Forbidden unless a is the machine, errs.NotFound unless the envelope is in and undecided or parked.
func MarkDone(ctx context.Context, tx *db.Tx, a auth.Actor, envelopeID, ref, message string) error {
	return Decide(ctx, tx, a, Envelope{ID: envelopeID, State: Done, Ref: ref, Message: message})
}

// Ignore says that what came in is not answered and why. ref is the record that it concerns, "" if none.
// Errors: as MarkDone.
func Ignore(ctx context.Context, tx *db.Tx, a auth.Actor, envelopeID, reason, ref string) error {
	return Decide(ctx, tx, a, Envelope{ID: envelopeID, State: Ignored, Reason: reason, Ref: ref})
}

// Park leaves what came in for a person to look at and says why.
// Errors: as MarkDone.
func Park(ctx context.Context, tx *db.Tx, a auth.Actor, envelopeID, reason string) error {
	return Decide(ctx, tx, a, Envelope{ID: envelopeID, State: Parked, Reason: reason})
}

// Decide writes down what became of what came in: State, Reason, Ref, Message, Exchange, Suggest and Trail of e.
// Errors: as MarkDone.
func Decide(ctx context.Context, tx *db.Tx, a auth.Actor, e Envelope) error {
	if err := mayHandle(a); err != nil {
		return err
	}
	err := tx.ExecOne(ctx, `UPDATE envelope SET state = $1, reason = $2, ref = $3, message = $4, done_at = $5, exchange = $6, suggest = $7, trail = $8
		WHERE id = $9 AND direction = 'in' AND state IN ('received', 'parked', 'quarantined')`,
		e.State, text.Excerpt(e.Reason, maxReason), e.Ref, e.Message, db.Ms(tx.Now), e.Exchange, e.Suggest, db.JSON(&e.Trail), e.ID)
	if err != nil {
		return fmt.Errorf("envelope %s %s: %w", e.ID, e.State, err)
	}
	tx.Signal("envelopes")
	return nil
}

// Thread is the record that a cited message id leads to; the zero Thread is none.
type Thread struct {
	Ref      string // "ticket/…"
	By       string // the message id that led there
	Ancestor bool   // we never saw the mail of that id: another mail of the record cites it as well
}

// FindThread returns the record to which one of the message ids belongs; the first id that leads somewhere wins, so the
// nearest goes first. Mails of an exchange with a third party lead nowhere here: see FindExchange.
// Errors: errs.Forbidden unless a is the machine.
func FindThread(ctx context.Context, tx *db.Tx, a auth.Actor, messageIDs []string) (Thread, error) {
	if err := mayHandle(a); err != nil || len(messageIDs) == 0 {
		return Thread{}, err
	}
	read := func(r db.Row, x *Thread) error { return r.Scan(&x.By, &x.Ref) }
	// An id is the sender's choice: two records may claim one. The older claim holds.
	rows, err := db.All(ctx, tx, read,
		"SELECT message_id, ref FROM envelope WHERE "+tx.In("message_id", 1)+" AND message_id <> '' AND ref <> '' AND exchange = '' ORDER BY at, id", db.List(messageIDs))
	if err != nil {
		return Thread{}, fmt.Errorf("find thread: %w", err)
	}
	ancestor := len(rows) == 0
	if ancestor {
		rows, err = db.All(ctx, tx, read, "SELECT message_id, ref FROM envelope_cite WHERE "+tx.In("message_id", 1)+" ORDER BY at, ref", db.List(messageIDs))
		if err != nil {
			return Thread{}, fmt.Errorf("find thread by what others cited: %w", err)
		}
	}
	for _, m := range messageIDs {
		if i := slices.IndexFunc(rows, func(t Thread) bool { return t.By == m }); i >= 0 {
			rows[i].Ancestor = ancestor
			return rows[i], nil
		}
	}
	return Thread{}, nil
}

// maxCites bounds how many ids one mail may tie to a record.
const maxCites = 20

// Cite remembers that a mail of ref cites these message ids, so that an answer to any of them finds ref.
// Errors: errs.Forbidden unless a is the machine.
func Cite(ctx context.Context, tx *db.Tx, a auth.Actor, ref string, messageIDs []string) error {
	if err := mayHandle(a); err != nil {
		return err
	}
	for _, m := range messageIDs[:min(len(messageIDs), maxCites)] {
		err := tx.Later(ctx, "INSERT INTO envelope_cite (message_id, ref, at) VALUES ($1, $2, $3) ON CONFLICT (message_id, ref) DO NOTHING", m, ref, db.Ms(tx.Now))
		if err != nil {
			return err
		}
	}
	return nil
}

// CitedMessage returns the id of the ticket message that the nearest cited mail carried, whoever wrote it; "" if none
// did.
// Errors: errs.Forbidden unless a is the machine.
func CitedMessage(ctx context.Context, tx *db.Tx, a auth.Actor, messageIDs []string) (string, error) {
	if err := mayHandle(a); err != nil || len(messageIDs) == 0 {
		return "", err
	}
	type row struct{ messageID, message string }
	rows, err := db.All(ctx, tx, func(r db.Row, x *row) error { return r.Scan(&x.messageID, &x.message) },
		"SELECT message_id, message FROM envelope WHERE "+tx.In("message_id", 1)+" AND message <> '' ORDER BY at DESC, id DESC", db.List(messageIDs))
	if err != nil {
		return "", fmt.Errorf("cited message: %w", err)
	}
	for _, m := range messageIDs {
		if i := slices.IndexFunc(rows, func(r row) bool { return r.messageID == m }); i >= 0 {
			return rows[i].message, nil
		}
	}
	return "", nil
}

// Asked returns the mails of ref that may belong to another record: a question for whoever works on ref.
// Errors: errs.Forbidden unless a is an agent; whether a may see ref is for the caller to decide.
func Asked(ctx context.Context, tx *db.Tx, a auth.Actor, ref string) ([]Envelope, error) {
	if err := mayKnowAddresses(a); err != nil {
		return nil, err
	}
	return db.All(ctx, tx, scanHead, "SELECT "+headColumns+" FROM envelope WHERE ref = $1 AND suggest <> '' ORDER BY at, id", ref)
}

// Answered forgets the question of an envelope.
// Errors: errs.Forbidden unless a is an agent, errs.NotFound when it asks nothing.
func Answered(ctx context.Context, tx *db.Tx, a auth.Actor, envelopeID string) error {
	if err := mayKnowAddresses(a); err != nil {
		return err
	}
	tx.Signal("envelopes")
	return tx.ExecOne(ctx, "UPDATE envelope SET suggest = '' WHERE id = $1 AND suggest <> ''", envelopeID)
}

// Question returns an envelope that asks where it belongs, without its content.
// Errors: errs.Forbidden unless a is an agent, errs.NotFound.
func Question(ctx context.Context, tx *db.Tx, a auth.Actor, envelopeID string) (Envelope, error) {
	if err := mayKnowAddresses(a); err != nil {
		return Envelope{}, err
	}
	return db.One(ctx, tx, scanHead, "SELECT "+headColumns+" FROM envelope WHERE id = $1 AND suggest <> ''", envelopeID)
}

// References returns the message ids of the mails of ref exchanged with one address, oldest first: what the next mail's
// References names. At most the first and the last nineteen.
// Errors: errs.Forbidden unless a is the machine.
func References(ctx context.Context, tx *db.Tx, a auth.Actor, ref, address string) ([]string, error) {
	if err := mayHandle(a); err != nil {
		return nil, err
	}
	ids, err := db.Strings(ctx, tx, `SELECT message_id FROM envelope WHERE ref = $1 AND message_id <> '' AND exchange = '' AND state <> 'ignored'
		AND (direction = 'in' AND lower(sender) = lower($2) OR direction = 'out' AND lower(recipient) = lower($2)) ORDER BY at, id`, ref, address)
	if err != nil {
		return nil, fmt.Errorf("thread of %s: %w", ref, err)
	}
	if len(ids) > 20 {
		ids = append(ids[:1], ids[len(ids)-19:]...)
	}
	return ids, nil
}

// Bounced says that a mail which had been sent came back: its envelope fails with reason. It returns the reference of
// the record that the mail was about, "" when no such mail is known.
// Errors: errs.Forbidden unless a is the machine.
func Bounced(ctx context.Context, tx *db.Tx, a auth.Actor, messageID, reason string) (ref string, err error) {
	if err := mayHandle(a); err != nil || messageID == "" {
		return "", err
	}
	e, err := db.One(ctx, tx, scan, "SELECT "+columns+" FROM envelope WHERE direction = 'out' AND message_id = $1 ORDER BY at, id LIMIT 1", messageID)
	if errors.Is(err, errs.NotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("bounced %s: %w", messageID, err)
	}
	_, err = tx.ExecContext(ctx, "UPDATE envelope SET state = 'failed', reason = $1 WHERE id = $2", text.Excerpt(reason, maxReason), e.ID)
	tx.Signal("envelopes")
	return e.Ref, err
}
