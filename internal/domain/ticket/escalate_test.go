package ticket_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/domain/ticket"
)

var handover = ticket.Handover{Tried: "Redémarrage", Known: "Depuis lundi", Asked: "Vérifier le pare-feu"}

func (h *house) escalate(a auth.Actor, id string, p ticket.Pass) error {
	return h.try(func(ctx context.Context, tx *db.Tx) error {
		_, _, err := ticket.Escalate(ctx, tx, a, id, p)
		return err
	})
}

func TestEscalateNeedsAHandover(t *testing.T) {
	for name, c := range map[string]struct {
		p      ticket.Pass
		want   error
		fields []string
	}{
		"nothing said":        {ticket.Pass{Level: 2}, errs.Invalid, []string{"reason", "handover.tried", "handover.known", "handover.asked"}},
		"one part missing":    {ticket.Pass{Level: 2, Reason: "Réseau", Handover: ticket.Handover{Tried: "x", Known: " \n ", Asked: "y"}}, errs.Invalid, []string{"handover.known"}},
		"too long":            {ticket.Pass{Level: 2, Reason: strings.Repeat("é", ticket.MaxReason+1), Handover: handover}, errs.Invalid, []string{"reason"}},
		"level without queue": {ticket.Pass{Level: 3, Reason: "x", Handover: handover}, errs.Invalid, []string{"level"}},
		"the same level":      {ticket.Pass{Level: 1, Reason: "x", Handover: handover}, errs.Invalid, []string{"level"}},
		"no such level":       {ticket.Pass{Level: 4, Reason: "x", Handover: handover}, errs.Invalid, []string{"level"}},
		"the same queue":      {ticket.Pass{QueueID: "q1", Reason: "x", Handover: handover}, errs.Invalid, []string{"queue"}},
		"no such queue":       {ticket.Pass{QueueID: "q\x00", Reason: "x", Handover: handover}, errs.Invalid, []string{"queue"}},
		"to who is not there": {ticket.Pass{QueueID: "q2", PersonID: "paul", Reason: "x", Handover: handover}, errs.Invalid, []string{"assignee"}},
		"an old version":      {ticket.Pass{QueueID: "q2", Version: 9, Reason: "x", Handover: handover}, errs.Conflict, nil},
		"well done":           {ticket.Pass{QueueID: "q2", Version: 1, Reason: "x", Handover: handover}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(h *house) {
				x := h.open(ann, draft("Réseau"))
				fails(h.T, h.escalate(paul, x.ID, c.p), c.want, c.fields...)
				if got := h.get(x.ID); (got.QueueID == "q2") != (c.want == nil) {
					h.Errorf("in %s", got.QueueID)
				}
			})
		})
	}
}

func TestUpBackAcrossAndLead(t *testing.T) {
	each(t, func(h *house) {
		x := h.open(ann, draft("Tunnel"))
		up := ticket.Pass{Level: 2, Reason: "C'est le réseau", Handover: handover}
		back := func(a auth.Actor, advice string) error {
			return h.try(func(ctx context.Context, tx *db.Tx) error {
				_, _, err := ticket.Return(ctx, tx, a, x.ID, advice, 0)
				return err
			})
		}
		lead := func(a auth.Actor, reason string) error {
			return h.try(func(ctx context.Context, tx *db.Tx) error {
				_, err := ticket.CallLead(ctx, tx, a, x.ID, reason)
				return err
			})
		}
		h.do(func(ctx context.Context, tx *db.Tx) error { _, err := ticket.Take(ctx, tx, paul, x.ID); return err })
		fails(h.T, h.escalate(nina, x.ID, up), errs.Forbidden)
		fails(h.T, h.escalate(ann, x.ID, up), errs.Forbidden)
		fails(h.T, back(paul, "?"), errs.Conflict)
		fails(h.T, lead(paul, ""), errs.Invalid, "reason")
		fails(h.T, lead(paul, "La direction appelle"), nil)
		h.wait(time.Hour)
		fails(h.T, h.escalate(paul, x.ID, up), nil)
		if got := h.get(x.ID); got.QueueID != "q2" || got.Level != 2 || got.AssigneeID != "" || got.TeamID != "net" || got.Status != ticket.Open {
			h.Errorf("%+v", got)
		}
		fails(h.T, h.escalate(paul, x.ID, up), errs.Forbidden) // it is no longer theirs
		fails(h.T, lead(nina, "Personne"), errs.Conflict)      // the team has no lead
		h.wait(2 * time.Hour)
		fails(h.T, back(nina, " "), errs.Invalid, "advice")
		fails(h.T, back(nina, "Vider le cache DNS"), nil)
		if got := h.get(x.ID); got.QueueID != "q1" || got.AssigneeID != "paul" {
			h.Errorf("returned to %s, %s", got.QueueID, got.AssigneeID)
		}
		fails(h.T, back(paul, "encore"), errs.Conflict)
		h.wait(30 * time.Minute)
		fails(h.T, h.escalate(paul, x.ID, ticket.Pass{QueueID: "qp", PersonID: "rita", Reason: "Personnel", Handover: handover}), nil)
		fails(h.T, h.escalate(rita, x.ID, ticket.Pass{QueueID: "q2"}), errs.Invalid, "reason") // across: no handover, but a reason
		fails(h.T, h.escalate(rita, x.ID, ticket.Pass{QueueID: "q2", Reason: "Pas pour nous"}), nil)
		h.read(func(ctx context.Context, tx *db.Tx) error {
			got := h.get(x.ID)
			all, err := ticket.Escalations(ctx, tx, paul, got)
			if err != nil {
				return err
			}
			var ways []ticket.Way
			for _, e := range all {
				ways = append(ways, e.Way)
			}
			same(h.T, "ways", ways, []ticket.Way{ticket.ToLead, ticket.Up, ticket.Back, ticket.Up, ticket.Across})
			if e := all[1]; e.Handover != handover || e.FromQueue != "Accueil" || e.ToQueue != "Réseau" || e.By != "Paul Petit" || e.At != noon.Add(time.Hour) {
				h.Errorf("%+v", e)
			}
			if all[0].ToPersonID != "pat" || all[2].Advice != "Vider le cache DNS" || all[3].ToPerson != "Rita Blanc" {
				h.Errorf("%+v", all)
			}
			stays, err := ticket.Stays(ctx, tx, got)
			var where []string
			var spent []time.Duration
			for _, s := range stays {
				where, spent = append(where, s.QueueID), append(spent, s.Spent)
			}
			same(h.T, "stays", where, []string{"q1", "q2", "q1", "qp", "q2"})
			same(h.T, "spent", spent, []time.Duration{time.Hour, 2 * time.Hour, 30 * time.Minute, 0, 0})
			if !stays[4].Left.IsZero() || stays[3].Left.IsZero() {
				h.Errorf("%+v", stays)
			}
			return err
		})
		for _, e := range h.history(ann, x.ID) {
			switch e.Kind {
			case "ticket.escalated", "ticket.returned":
				if e.Data.Why != "" || e.Data.Person != "" || len(e.Data.Extra) != 3 || e.Data.Extra["from_level"] == "" {
					h.Errorf("the requester reads %+v", e.Data)
				}
			}
		}
		if all := h.history(nina, x.ID); all[3].Data.Why != "C'est le réseau" || all[3].Data.Extra["to_queue"] != "Réseau" {
			h.Errorf("%+v", all)
		}
	})
}

func TestReturnToWhoLeft(t *testing.T) {
	each(t, func(h *house) {
		x := h.open(ann, draft("Retour"))
		fails(h.T, h.escalate(paul, x.ID, ticket.Pass{QueueID: "q2", Reason: "x", Handover: handover}), nil)
		h.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, "DELETE FROM team_member WHERE person_id = 'paul'")
			return err
		})
		h.do(func(ctx context.Context, tx *db.Tx) error {
			_, _, err := ticket.Return(ctx, tx, nina, x.ID, "Voir le câble", 0)
			return err
		})
		if got := h.get(x.ID); got.QueueID != "q1" || got.AssigneeID != "" {
			h.Errorf("%+v", got)
		}
		h.end(pat, x.ID)
		fails(h.T, h.escalate(pat, x.ID, ticket.Pass{QueueID: "q2", Reason: "x", Handover: handover}), errs.Conflict)
	})
}
