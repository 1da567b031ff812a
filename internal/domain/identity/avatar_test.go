package identity_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/domain/identity"
)

func TestAvatars(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		anna, paul := add(t, d, "Anna Colin"), add(t, d, "Paul Roux")
		hash := strings.Repeat("0a", 32)
		set := func(a auth.Actor, id, hash string) error {
			return try(t, d, func(ctx context.Context, tx *db.Tx) error {
				_, err := identity.SetAvatar(ctx, tx, a, id, hash)
				return err
			})
		}
		faces := func(a auth.Actor) (got map[string]string) {
			err := d.Read(t.Context(), func(tx *db.Tx) (err error) {
				got, err = identity.Avatars(t.Context(), tx, a, []string{anna.ID, paul.ID, "", "nobody"})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		if err := set(actor(t, d, anna), paul.ID, hash); !errors.Is(err, errs.Forbidden) && !errors.Is(err, errs.NotFound) {
			t.Errorf("somebody else's picture: %v", err)
		}
		if err := set(actor(t, d, anna), anna.ID, hash); err != nil {
			t.Fatal(err)
		}
		if got := faces(actor(t, d, paul)); len(got) != 1 || got[anna.ID] != hash {
			t.Errorf("a colleague sees %v", got)
		}
		if got := faces(auth.Actor{}); len(got) != 0 {
			t.Errorf("a stranger sees %v", got)
		}
		if err := set(actor(t, d, anna), anna.ID, ""); err != nil {
			t.Fatal(err)
		}
		if got := faces(actor(t, d, paul)); len(got) != 0 {
			t.Errorf("after it was removed: %v", got)
		}
	})
}
