package ticket

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// Queue is where a team takes its tickets from.
type Queue struct {
	ID       string
	Name     string
	TeamID   string
	Level    int  // the team's
	Private  bool // read by its team only
	Position int  // in lists
	Active   bool
	Version  int64
	Team     string // name, when read
}

// MayAdminister returns nil if a may shape the desk: queues, categories, priorities, team views, canned replies.
// Errors: errs.Forbidden.
func MayAdminister(a auth.Actor) error {
	if !a.Admin() {
		return fmt.Errorf("shape the desk: %w", errs.Forbidden)
	}
	return nil
}

const queueColumns = "q.id, q.name, q.team_id, q.level, q.private, q.position, q.active, q.version, m.name"

func scanQueue(r db.Row, q *Queue) error {
	return r.Scan(&q.ID, &q.Name, &q.TeamID, &q.Level, &q.Private, &q.Position, &q.Active, &q.Version, &q.Team)
}

// Queues returns the queues that a may read, by level and position, inactive ones last. Requesters get none.
func Queues(ctx context.Context, tx *db.Tx, a auth.Actor) ([]Queue, error) {
	if !a.Agent() {
		return nil, nil
	}
	return db.All(ctx, tx, scanQueue, "SELECT "+queueColumns+` FROM queue q JOIN team m ON m.id = q.team_id
		WHERE $1 OR NOT q.private OR EXISTS (SELECT 1 FROM team_member x WHERE x.team_id = q.team_id AND x.person_id = $2)
		ORDER BY q.active DESC, q.level, q.position, q.name`, a.Admin(), a.ID)
}

// FindQueue returns a queue by id, also a private one: tickets may be handed to queues one cannot read.
// Errors: errs.NotFound.
func FindQueue(ctx context.Context, tx *db.Tx, queueID string) (Queue, error) {
	q, err := db.One(ctx, tx, scanQueue, "SELECT "+queueColumns+" FROM queue q JOIN team m ON m.id = q.team_id WHERE q.id = $1", text.Clean(queueID))
	if err != nil {
		return q, fmt.Errorf("queue %.40q: %w", queueID, err)
	}
	return q, nil
}

// Destinations returns the active queues to which a ticket can be handed, for agents.
func Destinations(ctx context.Context, tx *db.Tx, a auth.Actor) ([]Queue, error) {
	if !a.Agent() {
		return nil, nil
	}
	return db.All(ctx, tx, scanQueue, "SELECT "+queueColumns+` FROM queue q JOIN team m ON m.id = q.team_id
		WHERE q.active ORDER BY q.level, q.position, q.name`)
}

// SaveQueue creates q when it has no id, else changes it at its version.
// Errors: errs.Forbidden, errs.Invalid (name, team), errs.Conflict.
func SaveQueue(ctx context.Context, tx *db.Tx, a auth.Actor, q Queue) (Queue, error) {
	if err := MayAdminister(a); err != nil {
		return q, err
	}
	q.Name = text.Line(q.Name)
	if q.Name == "" || utf8.RuneCountInString(q.Name) > 200 {
		return q, errs.InvalidField("name", "ticket.name_length", "max", 200)
	}
	err := db.First(ctx, tx, "SELECT level FROM team WHERE id = $1", []any{text.Clean(q.TeamID)}, &q.Level)
	if errors.Is(err, errs.NotFound) {
		return q, errs.InvalidField("team", "ticket.team_unknown")
	}
	if err != nil {
		return q, err
	}
	kind := "queue.updated"
	if q.ID == "" {
		kind, q.ID, q.Version, q.Active = "queue.created", id.New(), 1, true
		_, err := tx.ExecContext(ctx, `INSERT INTO queue (id, name, team_id, level, private, position, active, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, q.ID, q.Name, q.TeamID, q.Level, q.Private, q.Position, q.Active, db.Ms(tx.Now))
		if err != nil {
			return q, err
		}
	} else {
		n, err := tx.Exec(ctx, `UPDATE queue SET name = $1, team_id = $2, level = $3, private = $4, position = $5, active = $6,
			version = version + 1 WHERE id = $7 AND version = $8`, q.Name, q.TeamID, q.Level, q.Private, q.Position, q.Active, q.ID, q.Version)
		if err != nil {
			return q, err
		}
		if n == 0 {
			return q, errs.Because(errs.Conflict, "ticket.settings_stale")
		}
		q.Version++
	}
	_, err = event.Emit(ctx, tx, a, event.Event{Kind: kind, Ref: "queue/" + q.ID, Internal: true})
	return q, err
}

// Seed gives a fresh installation one queue for each active team, the default priority matrix, and nothing when there
// is a queue already. Queues take their team's name.
func Seed(ctx context.Context, tx *db.Tx) error {
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM queue").Scan(&n); err != nil || n > 0 {
		return err
	}
	type team struct {
		id, name string
		level    int
	}
	teams, err := db.All(ctx, tx, func(r db.Row, t *team) error { return r.Scan(&t.id, &t.name, &t.level) },
		"SELECT id, name, level FROM team WHERE active ORDER BY level, name")
	if err != nil {
		return err
	}
	for i, t := range teams {
		_, err := tx.ExecContext(ctx, "INSERT INTO queue (id, name, team_id, level, position, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
			id.New(), t.name, t.id, t.level, i, db.Ms(tx.Now))
		if err != nil {
			return err
		}
	}
	for impact := 1; impact <= 4; impact++ {
		for urgency := 1; urgency <= 4; urgency++ {
			_, err := tx.ExecContext(ctx, "INSERT INTO priority_rule (impact, urgency, priority) VALUES ($1, $2, $3)",
				impact, urgency, defaultPriority(impact, urgency))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Policy holds the desk's delays.
type Policy struct {
	ReopenDays  int `json:"reopen_days"`  // during which a requester may reopen; then the ticket closes
	UndoSeconds int `json:"undo_seconds"` // during which a sent reply can be taken back; 0 = leaves at once
}

// PolicyKey is the setting under which Policy is kept.
const PolicyKey = "ticket.policy"

// DefaultPolicy is what a fresh installation does.
func DefaultPolicy() Policy { return Policy{ReopenDays: 7, UndoSeconds: 10} }

// Undo is the policy's delay as a duration.
func (p Policy) Undo() time.Duration { return time.Duration(p.UndoSeconds) * time.Second }
