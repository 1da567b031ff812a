package ticket

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
	"entraide/internal/domain/form"
)

// How long texts may be, in characters.
const (
	MaxSubject = 200
	MaxBody    = 100_000
	MaxReason  = 5_000
)

// Draft is a ticket about to be opened.
type Draft struct {
	Kind        Kind // "" = incident
	Subject     string
	RequesterID string // "" = the actor
	Channel     Channel
	CategoryID  string
	QueueID     string // "" = by category; only agents may choose
	Impact      int    // 0 = 3
	Urgency     int    // 0 = 3
	Fields      map[string]any
	ExternalID  string // the same one twice finds the first ticket
	Tags        []string
	Watchers    []string // person ids
	AssigneeID  string   // only agents may choose
	Message     Draught
}

// Draught is a message about to be written.
type Draught struct {
	Body        string   // Markdown
	HTML        string   // sanitised; "" = none
	Quoted      string   // what was cut off
	Raw         string   // blob hash of the raw mail; "" = none
	Attachments []string // ids of uploads of the actor
}

// ErrKnown is returned by OpenTicket for an external id that a ticket has already; the ticket is returned with it.
var ErrKnown = errors.New("a ticket with this external id exists")

// OpenTicket opens a ticket: its number, first message, queue and priority. It appends ticket.created.
// Errors: errs.Invalid (subject, body, type, impact, urgency, category, queue, requester, fields.*, attachments),
// errs.Forbidden when a asks for somebody else or chooses a queue without being an agent, ErrKnown.
func OpenTicket(ctx context.Context, tx *db.Tx, a auth.Actor, d Draft) (Ticket, error) {
	if d.ExternalID != "" {
		if t, err := db.One(ctx, tx, scan, "SELECT "+columns+tables+" WHERE t.external_id = $1", d.ExternalID); err == nil {
			return t, ErrKnown
		} else if !errors.Is(err, errs.NotFound) {
			return t, err
		}
	}
	if d.RequesterID == "" {
		d.RequesterID = a.ID
	}
	if !a.Agent() && (d.RequesterID != a.ID || d.QueueID != "" || d.AssigneeID != "") {
		return Ticket{}, fmt.Errorf("open a ticket for somebody else: %w", errs.Because(errs.Forbidden, "ticket.agents_only"))
	}
	t, err := d.check(ctx, tx)
	if err != nil {
		return t, err
	}
	t.ID, t.CreatedAt, t.UpdatedAt = id.New(), tx.Now, tx.Now
	t.Messages = 1
	if err := insert(ctx, tx, &t); err != nil {
		return t, fmt.Errorf("open ticket: %w", err)
	}
	if err := enter(ctx, tx, t); err != nil {
		return t, err
	}
	m := Message{TicketID: t.ID, AuthorID: t.RequesterID, Visibility: Public, Channel: t.Channel, ByAgent: false}
	if a.ID != "" && a.ID != t.RequesterID && t.Channel == API {
		m.AuthorID, m.ByAgent = a.ID, true // written by the one who calls, not put in the requester's mouth
	}
	if m, err = addMessage(ctx, tx, a, m, d.Message); err != nil {
		return t, err
	}
	if err := setTags(ctx, tx, t.ID, d.Tags); err != nil {
		return t, err
	}
	for _, w := range d.Watchers {
		if err := watch(ctx, tx, a, t.ID, w); err != nil {
			return t, err
		}
	}
	t.signal(tx)
	if t, err = Find(ctx, tx, auth.System("open"), t.ID); err != nil {
		return t, err
	}
	_, err = event.Emit(ctx, tx, a, event.Event{Kind: "ticket.created", Ref: t.Ref(), Data: event.Data{Message: m.ID}})
	return t, err
}

// check turns a draft into a ticket without identity, with every fault named.
func (d Draft) check(ctx context.Context, tx *db.Tx) (Ticket, error) {
	t := Ticket{Kind: d.Kind, Subject: text.Line(d.Subject), Status: New, Impact: d.Impact, Urgency: d.Urgency, Channel: d.Channel,
		CategoryID: d.CategoryID, RequesterID: d.RequesterID, AssigneeID: d.AssigneeID, ExternalID: d.ExternalID}
	if t.Kind == "" {
		t.Kind = Incident
	}
	if t.Impact == 0 {
		t.Impact = 3
	}
	if t.Urgency == 0 {
		t.Urgency = 3
	}
	if t.AssigneeID != "" {
		t.Status = Open
	}
	wrong := checkSubject(t.Subject)
	wrong = append(wrong, checkBody("body", d.Message.Body, d.Message.HTML)...)
	switch t.Kind {
	case Incident, Request, Problem:
	default:
		wrong = append(wrong, errs.Field{Name: "type", Key: "ticket.kind_unknown"})
	}
	wrong = append(wrong, checkScale(t.Impact, t.Urgency)...)
	if len(d.ExternalID) > 200 {
		wrong = append(wrong, errs.Field{Name: "external_id", Key: "ticket.name_length", Args: []any{"max", 200}})
	}
	path, f, err := checkCategory(ctx, tx, t.CategoryID)
	if err != nil {
		return t, err
	}
	wrong = append(wrong, f...)
	if t.Fields, f, err = checkFields(ctx, tx, t.Kind, path, d.Fields); err != nil {
		return t, err
	}
	wrong = append(wrong, f...)
	for _, p := range []struct{ id, field string }{{t.RequesterID, "requester"}, {t.AssigneeID, "assignee"}} {
		if f, err = checkPerson(ctx, tx, p.id, p.field); err != nil {
			return t, err
		}
		if p.id != "" || p.field == "requester" {
			wrong = append(wrong, f...)
		}
	}
	if err := errs.InvalidFields(wrong); err != nil {
		return t, fmt.Errorf("open ticket: %w", err)
	}
	var q Queue
	if d.QueueID != "" {
		if q, err = FindQueue(ctx, tx, d.QueueID); err != nil || !q.Active {
			return t, errors.Join(errs.InvalidField("queue", "ticket.queue_unknown"), ignoreNotFound(err))
		}
	} else if q, err = startQueue(ctx, tx, t.CategoryID); err != nil {
		return t, err
	}
	t.QueueID, t.Level, t.TeamID = q.ID, q.Level, q.TeamID
	t.Priority, err = priority(ctx, tx, t.Impact, t.Urgency)
	return t, err
}

func checkSubject(s string) []errs.Field {
	if s == "" {
		return []errs.Field{{Name: "subject", Key: "ticket.subject_missing"}}
	}
	if utf8.RuneCountInString(s) > MaxSubject {
		return []errs.Field{{Name: "subject", Key: "ticket.subject_long", Args: []any{"max", MaxSubject}}}
	}
	return nil
}

func checkBody(field, body, html string) []errs.Field {
	if text.Clean(body) == "" && html == "" {
		return []errs.Field{{Name: field, Key: "ticket.body_missing"}}
	}
	if utf8.RuneCountInString(body) > MaxBody {
		return []errs.Field{{Name: field, Key: "ticket.body_long", Args: []any{"max", MaxBody}}}
	}
	return nil
}

func checkScale(impact, urgency int) []errs.Field {
	var wrong []errs.Field
	if impact < 1 || impact > 4 {
		wrong = append(wrong, errs.Field{Name: "impact", Key: "ticket.scale"})
	}
	if urgency < 1 || urgency > 4 {
		wrong = append(wrong, errs.Field{Name: "urgency", Key: "ticket.scale"})
	}
	return wrong
}

func checkCategory(ctx context.Context, tx *db.Tx, categoryID string) (path []string, wrong []errs.Field, err error) {
	if categoryID == "" {
		return nil, nil, nil
	}
	tree, err := Categories(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range tree.Path(categoryID) {
		path = append(path, c.ID)
	}
	if path == nil {
		wrong = []errs.Field{{Name: "category", Key: "ticket.category_unknown"}}
	}
	return path, wrong, nil
}

func checkFields(ctx context.Context, tx *db.Tx, k Kind, path []string, values map[string]any) (map[string]any, []errs.Field, error) {
	fields, err := form.For(ctx, tx, string(k), path)
	if err != nil {
		return nil, nil, err
	}
	if len(fields) == 0 && len(values) == 0 {
		return map[string]any{}, nil, nil
	}
	clean, wrong := form.Validate(fields, values)
	return clean, wrong, nil
}

func checkPerson(ctx context.Context, tx *db.Tx, personID, field string) ([]errs.Field, error) {
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM person WHERE id = $1", personID).Scan(&n); err != nil || n > 0 {
		return nil, err
	}
	return []errs.Field{{Name: field, Key: "ticket.person_unknown"}}, nil
}
