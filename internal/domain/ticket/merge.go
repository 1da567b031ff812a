package ticket

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// Merge makes one ticket live on in another: messages, files, watchers, mentions, tags and links move, its requester
// becomes a watcher, and it is closed. Both keep their timelines; what is later said to the first reaches the second.
// It appends ticket.merged to the first and ticket.absorbed to the second, and returns the second.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict, errs.Invalid (ticket).
func Merge(ctx context.Context, tx *db.Tx, a auth.Actor, goneID, intoID string) (Ticket, error) {
	gone, err := worked(ctx, tx, a, goneID, 0)
	if err != nil {
		return gone, err
	}
	into, err := worked(ctx, tx, a, intoID, 0)
	if err != nil {
		return into, err
	}
	if gone.ID == into.ID {
		return into, errs.InvalidField("ticket", "ticket.itself")
	}
	for _, q := range []string{
		"UPDATE message SET ticket_id = $1, moved_from = coalesce(moved_from, ticket_id) WHERE ticket_id = $2",
		"UPDATE attachment SET ticket_id = $1 WHERE ticket_id = $2",
		"UPDATE mention SET ticket_id = $1 WHERE ticket_id = $2",
		"UPDATE ticket SET merged_into = $1 WHERE merged_into = $2",
		`INSERT INTO watcher (ticket_id, person_id, added_by, at) SELECT $1, w.person_id, w.added_by, w.at FROM watcher w
			WHERE w.ticket_id = $2 AND w.person_id <> (SELECT requester_id FROM ticket WHERE id = $1) ON CONFLICT (ticket_id, person_id) DO NOTHING`,
		"INSERT INTO ticket_tag (ticket_id, tag) SELECT $1, g.tag FROM ticket_tag g WHERE g.ticket_id = $2 ON CONFLICT (ticket_id, tag) DO NOTHING",
		`INSERT INTO ticket_link (from_id, to_id, kind, created_by, at) SELECT $1, l.to_id, l.kind, l.created_by, l.at FROM ticket_link l
			WHERE l.from_id = $2 AND l.to_id <> $1 ON CONFLICT (from_id, to_id, kind) DO NOTHING`,
		`INSERT INTO ticket_link (from_id, to_id, kind, created_by, at) SELECT l.from_id, $1, l.kind, l.created_by, l.at FROM ticket_link l
			WHERE l.to_id = $2 AND l.from_id <> $1 ON CONFLICT (from_id, to_id, kind) DO NOTHING`,
	} {
		if _, err := tx.ExecContext(ctx, q, into.ID, gone.ID); err != nil {
			return into, fmt.Errorf("merge %s: %w", gone.Reference(), err)
		}
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM ticket_link WHERE from_id = $1 OR to_id = $1", gone.ID); err != nil {
		return into, err
	}
	// What was related to both is related once.
	if _, err := tx.ExecContext(ctx, `DELETE FROM ticket_link WHERE kind = 'related' AND from_id = $1 AND EXISTS (
		SELECT 1 FROM ticket_link o WHERE o.kind = 'related' AND o.from_id = ticket_link.to_id AND o.to_id = $1)`, into.ID); err != nil {
		return into, err
	}
	// What came from both sides of a chain would close it.
	if _, err := tx.ExecContext(ctx, "WITH RECURSIVE "+above+` DELETE FROM ticket_link WHERE from_id = $1
		AND EXISTS (SELECT 1 FROM above a WHERE a.kind = ticket_link.kind AND a.id = ticket_link.to_id)`, into.ID); err != nil {
		return into, err
	}
	if err := watch(ctx, tx, a, into.ID, gone.RequesterID); err != nil {
		return into, err
	}
	if err := exit(ctx, tx, gone.ID); err != nil {
		return into, err
	}
	into.Messages += gone.Messages
	if into.RespondedAt.IsZero() {
		into.RespondedAt = gone.RespondedAt
	}
	gone.Messages, gone.MergedInto, gone.Status, gone.ClosedAt, gone.PendingOn, gone.PendingUntil = 0, into.ID, Closed, tx.Now, "", time.Time{}
	err = saveAnd(ctx, tx, a, &gone, event.Event{Kind: "ticket.merged", Data: event.Data{Other: into.Ref(),
		Extra: map[string]string{"ref": into.Reference(), "subject": into.Subject}}})
	if err != nil {
		return into, err
	}
	return into, saveAnd(ctx, tx, a, &into, event.Event{Kind: "ticket.absorbed", Data: event.Data{Other: gone.Ref(),
		Extra: map[string]string{"ref": gone.Reference(), "subject": gone.Subject}}})
}

// Parting is what Split needs.
type Parting struct {
	Messages []string // ids of the messages that leave, at least one and not all
	Subject  string
	Kind     Kind // "" = as the origin
}

// Split moves messages of a ticket to a new one of the same requester, queue, category, fields and people in copy,
// linked as related.
// It appends ticket.split to the origin and ticket.created to the new one, which it returns.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict, errs.Invalid (messages, subject, type).
func Split(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string, p Parting) (Ticket, error) {
	origin, err := worked(ctx, tx, a, ticketID, 0)
	if err != nil {
		return origin, err
	}
	if p.Kind == "" {
		p.Kind = origin.Kind
	}
	subject := text.Line(p.Subject)
	wrong := checkSubject(subject)
	if p.Kind != Incident && p.Kind != Request {
		wrong = append(wrong, errs.Field{Name: "type", Key: "ticket.kind_unknown"})
	}
	slices.Sort(p.Messages)
	p.Messages = slices.Compact(p.Messages)
	var moving int
	err = tx.QueryRowContext(ctx, "SELECT count(*) FROM message m WHERE m.ticket_id = $1 AND m.state = 'sent' AND "+tx.In("m.id", 2),
		origin.ID, db.List(p.Messages)).Scan(&moving)
	if err != nil {
		return origin, err
	}
	if moving == 0 || moving != len(p.Messages) || moving >= origin.Messages {
		wrong = append(wrong, errs.Field{Name: "messages", Key: "ticket.split_messages"})
	}
	if err := errs.InvalidFields(wrong); err != nil {
		return origin, fmt.Errorf("split %s: %w", origin.Reference(), err)
	}
	t := Ticket{ID: id.New(), Kind: p.Kind, Subject: subject, Status: Open, Impact: origin.Impact, Urgency: origin.Urgency,
		Priority: origin.Priority, CategoryID: origin.CategoryID, QueueID: origin.QueueID, Level: origin.Level, AssigneeID: origin.AssigneeID,
		RequesterID: origin.RequesterID, Channel: origin.Channel, Fields: maps.Clone(origin.Fields), Messages: moving, CreatedAt: tx.Now, UpdatedAt: tx.Now}
	if err := insert(ctx, tx, &t); err != nil {
		return t, err
	}
	if err := enter(ctx, tx, t); err != nil {
		return t, err
	}
	for _, q := range []string{
		"UPDATE message SET ticket_id = $1, moved_from = $2 WHERE ticket_id = $2 AND " + tx.In("id", 3),
		"UPDATE attachment SET ticket_id = $1 WHERE ticket_id = $2 AND " + tx.In("message_id", 3),
		"UPDATE mention SET ticket_id = $1 WHERE ticket_id = $2 AND " + tx.In("message_id", 3),
	} {
		if _, err := tx.ExecContext(ctx, q, t.ID, origin.ID, db.List(p.Messages)); err != nil {
			return t, err
		}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO watcher (ticket_id, person_id, added_by, at)
		SELECT $1, w.person_id, w.added_by, w.at FROM watcher w WHERE w.ticket_id = $2`, t.ID, origin.ID); err != nil {
		return t, err
	}
	origin.Messages -= moving
	if err := saveAnd(ctx, tx, a, &origin, event.Event{Kind: "ticket.split", Internal: true, Data: event.Data{Other: t.Ref(),
		Extra: map[string]string{"ref": t.Reference(), "subject": t.Subject}}}); err != nil {
		return t, err
	}
	// The event is read by the requester too: it carries the first message that they may read, if one moved.
	first, err := db.Strings(ctx, tx, "SELECT id FROM message WHERE ticket_id = $1 AND visibility = 'public' ORDER BY created_at, id LIMIT 1", t.ID)
	if err != nil {
		return t, err
	}
	created := event.Data{Message: strings.Join(first, ""), Other: origin.Ref()}
	if _, err := event.Emit(ctx, tx, a, event.Event{Kind: "ticket.created", Ref: t.Ref(), Data: created}); err != nil {
		return t, err
	}
	if err := AddLink(ctx, tx, a, origin.ID, t.ID, Related); err != nil && !errors.Is(err, errs.Conflict) {
		return t, err
	}
	return Find(ctx, tx, a, t.ID)
}
