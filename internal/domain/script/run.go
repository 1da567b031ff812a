package script

import (
	"context"
	"errors"
	"fmt"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// State is how a run stands.
type State string

// The states.
const (
	Running   State = "running"
	Resolved  State = "resolved"
	Request   State = "request"
	Escalated State = "escalated"
	Dropped   State = "dropped"
)

// Run is one passage through a revision of a script.
type Run struct {
	ID       string
	ScriptID string
	Revision int
	Ref      string // "ticket/…"; "" = of a call that has none yet
	CallerID string // of such a call; "" = not known
	PersonID string // who began it
	State    State
	Node     string // where it stands; "" = the way ended nowhere
	Answers  int    // given so far, steps that went by themselves included
	Started  time.Time
	Updated  time.Time
	Ended    time.Time // zero while it runs
	Version  int64
}

// Done is an answer of a run.
type Done struct {
	Given
	Seq  int // from 1
	ByID string
	At   time.Time
}

const runColumns = "r.id, r.script_id, r.revision, r.ref, r.caller_id, r.person_id, r.state, r.node, r.answers, r.started_at, r.updated_at, r.ended_at, r.version"

func scanRun(r db.Row, x *Run) error {
	return r.Scan(&x.ID, &x.ScriptID, &x.Revision, &x.Ref, &x.CallerID, &x.PersonID, &x.State, &x.Node, &x.Answers, db.Millis(&x.Started),
		db.Millis(&x.Updated), db.Millis(&x.Ended), &x.Version)
}

// FindRun returns a run. Of a call it is seen by who began it; of a ticket by every agent who sees that, which the caller
// settles.
// Errors: errs.NotFound.
func FindRun(ctx context.Context, tx *db.Tx, a auth.Actor, runID string) (Run, error) {
	if !a.Agent() {
		return Run{}, fmt.Errorf("run: %w", errs.NotFound)
	}
	r, err := db.One(ctx, tx, scanRun, "SELECT "+runColumns+" FROM script_run r WHERE r.id = $1 AND (r.ref <> '' OR r.person_id = $2 OR $3)", text.Clean(runID), a.ID, a.Internal)
	if err != nil {
		return r, fmt.Errorf("run %.40q: %w", runID, err)
	}
	return r, nil
}

// RunsOf returns the runs of a ticket, the latest first, at most 20. That a sees the ticket as an agent is for the caller.
func RunsOf(ctx context.Context, tx *db.Tx, a auth.Actor, ref string) ([]Run, error) {
	if !a.Agent() || ref == "" {
		return nil, nil
	}
	return db.All(ctx, tx, scanRun, "SELECT "+runColumns+" FROM script_run r WHERE r.ref = $1 AND r.ref <> '' ORDER BY r.started_at DESC, r.id DESC LIMIT 20", ref)
}

// OfCalls returns the runs that a began during calls and that no ticket has yet, the latest first, at most 20.
func OfCalls(ctx context.Context, tx *db.Tx, a auth.Actor) ([]Run, error) {
	if !a.Agent() {
		return nil, nil
	}
	return db.All(ctx, tx, scanRun, "SELECT "+runColumns+` FROM script_run r WHERE r.person_id = $1 AND r.state = 'running' AND r.ref = ''
		ORDER BY r.started_at DESC, r.id DESC LIMIT 20`, a.ID)
}

// AnswersOf returns the answers of a run in order.
func AnswersOf(ctx context.Context, tx *db.Tx, r Run) ([]Done, error) {
	return db.All(ctx, tx, func(row db.Row, d *Done) error {
		return row.Scan(&d.Seq, &d.Node, &d.Value, &d.Choice, &d.ByID, db.Millis(&d.At))
	}, "SELECT seq, node, value, choice, by_id, at FROM script_answer WHERE run_id = $1 ORDER BY seq", r.ID)
}

// Start begins a run of the revision in force, for a ticket, or with ref "" for a call. It returns what was set on the way
// to the first question, and appends script.started.
// Errors: errs.Forbidden unless a is an agent, errs.Conflict when it is not offered, or a script runs on that ticket.
func Start(ctx context.Context, tx *db.Tx, a auth.Actor, s Script, ref, callerID string) (Run, []Effect, error) {
	if !a.Agent() {
		return Run{}, nil, fmt.Errorf("start script: %w", errs.Forbidden)
	}
	if !s.Active || s.Revision == 0 {
		return Run{}, nil, errs.Because(errs.Conflict, "script.not_offered")
	}
	rev, err := FindRevision(ctx, tx, s, s.Revision)
	if err != nil {
		return Run{}, nil, err
	}
	r := Run{ID: id.New(), ScriptID: s.ID, Revision: rev.Number, Ref: ref, CallerID: callerID, PersonID: a.ID, State: Running, Started: tx.Now, Updated: tx.Now, Version: 1}
	at, passed, effects := rev.Tree.enter(rev.Tree[0].Key, nil)
	r.Node, r.Answers = at, len(passed)
	n, err := tx.Exec(ctx, `INSERT INTO script_run (id, script_id, revision, ref, caller_id, person_id, state, node, answers, started_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (ref) WHERE state = 'running' AND ref <> '' DO NOTHING`,
		r.ID, r.ScriptID, r.Revision, r.Ref, r.CallerID, r.PersonID, r.State, r.Node, r.Answers, db.Ms(r.Started), db.Ms(r.Updated))
	if err != nil {
		return r, nil, fmt.Errorf("start script %s: %w", s.ID, err)
	}
	if n == 0 {
		return r, nil, errs.Because(errs.Conflict, "script.busy")
	}
	if err := insertAnswers(ctx, tx, r.ID, now(tx, a, 0, passed)); err != nil {
		return r, nil, err
	}
	return r, effects, r.tell(ctx, tx, a, "script.started", s, nil)
}

// now is what a gives now, after the answers that there are.
func now(tx *db.Tx, a auth.Actor, after int, all []Given) (out []Done) {
	for i, g := range all {
		out = append(out, Done{Given: g, Seq: after + i + 1, ByID: a.ID, At: tx.Now})
	}
	return out
}

func insertAnswers(ctx context.Context, tx *db.Tx, runID string, all []Done) error {
	for _, d := range all {
		_, err := tx.ExecContext(ctx, "INSERT INTO script_answer (run_id, seq, node, value, choice, by_id, at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			runID, d.Seq, d.Node, d.Value, d.Choice, d.ByID, db.Ms(d.At))
		if err != nil {
			return fmt.Errorf("answer of run %s: %w", runID, err)
		}
	}
	return nil
}

// save stores where r stands, over the version it was read at.
func (r *Run) save(ctx context.Context, tx *db.Tx) error {
	r.Updated = tx.Now
	err := tx.ExecOne(ctx, `UPDATE script_run SET state = $1, node = $2, answers = $3, ref = $4, updated_at = $5, ended_at = $6, version = version + 1
		WHERE id = $7 AND version = $8`, r.State, r.Node, r.Answers, r.Ref, db.Ms(r.Updated), db.Ms(r.Ended), r.ID, r.Version)
	if errors.Is(err, errs.NotFound) {
		return errs.Because(errs.Conflict, "script.moved")
	}
	r.Version++
	return err
}

// running refuses what has ended.
func (r Run) running() error {
	if r.State != Running {
		return errs.Because(errs.Conflict, "script.ended")
	}
	return nil
}

// Step answers where r stands and goes on; before are its answers so far, as they were read with r. It returns what is new,
// the answer first, and what was set on the way. Answers to another place than where it stands are refused: somebody else,
// or a second press, was faster.
// Errors: errs.Conflict, errs.Invalid (answer).
func Step(ctx context.Context, tx *db.Tx, a auth.Actor, r Run, t Tree, before []Done, at, typed string) (Run, []Done, []Effect, error) {
	if err := r.running(); err != nil {
		return r, nil, nil, err
	}
	n, ok := t.Find(r.Node)
	if !ok || at != r.Node {
		return r, nil, nil, errs.Because(errs.Conflict, "script.moved")
	}
	value, choice, next, err := n.Answer(typed)
	if err != nil {
		return r, nil, nil, err
	}
	g := Given{Node: n.Key, Value: value, Choice: choice}
	given := make([]Given, 0, len(before)+1)
	for _, d := range before {
		given = append(given, d.Given)
	}
	to, passed, effects := t.enter(next, append(given, g))
	fresh := now(tx, a, r.Answers, append([]Given{g}, passed...))
	old := r
	r.Node, r.Answers = to, r.Answers+len(fresh)
	if err := r.save(ctx, tx); err != nil {
		return old, nil, nil, err
	}
	return r, fresh, effects, insertAnswers(ctx, tx, r.ID, fresh)
}

// Back takes the last answer of r back, with what went by itself after it, and returns it; all are its answers, as they
// were read with r.
// Errors: errs.Conflict when nothing was answered or it ended.
func Back(ctx context.Context, tx *db.Tx, r Run, t Tree, all []Done) (Run, Given, error) {
	if err := r.running(); err != nil {
		return r, Given{}, err
	}
	i := len(all) - 1
	for ; i >= 0; i-- {
		if n, ok := t.Find(all[i].Node); ok && n.Kind != Set {
			break
		}
	}
	if i < 0 {
		return r, Given{}, errs.Because(errs.Conflict, "script.first")
	}
	r.Node, r.Answers = all[i].Node, i
	if err := r.save(ctx, tx); err != nil {
		return r, Given{}, err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM script_answer WHERE run_id = $1 AND seq > $2", r.ID, i)
	return r, all[i].Given, err
}

// Finish ends r. It appends script.ended.
// Errors: errs.Conflict when it ended before.
func Finish(ctx context.Context, tx *db.Tx, a auth.Actor, r Run, s Script, state State) (Run, error) {
	if err := r.running(); err != nil {
		return r, err
	}
	r.State, r.Ended = state, tx.Now
	if err := r.save(ctx, tx); err != nil {
		return r, err
	}
	return r, r.tell(ctx, tx, a, "script.ended", s, map[string]string{"state": string(state)})
}

// Attach gives the run of a call its ticket. It appends script.started there.
// Errors: errs.Conflict when it has one, or another script runs there.
func Attach(ctx context.Context, tx *db.Tx, a auth.Actor, r Run, s Script, ref string) (Run, error) {
	if err := r.running(); err != nil {
		return r, err
	}
	if r.Ref != "" {
		return r, errs.Because(errs.Conflict, "script.moved")
	}
	r.Ref = ref
	if err := r.save(ctx, tx); db.IsUnique(err) {
		return r, errs.Because(errs.Conflict, "script.busy")
	} else if err != nil {
		return r, err
	}
	return r, r.tell(ctx, tx, a, "script.started", s, nil)
}

// tell appends an event on the ticket of r, or on r itself while it has none.
func (r Run) tell(ctx context.Context, tx *db.Tx, a auth.Actor, kind string, s Script, extra map[string]string) error {
	if extra == nil {
		extra = map[string]string{}
	}
	extra["script"], extra["name_fr"], extra["name_en"], extra["run"] = s.ID, s.Name.FR, s.Name.EN, r.ID
	ref := r.Ref
	if ref == "" {
		ref = "run/" + r.ID
	}
	_, err := event.Emit(ctx, tx, a, event.Event{Kind: kind, Ref: ref, Internal: true, Data: event.Data{Extra: extra}})
	return err
}
