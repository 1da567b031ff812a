package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/event"
	"entraide/internal/domain/ticket"
)

type eventJSON struct {
	ID       string            `json:"id" doc:"Sorts by time."`
	At       time.Time         `json:"at"`
	Kind     string            `json:"kind" example:"ticket.resolved" doc:"room.verb, in the past tense."`
	Ref      string            `json:"ref" example:"ticket/01JD8Z5K3M9Q2W4E6R8T0Y1U2I" doc:"What changed."`
	Actor    actorJSON         `json:"actor" doc:"Who did it."`
	Internal bool              `json:"internal" doc:"Not told to requesters."`
	Changes  []changeJSON      `json:"changes,omitempty" nullable:"false"`
	Why      string            `json:"why,omitempty" doc:"The reason a person gave."`
	Message  string            `json:"message,omitempty" doc:"Id of the message it carries."`
	Other    string            `json:"other,omitempty" doc:"The other record of a link, merge or split."`
	Person   string            `json:"person,omitempty" doc:"Id of the person it is about."`
	Extra    map[string]string `json:"extra,omitempty"`
}

type actorJSON struct {
	ID   *string `json:"id" doc:"null = the machine."`
	Name string  `json:"name"`
}

type changeJSON struct {
	Field string `json:"field" example:"status"`
	From  string `json:"from"`
	To    string `json:"to"`
}

func showEvent(e event.Event) eventJSON {
	j := eventJSON{ID: e.ID, At: e.At.UTC(), Kind: e.Kind, Ref: e.Ref, Actor: actorJSON{textOrNull(e.ActorID), e.Actor}, Internal: e.Internal,
		Why: e.Data.Why, Message: e.Data.Message, Other: e.Data.Other, Person: e.Data.Person, Extra: e.Data.Extra}
	for _, c := range e.Data.Changes {
		j.Changes = append(j.Changes, changeJSON(c))
	}
	return j
}

type eventsIn struct {
	Paged
	After string `query:"after" required:"false" maxLength:"40" doc:"Id of the last event you have; another way to say cursor, for coming back later."`
	Kind  string `query:"kind" required:"false" maxLength:"100" example:"ticket.resolved" doc:"Only this kind."`
}

func (s *server) eventRoutes() {
	get(s, s.op(http.MethodGet, "/tickets/{id}/timeline", "timeline", "tickets:read", "tickets"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *ofTicketIn) (out list[eventJSON], err error) {
			t, err := ticket.Find(ctx, tx, a, in.ID)
			if err != nil {
				return out, err
			}
			all, err := ticket.Timeline(ctx, tx, a, t)
			items := make([]eventJSON, len(all))
			for i, e := range all {
				items[i] = showEvent(e)
			}
			return window(items, func(e eventJSON) string { return e.ID }, in.Paged), err
		})
	get(s, s.op(http.MethodGet, "/events", "list-events", "events:read", "events"), s.events)
	s.streamRoute()
}

// batches bounds how much of the log one request looks through on behalf of somebody who sees little of it.
const batches = 5

func (s *server) events(ctx context.Context, tx *db.Tx, a auth.Actor, in *eventsIn) (list[eventJSON], error) {
	limit, after := in.Limit, in.After
	if limit == 0 {
		limit = 50
	}
	if in.Cursor != "" {
		after = in.Cursor
	}
	var items []eventJSON
	for range batches {
		log, err := event.Since(ctx, tx, after, 200)
		if err != nil {
			return list[eventJSON]{}, err
		}
		sight, err := sightOf(ctx, tx, a, log)
		if err != nil {
			return list[eventJSON]{}, err
		}
		for _, e := range log {
			after = e.ID
			if in.Kind != "" && e.Kind != in.Kind {
				continue
			}
			if sight.sees(e) {
				items = append(items, showEvent(e))
			}
			if len(items) == limit {
				return page(items, after), nil
			}
		}
		if len(log) < 200 {
			return page(items, ""), nil
		}
	}
	return page(items, after), nil
}

// sight decides which events somebody sees: administrators all; others those of tickets they see, internal ones as
// agents only.
type sight struct {
	a       auth.Actor
	tickets map[string]ticket.Ticket // those seen, by id
}

// sightOf looks at the tickets of some events for a, in one statement.
func sightOf(ctx context.Context, tx *db.Tx, a auth.Actor, log []event.Event) (sight, error) {
	s := sight{a: a}
	if a.Admin() {
		return s, nil
	}
	var ids []string
	for _, e := range log {
		if id, ok := strings.CutPrefix(e.Ref, "ticket/"); ok && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	var err error
	s.tickets, err = ticket.FindMany(ctx, tx, a, ids)
	return s, err
}

func (s sight) sees(e event.Event) bool {
	if s.a.Admin() {
		return true
	}
	t, seen := s.tickets[strings.TrimPrefix(e.Ref, "ticket/")]
	return seen && (t.AsAgent(s.a) || !e.Internal)
}
