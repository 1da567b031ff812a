package intake

import (
	"context"
	"fmt"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
)

// Join answers the question whether the ticket of a mail belongs to the one that the mail names: yes merges it there,
// no leaves the two linked. It is asked once.
// Errors: errs.NotFound when nothing is asked or a does not see the ticket; errs.Forbidden and errs.Conflict as
// ticket.Merge.
func Join(ctx context.Context, tx *db.Tx, a auth.Actor, envelopeID string, yes bool) error {
	if !a.Agent() {
		return fmt.Errorf("join: %w", errs.Forbidden)
	}
	e, err := channel.Question(ctx, tx, a, envelopeID)
	if err != nil {
		return err
	}
	from, err := ticket.Find(ctx, tx, a, strings.TrimPrefix(e.Ref, "ticket/"))
	if err != nil {
		return err
	}
	if err := from.MayWork(a); err != nil {
		return err
	}
	if err := channel.Answered(ctx, tx, a, e.ID); err != nil || !yes {
		return err
	}
	into, err := ticket.Follow(ctx, tx, a, strings.TrimPrefix(e.Suggest, "ticket/"))
	if err != nil {
		return err
	}
	_, err = ticket.Merge(ctx, tx, a, from.ID, into.ID)
	return err
}
