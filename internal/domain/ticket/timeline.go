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
	all, err := event.OfAny(ctx, tx, append(refs, t.Ref()), t.AsAgent(a))
	for i := range all {
		if e := &all[i]; !t.AsAgent(a) && (e.Kind == "ticket.escalated" || e.Kind == "ticket.returned") {
			// That it was passed on, and to which level, is everybody's; why and to whom is the desk's.
			e.Data = event.Data{Extra: map[string]string{"way": e.Data.Extra["way"], "from_level": e.Data.Extra["from_level"], "to_level": e.Data.Extra["to_level"]}}
		}
	}
	return all, err
}
