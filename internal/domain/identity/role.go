package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
)

// RoleKey is the catalogue key of a role's name.
func RoleKey(r auth.Role) string { return "identity.role." + string(r) }

func splitRoles(s string) []auth.Role {
	if s == "" {
		return nil
	}
	var out []auth.Role
	held := strings.Split(s, ",")
	for _, r := range auth.Roles() {
		if slices.Contains(held, string(r)) {
			out = append(out, r)
		}
	}
	return out
}

func joinRoles(roles []auth.Role) string {
	s := make([]string, len(roles))
	for i, r := range roles {
		s[i] = string(r)
	}
	return strings.Join(s, ",")
}

// checkRoles returns roles without the implied requester and repetitions, in the order of auth.Roles.
func checkRoles(roles []auth.Role) ([]auth.Role, error) {
	for _, r := range roles {
		if !slices.Contains(auth.Roles(), r) {
			return nil, errs.InvalidField("roles", "identity.role_unknown", "role", string(r))
		}
	}
	var out []auth.Role
	for _, r := range auth.Roles() {
		if r != auth.Requester && slices.Contains(roles, r) {
			out = append(out, r)
		}
	}
	return out, nil
}

// SetRoles gives a person exactly these roles and emits person.roles. Who no longer works tickets leaves their teams;
// who is no longer lead stays in them without leading.
// Errors: errs.NotFound, errs.Forbidden, errs.Invalid for an unknown role, errs.Conflict for the last administrator.
func SetRoles(ctx context.Context, tx *db.Tx, a auth.Actor, personID string, roles []auth.Role) (Person, error) {
	p, err := administered(ctx, tx, a, personID)
	if err == nil {
		err = mayGiveRoles(a)
	}
	if err != nil {
		return p, err
	}
	if roles, err = checkRoles(roles); err != nil || slices.Equal(roles, p.Roles) {
		return p, err
	}
	if p.Is(auth.Admin) && !slices.Contains(roles, auth.Admin) {
		if err := keepAnAdmin(ctx, tx, p); err != nil {
			return p, err
		}
	}
	return changeRoles(ctx, tx, a, p, roles)
}

// changeRoles writes p's roles, which checkRoles has seen, and what follows from them.
func changeRoles(ctx context.Context, tx *db.Tx, a auth.Actor, p Person, roles []auth.Role) (Person, error) {
	before := joinRoles(p.Roles)
	if err := storeRoles(ctx, tx, &p, roles); err != nil {
		return p, err
	}
	if err := save(ctx, tx, &p); err != nil {
		return p, err
	}
	if err := fitTeams(ctx, tx, a, p); err != nil {
		return p, err
	}
	return p, emit(ctx, tx, a, "person.roles", p.ID, event.Data{Person: p.ID,
		Changes: []event.Change{{Field: "roles", From: before, To: joinRoles(p.Roles)}}})
}

// joinsTeam gives p the role that being in a team, or leading it, takes. Whether a manages the team is for the caller.
// Only administrators give roles: a lead gathers people who have them already, so that nobody becomes an agent, who
// reads every ticket, without an administrator.
func joinsTeam(ctx context.Context, tx *db.Tx, a auth.Actor, p Person, leads bool) error {
	r := auth.Agent
	switch {
	case leads:
		r = auth.Lead
	case slices.Contains(p.Roles, auth.Lead):
		return nil
	}
	if slices.Contains(p.Roles, r) {
		return nil
	}
	if mayGiveRoles(a) != nil {
		return fmt.Errorf("give role %s: %w", r, errs.Because(errs.Forbidden, "identity.team.needs."+string(r), "name", p.Name))
	}
	roles, err := checkRoles(append(slices.Clone(p.Roles), r))
	if err == nil {
		_, err = changeRoles(ctx, tx, a, p, roles)
	}
	return err
}

// mayGiveRoles keeps a token that was limited to people from making administrators, or from becoming one.
func mayGiveRoles(a auth.Actor) error {
	if a.Admin() && a.Scoped("admin") {
		return nil
	}
	return fmt.Errorf("give roles: %w", errs.Forbidden)
}

func storeRoles(ctx context.Context, tx *db.Tx, p *Person, roles []auth.Role) error {
	if _, err := tx.Exec(ctx, "DELETE FROM person_role WHERE person_id = $1", p.ID); err != nil {
		return err
	}
	return addRoles(ctx, tx, p, roles)
}

// addRoles writes the roles of a person who has none.
func addRoles(ctx context.Context, tx *db.Tx, p *Person, roles []auth.Role) error {
	for _, r := range roles {
		if _, err := tx.Exec(ctx, "INSERT INTO person_role (person_id, role) VALUES ($1, $2)", p.ID, string(r)); err != nil {
			return err
		}
	}
	p.Roles = roles
	return nil
}

// fitTeams takes from p the memberships that their roles no longer carry.
func fitTeams(ctx context.Context, tx *db.Tx, a auth.Actor, p Person) error {
	if !p.Is(auth.Lead) {
		if _, err := tx.Exec(ctx, "UPDATE team_member SET leads = FALSE WHERE person_id = $1 AND leads", p.ID); err != nil {
			return err
		}
	}
	if p.Is(auth.Agent) {
		return nil
	}
	left, err := db.Strings(ctx, tx, "DELETE FROM team_member WHERE person_id = $1 RETURNING team_id", p.ID)
	for _, team := range left {
		if err := emitMember(ctx, tx, a, "team/"+team, p.ID, "removed"); err != nil {
			return err
		}
	}
	return err
}

// keepAnAdmin refuses to lose p when nobody else administers.
func keepAnAdmin(ctx context.Context, tx *db.Tx, p Person) error {
	// Touching all administrators makes two who remove each other at once wait for one another on PostgreSQL.
	if _, err := tx.Exec(ctx, "UPDATE person SET updated_at = updated_at WHERE id IN (SELECT person_id FROM person_role WHERE role = 'admin')"); err != nil {
		return err
	}
	others, err := admins(ctx, tx, p.ID)
	if err == nil && others == 0 {
		return fmt.Errorf("person %s: %w", p.ID, errs.Because(errs.Conflict, "identity.lastadmin"))
	}
	return err
}

// admins counts the active administrators apart from one person.
func admins(ctx context.Context, tx *db.Tx, apart string) (n int, err error) {
	err = tx.QueryRowContext(ctx, `
		SELECT count(*) FROM person p JOIN person_role r ON r.person_id = p.id
		WHERE r.role = 'admin' AND p.active AND p.id <> $1`, apart).Scan(&n)
	return n, err
}

// Administrators returns the active administrators, by id.
// Errors: errs.Forbidden unless a is the machine.
func Administrators(ctx context.Context, tx *db.Tx, a auth.Actor) ([]Person, error) {
	if !a.Internal {
		return nil, fmt.Errorf("administrators: %w", errs.Forbidden)
	}
	q := &query{}
	q.and("p.active AND p.id IN (SELECT person_id FROM person_role WHERE role = 'admin')")
	return people(ctx, tx, a, q, " ORDER BY p.id")
}
