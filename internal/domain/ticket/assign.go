package ticket

import (
	"context"
	"errors"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/text"
)

// Assign gives a ticket to a person who works its queue, or frees it when personID is "". A new ticket becomes open, and
// an open one that nobody has answered is new again once it is free.
// It appends ticket.assigned; assigning to who has it already does nothing.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict, errs.Invalid (assignee).
func Assign(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID, personID string, version int64) (Ticket, error) {
	t, err := worked(ctx, tx, a, ticketID, version)
	if err != nil {
		return t, err
	}
	if t.AssigneeID == personID {
		return t, nil
	}
	name, err := mayReceive(ctx, tx, t.TeamID, personID)
	if err != nil {
		return t, err
	}
	d := event.Data{Person: personID, Changes: []event.Change{{Field: "assignee", From: t.Assignee, To: name}}}
	t.AssigneeID, t.Assignee = personID, name
	switch {
	case t.Status == New && personID != "":
		t.Status = Open
	case t.Status == Open && personID == "" && t.RespondedAt.IsZero():
		t.Status = New
	}
	return t, saveAnd(ctx, tx, a, &t, event.Event{Kind: "ticket.assigned", Data: d})
}

// Take assigns a ticket to the actor.
// Errors: as Assign, and errs.Conflict when a colleague was quicker.
func Take(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string) (Ticket, error) {
	t, err := Find(ctx, tx, a, ticketID)
	if err != nil {
		return t, err
	}
	if t.AssigneeID != "" && t.AssigneeID != a.ID {
		return t, errs.Because(errs.Conflict, "ticket.taken", "ref", t.Reference(), "name", t.Assignee)
	}
	return Assign(ctx, tx, a, t.ID, a.ID, t.Version)
}

// mayReceive returns the name of a person who may be given tickets of a team: an active member, or an administrator.
func mayReceive(ctx context.Context, tx *db.Tx, teamID, personID string) (string, error) {
	if personID == "" {
		return "", nil
	}
	var name string
	err := db.First(ctx, tx, `SELECT p.name FROM person p WHERE p.id = $1 AND p.active AND (
		EXISTS (SELECT 1 FROM team_member m WHERE m.person_id = p.id AND m.team_id = $2)
		OR EXISTS (SELECT 1 FROM person_role r WHERE r.person_id = p.id AND r.role = 'admin'))`, []any{text.Clean(personID), teamID}, &name)
	if errors.Is(err, errs.NotFound) {
		return "", errs.InvalidField("assignee", "ticket.assignee_not_team")
	}
	return name, err
}

// Colleague is somebody to whom a ticket can be given.
type Colleague struct {
	ID     string
	Name   string
	Active int  // tickets they have
	Away   bool // out of office now
}

// Colleagues returns the active members of the team of a queue, the least loaded first.
func Colleagues(ctx context.Context, tx *db.Tx, a auth.Actor, teamID string) ([]Colleague, error) {
	if !a.Agent() {
		return nil, nil
	}
	return db.All(ctx, tx, func(r db.Row, c *Colleague) error { return r.Scan(&c.ID, &c.Name, &c.Active, &c.Away) }, `
		SELECT p.id, p.name, (SELECT count(*) FROM ticket t WHERE t.assignee_id = p.id AND t.active) AS n,
			p.out_from <= $1 AND p.out_until > $1
		FROM team_member m JOIN person p ON p.id = m.person_id WHERE m.team_id = $2 AND p.active ORDER BY n, p.name_fold`,
		db.Ms(tx.Now), teamID)
}
