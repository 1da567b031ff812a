package app

import (
	"context"
	"fmt"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/event"
	"entraide/internal/base/i18n"
	"entraide/internal/base/job"
	"entraide/internal/base/obs"
	"entraide/internal/base/once"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/draft"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/notify"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/mailout"
	"entraide/internal/usecase/promise"
	"entraide/internal/usecase/recipients"
)

// handlers lists every kind of job and who does it.
func handlers(d *db.DB, sender mailout.Sender, teller recipients.Teller) map[string]job.Handler {
	write := func(f func(ctx context.Context, tx *db.Tx) error) func(context.Context, job.Job) error {
		return func(ctx context.Context, _ job.Job) error {
			return d.Write(ctx, func(tx *db.Tx) error { return f(ctx, tx) })
		}
	}
	return map[string]job.Handler{
		channel.JobSend:      sender.Handler(),
		recipients.JobDigest: teller.DigestHandler(d),
		ticket.JobRelease: {Run: func(ctx context.Context, j job.Job) error {
			var message string
			if err := j.Decode(&message); err != nil {
				return job.Final(err)
			}
			return d.Write(ctx, func(tx *db.Tx) error { return ticket.Release(ctx, tx, message) })
		}},
		ticket.JobWake:          {Every: "* * * * *", Run: sweep(d, ticket.Wake)},
		ticket.JobCascade:       ticket.CascadeHandler(d),
		ticket.JobCascadeBefore: ticket.CascadeHandler(d),
		promise.JobAlarm:        {Every: "* * * * *", Run: sweep(d, promise.Ring)},
		promise.JobAnew:         {Run: func(ctx context.Context, _ job.Job) error { return promise.Anew(ctx, d) }},
		ticket.JobClose:         {Every: "7 * * * *", Run: sweep(d, ticket.CloseOld)},
		ticket.JobPurge: {Every: "40 2 * * *", Run: write(func(ctx context.Context, tx *db.Tx) error {
			if _, err := ticket.PurgeUploads(ctx, tx); err != nil {
				return err
			}
			return ticket.PurgePresence(ctx, tx)
		})},
		"draft.purge": {Every: "50 2 * * *", Run: write(func(ctx context.Context, tx *db.Tx) error {
			_, err := draft.Purge(ctx, tx, auth.System("purge"))
			return err
		})},
		"notify.purge": {Every: "55 2 * * *", Run: write(func(ctx context.Context, tx *db.Tx) error {
			_, err := notify.Purge(ctx, tx, auth.System("purge"))
			return err
		})},
		"identity.sweep":  {Every: "20 * * * *", Run: write(identity.Sweep)},
		"api.idempotency": {Every: "30 * * * *", Run: write(once.Purge)},
	}
}

// sweep calls f, each time in a transaction of its own, until it finds nothing more to do.
func sweep(d *db.DB, f func(context.Context, *db.Tx) (int, error)) func(context.Context, job.Job) error {
	return func(ctx context.Context, _ job.Job) error {
		for {
			var n int
			err := d.Write(ctx, func(tx *db.Tx) (err error) { n, err = f(ctx, tx); return err })
			if err != nil || n == 0 {
				return err
			}
		}
	}
}

// Prepare gives a fresh installation its first teams and queues; on any other it does nothing.
func Prepare(ctx context.Context, d *db.DB) error {
	l := i18n.New("fr", "")
	return d.Write(ctx, func(tx *db.Tx) error {
		names := [3]string{l.T("app.team.1"), l.T("app.team.2"), l.T("app.team.3")}
		if _, err := identity.Seed(ctx, tx, auth.System("installation"), names); err != nil {
			return fmt.Errorf("first teams: %w", err)
		}
		if err := ticket.Seed(ctx, tx); err != nil {
			return fmt.Errorf("first queues: %w", err)
		}
		return nil
	})
}

// welcome makes a link for the first administrator; "" when there is one.
func welcome(ctx context.Context, d *db.DB) (path string, err error) {
	err = d.Write(ctx, func(tx *db.Tx) error {
		path = ""
		admins, _, err := identity.List(ctx, tx, auth.System("installation"), identity.Filter{Role: auth.Admin, Limit: 1})
		if err != nil || len(admins) > 0 {
			return err
		}
		token, err := identity.Bootstrap(ctx, tx)
		path = "/welcome/" + token
		return err
	})
	return path, err
}

// gaugesWithin bounds how long reading the metrics may wait for the database.
const gaugesWithin = 5 * time.Second

// gauges exports what waits in the background.
func gauges(m *obs.Metrics, d *db.DB) error {
	read := func(f func(ctx context.Context, tx *db.Tx) (map[string]float64, error)) func() map[string]float64 {
		return func() map[string]float64 {
			ctx, cancel := context.WithTimeout(context.Background(), gaugesWithin)
			defer cancel()
			var out map[string]float64
			if err := d.Read(ctx, func(tx *db.Tx) (err error) { out, err = f(ctx, tx); return err }); err != nil {
				return nil // the database being away shows elsewhere
			}
			return out
		}
	}
	err := m.Gauges("entraide_jobs", "Jobs by state.", "state", read(func(ctx context.Context, tx *db.Tx) (map[string]float64, error) {
		counts, err := job.Counts(ctx, tx)
		out := make(map[string]float64)
		for s, n := range counts {
			out[string(s)] = float64(n)
		}
		return out, err
	}))
	if err != nil {
		return err
	}
	return m.Gauges("entraide_events_waiting", "Events that wait for a reader.", "reader", read(func(ctx context.Context, tx *db.Tx) (map[string]float64, error) {
		counts, err := event.Backlog(ctx, tx)
		out := make(map[string]float64)
		for name, n := range counts {
			out[name] = float64(n)
		}
		return out, err
	}))
}
