package desk

import (
	"context"
	"net/http"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/calendar"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/desk"
	"entraide/internal/usecase/promise"
)

// promises shows how the clocks of a ticket were counted.
func (d *desk) promises(w http.ResponseWriter, r *http.Request) error {
	var p page.Promises
	err := d.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		t, err := ticket.Find(ctx, tx, a, r.PathValue("ref"))
		if err != nil {
			return err
		}
		p.Ref, p.Subject, p.Back = t.Reference(), t.Subject, here(t.Reference(), r.URL.Query())
		all, err := promise.Explain(ctx, tx, a, t)
		for _, e := range all {
			p.Clocks = append(p.Clocks, explained(i18n.From(ctx), e, tx.Now))
		}
		return err
	})
	if err != nil {
		return err
	}
	s, err := d.DeskShell(w, r, i18n.T(r.Context(), "desk.explain.title", "ref", p.Ref), "desk")
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.PromisesPage(s, p))
}

// shownDays bounds the days of a clock that are listed; earlier ones are summed up.
const shownDays = 60

// explained puts a clock into words, in the time of its calendar.
func explained(l i18n.Loc, e promise.Explained, now time.Time) page.Explained {
	l = i18n.New(string(l.Lang), e.Zone.String())
	promised := time.Duration(e.Minutes) * time.Minute
	x := page.Explained{Metric: string(e.Metric), Policy: e.Policy, Calendar: e.Calendar, Zone: e.Zone.String(), Promised: l.WorkTime(promised),
		Used: l.WorkTime(e.Used), Share: int(min(100, 100*e.Used/max(promised, 1))), Late: e.Used > promised}
	switch {
	case !e.Met.IsZero() && e.Met.After(e.Due):
		x.Outcome = l.T("desk.explain.broken", "at", l.DateTime(e.Met), "due", l.DateTime(e.Due))
	case !e.Met.IsZero():
		x.Outcome = l.T("desk.explain.kept", "at", l.DateTime(e.Met), "due", l.DateTime(e.Due))
	case e.Standing():
		x.Outcome = l.T("desk.explain.standing", "since", l.DateTime(e.Pauses[len(e.Pauses)-1].From), "left", l.WorkTime(e.Left()))
	case e.Due.Before(now):
		x.Outcome = l.T("desk.explain.late", "due", l.DateTime(e.Due))
	default:
		x.Outcome = l.T("desk.explain.due", "due", l.DateTime(e.Due), "left", l.WorkTime(e.Left()))
	}
	x.Started = l.DateTime(e.Started)
	days := e.Days
	if n := len(days) - shownDays; n > 0 {
		x.Earlier = l.N("desk.explain.earlier", int64(n), "sum", l.WorkTime(days[n-1].Total))
		days = days[n:]
	}
	for _, d := range days {
		x.Days = append(x.Days, explainedDay(l, d))
	}
	return x
}

func explainedDay(l i18n.Loc, d calendar.Day) page.ExplainedDay {
	out := page.ExplainedDay{Date: l.Weekday(d.Date) + " " + l.Day(d.Date), Counted: l.WorkTime(d.Counted), Total: l.WorkTime(d.Total)}
	var counted, paused []string
	for _, p := range d.Parts {
		span := l.Time(p.From) + " – " + l.Time(p.To)
		if p.Paused {
			paused = append(paused, span)
		} else {
			counted = append(counted, span)
		}
		at := func(t time.Time) int { return int(t.Sub(d.Date) / time.Minute) }
		out.Bars = append(out.Bars, page.Bar{From: at(p.From), Length: max(1, int(p.Length()/time.Minute)), Paused: p.Paused})
	}
	out.Spans, out.Pauses = strings.Join(counted, ", "), strings.Join(paused, ", ")
	return out
}
