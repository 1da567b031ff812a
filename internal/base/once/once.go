// Package once remembers what a request was answered, under a key of its sender's: the same request sent again has its
// effect once. All of it happens in the transaction of the effect, so an answer is remembered if and only if the effect
// took place.
package once

import (
	"context"
	"errors"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/errs"
)

// Kept is how long an answer is remembered.
const Kept = 24 * time.Hour

// Errors of Begin.
var (
	ErrBusy  = errors.New("the first request under this key failed just now") // send it again
	ErrOther = errors.New("the key was used for another request")
)

// Key names a request: who sends it, the key they gave it, and the print of what they ask.
type Key struct{ Sender, Key, Print string }

// Answer is what a request was answered.
type Answer struct {
	Status int
	Header map[string]string
	Body   string
}

// Begin claims a key. again is true when the request was answered before, as a says; otherwise the caller does the work
// and calls Finish in the same transaction. While another transaction works under the key, Begin waits for its end.
// Errors: ErrBusy, ErrOther.
func Begin(ctx context.Context, tx *db.Tx, k Key) (a Answer, again bool, err error) {
	n, err := tx.Exec(ctx, `INSERT INTO idempotency (actor_id, key, request_hash, status, header, body, at)
		VALUES ($1, $2, $3, 0, '', '', $4) ON CONFLICT (actor_id, key) DO NOTHING`, k.Sender, k.Key, k.Print, db.Ms(tx.Now))
	if err != nil || n == 1 {
		return a, false, err
	}
	var was string
	err = db.First(ctx, tx, "SELECT request_hash, status, header, body FROM idempotency WHERE actor_id = $1 AND key = $2",
		[]any{k.Sender, k.Key}, &was, &a.Status, db.JSON(&a.Header), &a.Body)
	switch {
	case errors.Is(err, errs.NotFound): // the first one failed between our two statements
		return a, false, ErrBusy
	case err == nil && was != k.Print:
		return Answer{}, false, ErrOther
	}
	return a, err == nil, err
}

// Finish remembers the answer to a request that Begin let through.
func Finish(ctx context.Context, tx *db.Tx, k Key, a Answer) error {
	return tx.Later(ctx, "UPDATE idempotency SET status = $1, header = $2, body = $3 WHERE actor_id = $4 AND key = $5",
		a.Status, db.JSON(a.Header), a.Body, k.Sender, k.Key)
}

// Purge forgets what is older than Kept: the work of a scheduled job.
func Purge(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, "DELETE FROM idempotency WHERE at < $1", db.Ms(tx.Now.Add(-Kept)))
	return err
}
