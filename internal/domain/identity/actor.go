package identity

import (
	"context"
	"fmt"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
)

// actorColumns is everything an Actor needs of the person p, so that one statement loads it.
const actorColumns = `p.id, p.name, p.email_key, p.lang, p.zone,
	COALESCE((SELECT string_agg(r.role, ',') FROM person_role r WHERE r.person_id = p.id), ''),
	COALESCE((SELECT string_agg(m.team_id, ',' ORDER BY m.team_id) FROM team_member m WHERE m.person_id = p.id), ''),
	COALESCE((SELECT string_agg(m.team_id, ',' ORDER BY m.team_id) FROM team_member m WHERE m.person_id = p.id AND m.leads), '')`

// scanActor reads actorColumns, then more.
func scanActor(r db.Row, a *auth.Actor, more ...any) error {
	var roles, teams, leads string
	dest := append([]any{&a.ID, &a.Name, &a.Email, &a.Lang, &a.Zone, &roles, &teams, &leads}, more...)
	if err := r.Scan(dest...); err != nil {
		return err
	}
	a.Roles, a.Teams, a.LeadOf = splitRoles(roles), splitList(teams), splitList(leads)
	return nil
}

func splitList(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// LoadActor returns what a person is and may now, in one statement.
// Errors: errs.NotFound, also for somebody inactive.
func LoadActor(ctx context.Context, tx *db.Tx, personID string) (auth.Actor, error) {
	a, err := db.One(ctx, tx, func(r db.Row, a *auth.Actor) error { return scanActor(r, a) },
		"SELECT "+actorColumns+" FROM person p WHERE p.id = $1 AND p.active", personID)
	if err != nil {
		return auth.Actor{}, fmt.Errorf("actor %s: %w", personID, err)
	}
	return a, nil
}
