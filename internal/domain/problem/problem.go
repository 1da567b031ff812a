// Package problem is what is known of the cause behind incidents: how sure one is, what helps meanwhile, what ends it for
// good. The problem itself, its conversation, queue and people, is a ticket; its incidents are linked to it.
package problem

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
	"entraide/internal/base/text"
)

// State says how sure one is of the cause.
type State string

// The states.
const (
	Unknown   State = "unknown"
	Suspected State = "suspected"
	Known     State = "known"
)

// States lists all, the least sure first.
func States() []State { return []State{Unknown, Suspected, Known} }

// Dossier is what is known of one problem. The zero State is Unknown.
type Dossier struct {
	Ref        string // "ticket/…"
	State      State
	Cause      string // Markdown
	Workaround string // Markdown: what helps until it is fixed; "" = none yet
	Fix        string // Markdown: what ends it for good; "" = none yet
	Updated    time.Time
	Version    int64 // 0 = nothing was written yet
}

// Error reports whether d is a known error: its cause is known, and there is a way around it.
func (d Dossier) Error() bool { return d.State == Known && d.Workaround != "" }

// maxText bounds each text, in characters.
const maxText = 10_000

const columns = "ref, state, cause, workaround, fix, updated_at, version"

func scan(r db.Row, d *Dossier) error {
	return r.Scan(&d.Ref, &d.State, &d.Cause, &d.Workaround, &d.Fix, db.Millis(&d.Updated), &d.Version)
}

// Find returns what is known of a problem; nothing, when nothing was written yet. Whether a may see it is for the caller.
// Errors: errs.Forbidden unless a is an agent.
func Find(ctx context.Context, tx *db.Tx, a auth.Actor, ref string) (Dossier, error) {
	if !a.Agent() {
		return Dossier{}, fmt.Errorf("problem: %w", errs.Forbidden)
	}
	d, err := db.One(ctx, tx, scan, "SELECT "+columns+" FROM problem WHERE ref = $1", ref)
	if errors.Is(err, errs.NotFound) {
		return Dossier{Ref: ref, State: Unknown}, nil
	}
	return d, err
}

// texts are the texts of d in the order of its form.
func (d Dossier) texts() [3]struct{ name, text string } {
	return [3]struct{ name, text string }{{"cause", d.Cause}, {"workaround", d.Workaround}, {"fix", d.Fix}}
}

func (d *Dossier) clean() {
	d.Cause, d.Workaround, d.Fix = text.Clean(d.Cause), text.Clean(d.Workaround), text.Clean(d.Fix)
	if d.State == "" {
		d.State = Unknown
	}
}

// check says what cannot be accepted.
func (d Dossier) check() error {
	var wrong []errs.Field
	for _, f := range d.texts() {
		if utf8.RuneCountInString(f.text) > maxText {
			wrong = append(wrong, errs.Field{Name: f.name, Key: "problem.too_long", Args: []any{"max", maxText}})
		}
	}
	switch d.State {
	case Unknown:
	case Suspected, Known:
		if text.Blank(d.Cause) {
			wrong = append(wrong, errs.Field{Name: "cause", Key: "problem.cause"})
		}
	default:
		wrong = append(wrong, errs.Field{Name: "state", Key: "problem.state"})
	}
	return errs.InvalidFields(wrong)
}

// Save writes what is known, over the version that d was read at, 0 for the first time. It appends problem.changed. Whether
// a may work the problem is for the caller to decide.
// Errors: errs.Forbidden unless a is an agent, errs.Invalid (state, cause, workaround, fix), errs.Conflict when somebody
// wrote in between.
func Save(ctx context.Context, tx *db.Tx, a auth.Actor, d Dossier) (Dossier, error) {
	old, err := Find(ctx, tx, a, d.Ref)
	if err != nil {
		return d, err
	}
	d.clean()
	if err := d.check(); err != nil {
		return d, err
	}
	if old.Version != d.Version {
		return d, errs.Because(errs.Conflict, "problem.stale")
	}
	d.Updated, d.Version = tx.Now, old.Version+1
	n, err := tx.Exec(ctx, `INSERT INTO problem (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (ref) DO UPDATE SET state = excluded.state, cause = excluded.cause, workaround = excluded.workaround, fix = excluded.fix,
			updated_at = excluded.updated_at, version = excluded.version WHERE problem.version = excluded.version - 1`,
		d.Ref, d.State, d.Cause, d.Workaround, d.Fix, db.Ms(d.Updated), d.Version)
	if err != nil {
		return d, fmt.Errorf("problem %s: %w", d.Ref, err)
	}
	if n == 0 {
		return d, errs.Because(errs.Conflict, "problem.stale")
	}
	changes := changed(old, d)
	if len(changes) == 0 {
		return d, nil
	}
	_, err = event.Emit(ctx, tx, a, event.Event{Kind: "problem.changed", Ref: d.Ref, Internal: true, Data: event.Data{Changes: changes}})
	return d, err
}

func changed(old, now Dossier) (all []event.Change) {
	if old.State != now.State {
		all = append(all, event.Change{Field: "state", From: string(old.State), To: string(now.State)})
	}
	before := old.texts()
	for i, f := range now.texts() {
		if was := before[i].text; was != f.text {
			all = append(all, event.Change{Field: f.name, From: text.Excerpt(was, 200), To: text.Excerpt(f.text, 200)})
		}
	}
	return all
}
