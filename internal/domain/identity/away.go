package identity

import (
	"context"
	"fmt"
	"slices"
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
// Errors: errs.NotFound, errs.Forbidden unless a is that person, leads a team of theirs or administers; errs.Invalid.
func SetAway(ctx context.Context, tx *db.Tx, a auth.Actor, personID string, w Away) (Person, error) {
	p, err := Find(ctx, tx, a, personID)
	if err != nil {
		return p, err
	}
	if p.MayEdit(a) != nil {
		if err := leadsPerson(ctx, tx, a, personID); err != nil {
			return p, err
		}
	}
	return update(ctx, tx, a, p, func(p *Person) { p.Away = w })
}

// leadsPerson returns nil if a leads a team that a person is in.
// Errors: errs.Forbidden.
func leadsPerson(ctx context.Context, tx *db.Tx, a auth.Actor, personID string) error {
	teams, err := db.Strings(ctx, tx, "SELECT team_id FROM team_member WHERE person_id = $1", personID)
	if err == nil && (!a.Scoped("people:write") || !slices.ContainsFunc(teams, a.Leads)) {
		err = fmt.Errorf("absence of person %s: %w", personID, errs.Forbidden)
	}
	return err
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
