package ticket

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// Way is the direction of an escalation.
type Way string

// The ways.
const (
	Up     Way = "up"     // to a higher level, with a handover
	Across Way = "across" // to another team of the same or a lower level
	Back   Way = "back"   // returned to where it came from, with advice
	ToLead Way = "lead"   // a lead is told; the ticket stays where it is
)

// Handover carries over what is known, so that nothing has to be told again.
type Handover struct {
	Tried string // what was tried
	Known string // what is known
	Asked string // what is asked of the next level
}

// Escalation is one passing on.
type Escalation struct {
	ID                   string
	TicketID             string
	Way                  Way
	FromQueueID          string
	ToQueueID            string
	FromQueue, ToQueue   string // names, when read
	FromLevel, ToLevel   int
	ToPersonID, ToPerson string // the lead told, or who it was given to
	Reason               string
	Handover             Handover
	Advice               string // of a return
	ByID, By             string // who passed it on
	At                   time.Time
}

// Pass is what Escalate needs.
type Pass struct {
	QueueID  string // where to; "" = by Level
	Level    int    // 2 or 3, when no queue is named
	PersonID string // who gets it there; "" = the queue
	Reason   string
	Handover Handover
	Version  int64
}

// Escalate passes a ticket to a higher level or another team. Going up needs a reason and a full handover, going
// across a reason. The ticket leaves its assignee; its stay in the old queue ends. It appends ticket.escalated.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict, errs.Invalid (queue, level, reason, handover.tried, …).
func Escalate(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string, p Pass) (Ticket, Escalation, error) {
	var e Escalation
	t, err := worked(ctx, tx, a, ticketID, p.Version)
	if err != nil {
		return t, e, err
	}
	if t.Status == Resolved {
		return t, e, t.refuse(errs.Conflict, "ticket.is_resolved")
	}
	q, err := t.destination(ctx, tx, p)
	if err != nil {
		return t, e, err
	}
	e = Escalation{Way: Across, ToQueueID: q.ID, ToQueue: q.Name, ToLevel: q.Level, Reason: text.Clean(p.Reason), ToPersonID: p.PersonID,
		Handover: Handover{text.Clean(p.Handover.Tried), text.Clean(p.Handover.Known), text.Clean(p.Handover.Asked)}}
	if q.Level > t.Level {
		e.Way = Up
	}
	if err := errs.InvalidFields(e.check()); err != nil {
		return t, e, fmt.Errorf("escalate %s: %w", t.Reference(), err)
	}
	if _, err := mayReceive(ctx, tx, q.TeamID, p.PersonID); err != nil {
		return t, e, err
	}
	return move(ctx, tx, a, t, q, e)
}

func (t Ticket) destination(ctx context.Context, tx *db.Tx, p Pass) (Queue, error) {
	if p.QueueID != "" {
		q, err := FindQueue(ctx, tx, p.QueueID)
		switch {
		case errors.Is(err, errs.NotFound), err == nil && !q.Active:
			return q, errs.InvalidField("queue", "ticket.queue_unknown")
		case err == nil && q.ID == t.QueueID:
			return q, errs.InvalidField("queue", "ticket.queue_same")
		}
		return q, err
	}
	if p.Level < 1 || p.Level > 3 || p.Level == t.Level {
		return Queue{}, errs.InvalidField("level", "ticket.level_unknown")
	}
	q, err := db.One(ctx, tx, scanQueue, "SELECT "+queueColumns+` FROM queue q JOIN team m ON m.id = q.team_id
		WHERE q.active AND q.level = $1 ORDER BY q.private, q.position, q.name LIMIT 1`, p.Level)
	if errors.Is(err, errs.NotFound) {
		return q, errs.InvalidField("level", "ticket.level_without_queue")
	}
	return q, err
}

func (e Escalation) check() []errs.Field {
	needs := []struct{ field, value string }{{"reason", e.Reason}}
	if e.Way == Up {
		needs = append(needs, []struct{ field, value string }{{"handover.tried", e.Handover.Tried},
			{"handover.known", e.Handover.Known}, {"handover.asked", e.Handover.Asked}}...)
	}
	var wrong []errs.Field
	for _, n := range needs {
		if text.Blank(n.value) {
			wrong = append(wrong, errs.Field{Name: n.field, Key: "ticket.handover_missing"})
		}
	}
	for _, n := range []struct{ field, value string }{{"reason", e.Reason}, {"handover.tried", e.Handover.Tried},
		{"handover.known", e.Handover.Known}, {"handover.asked", e.Handover.Asked}, {"advice", e.Advice}} {
		if utf8.RuneCountInString(n.value) > MaxReason {
			wrong = append(wrong, errs.Field{Name: n.field, Key: "ticket.reason_long", Args: []any{"max", MaxReason}})
		}
	}
	return wrong
}

// move takes t to queue q as e says.
func move(ctx context.Context, tx *db.Tx, a auth.Actor, t Ticket, q Queue, e Escalation) (Ticket, Escalation, error) {
	e.TicketID, e.FromQueueID, e.FromQueue, e.FromLevel = t.ID, t.QueueID, t.QueueName, t.Level
	e.ByID, e.By, e.At = a.ID, a.Name, tx.Now
	if err := insertEscalation(ctx, tx, &e); err != nil {
		return t, e, err
	}
	tx.Signal("queue/" + t.QueueID)
	t.QueueID, t.QueueName, t.TeamID, t.Level, t.Private, t.AssigneeID = q.ID, q.Name, q.TeamID, q.Level, q.Private, e.ToPersonID
	if t.Status == New || t.Status == Pending {
		t.Status, t.PendingOn, t.PendingUntil = Open, "", time.Time{}
	}
	if err := exit(ctx, tx, t.ID); err != nil {
		return t, e, err
	}
	if err := enter(ctx, tx, t); err != nil {
		return t, e, err
	}
	kind := "ticket.escalated"
	if e.Way == Back {
		kind = "ticket.returned"
	}
	err := saveAnd(ctx, tx, a, &t, event.Event{Kind: kind, Data: event.Data{Why: e.Reason, Person: e.ToPersonID, Extra: map[string]string{
		"way": string(e.Way), "from_queue": e.FromQueue, "to_queue": e.ToQueue, "from_level": strconv.Itoa(e.FromLevel),
		"to_level": strconv.Itoa(e.ToLevel), "escalation": e.ID}}})
	if err != nil {
		return t, e, err
	}
	t, err = Find(ctx, tx, auth.System("escalate"), t.ID)
	return t, e, err
}

// Return hands a ticket back to where it was escalated from, with advice, and to who escalated it if they still work
// there. It appends ticket.returned.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict when it was never escalated here, errs.Invalid (advice).
func Return(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID, advice string, version int64) (Ticket, Escalation, error) {
	t, err := worked(ctx, tx, a, ticketID, version)
	if err != nil {
		return t, Escalation{}, err
	}
	came, err := db.One(ctx, tx, scanEscalation, "SELECT "+escalationColumns+escalationTables+`
		WHERE e.ticket_id = $1 AND e.to_queue = $2 AND e.way IN ('up', 'across') ORDER BY e.at DESC, e.id DESC LIMIT 1`, t.ID, t.QueueID)
	if errors.Is(err, errs.NotFound) {
		return t, came, t.refuse(errs.Conflict, "ticket.never_escalated")
	}
	if err != nil {
		return t, came, err
	}
	e := Escalation{Way: Back, Advice: text.Clean(advice), Reason: text.Clean(advice), ToPersonID: came.ByID}
	if text.Blank(e.Advice) {
		return t, e, errs.InvalidField("advice", "ticket.handover_missing")
	}
	if err := errs.InvalidFields(e.check()); err != nil {
		return t, e, err
	}
	q, err := FindQueue(ctx, tx, came.FromQueueID)
	if err != nil {
		return t, e, err
	}
	if _, err := mayReceive(ctx, tx, q.TeamID, e.ToPersonID); errors.Is(err, errs.Invalid) {
		e.ToPersonID = ""
	} else if err != nil {
		return t, e, err
	}
	e.ToQueueID, e.ToQueue, e.ToLevel = q.ID, q.Name, q.Level
	return move(ctx, tx, a, t, q, e)
}

// CallLead tells a lead of the ticket's team about it; the ticket stays. It appends ticket.escalated.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict when the team has no lead, errs.Invalid (reason).
func CallLead(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID, reason string) (Escalation, error) {
	t, err := worked(ctx, tx, a, ticketID, 0)
	if err != nil {
		return Escalation{}, err
	}
	e := Escalation{TicketID: t.ID, Way: ToLead, FromQueueID: t.QueueID, ToQueueID: t.QueueID, FromQueue: t.QueueName, ToQueue: t.QueueName,
		FromLevel: t.Level, ToLevel: t.Level, Reason: text.Clean(reason), ByID: a.ID, By: a.Name, At: tx.Now}
	if err := errs.InvalidFields(e.check()); err != nil {
		return e, err
	}
	err = db.First(ctx, tx, `SELECT p.id, p.name FROM team_member m JOIN person p ON p.id = m.person_id
		WHERE m.team_id = $1 AND m.leads AND p.active ORDER BY p.out_until > $2, p.name_fold LIMIT 1`, []any{t.TeamID, db.Ms(tx.Now)}, &e.ToPersonID, &e.ToPerson)
	if errors.Is(err, errs.NotFound) {
		return e, t.refuse(errs.Conflict, "ticket.no_lead")
	}
	if err != nil {
		return e, err
	}
	if err := insertEscalation(ctx, tx, &e); err != nil {
		return e, err
	}
	t.signal(tx)
	_, err = event.Emit(ctx, tx, a, event.Event{Kind: "ticket.escalated", Ref: t.Ref(), Internal: true, Data: event.Data{Why: e.Reason, Person: e.ToPersonID,
		Extra: map[string]string{"way": string(ToLead), "to_person": e.ToPerson, "escalation": e.ID}}})
	return e, err
}

func insertEscalation(ctx context.Context, tx *db.Tx, e *Escalation) error {
	e.ID = id.New()
	_, err := tx.ExecContext(ctx, `
		INSERT INTO escalation (id, ticket_id, way, from_queue, to_queue, from_level, to_level, to_person, reason, tried, known,
			asked, advice, by_id, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		e.ID, e.TicketID, e.Way, e.FromQueueID, e.ToQueueID, e.FromLevel, e.ToLevel, db.Null(e.ToPersonID), e.Reason,
		e.Handover.Tried, e.Handover.Known, e.Handover.Asked, e.Advice, db.Null(e.ByID), db.Millis(&e.At))
	return err
}

const escalationColumns = `e.id, e.ticket_id, e.way, e.from_queue, e.to_queue, f.name, q.name, e.from_level, e.to_level,
	coalesce(e.to_person, ''), coalesce(p.name, ''), e.reason, e.tried, e.known, e.asked, e.advice, coalesce(e.by_id, ''), coalesce(b.name, ''), e.at`

const escalationTables = ` FROM escalation e JOIN queue f ON f.id = e.from_queue JOIN queue q ON q.id = e.to_queue
	LEFT JOIN person p ON p.id = e.to_person LEFT JOIN person b ON b.id = e.by_id`

func scanEscalation(r db.Row, e *Escalation) error {
	return r.Scan(&e.ID, &e.TicketID, &e.Way, &e.FromQueueID, &e.ToQueueID, &e.FromQueue, &e.ToQueue, &e.FromLevel, &e.ToLevel,
		&e.ToPersonID, &e.ToPerson, &e.Reason, &e.Handover.Tried, &e.Handover.Known, &e.Handover.Asked, &e.Advice, &e.ByID, &e.By, db.Millis(&e.At))
}

// Escalations returns how t was passed on, oldest first. Only for those who see t as agents.
// Errors: errs.Forbidden.
func Escalations(ctx context.Context, tx *db.Tx, a auth.Actor, t Ticket) ([]Escalation, error) {
	if err := t.MayNote(a); err != nil {
		return nil, err
	}
	return db.All(ctx, tx, scanEscalation, "SELECT "+escalationColumns+escalationTables+" WHERE e.ticket_id = $1 ORDER BY e.at, e.id", t.ID)
}

// Stay is a ticket's time in one queue.
type Stay struct {
	QueueID, Queue string
	Level          int
	Entered        time.Time
	Left           time.Time     // zero = still there
	Spent          time.Duration // elapsed; zero while there
}

// Stays returns where t has been, oldest first. Requesters may be shown the levels.
func Stays(ctx context.Context, tx *db.Tx, t Ticket) ([]Stay, error) {
	return db.All(ctx, tx, func(r db.Row, s *Stay) error {
		var ms int64
		err := r.Scan(&s.QueueID, &s.Queue, &s.Level, db.Millis(&s.Entered), db.Millis(&s.Left), &ms)
		s.Spent = time.Duration(ms) * time.Millisecond
		return err
	}, `SELECT s.queue_id, q.name, s.level, s.entered_at, s.left_at, s.spent FROM stay s JOIN queue q ON q.id = s.queue_id
		WHERE s.ticket_id = $1 ORDER BY s.entered_at, s.id`, t.ID)
}

func enter(ctx context.Context, tx *db.Tx, t Ticket) error {
	return insertStay(ctx, tx, t.ID, Stay{QueueID: t.QueueID, Level: t.Level, Entered: tx.Now})
}

func insertStay(ctx context.Context, tx *db.Tx, ticketID string, s Stay) error {
	return tx.Later(ctx, "INSERT INTO stay (id, ticket_id, queue_id, level, entered_at, left_at, spent) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		id.New(), ticketID, s.QueueID, s.Level, db.Millis(&s.Entered), db.Millis(&s.Left), s.Spent.Milliseconds())
}

func exit(ctx context.Context, tx *db.Tx, ticketID string) error {
	_, err := tx.ExecContext(ctx, "UPDATE stay SET left_at = $1, spent = $1 - entered_at WHERE ticket_id = $2 AND left_at = 0", db.Ms(tx.Now), ticketID)
	return err
}
