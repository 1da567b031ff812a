package ticket

import (
	"context"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
)

// Presence is a colleague who has the ticket open now.
type Presence struct {
	PersonID string
	Name     string
	Writing  bool
}

// presenceFor is how long one sign of life holds; pages give one every 20 seconds.
const presenceFor = 45 * time.Second

// Beat notes that a has the ticket open, and whether they write. Only agents leave a sign.
// Errors: errs.NotFound.
func Beat(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string, writing bool) error {
	t, err := Find(ctx, tx, a, ticketID)
	if err != nil || !t.AsAgent(a) {
		return err
	}
	var was bool
	var until time.Time
	err = db.First(ctx, tx, "SELECT writing, until FROM presence WHERE ticket_id = $1 AND person_id = $2", []any{t.ID, a.ID}, &was, db.Millis(&until))
	if ignoreNotFound(err) != nil {
		return err
	}
	if err != nil || was != writing || until.Before(tx.Now) { // others see a difference
		tx.Signal("presence/" + t.ID)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO presence (ticket_id, person_id, writing, until) VALUES ($1, $2, $3, $4)
		ON CONFLICT (ticket_id, person_id) DO UPDATE SET writing = excluded.writing, until = excluded.until`,
		t.ID, a.ID, writing, db.Ms(tx.Now.Add(presenceFor)))
	return err
}

// Present returns the others who have t open now. Only agents are told.
func Present(ctx context.Context, tx *db.Tx, a auth.Actor, t Ticket) ([]Presence, error) {
	if !t.AsAgent(a) {
		return nil, nil
	}
	return db.All(ctx, tx, func(r db.Row, p *Presence) error { return r.Scan(&p.PersonID, &p.Name, &p.Writing) },
		`SELECT x.person_id, p.name, x.writing FROM presence x JOIN person p ON p.id = x.person_id
		WHERE x.ticket_id = $1 AND x.person_id <> $2 AND x.until > $3 ORDER BY x.writing DESC, p.name_fold`, t.ID, a.ID, db.Ms(tx.Now))
}

// PurgePresence forgets signs of life that are over.
func PurgePresence(ctx context.Context, tx *db.Tx) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM presence WHERE until < $1", db.Ms(tx.Now))
	return err
}
