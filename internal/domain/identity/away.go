package identity

import (
	"context"
	"fmt"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
)

// Away is an absence. The zero Away is none.
type Away struct {
	From     time.Time // zero = already begun
	Until    time.Time // excluded; zero = not away
	Note     string    // shown to colleagues, at most 200 characters
	DeputyID string    // who stands in; "" = nobody
}

// At reports whether the absence covers now.
func (w Away) At(now time.Time) bool {
	return !w.Until.IsZero() && !now.Before(w.From) && now.Before(w.Until)
}

func (w Away) problems(self string) (f []errs.Field) {
	if !w.Until.IsZero() && !w.Until.After(w.From) {
		f = append(f, errs.Field{Name: "until", Key: "identity.away.order"})
	}
	if len([]rune(w.Note)) > maxName {
		f = append(f, errs.Field{Name: "note", Key: "identity.long", Args: []any{"max", maxName}})
	}
	if w.DeputyID != "" && w.DeputyID == self {
		f = append(f, errs.Field{Name: "deputy", Key: "identity.away.self"})
	}
	return f
}

// SetAway records an absence of a person, or its end with the zero Away, and emits person.updated.
// Errors: errs.NotFound, errs.Forbidden unless a is that person or an administrator, errs.Invalid.
func SetAway(ctx context.Context, tx *db.Tx, a auth.Actor, personID string, w Away) (Person, error) {
	return Update(ctx, tx, a, personID, 0, func(p *Person) { p.Away = w })
}

// maxDeputies bounds how far a chain of deputies who are away themselves is followed.
const maxDeputies = 5

// Standin returns who acts for a person now: themself when present, else the first of the chain of deputies who is
// present; "" when nobody is, also when the deputies name each other.
// Errors: errs.NotFound when the person does not exist.
func Standin(ctx context.Context, tx *db.Tx, personID string) (string, error) {
	for range maxDeputies + 1 {
		p, err := db.One(ctx, tx, func(r db.Row, p *Person) error {
			return r.Scan(&p.Active, db.Millis(&p.Away.From), db.Millis(&p.Away.Until), &p.Away.DeputyID)
		}, "SELECT active, out_from, out_until, COALESCE(deputy_id, '') FROM person WHERE id = $1", personID)
		if err != nil {
			return "", fmt.Errorf("stand-in of %s: %w", personID, err)
		}
		if p.Active && !p.Away.At(tx.Now) {
			return personID, nil
		}
		if p.Away.DeputyID == "" || !p.Away.At(tx.Now) {
			return "", nil
		}
		personID = p.Away.DeputyID
	}
	return "", nil
}
