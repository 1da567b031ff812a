package api

import (
	"context"
	"net/http"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/domain/ticket"
)

type linkJSON struct {
	Kind    string    `json:"kind" enum:"parent,duplicate,related,caused_by" example:"duplicate" doc:"The one side is … of the other."`
	Outward bool      `json:"outward" doc:"true: the ticket asked about is … of the other; false: the other is … of it."`
	Ticket  briefJSON `json:"ticket"`
}

// briefJSON is a ticket in a list beside another one.
type briefJSON struct {
	ID        string `json:"id"`
	Reference string `json:"reference" example:"INC-1041"`
	Subject   string `json:"subject"`
	Status    string `json:"status" enum:"new,open,pending,resolved,closed,cancelled"`
}

func showLink(l ticket.Link) linkJSON {
	o := l.Other
	return linkJSON{string(l.Kind), l.Outward, briefJSON{o.ID, o.Reference(), o.Subject, string(o.Status)}}
}

func (s *server) links(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string, p Paged) (out list[linkJSON], err error) {
	t, err := ticket.Find(ctx, tx, a, ticketID)
	if err != nil {
		return out, err
	}
	all, err := ticket.Links(ctx, tx, a, t)
	items := make([]linkJSON, len(all))
	for i, l := range all {
		items[i] = showLink(l)
	}
	return window(items, func(l linkJSON) string { return l.Kind + "." + l.Ticket.ID }, p), err
}

type addLinkIn struct {
	Keyed
	Identified
	Body struct {
		Kind   string `json:"kind" enum:"parent,duplicate,related,caused_by" example:"related" doc:"What this ticket is of the other."`
		Ticket string `json:"ticket" minLength:"1" maxLength:"40" example:"INC-1041" doc:"Id or reference of the other."`
	}
}

type removeLinkIn struct {
	Identified
	Kind  string `path:"kind" enum:"parent,duplicate,related,caused_by"`
	Other string `path:"other" maxLength:"40" doc:"Id or reference of the other ticket."`
}

type mergeIn struct {
	Keyed
	Identified
	Body struct {
		Into string `json:"into" minLength:"1" maxLength:"40" example:"INC-1041" doc:"Id or reference of the ticket that lives on."`
	}
}

type splitIn struct {
	Keyed
	Identified
	Body struct {
		Messages []string `json:"messages" nullable:"false" minItems:"1" maxItems:"500" doc:"Ids of the messages that leave: at least one and not all."`
		Subject  string   `json:"subject" minLength:"1" maxLength:"200"`
		Type     string   `json:"type,omitempty" enum:"incident,request"`
	}
}

func (s *server) relationRoutes() {
	get(s, s.op(http.MethodGet, "/tickets/{id}/links", "list-links", "tickets:read", "tickets"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *ofTicketIn) (list[linkJSON], error) {
			return s.links(ctx, tx, a, in.ID, in.Paged)
		})
	link := s.op(http.MethodPost, "/tickets/{id}/links", "add-link", "tickets:write", "tickets")
	link.DefaultStatus = http.StatusCreated
	act[addLinkIn, list[linkJSON]](s, link, func(ctx context.Context, tx *db.Tx, a auth.Actor, in *addLinkIn) (reply, error) {
		if err := ticket.AddLink(ctx, tx, a, in.ID, in.Body.Ticket, ticket.LinkKind(in.Body.Kind)); err != nil {
			return reply{}, err
		}
		l, err := s.links(ctx, tx, a, in.ID, Paged{Limit: 200})
		return reply{status: http.StatusCreated, value: l}, err
	})
	do(s, s.op(http.MethodDelete, "/tickets/{id}/links/{kind}/{other}", "remove-link", "tickets:write", "tickets"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *removeLinkIn) error {
			return ticket.RemoveLink(ctx, tx, a, in.ID, in.Other, ticket.LinkKind(in.Kind))
		})
	act[mergeIn, ticketJSON](s, s.op(http.MethodPost, "/tickets/{id}/merge", "merge", "tickets:write", "tickets"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *mergeIn) (reply, error) {
			t, err := ticket.Merge(ctx, tx, a, in.ID, in.Body.Into)
			return s.after(ctx, tx, a, t.ID, renamed(err, map[string]string{"ticket": "into"}))
		})
	split := s.op(http.MethodPost, "/tickets/{id}/split", "split", "tickets:write", "tickets")
	split.DefaultStatus = http.StatusCreated
	act[splitIn, ticketJSON](s, split, func(ctx context.Context, tx *db.Tx, a auth.Actor, in *splitIn) (reply, error) {
		t, err := ticket.Split(ctx, tx, a, in.ID, ticket.Parting{Messages: in.Body.Messages, Subject: in.Body.Subject, Kind: ticket.Kind(in.Body.Type)})
		r, err := s.after(ctx, tx, a, t.ID, err)
		r.status = http.StatusCreated
		return r, err
	})
	get(s, s.op(http.MethodGet, "/tickets/{id}/similar", "similar-tickets", "tickets:read", "tickets"), s.similar)
	s.watcherRoutes()
}

type similarIn struct {
	Identified
	Limit int `query:"limit" required:"false" minimum:"1" maximum:"50" example:"10" doc:"Tickets told; 10 unless given."`
}

// similar lists the tickets that resemble one, the most alike first; it has one page.
func (s *server) similar(ctx context.Context, tx *db.Tx, a auth.Actor, in *similarIn) (out list[ticketJSON], err error) {
	t, err := ticket.Find(ctx, tx, a, in.ID)
	if err != nil {
		return out, err
	}
	if in.Limit == 0 {
		in.Limit = 10
	}
	all, err := ticket.Similar(ctx, tx, a, t, in.Limit)
	if err != nil {
		return out, err
	}
	items, err := s.tickets(ctx, tx, a, all)
	return page(items, ""), err
}

type addWatcherIn struct {
	Keyed
	Identified
	Body struct {
		Person string `json:"person" minLength:"1" maxLength:"254" example:"camille.martin@exemple.fr" doc:"me, a mail address or an id."`
	}
}

type removeWatcherIn struct {
	Identified
	Person string `path:"person" maxLength:"254" doc:"me, a mail address or an id."`
}

func watchers(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string, p Paged) (out list[personRef], err error) {
	t, err := ticket.Find(ctx, tx, a, ticketID)
	if err != nil {
		return out, err
	}
	all, err := ticket.Watchers(ctx, tx, t)
	items := make([]personRef, len(all))
	for i, w := range all {
		items[i] = personRef{w.PersonID, w.Name, textOrNull(w.Email)}
	}
	return window(items, func(w personRef) string { return w.ID }, p), err
}

func (s *server) watcherRoutes() {
	get(s, s.op(http.MethodGet, "/tickets/{id}/watchers", "list-watchers", "tickets:read", "tickets"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *ofTicketIn) (list[personRef], error) {
			return watchers(ctx, tx, a, in.ID, in.Paged)
		})
	add := s.op(http.MethodPost, "/tickets/{id}/watchers", "add-watcher", "tickets:write", "tickets")
	add.DefaultStatus = http.StatusCreated
	act[addWatcherIn, list[personRef]](s, add, func(ctx context.Context, tx *db.Tx, a auth.Actor, in *addWatcherIn) (reply, error) {
		if _, err := ticket.Find(ctx, tx, a, in.ID); err != nil { // first: what one may not see does not exist
			return reply{}, err
		}
		id, err := person(ctx, tx, a, in.Body.Person, "person")
		if err != nil {
			return reply{}, err
		}
		if err := ticket.Watch(ctx, tx, a, in.ID, id); err != nil {
			return reply{}, err
		}
		w, err := watchers(ctx, tx, a, in.ID, Paged{Limit: 200})
		return reply{status: http.StatusCreated, value: w}, err
	})
	do(s, s.op(http.MethodDelete, "/tickets/{id}/watchers/{person}", "remove-watcher", "tickets:write", "tickets"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *removeWatcherIn) error {
			id := in.Person
			if id == "me" {
				id = a.ID
			}
			if strings.Contains(id, "@") {
				t, err := ticket.Find(ctx, tx, a, in.ID)
				if err != nil {
					return err
				}
				all, err := ticket.Watchers(ctx, tx, t)
				if err != nil {
					return err
				}
				for _, w := range all {
					if strings.EqualFold(w.Email, in.Person) {
						id = w.PersonID
					}
				}
			}
			return ticket.Unwatch(ctx, tx, a, in.ID, id)
		})
}
