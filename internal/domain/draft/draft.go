// Package draft keeps what people are typing before they send it: a reply, a note, a new request. A draft belongs to
// one person and is seen by nobody else, administrators included.
//
// Saving names the version that the page saw, so that two tabs on the same form find out about each other instead of
// overwriting one another in turn.
package draft

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
)

// Bounds of what one person may leave lying about.
const (
	MaxBody = 256 << 10 // bytes of JSON
	MaxKept = 200       // drafts of one person
	KeptFor = 30 * 24 * time.Hour
)

// Draft is one form as far as it was filled in.
type Draft struct {
	Key     string          // "ticket/<id>/public", "ticket/<id>/internal", "ticket/new"
	Body    json.RawMessage // object of the form's inputs
	Version int64           // changes at each save and is never given twice for a key
	Updated time.Time
}

var keyShape = regexp.MustCompile(`^[a-z]{1,30}(/[A-Za-z0-9_.-]{1,64}){1,4}$`)

const columns = "key, body, version, updated_at"

func scan(r db.Row, d *Draft) error {
	var body string
	err := r.Scan(&d.Key, &body, &d.Version, db.Millis(&d.Updated))
	d.Body = json.RawMessage(body)
	return err
}

// Save stores body, a JSON object, as a's draft under key. seen is the version that the page last got; 0 = it knew of
// no draft.
// Errors: errs.Forbidden for nobody and the machine, errs.Invalid, errs.Conflict when the draft was saved, sent or
// discarded elsewhere since (Get shows what stands there now) or when a keeps MaxKept drafts already.
func Save(ctx context.Context, tx *db.Tx, a auth.Actor, key string, body json.RawMessage, seen int64) (Draft, error) {
	d := Draft{Key: key, Updated: tx.Now}
	if a.ID == "" {
		return d, fmt.Errorf("save draft: %w", errs.Forbidden)
	}
	if !keyShape.MatchString(key) {
		return d, errs.InvalidField("key", "form.error.draft_key")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, body); err != nil || !bytes.HasPrefix(compact.Bytes(), []byte("{")) {
		return d, errs.InvalidField("body", "form.error.draft_shape")
	}
	if compact.Len() > MaxBody {
		return d, errs.InvalidField("body", "form.error.draft_long", "max", MaxBody>>10)
	}
	d.Body = compact.Bytes()
	if seen == 0 {
		return d, create(ctx, tx, a, &d)
	}
	err := tx.QueryRowContext(ctx, `UPDATE draft SET body = $1, version = version + 1, updated_at = $2
		WHERE person_id = $3 AND key = $4 AND version = $5 RETURNING version`,
		string(d.Body), db.Ms(tx.Now), a.ID, key, seen).Scan(&d.Version)
	return d, conflict(err, key)
}

// create counts versions from the clock, so that a tab which knew an earlier draft of this key cannot take the new one
// for its own.
func create(ctx context.Context, tx *db.Tx, a auth.Actor, d *Draft) error {
	var kept int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM draft WHERE person_id = $1", a.ID).Scan(&kept); err != nil {
		return fmt.Errorf("save draft: %w", err)
	}
	if kept >= MaxKept {
		return fmt.Errorf("save draft: %w", errs.Because(errs.Conflict, "form.error.drafts_many", "max", MaxKept))
	}
	err := tx.QueryRowContext(ctx, `INSERT INTO draft (person_id, key, body, version, updated_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (person_id, key) DO NOTHING RETURNING version`,
		a.ID, d.Key, string(d.Body), db.Ms(tx.Now), db.Ms(tx.Now)).Scan(&d.Version)
	return conflict(err, d.Key)
}

// Get returns a's draft under key.
// Errors: errs.NotFound.
func Get(ctx context.Context, tx *db.Tx, a auth.Actor, key string) (Draft, error) {
	d, err := db.One(ctx, tx, scan, "SELECT "+columns+" FROM draft WHERE person_id = $1 AND key = $2", a.ID, key)
	if err != nil {
		return d, fmt.Errorf("draft %s: %w", key, err)
	}
	return d, nil
}

// Delete discards a's draft under key: it was sent, or is not wanted. One that is not there is no error.
func Delete(ctx context.Context, tx *db.Tx, a auth.Actor, key string) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM draft WHERE person_id = $1 AND key = $2", a.ID, key)
	return err
}

// List returns a's drafts whose key begins with prefix ("ticket/"; "" = all), latest first.
func List(ctx context.Context, tx *db.Tx, a auth.Actor, prefix string) ([]Draft, error) {
	return db.All(ctx, tx, scan, `SELECT `+columns+` FROM draft
		WHERE person_id = $1 AND substr(key, 1, length($2)) = $2 ORDER BY updated_at DESC, key`, a.ID, prefix)
}

// Purge deletes everybody's drafts that nobody touched for KeptFor and returns how many there were.
// Errors: errs.Forbidden unless a is the machine.
func Purge(ctx context.Context, tx *db.Tx, a auth.Actor) (int64, error) {
	if !a.Internal {
		return 0, fmt.Errorf("purge drafts: %w", errs.Forbidden)
	}
	return tx.Exec(ctx, "DELETE FROM draft WHERE updated_at < $1", db.Ms(tx.Now.Add(-KeptFor)))
}

// conflict turns "no row fitted" into errs.Conflict.
func conflict(err error, key string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("save draft %s: %w", key, errs.Because(errs.Conflict, "form.error.draft_elsewhere"))
	}
	return fmt.Errorf("save draft %s: %w", key, err)
}
