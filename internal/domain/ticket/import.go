package ticket

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// Imported is a ticket with its past, from another system or from the demonstration. Ids of people, queues and
// categories are ours already; Ticket's CreatedAt, UpdatedAt, ResolvedAt, … are kept as they are. Ticket.ID and Number
// are given here.
type Imported struct {
	Ticket      Ticket
	Messages    []ImportedMessage // oldest first; at least one
	Events      []event.Event     // history in order, with At, ActorID and Actor; Ref is filled in
	Escalations []Escalation      // TicketID is filled in
	Stays       []Stay            // none = one stay in the present queue since creation
	Tags        []string
	Watchers    []string // person ids
	Rating      *Rating
	MergedInto  string // external id of an earlier import; "" = not merged
}

// ImportedMessage is a message with its past and its files, whose bytes are in the blob store.
type ImportedMessage struct {
	Message
	Files []Attachment
}

// Import stores a ticket with its past; nobody is told. The same external id twice is stored once: the first ticket is
// returned with ErrKnown.
// Errors: errs.Forbidden unless a is an administrator or the machine, errs.Invalid naming each wrong field with what is
// allowed, ErrKnown.
func Import(ctx context.Context, tx *db.Tx, a auth.Actor, im Imported) (Ticket, error) {
	t := im.Ticket
	if !a.Admin() {
		return t, fmt.Errorf("import: %w", errs.Forbidden)
	}
	t.ExternalID = text.Clean(t.ExternalID)
	t.Subject = text.Excerpt(text.Line(t.Subject), MaxSubject)
	if err := errs.InvalidFields(im.check(t)); err != nil {
		return t, err
	}
	var known string
	err := db.First(ctx, tx, "SELECT id FROM ticket WHERE external_id = $1", []any{t.ExternalID}, &known)
	if err == nil {
		t.ID = known
		return t, ErrKnown
	}
	if !errors.Is(err, errs.NotFound) {
		return t, err
	}
	if im.MergedInto != "" {
		// The one it was merged into may have been merged itself: the words are where they live on.
		err := db.First(ctx, tx, "SELECT coalesce(merged_into, id) FROM ticket WHERE external_id = $1", []any{text.Clean(im.MergedInto)}, &t.MergedInto)
		if errors.Is(err, errs.NotFound) {
			return t, errs.InvalidField("merged_into", "ticket.merged_into_unknown")
		} else if err != nil {
			return t, err
		}
	}
	t.ID, t.Messages = id.At(t.CreatedAt), len(im.Messages)
	if t.UpdatedAt.IsZero() {
		t.UpdatedAt = latest(t, im.Messages)
	}
	if err := insert(ctx, tx, &t); err != nil {
		return t, fmt.Errorf("import %s: %w", t.ExternalID, err)
	}
	return t, im.past(ctx, tx, t)
}

func latest(t Ticket, messages []ImportedMessage) time.Time {
	at := t.CreatedAt
	for _, u := range []time.Time{t.ResolvedAt, t.ClosedAt, messages[len(messages)-1].CreatedAt} {
		if u.After(at) {
			at = u
		}
	}
	return at
}

// past stores everything around the ticket's row.
func (im Imported) past(ctx context.Context, tx *db.Tx, t Ticket) error {
	messageTicket, movedFrom := t.ID, ""
	if t.MergedInto != "" {
		messageTicket, movedFrom = t.MergedInto, t.ID
	}
	for _, m := range im.Messages {
		m.ID, m.TicketID, m.MovedFrom, m.HeldUntil = id.At(m.CreatedAt), messageTicket, movedFrom, time.Time{}
		m.Body, m.HTML, m.Quoted = text.Clean(m.Body), text.Clean(m.HTML), text.Clean(m.Quoted)
		if err := insertMessage(ctx, tx, m.Message); err != nil {
			return fmt.Errorf("import %s: message: %w", t.ExternalID, err)
		}
		for _, f := range m.Files {
			_, err := tx.ExecContext(ctx, `INSERT INTO attachment (id, ticket_id, message_id, uploader_id, hash, name, content_type, size, content_id, created_at)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, id.At(m.CreatedAt), messageTicket, m.ID, db.Null(m.AuthorID), f.Hash,
				blob.SafeName(f.Name), f.ContentType, f.Size, f.ContentID, db.Millis(&m.CreatedAt))
			if err != nil {
				return fmt.Errorf("import %s: attachment: %w", t.ExternalID, err)
			}
		}
	}
	for _, e := range im.Events {
		e.Ref = t.Ref()
		if _, err := event.Record(ctx, tx, auth.Actor{ID: e.ActorID, Name: e.Actor}, e); err != nil {
			return err
		}
	}
	for _, e := range im.Escalations {
		e.TicketID = t.ID
		if err := insertEscalation(ctx, tx, &e); err != nil {
			return fmt.Errorf("import %s: escalation: %w", t.ExternalID, err)
		}
	}
	stays := im.Stays
	if len(stays) == 0 {
		stays = []Stay{{QueueID: t.QueueID, Level: t.Level, Entered: t.CreatedAt}}
	}
	for _, s := range stays {
		if err := insertStay(ctx, tx, t.ID, s); err != nil {
			return err
		}
	}
	return im.around(ctx, tx, t, messageTicket)
}

func (im Imported) around(ctx context.Context, tx *db.Tx, t Ticket, survivor string) error {
	tags, err := cleanTags(im.Tags)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		if _, err := tx.ExecContext(ctx, "INSERT INTO ticket_tag (ticket_id, tag) VALUES ($1, $2)", t.ID, tag); err != nil {
			return err
		}
	}
	watchers := im.Watchers
	if survivor != t.ID {
		watchers = append(slices.Clone(watchers), t.RequesterID)
		if _, err := tx.ExecContext(ctx, "UPDATE ticket SET messages = messages + $1 WHERE id = $2", t.Messages, survivor); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE ticket SET messages = 0 WHERE id = $1", t.ID); err != nil {
			return err
		}
	}
	for _, w := range watchers {
		_, err := tx.ExecContext(ctx, `INSERT INTO watcher (ticket_id, person_id, added_by, at)
			SELECT x.id, p.id, '', $1 FROM ticket x, person p WHERE x.id = $2 AND p.id = $3 AND x.requester_id <> p.id
			ON CONFLICT (ticket_id, person_id) DO NOTHING`, db.Ms(t.CreatedAt), survivor, text.Clean(w))
		if err != nil {
			return err
		}
	}
	if im.Rating == nil {
		return nil
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO rating (ticket_id, person_id, score, comment, at) VALUES ($1, $2, $3, $4, $5)",
		t.ID, t.RequesterID, im.Rating.Score, text.Clean(im.Rating.Comment), db.Millis(&im.Rating.At))
	return err
}
