package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"entraide/internal/base/errs"
)

// Row is what a scan function reads: *sql.Row or *sql.Rows.
type Row interface{ Scan(dest ...any) error }

// All runs a query and returns what scan reads from each row; nil when there are none.
func All[T any](ctx context.Context, tx *Tx, scan func(Row, *T) error, query string, args ...any) ([]T, error) {
	var out []T
	if tx.pg != nil {
		err := tx.pg.query(tx.count(ctx), query, args, func(r Row) (bool, error) {
			var v T
			if err := scan(r, &v); err != nil {
				return false, err
			}
			out = append(out, v)
			return true, nil
		})
		return out, err
	}
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := scan(rows, &v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// One runs a query and returns what scan reads from its first row.
// Errors: errs.NotFound when there is none.
func One[T any](ctx context.Context, tx *Tx, scan func(Row, *T) error, query string, args ...any) (T, error) {
	var v T
	err := tx.first(ctx, query, args, func(r Row) error { return scan(r, &v) })
	return v, err
}

// first gives the first row of a query to scan.
// Errors: errs.NotFound when there is none.
func (tx *Tx) first(ctx context.Context, query string, args []any, scan func(Row) error) error {
	if tx.pg == nil {
		err := scan(tx.QueryRowContext(ctx, query, args...))
		if errors.Is(err, sql.ErrNoRows) {
			return errs.NotFound
		}
		return err
	}
	found := false
	err := tx.pg.query(tx.count(ctx), query, args, func(r Row) (bool, error) {
		found = true
		return false, scan(r)
	})
	if err == nil && !found {
		return errs.NotFound
	}
	return err
}

// Strings runs a query of one text column.
func Strings(ctx context.Context, tx *Tx, query string, args ...any) ([]string, error) {
	return All(ctx, tx, func(r Row, s *string) error { return r.Scan(s) }, query, args...)
}

// Exec runs a statement and returns how many rows it changed.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// ExecOne runs a statement that must change exactly one row.
// Errors: errs.NotFound when it changed none.
func (tx *Tx) ExecOne(ctx context.Context, query string, args ...any) error {
	n, err := tx.Exec(ctx, query, args...)
	switch {
	case err != nil:
		return err
	case n == 0:
		return errs.NotFound
	case n > 1:
		return fmt.Errorf("statement changed %d rows instead of one", n)
	}
	return nil
}

// Next returns the next value of a named sequence of the schema; values are never given twice, even across crashes.
func (tx *Tx) Next(ctx context.Context, sequence string) (n int64, err error) {
	expr, arg, err := tx.NextIn(ctx, sequence, 1)
	if n, ok := arg.(int64); ok || err != nil {
		return n, err
	}
	err = First(ctx, tx, "SELECT "+expr, []any{arg}, &n)
	return n, err
}

// NextIn is Next within a statement: it returns an expression that takes parameter number n, and that parameter. On
// PostgreSQL it spares a round trip.
func (tx *Tx) NextIn(ctx context.Context, sequence string, n int) (expr string, arg any, err error) {
	p := "$" + strconv.Itoa(n)
	if tx.db.Engine == Postgres {
		// A row counter would make all creators wait for each other's commit.
		return "nextval(CAST('seq_' || CAST(" + p + " AS TEXT) AS regclass))", sequence, nil
	}
	var value int64
	err = First(ctx, tx, "UPDATE sequence SET value = value + 1 WHERE name = $1 RETURNING value", []any{sequence}, &value)
	return p, value, err
}

// First scans the first row of a query into dest.
// Errors: errs.NotFound when there is none.
func First(ctx context.Context, tx *Tx, query string, args []any, dest ...any) error {
	return tx.first(ctx, query, args, func(r Row) error { return r.Scan(dest...) })
}
