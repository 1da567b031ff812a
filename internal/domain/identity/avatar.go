package identity

import (
	"context"
	"fmt"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
)

// SetAvatar gives a person the picture stored under hash; "" = their initials. It emits person.updated.
// Errors: as Update.
func SetAvatar(ctx context.Context, tx *db.Tx, a auth.Actor, personID, hash string) (Person, error) {
	return Update(ctx, tx, a, personID, 0, func(p *Person) { p.Avatar = hash })
}

// Avatars returns the hashes of the pictures of the people ids, by id, in one statement; those without one are left
// out. Who sees a name sees the face, so nothing is asked of the reader here but to be signed in.
// Errors: none but those of the database; nobody sees no pictures.
func Avatars(ctx context.Context, tx *db.Tx, a auth.Actor, ids []string) (map[string]string, error) {
	out := make(map[string]string)
	if a.ID == "" && !a.Internal || len(ids) == 0 {
		return out, nil
	}
	type picture struct{ id, hash string }
	found, err := db.All(ctx, tx, func(r db.Row, p *picture) error { return r.Scan(&p.id, &p.hash) },
		"SELECT id, avatar FROM person WHERE "+tx.In("id", 1)+" AND avatar <> ''", db.List(ids))
	if err != nil {
		return nil, fmt.Errorf("avatars: %w", err)
	}
	for _, p := range found {
		out[p.id] = p.hash
	}
	return out, nil
}
