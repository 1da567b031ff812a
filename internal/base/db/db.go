package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"entraide/internal/base/errs"
)

// Engine is the kind of database behind a DB.
type Engine string

// The two engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Options says what to open.
type Options struct {
	// URL is "postgres://…" or the path of a SQLite file, which is created when absent.
	URL string
	// Now is the clock; nil = time.Now.
	Now func() time.Time
	// Reacts names the readers of an event kind, see package event; nil = nobody reads.
	Reacts func(kind string) []string
	// Readers is how many reading connections SQLite gets; 0 = 4.
	Readers int
	// MaxConns bounds PostgreSQL connections of this process; 0 = 16.
	MaxConns int
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	Engine Engine
	// Path is the SQLite file, "" on PostgreSQL.
	Path string

	now     func() time.Time
	reacts  func(kind string) []string
	signals *signals

	pool   *sql.DB // PostgreSQL
	writer *writer // SQLite
	reads  *readers
	url    string
	stop   context.CancelFunc
	done   chan struct{}
}

// Open opens the database and checks that it answers. It does not touch the schema.
// Errors: errs.Unavailable when the server or the file cannot be opened.
func Open(ctx context.Context, o Options) (*DB, error) {
	d := &DB{now: o.Now, reacts: o.Reacts, signals: newSignals(), url: o.URL}
	if d.now == nil {
		d.now = time.Now
	}
	if d.reacts == nil {
		d.reacts = func(string) []string { return nil }
	}
	var err error
	if strings.HasPrefix(o.URL, "postgres://") || strings.HasPrefix(o.URL, "postgresql://") {
		d.Engine = Postgres
		err = d.openPostgres(ctx, o)
	} else {
		d.Engine, d.Path = SQLite, o.URL
		err = d.openSQLite(ctx, o)
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w: %w", errs.Unavailable, err)
	}
	return d, nil
}

// Close ends all connections after the writes under way. Later calls fail.
func (d *DB) Close() error {
	if d.Engine == SQLite {
		return errors.Join(d.writer.close(), d.reads.close())
	}
	d.stop()
	<-d.done
	return d.pool.Close()
}

// Now is the database handle's clock, in whole milliseconds UTC.
func (d *DB) Now() time.Time { return d.now().UTC().Truncate(time.Millisecond) }

// Readers returns the names of those who react to an event kind.
func (d *DB) Readers(kind string) []string { return d.reacts(kind) }

// Read runs f in a read-only transaction: everything f reads is of one instant.
// Rows must be read to their end or closed before the next statement. f may run again after a lost connection.
// Errors: those of f, errs.Unavailable when the database does not answer or the disk is full.
func (d *DB) Read(ctx context.Context, f func(*Tx) error) error {
	if d.Engine == SQLite {
		return refused(d.reads.do(ctx, d, f), false)
	}
	return d.postgresRun(ctx, true, f)
}

// Write runs f in a transaction and commits it if f returns nil; then what f did is durable.
// f must do nothing slow and must not call Write or Read; what it does besides SQL must bear being done twice.
// Errors: those of f, errs.Unavailable when the database does not answer, cannot commit, or the disk is full.
func (d *DB) Write(ctx context.Context, f func(*Tx) error) error {
	if d.Engine == SQLite {
		return refused(d.writer.do(ctx, d, f), true)
	}
	return d.postgresRun(ctx, false, f)
}

// Raw gives the PostgreSQL pool to packages that need what Read and Write cannot do (advisory locks, migrations);
// nil on SQLite.
func (d *DB) Raw() *sql.DB { return d.pool }

// Exclusive runs f alone on the writing connection outside any transaction, for PRAGMA, VACUUM and migrations on
// SQLite. On PostgreSQL f runs on a connection of its own.
func (d *DB) Exclusive(ctx context.Context, f func(*sql.Conn) error) error {
	if d.Engine == SQLite {
		return d.writer.exclusive(ctx, f)
	}
	c, err := d.pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errs.Unavailable, err)
	}
	return errors.Join(f(c), c.Close())
}
