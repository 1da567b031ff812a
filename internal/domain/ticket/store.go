package ticket

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/text"
)

const columns = `t.id, t.number, t.kind, t.subject, t.status, t.pending_on, t.pending_until, t.impact, t.urgency, t.priority,
	coalesce(t.category_id, ''), t.queue_id, t.level, coalesce(t.assignee_id, ''), t.requester_id, t.channel,
	coalesce(t.merged_into, ''), t.external_id, t.fields, t.cause, t.reopened, t.messages, t.due_response_at,
	t.due_resolution_at, t.responded_at, t.resolved_at, t.closed_at, t.created_at, t.updated_at, t.version,
	q.name, q.team_id, q.private, r.name, r.email, r.site, coalesce(s.name, '')`

// neighbours are the tables beside ticket t that columns and visible need.
// CROSS JOIN keeps SQLite from beginning with the few queues, which would gather and sort all tickets of each; for
// PostgreSQL it is a join like any other.
const neighbours = ` CROSS JOIN queue q JOIN person r ON r.id = t.requester_id AND q.id = t.queue_id
	LEFT JOIN person s ON s.id = t.assignee_id`

const tables = " FROM ticket t" + neighbours

func scan(r db.Row, t *Ticket) error {
	return r.Scan(&t.ID, &t.Number, &t.Kind, &t.Subject, &t.Status, &t.PendingOn, db.Millis(&t.PendingUntil), &t.Impact,
		&t.Urgency, &t.Priority, &t.CategoryID, &t.QueueID, &t.Level, &t.AssigneeID, &t.RequesterID, &t.Channel,
		&t.MergedInto, &t.ExternalID, db.JSON(&t.Fields), &t.Cause, &t.Reopened, &t.Messages, db.Millis(&t.DueResponse),
		db.Millis(&t.DueResolved), db.Millis(&t.RespondedAt), db.Millis(&t.ResolvedAt), db.Millis(&t.ClosedAt),
		db.Millis(&t.CreatedAt), db.Millis(&t.UpdatedAt), &t.Version,
		&t.QueueName, &t.TeamID, &t.Private, &t.Requester, &t.Email, &t.Site, &t.Assignee)
}

// visible is the condition "the actor may see ticket t of queue q". It takes three parameters from number n on,
// those of visibleArgs.
func visible(n int) string {
	all, agent, me := "$"+strconv.Itoa(n), "$"+strconv.Itoa(n+1), "$"+strconv.Itoa(n+2)
	return "(" + all + " OR (" + agent + " AND (NOT q.private OR EXISTS (SELECT 1 FROM team_member m WHERE m.team_id = q.team_id AND m.person_id = " + me + ")))" +
		" OR t.requester_id = " + me + " OR EXISTS (SELECT 1 FROM watcher w WHERE w.ticket_id = t.id AND w.person_id = " + me + "))"
}

func visibleArgs(a auth.Actor) []any { return []any{a.Admin(), a.Agent(), a.ID} }

// Find returns the ticket with this id or reference if a may see it.
// Errors: errs.NotFound, also for one that a may not see.
func Find(ctx context.Context, tx *db.Tx, a auth.Actor, idOrReference string) (Ticket, error) {
	if text.Clean(idOrReference) != idOrReference { // PostgreSQL refuses to look for what no id can be
		return Ticket{}, fmt.Errorf("ticket %.40q: %w", idOrReference, errs.NotFound)
	}
	where, args := "t.id = $4", append(visibleArgs(a), idOrReference)
	if series, number, ok := ParseReference(idOrReference); ok {
		where, args = "t.series = $4 AND t.number = $5", append(visibleArgs(a), series, number)
	}
	t, err := db.One(ctx, tx, scan, "SELECT "+columns+tables+" WHERE "+visible(1)+" AND "+where, args...)
	if err != nil {
		return t, fmt.Errorf("ticket %.40q: %w", idOrReference, err)
	}
	return t, nil
}

// FindMany returns those of the tickets that a may see, by id, in one statement.
func FindMany(ctx context.Context, tx *db.Tx, a auth.Actor, ids []string) (map[string]Ticket, error) {
	out := make(map[string]Ticket, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	all, err := db.All(ctx, tx, scan, "SELECT "+columns+tables+" WHERE "+visible(1)+" AND "+tx.In("t.id", 4), append(visibleArgs(a), db.List(ids))...)
	for _, t := range all {
		out[t.ID] = t
	}
	return out, err
}

// Follow is Find, but a merged ticket leads to the one it lives on in.
func Follow(ctx context.Context, tx *db.Tx, a auth.Actor, idOrReference string) (Ticket, error) {
	t, err := Find(ctx, tx, a, idOrReference)
	if err == nil && t.MergedInto != "" {
		return Find(ctx, tx, a, t.MergedInto)
	}
	return t, err
}

// insert gives t its number and stores it.
// Errors: ErrKnown when its external id is taken, also by a transaction that was quicker.
func insert(ctx context.Context, tx *db.Tx, t *Ticket) error {
	sequence := "ticket"
	if t.Kind == Problem {
		sequence = "problem"
	}
	number, next, err := tx.NextIn(ctx, sequence, 3)
	if err != nil {
		return fmt.Errorf("ticket number: %w", err)
	}
	if t.Fields == nil {
		t.Fields = map[string]any{}
	}
	t.Version = 1
	err = db.First(ctx, tx, `
		INSERT INTO ticket (id, series, number, kind, subject, subject_fold, status, active, pending_on, pending_until, impact,
			urgency, priority, category_id, queue_id, level, assignee_id, requester_id, channel, merged_into, external_id, fields,
			cause, reopened, messages, due_response_at, due_resolution_at, responded_at, resolved_at, closed_at, created_at,
			updated_at, version)
		VALUES ($1, $2, `+number+`, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
			$25, $26, $27, $28, $29, $30, $31, $32, $33)
		ON CONFLICT (external_id) WHERE external_id <> '' DO NOTHING RETURNING number`,
		[]any{t.ID, t.Kind.series(), next, t.Kind, t.Subject, text.Fold(t.Subject), t.Status, t.Status.Active(), t.PendingOn,
			db.Millis(&t.PendingUntil), t.Impact, t.Urgency, t.Priority, db.Null(t.CategoryID), t.QueueID, t.Level, db.Null(t.AssigneeID),
			t.RequesterID, t.Channel, db.Null(t.MergedInto), t.ExternalID, db.JSON(t.Fields), t.Cause, t.Reopened, t.Messages,
			db.Millis(&t.DueResponse), db.Millis(&t.DueResolved), db.Millis(&t.RespondedAt), db.Millis(&t.ResolvedAt),
			db.Millis(&t.ClosedAt), db.Millis(&t.CreatedAt), db.Millis(&t.UpdatedAt), t.Version}, &t.Number)
	if errors.Is(err, errs.NotFound) {
		err = ErrKnown
	}
	return err
}

// save writes what may change of t and lets its version grow.
// Errors: errs.Conflict when somebody saved it in between.
func save(ctx context.Context, tx *db.Tx, t *Ticket) error {
	t.UpdatedAt = tx.Now
	err := db.First(ctx, tx, `
		UPDATE ticket SET kind = $1, subject = $2, subject_fold = $3, status = $4, active = $5, pending_on = $6, pending_until = $7,
			impact = $8, urgency = $9, priority = $10, category_id = $11, queue_id = $12, level = $13, assignee_id = $14,
			requester_id = $15, merged_into = $16, fields = $17, cause = $18, reopened = $19, messages = $20,
			due_response_at = $21, due_resolution_at = $22, responded_at = $23, resolved_at = $24, closed_at = $25,
			updated_at = $26, version = version + 1
		WHERE id = $27 AND version = $28 RETURNING version`,
		[]any{t.Kind, t.Subject, text.Fold(t.Subject), t.Status, t.Status.Active(), t.PendingOn, db.Millis(&t.PendingUntil),
			t.Impact, t.Urgency, t.Priority, db.Null(t.CategoryID), t.QueueID, t.Level, db.Null(t.AssigneeID), t.RequesterID,
			db.Null(t.MergedInto), db.JSON(t.Fields), t.Cause, t.Reopened, t.Messages, db.Millis(&t.DueResponse),
			db.Millis(&t.DueResolved), db.Millis(&t.RespondedAt), db.Millis(&t.ResolvedAt), db.Millis(&t.ClosedAt),
			db.Millis(&t.UpdatedAt), t.ID, t.Version}, &t.Version)
	if errors.Is(err, errs.NotFound) {
		return db.Raced(t.stale())
	}
	if err != nil {
		return fmt.Errorf("save ticket %s: %w", t.Reference(), err)
	}
	t.signal(tx)
	return nil
}

// count notes that a message was added to t and nothing else changed, which does not make a new version: two people
// may write at once.
// Errors: errs.Conflict when somebody changed t in between.
func (t Ticket) count(ctx context.Context, tx *db.Tx) error {
	n, err := tx.Exec(ctx, `UPDATE ticket SET messages = messages + 1, updated_at = $1,
		responded_at = CASE WHEN responded_at = 0 THEN $2 ELSE responded_at END WHERE id = $3 AND version = $4`,
		db.Ms(tx.Now), db.Ms(t.RespondedAt), t.ID, t.Version)
	if err != nil {
		return fmt.Errorf("count messages of %s: %w", t.Reference(), err)
	}
	if n == 0 {
		return db.Raced(t.stale())
	}
	t.signal(tx)
	return nil
}

// signal wakes the pages that show t or its queue.
func (t Ticket) signal(tx *db.Tx) {
	tx.Signal(t.Ref())
	tx.Signal("queue/" + t.QueueID)
	tx.Signal("requests/" + t.RequesterID)
}

func (t Ticket) stale() error { return t.refuse(errs.Conflict, "ticket.stale") }

// at checks that the caller speaks of the version it read; 0 = whatever is there.
func (t Ticket) at(version int64) error {
	if version != 0 && version != t.Version {
		return t.stale()
	}
	return nil
}
