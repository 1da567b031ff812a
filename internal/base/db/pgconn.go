package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// pgConn is a PostgreSQL connection during one transaction. Nothing is sent before it must be: BEGIN travels with the
// first statement, those of Later with the next one, the last ones with COMMIT. Round trips cost more than most of our
// statements.
type pgConn struct {
	conn    *sql.Conn
	begin   string // "" once it was sent
	waiting []statement
	failed  error // of statements that nobody waited for
}

type statement struct {
	query string
	args  []any
}

// raw gives the driver's connection to f, which must have read its results to the end when it returns.
func (p *pgConn) raw(f func(*pgx.Conn) error) error {
	return p.conn.Raw(func(dc any) error { return f(dc.(*stdlib.Conn).Conn()) })
}

// send runs everything that waits and then, in the same round trip, the last statement if there is one, whose result
// goes to read.
func (p *pgConn) send(ctx context.Context, last *statement, read func(pgx.Rows) error) error {
	return p.raw(func(c *pgx.Conn) error {
		if p.begin == "" && len(p.waiting) == 0 {
			if last == nil {
				return nil
			}
			rows, err := c.Query(ctx, last.query, last.args...)
			if err != nil {
				return err
			}
			return consume(rows, read)
		}
		b := new(pgx.Batch)
		if p.begin != "" {
			b.Queue(p.begin)
		}
		for _, s := range p.waiting {
			b.Queue(s.query, s.args...)
		}
		before := b.Len()
		if last != nil {
			b.Queue(last.query, last.args...)
		}
		p.begin, p.waiting = "", nil
		results := c.SendBatch(ctx, b)
		err := func() error {
			for range before {
				if _, err := results.Exec(); err != nil {
					p.failed = err
					return err
				}
			}
			if last == nil {
				return nil
			}
			rows, err := results.Query()
			if err != nil {
				return err
			}
			return consume(rows, read)
		}()
		return errors.Join(err, unless(err, results.Close()))
	})
}

// unless is second, or nil when there is a first error already.
func unless(first, second error) error {
	if first != nil {
		return nil
	}
	return second
}

func consume(rows pgx.Rows, read func(pgx.Rows) error) error {
	defer rows.Close()
	if err := read(rows); err != nil {
		return err
	}
	rows.Close()
	return rows.Err()
}

// query gives row after row to each until it returns false.
func (p *pgConn) query(ctx context.Context, query string, args []any, each func(Row) (bool, error)) error {
	return p.send(ctx, &statement{query, args}, func(rows pgx.Rows) error {
		for more := true; more && rows.Next(); {
			var err error
			if more, err = each(rows); err != nil {
				return err
			}
		}
		return nil
	})
}

// flush sends what waits, and the transaction's beginning.
func (p *pgConn) flush(ctx context.Context) error {
	if p.begin == "" && len(p.waiting) == 0 {
		return nil
	}
	return p.send(ctx, nil, nil)
}

// ExecContext runs a statement. One without arguments may be several, as with the driver itself.
func (p *pgConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	var n int64
	if len(args) == 0 {
		if err := p.flush(ctx); err != nil {
			return nil, err
		}
		err := p.raw(func(c *pgx.Conn) error {
			tag, err := c.Exec(ctx, query)
			n = tag.RowsAffected()
			return err
		})
		return driver.RowsAffected(n), err
	}
	err := p.send(ctx, &statement{query, args}, func(rows pgx.Rows) error {
		rows.Close()
		n = rows.CommandTag().RowsAffected()
		return nil
	})
	return driver.RowsAffected(n), err
}

// QueryContext runs a query whose rows the caller reads.
func (p *pgConn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := p.flush(ctx); err != nil {
		return nil, err
	}
	return p.conn.QueryContext(ctx, query, args...)
}

// QueryRowContext runs a query of which only the first row counts.
func (p *pgConn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if p.flush(ctx) != nil { // remembered in failed; the row yields an error, whatever it says
		never, cancel := context.WithCancel(ctx)
		cancel()
		ctx = never
	}
	return p.conn.QueryRowContext(ctx, query, args...)
}

// commit ends the transaction; one that did nothing costs nothing.
func (p *pgConn) commit(ctx context.Context) error {
	if p.begin != "" && len(p.waiting) == 0 {
		return nil
	}
	return p.send(ctx, &statement{query: "COMMIT"}, func(rows pgx.Rows) error {
		rows.Close()
		if err := rows.Err(); err != nil {
			return err
		}
		if rows.CommandTag().String() == "ROLLBACK" { // a statement failed and its error was passed over
			return pgx.ErrTxCommitRollback
		}
		return nil
	})
}

// endTime bounds undoing what a transaction left.
const endTime = 5 * time.Second

// release gives the connection back, without a transaction on it.
func (p *pgConn) release() error {
	err := p.raw(func(c *pgx.Conn) error {
		if c.IsClosed() {
			return driver.ErrBadConn // the pool forgets it
		}
		if c.PgConn().TxStatus() == 'I' {
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), endTime)
		defer cancel()
		if _, err := c.Exec(ctx, "ROLLBACK"); err != nil {
			return fmt.Errorf("%w: %w", driver.ErrBadConn, err)
		}
		return nil
	})
	if err != nil && !errors.Is(err, driver.ErrBadConn) && !errors.Is(err, sql.ErrConnDone) {
		return errors.Join(err, p.conn.Close())
	}
	if err := p.conn.Close(); err != nil && !errors.Is(err, sql.ErrConnDone) {
		return err
	}
	return nil
}
