// Package staffing shapes teams together with the queues that they take tickets from.
package staffing

import (
	"context"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
)

// CreateTeam stores a new team as identity.CreateTeam does and, when asked to, its first queue, last in the lists, which
// takes the team's name.
// Errors: errs.Forbidden, errs.Invalid.
func CreateTeam(ctx context.Context, tx *db.Tx, a auth.Actor, t identity.Team, withQueue bool) (identity.Team, error) {
	t, err := identity.CreateTeam(ctx, tx, a, t)
	if err != nil || !withQueue {
		return t, err
	}
	queues, err := ticket.Queues(ctx, tx, a)
	if err != nil {
		return t, err
	}
	last := 0
	for _, q := range queues {
		last = max(last, q.Position+1)
	}
	_, err = ticket.SaveQueue(ctx, tx, a, ticket.Queue{Name: t.Name, TeamID: t.ID, Position: last})
	return t, err
}

// Queues returns the queues of a team, inactive ones last.
func Queues(ctx context.Context, tx *db.Tx, a auth.Actor, teamID string) ([]ticket.Queue, error) {
	all, err := ticket.Queues(ctx, tx, a)
	var out []ticket.Queue
	for _, q := range all {
		if q.TeamID == teamID {
			out = append(out, q)
		}
	}
	return out, err
}

// ChangeTeam changes a team as identity.UpdateTeam does; when its level changes, its queues take the new one. Tickets in
// them keep the level at which they were handed over until they move again, so that what each level cost stays true.
// Errors: errs.NotFound, errs.Forbidden, errs.Invalid, errs.Conflict when somebody saved in between.
func ChangeTeam(ctx context.Context, tx *db.Tx, a auth.Actor, teamID string, version int64, edit func(*identity.Team)) (identity.Team, error) {
	before, err := identity.FindTeam(ctx, tx, a, teamID)
	if err != nil {
		return before, err
	}
	after, err := identity.UpdateTeam(ctx, tx, a, teamID, version, edit)
	if err != nil || after.Level == before.Level {
		return after, err
	}
	queues, err := Queues(ctx, tx, a, teamID)
	if err != nil {
		return after, err
	}
	for _, q := range queues {
		if _, err := ticket.SaveQueue(ctx, tx, a, q); err != nil { // it takes its team's level
			return after, err
		}
	}
	return after, nil
}
