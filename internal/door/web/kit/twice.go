package kit

import (
	"context"
	"errors"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/id"
	"entraide/internal/base/once"
)

// Twice reports whether a sent the same words before with the form that carries this token: a double click, or a page
// sent again. Call it first in the transaction of the effect and skip the effect when it is true. Other words under the
// same token are another answer, and a form without a token is always new.
func Twice(ctx context.Context, tx *db.Tx, a auth.Actor, token, words string) (bool, error) {
	if !id.Valid(token) {
		return false, nil
	}
	k := once.Key{Sender: a.ID, Key: "form:" + token, Print: id.Hash(words)}
	_, again, err := once.Begin(ctx, tx, k)
	if errors.Is(err, once.ErrOther) {
		return false, nil
	}
	if err != nil || again {
		return again, err
	}
	return false, once.Finish(ctx, tx, k, once.Answer{Status: 200})
}
