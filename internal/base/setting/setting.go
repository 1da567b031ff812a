// Package setting keeps the organisation's choices: one row a key, JSON inside.
package setting

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
)

// Get returns the value of key, def when it was never set.
func Get[T any](ctx context.Context, tx *db.Tx, key string, def T) (T, error) {
	var text string
	err := tx.QueryRowContext(ctx, "SELECT value FROM setting WHERE key = $1", key).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return def, nil
	}
	if err != nil {
		return def, fmt.Errorf("setting %s: %w", key, err)
	}
	v := def // fields that an older version did not know keep their default
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return def, fmt.Errorf("setting %s: %w", key, err)
	}
	return v, nil
}

// Set stores the value of key.
// Errors: errs.Forbidden unless a is an administrator.
func Set[T any](ctx context.Context, tx *db.Tx, a auth.Actor, key string, v T) error {
	if !a.Admin() {
		return fmt.Errorf("setting %s: %w", key, errs.Forbidden)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("setting %s: %w", key, err)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO setting (key, value, updated_at, updated_by) VALUES ($1, $2, $3, $4)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at, updated_by = excluded.updated_by`,
		key, string(b), db.Ms(tx.Now), a.ID)
	if err != nil {
		return fmt.Errorf("setting %s: %w", key, err)
	}
	tx.Signal("setting/" + key)
	return nil
}
