// Package dbtest gives tests a fresh database with the product's schema, once per engine.
//
// PostgreSQL is a throw-away server of the test binary's own, started on first use from Debian's package and listening
// on a Unix socket only; ENTRAIDE_TEST_POSTGRES names a server to use instead, on which databases are created.
package dbtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/schema"
)

// Options adjust the database given to a test.
type Options struct {
	Now    func() time.Time
	Reacts func(kind string) []string
	Seed   string // SQL run before the test, one text for both engines
}

// Each runs f on an empty database of each engine, after seed.
func Each(t *testing.T, seed string, f func(t *testing.T, d *db.DB)) {
	t.Helper()
	EachWith(t, Options{Seed: seed}, f)
}

// EachWith is Each with options.
func EachWith(t *testing.T, o Options, f func(t *testing.T, d *db.DB)) {
	t.Helper()
	for _, e := range []db.Engine{db.SQLite, db.Postgres} {
		t.Run(string(e), func(t *testing.T) { f(t, Open(t, e, o)) })
	}
}

// Open returns a fresh database of one engine with the schema in it; it is gone when the test ends.
func Open(tb testing.TB, e db.Engine, o Options) *db.DB {
	tb.Helper()
	d, err := db.Open(tb.Context(), db.Options{URL: URL(tb, e), Now: o.Now, Reacts: o.Reacts, MaxConns: 10})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Error(err)
		}
	})
	if _, err := schema.Migrate(tb.Context(), d, nil); err != nil {
		tb.Fatal(err)
	}
	if o.Seed != "" {
		err = d.Write(tb.Context(), func(tx *db.Tx) error { return runText(tb.Context(), tx, o.Seed) })
		if err != nil {
			tb.Fatalf("seed: %v", err)
		}
	}
	return d
}

// URL returns the address of an empty database of one engine, without the schema; it is gone when the test ends.
func URL(tb testing.TB, e db.Engine) string {
	tb.Helper()
	if e == db.SQLite {
		return filepath.Join(tb.TempDir(), "entraide.db")
	}
	srv, err := server()
	if err != nil {
		tb.Fatalf("PostgreSQL for tests: %v", err)
	}
	name := fmt.Sprintf("t%d_%d", os.Getpid(), databases.Add(1))
	admin(tb, srv, "CREATE DATABASE "+name)
	tb.Cleanup(func() { admin(tb, srv, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	u, err := url.Parse(srv)
	if err != nil {
		tb.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// Count returns the number of rows of a table.
func Count(tb testing.TB, d *db.DB, table string) int {
	tb.Helper()
	n := 0
	err := d.Read(tb.Context(), func(tx *db.Tx) error {
		return tx.QueryRowContext(tb.Context(), "SELECT count(*) FROM "+table).Scan(&n)
	})
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

var databases atomic.Int64

func admin(tb testing.TB, srv, q string) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	d, err := db.Open(ctx, db.Options{URL: srv, MaxConns: 1})
	if err != nil {
		tb.Fatal(err)
	}
	_, err = d.Raw().ExecContext(ctx, q)
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func runText(ctx context.Context, tx *db.Tx, text string) error {
	for _, q := range schema.Statements(text) {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%.80s: %w", q, err)
		}
	}
	return nil
}
