package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	known "entraide/internal/domain/problem"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/problems"
)

// problemJSON is what is known of a problem.
type problemJSON struct {
	State      string     `json:"state" enum:"unknown,suspected,known" doc:"How sure one is of the cause."`
	KnownError bool       `json:"known_error" doc:"The cause is known and there is a workaround."`
	Cause      string     `json:"cause" doc:"Markdown."`
	Workaround string     `json:"workaround" doc:"Markdown; what helps meanwhile."`
	Fix        string     `json:"fix" doc:"Markdown; what ends it for good."`
	UpdatedAt  *time.Time `json:"updated_at" doc:"null = nothing was written yet."`
	Version    int64      `json:"version" doc:"To be sent back with a change; 0 = nothing was written yet."`
}

func showProblem(d known.Dossier) problemJSON {
	return problemJSON{State: string(d.State), KnownError: d.Error(), Cause: d.Cause, Workaround: d.Workaround, Fix: d.Fix, UpdatedAt: orNull(d.Updated), Version: d.Version}
}

type knowIn struct {
	Keyed
	Identified
	Body struct {
		State      string `json:"state" enum:"unknown,suspected,known"`
		Cause      string `json:"cause,omitempty" maxLength:"10000" doc:"Markdown; needed unless it is unknown."`
		Workaround string `json:"workaround,omitempty" maxLength:"10000" doc:"Markdown."`
		Fix        string `json:"fix,omitempty" maxLength:"10000" doc:"Markdown."`
		Version    int64  `json:"version" minimum:"0" doc:"As you read it; 0 for the first time."`
	}
}

type groupIn struct {
	Keyed
	Identified
	Body struct {
		Incidents []string `json:"incidents" nullable:"false" minItems:"1" maxItems:"500" example:"[\"INC-1042\"]" doc:"Ids or references."`
	}
}

type endIn struct {
	Keyed
	Identified
	Body struct {
		Body      string    `json:"body,omitempty" maxLength:"100000" example:"La version 4.2.1 est déployée." doc:"Markdown; told to each requester."`
		Cause     string    `json:"cause,omitempty" maxLength:"5000" doc:"For the desk."`
		Incidents *[]string `json:"incidents,omitempty" maxItems:"2000" doc:"Ids or references of the active incidents that end with it; all unless given."`
	}
}

type broadcastIn struct {
	Keyed
	Identified
	Body struct {
		Body string `json:"body" minLength:"1" maxLength:"100000" doc:"Markdown; each requester of an active incident gets it once, as an answer."`
	}
}

type broadcastJSON struct {
	Incidents int `json:"incidents" doc:"How many get it."`
}

func (s *server) problemRoutes() {
	get(s, s.op(http.MethodGet, "/problems/{id}", "get-problem", "tickets:read", "problems"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *ofTicketIn) (problemJSON, error) {
			t, err := problemOfID(ctx, tx, a, in.ID)
			if err != nil {
				return problemJSON{}, err
			}
			d, err := known.Find(ctx, tx, a, t.Ref())
			return showProblem(d), err
		})
	act[knowIn, problemJSON](s, s.op(http.MethodPut, "/problems/{id}", "describe-problem", "tickets:write", "problems"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *knowIn) (reply, error) {
			b := in.Body
			d, err := problems.Save(ctx, tx, a, in.ID, known.Dossier{State: known.State(b.State), Cause: b.Cause, Workaround: b.Workaround, Fix: b.Fix, Version: b.Version})
			return reply{value: showProblem(d)}, err
		})
	get(s, s.op(http.MethodGet, "/problems/{id}/incidents", "list-problem-incidents", "tickets:read", "problems"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *ofTicketIn) (list[ticketJSON], error) {
			return s.incidents(ctx, tx, a, in.ID)
		})
	act[groupIn, list[ticketJSON]](s, s.op(http.MethodPost, "/problems/{id}/incidents", "add-problem-incidents", "tickets:write", "problems"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *groupIn) (reply, error) {
			p, err := problemOfID(ctx, tx, a, in.ID)
			if err != nil {
				return reply{}, err
			}
			for _, x := range in.Body.Incidents {
				if err := ticket.AddLink(ctx, tx, a, x, p.ID, ticket.CausedBy); err != nil {
					return reply{}, err
				}
			}
			all, err := s.incidents(ctx, tx, a, p.ID)
			return reply{value: all}, err
		})
	act[broadcastIn, broadcastJSON](s, s.op(http.MethodPost, "/problems/{id}/broadcasts", "tell-problem-requesters", "tickets:write", "problems"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *broadcastIn) (reply, error) {
			n, err := problems.Tell(ctx, tx, a, in.ID, in.Body.Body)
			return reply{value: broadcastJSON{n}}, err
		})
	act[endIn, ticketJSON](s, s.op(http.MethodPost, "/problems/{id}/resolution", "resolve-problem", "tickets:write", "problems"), s.endProblem)
}

// problemOfID returns a problem. Errors: errs.NotFound, also for a ticket of another type.
func problemOfID(ctx context.Context, tx *db.Tx, a auth.Actor, id string) (ticket.Ticket, error) {
	t, err := ticket.Find(ctx, tx, a, id)
	if err == nil {
		err = t.MayNote(a)
	}
	if err == nil && t.Kind != ticket.Problem {
		err = fmt.Errorf("problem %.40q: %w", id, errs.NotFound)
	}
	return t, err
}

func (s *server) incidents(ctx context.Context, tx *db.Tx, a auth.Actor, id string) (out list[ticketJSON], err error) {
	p, err := problemOfID(ctx, tx, a, id)
	if err != nil {
		return out, err
	}
	links, err := ticket.Links(ctx, tx, a, p)
	if err != nil {
		return out, err
	}
	all, err := s.tickets(ctx, tx, a, problems.Incidents(links))
	return page(all, ""), err
}

func (s *server) endProblem(ctx context.Context, tx *db.Tx, a auth.Actor, in *endIn) (reply, error) {
	p, err := problemOfID(ctx, tx, a, in.ID)
	if err != nil {
		return reply{}, err
	}
	var chosen []string
	if in.Body.Incidents == nil {
		links, err := ticket.Links(ctx, tx, a, p)
		if err != nil {
			return reply{}, err
		}
		for _, x := range problems.Incidents(links) {
			chosen = append(chosen, x.ID)
		}
	} else {
		for _, ref := range *in.Body.Incidents {
			x, err := ticket.Find(ctx, tx, a, ref)
			if err != nil {
				return reply{}, err
			}
			chosen = append(chosen, x.ID)
		}
	}
	p, err = problems.Resolve(ctx, tx, a, p.ID, ticket.Resolution{Body: in.Body.Body, Cause: in.Body.Cause, Channel: ticket.API}, chosen)
	if err != nil {
		return reply{}, err
	}
	j, err := s.one(ctx, tx, a, p)
	return reply{value: j}, err
}
