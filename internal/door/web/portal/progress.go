package portal

import (
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/ui"
)

// state is where t stands in one sentence: "Résolue aujourd’hui à 14 h 20".
func state(l i18n.Loc, t ticket.Ticket, now time.Time) string {
	if t.MergedInto != "" {
		return l.T("portal.state.merged")
	}
	switch t.Status {
	case ticket.Resolved:
		return l.T("portal.state.resolved", "at", moment(l, t.ResolvedAt, now))
	case ticket.Closed, ticket.Cancelled:
		return l.T("portal.state."+string(t.Status), "at", moment(l, t.ClosedAt, now))
	case ticket.Pending:
		if t.PendingOn == ticket.OnDate {
			return l.T("portal.state.pending.date", "when", l.When(t.PendingUntil, now))
		}
		return l.T("portal.state.pending." + string(t.PendingOn))
	case ticket.Open:
		if by := firstName(t.Assignee); by != "" {
			return l.T("portal.state.open.with", "name", by)
		}
	}
	return l.T("portal.status." + string(t.Status))
}

// sent is when and how t came in.
func sent(l i18n.Loc, t ticket.Ticket, a auth.Actor, now time.Time) string {
	args := []any{"at", moment(l, t.CreatedAt, now), "channel", l.T("portal.channel." + string(t.Channel)), "name", t.Requester}
	if t.Own(a) {
		return l.T("portal.state.sent", args...)
	}
	return l.T("portal.state.sent.by", args...)
}

// moment is a day and its time, as short as it stays clear: "aujourd’hui à 9 h 44".
func moment(l i18n.Loc, t, now time.Time) string {
	switch day := l.When(t, now); day {
	case l.Time(t):
		return l.T("portal.moment", "day", l.T("portal.today"), "time", l.Time(t))
	case l.Day(t), l.Date(t):
		return l.T("portal.moment.date", "day", day, "time", l.Time(t))
	default:
		return l.T("portal.moment", "day", day, "time", l.Time(t))
	}
}

// clock is moment for a line that has little room: the time alone today.
func clock(l i18n.Loc, t, now time.Time) string {
	day := l.When(t, now)
	if day == l.Time(t) {
		return day
	}
	return day + ", " + l.Time(t)
}

// mostLevels bounds the progress line; of a longer way the end is shown.
const mostLevels = 4

// steps is the progress line: received, each level it was at, solved, closed.
func steps(l i18n.Loc, t ticket.Ticket, s story, p ticket.Policy, now time.Time) []ui.Step {
	out := []ui.Step{{State: ui.Done, Label: l.T("portal.thread.received"), Detail: clock(l, t.CreatedAt, now)}}
	levels := levelSteps(l, t, s, now)
	out = append(out, levels[max(0, len(levels)-mostLevels):]...)
	last := len(out) - 1
	switch t.Status {
	case ticket.New:
		if len(levels) <= 1 { // nobody took it yet
			out[0].State = ui.Now
			if last > 0 {
				out[last].State, out[last].Detail = ui.Next, l.T("portal.thread.soon")
			}
			break
		}
		out[last].State = ui.Now
	case ticket.Open:
		out[last].State = ui.Now
	case ticket.Pending:
		out[last].State = ui.Now
		out[last].Detail = l.T("portal.thread.pending." + string(t.PendingOn))
	case ticket.Cancelled:
		return append(out, ui.Step{State: ui.Now, Label: l.T("portal.status.cancelled"), Detail: clock(l, t.ClosedAt, now)})
	}
	solved, closed := ui.Step{Label: l.T("portal.status.resolved")}, ui.Step{Label: l.T("portal.status.closed")}
	switch {
	case t.MergedInto != "":
		return append(out, ui.Step{State: ui.Now, Label: l.T("portal.thread.merged"), Detail: clock(l, t.ClosedAt, now)})
	case t.Status == ticket.Resolved:
		solved.State, solved.Detail = ui.Now, clock(l, t.ResolvedAt, now)
		closed.Detail = l.T("portal.thread.closes", "when", l.When(t.ResolvedAt.AddDate(0, 0, p.ReopenDays), now))
	case t.Status == ticket.Closed:
		solved.State, solved.Detail = ui.Done, clock(l, t.ResolvedAt, now)
		closed.State, closed.Detail = ui.Now, clock(l, t.ClosedAt, now)
	case t.DueResolved.After(now):
		solved.Detail = l.T("portal.step.before", "when", l.When(t.DueResolved, now))
	}
	return append(out, solved, closed)
}

// levelSteps is one step for each stay at a level; moving between teams of a level is no step.
func levelSteps(l i18n.Loc, t ticket.Ticket, s story, now time.Time) []ui.Step {
	var out []ui.Step
	for i, stay := range s.stays {
		if i > 0 && s.stays[i-1].Level == stay.Level {
			continue
		}
		at, who := stay.Entered, ""
		until := now
		for _, next := range s.stays[i+1:] {
			if next.Level != stay.Level {
				until = next.Entered
				break
			}
		}
		in := func(t time.Time) bool {
			return !t.Before(stay.Entered) && (i == 0 || t.After(stay.Entered)) && !t.After(until)
		}
		for _, taken := range s.taken {
			if !in(taken.at) {
				continue
			}
			if who == "" && i == 0 {
				at = taken.at // the first level begins when somebody takes it
			}
			who = firstName(taken.name)
		}
		for _, spoke := range s.spoke {
			if who == "" && in(spoke.at) {
				who = firstName(spoke.name)
			}
		}
		if until.Equal(now) && t.Assignee != "" {
			who = firstName(t.Assignee) // who has it now, however it came to them
		}
		detail := clock(l, at, now)
		if who != "" {
			detail += " · " + who
		}
		out = append(out, ui.Step{State: ui.Done, Label: l.T("portal.thread.level", "level", stay.Level), Detail: detail})
	}
	return out
}
