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
	for _, x := range list {
		if err := t.tell(ctx, tx, x, events, f, choices); err != nil {
			return err
		}
	}
	return nil
}

// tell tells x to one person the way they chose.
func (t Teller) tell(ctx context.Context, tx *db.Tx, x told, events []event.Event, f facts, c notify.Choices) error {
	p := f.people[x.person]
	want := c.For(p.id, x.news.Topic(), p.agent)
	if x.quiet {
		want.Mail = notify.Never
	}
	d := notify.Decide(want, c.Rhythm(p.id), tx.Now, p.zone())
	words := f.words(x, p, events)
	item := notify.Item{Person: p.id, News: x.news, Ref: events[0].Ref, EventID: events[0].ID, Title: f.ticket.Reference() + " · " + f.ticket.Subject,
		Actor: actor(events[0]), Excerpt: words.excerpt, At: events[0].At}
	if d.Inbox && !x.ack && !p.outsider {
		if err := notify.Put(ctx, tx, machine(), item); err != nil {
			return err
		}
	}
	switch {
	case d.Mail == notify.Now && p.email != "":
		return t.post(ctx, tx, x, events, f, words, d)
	case d.Mail == notify.Digest && !x.ack:
		return notify.AddToDigest(ctx, tx, machine(), item)
	}
	return nil
}

// post promises the mail that tells x.
func (t Teller) post(ctx context.Context, tx *db.Tx, x told, events []event.Event, f facts, w words, d notify.Decision) error {
	p, place := f.people[x.person], t.Place()
	l := compose(p.loc, place, story{told: x, ticket: f.ticket, actor: actor(events[0]), body: w.body, files: w.files, survivor: f.survivor, outsider: p.outsider})
	rich, err := l.html()
	if err != nil {
		return err
	}
	thread, err := channel.Thread(ctx, tx, machine(), events[0].Ref, p.email)
	if err != nil {
		return err
	}
	o := channel.Outgoing{MessageID: channel.ThreadID(f.ticket.ID, place.Host()), Recipient: p.email, Subject: l.Subject, Ref: events[0].Ref,
		Message: w.message(), Key: events[0].ID + " " + p.id,
		Content: channel.Content{ToName: p.name, Text: l.text(), HTML: rich, References: thread, Unsubscribe: l.Choose.URL, Auto: "auto-generated"}}
	if len(thread) > 0 {
		o.Content.InReplyTo = thread[len(thread)-1]
	}
	switch {
	case x.ack && f.ticket.Channel == ticket.Mail:
		o.Content.Auto = "auto-replied"
	case len(w.messages) > 0 && events[0].ActorID != "" && !x.ack:
		o.Content.Auto, o.Content.FromName = "", actor(events[0])+" · "+place.name()
	}
	_, _, err = channel.Post(ctx, tx, machine(), o, d.MailAt)
	return err
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
	files    []string // names
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
		for _, a := range m.Attachments {
			w.files = append(w.files, a.Name)
		}
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
