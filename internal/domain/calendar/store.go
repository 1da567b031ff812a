package calendar

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// Stored is a calendar with its name.
type Stored struct {
	ID      string
	Name    string
	Spec    Spec
	Updated time.Time
	Version int64
}

const columns = "id, name, spec, updated_at, version"

func scan(r db.Row, s *Stored) error {
	return r.Scan(&s.ID, &s.Name, db.JSON(&s.Spec), db.Millis(&s.Updated), &s.Version)
}

// List returns all calendars by name.
func List(ctx context.Context, tx *db.Tx) ([]Stored, error) {
	return db.All(ctx, tx, scan, "SELECT "+columns+" FROM calendar ORDER BY name")
}

// Find returns one calendar. Errors: errs.NotFound.
func Find(ctx context.Context, tx *db.Tx, calendarID string) (Stored, error) {
	s, err := db.One(ctx, tx, scan, "SELECT "+columns+" FROM calendar WHERE id = $1", text.Clean(calendarID))
	if err != nil {
		return s, fmt.Errorf("calendar %s: %w", calendarID, err)
	}
	return s, nil
}

// mayChange returns nil if a may change calendars.
func mayChange(a auth.Actor) error {
	if !a.Admin() {
		return fmt.Errorf("calendars: %w", errs.Forbidden)
	}
	return nil
}

const maxName = 100

// Save stores s: a new one when s.ID is empty, else a change of the version s.Version.
// Errors: errs.Forbidden unless a is an administrator, errs.Invalid (name, and as Compile), errs.NotFound, errs.Conflict
// when somebody saved it in between.
func Save(ctx context.Context, tx *db.Tx, a auth.Actor, s Stored) (Stored, error) {
	if err := mayChange(a); err != nil {
		return s, err
	}
	s.Name, s.Updated = text.Line(s.Name), tx.Now
	var wrong []errs.Field
	if s.Name == "" || utf8.RuneCountInString(s.Name) > maxName {
		wrong = append(wrong, errs.Field{Name: "name", Key: "ticket.name_length", Args: []any{"max", maxName}})
	}
	if _, err := Compile(s.Spec); err != nil {
		wrong = append(wrong, errs.Fields(err)...)
	}
	var same int
	err := db.First(ctx, tx, "SELECT count(*) FROM calendar WHERE name = $1 AND id <> $2", []any{s.Name, s.ID}, &same)
	if err != nil {
		return s, err
	}
	if same > 0 {
		wrong = append(wrong, errs.Field{Name: "name", Key: "calendar.taken", Args: []any{"name", s.Name}})
	}
	if err := errs.InvalidFields(wrong); err != nil {
		return s, fmt.Errorf("calendar: %w", err)
	}
	tx.Signal("calendars")
	if s.ID == "" {
		s.ID, s.Version = id.New(), 1
		_, err := tx.ExecContext(ctx, "INSERT INTO calendar ("+columns+") VALUES ($1, $2, $3, $4, 1)", s.ID, s.Name, db.JSON(&s.Spec), db.Ms(s.Updated))
		return s, err
	}
	err = tx.ExecOne(ctx, "UPDATE calendar SET name = $1, spec = $2, updated_at = $3, version = version + 1 WHERE id = $4 AND version = $5",
		s.Name, db.JSON(&s.Spec), db.Ms(s.Updated), s.ID, s.Version)
	if err := errs.Stale(err, func() error { _, err := Find(ctx, tx, s.ID); return err }); err != nil {
		return s, fmt.Errorf("calendar %s: %w", s.ID, err)
	}
	s.Version++
	return s, nil
}

// Remove forgets a calendar. Whether something counts by it is for the caller to ask first.
// Errors: errs.Forbidden unless a is an administrator, errs.NotFound.
func Remove(ctx context.Context, tx *db.Tx, a auth.Actor, calendarID string) error {
	if err := mayChange(a); err != nil {
		return err
	}
	tx.Signal("calendars")
	return tx.ExecOne(ctx, "DELETE FROM calendar WHERE id = $1", text.Clean(calendarID))
}
