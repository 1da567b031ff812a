package ticket

import (
	"context"
	"errors"
	"strings"

	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/domain/form"
)

// start is what a ticket about to be opened must know of its surroundings, read in one statement: opening tickets is
// the busiest of all errands.
type start struct {
	requester string   // id; "" = there is no such person
	queue     Queue    // where it starts; no id = none
	priority  int      // by the matrix; 0 = the cell is missing
	asks      bool     // there are custom fields
	path      []string // the category and those above it
	chosen    bool     // the category is active
}

const (
	// startColumns take four parameters: requester, queue or category, impact, urgency.
	startColumns = ` coalesce(p.id, ''), coalesce(p.name, ''), coalesce(p.email, ''), coalesce(p.site, ''),
		coalesce(q.id, ''), coalesce(q.name, ''), coalesce(q.team_id, ''), coalesce(q.level, 0), coalesce(q.private, FALSE), coalesce(q.active, FALSE),
		coalesce((SELECT y.priority FROM priority_rule y WHERE y.impact = $3 AND y.urgency = $4), 0),
		EXISTS (SELECT 1 FROM field WHERE active)`
	startTables = ` FROM (SELECT 1 AS one) o LEFT JOIN person p ON p.id = $1 LEFT JOIN queue q ON q.id = `
	firstLevel  = `(SELECT min(level) FROM queue WHERE active AND NOT private)`

	startNamed = "SELECT" + startColumns + ", coalesce((SELECT $2), ''), FALSE" + startTables + "$2"

	startFirst = "SELECT" + startColumns + ", coalesce((SELECT $2), ''), FALSE" + startTables + `(SELECT x.id FROM queue x
		WHERE x.active AND x.level = ` + firstLevel + ` ORDER BY x.private, x.position, x.name LIMIT 1)`

	// The category's queue or the nearest above it; the first of level 1 when that one is no longer active.
	startCategory = `
		WITH RECURSIVE up (id, parent_id, queue_id, active, distance) AS (
			SELECT c.id, c.parent_id, c.queue_id, c.active, 0 FROM category c WHERE c.id = $2
			UNION ALL
			SELECT c.id, c.parent_id, c.queue_id, c.active, up.distance + 1 FROM category c JOIN up ON c.id = up.parent_id WHERE up.distance < 20
		), best (queue_id) AS (SELECT queue_id FROM up WHERE queue_id IS NOT NULL ORDER BY distance LIMIT 1)
		SELECT` + startColumns + `, coalesce((SELECT string_agg(id, ' ') FROM up), ''), coalesce((SELECT active FROM up WHERE distance = 0), FALSE)` +
		startTables + `(SELECT x.id FROM queue x
		WHERE x.active AND (x.id IN (SELECT queue_id FROM best) OR x.level = ` + firstLevel + `)
		ORDER BY CASE WHEN x.id IN (SELECT queue_id FROM best) THEN 0 ELSE 1 END, x.private, x.position, x.name LIMIT 1)`
)

// surroundings reads what surrounds t and takes what is shown of its requester into it.
func (t *Ticket) surroundings(ctx context.Context, tx *db.Tx, queueID string) (s start, err error) {
	text, second := startFirst, ""
	switch {
	case queueID != "" && t.CategoryID == "":
		text, second = startNamed, queueID
	case t.CategoryID != "":
		text, second = startCategory, t.CategoryID
	}
	var path string
	q := &s.queue
	err = db.First(ctx, tx, text, []any{t.RequesterID, second, t.Impact, t.Urgency}, &s.requester, &t.Requester, &t.Email, &t.Site,
		&q.ID, &q.Name, &q.TeamID, &q.Level, &q.Private, &q.Active, &s.priority, &s.asks, &path, &s.chosen)
	if err != nil {
		return s, err
	}
	if t.CategoryID != "" {
		s.path = strings.Fields(path)
	}
	if queueID != "" && t.CategoryID != "" {
		s.queue, err = FindQueue(ctx, tx, queueID)
		err = ignoreNotFound(err)
	}
	return s, err
}

// checkSurroundings takes queue, fields and priority into t and names what is wrong with them.
func (t *Ticket) checkSurroundings(ctx context.Context, tx *db.Tx, d Draft) ([]errs.Field, error) {
	queue := d.QueueID
	if queue == "" && t.CategoryID == "" {
		queue = d.ArrivalID
	}
	s, err := t.surroundings(ctx, tx, queue)
	if err != nil {
		return nil, err
	}
	var wrong []errs.Field
	if t.CategoryID != "" && (s.path == nil || !s.chosen) {
		wrong = append(wrong, errs.Field{Name: "category", Key: "ticket.category_unknown"})
	}
	var fields []form.Field
	if s.asks {
		if fields, err = form.For(ctx, tx, string(t.Kind), s.path); err != nil {
			return nil, err
		}
	}
	var f []errs.Field
	t.Fields, f = form.Validate(fields, d.Fields)
	for _, one := range f {
		// A mail has no form: whoever wrote it could not fill in what is required.
		if t.Channel != Mail || one.Key != missingField {
			wrong = append(wrong, one)
		}
	}
	if s.requester == "" {
		wrong = append(wrong, errs.Field{Name: "requester", Key: "ticket.person_unknown"})
	}
	for _, w := range d.Watchers {
		if f, err = checkPerson(ctx, tx, w, "watchers"); err != nil {
			return nil, err
		}
		wrong = append(wrong, f...)
	}
	if t.Priority = s.priority; t.Priority == 0 && len(checkScale(t.Impact, t.Urgency)) == 0 {
		t.Priority = defaultPriority(t.Impact, t.Urgency)
	}
	if f, err = t.enterQueue(ctx, tx, s.queue, d.QueueID); err != nil {
		return nil, err
	}
	return append(wrong, f...), nil
}

// missingField is the key of form's error about a required field left empty.
const missingField = "form.error.required"

// enterQueue takes the queue where t starts into it and checks who works t there.
func (t *Ticket) enterQueue(ctx context.Context, tx *db.Tx, q Queue, named string) (wrong []errs.Field, err error) {
	switch {
	case named != "" && !q.Active:
		return []errs.Field{{Name: "queue", Key: "ticket.queue_unknown"}}, nil
	case q.ID == "":
		return nil, nil // said once nothing else is wrong
	}
	t.QueueID, t.QueueName, t.Level, t.TeamID, t.Private = q.ID, q.Name, q.Level, q.TeamID, q.Private
	t.Assignee, err = mayReceive(ctx, tx, q.TeamID, t.AssigneeID)
	if errors.Is(err, errs.Invalid) {
		return errs.Fields(err), nil
	}
	return nil, err
}
