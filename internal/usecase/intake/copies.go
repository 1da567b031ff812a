package intake

import (
	"context"
	"errors"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/mime"
	"entraide/internal/base/setting"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
)

// Copies says who among the other recipients of a mail follows its ticket.
type Copies string

// The choices.
const (
	CopyKnown Copies = "known" // whom we know: the directory, and who wrote to us before
	CopyAll   Copies = "all"   // everybody, mailing lists included
	CopyNone  Copies = "none"
)

// CopiesKey is the setting that holds the Copies; CopyKnown until somebody chooses, since one mail to everybody must not
// make everybody follow.
const CopiesKey = "mail.copies"

// CheckCopies reads a choice as it is typed.
// Errors: errs.Invalid (copies).
func CheckCopies(s string) (Copies, error) {
	switch c := Copies(s); c {
	case CopyKnown, CopyAll, CopyNone:
		return c, nil
	}
	return "", errs.InvalidField("copies", "mail.copies.choose")
}

// maxCopies is how many people one mail makes follow its ticket at most.
const maxCopies = 20

// others returns the recipients of m besides us and its sender, lower case.
func (m *mail) others() []mime.Address {
	var list []mime.Address
	seen := map[string]bool{strings.ToLower(m.From.Address): true}
	for _, a := range m.own {
		seen[a] = true
	}
	for _, a := range append(append([]mime.Address(nil), m.To...), m.CC...) {
		a.Address = strings.ToLower(a.Address)
		if a.Address == "" || seen[a.Address] || seen[Plain(a.Address)] {
			continue
		}
		seen[a.Address] = true
		list = append(list, a)
	}
	return list
}

// reached returns the addresses that have m already.
func (m *mail) reached() []string {
	var list []string
	for _, a := range m.others() {
		list = append(list, a.Address)
	}
	return list
}

// copies lets the other recipients of m follow t: whoever asks, or works on it, decides who reads along.
func copies(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, m *mail) error {
	others := m.others()
	if len(others) == 0 || m.forged() || m.Auto || !t.Own(a) && !t.AsAgent(a) {
		return nil
	}
	who, err := setting.Get(ctx, tx, CopiesKey, CopyKnown)
	if err != nil || who == CopyNone {
		return err
	}
	var names []string
	for _, o := range others[:min(len(others), maxCopies)] {
		p, err := copied(ctx, tx, who, o)
		if err != nil {
			return err
		}
		if p.ID == "" || p.ID == t.RequesterID {
			continue
		}
		if err := ticket.Watch(ctx, tx, a, t.ID, p.ID); err != nil {
			return err
		}
		names = append(names, p.Name)
	}
	if len(names) > 0 {
		m.step("mail.step.copies", "ref", t.Reference(), "names", strings.Join(names, ", "))
	}
	return nil
}

// copied returns who follows for an address, the zero Person for nobody.
func copied(ctx context.Context, tx *db.Tx, who Copies, o mime.Address) (identity.Person, error) {
	p, err := identity.FindByEmail(ctx, tx, machine(), o.Address)
	switch {
	case errors.Is(err, errs.NotFound) && who == CopyAll && !mime.Unread(o.Address):
		p, err := identity.EnsureParticipant(ctx, tx, machine(), o.Address, o.Name)
		if errors.Is(err, errs.Invalid) { // no address: it keeps no mail away
			return identity.Person{}, nil
		}
		return p, err
	case errors.Is(err, errs.NotFound):
		return identity.Person{}, nil
	case err == nil && !p.Active && !p.External:
		return identity.Person{}, nil // who left
	}
	return p, err
}
