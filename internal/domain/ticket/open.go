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
	ArrivalID   string // queue of the address it was written to, for one without category; "" = the usual one
	Impact      int    // 0 = 3
	Urgency     int    // 0 = 3
	Fields      map[string]any
	ExternalID  string // the same one twice finds the first ticket
	Tags        []string
	Watchers    []string // person ids
	AssigneeID  string   // only agents may choose
	ByDesk      bool     // the message is the desk's word, not the requester's; only for agents
	Message     Draught
}

// Draught is a message about to be written.
type Draught struct {
	Body        string   // Markdown
	HTML        string   // sanitised; "" = none
	Quoted      string   // what was cut off
	Raw         string   // blob hash of the raw mail; "" = none
	Attachments []string // ids of uploads of the actor
	Reached     []string // addresses that have the message already, lower case: it went to them as well as to us
}

// ErrKnown is returned by OpenTicket for an external id that a ticket has already; the ticket is returned with it.
var ErrKnown = errors.New("a ticket with this external id exists")

// OpenTicket opens a ticket: its number, first message, queue and priority. It appends ticket.created.
// Errors: errs.Invalid (subject, body, type, impact, urgency, category, queue, requester, fields.*, attachments),
// errs.Forbidden when a asks for somebody else or chooses a queue without being an agent, errs.Unavailable when
// no queue is active, ErrKnown.
func OpenTicket(ctx context.Context, tx *db.Tx, a auth.Actor, d Draft) (Ticket, error) {
	d.clean()
	if d.ExternalID != "" {
		if t, err := known(ctx, tx, a, d.ExternalID); err != nil {
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
	if err := insert(ctx, tx, &t); errors.Is(err, ErrKnown) { // another request was quicker
		return known(ctx, tx, a, d.ExternalID)
	} else if err != nil {
		return t, fmt.Errorf("open ticket: %w", err)
	}
	if err := enter(ctx, tx, t); err != nil {
		return t, err
	}
	m := Message{TicketID: t.ID, AuthorID: t.RequesterID, Visibility: Public, Channel: t.Channel, ByAgent: false}
	if a.ID != t.RequesterID && a.Agent() && (d.ByDesk || t.Channel == API && a.ID != "") {
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
	_, err = event.Emit(ctx, tx, a, event.Event{Kind: "ticket.created", Ref: t.Ref(), Data: m.told()})
	return t, err
}

// clean takes out of the references what PostgreSQL refuses; texts are cleaned where they are checked.
func (d *Draft) clean() {
	for _, s := range []*string{&d.RequesterID, &d.CategoryID, &d.QueueID, &d.ExternalID, &d.AssigneeID} {
		*s = text.Clean(*s)
	}
}

// known returns the ticket that has an external id already, with ErrKnown; a zero one, without error, when none has.
// Errors: ErrKnown, errs.Invalid (external_id) when a may not see the ticket.
func known(ctx context.Context, tx *db.Tx, a auth.Actor, externalID string) (Ticket, error) {
	t, err := db.One(ctx, tx, scan, "SELECT "+columns+tables+" WHERE t.external_id = $1", externalID)
	if err != nil {
		return t, ignoreNotFound(err)
	}
	if _, err := Find(ctx, tx, a, t.ID); errors.Is(err, errs.NotFound) {
		return Ticket{}, errs.InvalidField("external_id", "ticket.external_id_taken")
	} else if err != nil {
		return t, err
	}
	return t, ErrKnown
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
	if utf8.RuneCountInString(d.ExternalID) > 200 {
		wrong = append(wrong, errs.Field{Name: "external_id", Key: "ticket.name_length", Args: []any{"max", 200}})
	}
	f, err := t.checkSurroundings(ctx, tx, d)
	if err != nil {
		return t, err
	}
	if err := errs.InvalidFields(append(wrong, f...)); err != nil {
		return t, fmt.Errorf("open ticket: %w", err)
	}
	if t.QueueID == "" {
		return t, fmt.Errorf("queue for a new ticket: %w", errs.Because(errs.Unavailable, "ticket.no_queue"))
	}
	return t, nil
}

func checkSubject(s string) []errs.Field {
	if text.Blank(s) {
		return []errs.Field{{Name: "subject", Key: "ticket.subject_missing"}}
	}
	if utf8.RuneCountInString(s) > MaxSubject {
		return []errs.Field{{Name: "subject", Key: "ticket.subject_long", Args: []any{"max", MaxSubject}}}
	}
	return nil
}

func checkBody(field, body, html string) []errs.Field {
	if text.Blank(body) && html == "" {
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

// checkCategory returns a category and those above it. A ticket keeps one that is no longer active, but gets none.
func checkCategory(ctx context.Context, tx *db.Tx, categoryID string, chosen bool) (path []string, wrong []errs.Field, err error) {
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
	if c, _ := tree.Find(categoryID); path == nil || chosen && !c.Active {
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
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM person WHERE id = $1", text.Clean(personID)).Scan(&n); err != nil || n > 0 {
		return nil, err
	}
	return []errs.Field{{Name: field, Key: "ticket.person_unknown"}}, nil
}
