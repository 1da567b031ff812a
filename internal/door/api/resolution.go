package api

import (
	"context"
	"net/http"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/domain/ticket"
)

type resolveIn struct {
	Identified
	Body struct {
		Body        string   `json:"body,omitempty" maxLength:"100000" example:"Le certificat de la passerelle est renouvelé, la connexion tient." doc:"Markdown, told to the requester; nothing more to say unless given."`
		Cause       string   `json:"cause,omitempty" maxLength:"5000" example:"Certificat expiré" doc:"For the desk."`
		Attachments []string `json:"attachments,omitempty" nullable:"false" maxItems:"50"`
		Version     int64    `json:"version,omitempty" minimum:"1" doc:"Of the ticket as you read it."`
	}
}

type reopenIn struct {
	Identified
	Why  string `query:"why" required:"false" maxLength:"5000" doc:"For clients that send no body with DELETE."`
	Body *struct {
		Why string `json:"why,omitempty" maxLength:"5000" example:"La panne est revenue ce matin."`
	}
}

type rateIn struct {
	Identified
	Body struct {
		Score   string `json:"score" enum:"good,neutral,bad" example:"good"`
		Comment string `json:"comment,omitempty" maxLength:"5000"`
	}
}

func (s *server) resolutionRoutes() {
	act[resolveIn, ticketJSON](s, s.op(http.MethodPut, "/tickets/{id}/resolution", "resolve", "tickets:write", "tickets"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *resolveIn) (reply, error) {
			t, err := ticket.Resolve(ctx, tx, a, in.ID, ticket.Resolution{Body: in.Body.Body, Cause: in.Body.Cause,
				Attachments: in.Body.Attachments, Version: in.Body.Version, Channel: ticket.API})
			return s.after(ctx, tx, a, t.ID, err)
		})
	act[reopenIn, ticketJSON](s, s.op(http.MethodDelete, "/tickets/{id}/resolution", "reopen", "tickets:write", "tickets"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *reopenIn) (reply, error) {
			why := in.Why
			if in.Body != nil {
				why = in.Body.Why
			}
			t, err := ticket.Reopen(ctx, tx, a, in.ID, why)
			return s.after(ctx, tx, a, t.ID, err)
		})
	do(s, s.op(http.MethodPut, "/tickets/{id}/rating", "rate", "tickets:write", "tickets"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *rateIn) error {
			return ticket.Rate(ctx, tx, a, in.ID, ticket.Rating{Score: in.Body.Score, Comment: in.Body.Comment})
		})
}

// after shows the ticket once a change went well.
func (s *server) after(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	t, err := ticket.Find(ctx, tx, a, ticketID)
	if err != nil {
		return reply{}, err
	}
	return s.told(ctx, tx, a, t)
}
