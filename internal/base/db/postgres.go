package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"entraide/internal/base/errs"
)

func (d *DB) openPostgres(ctx context.Context, o Options) error {
	cfg, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return err
	}
	d.pool = stdlib.OpenDB(*cfg)
	n := o.MaxConns
	if n == 0 {
		n = 16
	}
	d.pool.SetMaxOpenConns(n)
	d.pool.SetMaxIdleConns(n)
	d.pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := d.pool.PingContext(ctx); err != nil {
		return errors.Join(err, d.pool.Close())
	}
	bg, stop := context.WithCancel(context.Background())
	d.stop, d.done = stop, make(chan struct{})
	go func() {
		defer close(d.done)
		d.bridge(bg, cfg)
	}()
	return nil
}

func (d *DB) postgresTx(ctx context.Context, readOnly bool, f func(*Tx) error) (err error) {
	conn, err := d.pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	p := &pgConn{conn: conn, begin: "BEGIN"}
	if readOnly {
		p.begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" // several reads, one instant
	}
	defer func() {
		if e := p.release(); e != nil && err == nil {
			err = e
		}
	}()
	tx := &Tx{Now: d.Now(), db: d, q: p, pg: p}
	if err := f(tx); err != nil {
		if p.failed != nil && !errors.Is(err, p.failed) { // what was put off is the cause of what failed later
			return fmt.Errorf("%w: %w", p.failed, err)
		}
		return err
	}
	if err := p.commit(ctx); err != nil {
		return commitError{fmt.Errorf("commit: %w", err)}
	}
	tx.committed()
	return nil
}

// raceError is an error of a transaction that may succeed when it is run again.
type raceError struct{ error }

func (e raceError) Unwrap() error { return e.error }

// Raced marks an error by which a transaction gives up because another one changed what it had read: Write runs it
// again, a few times, on what is there now. The last error is returned as it is, still err to errors.Is.
func Raced(err error) error { return raceError{err} }

func lostRace(err error) bool {
	var pe *pgconn.PgError
	var re raceError
	return errors.As(err, &re) || errors.As(err, &pe) && (pe.Code == "40001" || pe.Code == "40P01")
}

// commitError is an error of COMMIT: whether the transaction happened is not known when the connection broke there.
type commitError struct{ error }

func (e commitError) Unwrap() error { return e.error }

// maxTries bounds how often a transaction is run again: after losing against another one, or with its connection, which a
// restart of the server or a change to its standby takes away.
const maxTries = 8

func (d *DB) postgresRun(ctx context.Context, readOnly bool, f func(*Tx) error) error {
	for try := 1; ; try++ {
		err := d.postgresTx(ctx, readOnly, f)
		if err == nil || ctx.Err() != nil {
			return err
		}
		var pause int // ms
		var atCommit commitError
		switch {
		case lostRace(err):
			pause = rand.IntN(5*try) + 1
		case away(err, !readOnly):
			err = fmt.Errorf("%w: %w", errs.Unavailable, err)
			if errors.As(err, &atCommit) {
				return err
			}
			pause = 50*try + rand.IntN(50)
		default:
			return err
		}
		if try == maxTries {
			return err
		}
		wait := time.NewTimer(time.Duration(pause) * time.Millisecond)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return err
		}
	}
}
