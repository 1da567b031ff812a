package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync/atomic"
	"time"
)

type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Tx is a transaction under way. It is for one goroutine.
type Tx struct {
	// Now is the instant of the transaction, read once, in whole milliseconds UTC.
	Now time.Time

	db      *DB
	q       querier
	pg      *pgConn // q on PostgreSQL; nil on SQLite
	after   []func()
	signals []string
	// keep is set on SQLite writes: cancelling a statement there would undo the neighbours of the same commit.
	keep bool
}

// Engine tells which SQL fragments fit.
func (tx *Tx) Engine() Engine { return tx.db.Engine }

// Readers returns the names of those who react to an event kind, as given to Open.
func (tx *Tx) Readers(kind string) []string { return tx.db.reacts(kind) }

// AfterCommit registers f to run once the transaction is durable; never if it fails.
func (tx *Tx) AfterCommit(f func()) { tx.after = append(tx.after, f) }

// Signal tells every listener, on every replica, that topic changed, once the transaction is durable.
// Signals wake; they carry no content and may be lost with a replica: the truth is in tables.
func (tx *Tx) Signal(topic string) { tx.signals = append(tx.signals, topic) }

// ExecContext runs a statement that returns no rows.
func (tx *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return tx.q.ExecContext(tx.count(ctx), query, args...)
}

// QueryContext runs a query.
func (tx *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return tx.q.QueryContext(tx.count(ctx), query, args...)
}

// QueryRowContext runs a query of which only the first row counts.
func (tx *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return tx.q.QueryRowContext(tx.count(ctx), query, args...)
}

// Later runs a statement whose outcome nobody waits for: on PostgreSQL it travels with the next one or with the commit,
// in one round trip, and fails there. It runs in its place among the others, with the arguments as they are now.
func (tx *Tx) Later(ctx context.Context, query string, args ...any) error {
	if tx.pg == nil {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}
	tx.count(ctx)
	for i, a := range args {
		v, ok := a.(driver.Valuer)
		if !ok {
			continue
		}
		var err error
		if args[i], err = v.Value(); err != nil {
			return err
		}
	}
	tx.pg.waiting = append(tx.pg.waiting, statement{query, args})
	return nil
}

func (tx *Tx) count(ctx context.Context) context.Context {
	if n, ok := ctx.Value(counterKey{}).(*atomic.Int64); ok {
		n.Add(1)
	}
	if tx.keep {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

func (tx *Tx) committed() {
	tx.db.signals.publish(tx.signals)
	for _, f := range tx.after {
		f()
	}
}

type counterKey struct{}

// Counting returns a context that counts the statements run under it, so that a test can hold a page to a number.
func Counting(ctx context.Context) (context.Context, *atomic.Int64) {
	n := new(atomic.Int64)
	return context.WithValue(ctx, counterKey{}, n), n
}
