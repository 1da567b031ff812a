package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"entraide/internal/base/errs"
)

// Row is what a scan function reads: *sql.Row or *sql.Rows.
type Row interface{ Scan(dest ...any) error }

// All runs a query and returns what scan reads from each row; nil when there are none.
func All[T any](ctx context.Context, tx *Tx, scan func(Row, *T) error, query string, args ...any) ([]T, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
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
	err := scan(tx.QueryRowContext(ctx, query, args...), &v)
	if errors.Is(err, sql.ErrNoRows) {
		return v, errs.NotFound
	}
	return v, err
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
func (tx *Tx) Next(ctx context.Context, sequence string) (int64, error) {
	var n int64
	if tx.db.Engine == Postgres {
		// A row counter would make all creators wait for each other's commit.
		err := tx.QueryRowContext(ctx, "SELECT nextval(CAST('seq_' || $1 AS regclass))", sequence).Scan(&n)
		return n, err
	}
	err := tx.QueryRowContext(ctx, "UPDATE sequence SET value = value + 1 WHERE name = $1 RETURNING value", sequence).Scan(&n)
	return n, err
}

// First scans the first row of a query into dest.
// Errors: errs.NotFound when there is none.
func First(ctx context.Context, tx *Tx, query string, args []any, dest ...any) error {
	err := tx.QueryRowContext(ctx, query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return errs.NotFound
	}
	return err
}
