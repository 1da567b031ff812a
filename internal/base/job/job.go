// Package job runs what was promised: each job is a row, inserted in the transaction that causes it, and survives a
// crash. Jobs run at least once; what they do outside the database must bear a second time.
//
// A worker claims a batch with a lease and renews it while it works. A job that fails waits longer each time and is
// dead after its last attempt: it stays, with its error, until an administrator retries or drops it. An attempt that
// a crash cut short counts as failed, so that a job that ends the process does not end it for ever.
package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/id"
	"entraide/internal/base/obs"
)

// State of a job. One that is done is no more.
type State string

// The states.
const (
	Ready   State = "ready"   // will run at RunAt
	Running State = "running" // under lease of a worker
	Waiting State = "waiting" // for something an administrator must set up; see Error
	Dead    State = "dead"    // gave up; see Error
)

// Job is one promise.
type Job struct {
	ID       string
	Kind     string // "mail.send"
	Key      string // at most one job of a kind has it; "" = no such limit
	Payload  json.RawMessage
	State    State
	RunAt    time.Time
	Attempts int // failures so far
	Error    string
	Cause    string
	Created  time.Time
	Updated  time.Time

	owner string // of this claim; another claim of the same job has another
}

// Decode reads the payload into v.
func (j Job) Decode(v any) error {
	if err := json.Unmarshal(j.Payload, v); err != nil {
		return fmt.Errorf("payload of %s: %w", j.Kind, err)
	}
	return nil
}

// New is a job to insert.
type New struct {
	Kind    string
	Key     string    // "" = none; an existing job of this kind and key is left as it is
	Payload any       // marshalled to JSON
	At      time.Time // not before; zero = at once
}

const topic = "jobs"

// Insert promises n inside tx.
func Insert(ctx context.Context, tx *db.Tx, n New) error {
	payload, err := json.Marshal(n.Payload)
	if err != nil {
		return fmt.Errorf("job %s: %w", n.Kind, err)
	}
	at := n.At
	if at.IsZero() {
		at = tx.Now
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO job (id, kind, key, payload, state, run_at, cause, created_at, updated_at)
		VALUES ($1, $2, $3, $4, 'ready', $5, $6, $7, $7)
		ON CONFLICT (kind, key) WHERE key <> '' DO NOTHING`,
		id.New(), n.Kind, n.Key, string(payload), db.Ms(at), obs.Cause(ctx), db.Ms(tx.Now))
	if err != nil {
		return fmt.Errorf("job %s: %w", n.Kind, err)
	}
	tx.Signal(topic)
	return nil
}

// Cancel withdraws the job of a kind and key if it is not running yet, and reports whether it did.
func Cancel(ctx context.Context, tx *db.Tx, kind, key string) (bool, error) {
	n, err := tx.Exec(ctx, "DELETE FROM job WHERE kind = $1 AND key = $2 AND key <> '' AND state <> 'running'", kind, key)
	return n > 0, err
}

type waitError struct{ reason string }

func (e *waitError) Error() string { return e.reason }

// Wait is returned by a handler that cannot work until somebody sets something up ("no SMTP server is configured").
// The job waits with reason shown, uses up no attempt, and is looked at again every few minutes and by Release.
func Wait(reason string) error { return &waitError{reason} }

type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }
func (e *finalError) Unwrap() error { return e.err }

// Final is returned by a handler for which trying again is useless; the job is dead at once.
func Final(err error) error { return &finalError{err} }

const columns = "id, kind, key, payload, state, run_at, attempts, error, cause, created_at, updated_at, owner"

func scan(r db.Row, j *Job) error {
	var payload string
	err := r.Scan(&j.ID, &j.Kind, &j.Key, &payload, &j.State, db.Millis(&j.RunAt), &j.Attempts, &j.Error, &j.Cause,
		db.Millis(&j.Created), db.Millis(&j.Updated), &j.owner)
	j.Payload = json.RawMessage(payload)
	return err
}

// List returns up to limit jobs of a state, those that changed last first.
func List(ctx context.Context, tx *db.Tx, s State, limit int) ([]Job, error) {
	return db.All(ctx, tx, scan, "SELECT "+columns+" FROM job WHERE state = $1 ORDER BY updated_at DESC LIMIT $2", s, limit)
}

// Find returns the job of a kind and key.
// Errors: errs.NotFound, also when it is done.
func Find(ctx context.Context, tx *db.Tx, kind, key string) (Job, error) {
	return db.One(ctx, tx, scan, "SELECT "+columns+" FROM job WHERE kind = $1 AND key = $2", kind, key)
}

// Counts returns the number of jobs by state.
func Counts(ctx context.Context, tx *db.Tx) (map[State]int64, error) {
	rows, err := tx.QueryContext(ctx, "SELECT state, count(*) FROM job GROUP BY state")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := make(map[State]int64)
	for rows.Next() {
		var s State
		var n int64
		if err := rows.Scan(&s, &n); err != nil {
			return nil, err
		}
		out[s] = n
	}
	return out, rows.Err()
}

// Retry makes a dead or waiting job ready now, with all its attempts again.
// Errors: errs.NotFound when it is neither.
func Retry(ctx context.Context, tx *db.Tx, jobID string) error {
	tx.Signal(topic)
	return tx.ExecOne(ctx, `UPDATE job SET state = 'ready', attempts = 0, run_at = $1, updated_at = $1
		WHERE id = $2 AND state IN ('dead', 'waiting')`, db.Ms(tx.Now), jobID)
}

// Release makes all waiting jobs of a kind ready: what they waited for was set up.
func Release(ctx context.Context, tx *db.Tx, kind string) (int64, error) {
	tx.Signal(topic)
	return tx.Exec(ctx, "UPDATE job SET state = 'ready', run_at = $1, updated_at = $1 WHERE kind = $2 AND state = 'waiting'", db.Ms(tx.Now), kind)
}

// Drop forgets a dead or waiting job.
// Errors: errs.NotFound when it is neither.
func Drop(ctx context.Context, tx *db.Tx, jobID string) error {
	return tx.ExecOne(ctx, "DELETE FROM job WHERE id = $1 AND state IN ('dead', 'waiting')", jobID)
}

// ErrLost is returned by Done when the job is no longer the worker's: its lease ran out and another took it.
var ErrLost = errors.New("the job was taken over by another worker")

// Done removes a running job inside tx, so that its last effect and its end are one.
// A handler that has called it for its job in a committed transaction returns nil.
// Errors: ErrLost.
func Done(ctx context.Context, tx *db.Tx, j Job) error {
	err := tx.ExecOne(ctx, "DELETE FROM job WHERE id = $1 AND state = 'running' AND owner = $2", j.ID, j.owner)
	if errors.Is(err, errs.NotFound) {
		return ErrLost
	}
	return err
}
