package identity

import (
	"context"
	"fmt"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
)

// Insert stores a person as p describes them, active or not, with the hash of a password (Hasher.Hash, "" = none): for
// the machine, which fills a database with many. Unlike Create it reads nothing, takes the manager and the deputy as
// they are, and records person.created without anybody reacting to it. The id, the dates and the version are made here.
// Errors: errs.Forbidden unless a is the machine, errs.Invalid.
func Insert(ctx context.Context, tx *db.Tx, a auth.Actor, p Person, stored string) (Person, error) {
	if !a.Internal {
		return Person{}, fmt.Errorf("insert person: %w", errs.Forbidden)
	}
	if stored != "" {
		if _, err := decode(stored); err != nil {
			return Person{}, err
		}
	}
	roles, err := checkRoles(p.Roles)
	if err != nil {
		return Person{}, err
	}
	p.ID, p.HasPassword, p.Roles = id.New(), stored != "", nil
	p.clean()
	if err := p.Validate(); err != nil {
		return Person{}, err
	}
	if err := insert(ctx, tx, &p, stored); err != nil {
		return Person{}, err
	}
	if err := addRoles(ctx, tx, &p, roles); err != nil {
		return Person{}, err
	}
	_, err = event.Record(ctx, tx, a, event.Event{Kind: "person.created", Ref: "person/" + p.ID, Data: event.Data{Person: p.ID}})
	return p, err
}
