package ticket_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/id"
	"entraide/internal/base/schema"
	"entraide/internal/domain/ticket"
)

// durable opens a database of an engine that keeps what it confirms, with the world in it.
func durable(b *testing.B, e db.Engine) (*db.DB, string) {
	b.Helper()
	url := filepath.Join(b.TempDir(), "entraide.db")
	if e == db.Postgres {
		s, err := dbtest.StartServer("fsync=on", "synchronous_commit=on", "full_page_writes=on", "shared_buffers=256MB", "max_wal_size=4GB")
		if err != nil {
			b.Fatal(err)
		}
		url = s.URL
		b.Cleanup(func() {
			if err := s.Stop(); err != nil {
				b.Error(err)
			}
		})
	}
	d, err := db.Open(b.Context(), db.Options{URL: url})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := d.Close(); err != nil {
			b.Error(err)
		}
	})
	if _, err := schema.Migrate(b.Context(), d, nil); err != nil {
		b.Fatal(err)
	}
	err = d.Write(b.Context(), func(tx *db.Tx) error {
		for _, q := range schema.Statements(world) {
			if _, err := tx.ExecContext(b.Context(), q); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return d, url
}

// times gathers durations of many goroutines.
type times struct {
	sync.Mutex
	all []time.Duration
}

func (t *times) add(d time.Duration) {
	t.Lock()
	defer t.Unlock()
	t.all = append(t.all, d)
}

func (t *times) report(b *testing.B) {
	slices.Sort(t.all)
	at := func(part float64) float64 { return float64(t.all[int(float64(len(t.all)-1)*part)]) / 1e6 }
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
	b.ReportMetric(0, "ns/op")
}

// writers runs f from eight goroutines.
func writers(b *testing.B, f func() error) {
	var t times
	var next atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	for range 8 {
		all.Go(func() {
			for next.Add(1) <= int64(b.N) {
				began := time.Now()
				if err := f(); err != nil {
					b.Error(err)
					return
				}
				t.add(time.Since(began))
			}
		})
	}
	all.Wait()
	b.StopTimer()
	t.report(b)
}

// BenchmarkOpen compares opening tickets with writing the same rows through the driver, one transaction each.
func BenchmarkOpen(b *testing.B) {
	for _, e := range []db.Engine{db.SQLite, db.Postgres} {
		b.Run(string(e)+"/product", func(b *testing.B) {
			d, _ := durable(b, e)
			writers(b, func() error {
				return d.Write(b.Context(), func(tx *db.Tx) error {
					_, err := ticket.OpenTicket(b.Context(), tx, ann, draft("Imprimante du bureau en panne"))
					return err
				})
			})
		})
		b.Run(string(e)+"/bare", func(b *testing.B) {
			d, url := durable(b, e)
			raw := d.Raw()
			if e == db.SQLite {
				var err error
				raw, err = sql.Open("sqlite", "file:"+url+"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_txlock=immediate")
				if err != nil {
					b.Fatal(err)
				}
				raw.SetMaxOpenConns(1)
				b.Cleanup(func() {
					if err := raw.Close(); err != nil {
						b.Error(err)
					}
				})
			}
			writers(b, func() error {
				tx, err := raw.BeginTx(b.Context(), nil)
				if err != nil {
					return err
				}
				if err := rows(b.Context(), tx, e); err != nil {
					return errors.Join(err, tx.Rollback())
				}
				return tx.Commit()
			})
		})
		b.Run(string(e)+"/shared", func(b *testing.B) { // the rows alone, but with the house's way of committing
			d, _ := durable(b, e)
			writers(b, func() error { return d.Write(b.Context(), func(tx *db.Tx) error { return rows(b.Context(), tx, e) }) })
		})
	}
}

// rows writes the rows of an opened ticket.
func rows(ctx context.Context, tx interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}, e db.Engine) error {
	number := "UPDATE sequence SET value = value + 1 WHERE name = 'ticket' RETURNING value"
	if e == db.Postgres {
		number = "SELECT nextval('seq_ticket')"
	}
	var n int64
	if err := tx.QueryRowContext(ctx, number).Scan(&n); err != nil {
		return err
	}
	t, now := id.New(), time.Now().UnixMilli()
	for _, s := range []struct {
		q    string
		args []any
	}{
		{"INSERT INTO ticket (id, series, number, kind, subject, subject_fold, status, active, impact, urgency, priority, queue_id, level, requester_id, channel, messages, created_at, updated_at) " +
			"VALUES ($1, 'T', $2, 'incident', $3, $4, 'new', TRUE, 3, 3, 3, 'q1', 1, 'ann', 'portal', 1, $5, $6)",
			[]any{t, n, "Imprimante du bureau en panne", "imprimante du bureau en panne", now, now}},
		{"INSERT INTO stay (id, ticket_id, queue_id, level, entered_at) VALUES ($1, $2, 'q1', 1, $3)", []any{id.New(), t, now}},
		{"INSERT INTO message (id, ticket_id, author_id, visibility, channel, by_agent, body, created_at) VALUES ($1, $2, 'ann', 'public', 'portal', FALSE, $3, $4)",
			[]any{id.New(), t, "Bonjour, Imprimante du bureau en panne", now}},
		{"INSERT INTO event (id, at, kind, ref, actor_id, actor, cause, internal, data) VALUES ($1, $2, 'ticket.created', $3, 'ann', 'Ann Le Gall', '', FALSE, $4)",
			[]any{id.New(), now, "ticket/" + t, `{"message":"` + t + `"}`}},
	} {
		if _, err := tx.ExecContext(ctx, s.q, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkDesk measures what agents do most, among ten thousand tickets, and among a million with four million
// messages when ENTRAIDE_BENCH_BIG is set.
func BenchmarkDesk(b *testing.B) {
	sizes := []int{10_000, 100_000}
	if os.Getenv("ENTRAIDE_BENCH_BIG") != "" {
		sizes = []int{1_000_000}
	}
	for _, e := range []db.Engine{db.SQLite, db.Postgres} {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%s/%d", e, n), func(b *testing.B) { desk(b, e, n) })
		}
	}
}

func desk(b *testing.B, e db.Engine, n int) {
	d, _ := durable(b, e)
	began := time.Now()
	var ten ticket.Ticket
	err := d.Write(b.Context(), func(tx *db.Tx) (err error) {
		if err := fill(b.Context(), tx, n, 4); err != nil {
			return err
		}
		if ten, err = ticket.OpenTicket(b.Context(), tx, ann, draft("Dix messages")); err != nil {
			return err
		}
		for range 9 {
			if _, err := ticket.Reply(b.Context(), tx, paul, ten.ID, say("Voyez, et dites-moi ce qu'il en est.")); err != nil {
				return err
			}
		}
		// Half a day late to nine days ahead: one in twenty is late or soon.
		if _, err := tx.ExecContext(b.Context(), "UPDATE ticket SET due_resolution_at = $1 + (number % 240 - 10) * 3600000 WHERE active", db.Ms(tx.Now)); err != nil {
			return err
		}
		_, err = tx.ExecContext(b.Context(), "ANALYZE")
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%s: %d tickets made in %s", e, n, time.Since(began).Round(time.Second))
	list := func(a auth.Actor, f ticket.Filter, s ticket.Sort) func(context.Context, *db.Tx) error {
		return func(ctx context.Context, tx *db.Tx) error {
			_, _, err := ticket.List(ctx, tx, a, f, ticket.Page{Sort: s})
			return err
		}
	}
	queue := ticket.OfQueue(ticket.Queue{ID: "q1"}).Filter
	for _, c := range []struct {
		name string
		f    func(context.Context, *db.Tx) error
	}{
		{"queue", list(paul, queue, "")},
		{"queue-by-priority", list(paul, queue, ticket.ByPriority)},
		{"queue-by-due", list(paul, queue, ticket.ByDue)},
		{"soon-late", list(paul, view("late").Filter, ticket.ByDue)},
		{"all-active", list(paul, ticket.Filter{Active: true}, "")},
		{"requests", list(ann, ticket.Filter{}, "")},
		{"words", list(paul, ticket.Filter{Q: "imprimante 777"}, "")},
		{"words-absent", list(paul, ticket.Filter{Q: "imprimante zèbre"}, "")},
		{"words-frequent", list(paul, ticket.Filter{Q: "imprimante"}, "")},
		{"similar", func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Similar(ctx, tx, paul, ten, 10)
			return err
		}},
		{"counts", func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Counts(ctx, tx, paul, builtIn())
			return err
		}},
		{"ticket", func(ctx context.Context, tx *db.Tx) error { return show(ctx, tx, paul, ten.ID) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			var t times
			for b.Loop() {
				began := time.Now()
				if err := d.Read(b.Context(), func(tx *db.Tx) error { return c.f(b.Context(), tx) }); err != nil {
					b.Fatal(err)
				}
				t.add(time.Since(began))
			}
			t.report(b)
		})
	}
}

// show reads what the page of a ticket shows.
func show(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string) error {
	t, err := ticket.Find(ctx, tx, a, ticketID)
	if err != nil {
		return err
	}
	for _, read := range []func() error{
		func() error { _, err := ticket.Conversation(ctx, tx, a, t); return err },
		func() error { _, err := ticket.Timeline(ctx, tx, a, t); return err },
		func() error { _, err := ticket.Watchers(ctx, tx, t); return err },
		func() error { _, err := ticket.Tags(ctx, tx, t); return err },
		func() error { _, err := ticket.Links(ctx, tx, a, t); return err },
		func() error { _, err := ticket.Escalations(ctx, tx, a, t); return err },
		func() error { _, err := ticket.Present(ctx, tx, a, t); return err },
	} {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}
