// Package consult asks third parties – a supplier, a colleague without an account – about a ticket, by mail. Question
// and answers stay inside the desk: an internal note each. The third party reads what the agent wrote and chose, and
// nothing else; whoever made the request learns nothing of it.
package consult

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/recipients"
)

// Question is what an agent asks a third party.
type Question struct {
	TicketID string
	Address  string   // of the third party
	Name     string   // of the third party; "" = unknown
	Lang     string   // in which the mail is framed, "fr" or "en"; "" = the agent's
	Body     string   // Markdown
	Uploads  []string // ids of files that the agent just uploaded
	Files    []string // ids of files of the ticket to send along
	Quote    []string // ids of messages of the ticket to show below the question; notes only if they are named here
	Wait     bool     // the ticket waits for the third party from now on
}

// Ask keeps q as an internal note on the ticket and promises the mail that asks it. Answers come back to the ticket as
// notes, by the reply address and the message id of the mail.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict as ticket.MayWork; errs.Invalid (address, body, attachments, quote).
func Ask(ctx context.Context, tx *db.Tx, a auth.Actor, place recipients.Place, q Question) (ticket.Message, error) {
	t, err := ticket.Find(ctx, tx, a, q.TicketID)
	if err != nil {
		return ticket.Message{}, err
	}
	if err := t.MayWork(a); err != nil {
		return ticket.Message{}, err
	}
	if err := check(ctx, tx, a, t, q); err != nil {
		return ticket.Message{}, err
	}
	f := recipients.Forward{Ticket: t, Agent: a.Name, ToName: text.Line(q.Name), Lang: q.Lang, Body: q.Body}
	if f.Lang == "" {
		f.Lang = a.Lang
	}
	if f.Quotes, err = quotes(ctx, tx, a, t, q.Quote); err != nil {
		return ticket.Message{}, err
	}
	x, err := channel.OpenExchange(ctx, tx, a, t.Ref(), q.Address, q.Name)
	if err != nil {
		return ticket.Message{}, err
	}
	note, err := keep(ctx, tx, a, x, q)
	if err != nil {
		return note, err
	}
	if f.Files, err = files(ctx, tx, a, t, q.Files, note.Attachments); err != nil {
		return note, err
	}
	if err := post(ctx, tx, a, place, x, f, note.ID); err != nil {
		return note, err
	}
	if q.Wait && t.Status != ticket.Pending {
		_, err = ticket.Pend(ctx, tx, a, t.ID, ticket.OnThirdParty, time.Time{}, 0)
	}
	return note, err
}

// machine is who promises the mail.
func machine() auth.Actor { return auth.System("consult") }

// check says what keeps q from being asked.
func check(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, q Question) error {
	var wrong []errs.Field
	say := func(field, key string, args ...any) {
		wrong = append(wrong, errs.Field{Name: field, Key: key, Args: args})
	}
	if strings.TrimSpace(q.Body) == "" {
		say("body", "mailout.consult.body")
	}
	boxes, err := channel.Mailboxes(ctx, tx, machine())
	if err != nil {
		return err
	}
	address := strings.ToLower(strings.TrimSpace(q.Address))
	for _, m := range boxes {
		if slices.Contains(m.Addresses(), withoutTag(address)) {
			say("address", "mailout.consult.own")
		}
	}
	if address != "" && address == strings.ToLower(t.Email) {
		say("address", "mailout.consult.requester", "name", t.Requester)
	}
	x, dead, err := channel.Dead(ctx, tx, a, address)
	if err != nil {
		return err
	}
	if dead {
		say("address", "mailout.consult.dead", "words", x.Words)
	}
	return errs.InvalidFields(wrong)
}

// withoutTag leaves out what stands between a plus sign and the host.
func withoutTag(address string) string {
	local, host, _ := strings.Cut(address, "@")
	local, _, _ = strings.Cut(local, "+")
	return local + "@" + host
}

// quotes returns the messages of the ticket that the agent chose, the latest first.
func quotes(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, chosen []string) ([]ticket.Message, error) {
	if len(chosen) == 0 {
		return nil, nil
	}
	all, err := ticket.Conversation(ctx, tx, a, t)
	if err != nil {
		return nil, err
	}
	var list []ticket.Message
	for _, m := range slices.Backward(all) {
		if slices.Contains(chosen, m.ID) {
			list = append(list, m)
		}
	}
	if len(list) < len(chosen) {
		return nil, errs.InvalidField("quote", "mailout.consult.quote")
	}
	return list, nil
}

// keep writes the question down for the desk.
func keep(ctx context.Context, tx *db.Tx, a auth.Actor, x channel.Exchange, q Question) (ticket.Message, error) {
	who := x.Address
	if x.Name != "" {
		who = x.Name + " (" + x.Address + ")"
	}
	body := i18n.New(a.Lang, a.Zone).T("mailout.consult.note", "who", who) + "\n\n" + q.Body
	note, err := ticket.Note(ctx, tx, a, q.TicketID, ticket.Say{Draught: ticket.Draught{Body: body, Attachments: q.Uploads}, Channel: ticket.Mail})
	if err != nil || len(q.Uploads) == 0 {
		return note, err
	}
	return ticket.FindMessage(ctx, tx, a, note.ID)
}

// files gathers what the mail carries: the new uploads, and files of the ticket. The third party cannot open a page of
// ours, so all of it must fit.
func files(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, chosen []string, uploads []ticket.Attachment) ([]ticket.Attachment, error) {
	list := slices.Clone(uploads)
	for _, c := range chosen {
		f, err := ticket.FindAttachment(ctx, tx, a, c)
		if err != nil || f.TicketID != t.ID {
			return nil, errs.InvalidField("attachments", "mailout.consult.file")
		}
		list = append(list, f)
	}
	var size int64
	for _, f := range list {
		size += f.Size
	}
	if size > recipients.MaxCarried {
		return nil, errs.InvalidField("attachments", "mailout.consult.heavy", "max", i18n.New(a.Lang, a.Zone).Size(recipients.MaxCarried))
	}
	return list, nil
}

// post promises the mail.
func post(ctx context.Context, tx *db.Tx, a auth.Actor, place recipients.Place, x channel.Exchange, f recipients.Forward, note string) error {
	teller := recipients.Teller{Place: func() recipients.Place { return place }}
	subject, c, box, err := teller.Forward(ctx, tx, f)
	if err != nil {
		return err
	}
	if c.References, err = channel.ExchangeThread(ctx, tx, a, x.ID); err != nil {
		return err
	}
	if n := len(c.References); n > 0 {
		c.InReplyTo = c.References[n-1]
	}
	if box.ID != "" {
		if c.ReplyTo, err = channel.ReplyTo(ctx, tx, machine(), box, channel.ReplyExchange, x.ID); err != nil {
			return err
		}
	}
	_, _, err = channel.Post(ctx, tx, machine(), channel.Outgoing{MessageID: channel.ExchangeMessageID(x.ID, place.Host()), Recipient: x.Address,
		Subject: subject, Ref: x.Ref, Message: note, Key: "consult " + note, Content: c, MailboxID: box.ID, Exchange: x.ID}, tx.Now)
	if err != nil {
		return fmt.Errorf("ask %s: %w", x.Address, err)
	}
	return nil
}
