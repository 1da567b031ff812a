package notify

import (
	"context"
	"fmt"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/text"
)

// AddToDigest keeps i for the person's next digest, once for each event.
// Errors: errs.Forbidden unless a is the machine.
func AddToDigest(ctx context.Context, tx *db.Tx, a auth.Actor, i Item) error {
	if !a.Internal {
		return fmt.Errorf("add to digest: %w", errs.Forbidden)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO digest_item (person_id, event_id, kind, ref, title, actor, excerpt, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (person_id, event_id) DO NOTHING`,
		i.Person, i.EventID, i.News, i.Ref, text.Excerpt(i.Title, maxExcerpt), i.Actor, text.Excerpt(i.Excerpt, maxExcerpt), db.Ms(i.At))
	if err != nil {
		return fmt.Errorf("add to digest: %w", err)
	}
	return nil
}

// Waiting is a person with something in their next digest.
type Waiting struct {
	Person string
	Since  time.Time // of the oldest item
}

// DigestsWaiting lists the people who have something in their next digest.
// Errors: errs.Forbidden unless a is the machine.
func DigestsWaiting(ctx context.Context, tx *db.Tx, a auth.Actor) ([]Waiting, error) {
	if !a.Internal {
		return nil, fmt.Errorf("digests: %w", errs.Forbidden)
	}
	return db.All(ctx, tx, func(r db.Row, w *Waiting) error { return r.Scan(&w.Person, db.Millis(&w.Since)) },
		"SELECT person_id, min(at) FROM digest_item GROUP BY person_id ORDER BY person_id")
}

// TakeDigest removes and returns everything in a person's next digest, oldest first.
// Errors: errs.Forbidden unless a is the machine.
func TakeDigest(ctx context.Context, tx *db.Tx, a auth.Actor, person string) ([]Item, error) {
	if !a.Internal {
		return nil, fmt.Errorf("digest: %w", errs.Forbidden)
	}
	items, err := db.All(ctx, tx, func(r db.Row, i *Item) error {
		return r.Scan(&i.Person, &i.EventID, &i.News, &i.Ref, &i.Title, &i.Actor, &i.Excerpt, db.Millis(&i.At))
	}, "SELECT person_id, event_id, kind, ref, title, actor, excerpt, at FROM digest_item WHERE person_id = $1 ORDER BY at, event_id", person)
	if err != nil {
		return nil, fmt.Errorf("digest: %w", err)
	}
	for _, i := range items { // one by one: what another transaction adds meanwhile belongs to the next digest
		if _, err := tx.ExecContext(ctx, "DELETE FROM digest_item WHERE person_id = $1 AND event_id = $2", person, i.EventID); err != nil {
			return nil, fmt.Errorf("digest: %w", err)
		}
	}
	return items, nil
}
