package recipients

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/i18n"
	"entraide/internal/base/mime"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/notify"
	"entraide/internal/domain/ticket"
)

// Teller turns events of tickets into inbox items, promised mails and digest items.
type Teller struct {
	Place func() Place // asked for each piece of news, so that a change holds at once
}

// Reader returns t as a reader of the event log.
func (t Teller) Reader() event.Reader { return event.Reader{Name: Reader, React: t.React} }

// machine is who tells.
func machine() auth.Actor { return auth.System("notify") }

// React tells everybody concerned by e, once: telling again what was told changes nothing.
func (t Teller) React(ctx context.Context, tx *db.Tx, e event.Event) error {
	if system[e.Kind] != "" {
		return t.reactSystem(ctx, tx, e)
	}
	ticketID, ok := strings.CutPrefix(e.Ref, "ticket/")
	if !ok {
		return nil
	}
	all, err := event.Of(ctx, tx, e.Ref, true)
	if err != nil {
		return err
	}
	events := bundle(e, all)
	f, err := load(ctx, tx, ticketID, events)
	if errors.Is(err, errs.NotFound) {
		return nil // erased since: nobody is left to tell
	}
	if err != nil {
		return err
	}
	list := plan(events, f)
	ids := make([]string, len(list))
	for i, x := range list {
		ids[i] = x.person
	}
	choices, err := notify.ChoicesOf(ctx, tx, machine(), ids)
	if err != nil {
		return err
	}
	var m *mailing // read once, and only if somebody is told by mail
	for _, x := range list {
		mails := func() (*mailing, error) {
			if m == nil {
				read, err := t.mailing(ctx, tx, f.ticket)
				if err != nil {
					return nil, err
				}
				m = &read
			}
			return m, nil
		}
		if err := t.tell(ctx, tx, news{x, events, f, mails}, choices); err != nil {
			return err
		}
	}
	return nil
}

// news is one piece of news on its way to one person.
type news struct {
	told
	events []event.Event
	facts  facts
	mails  func() (*mailing, error)
}

// tell tells x to one person the way they chose.
func (t Teller) tell(ctx context.Context, tx *db.Tx, x news, c notify.Choices) error {
	f, events := x.facts, x.events
	p := f.people[x.person]
	want := c.For(p.id, x.told.news.Topic(), p.agent)
	if x.quiet {
		want.Mail = notify.Never
	}
	d := notify.Decide(want, c.Rhythm(p.id), tx.Now, p.zone())
	words := f.words(x.told, p, events)
	item := notify.Item{Person: p.id, News: x.told.news, Ref: events[0].Ref, EventID: events[0].ID, Title: f.ticket.Reference() + " · " + f.ticket.Subject,
		Actor: actor(events[0]), Excerpt: words.excerpt, At: events[0].At}
	if d.Inbox && !x.ack && !p.outsider {
		if err := notify.Put(ctx, tx, machine(), item); err != nil {
			return err
		}
	}
	switch {
	case d.Mail == notify.Now && reached(events, p.email):
		return nil // they were among the recipients of the mail that this is about
	case d.Mail == notify.Now && p.email != "":
		return t.post(ctx, tx, x, words, d)
	case d.Mail == notify.Now && words.message() != "" && x.told.news.Topic() == notify.Own:
		return channel.NoAddress(ctx, tx, machine(), channel.Outgoing{Subject: subject(f.ticket), Ref: events[0].Ref, Message: words.message(), Key: events[0].ID + " " + p.id})
	case d.Mail == notify.Digest && !x.ack:
		return notify.AddToDigest(ctx, tx, machine(), item)
	}
	return nil
}

// post promises the mail that tells x.
func (t Teller) post(ctx context.Context, tx *db.Tx, x news, w words, d notify.Decision) error {
	f, first := x.facts, x.events[0]
	p := f.people[x.person]
	if x.ack {
		quiet, err := channel.Quiet(ctx, tx, machine(), first.Ref)
		if err != nil || quiet || mime.Unread(p.email) {
			return err
		}
	}
	m, err := x.mails()
	if err != nil {
		return err
	}
	inside := p.internal && kindOf(x.told) == "" && !f.public(w)
	s := story{told: x.told, inside: inside, ticket: f.ticket, actor: actor(first), recipient: p.name, body: w.body, files: w.files, survivor: f.survivor, outsider: p.outsider}
	if kind := kindOf(x.told); kind == Reply || kind == Pending || kind == Resolved {
		if s.before, err = m.before(ctx, tx, f.ticket, w.message()); err != nil {
			return err
		}
	}
	if p.stranger && m.box.Lang != "" {
		p.loc.Lang = i18n.New(m.box.Lang, "").Lang
	}
	l, files := m.compose(p.loc, s)
	rich, err := l.html()
	if err != nil {
		return err
	}
	thread, err := channel.References(ctx, tx, machine(), first.Ref, p.email)
	if err != nil {
		return err
	}
	o := channel.Outgoing{MessageID: channel.ThreadID(f.ticket.ID, m.place.Host()), Recipient: p.email, Subject: l.Subject, Ref: first.Ref,
		Message: w.message(), Key: first.ID + " " + p.id, MailboxID: m.box.ID,
		Content: channel.Content{ToName: p.name, Text: l.text(), HTML: rich, References: thread, Auto: "auto-generated", Files: files}}
	if len(thread) > 0 {
		o.Content.InReplyTo = thread[len(thread)-1]
	}
	if m.box.ID != "" {
		what := channel.ReplyTicket
		if inside {
			what = channel.ReplyNote
		}
		if o.Content.ReplyTo, err = channel.ReplyTo(ctx, tx, machine(), m.box, what, f.ticket.ID); err != nil {
			return err
		}
	}
	switch {
	case x.ack && f.ticket.Channel == ticket.Mail:
		o.Content.Auto = "auto-replied"
	case len(w.messages) > 0 && first.ActorID != "" && !x.ack:
		o.Content.Auto, o.Content.FromName = "", m.sender(actor(first))
	}
	_, _, err = channel.Post(ctx, tx, machine(), o, d.MailAt)
	return err
}

// reached reports whether what happened came to address by itself.
func reached(events []event.Event, address string) bool {
	return address != "" && slices.ContainsFunc(events, func(e event.Event) bool {
		return slices.Contains(strings.Split(e.Data.Extra[ticket.Reached], "\n"), strings.ToLower(address))
	})
}

// public reports whether w tells messages, all of which the requester reads as well.
func (f facts) public(w words) bool {
	return len(w.messages) > 0 && !slices.ContainsFunc(w.messages, func(id string) bool { return f.messages[id].Visibility == ticket.Internal })
}

// actor is the name of who did it, "" for the machine, whose own reasons are for logs.
func actor(e event.Event) string {
	if e.ActorID == "" {
		return ""
	}
	return e.Actor
}

// words is what is told beyond the bare fact.
type words struct {
	messages []string // ids of the ticket messages told
	body     string   // Markdown
	files    []ticket.Attachment
	excerpt  string
}

// words picks what p may read of what happened: the messages, else the reason that somebody gave. What changed in the
// desk's levels is put in the requester's own words.
func (f facts) words(x told, p person, events []event.Event) words {
	if x.news == "own.level" {
		return words{excerpt: level(p.loc, events)}
	}
	var w words
	if x.ack {
		return w // who asked knows what they wrote
	}
	for _, e := range events {
		m, ok := f.messages[e.Data.Message]
		if !ok || m.Visibility == ticket.Internal && !p.internal || slices.Contains(w.messages, m.ID) {
			continue
		}
		w.messages = append(w.messages, m.ID)
		w.add(m.Body)
		w.files = append(w.files, m.Attachments...)
	}
	for _, e := range events {
		if w.body == "" && (p.internal || !e.Internal && e.Kind != "ticket.escalated" && e.Kind != "ticket.returned") {
			w.add(e.Data.Why)
		}
	}
	w.excerpt = w.body
	return w
}

// message is the id of the first message told, "" = none.
func (w words) message() string {
	if len(w.messages) == 0 {
		return ""
	}
	return w.messages[0]
}

func (w *words) add(body string) {
	if w.body != "" && body != "" {
		w.body += "\n\n"
	}
	w.body += body
}

// level says in plain words where a request went.
func level(l i18n.Loc, events []event.Event) string {
	for _, e := range events {
		switch {
		case e.Kind == "ticket.returned":
			return l.T("notify.level_back")
		case e.Kind == "ticket.escalated" && e.Data.Extra["way"] == "across":
			return l.T("notify.level_across")
		case e.Kind == "ticket.escalated":
			n, err := strconv.Atoi(e.Data.Extra["to_level"])
			if err != nil {
				return l.T("notify.level_across")
			}
			return l.T("notify.level_up", "level", n)
		}
	}
	return ""
}
