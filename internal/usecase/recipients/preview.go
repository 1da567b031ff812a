package recipients

import (
	"context"
	"fmt"
	"slices"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/id"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/notify"
	"entraide/internal/domain/ticket"
)

// KindName is the catalogue key of the name of a template's kind.
func KindName(kind string) string { return "mailout.kind." + kind }

// Preview writes a mail of a kind about an invented ticket, as the template tmpl would have it; an empty part stands
// for the product's own. lang is "fr" or "en". Links lead nowhere, the looks are the organisation's.
// Errors: errs.Forbidden unless a is an administrator, errs.Invalid (kind, subject, body; see CheckTemplate).
func Preview(ctx context.Context, tx *db.Tx, a auth.Actor, kind, lang string, tmpl Template) (subject, html, text string, err error) {
	if !a.Admin() {
		return "", "", "", fmt.Errorf("preview of %s: %w", kind, errs.Forbidden)
	}
	if err := CheckTemplate(kind, tmpl); err != nil {
		return "", "", "", err
	}
	t := Teller{Place: func() Place { return Place{Base: "https://entraide.example"} }}
	box, _, err := channel.MailboxFor(ctx, tx, auth.System("preview"), "", "")
	if err != nil {
		return "", "", "", err
	}
	y, err := t.style(ctx, tx, box)
	if err != nil {
		return "", "", "", err
	}
	l := i18n.New(lang, a.Zone)
	y.templates = Templates{kind: {language(l.Lang): tmpl}}
	x := y.sample(l, kind, tx.Now)
	html, err = x.html()
	return x.Subject, html, x.text(), err
}

// Trial promises the mail that Preview shows to a.
// Errors: as Preview; errs.Invalid when a has no address.
func (t Teller) Trial(ctx context.Context, tx *db.Tx, a auth.Actor, kind, lang string, tmpl Template) error {
	subject, html, text, err := Preview(ctx, tx, a, kind, lang, tmpl)
	if err != nil {
		return err
	}
	box, _, err := channel.MailboxFor(ctx, tx, machine(), "", "")
	if err != nil {
		return err
	}
	_, _, err = channel.Post(ctx, tx, machine(), channel.Outgoing{
		MessageID: channel.ThreadID(a.ID, t.Place().Host()), Recipient: a.Email, Subject: subject, Key: "template " + id.New(), MailboxID: box.ID,
		Content: channel.Content{ToName: a.Name, Text: text, HTML: html, Auto: "auto-generated"}}, tx.Now)
	return err
}

// sample is a letter of a kind about an invented ticket.
func (y style) sample(l i18n.Loc, kind string, now time.Time) letter {
	about := ticket.Ticket{ID: "SAMPLE", Kind: ticket.Incident, Number: 1042, Subject: l.T("mailout.sample.subject"), Requester: "Camille Renaud", QueueName: l.T("mailout.sample.queue")}
	asked := ticket.Message{Author: "Camille Renaud", Body: l.T("mailout.sample.question"), CreatedAt: now.Add(-2 * time.Hour)}
	if kind == Forwarded {
		x, _ := y.forward(l, Forward{Ticket: about, Agent: "Paul Vasseur", ToName: "Sam Keller", Body: l.T("mailout.sample.question")})
		return x
	}
	s := story{told: told{news: newsOf(kind), ack: kind == Acknowledgement}, ticket: about, actor: "Paul Vasseur", recipient: "Camille Renaud"}
	switch kind {
	case Reply, Pending, Resolved:
		s.body, s.before = l.T("mailout.sample.answer"), []ticket.Message{asked}
		s.files = []ticket.Attachment{{ID: "SAMPLE", Name: "vpn.pdf", Size: 48_000, ContentType: "application/pdf"}}
	case Created, Added:
		s.body = asked.Body
	case Merged:
		s.survivor = ticket.Ticket{ID: "OTHER", Kind: ticket.Incident, Number: 1038, Subject: about.Subject}
	}
	x, _ := y.compose(l, s)
	return x
}

// newsOf is a piece of news that the template of a kind tells.
func newsOf(kind string) notify.News {
	own := []string{Pending, Resolved, Reopened, Cancelled, Merged}
	switch {
	case kind == Added:
		return "watched.added"
	case kind == Reply:
		return "own.replied"
	case slices.Contains(own, kind):
		return notify.News("own." + kind)
	}
	return "own.created"
}
