package ticket

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
)

// MaxCount is where counting stops: a view shows "999+" rather than making its reader wait for an exact number.
const MaxCount = 1000

// Counts returns how many tickets each filter chooses for a, at most MaxCount, in two queries at most. What it costs
// grows with the number of queues, not with that of tickets.
func Counts(ctx context.Context, tx *db.Tx, a auth.Actor, filters []Filter) ([]int, error) {
	if len(filters) == 0 {
		return nil, nil
	}
	out := make([]int, len(filters))
	var sums, others []int // indices of filters
	for i, f := range filters {
		if a.Agent() && f.byQueue() {
			sums = append(sums, i)
		} else {
			others = append(others, i)
		}
	}
	if len(sums) > 0 {
		all, err := loads(ctx, tx, a, slices.ContainsFunc(sums, func(i int) bool { return filters[i].Assignee == "none" && !filters[i].MyTeams }))
		if err != nil {
			return nil, fmt.Errorf("count queues: %w", err)
		}
		for _, i := range sums {
			for _, l := range all {
				out[i] += l.chosen(filters[i])
			}
			out[i] = min(out[i], MaxCount)
		}
	}
	if len(others) == 0 {
		return out, nil
	}
	alone := make([]Filter, len(others))
	for k, i := range others {
		alone[k] = filters[i]
	}
	q, args := countsQuery(tx, a, alone)
	type pair struct{ k, n int }
	rows, err := db.All(ctx, tx, func(r db.Row, p *pair) error { return r.Scan(&p.k, &p.n) }, q, args...)
	for _, p := range rows {
		out[others[p.k]] = p.n
	}
	return out, err
}

// load is how many active tickets of a queue somebody sees, both at most MaxCount.
type load struct {
	queue string
	mine  bool // the queue is of one of their teams
	all   int
	free  int // without assignee
}

// byQueue reports whether the numbers of a filter follow from those of its queues.
func (f Filter) byQueue() bool {
	return f.Active && (f.Assignee == "" || f.Assignee == "none") && f.Q == "" && f.Statuses == nil && f.Kinds == nil &&
		f.Level == 0 && f.Requester == "" && f.Categories == nil && f.Priority == 0 && f.Tag == "" && !f.Mentioned && !f.Watched &&
		f.ResolvedDays == 0 && f.Due == "" && f.Site == "" && f.UpdatedSince.IsZero() && f.ExternalID == ""
}

// chosen returns how many of l's tickets a filter chooses for which byQueue holds.
func (l load) chosen(f Filter) int {
	switch {
	case len(f.Queues) > 0 && !slices.Contains(f.Queues, l.queue), f.MyTeams && !l.mine:
		return 0
	case f.Assignee == "none":
		return l.free
	}
	return l.all
}

// loads counts the queues that an agent reads, and what they take part in elsewhere. What is free is counted in the
// queues of their teams, in the others only if everywhere is true.
func loads(ctx context.Context, tx *db.Tx, a auth.Actor, everywhere bool) ([]load, error) {
	q, args := loadsQuery(a, everywhere)
	return db.All(ctx, tx, func(r db.Row, l *load) error { return r.Scan(&l.queue, &l.mine, &l.all, &l.free) }, q, args...)
}

func loadsQuery(a auth.Actor, everywhere bool) (string, []any) {
	const member = "EXISTS (SELECT 1 FROM team_member m WHERE m.team_id = q.team_id AND m.person_id = $1)"
	bounded := func(more string) string {
		return fmt.Sprintf("(SELECT count(*) FROM (SELECT 1 AS one FROM ticket t WHERE t.active AND t.queue_id = q.id%s LIMIT %d) b)", more, MaxCount)
	}
	free := bounded(" AND t.assignee_id IS NULL")
	if !everywhere {
		free = "CASE WHEN " + member + " THEN " + free + " ELSE 0 END"
	}
	q := "SELECT q.id, " + member + ", " + bounded("") + ", " + free + " FROM queue q"
	if !a.Admin() {
		q += " WHERE NOT q.private OR " + member + `
			UNION ALL
			SELECT t.queue_id, FALSE, count(*), count(*) FILTER (WHERE t.assignee_id IS NULL) FROM ticket t JOIN queue q ON q.id = t.queue_id
			WHERE t.active AND q.private AND NOT ` + member + " AND " + takesPart("$1") + " GROUP BY t.queue_id"
	}
	return q, []any{a.ID}
}

func countsQuery(tx *db.Tx, a auth.Actor, filters []Filter) (string, []any) {
	w := &where{tx: tx}
	var parts []string
	for i, f := range filters {
		w.conds, w.latest = nil, false
		w.see(a, f)
		w.filter(f, a)
		w.add("q.id = t.queue_id")
		from := w.from() + " CROSS JOIN queue q"
		if f.Site != "" {
			from += " JOIN person r ON r.id = t.requester_id"
		}
		parts = append(parts, fmt.Sprintf("SELECT %d AS k, count(*) AS n FROM (SELECT 1 AS one%s%s LIMIT %d) c%d", i, from, w, MaxCount, i))
	}
	return strings.Join(parts, " UNION ALL "), w.args
}
