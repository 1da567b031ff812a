package db_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
)

func later(ctx context.Context, tx *db.Tx, key string) error {
	return tx.Later(ctx, "INSERT INTO setting (key, value, updated_at, updated_by) VALUES ($1, '1', $2, '')", key, db.Ms(tx.Now))
}

func TestLaterRunsInItsPlace(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		err := d.Write(ctx, func(tx *db.Tx) error {
			for _, key := range []string{"a", "b"} {
				if err := later(ctx, tx, key); err != nil {
					return err
				}
			}
			var n int
			for i, count := range []func() error{
				func() error { return tx.QueryRowContext(ctx, "SELECT count(*) FROM setting").Scan(&n) },
				func() error { return db.First(ctx, tx, "SELECT count(*) FROM setting", nil, &n) },
			} {
				if err := count(); err != nil || n != 2+i {
					t.Errorf("%d rows seen after %d, %v", n, 2+i, err)
				}
				if err := later(ctx, tx, string(rune('x'+i))); err != nil {
					return err
				}
			}
			return nil
		})
		if n := dbtest.Count(t, d, "setting"); err != nil || n != 4 {
			t.Errorf("%d rows, %v", n, err)
		}
	})
}

func TestLaterTakesItsArgumentsAsTheyAre(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		at, value := d.Now(), map[string]int{"n": 1}
		want := at
		err := d.Write(ctx, func(tx *db.Tx) error {
			err := tx.Later(ctx, "INSERT INTO setting (key, value, updated_at, updated_by) VALUES ('a', $1, $2, '')", db.JSON(value), db.Millis(&at))
			at, value["n"] = at.Add(time.Hour), 2
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		err = d.Read(ctx, func(tx *db.Tx) error {
			return db.First(ctx, tx, "SELECT value, updated_at FROM setting", nil, db.JSON(&value), db.Millis(&at))
		})
		if err != nil || value["n"] != 1 || !at.Equal(want) {
			t.Errorf("%v, %s instead of %s, %v", value, at, want, err)
		}
	})
}

func TestLaterFailsAtTheCommitAtTheLatest(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		for name, rest := range map[string]func(tx *db.Tx) error{
			"at the commit":        func(*db.Tx) error { return nil },
			"at the next":          func(tx *db.Tx) error { return put(ctx, tx, "c") },
			"at a read of one row": func(tx *db.Tx) error { var n int; return tx.QueryRowContext(ctx, "SELECT 1").Scan(&n) },
			"at a read of more":    func(tx *db.Tx) error { _, err := db.Strings(ctx, tx, "SELECT key FROM setting"); return err },
		} {
			told := false
			err := d.Write(ctx, func(tx *db.Tx) error {
				tx.AfterCommit(func() { told = true })
				if err := errors.Join(later(ctx, tx, "a"), later(ctx, tx, "a")); err != nil {
					return err
				}
				return rest(tx)
			})
			if !db.IsUnique(err) || told {
				t.Errorf("%s: told %v, %v", name, told, err)
			}
			if n := dbtest.Count(t, d, "setting"); n != 0 {
				t.Errorf("%s: %d rows are left", name, n)
			}
		}
	})
}

func TestLosersOfARaceTryAgain(t *testing.T) {
	d := dbtest.Open(t, db.Postgres, dbtest.Options{})
	tries := 0
	err := d.Write(t.Context(), func(tx *db.Tx) error {
		if tries++; tries < 3 {
			return db.Raced(errs.Conflict)
		}
		return put(t.Context(), tx, "a")
	})
	if err != nil || tries != 3 {
		t.Errorf("%d tries, %v", tries, err)
	}
	tries = 0
	err = d.Write(t.Context(), func(*db.Tx) error { tries++; return db.Raced(errs.Conflict) })
	if !errors.Is(err, errs.Conflict) || tries < 3 || tries > 20 {
		t.Errorf("%d tries, %v", tries, err)
	}
}

func TestAFailurePassedOverIsNoCommit(t *testing.T) {
	d := dbtest.Open(t, db.Postgres, dbtest.Options{})
	err := d.Write(t.Context(), func(tx *db.Tx) error {
		if err := put(t.Context(), tx, "a"); err != nil {
			return err
		}
		if err := put(t.Context(), tx, "a"); !db.IsUnique(err) {
			t.Errorf("error = %v", err)
		}
		return nil // PostgreSQL undoes all when a statement failed: saying it succeeded would be a lie
	})
	if n := dbtest.Count(t, d, "setting"); err == nil || n != 0 {
		t.Errorf("%d rows, %v", n, err)
	}
}

func TestADeadConnectionCostsOneTransaction(t *testing.T) {
	d := dbtest.Open(t, db.Postgres, dbtest.Options{})
	ctx := t.Context()
	err := d.Write(ctx, func(tx *db.Tx) error {
		var pid int
		if err := db.First(ctx, tx, "SELECT pg_backend_pid()", nil, &pid); err != nil {
			return err
		}
		if _, err := d.Raw().ExecContext(ctx, "SELECT pg_terminate_backend($1)", pid); err != nil {
			t.Error(err)
		}
		return put(ctx, tx, "lost")
	})
	if err == nil {
		t.Error("written on a dead connection")
	}
	cancelled, cancel := context.WithCancel(ctx)
	err = d.Write(cancelled, func(tx *db.Tx) error {
		if err := put(ctx, tx, "lost too"); err != nil {
			return err
		}
		cancel()
		return put(cancelled, tx, "x")
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	for i := range 20 { // every connection of the pool is good
		if err := d.Write(ctx, func(tx *db.Tx) error { return later(ctx, tx, fmt.Sprint("k", i)) }); err != nil {
			t.Fatal(err)
		}
	}
	if n := dbtest.Count(t, d, "setting"); n != 20 {
		t.Errorf("%d rows, want 20", n)
	}
}
