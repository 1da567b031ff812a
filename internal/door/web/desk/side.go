package desk

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	page "entraide/internal/door/web/page/desk"
	"entraide/internal/door/web/ui"
)

// side is the context of the ticket: who asks, what it is about, what belongs to it, what happened.
func (d dossier) side(ctx context.Context, tx *db.Tx, a auth.Actor) page.Side {
	l := i18n.From(ctx)
	s := page.Side{Requester: personCard(d.requester), Facts: contact(l, d.requester), Phone: dial(d.requester), Tags: d.tags, Properties: d.facts(l)}
	for _, t := range d.past {
		s.Past = append(s.Past, d.linked(l, t, tx.Now))
	}
	s.PastCount = strconv.Itoa(len(d.past))
	if d.pastMore {
		s.PastCount += "+"
	}
	for _, w := range d.watchers {
		s.Watchers = append(s.Watchers, ui.Person{ID: w.PersonID, Name: w.Name})
		s.Watching = s.Watching || w.PersonID == a.ID
	}
	for _, x := range d.links {
		if x.Kind == ticket.CausedBy && !x.Outward && d.t.Kind == ticket.Problem {
			continue // an incident, named with what is known of the problem
		}
		k := d.linked(l, x.Other, tx.Now)
		k.Kind, k.Words = string(x.Kind), l.T("ticket.linked."+string(x.Kind))
		if x.Outward {
			k.Words = l.T("ticket.link." + string(x.Kind))
		}
		s.Links = append(s.Links, k)
	}
	for _, x := range d.stays {
		spent := x.Spent
		if x.Left.IsZero() {
			spent = tx.Now.Sub(x.Entered)
		}
		s.Stays = append(s.Stays, page.Stay{Level: x.Level, Where: x.Queue, Spent: l.Duration(spent)})
	}
	say := d.speech(l, tx, false)
	for i := len(d.events) - 1; i >= 0; i-- {
		if _, line := say.line(d.events[i]); line != "" {
			s.History = append(s.History, page.Item{Line: line, When: l.DateTime(d.events[i].At)})
		}
	}
	if d.rated {
		s.Rating, s.Comment = l.T("desk.rated."+d.rating.Score), d.rating.Comment
	}
	s.Problem = d.problem(l, tx)
	s.First = clock(l, d.t.CreatedAt, d.t.DueResponse, d.t.RespondedAt, tx.Now)
	s.Solve = clock(l, d.t.CreatedAt, d.t.DueResolved, d.t.ResolvedAt, tx.Now)
	return s
}

// clock is a promise as it stands; nil when none was made.
func clock(l i18n.Loc, from, due, done, now time.Time) *page.Clock {
	if due.IsZero() {
		return nil
	}
	if !done.IsZero() {
		if done.After(due) {
			return &page.Clock{Kind: ui.Late, Value: l.T("desk.promise.broken")}
		}
		return &page.Clock{Kind: ui.Resolved, Share: 100, Value: l.T("desk.promise.kept")}
	}
	left := due.Sub(now)
	c := page.Clock{Kind: ui.Open, Value: l.Duration(left)}
	if left <= 0 {
		c.Kind = ui.Late
		return &c
	}
	if c.Share = int(100 * left / max(due.Sub(from), 1)); c.Share < 25 {
		c.Kind = ui.Pending
	}
	c.Share = min(c.Share, 100)
	return &c
}

func personCard(p identity.Person) ui.Person {
	where := []string{p.Title}
	if p.Site != "" {
		where = append(where, p.Site)
	}
	return ui.Person{ID: p.ID, Name: p.Name, Image: ui.PhotoPath(p.ID, p.Avatar), Detail: strings.Trim(strings.Join(where, ", "), ", ")}
}

// contact are the facts by which one reaches a person.
func contact(l i18n.Loc, p identity.Person) []ui.KV {
	var out []ui.KV
	add := func(key, text, href string) {
		if text != "" {
			out = append(out, ui.KV{Name: l.T(key), Text: text, Href: href})
		}
	}
	add("desk.person.email", p.Email, "mailto:"+p.Email)
	add("desk.person.phone", p.Phone, "")
	add("desk.person.mobile", p.Mobile, "")
	add("desk.person.department", p.Department, "")
	if p.External {
		add("desk.person.kind", l.T("desk.person.external"), "")
	}
	if p.VIP {
		add("desk.person.kind", l.T("desk.person.vip"), "")
	}
	return out
}

func dial(p identity.Person) string {
	n := p.Phone
	if n == "" {
		n = p.Mobile
	}
	if n == "" {
		return ""
	}
	return "tel:" + strings.NewReplacer(" ", "", "(0)", "", "(", "", ")", "", ".", "", "-", "").Replace(n)
}

// facts are the properties of the ticket in words.
func (d dossier) facts(l i18n.Loc) []ui.KV {
	t := d.t
	out := []ui.KV{{Name: l.T("desk.type"), Text: l.T("ticket.kind." + string(t.Kind))}}
	add := func(key, text string) {
		if text != "" {
			out = append(out, ui.KV{Name: l.T(key), Text: text})
		}
	}
	add("desk.category", d.tree.Title(t.CategoryID, string(l.Lang)))
	add("desk.impact", l.T("ticket.scale."+strconv.Itoa(t.Impact)))
	add("desk.urgency", l.T("ticket.scale."+strconv.Itoa(t.Urgency)))
	add("desk.channel", l.T("ticket.channel."+string(t.Channel)))
	add("desk.opened", l.DateTime(t.CreatedAt))
	if t.Status == ticket.Pending {
		add("desk.until", l.DateTime(t.PendingUntil))
	}
	add("desk.resolved", l.DateTime(t.ResolvedAt))
	add("desk.cause", t.Cause)
	for _, f := range d.fields {
		if v := f.Show(l, t.Fields[f.Key]); v != "" {
			out = append(out, ui.KV{Name: f.Label(l.Lang), Text: v})
		}
	}
	return out
}

// offers fills in what the forms of the page offer.
func (d dossier) offers(ctx context.Context, a auth.Actor, p *page.Ticket) {
	l, t := i18n.From(ctx), d.t
	up := slices.Clone(d.queues)
	slices.SortStableFunc(up, func(x, y ticket.Queue) int { // the next level first: that is what a handover is for
		return cmp.Compare(distance(x.Level, t.Level), distance(y.Level, t.Level))
	})
	for _, q := range up {
		if q.ID != t.QueueID {
			o := ui.Option{Value: q.ID, Label: q.Name, Icon: queueIcon(q.Level)}
			if n, ok := d.busy[q.ID]; ok {
				o.Hint = l.N("desk.escalate.busy", int64(n))
			}
			p.Queues = append(p.Queues, o)
		}
	}
	p.Team = []ui.Option{{Label: l.T("desk.nobody")}}
	for _, c := range d.team {
		label := l.N("desk.colleague", int64(c.Active), "name", c.Name)
		if c.Away {
			label = l.T("desk.colleague.away", "name", c.Name)
		}
		p.Team = append(p.Team, ui.Option{Value: c.ID, Label: label})
	}
	p.People = append([]ui.Option{{Label: l.T("desk.escalate.queue_only")}}, d.Agents...)
	for _, k := range []ticket.LinkKind{ticket.Related, ticket.Duplicate, ticket.Parent, ticket.CausedBy} {
		p.LinkKinds = append(p.LinkKinds, ui.Option{Value: string(k), Label: l.T("ticket.link." + string(k))})
	}
	p.Known, p.Leaving = d.known(l), d.leaving(l)
}

// distance orders levels by how likely a ticket of level from goes there: up, then beside, then down.
func distance(to, from int) int {
	if to > from {
		return to - from
	}
	return 10 + from - to
}

// known is the summary with which a handover begins: what it is about, for whom, and the last notes.
func (d dossier) known(l i18n.Loc) string {
	lines := []string{d.t.Subject}
	if c := d.tree.Title(d.t.CategoryID, string(l.Lang)); c != "" {
		lines = append(lines, l.T("desk.known.category", "category", c))
	}
	who := d.t.Requester
	if d.t.Site != "" {
		who += ", " + d.t.Site
	}
	lines = append(lines, l.T("desk.known.requester", "who", who))
	var notes []string
	for i := len(d.messages) - 1; i >= 0 && len(notes) < 2; i-- {
		if m := d.messages[i]; m.Visibility == ticket.Internal {
			notes = append([]string{l.T("desk.known.note", "text", excerpt(m.Body))}, notes...)
		}
	}
	return strings.Join(append(lines, notes...), "\n")
}

// leaving tells what goes along with a handover without anybody typing it.
func (d dossier) leaving(l i18n.Loc) []string {
	files := 0
	for _, m := range d.messages {
		files += len(m.Attachments)
	}
	out := []string{l.N("desk.escalate.messages", int64(len(d.messages)))}
	if files > 0 {
		out = append(out, l.N("desk.escalate.files", int64(files)))
	}
	if n := len(d.links); n > 0 {
		out = append(out, l.N("desk.escalate.links", int64(n)))
	}
	return out
}
