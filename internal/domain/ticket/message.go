package ticket

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/job"
	"entraide/internal/base/setting"
	"entraide/internal/base/text"
)

// Visibility says who reads a message.
type Visibility string

// The visibilities.
const (
	Public   Visibility = "public"   // everybody on the ticket
	Internal Visibility = "internal" // agents
)

// Message is one entry of a conversation.
type Message struct {
	ID          string
	TicketID    string
	AuthorID    string // "" = the machine
	Author      string // name, when read
	Visibility  Visibility
	Channel     Channel
	ByAgent     bool      // the desk speaks
	Body        string    // Markdown
	HTML        string    // sanitised, when the sender wrote HTML; "" otherwise
	Quoted      string    // what was cut off a mail
	Raw         string    // blob hash of the raw mail; "" = none
	HeldUntil   time.Time // zero, or the instant at which a reply leaves that can still be taken back
	MovedFrom   string    // ticket id before a merge or split; "" = none
	CreatedAt   time.Time
	Attachments []Attachment // when read

	reached []string // see Draught.Reached; while it is written
	quiet   bool     // see Say.Quiet; while it is written
}

// JobRelease is the kind of the job that lets a held reply leave; its key is the message's id.
const JobRelease = "ticket.release"

// Say is what Reply and Note add.
type Say struct {
	Draught
	Channel Channel // "" = portal
	Hold    bool    // the policy's seconds to take it back
	Quiet   bool    // a note written along the way: nobody is told but those it names
	Version int64   // of the ticket as the author saw it; 0 = not checked
	Seen    string  // id of the last message the author saw; "" = not checked. See errs.Conflict.
}

// Reply adds a public message. Written by the desk it makes a new ticket open; written by the requester it wakes a
// ticket that waits for them and reopens one that is resolved. It appends ticket.replied, once the message leaves.
// Errors: errs.NotFound, errs.Invalid (body, attachments), errs.Conflict when t is closed or merged, or when another
// public message came since s.Seen.
func Reply(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string, s Say) (Message, error) {
	t, err := Find(ctx, tx, a, ticketID)
	if err != nil {
		return Message{}, err
	}
	if err := t.MayReply(a); err != nil {
		return Message{}, err
	}
	if err := t.unseen(ctx, tx, a, s.Seen); err != nil {
		return Message{}, err
	}
	m := Message{TicketID: t.ID, AuthorID: a.ID, Visibility: Public, Channel: s.Channel, ByAgent: t.AsAgent(a) && !t.Own(a)}
	if s.Hold && m.ByAgent {
		p, err := setting.Get(ctx, tx, PolicyKey, DefaultPolicy())
		if err != nil {
			return m, err
		}
		if p.UndoSeconds > 0 {
			m.HeldUntil = tx.Now.Add(p.Undo())
		}
	}
	if m, err = addMessage(ctx, tx, a, m, s.Draught); err != nil {
		return m, fmt.Errorf("reply to %s: %w", t.Reference(), err)
	}
	if m.HeldUntil.IsZero() {
		return m, leave(ctx, tx, a, t, m)
	}
	t.signal(tx)
	return m, job.Insert(ctx, tx, job.New{Kind: JobRelease, Key: m.ID, Payload: m.ID, At: m.HeldUntil})
}

// Note adds an internal message and appends ticket.noted.
// Errors: errs.NotFound, errs.Forbidden, errs.Invalid (body, attachments).
func Note(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string, s Say) (Message, error) {
	t, err := Find(ctx, tx, a, ticketID)
	if err != nil {
		return Message{}, err
	}
	if err := t.MayNote(a); err != nil {
		return Message{}, err
	}
	m := Message{TicketID: t.ID, AuthorID: a.ID, Visibility: Internal, Channel: s.Channel, ByAgent: true, quiet: s.Quiet}
	if m, err = addMessage(ctx, tx, a, m, s.Draught); err != nil {
		return m, fmt.Errorf("note on %s: %w", t.Reference(), err)
	}
	return m, leave(ctx, tx, a, t, m)
}

// unseen refuses a reply when others said something since the message the author saw last.
func (t Ticket) unseen(ctx context.Context, tx *db.Tx, a auth.Actor, seen string) error {
	if seen == "" {
		return nil
	}
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM message m WHERE m.ticket_id = $1 AND m.visibility = 'public'
		AND m.state = 'sent' AND m.id > $2 AND coalesce(m.author_id, '') <> $3`, t.ID, seen, a.ID).Scan(&n)
	if err != nil || n == 0 {
		return err
	}
	return fmt.Errorf("ticket %s: %w", t.Reference(), errs.Because(errs.Conflict, "ticket.crossed", "ref", t.Reference()))
}

func addMessage(ctx context.Context, tx *db.Tx, a auth.Actor, m Message, d Draught) (Message, error) {
	m.Body = text.Clean(d.Body)
	if err := errs.InvalidFields(checkBody("body", m.Body, d.HTML)); err != nil {
		return m, err
	}
	if m.Channel == "" {
		m.Channel = Portal
	}
	m.ID, m.HTML, m.Quoted, m.Raw, m.CreatedAt = id.New(), text.Clean(d.HTML), text.Clean(d.Quoted), d.Raw, tx.Now
	m.reached = d.Reached
	if err := insertMessage(ctx, tx, m); err != nil {
		return m, err
	}
	return m, attach(ctx, tx, a, m, d.Attachments)
}

func insertMessage(ctx context.Context, tx *db.Tx, m Message) error {
	state := "sent"
	if !m.HeldUntil.IsZero() {
		state = "held"
	}
	return tx.Later(ctx, `
		INSERT INTO message (id, ticket_id, author_id, visibility, channel, by_agent, body, html, quoted, raw, state, held_until,
			moved_from, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		m.ID, m.TicketID, db.Null(m.AuthorID), m.Visibility, m.Channel, m.ByAgent, m.Body, m.HTML, m.Quoted, m.Raw, state,
		db.Millis(&m.HeldUntil), db.Null(m.MovedFrom), db.Millis(&m.CreatedAt))
}

// leave does what a message causes once nobody can take it back.
func leave(ctx context.Context, tx *db.Tx, a auth.Actor, t Ticket, m Message) error {
	t.Messages++
	kind := "ticket.noted"
	var also []event.Event
	if m.Visibility == Public {
		kind = "ticket.replied"
		if m.ByAgent && t.RespondedAt.IsZero() {
			t.RespondedAt = tx.Now
		}
		var err error
		if also, err = t.stir(ctx, tx, a, m); err != nil {
			return err
		}
	}
	var err error
	if len(also) > 0 {
		err = save(ctx, tx, &t)
	} else {
		err = t.count(ctx, tx)
	}
	if err != nil {
		return err
	}
	if err := mentions(ctx, tx, a, t, m); err != nil {
		return err
	}
	_, err = event.Emit(ctx, tx, a, event.Event{Kind: kind, Ref: t.Ref(), Internal: m.Visibility == Internal, Data: m.told()})
	for i := 0; err == nil && i < len(also); i++ {
		_, err = event.Emit(ctx, tx, a, also[i])
	}
	return err
}

// Reached is the name of the addresses that have a message already, one a line, in the Extra of its event.
const Reached = "reached"

// Quiet is the name of what marks the event of a note of which nobody is told, in its Extra.
const Quiet = "quiet"

// told is what the event of m tells.
func (m Message) told() event.Data {
	d := event.Data{Message: m.ID, Extra: map[string]string{}} // none is left out of the row
	if len(m.reached) > 0 {
		d.Extra[Reached] = strings.Join(m.reached, "\n")
	}
	if m.quiet {
		d.Extra[Quiet] = "1"
	}
	return d
}

// stir changes the status that a public message changes, and returns the events to tell of it.
func (t *Ticket) stir(ctx context.Context, tx *db.Tx, a auth.Actor, m Message) ([]event.Event, error) {
	from := t.Status
	switch {
	case m.ByAgent && t.Status == New:
		t.Status = Open
	case m.ByAgent:
	case t.Status == Pending && t.PendingOn == OnRequester:
		t.Status, t.PendingOn, t.PendingUntil = Open, "", time.Time{}
	case t.Status == Resolved && t.Own(a): // others on the ticket may thank without waking anybody
		p, err := setting.Get(ctx, tx, PolicyKey, DefaultPolicy())
		if err != nil {
			return nil, err
		}
		if err := t.MayReopen(a, p, tx.Now); err != nil {
			return nil, err
		}
		t.reopen()
		return []event.Event{{Kind: "ticket.reopened", Ref: t.Ref(), Data: event.Data{Message: m.ID}}}, nil
	}
	if t.Status == from {
		return nil, nil
	}
	return []event.Event{{Kind: "ticket.opened", Ref: t.Ref(), Data: event.Data{Changes: []event.Change{{Field: "status", From: string(from), To: string(t.Status)}}}}}, nil
}

// mentions tells everybody whom m names, once each.
func mentions(ctx context.Context, tx *db.Tx, a auth.Actor, t Ticket, m Message) error {
	for _, p := range slices.Compact(slices.Sorted(slices.Values(text.Mentions(m.Body)))) {
		if err := mention(ctx, tx, a, t, m, p); err != nil {
			return err
		}
	}
	return nil
}

func mention(ctx context.Context, tx *db.Tx, a auth.Actor, t Ticket, m Message, personID string) error {
	n, err := tx.Exec(ctx, `INSERT INTO mention (person_id, ticket_id, message_id, at)
		SELECT p.id, $1, $2, $3 FROM person p WHERE p.id = $4 ON CONFLICT (person_id, message_id) DO NOTHING`,
		t.ID, m.ID, db.Ms(tx.Now), personID)
	if err != nil || n == 0 { // nobody of that id: the text stays, nobody is told
		return err
	}
	_, err = event.Emit(ctx, tx, a, event.Event{Kind: "ticket.mentioned", Ref: t.Ref(), Internal: m.Visibility == Internal,
		Data: event.Data{Message: m.ID, Person: personID}})
	return err
}

// Release lets a held reply leave: the work of JobRelease. A reply that was taken back or has left is no error.
func Release(ctx context.Context, tx *db.Tx, messageID string) error {
	var author string
	m := Message{ID: messageID, Visibility: Public, ByAgent: true}
	err := db.First(ctx, tx, `UPDATE message SET state = 'sent' WHERE id = $1 AND state = 'held'
		RETURNING ticket_id, coalesce(author_id, ''), body`, []any{messageID}, &m.TicketID, &author, &m.Body)
	if err != nil {
		return ignoreNotFound(err)
	}
	a := auth.System("release")
	if author != "" {
		a = auth.Actor{ID: author}
		if err := tx.QueryRowContext(ctx, "SELECT name FROM person WHERE id = $1", author).Scan(&a.Name); err != nil {
			return err
		}
	}
	t, err := Find(ctx, tx, auth.System("release"), m.TicketID)
	if err != nil {
		return err
	}
	return leave(ctx, tx, a, t, m)
}

// Undo takes a held reply back and returns it with its files, so that both can be offered again.
// Errors: errs.NotFound when it is not a's or was taken back already, errs.Conflict when it has left.
func Undo(ctx context.Context, tx *db.Tx, a auth.Actor, messageID string) (Message, error) {
	m := Message{ID: messageID, AuthorID: a.ID, Visibility: Public}
	err := db.First(ctx, tx, "SELECT ticket_id, body, held_until FROM message WHERE id = $1 AND author_id = $2 AND visibility = 'public' AND state <> 'undone'",
		[]any{text.Clean(messageID), a.ID}, &m.TicketID, &m.Body, db.Millis(&m.HeldUntil))
	if err != nil {
		return m, fmt.Errorf("take back: %w", err)
	}
	n, err := tx.Exec(ctx, "UPDATE message SET state = 'undone' WHERE id = $1 AND state = 'held'", messageID)
	if err != nil {
		return m, err
	}
	if n == 0 {
		return m, fmt.Errorf("take back: %w", errs.Because(errs.Conflict, "ticket.has_left"))
	}
	files, err := attachmentsOf(ctx, tx, m.TicketID)
	if err != nil {
		return m, err
	}
	m.Attachments = files[m.ID]
	// They are uploads again, to be sent with the next attempt.
	if _, err := tx.ExecContext(ctx, "UPDATE attachment SET message_id = NULL, ticket_id = NULL WHERE message_id = $1", messageID); err != nil {
		return m, err
	}
	_, err = job.Cancel(ctx, tx, JobRelease, messageID)
	tx.Signal("ticket/" + m.TicketID)
	return m, err
}

const messageColumns = `m.id, m.ticket_id, coalesce(m.author_id, ''), coalesce(p.name, ''), m.visibility, m.channel, m.by_agent,
	m.body, m.html, m.quoted, m.raw, CASE WHEN m.state = 'held' THEN m.held_until ELSE 0 END, coalesce(m.moved_from, ''), m.created_at`

func scanMessage(r db.Row, m *Message) error {
	return r.Scan(&m.ID, &m.TicketID, &m.AuthorID, &m.Author, &m.Visibility, &m.Channel, &m.ByAgent, &m.Body, &m.HTML,
		&m.Quoted, &m.Raw, db.Millis(&m.HeldUntil), &m.MovedFrom, db.Millis(&m.CreatedAt))
}

const conversation = "SELECT " + messageColumns + ` FROM message m LEFT JOIN person p ON p.id = m.author_id
	WHERE m.ticket_id = $1 AND ($2 OR m.visibility = 'public') AND (m.state = 'sent' OR m.state = 'held' AND m.author_id = $3)
	ORDER BY m.created_at, m.id`

// Conversation returns the messages of t that a may read, oldest first, with their attachments, in two queries.
// A held reply is read by its author only. t must come from Find with the same actor.
func Conversation(ctx context.Context, tx *db.Tx, a auth.Actor, t Ticket) ([]Message, error) {
	all, err := db.All(ctx, tx, scanMessage, conversation, t.ID, t.AsAgent(a), a.ID)
	if err != nil || len(all) == 0 {
		return all, err
	}
	files, err := attachmentsOf(ctx, tx, t.ID)
	for i := range all {
		all[i].Attachments = files[all[i].ID]
	}
	return all, err
}

// FindMessage returns one sent message that a may read.
// Errors: errs.NotFound.
func FindMessage(ctx context.Context, tx *db.Tx, a auth.Actor, messageID string) (Message, error) {
	m, err := db.One(ctx, tx, scanMessage, "SELECT "+messageColumns+` FROM message m LEFT JOIN person p ON p.id = m.author_id
		WHERE m.id = $1 AND m.state = 'sent'`, text.Clean(messageID))
	if err != nil {
		return m, fmt.Errorf("message: %w", err)
	}
	t, err := Find(ctx, tx, a, m.TicketID)
	if err == nil && m.Visibility == Internal && !t.AsAgent(a) {
		err = fmt.Errorf("message: %w", errs.NotFound)
	}
	if err != nil {
		return Message{}, err
	}
	files, err := attachmentsOf(ctx, tx, t.ID)
	m.Attachments = files[m.ID]
	return m, err
}
