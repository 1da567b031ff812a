package event

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/obs"
)

// todoTopic begins the signals that wake readers.
const todoTopic = "todo/"

// Reader reacts to events. React stores the consequence inside tx; what it returns as an error undoes it, and the
// event comes again later. It must do nothing slow.
type Reader struct {
	Name  string
	React func(ctx context.Context, tx *db.Tx, e Event) error
}

// How readers work: a batch shares a transaction; a failing event waits longer each time, at most an hour.
const (
	batchSize = 50
	pollEvery = 2 * time.Second
	maxWait   = time.Hour
)

// Run lets readers react until ctx ends.
func Run(ctx context.Context, d *db.DB, readers []Reader) {
	var all sync.WaitGroup
	for _, r := range readers {
		all.Go(func() { r.run(ctx, d) })
	}
	all.Wait()
}

func (r Reader) run(ctx context.Context, d *db.DB) {
	sub := d.Listen(func(topic string) bool { return topic == todoTopic+r.Name })
	defer sub.Close()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for ctx.Err() == nil {
		n, err := r.Drain(ctx, d)
		if err != nil && ctx.Err() == nil {
			slog.ErrorContext(ctx, "events wait", "reader", r.Name, "error", err)
		}
		if n > 0 && err == nil {
			continue
		}
		sub.Take()
		select {
		case <-ctx.Done():
		case <-sub.C:
		case <-poll.C:
		}
	}
}

// Drain reacts to one batch of what is due and returns how many events it took. An event whose reaction fails stays,
// with its error, for a later try, and does not keep the others waiting.
func (r Reader) Drain(ctx context.Context, d *db.DB) (int, error) {
	var due []Event
	err := d.Read(ctx, func(tx *db.Tx) (err error) {
		due, err = db.All(ctx, tx, scan, `
			SELECT `+columns+` FROM event_todo t JOIN event e ON e.id = t.event_id
			WHERE t.reader = $1 AND t.next_at <= $2 ORDER BY t.event_id LIMIT $3`, r.Name, db.Ms(tx.Now), batchSize)
		return err
	})
	if err != nil || len(due) == 0 {
		return 0, err
	}
	if err := r.take(ctx, d, due); err == nil || ctx.Err() != nil {
		return len(due), err
	}
	for _, e := range due { // one by one, so that the one that fails is alone
		if err := r.take(ctx, d, []Event{e}); err != nil {
			if ctx.Err() != nil {
				return 0, err
			}
			if err := r.postpone(ctx, d, e, err); err != nil {
				return 0, err
			}
		}
	}
	return len(due), nil
}

func (r Reader) take(ctx context.Context, d *db.DB, events []Event) error {
	return d.Write(ctx, func(tx *db.Tx) error {
		for _, e := range events {
			n, err := tx.Exec(ctx, "DELETE FROM event_todo WHERE reader = $1 AND event_id = $2", r.Name, e.ID)
			if err != nil {
				return err
			}
			if n == 0 {
				continue // another replica was quicker
			}
			if err := r.safely(obs.WithCause(ctx, e.Cause), tx, e); err != nil {
				return fmt.Errorf("%s on %s %s: %w", r.Name, e.Kind, e.Ref, err)
			}
		}
		return nil
	})
}

// safely turns a panic into an error: one bad event must not end the reader for all.
func (r Reader) safely(ctx context.Context, tx *db.Tx, e Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return r.React(ctx, tx, e)
}

func (r Reader) postpone(ctx context.Context, d *db.DB, e Event, cause error) error {
	slog.ErrorContext(ctx, "reaction failed", "reader", r.Name, "event", e.ID, "kind", e.Kind, "ref", e.Ref, "error", cause)
	return d.Write(ctx, func(tx *db.Tx) error {
		var attempts int
		err := tx.QueryRowContext(ctx, `
			UPDATE event_todo SET attempts = attempts + 1, error = $1 WHERE reader = $2 AND event_id = $3
			RETURNING attempts`, storable(cause), r.Name, e.ID).Scan(&attempts)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // meanwhile another replica managed
		}
		if err != nil {
			return err
		}
		wait := min(time.Second<<min(attempts, 12), maxWait)
		_, err = tx.ExecContext(ctx, "UPDATE event_todo SET next_at = $1 WHERE reader = $2 AND event_id = $3",
			db.Ms(tx.Now.Add(wait)), r.Name, e.ID)
		return err
	})
}

// maxError bounds the text kept of an error, in bytes.
const maxError = 4000

// storable is the text of an error as both engines accept it: a text that cannot be stored would keep the event
// before all others.
func storable(err error) string {
	s := err.Error()
	return strings.ReplaceAll(strings.ToValidUTF8(s[:min(len(s), maxError)], "?"), "\x00", "?")
}

// Stuck is an event that a reader failed on.
type Stuck struct {
	Reader   string
	Event    Event
	Attempts int
	NextAt   time.Time
	Error    string
}

// Troubles returns events whose reaction failed and will be tried again, latest first.
func Troubles(ctx context.Context, tx *db.Tx, limit int) ([]Stuck, error) {
	return db.All(ctx, tx, func(r db.Row, s *Stuck) error {
		e := &s.Event
		return r.Scan(&s.Reader, &s.Attempts, db.Millis(&s.NextAt), &s.Error, &e.ID, db.Millis(&e.At), &e.Kind, &e.Ref,
			&e.ActorID, &e.Actor, &e.Cause, &e.Internal, db.JSON(&e.Data))
	}, `SELECT t.reader, t.attempts, t.next_at, t.error, `+columns+`
		FROM event_todo t JOIN event e ON e.id = t.event_id WHERE t.attempts > 0 ORDER BY t.event_id DESC LIMIT $1`, limit)
}

// RetryNow makes an event due at once for a reader that failed on it.
// Errors: errs.NotFound.
func RetryNow(ctx context.Context, tx *db.Tx, reader, eventID string) error {
	tx.Signal(todoTopic + reader)
	return tx.ExecOne(ctx, "UPDATE event_todo SET next_at = 0 WHERE reader = $1 AND event_id = $2", reader, eventID)
}

// Backlog returns how many events wait, by reader.
func Backlog(ctx context.Context, tx *db.Tx) (map[string]int64, error) {
	rows, err := tx.QueryContext(ctx, "SELECT reader, count(*) FROM event_todo GROUP BY reader")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := make(map[string]int64)
	for rows.Next() {
		var name string
		var n int64
		if err := rows.Scan(&name, &n); err != nil {
			return nil, err
		}
		out[name] = n
	}
	return out, rows.Err()
}
