package desk

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/event"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/ticket"
	page "entraide/internal/door/web/page/desk"
	"entraide/internal/door/web/ui"
)

func (d dossier) speech(l i18n.Loc, tx *db.Tx, told bool) speech {
	s := speech{l: l, now: tx.Now, tree: d.tree, told: told, names: map[string]string{}}
	for id, p := range d.people {
		s.names[id] = p.Name
	}
	return s
}

// talk is the conversation: messages and what happened between them, oldest first.
func (d dossier) talk(ctx context.Context, tx *db.Tx, a auth.Actor, v url.Values) []page.Item {
	l := i18n.From(ctx)
	s := d.speech(l, tx, true)
	var items []page.Item
	events := d.events
	before := func(e event.Event) {
		icon, line := s.line(e)
		if line == "" || d.t.Kind == ticket.Problem && e.Data.Extra["kind"] == string(ticket.CausedBy) { // the incidents stand beside

			return
		}
		it := page.Item{Icon: icon, Line: line, When: stamp(l, e.At, tx.Now)}
		if x, ok := d.passedBy(e); ok {
			it.Handover = handover(l, x.Handover)
		}
		items = append(items, it)
	}
	for _, m := range d.messages {
		for len(events) > 0 && events[0].At.Before(m.CreatedAt) {
			before(events[0])
			events = events[1:]
		}
		items = append(items, d.message(ctx, tx, a, m, v))
	}
	for _, e := range events {
		before(e)
	}
	return items
}

// passedBy finds the escalation that an event tells of: by its id, or for an imported past by its time.
func (d dossier) passedBy(e event.Event) (ticket.Escalation, bool) {
	if e.Kind != "ticket.escalated" {
		return ticket.Escalation{}, false
	}
	id := e.Data.Extra["escalation"]
	i := slices.IndexFunc(d.escalations, func(x ticket.Escalation) bool { return x.ID == id || id == "" && x.At.Equal(e.At) })
	if i < 0 {
		return ticket.Escalation{}, false
	}
	return d.escalations[i], true
}

// stamp is a moment as the conversation shows it: the time, with the day before it unless it is today.
func stamp(l i18n.Loc, at, now time.Time) string {
	day, hour := l.When(at, now), l.Time(at)
	if day == hour {
		return hour
	}
	return day + " · " + hour
}

func handover(l i18n.Loc, h ticket.Handover) []ui.KV {
	var out []ui.KV
	for _, p := range []struct{ key, text string }{{"desk.handover.tried", h.Tried}, {"desk.handover.known", h.Known}, {"desk.handover.asked", h.Asked}} {
		if p.text != "" {
			out = append(out, ui.KV{Name: l.T(p.key), Text: p.text})
		}
	}
	return out
}

func (d dossier) message(ctx context.Context, tx *db.Tx, a auth.Actor, m ticket.Message, v url.Values) page.Item {
	l := i18n.From(ctx)
	msg := ui.Msg{ID: m.ID, Author: ui.Person{ID: m.AuthorID, Name: m.Author}, Time: stamp(l, m.CreatedAt, tx.Now), Pending: !m.HeldUntil.IsZero()}
	switch {
	case m.AuthorID == "":
		msg.Author.Name = l.T("desk.event.machine")
	case m.AuthorID == a.ID:
		msg.Who = l.T("desk.you")
	}
	switch {
	case m.Visibility == ticket.Internal:
		msg.Voice = ui.Note
	case m.ByAgent && m.Channel == ticket.Portal:
		msg.Detail = l.T("desk.compose.to", "name", d.t.Requester)
	default:
		msg.Detail = l.T("ticket.channel." + string(m.Channel))
	}
	for _, f := range m.Attachments {
		if f.ContentID != "" && strings.Contains(m.HTML, f.ContentID) {
			continue // shown where it stands in the text
		}
		msg.Files = append(msg.Files, attached(l, f))
	}
	it := page.Item{Msg: msg, Quoted: m.Quoted, Subject: m.Author + " · " + msg.Time + " · " + text.Excerpt(m.Body, 80)}
	body, blocked := bodyOf(m, v.Get("images") != "")
	it.Body = templ.Raw(body)
	if blocked {
		q := readQuery(v).values(true)
		q.Set("images", "1")
		it.Images = link("/desk/tickets/"+d.t.Reference(), q)
	}
	if msg.Pending {
		it.Undo = undoPath(m.ID, v)
	}
	if x, ok := d.sent[m.ID]; ok && m.HeldUntil.IsZero() {
		it.Sent = sentBy(l, tx.Now, x)
		if it.Sent.Bad && d.t.MayWork(a) == nil {
			it.Sent.Again = link("/desk/tickets/"+d.t.Reference()+"/deliveries/"+m.ID, readQuery(v).values(true))
		}
	}
	if m.Raw != "" {
		it.Raw = "/desk/messages/" + m.ID + "/raw"
	}
	return it
}

// bodyOf is a message as safe HTML, and whether pictures of strangers were left out.
func bodyOf(m ticket.Message, images bool) (html string, blocked bool) {
	if m.HTML == "" {
		return text.Markdown(m.Body), false
	}
	n := 0
	html = text.Sanitise(m.HTML, func(u string) string {
		if cid, ok := strings.CutPrefix(u, "cid:"); ok {
			i := slices.IndexFunc(m.Attachments, func(f ticket.Attachment) bool { return strings.Trim(f.ContentID, "<>") == strings.Trim(cid, "<>") })
			if i < 0 {
				return ""
			}
			return filePath(m.Attachments[i].ID)
		}
		if strings.HasPrefix(u, "/attachments/") {
			return u
		}
		if !strings.HasPrefix(u, "http") {
			return ""
		}
		n++
		if images { // we fetch it, so that the sender learns neither who reads nor where
			return picturePath(m.ID, n-1)
		}
		blocked = true
		return ""
	})
	return html, blocked
}

// uploads is where files are sent to; the portal serves it for everybody.
const uploads = "/uploads"

func filePath(id string) string { return "/attachments/" + id }

func attached(l i18n.Loc, f ticket.Attachment) ui.Attachment {
	out := ui.Attachment{ID: f.ID, Name: f.Name, Size: l.Size(f.Size), Href: filePath(f.ID)}
	if strings.HasPrefix(f.ContentType, "image/") && blob.Inline(f.ContentType) {
		out.Thumb = filePath(f.ID) + "/thumb"
	}
	return out
}
