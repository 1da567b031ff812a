package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/mime"
	"entraide/internal/base/setting"
	"entraide/internal/base/text"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
)

// enter makes a reply or a ticket of m.
func enter(ctx context.Context, tx *db.Tx, m *mail) (Result, error) {
	x, err := channel.FindExchange(ctx, tx, machine(), cited(m.Message), m.sentTo())
	if err == nil {
		return consulted(ctx, tx, x, m)
	}
	if !errors.Is(err, errs.NotFound) {
		return Result{}, err
	}
	if m.past && slices.Contains(m.own, Plain(m.From.Address)) {
		return spoken(ctx, tx, m)
	}
	p, err := identity.EnsureParticipant(ctx, tx, machine(), m.From.Address, m.From.Name)
	if err != nil {
		return Result{}, err
	}
	a, err := actor(ctx, tx, p)
	if err != nil {
		return Result{}, err
	}
	if m.forged() && a.Agent() {
		// Whoever wrote this is not proven to be that colleague: they may ask, and nothing else.
		m.step("mail.step.forged", "address", m.From.Address)
		a = auth.Actor{ID: a.ID, Name: a.Name, Email: a.Email, Lang: a.Lang, Zone: a.Zone}
	}
	way, err := thread(ctx, tx, m)
	if err != nil {
		return Result{}, err
	}
	joins, err := mayJoin(ctx, tx, a, way.ticket)
	if err != nil {
		return Result{}, err
	}
	joins = joins && !m.forged()
	d, err := upload(ctx, tx, a, i18n.New(p.Lang, p.Zone), m)
	if err != nil {
		return Result{}, err
	}
	if joins {
		return reply(ctx, tx, a, way, d, m)
	}
	return open(ctx, tx, a, way.ticket, d, m)
}

// consulted puts the answer of a third party on its ticket, as a note: who made the request never reads it.
func consulted(ctx context.Context, tx *db.Tx, x channel.Exchange, m *mail) (Result, error) {
	id, _ := strings.CutPrefix(x.Ref, "ticket/")
	t, err := ticket.Follow(ctx, tx, machine(), id)
	if err != nil {
		return Result{}, err
	}
	l := i18n.Loc{}
	d, err := upload(ctx, tx, machine(), l, m)
	if err != nil {
		return Result{}, err
	}
	who := strings.TrimSpace(m.From.Name + " <" + m.From.Address + ">")
	head := l.T("mail.in.third_party", "who", who)
	if m.forged() {
		head = l.T("mail.in.forged", "address", m.From.Address) + "\n\n" + head
	}
	d.Body = shorten(head + "\n\n" + d.Body)
	d.HTML = "" // the sentence above must stand in front of it
	said, err := ticket.Note(ctx, tx, machine(), t.ID, ticket.Say{Draught: d, Channel: ticket.Mail})
	if err != nil {
		return Result{}, err
	}
	if t.Status == ticket.Pending && t.PendingOn == ticket.OnThirdParty && !m.forged() {
		if _, err := ticket.Resume(ctx, tx, machine(), t.ID, 0); err != nil {
			return Result{}, err
		}
	}
	m.step("mail.step.exchange", "ref", t.Reference(), "address", x.Address)
	if !strings.EqualFold(m.From.Address, x.Address) {
		m.step("mail.step.exchange_other", "address", m.From.Address)
	}
	m.decision.Exchange, m.decision.Message = x.ID, said.ID
	return Result{Outcome: Replied, Ref: t.Ref(), Reference: t.Reference()}, left(ctx, tx, t, m)
}

// actor is what p may by mail: what they may anywhere. Who has no access any more still may ask.
func actor(ctx context.Context, tx *db.Tx, p identity.Person) (auth.Actor, error) {
	a, err := identity.LoadActor(ctx, tx, p.ID)
	if errors.Is(err, errs.NotFound) {
		return auth.Actor{ID: p.ID, Name: p.Name, Email: strings.ToLower(p.Email), Lang: p.Lang, Zone: p.Zone}, nil
	}
	return a, err
}

// way is how a mail leads to a ticket.
type way struct {
	ticket  ticket.Ticket // zero = none
	inside  bool          // it answers what stays inside
	outside bool          // it answers what the requester reads
}

// thread returns the ticket that m answers or names, merged ones followed. What only we can write goes first: our reply
// address, then ids of mails, then the reference that anybody can type.
func thread(ctx context.Context, tx *db.Tx, m *mail) (way, error) {
	ids := cited(m.Message)
	target, err := channel.FindReply(ctx, tx, machine(), m.sentTo())
	if err != nil {
		return way{}, err
	}
	known, err := channel.FindThread(ctx, tx, machine(), ids)
	if err != nil {
		return way{}, err
	}
	byID := "mail.step.by_id"
	if known.Ancestor {
		byID = "mail.step.by_ancestor"
	}
	own, record := ownRecord(ids)
	word := text.Reference(m.Subject)
	for _, clue := range []struct{ step, name, by string }{
		{"mail.step.by_address", strings.TrimPrefix(target.Ref, "ticket/"), target.Address},
		{byID, strings.TrimPrefix(known.Ref, "ticket/"), known.By},
		{"mail.step.by_id", record, own},
		{"mail.step.by_subject", word, word},
	} {
		if clue.name == "" {
			continue
		}
		t, err := ticket.Follow(ctx, tx, machine(), clue.name)
		if errors.Is(err, errs.NotFound) {
			continue
		}
		if err != nil {
			return way{}, err
		}
		m.step(clue.step, "ref", t.Reference(), "by", clue.by)
		w := way{ticket: t, inside: target.Inside, outside: target.Ref != "" && !target.Inside || slices.Contains(m.sentTo(), strings.ToLower(t.Email))}
		return w, w.said(ctx, tx, ids)
	}
	m.step("mail.step.no_thread")
	return way{}, nil
}

// said finds out whether the nearest message among the cited ones stayed inside.
func (w *way) said(ctx context.Context, tx *db.Tx, ids []string) error {
	id, err := channel.CitedMessage(ctx, tx, machine(), ids)
	if err != nil || id == "" {
		return err
	}
	said, err := ticket.FindMessage(ctx, tx, machine(), id)
	if errors.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if said.Visibility == ticket.Internal {
		w.inside = true
	} else {
		w.outside = true
	}
	return nil
}

// mayJoin reports whether a's message goes onto t: they take part in it, and it is not over for them.
func mayJoin(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket) (bool, error) {
	if t.ID == "" {
		return false, nil
	}
	_, err := ticket.Find(ctx, tx, a, t.ID)
	if errors.Is(err, errs.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	policy, err := setting.Get(ctx, tx, ticket.PolicyKey, ticket.DefaultPolicy())
	if err != nil || t.MayReply(a) != nil {
		return false, err
	}
	desk := t.AsAgent(a) && !t.Own(a)
	return desk || t.Status != ticket.Resolved || t.MayReopen(a, policy, tx.Now) == nil, nil
}

// upload records m's files as a's and returns the message that m becomes.
func upload(ctx context.Context, tx *db.Tx, a auth.Actor, l i18n.Loc, m *mail) (ticket.Draught, error) {
	inline := map[string]string{}
	var ids []string
	for _, f := range m.files {
		u, err := ticket.Upload(ctx, tx, a, f)
		if err != nil {
			return ticket.Draught{}, fmt.Errorf("attachment %s: %w", f.Name, err)
		}
		ids = append(ids, u.ID)
		if f.ContentID != "" {
			inline[f.ContentID] = u.ID
		}
	}
	return draught(l, m.Message, inline, ids, m.envelope.Hash), nil
}

// reply puts m on its ticket. What a colleague of the desk answers stays inside, unless their mail is seen to answer what
// the requester reads as well: a note can still be sent, but nothing brings a leak back.
func reply(ctx context.Context, tx *db.Tx, a auth.Actor, w way, d ticket.Draught, m *mail) (Result, error) {
	t := w.ticket
	say, step := ticket.Reply, "mail.step.replied"
	if t.AsAgent(a) && !t.Own(a) && (w.inside || !w.outside) {
		say, step = ticket.Note, "mail.step.noted"
		if !w.inside {
			step = "mail.step.noted_unsure"
		}
	}
	d.Reached = m.reached()
	if step == "mail.step.replied" {
		if err := copies(ctx, tx, a, t, m); err != nil {
			return Result{}, err
		}
	}
	said, err := say(ctx, tx, a, t.ID, ticket.Say{Draught: d, Channel: ticket.Mail})
	if err != nil {
		return Result{}, err
	}
	m.step(step, "ref", t.Reference())
	if d.Quoted != "" {
		m.step("mail.step.cut")
	}
	m.decision.Message = said.ID
	return Result{Outcome: Replied, Ref: t.Ref(), Reference: t.Reference()}, left(ctx, tx, t, m)
}

// open makes a ticket of m. named is the ticket that m speaks of without joining it, zero if none: the two are linked,
// the desk is told why, and asked whether they are one matter when the sender takes no part in named.
func open(ctx context.Context, tx *db.Tx, a auth.Actor, named ticket.Ticket, d ticket.Draught, m *mail) (Result, error) {
	l := i18n.New(a.Lang, a.Zone)
	arrival, err := arrivalQueue(ctx, tx, m)
	if err != nil {
		return Result{}, err
	}
	author, comment, err := onBehalf(ctx, tx, a, m, &d)
	if err != nil {
		return Result{}, err
	}
	d.Reached = m.reached()
	t, err := ticket.OpenTicket(ctx, tx, a, ticket.Draft{Subject: subject(l, m.Message), Channel: ticket.Mail, ArrivalID: arrival, RequesterID: author.ID, Message: d})
	if err != nil {
		return Result{}, err
	}
	if author.ID != "" {
		m.step("mail.step.behalf", "name", author.Name, "address", author.Email, "agent", a.Name)
		if err := note(ctx, tx, t, shorten(strings.TrimSpace(i18n.Loc{}.T("mail.in.behalf", "agent", a.Name)+"\n\n"+comment))); err != nil {
			return Result{}, err
		}
	}
	if err := copies(ctx, tx, a, t, m); err != nil {
		return Result{}, err
	}
	r := Result{Outcome: Opened, Ref: t.Ref(), Reference: t.Reference()}
	m.step("mail.step.opened", "ref", t.Reference())
	said, err := ticket.Conversation(ctx, tx, machine(), t)
	if err != nil || len(said) == 0 {
		return r, err
	}
	m.decision.Message = said[0].ID
	if m.forged() {
		if err := note(ctx, tx, t, i18n.Loc{}.T("mail.in.forged", "address", m.From.Address)); err != nil {
			return r, err
		}
	}
	if named.ID != "" {
		if err := ticket.AddLink(ctx, tx, machine(), t.ID, named.ID, ticket.Related); err != nil {
			return r, err
		}
		why := "mail.in.about"
		if _, err := ticket.Find(ctx, tx, a, named.ID); err == nil && !m.forged() {
			why = "mail.in.after"
			m.step("mail.step.over", "ref", named.Reference())
		} else if err != nil && !errors.Is(err, errs.NotFound) {
			return r, err
		} else {
			m.step("mail.step.stranger", "ref", named.Reference())
			m.decision.Suggest = named.Ref()
		}
		if err := note(ctx, tx, t, i18n.Loc{}.T(why, "ref", named.Reference())); err != nil {
			return r, err
		}
	}
	return r, left(ctx, tx, t, m)
}

// onBehalf returns who wrote the mail that a colleague of the desk forwards: they ask, not the colleague. d becomes what
// they wrote; what the colleague wrote above is returned apart, since it was meant for the desk. The zero Person when m
// is no such mail.
func onBehalf(ctx context.Context, tx *db.Tx, a auth.Actor, m *mail, d *ticket.Draught) (p identity.Person, comment string, err error) {
	if !a.Agent() || !text.Forwarded(m.Subject) {
		return p, "", nil
	}
	f, ok := passedOn(m)
	if !ok || mime.Unread(f.Address) || slices.Contains(m.own, Plain(f.Address)) {
		return p, "", nil
	}
	p, err = identity.EnsureParticipant(ctx, tx, machine(), f.Address, f.Name)
	if errors.Is(err, errs.Invalid) || err == nil && p.ID == a.ID {
		return identity.Person{}, "", nil
	}
	d.HTML = "" // it holds both
	d.Body = shorten(f.Body)
	if d.Body == "" {
		d.Body = i18n.New(p.Lang, p.Zone).T("mail.in.no_text")
	}
	return p, f.Comment, err
}

// passedOn takes a forwarded mail apart: one whose text stands below a head in the text, or the only mail that is attached
// as a file.
func passedOn(m *mail) (f text.Forward, ok bool) {
	if f, ok = text.Unforward(m.Text); ok {
		return f, true
	}
	at := slices.IndexFunc(m.Attachments, func(a mime.Attachment) bool { return a.ContentType == "message/rfc822" })
	if at < 0 || slices.ContainsFunc(m.Attachments[at+1:], func(a mime.Attachment) bool { return a.ContentType == "message/rfc822" }) {
		return f, false
	}
	inner, err := mime.Parse(bytes.NewReader(m.Attachments[at].Data), 0)
	if err != nil || inner.From.Address == "" {
		return f, false // it is a file like any other
	}
	return text.Forward{Name: inner.From.Name, Address: inner.From.Address, Comment: strings.TrimSpace(m.ReplyText), Body: inner.ReplyText}, true
}

// left tells the desk of attachments that were too many; the raw mail keeps them.
func left(ctx context.Context, tx *db.Tx, t ticket.Ticket, m *mail) error {
	if m.left == 0 {
		return nil
	}
	return note(ctx, tx, t, i18n.Loc{}.N("mail.in.files_left", int64(m.left)))
}

// note writes for the desk, in the organisation's language.
func note(ctx context.Context, tx *db.Tx, t ticket.Ticket, body string) error {
	_, err := ticket.Note(ctx, tx, machine(), t.ID, ticket.Say{Draught: ticket.Draught{Body: body}, Channel: ticket.Mail})
	return err
}
