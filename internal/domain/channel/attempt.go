package channel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
)

// Attempt is what is known of the last attempt to hand an outgoing mail over.
type Attempt struct {
	Began  time.Time // zero, or when it began to leave, without the server's word since
	Doubts int       // times that its word was lost
}

// AttemptOf returns what is known of the last attempt.
// Errors: errs.Forbidden unless a is the machine, errs.NotFound.
func AttemptOf(ctx context.Context, tx *db.Tx, a auth.Actor, envelopeID string) (x Attempt, err error) {
	if err := mayHandle(a); err != nil {
		return x, err
	}
	err = db.First(ctx, tx, "SELECT began_at, doubts FROM envelope WHERE id = $1 AND direction = 'out'", []any{envelopeID}, db.Millis(&x.Began), &x.Doubts)
	return x, err
}

// Begin says that the mail begins to leave, just before it does. known is the attempt that the caller decided upon:
// when another process began in between, nothing is written and the caller must not send.
// Errors: errs.Conflict then, or when the envelope does not wait any more; errs.Forbidden unless a is the machine.
func Begin(ctx context.Context, tx *db.Tx, a auth.Actor, envelopeID string, known Attempt) (Attempt, error) {
	if err := mayHandle(a); err != nil {
		return known, err
	}
	err := tx.ExecOne(ctx, "UPDATE envelope SET began_at = $1, doubts = doubts + 1 WHERE id = $2 AND state = 'waiting' AND began_at = $3 AND doubts = $4",
		db.Ms(tx.Now), envelopeID, db.Millis(&known.Began), known.Doubts)
	if errors.Is(err, errs.NotFound) {
		err = fmt.Errorf("envelope %s is being sent: %w", envelopeID, errs.Conflict)
	}
	return Attempt{Began: tx.Now, Doubts: known.Doubts + 1}, err
}

// Refused says that the attempt ended with the server's word against it, or before it could take the mail: there is
// no doubt about it.
// Errors: errs.Forbidden unless a is the machine.
func Refused(ctx context.Context, tx *db.Tx, a auth.Actor, envelopeID string) error {
	if err := mayHandle(a); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE envelope SET doubts = CASE WHEN began_at > 0 THEN doubts - 1 ELSE doubts END, began_at = 0 WHERE id = $1 AND state = 'waiting'", envelopeID)
	return err
}
