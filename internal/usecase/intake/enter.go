package intake

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/setting"
	"entraide/internal/base/text"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
)

// enter makes a reply or a ticket of m and returns the id of the message that carries it.
func enter(ctx context.Context, tx *db.Tx, m mail) (Result, string, error) {
	p, err := identity.EnsureParticipant(ctx, tx, machine(), m.From.Address, m.From.Name)
	if err != nil {
		return Result{}, "", err
	}
	a, err := actor(ctx, tx, p)
	if err != nil {
		return Result{}, "", err
	}
	named, err := thread(ctx, tx, m)
	if err != nil {
		return Result{}, "", err
	}
	joins, err := mayJoin(ctx, tx, a, named)
	if err != nil {
		return Result{}, "", err
	}
	d, err := upload(ctx, tx, a, i18n.New(p.Lang, p.Zone), m)
	if err != nil {
		return Result{}, "", err
	}
	if joins {
		return reply(ctx, tx, a, named, d, m)
	}
	return open(ctx, tx, a, named, d, m)
}

// actor is what p may by mail: what they may anywhere. Who has no access any more still may ask.
func actor(ctx context.Context, tx *db.Tx, p identity.Person) (auth.Actor, error) {
	a, err := identity.LoadActor(ctx, tx, p.ID)
	if errors.Is(err, errs.NotFound) {
		return auth.Actor{ID: p.ID, Name: p.Name, Email: strings.ToLower(p.Email), Lang: p.Lang, Zone: p.Zone}, nil
	}
	return a, err
}

// thread returns the ticket that m answers or names, merged ones followed; the zero ticket when there is none.
func thread(ctx context.Context, tx *db.Tx, m mail) (ticket.Ticket, error) {
	ids := cited(m.Message)
	ref, err := channel.FindThread(ctx, tx, machine(), ids)
	if err != nil {
		return ticket.Ticket{}, err
	}
	byID, _ := strings.CutPrefix(ref, "ticket/")
	for _, name := range []string{byID, ownRecord(ids), text.Reference(m.Subject)} {
		if name == "" {
			continue
		}
		t, err := ticket.Follow(ctx, tx, machine(), name)
		if err == nil || !errors.Is(err, errs.NotFound) {
			return t, err
		}
	}
	return ticket.Ticket{}, nil
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
func upload(ctx context.Context, tx *db.Tx, a auth.Actor, l i18n.Loc, m mail) (ticket.Draught, error) {
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

func reply(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, d ticket.Draught, m mail) (Result, string, error) {
	said, err := ticket.Reply(ctx, tx, a, t.ID, ticket.Say{Draught: d, Channel: ticket.Mail})
	if err != nil {
		return Result{}, "", err
	}
	return Result{Outcome: Replied, Ref: t.Ref(), Reference: t.Reference()}, said.ID, left(ctx, tx, t, m)
}

// open makes a ticket of m. named is the ticket that m speaks of without joining it, zero if none: the two are linked
// and the desk is told why, so that it can merge them.
func open(ctx context.Context, tx *db.Tx, a auth.Actor, named ticket.Ticket, d ticket.Draught, m mail) (Result, string, error) {
	l := i18n.New(a.Lang, a.Zone)
	t, err := ticket.OpenTicket(ctx, tx, a, ticket.Draft{Subject: subject(l, m.Message), Channel: ticket.Mail, Message: d})
	if err != nil {
		return Result{}, "", err
	}
	r := Result{Outcome: Opened, Ref: t.Ref(), Reference: t.Reference()}
	said, err := ticket.Conversation(ctx, tx, machine(), t)
	if err != nil || len(said) == 0 {
		return r, "", err
	}
	first := said[0].ID
	if named.ID != "" {
		if err := ticket.AddLink(ctx, tx, machine(), t.ID, named.ID, ticket.Related); err != nil {
			return r, first, err
		}
		why := "mail.in.about"
		if _, err := ticket.Find(ctx, tx, a, named.ID); err == nil {
			why = "mail.in.after"
		} else if !errors.Is(err, errs.NotFound) {
			return r, first, err
		}
		if err := note(ctx, tx, t, i18n.Loc{}.T(why, "ref", named.Reference())); err != nil {
			return r, first, err
		}
	}
	return r, first, left(ctx, tx, t, m)
}

// left tells the desk of attachments that were too many; the raw mail keeps them.
func left(ctx context.Context, tx *db.Tx, t ticket.Ticket, m mail) error {
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
