package ticket

import (
	"context"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/event"
)

// Timeline returns everything that happened to t and to the tickets merged into it, oldest first. Requesters do not
// read internal entries. t must come from Find with the same actor.
func Timeline(ctx context.Context, tx *db.Tx, a auth.Actor, t Ticket) ([]event.Event, error) {
	refs, err := db.Strings(ctx, tx, "SELECT 'ticket/' || id FROM ticket WHERE merged_into = $1", t.ID)
	if err != nil {
		return nil, err
	}
	return event.OfAny(ctx, tx, append(refs, t.Ref()), t.AsAgent(a))
}
