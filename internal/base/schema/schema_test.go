package schema_test

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/schema"
)

func eachEmpty(t *testing.T, f func(t *testing.T, open func() *db.DB)) {
	t.Helper()
	for _, e := range []db.Engine{db.SQLite, db.Postgres} {
		t.Run(string(e), func(t *testing.T) {
			url := dbtest.URL(t, e)
			f(t, func() *db.DB {
				d, err := db.Open(t.Context(), db.Options{URL: url, MaxConns: 4})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := d.Close(); err != nil {
						t.Error(err)
					}
				})
				return d
			})
		})
	}
}

func latest(t *testing.T) int {
	t.Helper()
	all, err := schema.Migrations()
	if err != nil || len(all) == 0 {
		t.Fatal(len(all), err)
	}
	return len(all)
}

// forge replaces rows of schema_migration: what another program may have left.
func forge(t *testing.T, d *db.DB, q string) {
	t.Helper()
	if err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := tx.ExecContext(t.Context(), q); return err }); err != nil {
		t.Fatal(err)
	}
}

// shape lists every column and index of a database.
func shape(t *testing.T, d *db.DB) (lines []string) {
	t.Helper()
	q := "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1"
	if d.Engine == db.Postgres {
		q = `SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
			FROM information_schema.columns WHERE table_schema = 'public'
			UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1`
	}
	err := d.Read(t.Context(), func(tx *db.Tx) (err error) { lines, err = db.Strings(t.Context(), tx, q); return err })
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestMigrateFreshAndAgain(t *testing.T) {
	eachEmpty(t, func(t *testing.T, open func() *db.DB) {
		d := open()
		ctx := t.Context()
		noBackup := func(context.Context, *sql.Conn, int) error { t.Error("backup of nothing"); return nil }
		s, err := schema.Check(ctx, d)
		if err != nil || s.Current != 0 || s.Pending() != latest(t) {
			t.Fatalf("empty: %+v, %v", s, err)
		}
		for range 2 {
			if s, err = schema.Migrate(ctx, d, noBackup); err != nil || s.Current != latest(t) || s.Pending() != 0 {
				t.Fatalf("migrated: %+v, %v", s, err)
			}
		}
		if s, err = schema.Check(ctx, d); err != nil || s.Pending() != 0 {
			t.Errorf("afterwards: %+v, %v", s, err)
		}
		if n := dbtest.Count(t, d, "schema_migration"); n != latest(t) {
			t.Errorf("%d steps recorded", n)
		}
	})
}

// A database migrated step by step, as by a row of upgrades, is the same as a fresh one.
func TestUpgradedIsLikeFresh(t *testing.T) {
	eachEmpty(t, func(t *testing.T, open func() *db.DB) {
		d := open()
		all, err := schema.Migrations()
		if err != nil {
			t.Fatal(err)
		}
		first := all[0]
		err = d.Write(t.Context(), func(tx *db.Tx) error {
			version := "CREATE TABLE schema_migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, at BIGINT NOT NULL)"
			for _, q := range append(schema.Statements(first.Text(d.Engine)), version) {
				if _, err := tx.ExecContext(t.Context(), q); err != nil {
					return err
				}
			}
			_, err := tx.ExecContext(t.Context(), "INSERT INTO schema_migration VALUES ($1, $2, $3, 0)", first.Version, first.Name, first.Checksum)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		backups := 0
		refuse := errors.New("disk full")
		_, err = schema.Migrate(t.Context(), d, func(context.Context, *sql.Conn, int) error { return refuse })
		if !errors.Is(err, refuse) {
			t.Fatalf("migrated without backup: %v", err)
		}
		if s, err := schema.Check(t.Context(), d); err != nil || s.Current != 1 {
			t.Fatalf("after a failed backup: %+v, %v", s, err)
		}
		_, err = schema.Migrate(t.Context(), d, func(ctx context.Context, c *sql.Conn, version int) error {
			backups++
			if version != 1 {
				t.Errorf("backup of version %d", version)
			}
			return c.PingContext(ctx)
		})
		if err != nil || backups != 1 {
			t.Fatalf("%d backups, %v", backups, err)
		}
		fresh := dbtest.Open(t, d.Engine, dbtest.Options{})
		got, want := shape(t, d), shape(t, fresh)
		for _, l := range want {
			if !slices.Contains(got, l) && !strings.Contains(l, "schema_migration") {
				t.Errorf("upgraded lacks %s", l)
			}
		}
		if len(got) != len(want) || len(want) < 30 {
			t.Errorf("%d things, fresh has %d", len(got), len(want))
		}
	})
}

func TestForeignHistoriesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		forge string
		want  error
	}{
		"a newer program's": {"INSERT INTO schema_migration (version, name, checksum, at) VALUES (9999, 'future', '', 0)", schema.ErrNewer},
		"a changed step":    {"UPDATE schema_migration SET checksum = 'another' WHERE version = 2", schema.ErrChanged},
		"changed and newer": {"UPDATE schema_migration SET checksum = 'another', version = version + 1000", schema.ErrNewer},
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
				forge(t, d, c.forge)
				before := shape(t, d)
				if _, err := schema.Check(t.Context(), d); !errors.Is(err, c.want) {
					t.Errorf("Check: %v", err)
				}
				backup := func(context.Context, *sql.Conn, int) error { t.Error("backup"); return nil }
				if _, err := schema.Migrate(t.Context(), d, backup); !errors.Is(err, c.want) {
					t.Errorf("Migrate: %v", err)
				}
				if !slices.Equal(before, shape(t, d)) {
					t.Error("something changed")
				}
			})
		})
	}
}

// Replicas that start together migrate once.
func TestConcurrentMigrate(t *testing.T) {
	eachEmpty(t, func(t *testing.T, open func() *db.DB) {
		handles := []*db.DB{open()}
		for range 3 {
			handles = append(handles, open()) // on SQLite as well: mails are taken in beside the server
		}
		var backups atomic.Int64
		var all sync.WaitGroup
		for _, d := range handles {
			all.Go(func() {
				s, err := schema.Migrate(t.Context(), d, func(context.Context, *sql.Conn, int) error { backups.Add(1); return nil })
				if err != nil || s.Pending() != 0 {
					t.Errorf("%+v, %v", s, err)
				}
			})
		}
		all.Wait()
		if n := dbtest.Count(t, handles[0], "schema_migration"); n != latest(t) || handles[0].Engine == db.Postgres && backups.Load() != 0 {
			t.Errorf("%d steps recorded, %d backups", n, backups.Load())
		}
	})
}

// A step that fails leaves nothing of itself, and the next start tries again.
func TestFailedStepLeavesNothing(t *testing.T) {
	eachEmpty(t, func(t *testing.T, open func() *db.DB) {
		d := open()
		forge(t, d, "CREATE TABLE idempotency (in_the_way INTEGER)") // the last table of the first step
		if s, err := schema.Migrate(t.Context(), d, nil); err == nil || s.Current != 0 {
			t.Fatalf("%+v, %v", s, err)
		}
		if s, err := schema.Check(t.Context(), d); err != nil || s.Current != 0 {
			t.Fatalf("after the failure: %+v, %v", s, err)
		}
		forge(t, d, "DROP TABLE idempotency")
		if s, err := schema.Migrate(t.Context(), d, nil); err != nil || s.Pending() != 0 {
			t.Errorf("second try: %+v, %v", s, err)
		}
	})
}

func TestOwnersCoverEveryTable(t *testing.T) {
	owners, err := schema.Owners()
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		q := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
		if d.Engine == db.Postgres {
			q = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
		}
		var tables []string
		err := d.Read(t.Context(), func(tx *db.Tx) (err error) { tables, err = db.Strings(t.Context(), tx, q); return err })
		if err != nil {
			t.Fatal(err)
		}
		shadow := regexp.MustCompile(`_(data|idx|content|docsize|config)$`) // of a full-text table, by SQLite itself
		for _, table := range tables {
			if table != "schema_migration" && owners[table] == "" && owners[shadow.ReplaceAllString(table, "")] == "" {
				t.Errorf("table %s has no owner: write \"-- owner: <room>\" above it", table)
			}
		}
		if len(tables) < len(owners) && d.Engine == db.SQLite {
			t.Errorf("%d tables, %d owners", len(tables), len(owners))
		}
	})
}

func TestStatements(t *testing.T) {
	text := "CREATE TABLE a ( -- one; two\n\tx TEXT -- \"it\"\n);\n-- only a comment\n\nINSERT INTO a VALUES ('b;c');\n;\n"
	var got []string
	for _, q := range schema.Statements(text) {
		got = append(got, strings.Join(strings.Fields(q), " "))
	}
	want := []string{"CREATE TABLE a ( x TEXT )", "INSERT INTO a VALUES ('b;c')"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// landed are the beginnings of the checksums of the steps that databases may have run.
var landed = []string{"4131f3983083", "4e25c05807a3", "7400a8a7cd21", "a12089f7aada", "86ae1edf0e36", "848bc35d8b2f", "513aae6fdc80", "d6bb3f045d5f", "e43af7c641b6", "5b42c1109680", "a0e3129e412c", "96f44b5bf9f7"}

// TestLandedStaySame holds steps to what databases have run: another history refuses to start (ErrChanged). What is
// missing comes in a new step; its checksum is added here when it lands.
func TestLandedStaySame(t *testing.T) {
	all, err := schema.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range all {
		if i >= len(landed) || m.Checksum[:12] != landed[i] {
			t.Errorf("step %d is %s: a step that landed never changes, a new one is added to landed", m.Version, m.Checksum[:12])
		}
	}
}
