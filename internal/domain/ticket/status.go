package ticket

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/setting"
	"entraide/internal/base/text"
)

// worked finds a ticket at a version and checks that a may work it.
func worked(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string, version int64) (Ticket, error) {
	t, err := Find(ctx, tx, a, ticketID)
	if err != nil {
		return t, err
	}
	if err := t.MayWork(a); err != nil {
		return t, err
	}
	return t, t.at(version)
}

func (t *Ticket) reopen() {
	t.Status, t.PendingOn, t.PendingUntil, t.ResolvedAt, t.Cause = Open, "", time.Time{}, time.Time{}, ""
	t.Reopened++
}

func statusChange(from, to Status) event.Data {
	return event.Data{Changes: []event.Change{{Field: "status", From: string(from), To: string(to)}}}
}

// Pend makes a ticket wait, for the requester, for a third party or until a date. It appends ticket.pending.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict, errs.Invalid (on, until).
func Pend(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string, on PendingOn, until time.Time, version int64) (Ticket, error) {
	t, err := worked(ctx, tx, a, ticketID, version)
	if err != nil {
		return t, err
	}
	switch {
	case on != OnRequester && on != OnThirdParty && on != OnDate:
		return t, errs.InvalidField("on", "ticket.pending_on")
	case on == OnDate && until.IsZero():
		return t, errs.InvalidField("until", "ticket.pending_until_missing")
	case !until.IsZero() && !until.After(tx.Now):
		return t, errs.InvalidField("until", "ticket.pending_until_past")
	case t.Status == Resolved:
		return t, t.refuse(errs.Conflict, "ticket.is_resolved")
	}
	d := statusChange(t.Status, Pending)
	d.Extra = map[string]string{"on": string(on)}
	if !until.IsZero() {
		d.Extra["until"] = until.UTC().Format(time.RFC3339)
	}
	t.Status, t.PendingOn, t.PendingUntil = Pending, on, until
	return t, saveAnd(ctx, tx, a, &t, event.Event{Kind: "ticket.pending", Data: d})
}

// Resume ends the waiting, or marks a new ticket as being worked on. It appends ticket.opened.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict unless it is new or pending.
func Resume(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string, version int64) (Ticket, error) {
	t, err := worked(ctx, tx, a, ticketID, version)
	if err != nil {
		return t, err
	}
	if t.Status != New && t.Status != Pending {
		return t, t.refuse(errs.Conflict, "ticket.not_waiting")
	}
	d := statusChange(t.Status, Open)
	t.Status, t.PendingOn, t.PendingUntil = Open, "", time.Time{}
	return t, saveAnd(ctx, tx, a, &t, event.Event{Kind: "ticket.opened", Data: d})
}

// Resolution ends a ticket well.
type Resolution struct {
	Body        string   // Markdown told to the requester; "" = nothing more to say
	Attachments []string // uploads of the actor
	Cause       string   // for the desk; may be ""
	Channel     Channel
	Version     int64
}

// Resolve marks a ticket resolved, with a last public message when r has a body. It appends ticket.resolved.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict (also when somebody saved it in between), errs.Invalid.
func Resolve(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string, r Resolution) (Ticket, error) {
	t, err := Find(ctx, tx, a, ticketID)
	if err != nil {
		return t, err
	}
	if err := t.MayResolve(a); err != nil {
		return t, err
	}
	if err := t.at(r.Version); err != nil {
		return t, err
	}
	if err := checkReason("cause", r.Cause); err != nil {
		return t, err
	}
	d := statusChange(t.Status, Resolved)
	if !text.Blank(r.Body) || len(r.Attachments) > 0 {
		m := Message{TicketID: t.ID, AuthorID: a.ID, Visibility: Public, Channel: r.Channel, ByAgent: true}
		if m, err = addMessage(ctx, tx, a, m, Draught{Body: r.Body, Attachments: r.Attachments}); err != nil {
			return t, fmt.Errorf("resolve %s: %w", t.Reference(), err)
		}
		t.Messages++
		if t.RespondedAt.IsZero() {
			t.RespondedAt = tx.Now
		}
		if err := mentions(ctx, tx, a, t, m); err != nil {
			return t, err
		}
		d.Message = m.ID
	}
	t.Status, t.PendingOn, t.PendingUntil, t.ResolvedAt, t.Cause = Resolved, "", time.Time{}, tx.Now, text.Clean(r.Cause)
	if t.AssigneeID == "" && a.ID != "" && !a.Internal {
		t.AssigneeID = a.ID // whoever resolves it did the work
	}
	return t, saveAnd(ctx, tx, a, &t, event.Event{Kind: "ticket.resolved", Data: d})
}

// Reopen makes a resolved ticket open again. It appends ticket.reopened.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict unless it is resolved, or for the requester after the delay.
func Reopen(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID, why string) (Ticket, error) {
	t, err := Find(ctx, tx, a, ticketID)
	if err != nil {
		return t, err
	}
	p, err := setting.Get(ctx, tx, PolicyKey, DefaultPolicy())
	if err != nil {
		return t, err
	}
	if err := t.MayReopen(a, p, tx.Now); err != nil {
		return t, err
	}
	if err := checkReason("why", why); err != nil {
		return t, err
	}
	d := statusChange(t.Status, Open)
	d.Why = text.Clean(why)
	t.reopen()
	return t, saveAnd(ctx, tx, a, &t, event.Event{Kind: "ticket.reopened", Data: d})
}

// Cancel withdraws an active ticket. It appends ticket.cancelled.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict.
func Cancel(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID, why string) (Ticket, error) {
	t, err := Find(ctx, tx, a, ticketID)
	if err != nil {
		return t, err
	}
	if err := t.MayCancel(a); err != nil {
		return t, err
	}
	if err := checkReason("why", why); err != nil {
		return t, err
	}
	d := statusChange(t.Status, Cancelled)
	d.Why = text.Clean(why)
	t.Status, t.PendingOn, t.PendingUntil, t.ClosedAt = Cancelled, "", time.Time{}, tx.Now
	return t, saveAnd(ctx, tx, a, &t, event.Event{Kind: "ticket.cancelled", Data: d})
}

func checkReason(field, reason string) error {
	if utf8.RuneCountInString(reason) > MaxReason {
		return errs.InvalidField(field, "ticket.reason_long", "max", MaxReason)
	}
	return nil
}

// saveAnd saves t and appends e about it.
func saveAnd(ctx context.Context, tx *db.Tx, a auth.Actor, t *Ticket, e event.Event) error {
	if err := save(ctx, tx, t); err != nil {
		return err
	}
	e.Ref = t.Ref()
	_, err := event.Emit(ctx, tx, a, e)
	return err
}

// Jobs of the room, each scheduled.
const (
	JobWake  = "ticket.wake"  // every minute: Wake
	JobClose = "ticket.close" // every hour: CloseOld
	JobPurge = "ticket.purge" // every night: PurgeUploads, PurgePresence
)

// sweep is how many tickets one call of Wake or CloseOld changes at most.
const sweep = 200

// Wake opens tickets whose waiting has reached its date. It returns how many; sweep of them means there may be more.
func Wake(ctx context.Context, tx *db.Tx) (int, error) {
	due, err := db.All(ctx, tx, scan, "SELECT "+columns+tables+` WHERE t.status = 'pending' AND t.pending_until > 0
		AND t.pending_until <= $1 ORDER BY t.pending_until LIMIT $2`, db.Ms(tx.Now), sweep)
	if err != nil {
		return 0, err
	}
	for _, t := range due {
		d := statusChange(t.Status, Open)
		t.Status, t.PendingOn, t.PendingUntil = Open, "", time.Time{}
		if err := saveAnd(ctx, tx, auth.System("wake"), &t, event.Event{Kind: "ticket.opened", Data: d}); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}

// CloseOld closes tickets resolved longer ago than the policy's reopen delay. It returns how many; sweep of them means
// there may be more.
func CloseOld(ctx context.Context, tx *db.Tx) (int, error) {
	p, err := setting.Get(ctx, tx, PolicyKey, DefaultPolicy())
	if err != nil {
		return 0, err
	}
	old, err := db.All(ctx, tx, scan, "SELECT "+columns+tables+` WHERE t.status = 'resolved' AND t.resolved_at <= $1
		ORDER BY t.resolved_at LIMIT $2`, db.Ms(tx.Now.AddDate(0, 0, -p.ReopenDays)), sweep)
	if err != nil {
		return 0, err
	}
	for _, t := range old {
		d := statusChange(t.Status, Closed)
		t.Status, t.ClosedAt = Closed, tx.Now
		if err := saveAnd(ctx, tx, auth.System("close"), &t, event.Event{Kind: "ticket.closed", Data: d}); err != nil {
			return 0, err
		}
	}
	return len(old), nil
}

// Rating is the requester's opinion of how it went.
type Rating struct {
	Score   string // "good", "neutral" or "bad"
	Comment string
	At      time.Time
}

// Rate keeps the requester's opinion, replacing an earlier one. It appends ticket.rated.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict, errs.Invalid (score, comment).
func Rate(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string, r Rating) error {
	t, err := Find(ctx, tx, a, ticketID)
	if err != nil {
		return err
	}
	if err := t.MayRate(a); err != nil {
		return err
	}
	if r.Score != "good" && r.Score != "neutral" && r.Score != "bad" {
		return errs.InvalidField("score", "ticket.score_unknown")
	}
	if err := checkReason("comment", r.Comment); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO rating (ticket_id, person_id, score, comment, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (ticket_id) DO UPDATE SET score = excluded.score, comment = excluded.comment, at = excluded.at`,
		t.ID, a.ID, r.Score, text.Clean(r.Comment), db.Ms(tx.Now))
	if err != nil {
		return err
	}
	t.signal(tx)
	_, err = event.Emit(ctx, tx, a, event.Event{Kind: "ticket.rated", Ref: t.Ref(),
		Data: event.Data{Why: text.Clean(r.Comment), Extra: map[string]string{"score": r.Score}}})
	return err
}

// RatingOf returns the rating of t; ok is false when there is none.
func RatingOf(ctx context.Context, tx *db.Tx, t Ticket) (r Rating, ok bool, err error) {
	err = db.First(ctx, tx, "SELECT score, comment, at FROM rating WHERE ticket_id = $1", []any{t.ID}, &r.Score, &r.Comment, db.Millis(&r.At))
	return r, err == nil, ignoreNotFound(err)
}

// SetDue keeps the deadlines of a ticket to sort and show by; zero = no promise. It makes no new version.
// Errors: errs.Forbidden unless a is the machine, errs.NotFound.
func SetDue(ctx context.Context, tx *db.Tx, a auth.Actor, t Ticket, response, resolution time.Time) error {
	if !a.Internal {
		return fmt.Errorf("deadlines of %s: %w", t.Reference(), errs.Forbidden)
	}
	if t.DueResponse.Equal(response) && t.DueResolved.Equal(resolution) {
		return nil
	}
	t.signal(tx)
	return tx.ExecOne(ctx, "UPDATE ticket SET due_response_at = $1, due_resolution_at = $2 WHERE id = $3", db.Ms(response), db.Ms(resolution), t.ID)
}

// ActiveAfter returns up to limit ids of active tickets greater than after, in order: for what goes through all of them.
// Errors: errs.Forbidden unless a is the machine.
func ActiveAfter(ctx context.Context, tx *db.Tx, a auth.Actor, after string, limit int) ([]string, error) {
	if !a.Internal {
		return nil, fmt.Errorf("all tickets: %w", errs.Forbidden)
	}
	return db.Strings(ctx, tx, "SELECT id FROM ticket WHERE active AND id > $1 ORDER BY id LIMIT $2", after, limit)
}
