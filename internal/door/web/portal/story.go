package portal

import (
	"context"
	"slices"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/event"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	page "entraide/internal/door/web/page/portal"
	"entraide/internal/door/web/ui"
)

// story is what happened to a request, as those who asked for it read it.
type story struct {
	entries []page.Entry
	last    string // id of the last message
	stays   []ticket.Stay
	taken   []taking
	spoke   []taking // public messages of the desk
}

// taking is somebody beginning to work on it.
type taking struct {
	at   time.Time
	name string
}

// dated is an entry with its place in time.
type dated struct {
	at time.Time
	page.Entry
}

// tell reads messages and events and puts them in one order. An agent who asked for something themselves reads here
// what every requester reads: no internal note, no internal change.
func tell(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket) (story, error) {
	var s story
	messages, err := ticket.Conversation(ctx, tx, a, t)
	if err != nil {
		return s, err
	}
	events, err := ticket.Timeline(ctx, tx, a, t)
	if err != nil {
		return s, err
	}
	if s.stays, err = ticket.Stays(ctx, tx, t); err != nil {
		return s, err
	}
	names, err := people(ctx, tx, a, events)
	if err != nil {
		return s, err
	}
	l := i18n.From(ctx)
	var all []dated
	for _, m := range messages {
		if m.Visibility != ticket.Public {
			continue
		}
		s.last = m.ID
		if m.ByAgent && m.AuthorID != "" {
			s.spoke = append(s.spoke, taking{m.CreatedAt, m.Author})
		}
		all = append(all, dated{m.CreatedAt, said(l, a, t, m, s.stays, tx.Now)})
	}
	for _, e := range events {
		if e.Internal {
			continue
		}
		if e.Kind == "ticket.assigned" && e.Data.Person != "" {
			s.taken = append(s.taken, taking{e.At, changed(e, "assignee")})
		}
		if line, ok := happened(l, a, e, names); ok {
			line.Time = clock(l, e.At, tx.Now)
			all = append(all, dated{e.At, line})
		}
	}
	slices.SortStableFunc(all, func(a, b dated) int { return a.at.Compare(b.at) })
	for _, d := range all {
		s.entries = append(s.entries, d.Entry)
	}
	return s, nil
}

// people finds the names of those put in copy or taken out.
func people(ctx context.Context, tx *db.Tx, a auth.Actor, events []event.Event) (map[string]identity.Person, error) {
	var ids []string
	for _, e := range events {
		if (e.Kind == "ticket.watched" || e.Kind == "ticket.unwatched") && e.Data.Person != "" {
			ids = append(ids, e.Data.Person)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return identity.FindMany(ctx, tx, a, ids)
}

// said is a message as an entry.
func said(l i18n.Loc, a auth.Actor, t ticket.Ticket, m ticket.Message, stays []ticket.Stay, now time.Time) page.Entry {
	e := page.Entry{HTML: body(m)}
	e.Msg = ui.Msg{ID: "m-" + m.ID, Author: ui.Person{ID: m.AuthorID, Name: m.Author}, Time: clock(l, m.CreatedAt, now), Pending: !m.HeldUntil.IsZero()}
	switch {
	case m.AuthorID == "":
		e.Msg.Author.Name = l.T("portal.machine")
	case m.AuthorID == a.ID:
		e.Msg.Voice, e.Msg.Who = ui.Mine, l.T("portal.you")
	case m.ByAgent:
		e.Msg.Detail = l.T("portal.support", "level", levelAt(stays, m.CreatedAt, t.Level))
	}
	if e.Msg.Detail == "" && m.Channel != ticket.Portal && !m.ByAgent {
		e.Msg.Detail = l.T("portal.by." + string(m.Channel))
	}
	for _, f := range m.Attachments {
		if f.ContentID == "" || !strings.Contains(e.HTML, `"/attachments/`+f.ID+`"`) { // else it is shown in the text
			e.Msg.Files = append(e.Msg.Files, chip(l, f))
		}
	}
	return e
}

// body is the text of a message as safe HTML, with the pictures of its own mail in their places.
func body(m ticket.Message) string {
	if m.HTML == "" {
		return text.Markdown(m.Body)
	}
	return text.Sanitise(m.HTML, func(url string) string {
		id, inline := strings.CutPrefix(url, "cid:")
		if !inline {
			if strings.HasPrefix(url, "/attachments/") {
				return url
			}
			return ""
		}
		for _, f := range m.Attachments {
			if f.ContentID != "" && strings.Trim(f.ContentID, "<>") == id {
				return "/attachments/" + f.ID
			}
		}
		return ""
	})
}

// levelAt is the level at which the desk spoke.
func levelAt(stays []ticket.Stay, at time.Time, level int) int {
	for i, s := range stays {
		if i == 0 || s.Entered.Before(at) {
			level = s.Level
		}
	}
	return level
}

// changed is what a field became.
func changed(e event.Event, field string) string {
	for _, c := range e.Data.Changes {
		if c.Field == field {
			return c.To
		}
	}
	return ""
}

func was(e event.Event, field string) string {
	for _, c := range e.Data.Changes {
		if c.Field == field {
			return c.From
		}
	}
	return ""
}

// icons of the events that requesters read; the others say nothing to them.
var icons = map[string]string{
	"ticket.assigned": "user-check", "ticket.pending": "circle-pause", "ticket.opened": "refresh-cw", "ticket.escalated": "arrow-up-right",
	"ticket.returned": "corner-down-right", "ticket.resolved": "circle-check", "ticket.closed": "lock", "ticket.reopened": "rotate-ccw",
	"ticket.cancelled": "ban", "ticket.absorbed": "git-merge", "ticket.watched": "eye", "ticket.unwatched": "eye", "ticket.rated": "star",
}

// happened turns an event into a line in plain words; ok is false for what says nothing to the person who asked.
func happened(l i18n.Loc, a auth.Actor, e event.Event, names map[string]identity.Person) (line page.Entry, ok bool) {
	line.Icon = icons[e.Kind]
	if line.Icon == "" {
		return line, false
	}
	key := "portal.event." + strings.TrimPrefix(e.Kind, "ticket.")
	who, args := e.Actor, []any(nil)
	switch e.Kind {
	case "ticket.assigned":
		if who = changed(e, "assignee"); e.Data.Person == "" || who == "" {
			return line, false
		}
		line.Who, line.Text = who, l.T(key)
		return line, true
	case "ticket.pending":
		key += "." + e.Data.Extra["on"]
		if at, err := time.Parse(time.RFC3339, e.Data.Extra["until"]); err == nil {
			args = []any{"date", l.Date(at)}
		} else if e.Data.Extra["on"] == string(ticket.OnDate) {
			return line, false
		}
		who = ""
	case "ticket.opened":
		if was(e, "status") != string(ticket.Pending) {
			return line, false // the first answer or somebody taking it says so already
		}
		who = ""
	case "ticket.escalated", "ticket.returned":
		if e.Data.Extra["from_level"] == e.Data.Extra["to_level"] {
			key = "portal.event.team"
		}
		who, args = "", []any{"level", e.Data.Extra["to_level"]}
	case "ticket.closed":
		who = ""
	case "ticket.absorbed":
		who, args = "", []any{"ref", e.Data.Extra["ref"], "subject", e.Data.Extra["subject"]}
	case "ticket.watched", "ticket.unwatched":
		p, known := names[e.Data.Person]
		if !known {
			return line, false
		}
		line.Who, line.Text = p.Name, l.T(key)
		return line, true
	case "ticket.reopened", "ticket.cancelled":
		line.Why = e.Data.Why
	}
	if e.ActorID != "" && e.ActorID == a.ID && who != "" {
		line.Text = l.T(key+".you", args...)
		return line, true
	}
	line.Who, line.Text = who, l.T(key, args...)
	return line, true
}
