package ticket

import (
	"context"
	"fmt"
	"unicode/utf8"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// View is a list of the desk under a name.
type View struct {
	ID       string // of a saved view; for built-in ones "mine", "unassigned", …, or "queue-" and a queue's id
	Name     string // of a saved view or queue; built-in ones are named by the pages
	OwnerID  string // personal; "" otherwise
	TeamID   string // of a team; "" otherwise
	Filter   Filter
	Position int
	Version  int64
}

// BuiltIn returns the views that every agent has, in order.
func BuiltIn() []View {
	return []View{
		{ID: "mine", Filter: Filter{Active: true, Assignee: "me"}},
		{ID: "unassigned", Filter: Filter{Active: true, Assignee: "none", MyTeams: true}},
		{ID: "late", Filter: Filter{Active: true, MyTeams: true, Due: DueSoon}},
		{ID: "teams", Filter: Filter{Active: true, MyTeams: true}},
		{ID: "pending", Filter: Filter{Statuses: []Status{Pending}, Active: true, Assignee: "me"}},
		{ID: "mentioned", Filter: Filter{Active: true, Mentioned: true}},
		{ID: "watched", Filter: Filter{Active: true, Watched: true}},
		{ID: "problems", Filter: Filter{Active: true, Kinds: []Kind{Problem}}},
		{ID: "resolved", Filter: Filter{ResolvedDays: 7, Assignee: "me"}},
		{ID: "all", Filter: Filter{Active: true}},
	}
}

// OfQueue is the view of a queue's active tickets.
func OfQueue(q Queue) View {
	return View{ID: "queue-" + q.ID, Name: q.Name, TeamID: q.TeamID, Filter: Filter{Active: true, Queues: []string{q.ID}}}
}

const viewColumns = "v.id, v.name, coalesce(v.owner_id, ''), coalesce(v.team_id, ''), v.filter, v.position, v.version"

func scanView(r db.Row, v *View) error {
	return r.Scan(&v.ID, &v.Name, &v.OwnerID, &v.TeamID, db.JSON(&v.Filter), &v.Position, &v.Version)
}

const viewVisible = ` FROM saved_view v WHERE (v.owner_id = $1 OR v.team_id IS NOT NULL AND
	($2 OR EXISTS (SELECT 1 FROM team_member m WHERE m.team_id = v.team_id AND m.person_id = $1)))`

// Views returns the saved views of a and of their teams, personal ones first.
func Views(ctx context.Context, tx *db.Tx, a auth.Actor) ([]View, error) {
	return db.All(ctx, tx, scanView, "SELECT "+viewColumns+viewVisible+" ORDER BY v.owner_id IS NULL, v.position, v.name", a.ID, a.Admin())
}

// FindView returns a saved view that a may use.
// Errors: errs.NotFound.
func FindView(ctx context.Context, tx *db.Tx, a auth.Actor, viewID string) (View, error) {
	v, err := db.One(ctx, tx, scanView, "SELECT "+viewColumns+viewVisible+" AND v.id = $3", a.ID, a.Admin(), viewID)
	if err != nil {
		return v, fmt.Errorf("view: %w", err)
	}
	return v, nil
}

// MaySave returns nil if a may keep v: their own, or a team's if they lead it.
// Errors: errs.Forbidden.
func (v View) MaySave(a auth.Actor) error {
	if !a.Agent() || v.TeamID == "" && v.OwnerID != a.ID || v.TeamID != "" && !a.Leads(v.TeamID) {
		return fmt.Errorf("save view: %w", errs.Forbidden)
	}
	return nil
}

// SaveView creates v when it has no id, else changes it at its version. A view of no team is the actor's.
// Errors: errs.Forbidden, errs.Invalid (name), errs.NotFound, errs.Conflict.
func SaveView(ctx context.Context, tx *db.Tx, a auth.Actor, v View) (View, error) {
	if v.OwnerID = ""; v.TeamID == "" {
		v.OwnerID = a.ID
	}
	if err := v.MaySave(a); err != nil {
		return v, err
	}
	if v.Name = text.Line(v.Name); v.Name == "" || utf8.RuneCountInString(v.Name) > 60 {
		return v, errs.InvalidField("name", "ticket.name_length", "max", 60)
	}
	if v.ID == "" {
		v.ID, v.Version = id.New(), 1
		_, err := tx.ExecContext(ctx, "INSERT INTO saved_view (id, name, owner_id, team_id, filter, position, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			v.ID, v.Name, db.Null(v.OwnerID), db.Null(v.TeamID), db.JSON(v.Filter), v.Position, db.Ms(tx.Now))
		return v, unknownTeam(err)
	}
	was, err := FindView(ctx, tx, a, v.ID)
	if err != nil {
		return v, err
	}
	if err := was.MaySave(a); err != nil {
		return v, err
	}
	n, err := tx.Exec(ctx, `UPDATE saved_view SET name = $1, owner_id = $2, team_id = $3, filter = $4, position = $5, version = version + 1
		WHERE id = $6 AND version = $7`, v.Name, db.Null(v.OwnerID), db.Null(v.TeamID), db.JSON(v.Filter), v.Position, v.ID, v.Version)
	if err == nil && n == 0 {
		return v, errs.Because(errs.Conflict, "ticket.settings_stale")
	}
	v.Version++
	return v, unknownTeam(err)
}

// unknownTeam translates the refusal of a team that does not exist.
func unknownTeam(err error) error {
	if err != nil && db.IsForeign(err) {
		return errs.InvalidField("team", "ticket.team_unknown")
	}
	return err
}

// DeleteView forgets a saved view.
// Errors: errs.NotFound, errs.Forbidden.
func DeleteView(ctx context.Context, tx *db.Tx, a auth.Actor, viewID string) error {
	v, err := FindView(ctx, tx, a, viewID)
	if err != nil {
		return err
	}
	if err := v.MaySave(a); err != nil {
		return err
	}
	return tx.ExecOne(ctx, "DELETE FROM saved_view WHERE id = $1", v.ID)
}
