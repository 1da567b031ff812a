package script

import (
	"context"
	"fmt"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
)

// Idle is how long a run rests before it counts as left where it stands.
const Idle = 24 * time.Hour

// Measures are what became of the runs of a script.
type Measures struct {
	Runs  int           // begun
	Ended map[State]int // by how they ended
	Left  int           // running, but untouched for Idle
	Nodes map[string]*Passage
	Time  time.Duration // from the first to the last step of the resolved ones, in the mean; zero = none
}

// Under is how many are under way.
func (m Measures) Under() int {
	n := m.Runs - m.Left
	for _, x := range m.Ended {
		n -= x
	}
	return n
}

// Passage is what happened at one node.
type Passage struct {
	Reached  int            // runs that came here
	Stopped  int            // that went no further without an end: dropped or left here
	Passed   int            // that answered here
	Resolved int            // of those that answered here, or ended here: resolved in the end
	Choices  map[string]int // by key, of those that answered
}

// Resolves is the share of the runs that came here and were resolved in the end, 0 to 1.
func (p *Passage) Resolves() float64 {
	if p == nil || p.Reached == 0 {
		return 0
	}
	return float64(p.Resolved) / float64(p.Reached)
}

// Measure counts the runs of a script begun since a moment, of all its revisions: nodes keep their keys.
// Errors: errs.Forbidden for those who neither design nor follow scripts.
func Measure(ctx context.Context, tx *db.Tx, a auth.Actor, s Script, since time.Time) (Measures, error) {
	m := Measures{Ended: map[State]int{}, Nodes: map[string]*Passage{}}
	if MayDesign(a) != nil && !a.Agent() {
		return m, fmt.Errorf("measure script: %w", errs.Forbidden)
	}
	if err := m.ends(ctx, tx, s, since); err != nil {
		return m, err
	}
	type row struct {
		node, choice string
		n, resolved  int
	}
	rows, err := db.All(ctx, tx, func(r db.Row, x *row) error { return r.Scan(&x.node, &x.choice, &x.n, &x.resolved) },
		`SELECT a.node, a.choice, count(*), sum(CASE WHEN r.state = 'resolved' THEN 1 ELSE 0 END)
		FROM script_run r JOIN script_answer a ON a.run_id = r.id WHERE r.script_id = $1 AND r.started_at >= $2 GROUP BY a.node, a.choice`, s.ID, db.Ms(since))
	for _, x := range rows {
		p := m.at(x.node)
		p.Reached += x.n
		p.Passed += x.n
		p.Resolved += x.resolved
		if x.choice != "" {
			p.Choices[x.choice] += x.n
		}
	}
	return m, err
}

func (m *Measures) at(node string) *Passage {
	if m.Nodes[node] == nil {
		m.Nodes[node] = &Passage{Choices: map[string]int{}}
	}
	return m.Nodes[node]
}

// ends counts where runs stand and how they ended.
func (m *Measures) ends(ctx context.Context, tx *db.Tx, s Script, since time.Time) error {
	type row struct {
		node  string
		state State
		left  bool
		n     int
		spent int64
	}
	rows, err := db.All(ctx, tx, func(r db.Row, x *row) error { return r.Scan(&x.node, &x.state, &x.left, &x.n, &x.spent) },
		`SELECT r.node, r.state, r.state = 'running' AND r.updated_at < $1, count(*), CAST(sum(r.ended_at - r.started_at) AS BIGINT)
		FROM script_run r WHERE r.script_id = $2 AND r.started_at >= $3 GROUP BY 1, 2, 3`, db.Ms(tx.Now.Add(-Idle)), s.ID, db.Ms(since))
	var spent int64
	for _, x := range rows {
		m.Runs += x.n
		p := m.at(x.node)
		p.Reached += x.n
		switch {
		case x.left:
			m.Left += x.n
			p.Stopped += x.n
		case x.state == Running:
		default:
			m.Ended[x.state] += x.n
		}
		switch x.state {
		case Dropped:
			p.Stopped += x.n
		case Resolved:
			p.Resolved += x.n
			spent += x.spent
		}
	}
	if n := m.Ended[Resolved]; n > 0 {
		m.Time = time.Duration(spent/int64(n)) * time.Millisecond
	}
	return err
}

// Past is a run as it was, for an invented or imported year.
type Past struct {
	Run
	Given []Given
}

// Record stores a run of the past, of the revision in force. Nobody is told.
// Errors: errs.Forbidden unless a is the machine.
func Record(ctx context.Context, tx *db.Tx, a auth.Actor, p Past) error {
	if !a.Internal {
		return fmt.Errorf("record run: %w", errs.Forbidden)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO script_run (id, script_id, revision, ref, caller_id, person_id, state, node, answers, started_at, updated_at, ended_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`, p.ID, p.ScriptID, p.Revision, p.Ref, p.CallerID, p.PersonID, p.State, p.Node, len(p.Given),
		db.Ms(p.Started), db.Ms(p.Updated), db.Ms(p.Ended))
	if err != nil {
		return fmt.Errorf("record run: %w", err)
	}
	var all []Done
	for i, g := range p.Given {
		all = append(all, Done{Given: g, Seq: i + 1, ByID: p.PersonID, At: p.Started.Add(time.Duration(i+1) * 20 * time.Second)})
	}
	return insertAnswers(ctx, tx, p.ID, all)
}
