package ticket_test

import (
	"context"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/domain/ticket"
)

func TestSimilar(t *testing.T) {
	each(t, func(h *house) {
		open := func(subject, category string) string {
			d := draft(subject)
			d.CategoryID, d.Channel = category, ticket.Mail
			h.wait(time.Minute)
			return h.open(ann, d).ID
		}
		private := h.private() // "Congé"
		half := open("VPN coupé chez un client", "it")
		open("Écran noir", "vpn")
		open("Le problème avec la demande", "")
		asked := open("Accès VPN coupé depuis Brest !", "vpn")
		all := open("Brest : acces vpn COUPÉ", "")
		sameCategory := open("Brest n'imprime plus", "vpn")
		open("Brest n'imprime plus", "it")
		gone := open("Accès VPN coupé depuis Brest", "vpn")
		fails(h.T, h.merge(theo, gone, all), nil)
		similar := func(a auth.Actor, id string, limit int) (found []ticket.Ticket) {
			h.read(func(ctx context.Context, tx *db.Tx) (err error) {
				found, err = ticket.Similar(ctx, tx, a, h.get(id), limit)
				return err
			})
			return found
		}
		same(h.T, "similar", ids(similar(paul, asked, 10)), []string{all, sameCategory, half})
		same(h.T, "the best", ids(similar(paul, asked, 1)), []string{all})
		if got := similar(ben, asked, 10); len(got) != 0 {
			h.Errorf("a stranger sees %v", ids(got))
		}
		other := h.open(paul, draft("Congé refusé"))
		if got := similar(paul, other.ID, 10); len(got) != 0 {
			h.Errorf("a private one is told: %v", ids(got))
		}
		same(h.T, "for its team", ids(similar(rita, other.ID, 10)), []string{private.ID})
		if got := similar(theo, open("Problème avec la demande", ""), 10); len(got) != 0 {
			h.Errorf("dull words make similar: %v", ids(got))
		}
	})
}
