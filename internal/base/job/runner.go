package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"entraide/internal/base/db"
	"entraide/internal/base/id"
	"entraide/internal/base/obs"
)

// Handler does one kind of job.
type Handler struct {
	// Run does the job. nil removes it; an error makes it wait for the next attempt; see also Wait and Final.
	Run func(ctx context.Context, j Job) error
	// Attempts before the job is dead; 0 = 12, about a day with the usual back-off.
	Attempts int
	// Timeout of one attempt; 0 = 2 minutes.
	Timeout time.Duration
	// Every, a cron expression ("*/5 * * * *", UTC), makes the kind a schedule: one job of it exists at all times, and
	// none is ever dead.
	Every string
}

// Runner runs jobs.
type Runner struct {
	DB       *db.DB
	Handlers map[string]Handler
	Workers  int // at once; 0 = 4
}

const (
	lease       = time.Minute
	renewEvery  = 20 * time.Second
	pollEvery   = 2 * time.Second
	waitRecheck = 5 * time.Minute
	maxBackoff  = 4 * time.Hour
	defAttempts = 12
	defTimeout  = 2 * time.Minute
)

// Run works until ctx ends, then lets the jobs under way finish their attempt or their time.
// On SQLite, where only one process runs jobs, what a crash left running is ready again at once; on PostgreSQL it is
// when its lease ends.
func (r Runner) Run(ctx context.Context) error {
	if r.Workers == 0 {
		r.Workers = 4
	}
	if err := r.recover(ctx); err != nil {
		return err
	}
	if err := r.schedule(ctx); err != nil {
		return err
	}
	sub := r.DB.Listen(func(t string) bool { return t == topic })
	defer sub.Close()
	free := make(chan struct{}, r.Workers)
	var busy sync.WaitGroup
	defer busy.Wait()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		sub.Take()
		n := r.claim(ctx, free, &busy)
		if ctx.Err() != nil {
			return nil
		}
		if n > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-sub.C:
		case <-poll.C:
		}
	}
}

// claim takes as many due jobs as there are free workers and starts them; it waits for one free worker.
func (r Runner) claim(ctx context.Context, free chan struct{}, busy *sync.WaitGroup) int {
	select {
	case free <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	got := 1
	for more := true; more && got < r.Workers; {
		select {
		case free <- struct{}{}:
			got++
		default:
			more = false
		}
	}
	var jobs []Job
	err := r.DB.Write(ctx, func(tx *db.Tx) (err error) {
		jobs, err = claim(ctx, tx, got)
		return err
	})
	if err != nil {
		jobs = nil
		if ctx.Err() == nil {
			slog.ErrorContext(ctx, "jobs not claimed", "error", err)
		}
	}
	for range got - len(jobs) {
		<-free
	}
	for _, j := range jobs {
		busy.Go(func() {
			defer func() { <-free }()
			// An attempt under way outlives the stop of the runner: it is bounded by its own timeout.
			r.attempt(context.WithoutCancel(ctx), j)
		})
	}
	return len(jobs)
}

// cutShort is the error of an attempt whose worker ended or lost its lease.
const cutShort = "the worker stopped before the job was done"

func claim(ctx context.Context, tx *db.Tx, limit int) ([]Job, error) {
	if _, err := tx.ExecContext(ctx, `UPDATE job SET state = 'ready', attempts = attempts + 1, error = $1
		WHERE state = 'running' AND lease_until < $2`, cutShort, db.Ms(tx.Now)); err != nil {
		return nil, err
	}
	// Jobs that wait for a set-up come back now and then, in case it was done elsewhere.
	if _, err := tx.ExecContext(ctx, "UPDATE job SET state = 'ready' WHERE state = 'waiting' AND run_at <= $1", db.Ms(tx.Now)); err != nil {
		return nil, err
	}
	// Materialized: PostgreSQL must not run the claiming subquery more than once.
	return db.All(ctx, tx, scan, `
		WITH due AS MATERIALIZED (
			SELECT id FROM job WHERE state = 'ready' AND run_at <= $1 ORDER BY run_at, id LIMIT $2`+tx.SkipLocked()+`)
		UPDATE job SET state = 'running', owner = $3, lease_until = $4, updated_at = $1
		WHERE id IN (SELECT id FROM due)
		RETURNING `+columns, db.Ms(tx.Now), limit, id.New(), db.Ms(tx.Now.Add(lease)))
}

func (r Runner) recover(ctx context.Context) error {
	if r.DB.Engine != db.SQLite {
		return nil
	}
	return r.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE job SET state = 'ready', attempts = attempts + 1, error = $1 WHERE state = 'running'", cutShort)
		return err
	})
}

// attempt runs one job once and records how it went.
func (r Runner) attempt(ctx context.Context, j Job) {
	ctx = obs.WithCause(ctx, j.Cause)
	h, known := r.Handlers[j.Kind]
	stop := r.renew(ctx, j)
	var err error
	switch {
	case !known: // during an upgrade another replica may know it
		err = Wait(fmt.Sprintf("this version knows no job %q", j.Kind))
	case h.Every == "" && j.Attempts >= h.limit():
		err = errors.New(cutShort)
	default:
		err = h.call(ctx, j)
	}
	stop()
	if err := r.DB.Write(ctx, func(tx *db.Tx) error { return record(ctx, tx, h, j, err) }); err != nil {
		// The lease will end and the job will run again: at least once.
		slog.ErrorContext(ctx, "job outcome not stored", "job", j.ID, "kind", j.Kind, "error", err)
	}
	if err != nil {
		slog.WarnContext(ctx, "job failed", "job", j.ID, "kind", j.Kind, "attempts", j.Attempts+1, "error", obs.Redact(err.Error()))
	}
}

func (h Handler) limit() int {
	if h.Attempts == 0 {
		return defAttempts
	}
	return h.Attempts
}

func (h Handler) call(ctx context.Context, j Job) (err error) {
	timeout := h.Timeout
	if timeout == 0 {
		timeout = defTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return h.Run(ctx, j)
}

// renew extends the lease until the returned function is called.
func (r Runner) renew(ctx context.Context, j Job) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		t := time.NewTicker(renewEvery)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
			err := r.DB.Write(ctx, func(tx *db.Tx) error {
				_, err := tx.ExecContext(ctx, "UPDATE job SET lease_until = $1 WHERE id = $2 AND state = 'running' AND owner = $3",
					db.Ms(tx.Now.Add(lease)), j.ID, j.owner)
				return err
			})
			if err != nil && ctx.Err() == nil {
				slog.ErrorContext(ctx, "lease not renewed", "job", j.ID, "error", err)
			}
		}
	})
	return func() { cancel(); done.Wait() }
}

func record(ctx context.Context, tx *db.Tx, h Handler, j Job, err error) error {
	if err == nil {
		if h.Every != "" {
			return reschedule(ctx, tx, h, j)
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM job WHERE id = $1 AND state = 'running' AND owner = $2", j.ID, j.owner)
		return err
	}
	text := storable(err)
	var wait *waitError
	if errors.As(err, &wait) {
		_, err := set(ctx, tx, j, Waiting, tx.Now.Add(waitRecheck), j.Attempts, text)
		return err
	}
	var final *finalError
	n := j.Attempts + 1
	if h.Every == "" && (errors.As(err, &final) || n >= h.limit()) {
		_, err := set(ctx, tx, j, Dead, tx.Now, n, text)
		return err
	}
	back := min(time.Second<<min(2*n, 20), maxBackoff)
	back += rand.N(back/4 + 1) // so that many that failed together do not return together
	_, err = set(ctx, tx, j, Ready, tx.Now.Add(back), n, text)
	return err
}

// maxError bounds the text kept of an error, in bytes.
const maxError = 4000

// storable is the text of an error without secrets and as both engines accept it.
func storable(err error) string {
	s := obs.Redact(err.Error())
	return strings.ReplaceAll(strings.ToValidUTF8(s[:min(len(s), maxError)], "?"), "\x00", "?")
}

// set changes a job that is still its worker's; it reports whether it was.
func set(ctx context.Context, tx *db.Tx, j Job, s State, at time.Time, attempts int, text string) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE job SET state = $1, run_at = $2, attempts = $3, error = $4, updated_at = $5
		WHERE id = $6 AND state = 'running' AND owner = $7`, s, db.Ms(at), attempts, text, db.Ms(tx.Now), j.ID, j.owner)
	return n > 0, err
}

// scheduleKey is the key of the one job of a scheduled kind.
const scheduleKey = "schedule"

// schedule makes sure that each scheduled kind has its job.
func (r Runner) schedule(ctx context.Context) error {
	return r.DB.Write(ctx, func(tx *db.Tx) error {
		for kind, h := range r.Handlers {
			if h.Every == "" {
				continue
			}
			at, err := h.next(tx.Now)
			if err != nil {
				return err
			}
			// The schedule may have been rarer when the job was set.
			if _, err := tx.ExecContext(ctx, "UPDATE job SET run_at = $1 WHERE kind = $2 AND key = $3 AND state = 'ready' AND run_at > $1",
				db.Ms(at), kind, scheduleKey); err != nil {
				return err
			}
			if err := Insert(ctx, tx, New{Kind: kind, Key: scheduleKey, At: at}); err != nil {
				return err
			}
		}
		return nil
	})
}

func reschedule(ctx context.Context, tx *db.Tx, h Handler, j Job) error {
	at, err := h.next(tx.Now)
	if err != nil {
		return err
	}
	kept, err := set(ctx, tx, j, Ready, at, 0, "")
	if err != nil || kept {
		return err
	}
	return Insert(ctx, tx, New{Kind: j.Kind, Key: scheduleKey, At: at}) // its handler called Done
}

func (h Handler) next(now time.Time) (time.Time, error) {
	s, err := cron.ParseStandard(h.Every)
	if err != nil {
		return time.Time{}, fmt.Errorf("schedule %q: %w", h.Every, err)
	}
	return s.Next(now), nil
}
