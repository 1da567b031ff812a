package channel

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
)

// StepQuiet is the key of the decision to take a mail in without acknowledging it, in the trail of its envelope: its
// sender writes too often, or is a machine that does not say so.
const StepQuiet = "mail.step.quiet"

// Quiet reports whether the mail that opened ref is not to be acknowledged; see StepQuiet.
// Errors: errs.Forbidden unless a is the machine.
func Quiet(ctx context.Context, tx *db.Tx, a auth.Actor, ref string) (bool, error) {
	if err := mayHandle(a); err != nil {
		return false, err
	}
	var trail []Step
	err := db.First(ctx, tx, "SELECT trail FROM envelope WHERE ref = $1 AND direction = 'in' ORDER BY at, id LIMIT 1", []any{ref}, db.JSON(&trail))
	if errors.Is(err, errs.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("first mail of %s: %w", ref, err)
	}
	return slices.ContainsFunc(trail, func(s Step) bool { return s.Key == StepQuiet }), nil
}
