package portal

import (
	"time"

	"entraide/internal/base/i18n"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/ui"
)

// summary is a request in a list: its state, how far it came and what is next, in words.
func summary(l i18n.Loc, t ticket.Ticket, now time.Time) ui.Request {
	s := ui.Request{Ref: t.Reference(), Subject: t.Subject, Href: address(t), Kind: ui.Kind(t.Status), Status: l.T("portal.status." + string(t.Status))}
	// Received, the levels up to the one it reached (two at least: one may still be needed), solved.
	levels := max(2, t.Level)
	s.Steps = levels + 2
	by := firstName(t.Assignee)
	switch t.Status {
	case ticket.New:
		s.Step = l.T("portal.step.received", "when", l.When(t.CreatedAt, now))
	case ticket.Open:
		s.At, s.Step = t.Level, l.T("portal.step.level", "level", t.Level)
		if by != "" {
			s.Step = l.T("portal.step.level.with", "level", t.Level, "name", by)
		}
		if t.DueResolved.After(now) {
			s.Next = l.T("portal.step.before", "when", l.When(t.DueResolved, now))
		}
	case ticket.Pending:
		s.At, s.Step = t.Level, l.T("portal.step.pending."+string(t.PendingOn))
		if t.PendingOn == ticket.OnRequester {
			s.Status, s.Next = l.T("portal.status.yours"), l.T("portal.step.answer")
		} else if !t.PendingUntil.IsZero() {
			s.Next = l.When(t.PendingUntil, now)
		}
	case ticket.Resolved:
		s.At, s.Step, s.Next = s.Steps, l.T("portal.step.resolved", "when", l.When(t.ResolvedAt, now)), l.T("portal.step.rate")
		if by != "" {
			s.Step = l.T("portal.step.resolved.by", "when", l.When(t.ResolvedAt, now), "name", by)
		}
	default:
		s.At = s.Steps // its status says it all
	}
	return s
}
