package intake

import (
	"context"

	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
)

// spoken takes in what we sent ourselves, from an archive: the desk's word on the ticket that it answers, or the first
// word of a ticket of whom we wrote to.
func spoken(ctx context.Context, tx *db.Tx, m *mail) (Result, error) {
	w, err := thread(ctx, tx, m)
	if err != nil {
		return Result{}, err
	}
	d, err := upload(ctx, tx, machine(), i18n.Loc{}, m)
	if err != nil {
		return Result{}, err
	}
	if w.ticket.ID != "" && w.ticket.MayReply(machine()) == nil {
		w.outside = true
		return reply(ctx, tx, machine(), w, d, m)
	}
	others := m.others()
	if len(others) == 0 {
		return settle(ctx, tx, m, channel.Parked, "mail.reason.no_address")
	}
	p, err := identity.EnsureParticipant(ctx, tx, machine(), others[0].Address, others[0].Name)
	if err != nil {
		return Result{}, err
	}
	arrival, err := arrivalQueue(ctx, tx, m)
	if err != nil {
		return Result{}, err
	}
	t, err := ticket.OpenTicket(ctx, tx, machine(), ticket.Draft{Subject: subject(i18n.Loc{}, m.Message), Channel: ticket.Mail, ArrivalID: arrival, RequesterID: p.ID, ByDesk: true, Message: d})
	if err != nil {
		return Result{}, err
	}
	m.step("mail.step.opened", "ref", t.Reference())
	return Result{Outcome: Opened, Ref: t.Ref(), Reference: t.Reference()}, left(ctx, tx, t, m)
}
