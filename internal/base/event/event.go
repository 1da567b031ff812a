// Package event is the append-only log of everything that changed, and the to-do rows of those who react.
//
// Emit writes one event and one to-do row per reader inside the causing transaction. After the commit the readers wake,
// store their consequence and delete their row in one transaction: each consequence happens once, also after a crash.
// A cursor over ids would not do: on PostgreSQL a slow transaction commits a lower id later, and a cursor skips it.
package event

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/id"
	"entraide/internal/base/obs"
)

// Event is one entry of the log. Kinds are "room.verb" in the past tense: "ticket.resolved".
type Event struct {
	ID       string // 26 characters, sortable
	At       time.Time
	Kind     string
	Ref      string // "ticket/01J…" of what changed
	ActorID  string // "" = the machine
	Actor    string // name at the time, or the machine's reason
	Cause    string // id of the request, mail or run it follows from
	Internal bool   // not for the requester's eyes
	Data     Data
}

// Data is what an event tells beyond its kind. Fields that do not apply are zero.
type Data struct {
	Changes []Change          `json:"changes,omitempty"`
	Why     string            `json:"why,omitempty"`     // the reason a person gave
	Message string            `json:"message,omitempty"` // id of the message it carries
	Other   string            `json:"other,omitempty"`   // reference of the other record of a link or merge
	Person  string            `json:"person,omitempty"`  // id of the person it is about
	Extra   map[string]string `json:"extra,omitempty"`
}

// Change is one field's passage from one value to another, in words that were true then.
type Change struct {
	Field string `json:"field"`
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
}

// Room returns the part of a reference before the slash: "ticket".
func Room(ref string) string {
	room, _, _ := strings.Cut(ref, "/")
	return room
}

// Emit appends an event to the log inside tx, leaves a to-do row for each reader of its kind, and signals e.Ref.
// The actor's id and name are a's; the cause is the context's unless given; the time is the transaction's unless given.
// Where ctx is history, it is Record at the transaction's time.
func Emit(ctx context.Context, tx *db.Tx, a auth.Actor, e Event) (Event, error) {
	if history, _ := ctx.Value(historyKey{}).(bool); history {
		if e.At.IsZero() {
			e.At = tx.Now
		}
		return Record(ctx, tx, a, e)
	}
	e, err := Record(ctx, tx, a, e)
	if err != nil {
		return e, err
	}
	tx.Signal(e.Ref)
	readers := tx.Readers(e.Kind)
	if len(readers) == 0 {
		return e, nil
	}
	q, args := "INSERT INTO event_todo (event_id, reader) VALUES ", []any{e.ID}
	for i, r := range readers {
		if i > 0 {
			q += ", "
		}
		q += "($1, $" + strconv.Itoa(i+2) + ")"
		args = append(args, r)
		tx.Signal(todoTopic + r)
	}
	if err := tx.Later(ctx, q, args...); err != nil {
		return e, fmt.Errorf("emit %s: %w", e.Kind, err)
	}
	return e, nil
}

type historyKey struct{}

// AsHistory returns a context in which what happens is the past being told: events are recorded at the transaction's
// time, and nobody reacts.
func AsHistory(ctx context.Context) context.Context {
	return context.WithValue(ctx, historyKey{}, true)
}

// Record appends an event that nobody reacts to: the history of an imported record.
func Record(ctx context.Context, tx *db.Tx, a auth.Actor, e Event) (Event, error) {
	e.ID = id.New()
	if e.At.IsZero() {
		e.At = tx.Now
	} else {
		e.ID = id.At(e.At)
	}
	e.ActorID, e.Actor = a.ID, a.Name
	if e.Cause == "" {
		e.Cause = obs.Cause(ctx)
	}
	err := tx.Later(ctx, `
		INSERT INTO event (id, at, kind, ref, actor_id, actor, cause, internal, data)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		e.ID, db.Ms(e.At), e.Kind, e.Ref, e.ActorID, e.Actor, e.Cause, e.Internal, db.JSON(e.Data))
	if err != nil {
		return e, fmt.Errorf("record %s: %w", e.Kind, err)
	}
	return e, nil
}

const columns = "e.id, e.at, e.kind, e.ref, e.actor_id, e.actor, e.cause, e.internal, e.data"

func scan(r db.Row, e *Event) error {
	return r.Scan(&e.ID, db.Millis(&e.At), &e.Kind, &e.Ref, &e.ActorID, &e.Actor, &e.Cause, &e.Internal, db.JSON(&e.Data))
}

// Of returns the events of one record, oldest first. Whether the reader may see the record, and its internal events,
// is for the calling room to decide: withInternal leaves them in.
func Of(ctx context.Context, tx *db.Tx, ref string, withInternal bool) ([]Event, error) {
	return db.All(ctx, tx, scan, "SELECT "+columns+" FROM event e WHERE e.ref = $1 AND ($2 OR NOT e.internal) ORDER BY e.id", ref, withInternal)
}

// Since returns up to limit events with an id greater than after, oldest first; for administrators and streams.
func Since(ctx context.Context, tx *db.Tx, after string, limit int) ([]Event, error) {
	return db.All(ctx, tx, scan, "SELECT "+columns+" FROM event e WHERE e.id > $1 ORDER BY e.id LIMIT $2", after, limit)
}

// Get returns one event.
// Errors: errs.NotFound.
func Get(ctx context.Context, tx *db.Tx, eventID string) (Event, error) {
	return db.One(ctx, tx, scan, "SELECT "+columns+" FROM event e WHERE e.id = $1", eventID)
}

// OfAny is Of for several records, in one query.
func OfAny(ctx context.Context, tx *db.Tx, refs []string, withInternal bool) ([]Event, error) {
	return db.All(ctx, tx, scan, "SELECT "+columns+" FROM event e WHERE ($1 OR NOT e.internal) AND "+tx.In("e.ref", 2)+" ORDER BY e.id",
		withInternal, db.List(refs))
}
