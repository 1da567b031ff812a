package ticket

import (
	"context"
	"fmt"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/text"
)

// Watcher is somebody in copy.
type Watcher struct {
	PersonID string
	Name     string
	Email    string
}

// Watchers returns who is in copy of t, by name.
func Watchers(ctx context.Context, tx *db.Tx, t Ticket) ([]Watcher, error) {
	return db.All(ctx, tx, func(r db.Row, w *Watcher) error { return r.Scan(&w.PersonID, &w.Name, &w.Email) },
		"SELECT p.id, p.name, p.email FROM watcher w JOIN person p ON p.id = w.person_id WHERE w.ticket_id = $1 ORDER BY p.name_fold", t.ID)
}

// Watch puts a person in copy: agents anybody, requesters anybody on what is theirs. It appends ticket.watched; a
// second time does nothing.
// Errors: errs.NotFound, errs.Forbidden, errs.Invalid (person).
func Watch(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID, personID string) error {
	t, err := Find(ctx, tx, a, ticketID)
	if err != nil {
		return err
	}
	if !t.Own(a) && !t.AsAgent(a) && personID != a.ID {
		return t.refuse(errs.Forbidden, "ticket.not_your_team")
	}
	f, err := checkPerson(ctx, tx, personID, "person")
	if err == nil {
		err = errs.InvalidFields(f)
	}
	if err != nil {
		return fmt.Errorf("watch %s: %w", t.Reference(), err)
	}
	t.signal(tx)
	return watch(ctx, tx, a, t.ID, personID)
}

func watch(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID, personID string) error {
	n, err := tx.Exec(ctx, `INSERT INTO watcher (ticket_id, person_id, added_by, at)
		SELECT t.id, p.id, $1, $2 FROM ticket t, person p WHERE t.id = $3 AND p.id = $4 AND t.requester_id <> p.id
		ON CONFLICT (ticket_id, person_id) DO NOTHING`, a.ID, db.Ms(tx.Now), ticketID, personID)
	if err != nil || n == 0 {
		return err
	}
	_, err = event.Emit(ctx, tx, a, event.Event{Kind: "ticket.watched", Ref: "ticket/" + ticketID, Data: event.Data{Person: personID}})
	return err
}

// Unwatch takes a person out of copy: themselves, or as Watch. It appends ticket.unwatched.
// Errors: errs.NotFound, errs.Forbidden.
func Unwatch(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID, personID string) error {
	t, err := Find(ctx, tx, a, ticketID)
	if err != nil {
		return err
	}
	if !t.Own(a) && !t.AsAgent(a) && personID != a.ID {
		return t.refuse(errs.Forbidden, "ticket.not_your_team")
	}
	n, err := tx.Exec(ctx, "DELETE FROM watcher WHERE ticket_id = $1 AND person_id = $2", t.ID, text.Clean(personID))
	if err != nil || n == 0 {
		return err
	}
	t.signal(tx)
	_, err = event.Emit(ctx, tx, a, event.Event{Kind: "ticket.unwatched", Ref: t.Ref(), Data: event.Data{Person: personID}})
	return err
}
