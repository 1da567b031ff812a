package api

import (
	"context"
	"net/http"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/domain/ticket"
)

type messageJSON struct {
	ID          string           `json:"id"`
	Visibility  string           `json:"visibility" enum:"public,internal" example:"public" doc:"internal = a note between agents."`
	Channel     string           `json:"channel" enum:"portal,mail,chat,phone,api" example:"api"`
	ByAgent     bool             `json:"by_agent" doc:"The desk speaks."`
	Author      *namedJSON       `json:"author" doc:"null = the machine."`
	Body        string           `json:"body" doc:"Markdown."`
	HTML        *string          `json:"html" doc:"Sanitised, when the sender wrote HTML; else null."`
	HeldUntil   *time.Time       `json:"held_until" doc:"A reply of the caller that can still be taken back leaves then."`
	MovedFrom   *string          `json:"moved_from" doc:"Id of the ticket it stood on before a merge or split."`
	CreatedAt   time.Time        `json:"created_at"`
	Attachments []attachmentJSON `json:"attachments" nullable:"false"`
}

func showMessage(m ticket.Message) messageJSON {
	j := messageJSON{ID: m.ID, Visibility: string(m.Visibility), Channel: string(m.Channel), ByAgent: m.ByAgent, Body: m.Body,
		HTML: textOrNull(m.HTML), HeldUntil: orNull(m.HeldUntil), MovedFrom: textOrNull(m.MovedFrom), CreatedAt: m.CreatedAt.UTC(),
		Attachments: []attachmentJSON{}}
	if m.AuthorID != "" {
		j.Author = &namedJSON{m.AuthorID, m.Author}
	}
	for _, f := range m.Attachments {
		j.Attachments = append(j.Attachments, showAttachment(f))
	}
	return j
}

type ofTicketIn struct {
	Identified
	Paged
}

func (s *server) messageRoutes() {
	get(s, s.op(http.MethodGet, "/tickets/{id}/messages", "list-messages", "tickets:read", "tickets"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *ofTicketIn) (out list[messageJSON], err error) {
			t, err := ticket.Find(ctx, tx, a, in.ID)
			if err != nil {
				return out, err
			}
			all, err := ticket.Conversation(ctx, tx, a, t)
			items := make([]messageJSON, len(all))
			for i, m := range all {
				items[i] = showMessage(m)
			}
			return window(items, func(m messageJSON) string { return m.ID }, in.Paged), err
		})
	add := s.op(http.MethodPost, "/tickets/{id}/messages", "add-message", "tickets:write", "tickets")
	add.DefaultStatus = http.StatusCreated
	act[newMessageIn, messageJSON](s, add, addMessage)
}

type newMessageIn struct {
	Keyed
	Identified
	Body struct {
		Body        string   `json:"body" minLength:"1" maxLength:"100000" example:"Nous regardons. Le VPN répond-il depuis le réseau fixe ?" doc:"Markdown."`
		Visibility  string   `json:"visibility,omitempty" enum:"public,internal" doc:"public unless given; only agents write internal notes."`
		Attachments []string `json:"attachments,omitempty" nullable:"false" maxItems:"50" doc:"Ids of files sent to /attachments before."`
	}
}

// addMessage says something on a ticket, or on the one it was merged into.
func addMessage(ctx context.Context, tx *db.Tx, a auth.Actor, in *newMessageIn) (reply, error) {
	t, err := ticket.Follow(ctx, tx, a, in.ID)
	if err != nil {
		return reply{}, err
	}
	say := ticket.Say{Draught: ticket.Draught{Body: in.Body.Body, Attachments: in.Body.Attachments}, Channel: ticket.API}
	var m ticket.Message
	if in.Body.Visibility == string(ticket.Internal) {
		m, err = ticket.Note(ctx, tx, a, t.ID, say)
	} else {
		m, err = ticket.Reply(ctx, tx, a, t.ID, say)
	}
	if err != nil {
		return reply{}, err
	}
	m, err = ticket.FindMessage(ctx, tx, a, m.ID)
	return reply{status: http.StatusCreated, value: showMessage(m)}, err
}
