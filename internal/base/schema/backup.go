package schema

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"

	"entraide/internal/base/db"
)

// BackupInto returns the backup that Migrate takes first: on SQLite a copy of the database in dir, named after the
// version and the time. On PostgreSQL it does nothing: its own tools keep copies.
func BackupInto(dir string, d *db.DB) func(ctx context.Context, c *sql.Conn, version int) error {
	if d.Engine != db.SQLite {
		return nil
	}
	return func(ctx context.Context, c *sql.Conn, version int) error {
		name := fmt.Sprintf("schema-%04d-%s.db", version, d.Now().Format("20060102-150405.000"))
		_, err := c.ExecContext(ctx, "VACUUM INTO $1", filepath.Join(dir, name))
		return err
	}
}
