package form

import (
	"context"
	"fmt"
	"slices"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

const columns = `id, key, label_fr, label_en, help_fr, help_en, kind, options, required, ticket_kind, category_id, position, active, created_at, version`

func scan(r db.Row, f *Field) error {
	var category *string
	err := r.Scan(&f.ID, &f.Key, &f.LabelFR, &f.LabelEN, &f.HelpFR, &f.HelpEN, &f.Kind, db.JSON(&f.Options), &f.Required, &f.TicketKind,
		&category, &f.Position, &f.Active, db.Millis(&f.Created), &f.Version)
	if category != nil {
		f.CategoryID = *category
	}
	return err
}

// All returns every field, inactive ones too, in the order of forms: what the settings page shows and what labels old
// values.
// Errors: errs.Forbidden for nobody.
func All(ctx context.Context, tx *db.Tx, a auth.Actor) ([]Field, error) {
	if !a.Known() {
		return nil, fmt.Errorf("list fields: %w", errs.Forbidden)
	}
	return db.All(ctx, tx, scan, "SELECT "+columns+" FROM field ORDER BY position, key")
}

// Find returns one field.
// Errors: errs.NotFound, also for nobody.
func Find(ctx context.Context, tx *db.Tx, a auth.Actor, fieldID string) (Field, error) {
	if !a.Known() {
		return Field{}, fmt.Errorf("field %s: %w", fieldID, errs.NotFound)
	}
	f, err := db.One(ctx, tx, scan, "SELECT "+columns+" FROM field WHERE id = $1", fieldID)
	if err != nil {
		return f, fmt.Errorf("field %s: %w", fieldID, err)
	}
	return f, nil
}

// For returns the active fields of a ticket of a type in a category, in the order of the form. categoryPath holds the
// ids of the category and of all above it; empty = no category. Which questions a form asks is no secret.
func For(ctx context.Context, tx *db.Tx, kind string, categoryPath []string) ([]Field, error) {
	return db.All(ctx, tx, scan, `SELECT `+columns+` FROM field
		WHERE active AND (ticket_kind = '' OR ticket_kind = $1) AND (category_id IS NULL OR `+tx.In("category_id", 2)+`)
		ORDER BY position, key`, kind, db.List(categoryPath))
}

// Create adds f as a new active field; its ID, Active, Created and Version are set here.
// Errors: errs.Forbidden, errs.Invalid (also for a key that is taken).
func Create(ctx context.Context, tx *db.Tx, a auth.Actor, f Field) (Field, error) {
	if err := MayManage(a); err != nil {
		return f, err
	}
	f = f.cleaned()
	if err := f.check(); err != nil {
		return f, err
	}
	f.ID, f.Active, f.Created, f.Version = id.New(), true, tx.Now, 1
	n, err := tx.Exec(ctx, `INSERT INTO field (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		ON CONFLICT (key) DO NOTHING`, f.ID, f.Key, f.LabelFR, f.LabelEN, f.HelpFR, f.HelpEN, f.Kind, db.JSON(f.Options), f.Required,
		f.TicketKind, db.Null(f.CategoryID), f.Position, f.Active, db.Ms(f.Created), f.Version)
	if err != nil {
		return f, fmt.Errorf("create field %s: %w", f.Key, err)
	}
	if n == 0 {
		return f, errs.InvalidField("key", "form.error.key_taken")
	}
	return f, tell(ctx, tx, a, "field.created", f)
}

// Change stores everything of f but its key, kind and creation; f.Version is the one that the person saw. Setting
// Active to false takes the field out of forms.
// Errors: errs.NotFound, errs.Forbidden, errs.Invalid, errs.Conflict when somebody saved it in between.
func Change(ctx context.Context, tx *db.Tx, a auth.Actor, f Field) (Field, error) {
	if err := MayManage(a); err != nil {
		return f, err
	}
	old, err := Find(ctx, tx, a, f.ID)
	if err != nil {
		return f, err
	}
	f = f.cleaned()
	f.Key, f.Kind, f.Created = old.Key, old.Kind, old.Created
	if err := f.check(); err != nil {
		return f, err
	}
	n, err := tx.Exec(ctx, `UPDATE field SET label_fr = $1, label_en = $2, help_fr = $3, help_en = $4, options = $5, required = $6,
		ticket_kind = $7, category_id = $8, position = $9, active = $10, version = version + 1 WHERE id = $11 AND version = $12`,
		f.LabelFR, f.LabelEN, f.HelpFR, f.HelpEN, db.JSON(f.Options), f.Required, f.TicketKind, db.Null(f.CategoryID), f.Position, f.Active, f.ID, f.Version)
	if err != nil {
		return f, fmt.Errorf("change field %s: %w", f.Key, err)
	}
	if n == 0 {
		return f, fmt.Errorf("change field %s: %w", f.Key, errs.Because(errs.Conflict, "form.error.saved_meanwhile"))
	}
	f.Version++
	return f, tell(ctx, tx, a, "field.changed", f)
}

// Move puts a field by places further down the forms, or up when by is negative, as far as there are others. The
// versions of fields stay, so that who is editing one is not refused for its place.
// Errors: errs.NotFound, errs.Forbidden.
func Move(ctx context.Context, tx *db.Tx, a auth.Actor, fieldID string, by int) error {
	if err := MayManage(a); err != nil {
		return err
	}
	all, err := All(ctx, tx, a)
	if err != nil {
		return err
	}
	from := slices.IndexFunc(all, func(f Field) bool { return f.ID == fieldID })
	if from < 0 {
		return fmt.Errorf("field %s: %w", fieldID, errs.NotFound)
	}
	moved := all[from]
	to := min(max(from+by, 0), len(all)-1)
	all = slices.Insert(slices.Delete(all, from, from+1), to, moved)
	for i, f := range all {
		if f.Position == i {
			continue
		}
		if _, err := tx.Exec(ctx, "UPDATE field SET position = $1 WHERE id = $2", i, f.ID); err != nil {
			return fmt.Errorf("move field %s: %w", f.Key, err)
		}
	}
	if from == to {
		return nil
	}
	return tell(ctx, tx, a, "field.moved", moved)
}

func (f Field) cleaned() Field {
	f.LabelFR, f.LabelEN = text.Line(f.LabelFR), text.Line(f.LabelEN)
	f.HelpFR, f.HelpEN = text.Line(f.HelpFR), text.Line(f.HelpEN)
	options := make([]Option, len(f.Options))
	for i, o := range f.Options {
		options[i] = Option{Value: text.Line(o.Value), FR: text.Line(o.FR), EN: text.Line(o.EN)}
	}
	f.Options = options
	return f
}

func tell(ctx context.Context, tx *db.Tx, a auth.Actor, kind string, f Field) error {
	_, err := event.Emit(ctx, tx, a, event.Event{Kind: kind, Ref: "field/" + f.ID, Internal: true,
		Data: event.Data{Extra: map[string]string{"key": f.Key, "label": f.LabelFR}}})
	return err
}
