package api

import (
	"context"
	"net/http"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/domain/ticket"
)

type handoverJSON struct {
	Tried string `json:"tried" maxLength:"5000" example:"Redémarrage, autre réseau, réinstallation du client." doc:"What was tried."`
	Known string `json:"known" maxLength:"5000" example:"Le certificat est à jour ; la passerelle coupe après 30 s." doc:"What is known."`
	Asked string `json:"asked" maxLength:"5000" example:"Lire le journal de la passerelle à 9 h 44." doc:"What is asked of the next level."`
}

type escalationJSON struct {
	ID        string       `json:"id"`
	Way       string       `json:"way" enum:"up,across,back,lead" example:"up" doc:"To a higher level, to another team, handed back, or a lead was told."`
	FromQueue namedJSON    `json:"from_queue"`
	ToQueue   namedJSON    `json:"to_queue"`
	FromLevel int          `json:"from_level" example:"1"`
	ToLevel   int          `json:"to_level" example:"2"`
	ToPerson  *namedJSON   `json:"to_person" doc:"The lead told, or who it was given to; null = nobody by name."`
	Reason    string       `json:"reason"`
	Handover  handoverJSON `json:"handover"`
	Advice    string       `json:"advice,omitempty" doc:"Of a return."`
	By        *namedJSON   `json:"by" doc:"Who passed it on; null = the machine."`
	At        time.Time    `json:"at"`
	Ticket    *ticketJSON  `json:"ticket,omitempty" doc:"As it is afterwards."`
}

func namedOrNull(id, name string) *namedJSON {
	if id == "" {
		return nil
	}
	return &namedJSON{id, name}
}

func showEscalation(e ticket.Escalation) escalationJSON {
	return escalationJSON{ID: e.ID, Way: string(e.Way), FromQueue: namedJSON{e.FromQueueID, e.FromQueue}, ToQueue: namedJSON{e.ToQueueID, e.ToQueue},
		FromLevel: e.FromLevel, ToLevel: e.ToLevel, ToPerson: namedOrNull(e.ToPersonID, e.ToPerson), Reason: e.Reason,
		Handover: handoverJSON(e.Handover), Advice: e.Advice, By: namedOrNull(e.ByID, e.By), At: e.At.UTC()}
}

type escalateIn struct {
	Keyed
	Identified
	Body struct {
		Level    int           `json:"level,omitempty" minimum:"1" maximum:"3" example:"2" doc:"Its first open queue; or name a queue."`
		Queue    string        `json:"queue,omitempty" maxLength:"200" doc:"Id or name."`
		Lead     bool          `json:"lead,omitempty" doc:"Tell a lead of the team instead; the ticket stays."`
		Person   string        `json:"person,omitempty" maxLength:"254" doc:"Who gets it there: mail address or id; the queue unless given."`
		Reason   string        `json:"reason" maxLength:"5000" example:"Dépasse nos droits sur la passerelle."`
		Handover *handoverJSON `json:"handover,omitempty" doc:"Needed to go up a level."`
		Version  int64         `json:"version,omitempty" minimum:"1" doc:"Of the ticket as you read it."`
	}
}

type returnIn struct {
	Keyed
	Identified
	Body struct {
		Advice  string `json:"advice" maxLength:"5000" example:"Vérifiez d’abord la date du poste." doc:"What helps next time."`
		Version int64  `json:"version,omitempty" minimum:"1" doc:"Of the ticket as you read it."`
	}
}

func (s *server) escalationRoutes() {
	get(s, s.op(http.MethodGet, "/tickets/{id}/escalations", "list-escalations", "tickets:read", "tickets"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *ofTicketIn) (out list[escalationJSON], err error) {
			t, err := ticket.Find(ctx, tx, a, in.ID)
			if err != nil {
				return out, err
			}
			all, err := ticket.Escalations(ctx, tx, a, t)
			items := make([]escalationJSON, len(all))
			for i, e := range all {
				items[i] = showEscalation(e)
			}
			return window(items, func(e escalationJSON) string { return e.ID }, in.Paged), err
		})
	up := s.op(http.MethodPost, "/tickets/{id}/escalations", "escalate", "tickets:write", "tickets")
	up.DefaultStatus = http.StatusCreated
	act[escalateIn, escalationJSON](s, up, s.escalate)
	back := s.op(http.MethodPost, "/tickets/{id}/return", "return", "tickets:write", "tickets")
	back.DefaultStatus = http.StatusCreated
	act[returnIn, escalationJSON](s, back, func(ctx context.Context, tx *db.Tx, a auth.Actor, in *returnIn) (reply, error) {
		t, e, err := ticket.Return(ctx, tx, a, in.ID, in.Body.Advice, in.Body.Version)
		return s.passed(ctx, tx, a, t, e, err)
	})
}

func (s *server) escalate(ctx context.Context, tx *db.Tx, a auth.Actor, in *escalateIn) (reply, error) {
	b := in.Body
	if b.Lead {
		e, err := ticket.CallLead(ctx, tx, a, in.ID, b.Reason)
		if err != nil {
			return reply{}, err
		}
		t, err := ticket.Find(ctx, tx, a, in.ID)
		return s.passed(ctx, tx, a, t, e, err)
	}
	p := ticket.Pass{Level: b.Level, Reason: b.Reason, Version: b.Version}
	if b.Handover != nil {
		p.Handover = ticket.Handover(*b.Handover)
	}
	if _, err := ticket.Find(ctx, tx, a, in.ID); err != nil { // first: what one may not see does not exist
		return reply{}, err
	}
	var err error
	if b.Queue != "" {
		if p.QueueID, err = s.queue(ctx, tx, a, b.Queue); err != nil {
			return reply{}, err
		}
	}
	if b.Person != "" {
		if p.PersonID, err = person(ctx, tx, a, b.Person, "person"); err != nil {
			return reply{}, err
		}
	}
	t, e, err := ticket.Escalate(ctx, tx, a, in.ID, p)
	return s.passed(ctx, tx, a, t, e, renamed(err, map[string]string{"assignee": "person"}))
}

// passed is the reply that shows an escalation and its ticket.
func (s *server) passed(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, e ticket.Escalation, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	j := showEscalation(e)
	one, err := s.one(ctx, tx, a, t)
	j.Ticket = &one
	return reply{status: http.StatusCreated, header: map[string]string{"ETag": etag(t.Version)}, value: j}, err
}
