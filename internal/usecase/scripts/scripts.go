// Package scripts follows a script on a ticket: each answer becomes an internal note there, what a step sets is set, and
// the end resolves, passes on or makes a request of it, with everything that was answered.
package scripts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/script"
	"entraide/internal/domain/ticket"
)

// Progress is a run with what it follows. The zero Progress is none.
type Progress struct {
	Run     script.Run
	Script  script.Script
	Tree    script.Tree
	Answers []script.Done
}

// Node is where the run stands; ok is false when the way ended nowhere.
func (p Progress) Node() (script.Node, bool) { return p.Tree.Find(p.Run.Node) }

// Open reports whether p is a run that goes on.
func (p Progress) Open() bool { return p.Run.ID != "" && p.Run.State == script.Running }

// read completes a run.
func read(ctx context.Context, tx *db.Tx, a auth.Actor, r script.Run) (p Progress, err error) {
	p.Run = r
	if p.Script, err = script.Find(ctx, tx, a, r.ScriptID); err != nil {
		return p, err
	}
	rev, err := script.FindRevision(ctx, tx, p.Script, r.Revision)
	if err != nil {
		return p, err
	}
	p.Tree = rev.Tree
	p.Answers, err = script.AnswersOf(ctx, tx, r)
	return p, err
}

// Find returns a run that a may see, with its ticket; the ticket is zero while a call has none.
// Errors: errs.NotFound, errs.Forbidden when a sees the ticket as its requester only.
func Find(ctx context.Context, tx *db.Tx, a auth.Actor, runID string) (p Progress, t ticket.Ticket, err error) {
	r, err := script.FindRun(ctx, tx, a, runID)
	if err != nil {
		return p, t, err
	}
	if r.Ref != "" {
		if t, err = ticket.Find(ctx, tx, a, strings.TrimPrefix(r.Ref, "ticket/")); err != nil {
			return p, t, err
		}
		if err := t.MayNote(a); err != nil {
			return p, t, err
		}
	}
	p, err = read(ctx, tx, a, r)
	return p, t, err
}

// Of returns the latest run of a ticket; ok is false when there was none. t must come from ticket.Find with the same actor.
func Of(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket) (p Progress, ok bool, err error) {
	all, err := script.RunsOf(ctx, tx, a, t.Ref())
	if err != nil || len(all) == 0 {
		return p, false, err
	}
	i := max(slices.IndexFunc(all, func(r script.Run) bool { return r.State == script.Running }), 0)
	p, err = read(ctx, tx, a, all[i])
	return p, err == nil, err
}

// OfCalls returns what a began while callers were on the line and what has no ticket yet, the latest first.
func OfCalls(ctx context.Context, tx *db.Tx, a auth.Actor) (all []Progress, err error) {
	runs, err := script.OfCalls(ctx, tx, a)
	for _, r := range runs[:min(len(runs), 5)] {
		p, err := read(ctx, tx, a, r)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, err
}

// Offer is a script that fits, and why.
type Offer struct {
	script.Script
	Why string // "category", "subject"
}

// mostOffers is how many scripts are offered beside a ticket.
const mostOffers = 4

// Offers returns the scripts that fit a category and a subject, best first: those attached to the category, then those of
// a category above it, then those whose words the subject holds.
func Offers(ctx context.Context, tx *db.Tx, a auth.Actor, tree ticket.Tree, categoryID, subject string) ([]Offer, error) {
	all, err := script.List(ctx, tx, a)
	if err != nil {
		return nil, err
	}
	path := tree.Path(categoryID)
	type scored struct {
		Offer
		n int
	}
	var found []scored
	for _, s := range all {
		if !s.Active || s.Revision == 0 {
			continue
		}
		x := scored{Offer: Offer{s, "subject"}, n: s.Echoes(subject)}
		for depth, c := range path {
			if slices.Contains(s.Categories, c.ID) {
				x.n += 10 * (depth + 1)
				x.Why = "category"
			}
		}
		if x.n > 0 {
			found = append(found, x)
		}
	}
	slices.SortStableFunc(found, func(x, y scored) int { return y.n - x.n })
	var out []Offer
	for _, x := range found[:min(len(found), mostOffers)] {
		out = append(out, x.Offer)
	}
	return out, nil
}

// Search returns the scripts on offer that fit what is typed, best first; all of them for "".
func Search(ctx context.Context, tx *db.Tx, a auth.Actor, typed string) ([]script.Script, error) {
	all, err := script.List(ctx, tx, a)
	all = slices.DeleteFunc(all, func(s script.Script) bool {
		return !s.Active || s.Revision == 0 || strings.TrimSpace(typed) != "" && s.Fits(typed) == 0
	})
	slices.SortStableFunc(all, func(x, y script.Script) int { return y.Fits(typed) - x.Fits(typed) })
	return all, err
}

// Start begins a script on a ticket that a may write notes on.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict.
func Start(ctx context.Context, tx *db.Tx, a auth.Actor, ticketRef, scriptID string) (Progress, error) {
	t, err := ticket.Find(ctx, tx, a, ticketRef)
	if err != nil {
		return Progress{}, err
	}
	if err := t.MayNote(a); err != nil {
		return Progress{}, err
	}
	if !t.Status.Active() {
		return Progress{}, errs.Because(errs.Conflict, "script.over", "ref", t.Reference())
	}
	s, err := script.Find(ctx, tx, a, scriptID)
	if err != nil {
		return Progress{}, err
	}
	r, effects, err := script.Start(ctx, tx, a, s, t.Ref(), "")
	if err != nil {
		return Progress{}, err
	}
	if err := apply(ctx, tx, a, t, s, effects); err != nil {
		return Progress{}, err
	}
	return read(ctx, tx, a, r)
}

// Call begins a script while somebody is on the line and there is no ticket yet. callerID may be "".
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict.
func Call(ctx context.Context, tx *db.Tx, a auth.Actor, scriptID, callerID string) (Progress, error) {
	s, err := script.Find(ctx, tx, a, scriptID)
	if err != nil {
		return Progress{}, err
	}
	r, _, err := script.Start(ctx, tx, a, s, "", callerID)
	if err != nil {
		return Progress{}, err
	}
	return read(ctx, tx, a, r)
}

// Answer answers the node at which a run stands and writes the answer on its ticket.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict (it stands elsewhere by now, it ended), errs.Invalid (answer).
func Answer(ctx context.Context, tx *db.Tx, a auth.Actor, runID, at, typed string) (Progress, error) {
	p, t, err := Find(ctx, tx, a, runID)
	if err != nil {
		return p, err
	}
	r, fresh, effects, err := script.Step(ctx, tx, a, p.Run, p.Tree, p.Answers, at, typed)
	if err != nil {
		return p, err
	}
	if t.ID != "" {
		if err := write(ctx, tx, a, t, p, fresh[0].Given); err != nil {
			return p, err
		}
		if err := apply(ctx, tx, a, t, p.Script, effects); err != nil {
			return p, err
		}
	}
	p.Run, p.Answers = r, append(p.Answers, fresh...)
	return p, nil
}

// write notes one answer on the ticket.
func write(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, p Progress, g script.Given) error {
	l := i18n.From(ctx)
	lang := string(l.Lang)
	n, _ := p.Tree.Find(g.Node)
	said := g.Said(n, lang)
	if said == "" {
		said = l.T("script.note.done")
	}
	question := n.Title.In(lang)
	m, err := ticket.Note(ctx, tx, a, t.ID, ticket.Say{Quiet: true, Draught: ticket.Draught{
		Body: l.T("script.note.answer", "script", p.Script.Name.In(lang), "question", question, "answer", said)}})
	if err != nil {
		return err
	}
	_, err = event.Emit(ctx, tx, a, event.Event{Kind: "script.answered", Ref: t.Ref(), Internal: true, Data: event.Data{Message: m.ID, Extra: map[string]string{
		"script": p.Script.ID, "run": p.Run.ID, "node": n.Key, "question": question, "answer": said, "kind": string(n.Kind)}}})
	return err
}

// Back takes the last answer back; that it was is written on the ticket. What it set stays set.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict.
func Back(ctx context.Context, tx *db.Tx, a auth.Actor, runID string) (Progress, error) {
	p, t, err := Find(ctx, tx, a, runID)
	if err != nil {
		return p, err
	}
	r, g, err := script.Back(ctx, tx, p.Run, p.Tree, p.Answers)
	if err != nil {
		return p, err
	}
	if t.ID != "" {
		n, _ := p.Tree.Find(g.Node)
		_, err = event.Emit(ctx, tx, a, event.Event{Kind: "script.returned", Ref: t.Ref(), Internal: true, Data: event.Data{Extra: map[string]string{
			"script": p.Script.ID, "run": r.ID, "node": n.Key, "question_fr": n.Title.FR, "question_en": n.Title.EN}}})
		if err != nil {
			return p, err
		}
	}
	p.Run, p.Answers = r, p.Answers[:r.Answers]
	return p, nil
}

// Drop gives a run up.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict when it ended before.
func Drop(ctx context.Context, tx *db.Tx, a auth.Actor, runID string) (Progress, error) {
	p, _, err := Find(ctx, tx, a, runID)
	if err != nil {
		return p, err
	}
	p.Run, err = script.Finish(ctx, tx, a, p.Run, p.Script, script.Dropped)
	return p, err
}

// Adopt gives the run of a call its ticket: what was answered is written there, what was set is set.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict.
func Adopt(ctx context.Context, tx *db.Tx, a auth.Actor, runID string, t ticket.Ticket) error {
	p, _, err := Find(ctx, tx, a, runID)
	if err != nil {
		return err
	}
	if p.Run, err = script.Attach(ctx, tx, a, p.Run, p.Script, t.Ref()); err != nil {
		return err
	}
	for _, d := range p.Answers {
		n, ok := p.Tree.Find(d.Node)
		switch {
		case ok && n.Kind == script.Set:
			err = apply(ctx, tx, a, t, p.Script, []script.Effect{{Node: n, Field: n.Field, Value: d.Value}})
		case ok:
			err = write(ctx, tx, a, t, p, d.Given)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Turn makes a service request of the ticket at whose end a run stands, in the category that the script names, and ends
// the run.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict unless it stands at such an end, errs.Invalid.
func Turn(ctx context.Context, tx *db.Tx, a auth.Actor, runID string) (ticket.Ticket, error) {
	p, t, err := Find(ctx, tx, a, runID)
	if err != nil {
		return t, err
	}
	n, ok := p.Node()
	if !ok || n.Kind != script.Outcome || n.End != script.EndRequest || t.ID == "" {
		return t, errs.Because(errs.Conflict, "script.moved")
	}
	kind := ticket.Request
	patch := ticket.Patch{}
	if t.Kind != kind {
		patch.Kind = &kind
	}
	if n.Category != "" {
		patch.CategoryID = &n.Category
	}
	if t, err = ticket.Update(ctx, tx, a, t.ID, patch); err != nil {
		return t, err
	}
	_, err = script.Finish(ctx, tx, a, p.Run, p.Script, script.Request)
	return t, err
}

// Name is the name of the reader in the table "event kind → who reacts".
const Name = "script"

// Kinds lists the event kinds it reads.
func Kinds() []string {
	return []string{"ticket.resolved", "ticket.escalated", "ticket.cancelled", "ticket.merged"}
}

// Reader returns the reader that ends the run of a ticket when the ticket is resolved, passed on or over, by whichever way.
func Reader() event.Reader {
	return event.Reader{Name: Name, React: func(ctx context.Context, tx *db.Tx, e event.Event) error {
		state := script.Dropped
		switch {
		case e.Kind == "ticket.resolved":
			state = script.Resolved
		case e.Kind == "ticket.escalated" && e.Data.Extra["way"] == string(ticket.ToLead):
			return nil // it stays where it is
		case e.Kind == "ticket.escalated":
			state = script.Escalated
		}
		a := auth.System("script")
		a.ID, a.Name = e.ActorID, e.Actor
		runs, err := script.RunsOf(ctx, tx, a, e.Ref)
		for _, r := range runs {
			if r.State != script.Running || r.Started.After(e.At) {
				continue
			}
			s, err := script.Find(ctx, tx, a, r.ScriptID)
			if err != nil {
				return fmt.Errorf("end of run %s: %w", r.ID, err)
			}
			if _, err := script.Finish(ctx, tx, a, r, s, state); err != nil && !errors.Is(err, errs.Conflict) {
				return err
			}
		}
		return err
	}}
}
