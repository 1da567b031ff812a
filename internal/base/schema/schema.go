// Package schema holds the tables and brings a database up to them.
//
// sql/NNNN_name.sql runs on both engines; NNNN_name.sqlite.sql and NNNN_name.postgres.sql, where one text cannot serve,
// run after it. Files that were released never change; a checksum is kept to notice. There is no way back: an older
// program refuses a newer schema. Above each table stands its owner, the only room that writes it.
package schema

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"entraide/internal/base/db"
)

//go:embed sql/*.sql
var files embed.FS

// ErrNewer is returned when the database was written by a newer program.
var ErrNewer = errors.New("the database belongs to a newer version of Entraide: start that version, or restore a backup")

// ErrChanged is returned when a migration that ran is not the one this program carries.
var ErrChanged = errors.New("the database was built by a different history of migrations")

// Migration is one step.
type Migration struct {
	Version  int
	Name     string // "ticket"
	Checksum string // SHA-256 of its texts, hex
	texts    map[string]string
}

// Migrations returns all steps in order.
func Migrations() ([]Migration, error) {
	names, err := fs.Glob(files, "sql/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []Migration
	for _, name := range names {
		b, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		base, engine, _ := strings.Cut(strings.TrimSuffix(path.Base(name), ".sql"), ".")
		num, title, _ := strings.Cut(base, "_")
		v, err := strconv.Atoi(num)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		if len(all) == 0 || all[len(all)-1].Version != v {
			if v != len(all)+1 {
				return nil, fmt.Errorf("migration %s: number %d expected", name, len(all)+1)
			}
			all = append(all, Migration{Version: v, Name: title, texts: make(map[string]string)})
		}
		all[len(all)-1].texts[engine] = string(b)
	}
	for i := range all {
		h := sha256.New()
		for _, e := range []string{"", "sqlite", "postgres"} {
			h.Write([]byte(all[i].texts[e] + "\x00"))
		}
		all[i].Checksum = hex.EncodeToString(h.Sum(nil))
	}
	return all, nil
}

// Text returns the statements of a migration for an engine.
func (m Migration) Text(e db.Engine) string {
	clustered := ""
	if e == db.SQLite {
		clustered = " WITHOUT ROWID"
	}
	return strings.ReplaceAll(m.texts[""]+"\n"+m.texts[string(e)], "{{clustered}}", clustered)
}

// State tells how far a database is.
type State struct {
	Current int // 0 = empty
	Latest  int // of this program
}

// Pending returns how many steps are missing.
func (s State) Pending() int { return s.Latest - s.Current }

const versionTable = `CREATE TABLE IF NOT EXISTS schema_migration (
	version  INTEGER PRIMARY KEY,
	name     TEXT   NOT NULL,
	checksum TEXT   NOT NULL,
	at       BIGINT NOT NULL
)`

// Check reads how far d is and changes nothing.
// Errors: ErrNewer, ErrChanged.
func Check(ctx context.Context, d *db.DB) (State, error) {
	all, err := Migrations()
	if err != nil {
		return State{}, err
	}
	var s State
	err = d.Exclusive(ctx, func(c *sql.Conn) (err error) {
		s, err = check(ctx, c, d.Engine, all)
		return err
	})
	return s, err
}

func check(ctx context.Context, c *sql.Conn, e db.Engine, all []Migration) (State, error) {
	s := State{Latest: len(all)}
	exists := "SELECT count(*) FROM sqlite_master WHERE name = 'schema_migration'"
	if e == db.Postgres {
		exists = "SELECT count(*) FROM pg_class WHERE oid = to_regclass('schema_migration')"
	}
	var n int
	if err := c.QueryRowContext(ctx, exists).Scan(&n); err != nil || n == 0 {
		return s, err
	}
	rows, err := c.QueryContext(ctx, "SELECT version, checksum FROM schema_migration ORDER BY version")
	if err != nil {
		return s, err
	}
	defer rows.Close()
	for rows.Next() {
		var sum string
		if err := rows.Scan(&s.Current, &sum); err != nil {
			return s, err
		}
		if s.Current <= len(all) && all[s.Current-1].Checksum != sum {
			return s, fmt.Errorf("migration %d: %w", s.Current, ErrChanged)
		}
	}
	if s.Current > s.Latest {
		return s, ErrNewer
	}
	return s, rows.Err()
}

// migrationLock is the advisory lock under which one replica migrates while the others wait.
const migrationLock = 0x656e7472

// Migrate brings d to the latest schema, each step in a transaction of its own. Before the first step on a database
// that holds something, backup is called with the present version; nil = no backup.
// Errors: ErrNewer, ErrChanged, those of backup.
func Migrate(ctx context.Context, d *db.DB, backup func(ctx context.Context, c *sql.Conn, version int) error) (State, error) {
	all, err := Migrations()
	if err != nil {
		return State{}, err
	}
	var s State
	err = d.Exclusive(ctx, func(c *sql.Conn) (err error) {
		if d.Engine == db.Postgres {
			if _, err := c.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrationLock); err != nil {
				return err
			}
			defer func() {
				_, e := c.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", migrationLock)
				err = errors.Join(err, e)
			}()
		}
		if s, err = check(ctx, c, d.Engine, all); err != nil || s.Pending() == 0 {
			return err
		}
		if s.Current > 0 && backup != nil {
			if err := backup(ctx, c, s.Current); err != nil {
				return fmt.Errorf("backup before migration: %w", err)
			}
		}
		for _, m := range all[s.Current:] {
			if err := step(ctx, c, d.Engine, m, d.Now()); err != nil {
				return fmt.Errorf("migration %04d_%s: %w", m.Version, m.Name, err)
			}
			s.Current = m.Version
		}
		return nil
	})
	return s, err
}

// step runs m in a transaction of its own, unless another process did so in between: whoever takes a mail in beside the
// server may be the first after an upgrade, and so may several.
func step(ctx context.Context, c *sql.Conn, e db.Engine, m Migration, now time.Time) (err error) {
	begin := "BEGIN"
	if e == db.SQLite {
		begin = "BEGIN IMMEDIATE" // the others wait here, not in the middle
	}
	if _, err := c.ExecContext(ctx, begin); err != nil {
		return err
	}
	defer func() {
		end := "COMMIT"
		if err != nil {
			end = "ROLLBACK"
		}
		_, e := c.ExecContext(context.WithoutCancel(ctx), end)
		err = errors.Join(err, e)
	}()
	if _, err = c.ExecContext(ctx, versionTable); err != nil {
		return err
	}
	r, err := c.ExecContext(ctx, "INSERT INTO schema_migration (version, name, checksum, at) VALUES ($1, $2, $3, $4) ON CONFLICT (version) DO NOTHING",
		m.Version, m.Name, m.Checksum, now.UnixMilli())
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return err
	}
	for _, q := range Statements(m.Text(e)) {
		if _, err = c.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%.60s: %w", q, err)
		}
	}
	return nil
}

// Statements splits SQL at the semicolons that end lines; our texts have no others.
func Statements(text string) []string {
	var out []string
	for _, q := range strings.Split(text, ";\n") {
		if q = strings.TrimSpace(stripComments(q)); q != "" {
			out = append(out, q)
		}
	}
	return out
}

func stripComments(q string) string {
	var b strings.Builder
	for line := range strings.Lines(q) {
		code, _, commented := strings.Cut(line, "--")
		b.WriteString(code)
		if commented {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// Owners returns the owning room of each table of the schema, from the comments above the tables.
func Owners() (map[string]string, error) {
	all, err := Migrations()
	if err != nil {
		return nil, err
	}
	owners := make(map[string]string)
	for _, m := range all {
		owner := ""
		for line := range strings.Lines(m.texts[""]) {
			line = strings.TrimSpace(line)
			if o, ok := strings.CutPrefix(line, "-- owner: "); ok {
				owner = o
			}
			if t, ok := strings.CutPrefix(line, "CREATE TABLE "); ok {
				if owner == "" {
					return nil, fmt.Errorf("table %s of migration %d has no owner", t, m.Version)
				}
				owners[strings.TrimSpace(strings.TrimSuffix(t, "("))] = owner
				owner = ""
			}
			if t, ok := strings.CutPrefix(line, "DROP TABLE "); ok {
				delete(owners, strings.TrimSuffix(t, ";"))
			}
		}
	}
	return owners, nil
}
