package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// Team works tickets together at one of the three levels.
type Team struct {
	ID          string
	Name        string // at most 100 characters
	Level       int    // 1, 2 or 3
	Description string
	Active      bool
	Members     []Member // by name; empty for who only sees the directory
	Created     time.Time
	Version     int64
}

// Member is a person in a team.
type Member struct {
	PersonID string
	Name     string
	Avatar   string
	Leads    bool
	Active   bool // the person still has access
	Away     Away
}

// MayManage returns nil if a may add and remove members and leads: administrators and the team's leads.
// Errors: errs.Forbidden.
func (t Team) MayManage(a auth.Actor) error {
	if a.Scoped("people:write") && a.Leads(t.ID) {
		return nil
	}
	return fmt.Errorf("manage team %s: %w", t.ID, errs.Forbidden)
}

// Validate says what cannot be accepted. Errors: errs.Invalid.
func (t Team) Validate() error {
	var f []errs.Field
	switch {
	case t.Name == "":
		f = append(f, errs.Field{Name: "name", Key: "identity.name.missing"})
	case len([]rune(t.Name)) > maxShort:
		f = append(f, errs.Field{Name: "name", Key: "identity.long", Args: []any{"max", maxShort}})
	}
	if t.Level < 1 || t.Level > 3 {
		f = append(f, errs.Field{Name: "level", Key: "identity.team.level"})
	}
	return errs.InvalidFields(f)
}

const teamColumns = "t.id, t.name, t.level, t.description, t.active, t.created_at, t.version"

func scanTeam(r db.Row, t *Team) error {
	return r.Scan(&t.ID, &t.Name, &t.Level, &t.Description, &t.Active, db.Millis(&t.Created), &t.Version)
}

// ListTeams returns the teams by level and name; inactive ones too for administrators. Agents see the members.
// Two statements. Nobody sees nothing.
func ListTeams(ctx context.Context, tx *db.Tx, a auth.Actor) ([]Team, error) {
	if !a.Known() {
		return nil, nil
	}
	teams, err := db.All(ctx, tx, scanTeam, "SELECT "+teamColumns+" FROM team t WHERE t.active OR $1 ORDER BY t.level, t.name, t.id", a.Admin())
	if err != nil || !seesAll(a) {
		return teams, err
	}
	return teams, fillTeams(ctx, tx, teams)
}

// FindTeam returns a team, active or not, with its members for agents.
// Errors: errs.NotFound.
func FindTeam(ctx context.Context, tx *db.Tx, a auth.Actor, teamID string) (Team, error) {
	t, err := db.One(ctx, tx, scanTeam, "SELECT "+teamColumns+" FROM team t WHERE t.id = $1", teamID)
	if err == nil && !a.Known() {
		err = errs.NotFound
	}
	if err != nil {
		return Team{}, fmt.Errorf("team %s: %w", teamID, err)
	}
	if !seesAll(a) {
		return t, nil
	}
	one := []Team{t}
	err = fillTeams(ctx, tx, one)
	return one[0], err
}

func fillTeams(ctx context.Context, tx *db.Tx, teams []Team) error {
	at, ids := map[string]int{}, make([]string, len(teams))
	for i, t := range teams {
		at[t.ID], ids[i] = i, t.ID
	}
	type row struct {
		team string
		m    Member
	}
	rows, err := db.All(ctx, tx, func(r db.Row, x *row) error {
		return r.Scan(&x.team, &x.m.PersonID, &x.m.Name, &x.m.Avatar, &x.m.Leads, &x.m.Active,
			db.Millis(&x.m.Away.From), db.Millis(&x.m.Away.Until), &x.m.Away.Note, &x.m.Away.DeputyID)
	}, `SELECT m.team_id, p.id, p.name, p.avatar, m.leads, p.active, p.out_from, p.out_until, p.out_note, COALESCE(p.deputy_id, '')
		FROM team_member m JOIN person p ON p.id = m.person_id WHERE `+tx.In("m.team_id", 1)+" ORDER BY p.name_fold, p.id", db.List(ids))
	for _, x := range rows {
		t := &teams[at[x.team]]
		t.Members = append(t.Members, x.m)
	}
	return err
}

func emitTeam(ctx context.Context, tx *db.Tx, a auth.Actor, kind, teamID string, changes []event.Change) error {
	_, err := event.Emit(ctx, tx, a, event.Event{Kind: kind, Ref: "team/" + teamID, Data: event.Data{Changes: changes}})
	return err
}

// emitMember tells that a person was added to, removed from or became lead of a team or group.
func emitMember(ctx context.Context, tx *db.Tx, a auth.Actor, ref, personID, what string) error {
	_, err := event.Emit(ctx, tx, a, event.Event{Kind: event.Room(ref) + ".member", Ref: ref,
		Data: event.Data{Person: personID, Extra: map[string]string{"what": what}}})
	return err
}

// CreateTeam stores a new active team with t's name, level and description, and emits team.created.
// Errors: errs.Forbidden, errs.Invalid.
func CreateTeam(ctx context.Context, tx *db.Tx, a auth.Actor, t Team) (Team, error) {
	if err := MayAdminister(a); err != nil {
		return Team{}, err
	}
	t = Team{ID: id.New(), Name: text.Line(t.Name), Level: t.Level, Description: text.Clean(t.Description), Active: true, Created: tx.Now, Version: 1}
	if err := t.Validate(); err != nil {
		return t, err
	}
	_, err := tx.Exec(ctx, "INSERT INTO team (id, name, level, description, created_at) VALUES ($1, $2, $3, $4, $5)",
		t.ID, t.Name, t.Level, t.Description, db.Ms(t.Created))
	if err != nil {
		return t, err
	}
	return t, emitTeam(ctx, tx, a, "team.created", t.ID, nil)
}

// UpdateTeam lets edit change name, level, description and activity, and emits team.updated. version is the one the
// page showed; 0 = whatever it is now.
// Errors: errs.NotFound, errs.Forbidden, errs.Invalid, errs.Conflict when somebody saved in between.
func UpdateTeam(ctx context.Context, tx *db.Tx, a auth.Actor, teamID string, version int64, edit func(*Team)) (Team, error) {
	before, err := FindTeam(ctx, tx, a, teamID)
	if err != nil {
		return before, err
	}
	if err := MayAdminister(a); err != nil {
		return before, err
	}
	t := before
	edit(&t)
	t.ID, t.Members, t.Created, t.Version = before.ID, before.Members, before.Created, before.Version
	t.Name, t.Description = text.Line(t.Name), text.Clean(t.Description)
	if err := t.Validate(); err != nil {
		return before, err
	}
	var changes []event.Change
	for _, c := range []event.Change{{Field: "name", From: before.Name, To: t.Name},
		{Field: "level", From: strconv.Itoa(before.Level), To: strconv.Itoa(t.Level)},
		{Field: "description", From: before.Description, To: t.Description},
		{Field: "active", From: strconv.FormatBool(before.Active), To: strconv.FormatBool(t.Active)}} {
		if c.From != c.To {
			changes = append(changes, c)
		}
	}
	if len(changes) == 0 {
		return before, nil
	}
	if version == 0 {
		version = before.Version
	}
	err = tx.ExecOne(ctx, "UPDATE team SET name = $1, level = $2, description = $3, active = $4, version = version + 1 WHERE id = $5 AND version = $6",
		t.Name, t.Level, t.Description, t.Active, t.ID, version)
	if errors.Is(err, errs.NotFound) {
		return before, fmt.Errorf("update team %s: %w", teamID, errs.Because(errs.Conflict, "identity.conflict"))
	}
	if err != nil {
		return before, err
	}
	t.Version++
	return t, emitTeam(ctx, tx, a, "team.updated", t.ID, changes)
}

// SetMember puts a person into a team, or changes whether they lead it, and emits team.member. Who has neither the role
// agent nor lead becomes an agent by it, who leads a team a lead, if a is an administrator.
// Errors: errs.NotFound, errs.Forbidden, with a reason when the person lacks the role and a is no administrator;
// errs.Invalid when they are no active colleague.
func SetMember(ctx context.Context, tx *db.Tx, a auth.Actor, teamID, personID string, leads bool) error {
	t, err := FindTeam(ctx, tx, a, teamID)
	if err != nil {
		return err
	}
	if err := t.MayManage(a); err != nil {
		return err
	}
	p, err := Find(ctx, tx, a, personID)
	switch {
	case err != nil:
		return err
	case !p.Active || p.External:
		return errs.InvalidField("person", "identity.team.outside", "name", p.Name)
	}
	if err := joinsTeam(ctx, tx, a, p, leads); err != nil {
		return err
	}
	what := "member"
	if leads {
		what = "lead"
	}
	if i := slices.IndexFunc(t.Members, func(m Member) bool { return m.PersonID == personID }); i >= 0 && t.Members[i].Leads == leads {
		return nil
	}
	_, err = tx.Exec(ctx, `INSERT INTO team_member (person_id, team_id, leads) VALUES ($1, $2, $3)
		ON CONFLICT (person_id, team_id) DO UPDATE SET leads = excluded.leads`, personID, teamID, leads)
	if err != nil {
		return err
	}
	return emitMember(ctx, tx, a, "team/"+teamID, personID, what)
}

// RemoveMember takes a person out of a team and emits team.member. Nothing happens when they are not in it.
// Errors: errs.NotFound, errs.Forbidden.
func RemoveMember(ctx context.Context, tx *db.Tx, a auth.Actor, teamID, personID string) error {
	t, err := FindTeam(ctx, tx, a, teamID)
	if err != nil {
		return err
	}
	if err := t.MayManage(a); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, "DELETE FROM team_member WHERE person_id = $1 AND team_id = $2", personID, teamID)
	if err != nil || n == 0 {
		return err
	}
	return emitMember(ctx, tx, a, "team/"+teamID, personID, "removed")
}

// Seed creates a team for each of the levels 1, 2, 3 with these names when there is no team at all, and returns them;
// nil when there is one.
// Errors: errs.Forbidden, errs.Invalid.
func Seed(ctx context.Context, tx *db.Tx, a auth.Actor, names [3]string) ([]Team, error) {
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM team").Scan(&n); err != nil || n > 0 {
		return nil, err
	}
	var teams []Team
	for i, name := range names {
		t, err := CreateTeam(ctx, tx, a, Team{Name: name, Level: i + 1})
		if err != nil {
			return nil, err
		}
		teams = append(teams, t)
	}
	return teams, nil
}
