package ticket

import (
	"context"
	"fmt"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
)

// Matrix gives the priority of each impact and urgency, both 1 to 4: m[impact-1][urgency-1].
type Matrix [4][4]int

func defaultPriority(impact, urgency int) int {
	return DefaultMatrix()[impact-1][urgency-1]
}

// DefaultMatrix is the usual ITIL matrix.
func DefaultMatrix() Matrix {
	return Matrix{{1, 1, 2, 3}, {1, 2, 3, 3}, {2, 3, 3, 4}, {3, 3, 4, 4}}
}

// PriorityMatrix returns the matrix in force; cells that are missing have their default.
func PriorityMatrix(ctx context.Context, tx *db.Tx) (Matrix, error) {
	m := DefaultMatrix()
	type cell struct{ i, u, p int }
	cells, err := db.All(ctx, tx, func(r db.Row, c *cell) error { return r.Scan(&c.i, &c.u, &c.p) },
		"SELECT impact, urgency, priority FROM priority_rule")
	for _, c := range cells {
		m[c.i-1][c.u-1] = c.p
	}
	return m, err
}

// SetPriorityMatrix replaces the matrix. Tickets keep the priority they have.
// Errors: errs.Forbidden, errs.Invalid naming the cell ("priority.2.3").
func SetPriorityMatrix(ctx context.Context, tx *db.Tx, a auth.Actor, m Matrix) error {
	if err := MayAdminister(a); err != nil {
		return err
	}
	for i, row := range m {
		for u, p := range row {
			if p < 1 || p > 4 {
				return errs.InvalidField(fmt.Sprintf("priority.%d.%d", i+1, u+1), "ticket.scale")
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO priority_rule (impact, urgency, priority) VALUES ($1, $2, $3)
				ON CONFLICT (impact, urgency) DO UPDATE SET priority = excluded.priority`, i+1, u+1, p)
			if err != nil {
				return err
			}
		}
	}
	_, err := event.Emit(ctx, tx, a, event.Event{Kind: "desk.priorities", Ref: "desk/priorities", Internal: true})
	return err
}

func priority(ctx context.Context, tx *db.Tx, impact, urgency int) (int, error) {
	p, err := db.One(ctx, tx, func(r db.Row, p *int) error { return r.Scan(p) },
		"SELECT priority FROM priority_rule WHERE impact = $1 AND urgency = $2", impact, urgency)
	if err != nil {
		return defaultPriority(impact, urgency), ignoreNotFound(err)
	}
	return p, nil
}
