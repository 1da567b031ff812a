package desk

import (
	"context"

	"github.com/a-h/templ"

	"entraide/internal/base/i18n"
	"entraide/internal/door/web/ui"
)

// sheets are the forms of a ticket that the reader may use now.
func sheets(ctx context.Context, t Ticket) []sheet {
	l := i18n.From(ctx)
	var out []sheet
	add := func(ok bool, s sheet) {
		if ok || t.Form.Name == s.name {
			out = append(out, s)
		}
	}
	active := t.May.Work && t.May.Resolve
	add(active, sheet{name: "escalations", title: l.T("desk.escalate.title"), send: l.T("desk.escalate.title"), icon: "arrow-up-right", fields: escalate(t)})
	add(active && t.May.Return, sheet{name: "return", title: l.T("desk.return.title"), send: l.T("desk.return"), icon: "undo-2", fields: giveBack(t)})
	add(t.May.Work, sheet{name: "lead", title: l.T("desk.lead"), send: l.T("desk.lead.send"), icon: "megaphone", fields: lead(t)})
	add(t.May.Resolve, sheet{name: "resolution", title: l.T("desk.resolve.title"), send: l.T("desk.resolve"), icon: "circle-check", fields: resolve(t)})
	add(active, sheet{name: "pending", title: l.T("desk.wait"), send: l.T("desk.wait"), icon: "circle-pause", fields: pending(t)})
	add(t.May.Work, sheet{name: "assignment", title: l.T("desk.assign.title"), send: l.T("desk.assign"), icon: "user-plus", fields: assign(t)})
	add(t.May.Work, sheet{name: "merge", title: l.T("desk.merge.title"), send: l.T("desk.merge.send"), icon: "git-merge", danger: true, fields: merge(t)})
	add(t.May.Work, sheet{name: "split", title: l.T("desk.split.title"), send: l.T("desk.split"), icon: "git-branch", fields: parting(t)})
	add(active, sheet{name: "consultation", title: l.T("desk.consult.title"), send: l.T("desk.consult.send"), icon: "send", fields: consult(t)})
	p := t.Side.Problem
	own := p != nil && p.Own
	add(p == nil && t.May.Reply, sheet{name: "problem", title: l.T("desk.problem.open"), send: l.T("desk.problem.open"), icon: "shield-alert", fields: openProblem(t)})
	add(own && t.May.Work, sheet{name: "dossier", title: l.T("desk.problem.known"), send: l.T("desk.save"), icon: "check", fields: knownProblem(t)})
	add(own && t.May.Work && p.Active > 0, sheet{name: "broadcast", title: l.T("desk.problem.tell"), send: l.T("desk.problem.tell.send"), icon: "megaphone", fields: tellAll(t)})
	add(true, sheet{name: "links", title: l.T("desk.link.title"), send: l.T("desk.link.send"), icon: "link", fields: links(t)})
	add(t.May.Work, sheet{name: "properties", title: l.T("desk.properties"), send: l.T("desk.save"), icon: "check", fields: properties(t)})
	add(t.May.Cancel, sheet{name: "cancellation", title: l.T("desk.cancel.title"), send: l.T("desk.cancel"), icon: "ban", danger: true, fields: why(t, "cancellation", l.T("desk.cancel.hint"))})
	add(t.May.Reopen, sheet{name: "reopening", title: l.T("desk.reopen.title"), send: l.T("desk.reopen"), icon: "rotate-ccw", fields: why(t, "reopening", "")})
	return out
}

func pendingOn(ctx context.Context) []ui.Option {
	return []ui.Option{
		{Value: "requester", Label: i18n.T(ctx, "desk.pending.on.requester")},
		{Value: "third_party", Label: i18n.T(ctx, "desk.pending.on.third_party")},
		{Value: "date", Label: i18n.T(ctx, "desk.pending.on.date")},
	}
}

// first are the attributes of the field that has the focus when its dialog opens.
func first() templ.Attributes { return templ.Attributes{"autofocus": true} }
