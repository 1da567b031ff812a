package desk

import (
	"strconv"
	"strings"
	"time"

	"entraide/internal/base/event"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/ui"
)

// standing is the status of a ticket as the desk shows it: late when a promise is broken, and what is waited for.
func standing(l i18n.Loc, t ticket.Ticket, now time.Time) (ui.Kind, string) {
	kind := ui.Kind(t.Status)
	switch {
	case t.Status.Active() && !t.NextDue().IsZero() && t.NextDue().Before(now):
		return ui.Late, ""
	case t.Status == ticket.Pending && t.PendingOn == ticket.OnDate:
		return kind, l.When(t.PendingUntil, now)
	case t.Status == ticket.Pending && t.PendingOn != "":
		return kind, l.T("desk.waits." + string(t.PendingOn))
	}
	return kind, l.T("ticket.status." + string(t.Status))
}

// speech puts events into words.
type speech struct {
	l     i18n.Loc
	now   time.Time
	names map[string]string // of people, by id
	tree  ticket.Tree
	told  bool // the conversation shows the messages themselves, so events that only carry one say nothing
}

func (s speech) actor(e event.Event) string {
	if e.ActorID == "" {
		return s.l.T("desk.event.machine")
	}
	if e.Actor != "" {
		return e.Actor
	}
	return s.names[e.ActorID]
}

func (s speech) name(id string) string {
	if n := s.names[id]; n != "" {
		return n
	}
	return s.l.T("desk.event.somebody")
}

// line is an event as an icon and a sentence; "" when there is nothing to say.
func (s speech) line(e event.Event) (icon, text string) {
	who := s.actor(e)
	say := func(icon, key string, args ...any) (string, string) {
		return icon, s.because(s.l.T(key, append(args, "who", who)...), e.Data.Why)
	}
	switch e.Kind {
	case "ticket.created", "ticket.replied", "ticket.noted":
		if s.told {
			return "", ""
		}
		return say("message-circle", "desk.event."+e.Kind)
	case "ticket.assigned":
		switch e.Data.Person {
		case "":
			return say("user-x", "desk.event.freed")
		case e.ActorID:
			return say("user-check", "desk.event.taken")
		}
		return say("user-plus", "desk.event.assigned", "person", s.name(e.Data.Person))
	case "ticket.changed":
		return "file-pen", s.changes(e, who)
	case "ticket.escalated", "ticket.returned":
		return s.passed(e, who)
	case "ticket.pending":
		return say("circle-pause", "desk.event.pending."+e.Data.Extra["on"], "until", s.until(e))
	case "ticket.opened":
		return say("circle-dashed", "desk.event.opened")
	case "ticket.resolved":
		return say("circle-check", "desk.event.resolved")
	case "ticket.closed":
		return say("archive", "desk.event.closed")
	case "ticket.reopened":
		return say("rotate-ccw", "desk.event.reopened")
	case "ticket.cancelled":
		return say("ban", "desk.event.cancelled")
	case "ticket.watched", "ticket.unwatched":
		return say("eye", "desk.event."+e.Kind, "person", s.name(e.Data.Person))
	case "sla.warned", "sla.breached":
		return say("alarm-clock", "desk.event."+e.Kind, "what", s.l.T("desk.metric."+e.Data.Extra["metric"]))
	case "ticket.rated":
		return say("smile", "desk.event.rated."+e.Data.Extra["score"])
	case "problem.changed":
		return say("lightbulb", "desk.event.problem.changed")
	case "problem.cascade":
		n, err := strconv.ParseInt(e.Data.Extra["count"], 10, 64)
		if err != nil {
			return "", "" // of a version that wrote it otherwise
		}
		return "megaphone", s.l.N("desk.event.problem."+e.Data.Extra["do"], n, "who", who)
	case "ticket.merged", "ticket.absorbed", "ticket.split", "ticket.linked", "ticket.unlinked":
		return say("git-merge", "desk.event."+e.Kind, "ref", e.Data.Extra["ref"])
	}
	return "", ""
}

func (s speech) because(text, why string) string {
	if why == "" {
		return text
	}
	return s.l.T("desk.event.because", "text", text, "why", why)
}

func (s speech) until(e event.Event) string {
	at, err := time.Parse(time.RFC3339, e.Data.Extra["until"])
	if err != nil { // no date was given
		return ""
	}
	return s.l.DateTime(at)
}

func (s speech) passed(e event.Event, who string) (icon, text string) {
	x := e.Data.Extra
	why := e.Data.Why
	switch ticket.Way(x["way"]) {
	case ticket.ToLead:
		return "megaphone", s.because(s.l.T("desk.event.lead", "who", who, "person", x["to_person"]), why)
	case ticket.Back:
		return "undo-2", s.because(s.l.T("desk.event.returned", "who", who, "queue", x["to_queue"]), why)
	case ticket.Up:
		key := "desk.event.up"
		if !strings.Contains(x["to_queue"], x["to_level"]) { // « Niveau 2 · Réseau » says it already
			key = "desk.event.up_level"
		}
		return "arrow-up-right", s.because(s.l.T(key, "who", who, "queue", x["to_queue"], "level", x["to_level"]), why)
	}
	return "arrow-right", s.because(s.l.T("desk.event.across", "who", who, "queue", x["to_queue"]), why)
}

// changes lists what was changed, field by field.
func (s speech) changes(e event.Event, who string) string {
	var parts []string
	for _, c := range e.Data.Changes {
		label := s.label(c.Field)
		from, to := s.value(c.Field, c.From), s.value(c.Field, c.To)
		switch {
		case from == "":
			parts = append(parts, s.l.T("desk.event.set", "field", label, "to", to))
		case to == "":
			parts = append(parts, s.l.T("desk.event.cleared", "field", label, "from", from))
		default:
			parts = append(parts, s.l.T("desk.event.changed", "field", label, "from", from, "to", to))
		}
	}
	return s.l.T("desk.event.by", "text", strings.Join(parts, " · "), "who", who)
}

func (s speech) label(field string) string {
	key := "desk.field." + field
	if i18n.Has(key) {
		return s.l.T(key)
	}
	return strings.TrimPrefix(field, "fields.")
}

func (s speech) value(field, v string) string {
	key := ""
	switch field {
	case "impact", "urgency":
		key = "ticket.scale." + v
	case "kind":
		key = "ticket.kind." + v
	case "category":
		if title := s.tree.Title(v, string(s.l.Lang)); title != "" {
			return title
		}
	}
	if key != "" && i18n.Has(key) {
		return s.l.T(key)
	}
	return v
}
