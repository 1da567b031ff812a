package db_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
)

const endConnection = "SELECT pg_terminate_backend(pg_backend_pid())"

func ended(ctx context.Context, tx *db.Tx) error {
	var done bool
	return tx.QueryRowContext(ctx, endConnection).Scan(&done)
}

func count(t *testing.T, d *db.DB) (n int) {
	t.Helper()
	err := d.Read(t.Context(), func(tx *db.Tx) error {
		return tx.QueryRowContext(t.Context(), "SELECT count(*) FROM setting").Scan(&n)
	})
	if err != nil {
		t.Error(err)
	}
	return n
}

// A server that restarts takes connections away in the middle of what they do.
func TestALostConnectionIsTriedAgain(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		if d.Engine != db.Postgres {
			return
		}
		ctx := t.Context()
		for _, run := range []func(context.Context, func(*db.Tx) error) error{d.Read, d.Write} {
			tries := 0
			err := run(ctx, func(tx *db.Tx) error {
				if tries++; tries < 3 {
					return ended(ctx, tx)
				}
				return nil
			})
			if err != nil || tries != 3 {
				t.Errorf("%d tries, %v", tries, err)
			}
		}
		tries := 0
		err := d.Write(ctx, func(tx *db.Tx) error {
			if err := put(ctx, tx, "a"); err != nil {
				return err
			}
			if tries++; tries == 1 {
				return ended(ctx, tx)
			}
			return nil
		})
		if err != nil || tries != 2 || count(t, d) != 1 {
			t.Errorf("%d tries, %v", tries, err)
		}
		// It breaks on the way to COMMIT: nobody knows, so it is not done twice.
		tries = 0
		err = d.Write(ctx, func(tx *db.Tx) error {
			tries++
			if err := put(ctx, tx, "b"); err != nil {
				return err
			}
			return tx.Later(ctx, endConnection)
		})
		if !errors.Is(err, errs.Unavailable) || tries != 1 || count(t, d) != 1 {
			t.Errorf("%d tries, %v", tries, err)
		}
		gone, cancel := context.WithCancel(ctx)
		tries = 0
		err = d.Write(gone, func(tx *db.Tx) error {
			tries++
			cancel()
			return ended(gone, tx)
		})
		if err == nil || tries != 1 {
			t.Errorf("somebody who left: %d tries, %v", tries, err)
		}
	})
}

func TestAFullDiskIsSaid(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		if d.Engine != db.SQLite {
			return
		}
		ctx := t.Context()
		limit := func(pages string) {
			err := d.Exclusive(ctx, func(c *sql.Conn) error {
				var n int
				return c.QueryRowContext(ctx, "PRAGMA max_page_count="+pages).Scan(&n)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		limit("1") // as many as there are
		err := d.Write(ctx, func(tx *db.Tx) error {
			if err := put(ctx, tx, "a"); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, "UPDATE setting SET value = $1", strings.Repeat("x", 1<<20))
			return err
		})
		if !errors.Is(err, errs.Unavailable) || count(t, d) != 0 {
			t.Errorf("%v, and %d rows", err, count(t, d))
		}
		limit("1000000")
		if err := d.Write(ctx, func(tx *db.Tx) error { return put(ctx, tx, "a") }); err != nil {
			t.Errorf("with room again: %v", err)
		}
	})
}
