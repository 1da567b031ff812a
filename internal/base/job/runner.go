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
	// Attempts before the job is dead; 0 = 12, about a day and a half with the usual back-off.
	Attempts int
	// Timeout of one attempt; 0 = 2 minutes.
	Timeout time.Duration
	// Every, a cron expression ("*/5 * * * *", UTC), makes the kind a schedule: one job of it exists at all times.
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
	me := id.New()
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
		n := r.claim(ctx, me, free, &busy)
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
func (r Runner) claim(ctx context.Context, me string, free chan struct{}, busy *sync.WaitGroup) int {
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
		jobs, err = claim(ctx, tx, me, got)
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

func claim(ctx context.Context, tx *db.Tx, me string, limit int) ([]Job, error) {
	if _, err := tx.ExecContext(ctx, "UPDATE job SET state = 'ready' WHERE state = 'running' AND lease_until < $1", db.Ms(tx.Now)); err != nil {
		return nil, err
	}
	// Jobs that wait for a set-up come back now and then, in case it was done elsewhere.
	if _, err := tx.ExecContext(ctx, "UPDATE job SET state = 'ready' WHERE state = 'waiting' AND run_at < $1", db.Ms(tx.Now)); err != nil {
		return nil, err
	}
	return db.All(ctx, tx, scan, `
		UPDATE job SET state = 'running', owner = $1, lease_until = $2, updated_at = $3
		WHERE id IN (SELECT id FROM job WHERE state = 'ready' AND run_at <= $3 ORDER BY run_at, id LIMIT $4`+tx.SkipLocked()+`)
		RETURNING `+columns, me, db.Ms(tx.Now.Add(lease)), db.Ms(tx.Now), limit)
}

func (r Runner) recover(ctx context.Context) error {
	if r.DB.Engine != db.SQLite {
		return nil
	}
	return r.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE job SET state = 'ready' WHERE state = 'running'")
		return err
	})
}

// attempt runs one job once and records how it went.
func (r Runner) attempt(ctx context.Context, j Job) {
	ctx = obs.WithCause(ctx, j.Cause)
	h, known := r.Handlers[j.Kind]
	stop := r.renew(ctx, j)
	var err error
	if !known {
		err = Final(fmt.Errorf("this version knows no job %q", j.Kind))
	} else {
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
				_, err := tx.ExecContext(ctx, "UPDATE job SET lease_until = $1 WHERE id = $2 AND state = 'running'", db.Ms(tx.Now.Add(lease)), j.ID)
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
		_, err := tx.ExecContext(ctx, "DELETE FROM job WHERE id = $1", j.ID)
		return err
	}
	text := strings.ToValidUTF8(obs.Redact(err.Error()), "?")
	var wait *waitError
	if errors.As(err, &wait) {
		return set(ctx, tx, j, Waiting, tx.Now.Add(waitRecheck), j.Attempts, text)
	}
	limit := h.Attempts
	if limit == 0 {
		limit = defAttempts
	}
	var final *finalError
	n := j.Attempts + 1
	if errors.As(err, &final) || n >= limit && h.Every == "" {
		return set(ctx, tx, j, Dead, tx.Now, n, text)
	}
	back := min(time.Second<<min(2*n, 20), maxBackoff)
	back += rand.N(back/4 + 1) // so that many that failed together do not return together
	return set(ctx, tx, j, Ready, tx.Now.Add(back), n, text)
}

func set(ctx context.Context, tx *db.Tx, j Job, s State, at time.Time, attempts int, text string) error {
	_, err := tx.ExecContext(ctx, "UPDATE job SET state = $1, run_at = $2, attempts = $3, error = $4, updated_at = $5 WHERE id = $6",
		s, db.Ms(at), attempts, text, db.Ms(tx.Now), j.ID)
	return err
}

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
			if err := Insert(ctx, tx, New{Kind: kind, Key: "schedule", At: at}); err != nil {
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
	return set(ctx, tx, j, Ready, at, 0, "")
}

func (h Handler) next(now time.Time) (time.Time, error) {
	s, err := cron.ParseStandard(h.Every)
	if err != nil {
		return time.Time{}, fmt.Errorf("schedule %q: %w", h.Every, err)
	}
	return s.Next(now), nil
}
