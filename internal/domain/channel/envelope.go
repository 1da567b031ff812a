// Package channel keeps an envelope for each message that came in or goes out: what became of it, to which record it
// belongs, and why it is stuck if it is. What a message means is decided by the use cases that call this room.
//
// Coming in: received → done, ignored (never answered), parked (a person must look)
// or quarantined (from somebody whose mail is not wanted; a person may release it). Going out: waiting → sent or
// failed. Outgoing mail is promised in the transaction that caused it and delivered by the job JobSend, at least once,
// always under the same Message-ID.
package channel

import (
	"fmt"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/id"
)

// Direction is where an envelope travels.
type Direction string

// The two directions.
const (
	In  Direction = "in"
	Out Direction = "out"
)

// State is how far an envelope got.
type State string

// The states; see the package comment.
const (
	Received    State = "received"
	Done        State = "done"
	Ignored     State = "ignored"
	Parked      State = "parked"
	Quarantined State = "quarantined"
	Waiting     State = "waiting"
	Sent        State = "sent"
	Failed      State = "failed"
)

// JobSend is the kind of job that delivers an outgoing envelope; its key is the envelope's id, its payload a Promise.
const JobSend = "mail.send"

// Promise is the payload of JobSend.
type Promise struct {
	Envelope string `json:"envelope"` // id
}

// Envelope is one message and what became of it.
type Envelope struct {
	ID        string
	Direction Direction
	MessageID string // RFC 5322, without angle brackets; "" = it had none
	Hash      string // blob of the raw message that came in
	Sender    string // address; "" = the organisation's, for what goes out
	Recipient string // address
	Subject   string
	State     State
	Reason    string // of the state, for people who look; "" = nothing to say
	Ref       string // "ticket/01J…" that it belongs to; "" = none
	Message   string // id of the ticket message that it carries; "" = none
	Content   Content
	Key       string // the same key is never stored twice in one direction
	At        time.Time
	DoneAt    time.Time // zero = under way
	MailboxID string    // by which it came or goes; "" = a pipe, or the mail server of the configuration
	Exchange  string    // id of the Exchange with a third party that it belongs to; "" = none
	Suggest   string    // "ticket/…" that its ticket may belong to: a question for an agent; "" = none
	Trail     []Step    // decisions that were taken, in order; nil in lists
	Size      int64     // bytes of the raw message; 0 for what goes out
}

// Step is one decision about a message and why it was taken, for the page that explains it.
type Step struct {
	Key  string            `json:"key"` // catalogue key, "mail.step.…"
	Args map[string]string `json:"args,omitempty"`
}

// Content is what an outgoing mail says. It is complete but for the address it is sent from, which is the
// configuration's at the moment of sending. Zero for what came in: its content is the raw message.
type Content struct {
	ToName      string   `json:"to_name,omitempty"`
	FromName    string   `json:"from_name,omitempty"` // shown instead of the configured name; "" = the configured one
	Text        string   `json:"text,omitempty"`
	HTML        string   `json:"html,omitempty"`
	InReplyTo   string   `json:"in_reply_to,omitempty"` // message id without brackets
	References  []string `json:"references,omitempty"`  // message ids without brackets, oldest first
	Auto        string   `json:"auto,omitempty"`        // Auto-Submitted: "auto-generated", "auto-replied"; "" = a person wrote it
	Unsubscribe string   `json:"unsubscribe,omitempty"` // address of the page where one chooses what one gets; for digests only
	ReplyTo     string   `json:"reply_to,omitempty"`    // address; "" = that of the sender
	Files       []File   `json:"files,omitempty"`
}

// File is a file that an outgoing mail carries.
type File struct {
	Hash      string `json:"hash"` // of its bytes in the blob store
	Name      string `json:"name"`
	Type      string `json:"type,omitempty"` // "image/png"; "" = unknown
	Size      int64  `json:"size,omitempty"` // bytes
	ContentID string `json:"cid,omitempty"`  // of a picture that the HTML shows; "" = an attachment
}

const columns = "id, direction, message_id, hash, sender, recipient, subject, state, reason, ref, message, content, key, at, done_at, mailbox_id, exchange, suggest, trail, size"

func scan(r db.Row, e *Envelope) error {
	return r.Scan(&e.ID, &e.Direction, &e.MessageID, &e.Hash, &e.Sender, &e.Recipient, &e.Subject, &e.State, &e.Reason, &e.Ref,
		&e.Message, db.JSON(&e.Content), &e.Key, db.Millis(&e.At), db.Millis(&e.DoneAt), &e.MailboxID, &e.Exchange, &e.Suggest, db.JSON(&e.Trail), &e.Size)
}

// MayLook returns nil if a may see envelopes: they show who wrote what to whom.
// Errors: errs.Forbidden unless a is an administrator.
func MayLook(a auth.Actor) error {
	if !a.Admin() {
		return fmt.Errorf("look at envelopes: %w", errs.Forbidden)
	}
	return nil
}

// mayHandle guards what only the machine does.
func mayHandle(a auth.Actor) error {
	if !a.Internal {
		return fmt.Errorf("handle envelopes: %w", errs.Forbidden)
	}
	return nil
}

// ThreadID makes the Message-ID of an outgoing mail about a record: "t.<record id>.<chance>@<host>". Whoever answers
// such a mail is led back to the record, and nobody can guess one.
func ThreadID(recordID, host string) string { return "t." + recordID + "." + id.New() + "@" + host }

// RecordOf returns the record id in a Message-ID made by ThreadID on any host, "" if it is none of ours. The host is
// not compared: an organisation that changes its address still wants the answers to what it sent before.
func RecordOf(messageID string) string {
	local, _, ok := strings.Cut(messageID, "@")
	parts := strings.Split(local, ".")
	if !ok || len(parts) != 3 || parts[0] != "t" || !id.Valid(parts[1]) || !id.Valid(parts[2]) {
		return ""
	}
	return parts[1]
}

// colon separates the catalogue key in a Reason from what a server said.
const colon = ": "

// Because makes a Reason of a catalogue key ("mail.reason.refused") and the words of a foreign server; "" = none.
func Because(key, words string) string {
	if words == "" {
		return key
	}
	return key + colon + words
}

// Parts returns the catalogue key of the Reason and the words of a foreign server.
func (e Envelope) Parts() (key, words string) {
	key, words, _ = strings.Cut(e.Reason, colon)
	return key, words
}

// Why writes the Reason as people read it, in their language; the words of foreign servers stay as they are.
func (e Envelope) Why(l i18n.Loc) string {
	key, words, _ := strings.Cut(e.Reason, colon)
	if !strings.HasPrefix(key, "mail.reason.") && !strings.HasPrefix(key, "mailout.reason.") || !i18n.Has(key) {
		return e.Reason
	}
	return strings.TrimSpace(l.T(key) + " " + words)
}

// ReasonTooLong is the reason of a message of which only the beginning is kept.
const ReasonTooLong = "mail.reason.too_long"

// Shortened reports whether only the beginning of e's message is kept, so that it can never be taken in.
func (e Envelope) Shortened() bool { return strings.HasPrefix(e.Reason, ReasonTooLong) }
