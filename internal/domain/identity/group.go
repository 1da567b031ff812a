package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// Group is a set of people that audiences name: "all-staff", "first-aiders". List its people with Filter.GroupID.
type Group struct {
	ID      string
	Code    string // unique, lower case, without blanks, at most 100 characters
	Name    string // at most 200 characters
	People  int    // how many, active or not
	Created time.Time
	Version int64
}

func (g *Group) clean() { g.Code, g.Name = strings.ToLower(text.Line(g.Code)), text.Line(g.Name) }

// Validate says what cannot be accepted. Errors: errs.Invalid.
func (g Group) Validate() error {
	var f []errs.Field
	switch {
	case g.Code == "" || strings.ContainsFunc(g.Code, unicode.IsSpace):
		f = append(f, errs.Field{Name: "code", Key: "identity.group.code"})
	case len([]rune(g.Code)) > maxShort:
		f = append(f, errs.Field{Name: "code", Key: "identity.long", Args: []any{"max", maxShort}})
	}
	switch {
	case g.Name == "":
		f = append(f, errs.Field{Name: "name", Key: "identity.name.missing"})
	case len([]rune(g.Name)) > maxName:
		f = append(f, errs.Field{Name: "name", Key: "identity.long", Args: []any{"max", maxName}})
	}
	return errs.InvalidFields(f)
}

const groupColumns = "g.id, g.code, g.name, (SELECT count(*) FROM group_member m WHERE m.group_id = g.id), g.created_at, g.version"

func scanGroup(r db.Row, g *Group) error {
	return r.Scan(&g.ID, &g.Code, &g.Name, &g.People, db.Millis(&g.Created), &g.Version)
}

// seesGroups is the condition under which a may see groups: colleagues do, participants from outside do not.
func (q *query) seesGroups(a auth.Actor) {
	if seesAll(a) {
		q.and("TRUE")
		return
	}
	q.and("EXISTS (SELECT 1 FROM person me WHERE me.id = " + q.arg(a.ID) + " AND me.active AND NOT me.external)")
}

// ListGroups returns the groups by name.
func ListGroups(ctx context.Context, tx *db.Tx, a auth.Actor) ([]Group, error) {
	q := &query{}
	q.seesGroups(a)
	return db.All(ctx, tx, scanGroup, "SELECT "+groupColumns+" FROM people_group g"+q.sql()+" ORDER BY g.name, g.id", q.args...)
}

// FindGroup returns a group. Errors: errs.NotFound.
func FindGroup(ctx context.Context, tx *db.Tx, a auth.Actor, groupID string) (Group, error) {
	q := &query{}
	q.and("g.id = " + q.arg(groupID))
	q.seesGroups(a)
	g, err := db.One(ctx, tx, scanGroup, "SELECT "+groupColumns+" FROM people_group g"+q.sql(), q.args...)
	if err != nil {
		return Group{}, fmt.Errorf("group %s: %w", groupID, err)
	}
	return g, nil
}

// GroupsOf returns the ids of the groups that a person is in; for whether an audience includes a.
// Errors: errs.Forbidden unless a is that person or an agent.
func GroupsOf(ctx context.Context, tx *db.Tx, a auth.Actor, personID string) ([]string, error) {
	if !a.Agent() && (a.ID == "" || a.ID != personID) {
		return nil, fmt.Errorf("groups of person %s: %w", personID, errs.Forbidden)
	}
	return db.Strings(ctx, tx, "SELECT group_id FROM group_member WHERE person_id = $1 ORDER BY group_id", personID)
}

// GroupsOfMany returns the ids of the groups of each of the people, in one statement.
// Errors: errs.Forbidden unless a is an agent.
func GroupsOfMany(ctx context.Context, tx *db.Tx, a auth.Actor, people []string) (map[string][]string, error) {
	if !a.Agent() {
		return nil, fmt.Errorf("groups of people: %w", errs.Forbidden)
	}
	type member struct{ person, group string }
	all, err := db.All(ctx, tx, func(r db.Row, m *member) error { return r.Scan(&m.person, &m.group) },
		"SELECT person_id, group_id FROM group_member WHERE "+tx.In("person_id", 1)+" ORDER BY person_id, group_id", db.List(people))
	out := make(map[string][]string, len(people))
	for _, m := range all {
		out[m.person] = append(out[m.person], m.group)
	}
	return out, err
}

func emitGroup(ctx context.Context, tx *db.Tx, a auth.Actor, kind, groupID string, changes []event.Change) error {
	_, err := event.Emit(ctx, tx, a, event.Event{Kind: kind, Ref: "group/" + groupID, Data: event.Data{Changes: changes}})
	return err
}

// CreateGroup stores a new group with g's code and name, and emits group.created.
// Errors: errs.Forbidden, errs.Invalid.
func CreateGroup(ctx context.Context, tx *db.Tx, a auth.Actor, g Group) (Group, error) {
	if err := MayAdminister(a); err != nil {
		return Group{}, err
	}
	g = Group{ID: id.New(), Code: g.Code, Name: g.Name, Created: tx.Now, Version: 1}
	g.clean()
	if err := g.Validate(); err != nil {
		return g, err
	}
	n, err := tx.Exec(ctx, "INSERT INTO people_group (id, code, name, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (code) DO NOTHING",
		g.ID, g.Code, g.Name, db.Ms(g.Created))
	if err == nil && n == 0 {
		err = errs.InvalidField("code", "identity.group.taken")
	}
	if err != nil {
		return g, err
	}
	return g, emitGroup(ctx, tx, a, "group.created", g.ID, nil)
}

// RenameGroup changes a group's name and emits group.updated; its code stays, because imports and audiences name it.
// version is the one the page showed; 0 = whatever it is now.
// Errors: errs.NotFound, errs.Forbidden, errs.Invalid, errs.Conflict when somebody saved in between.
func RenameGroup(ctx context.Context, tx *db.Tx, a auth.Actor, groupID string, version int64, name string) (Group, error) {
	before, err := FindGroup(ctx, tx, a, groupID)
	if err != nil {
		return before, err
	}
	if err := MayAdminister(a); err != nil {
		return before, err
	}
	g := before
	g.Name = name
	g.clean()
	if err := g.Validate(); err != nil || g.Name == before.Name {
		return before, err
	}
	if version == 0 {
		version = before.Version
	}
	err = tx.ExecOne(ctx, "UPDATE people_group SET name = $1, version = version + 1 WHERE id = $2 AND version = $3", g.Name, g.ID, version)
	if errors.Is(err, errs.NotFound) {
		return before, fmt.Errorf("rename group %s: %w", groupID, errs.Because(errs.Conflict, "identity.conflict"))
	}
	if err != nil {
		return before, err
	}
	g.Version++
	return g, emitGroup(ctx, tx, a, "group.updated", g.ID, []event.Change{{Field: "name", From: before.Name, To: g.Name}})
}

// DeleteGroup forgets a group and who was in it, and emits group.deleted. The people stay.
// Errors: errs.NotFound, errs.Forbidden.
func DeleteGroup(ctx context.Context, tx *db.Tx, a auth.Actor, groupID string) error {
	g, err := FindGroup(ctx, tx, a, groupID)
	if err != nil {
		return err
	}
	if err := MayAdminister(a); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM group_member WHERE group_id = $1", g.ID); err != nil {
		return err
	}
	if err := tx.ExecOne(ctx, "DELETE FROM people_group WHERE id = $1", g.ID); err != nil {
		return err
	}
	return emitGroup(ctx, tx, a, "group.deleted", g.ID, []event.Change{{Field: "code", From: g.Code}, {Field: "name", From: g.Name}})
}

// AddToGroup puts a person into a group and emits group.member. Nothing happens when they are in it.
// Errors: errs.NotFound, errs.Forbidden.
func AddToGroup(ctx context.Context, tx *db.Tx, a auth.Actor, groupID, personID string) error {
	if _, err := FindGroup(ctx, tx, a, groupID); err != nil {
		return err
	}
	if _, err := administered(ctx, tx, a, personID); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, "INSERT INTO group_member (person_id, group_id) VALUES ($1, $2) ON CONFLICT (person_id, group_id) DO NOTHING", personID, groupID)
	if err != nil || n == 0 {
		return err
	}
	return emitMember(ctx, tx, a, "group/"+groupID, personID, "member")
}

// RemoveFromGroup takes a person out of a group and emits group.member. Nothing happens when they are not in it.
// Errors: errs.NotFound, errs.Forbidden.
func RemoveFromGroup(ctx context.Context, tx *db.Tx, a auth.Actor, groupID, personID string) error {
	if _, err := FindGroup(ctx, tx, a, groupID); err != nil {
		return err
	}
	if err := MayAdminister(a); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, "DELETE FROM group_member WHERE person_id = $1 AND group_id = $2", personID, groupID)
	if err != nil || n == 0 {
		return err
	}
	return emitMember(ctx, tx, a, "group/"+groupID, personID, "removed")
}
