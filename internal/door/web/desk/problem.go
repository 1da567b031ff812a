package desk

import (
	"context"
	"net/url"
	"strconv"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/problem"
	"entraide/internal/domain/ticket"
	page "entraide/internal/door/web/page/desk"
	"entraide/internal/door/web/ui"
	"entraide/internal/usecase/problems"
)

// behind is the problem of a page: the ticket itself, or what an incident is caused by.
type behind struct {
	ticket    ticket.Ticket // zero = there is none
	known     problem.Dossier
	incidents []ticket.Ticket // of the ticket itself
}

// readProblem reads what is known of the cause.
func (d *dossier) readProblem(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
	if d.t.Kind == ticket.Problem {
		d.behind = behind{ticket: d.t, incidents: problems.Incidents(d.links)}
	} else if p, ok := problems.Cause(d.links); ok {
		d.behind.ticket = p
	} else {
		return nil
	}
	d.behind.known, err = problem.Find(ctx, tx, a, d.behind.ticket.Ref())
	return err
}

// problem is the cause as the page shows it; nil when none is known.
func (d dossier) problem(l i18n.Loc, tx *db.Tx) *page.Problem {
	b := d.behind
	if b.ticket.ID == "" {
		return nil
	}
	k := b.known
	p := &page.Problem{Own: b.ticket.ID == d.t.ID, Of: d.linked(l, b.ticket, tx.Now), State: string(k.State), Word: l.T("desk.problem.state." + string(k.State)), Known: k.Error(),
		Cause: text.Markdown(k.Cause), Workaround: text.Markdown(k.Workaround), Fix: text.Markdown(k.Fix),
		CauseText: k.Cause, WorkaroundText: k.Workaround, FixText: k.Fix, Version: strconv.FormatInt(k.Version, 10)}
	for _, x := range b.incidents {
		i := page.Incident{Linked: d.linked(l, x, tx.Now), ID: x.ID, Who: x.Requester, Active: x.Status.Active() && x.MergedInto == ""}
		if i.Active {
			p.Active++
		}
		p.Incidents = append(p.Incidents, i)
	}
	return p
}

// openProblem makes a problem of an incident, and leads there.
func openProblem(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (ticket.Ticket, string, error) {
	p, err := problems.Open(ctx, tx, a, t.ID, form.Get("subject"))
	if err != nil {
		return t, "", err
	}
	return p, "desk.done.problem", nil
}

func saveProblem(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (ticket.Ticket, string, error) {
	version, err := strconv.ParseInt(form.Get("version"), 10, 64)
	if err != nil {
		version = -1 // of no page of ours: as good as stale
	}
	_, err = problems.Save(ctx, tx, a, t.ID, problem.Dossier{State: problem.State(form.Get("state")), Cause: form.Get("cause"), Workaround: form.Get("workaround"),
		Fix: form.Get("fix"), Version: version})
	return t, "desk.done.known", err
}

func tellAll(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (ticket.Ticket, string, error) {
	_, err := problems.Tell(ctx, tx, a, t.ID, form.Get("body"))
	return t, "desk.done.told", err
}

// states are the choices of how sure one is.
func states(l i18n.Loc) (out []ui.Option) {
	for _, s := range problem.States() {
		out = append(out, ui.Option{Value: string(s), Label: l.T("desk.problem.state." + string(s))})
	}
	return out
}
