package api

import (
	"context"
	"slices"
	"strconv"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
)

type ticketJSON struct {
	ID           string         `json:"id" example:"01JD8Z5K3M9Q2W4E6R8T0Y1U2I" doc:"Identifier, 26 characters; never changes."`
	Reference    string         `json:"reference" example:"INC-1042" doc:"What people say; accepted wherever an id is."`
	Type         string         `json:"type" enum:"incident,request,problem" example:"incident"`
	Subject      string         `json:"subject" example:"Plus d’accès au VPN depuis ce matin"`
	Status       string         `json:"status" enum:"new,open,pending,resolved,closed,cancelled" example:"open"`
	PendingOn    *string        `json:"pending_on" enum:"requester,third_party,date" doc:"What a pending ticket waits for."`
	PendingUntil *time.Time     `json:"pending_until" doc:"When a pending ticket opens by itself."`
	Level        int            `json:"level" example:"1" doc:"Support level of its queue: 1, 2 or 3."`
	Priority     int            `json:"priority" example:"3" doc:"1 (highest) to 4; by the matrix of impact and urgency unless set by hand."`
	Impact       int            `json:"impact" example:"3" doc:"1 (highest) to 4."`
	Urgency      int            `json:"urgency" example:"3" doc:"1 (highest) to 4."`
	Queue        namedJSON      `json:"queue"`
	Assignee     *personRef     `json:"assignee" doc:"Who works on it; null = nobody."`
	Requester    personRef      `json:"requester"`
	Category     *categoryRef   `json:"category" doc:"What it is about; null = not said."`
	Channel      string         `json:"channel" enum:"portal,mail,chat,phone,api" example:"api"`
	Tags         []string       `json:"tags" nullable:"false" example:"[\"vpn\"]" doc:"Sorted."`
	Fields       map[string]any `json:"fields" doc:"Custom fields by key."`
	Cause        string         `json:"cause,omitempty" doc:"Given at resolution; told to agents."`
	ExternalID   *string        `json:"external_id" example:"ticketing-old-4711" doc:"In the system it came from; null = none."`
	MergedInto   *string        `json:"merged_into" doc:"Id of the ticket it lives on in; null = not merged."`
	Messages     *int           `json:"messages" example:"3" doc:"Messages sent, internal ones included; null for those who do not read these."`
	Due          dueJSON        `json:"due" doc:"What was promised."`
	RespondedAt  *time.Time     `json:"responded_at" doc:"First public answer of the desk."`
	CreatedAt    time.Time      `json:"created_at"`
	UpdatedAt    time.Time      `json:"updated_at"`
	ResolvedAt   *time.Time     `json:"resolved_at"`
	ClosedAt     *time.Time     `json:"closed_at"`
	Version      int64          `json:"version" example:"1" doc:"Grows with each change; send it back with yours."`
	URL          string         `json:"url" example:"https://aide.exemple.fr/desk/tickets/INC-1042" doc:"Page of the ticket for the caller."`
}

type namedJSON struct {
	ID   string `json:"id"`
	Name string `json:"name" example:"Support de proximité"`
}

type personRef struct {
	ID    string  `json:"id"`
	Name  string  `json:"name" example:"Camille Martin"`
	Email *string `json:"email" example:"camille.martin@exemple.fr" doc:"null when the caller may not see it."`
}

type categoryRef struct {
	ID   string   `json:"id"`
	Path []string `json:"path" nullable:"false" example:"[\"Réseau et VPN\",\"VPN\"]" doc:"Names from the top, in the caller's language."`
}

type dueJSON struct {
	Response   *time.Time `json:"first_response" doc:"null = nothing promised."`
	Resolution *time.Time `json:"resolution" doc:"null = nothing promised."`
}

// orNull is nil for the zero time.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	u := t.UTC()
	return &u
}

// text is nil for "".
func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// tickets turns tickets into JSON with two statements: one for their tags, one for the addresses of those who work on
// them if there are any.
func (s *server) tickets(ctx context.Context, tx *db.Tx, a auth.Actor, all []ticket.Ticket) ([]ticketJSON, error) {
	tags, err := ticket.TagsOf(ctx, tx, all)
	if err != nil {
		return nil, err
	}
	return s.tagged(ctx, tx, a, all, tags)
}

// tagged is tickets with their tags by ticket id.
func (s *server) tagged(ctx context.Context, tx *db.Tx, a auth.Actor, all []ticket.Ticket, tags map[string][]string) ([]ticketJSON, error) {
	var ids []string
	for _, t := range all {
		if t.AssigneeID != "" && !slices.Contains(ids, t.AssigneeID) {
			ids = append(ids, t.AssigneeID)
		}
	}
	people, err := identity.FindMany(ctx, tx, a, ids)
	if err != nil {
		return nil, err
	}
	out := make([]ticketJSON, len(all))
	for i, t := range all {
		j := s.ticket(ctx, a, t)
		if t.AssigneeID != "" {
			j.Assignee = &personRef{t.AssigneeID, t.Assignee, textOrNull(people[t.AssigneeID].Email)}
		}
		if j.Category, err = s.categoryOf(ctx, tx, t.CategoryID); err != nil {
			return nil, err
		}
		if j.Tags = tags[t.ID]; j.Tags == nil {
			j.Tags = []string{}
		}
		out[i] = j
	}
	return out, nil
}

// ticket is t without what needs the database.
func (s *server) ticket(_ context.Context, a auth.Actor, t ticket.Ticket) ticketJSON {
	agent := t.AsAgent(a)
	j := ticketJSON{ID: t.ID, Reference: t.Reference(), Type: string(t.Kind), Subject: t.Subject, Status: string(t.Status),
		PendingOn: textOrNull(string(t.PendingOn)), PendingUntil: orNull(t.PendingUntil), Level: t.Level, Priority: t.Priority,
		Impact: t.Impact, Urgency: t.Urgency, Queue: namedJSON{t.QueueID, t.QueueName},
		Requester: personRef{t.RequesterID, t.Requester, textOrNull(t.Email)}, Channel: string(t.Channel), Fields: t.Fields,
		ExternalID: textOrNull(t.ExternalID), MergedInto: textOrNull(t.MergedInto),
		Due:         dueJSON{orNull(t.DueResponse), orNull(t.DueResolved)},
		RespondedAt: orNull(t.RespondedAt), CreatedAt: t.CreatedAt.UTC(), UpdatedAt: t.UpdatedAt.UTC(),
		ResolvedAt: orNull(t.ResolvedAt), ClosedAt: orNull(t.ClosedAt), Version: t.Version,
		URL: s.Config.BaseURL + "/requests/" + t.Reference()}
	if j.Fields == nil {
		j.Fields = map[string]any{}
	}
	if agent {
		j.Cause, j.Messages, j.URL = t.Cause, &t.Messages, s.Config.BaseURL+"/desk/tickets/"+t.Reference()
	}
	return j
}

// one is tickets for a single one.
func (s *server) one(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket) (ticketJSON, error) {
	all, err := s.tickets(ctx, tx, a, []ticket.Ticket{t})
	if err != nil {
		return ticketJSON{}, err
	}
	return all[0], nil
}

// etag is a version as HTTP writes it.
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// told is the reply that shows t after a write.
func (s *server) told(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket) (reply, error) {
	j, err := s.one(ctx, tx, a, t)
	return reply{header: map[string]string{"ETag": etag(t.Version)}, value: j}, err
}

// toldUntagged is told for a ticket known to have no tags.
func (s *server) toldUntagged(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket) (reply, error) {
	all, err := s.tagged(ctx, tx, a, []ticket.Ticket{t}, nil)
	if err != nil {
		return reply{}, err
	}
	return reply{header: map[string]string{"ETag": etag(t.Version)}, value: all[0]}, nil
}
