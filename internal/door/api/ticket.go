package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/sla"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/promise"
)

func (s *server) ticketRoutes() {
	create := s.op(http.MethodPost, "/tickets", "create-ticket", "tickets:write", "tickets")
	create.DefaultStatus = http.StatusCreated
	act[newTicketIn, ticketJSON](s, create, s.createTicket)
	get(s, s.op(http.MethodGet, "/tickets", "list-tickets", "tickets:read", "tickets"), s.listTickets)
	act[nextIn, nextJSON](s, s.op(http.MethodPost, "/tickets/next", "take-next-ticket", "tickets:write", "tickets"), s.nextTicket)
	act[changeIn, ticketJSON](s, s.op(http.MethodPatch, "/tickets/{id}", "update-ticket", "tickets:write", "tickets"), s.changeTicket)
	s.readTicket(s.op(http.MethodGet, "/tickets/{id}", "get-ticket", "tickets:read", "tickets"))
}

type nextIn struct{ Keyed }

// nextJSON is the ticket that was taken.
type nextJSON struct {
	Ticket *ticketJSON `json:"ticket" doc:"The caller's from now on; null when none waits in the queues of their teams."`
	Reason string      `json:"reason" enum:"due,priority,none" doc:"due = late or soon late; priority = the highest, and of these the longest waiting."`
}

func (s *server) nextTicket(ctx context.Context, tx *db.Tx, a auth.Actor, _ *nextIn) (reply, error) {
	if !a.Agent() {
		return reply{}, fmt.Errorf("next ticket: %w", errs.Forbidden)
	}
	t, why, ok, err := ticket.Next(ctx, tx, a)
	if err != nil || !ok {
		return reply{value: nextJSON{Reason: "none"}}, err
	}
	j, err := s.one(ctx, tx, a, t)
	return reply{value: nextJSON{Ticket: &j, Reason: string(why)}}, err
}

// Identified is a path that ends in a ticket.
type Identified struct {
	ID string `path:"id" maxLength:"40" example:"INC-1042" doc:"Id or reference of the ticket."`
}

type newTicketIn struct {
	Keyed
	Body struct {
		Type        string         `json:"type,omitempty" enum:"incident,request,problem" example:"incident" doc:"incident unless given."`
		Subject     string         `json:"subject" minLength:"1" maxLength:"200" example:"Plus d’accès au VPN depuis ce matin" doc:"One line."`
		Body        string         `json:"body" minLength:"1" maxLength:"100000" example:"Le client affiche **« délai dépassé »** après le mot de passe." doc:"Markdown."`
		Requester   string         `json:"requester,omitempty" maxLength:"254" example:"camille.martin@exemple.fr" doc:"Mail address or id of who asks; the caller unless given. Only agents ask for others; an address nobody has becomes an outside participant."`
		Name        string         `json:"requester_name,omitempty" maxLength:"200" example:"Camille Martin" doc:"Name of a requester who is not known yet."`
		Channel     string         `json:"channel,omitempty" enum:"portal,mail,chat,phone,api" example:"api" doc:"api unless given."`
		Category    *categoryArg   `json:"category,omitempty"`
		Impact      int            `json:"impact,omitempty" minimum:"1" maximum:"4" example:"3" doc:"1 (highest) to 4; 3 unless given."`
		Urgency     int            `json:"urgency,omitempty" minimum:"1" maximum:"4" example:"2" doc:"1 (highest) to 4; 3 unless given."`
		Queue       string         `json:"queue,omitempty" maxLength:"200" example:"Support de proximité" doc:"Id or name; by the category unless given. Only agents choose."`
		Fields      map[string]any `json:"fields,omitempty" doc:"Custom fields by key."`
		ExternalID  string         `json:"external_id,omitempty" maxLength:"200" example:"supervision-4711" doc:"Yours. The same one again answers 200 with the first ticket."`
		Tags        []string       `json:"tags,omitempty" nullable:"false" maxItems:"30" example:"[\"vpn\"]"`
		Attachments []string       `json:"attachments,omitempty" nullable:"false" maxItems:"50" doc:"Ids of files sent to /attachments before."`
	}
}

func (s *server) createTicket(ctx context.Context, tx *db.Tx, a auth.Actor, in *newTicketIn) (reply, error) {
	b := in.Body
	d := ticket.Draft{Kind: ticket.Kind(b.Type), Subject: b.Subject, Channel: ticket.Channel(b.Channel), Impact: b.Impact, Urgency: b.Urgency,
		Fields: b.Fields, ExternalID: text.Line(b.ExternalID), Tags: b.Tags, Message: ticket.Draught{Body: b.Body, Attachments: b.Attachments}}
	if d.Channel == "" {
		d.Channel = ticket.API
	}
	var wrong []errs.Field
	resolve := func(into *string, f func() (string, error)) error {
		v, err := f()
		*into = v
		if fields := errs.Fields(err); fields != nil {
			wrong = append(wrong, fields...)
			return nil
		}
		return err
	}
	var err error
	if b.Category != nil {
		err = resolve(&d.CategoryID, func() (string, error) { return s.category(ctx, tx, b.Category.path) })
	}
	if err == nil && b.Queue != "" {
		err = resolve(&d.QueueID, func() (string, error) { return s.queue(ctx, tx, a, b.Queue) })
	}
	if err == nil && b.Requester != "" {
		err = resolve(&d.RequesterID, func() (string, error) { return requester(ctx, tx, a, b.Requester, b.Name) })
	}
	if err = errors.Join(err, errs.InvalidFields(wrong)); err != nil {
		return reply{}, err
	}
	t, err := ticket.OpenTicket(ctx, tx, a, d)
	status := http.StatusCreated
	if errors.Is(err, ticket.ErrKnown) {
		status, err = http.StatusOK, nil
	}
	if err != nil {
		return reply{}, err
	}
	if status == http.StatusCreated { // the caller reads what is promised; for everybody else a reader works it out
		policies, err := s.policies.get(ctx, tx, sla.Policies)
		if err == nil && len(policies) > 0 {
			t, err = promise.Promise(ctx, tx, t)
		}
		if err != nil {
			return reply{}, err
		}
	}
	show := s.told
	if status == http.StatusCreated && len(b.Tags) == 0 { // spares a statement on the busiest path
		show = s.toldUntagged
	}
	out, err := show(ctx, tx, a, t)
	if err != nil {
		return reply{}, err
	}
	out.status = status
	out.header["Location"] = prefix + "/tickets/" + t.ID
	return out, nil
}

// queue returns the id of the queue that a caller names by id or name.
// Errors: errs.Invalid, errs.Forbidden for those who do not choose queues.
func (s *server) queue(ctx context.Context, tx *db.Tx, a auth.Actor, name string) (string, error) {
	if !a.Agent() {
		return "", errs.Because(errs.Forbidden, "ticket.agents_only")
	}
	all, err := ticket.Destinations(ctx, tx, a)
	if err != nil {
		return "", err
	}
	fold := text.Fold(name)
	for _, q := range all {
		if q.ID == name || text.Fold(q.Name) == fold {
			return q.ID, nil
		}
	}
	return "", errs.InvalidField("queue", "ticket.queue_unknown")
}

// requester returns the id of who asks, and stores an unknown address as a participant.
// Errors: errs.Invalid, errs.Forbidden when a may not ask for them.
func requester(ctx context.Context, tx *db.Tx, a auth.Actor, who, name string) (string, error) {
	who = text.Line(who)
	if who == a.ID || strings.EqualFold(who, a.Email) {
		return a.ID, nil
	}
	if !a.Agent() {
		return "", errs.Because(errs.Forbidden, "ticket.agents_only")
	}
	if id.Valid(who) {
		return who, nil // OpenTicket checks that there is such a person
	}
	p, err := identity.EnsureParticipant(ctx, tx, a, who, name)
	if errs.Fields(err) != nil {
		return "", errs.InvalidField("requester", "identity.email.wrong")
	}
	return p.ID, err
}

// person returns the id of somebody named by id or mail address; field names the input when there is nobody.
// Errors: errs.Invalid.
func person(ctx context.Context, tx *db.Tx, a auth.Actor, who, field string) (string, error) {
	switch who = text.Line(who); {
	case who == "me":
		return a.ID, nil
	case id.Valid(who):
		return who, nil
	}
	p, err := identity.FindByEmail(ctx, tx, a, who)
	if errors.Is(err, errs.NotFound) {
		return "", errs.InvalidField(field, "ticket.person_unknown")
	}
	return p.ID, err
}

type listTicketsIn struct {
	Paged
	Q         string    `query:"q" required:"false" maxLength:"200" example:"vpn" doc:"A reference, or words that all stand in the subject."`
	Status    []string  `query:"status" required:"false" enum:"new,open,pending,resolved,closed,cancelled,active" doc:"One or several, with commas; active = new, open or pending."`
	Type      []string  `query:"type" required:"false" enum:"incident,request,problem"`
	Level     int       `query:"level" required:"false" minimum:"1" maximum:"3"`
	Queue     string    `query:"queue" required:"false" maxLength:"200" doc:"Id or name."`
	Assignee  string    `query:"assignee" required:"false" maxLength:"254" example:"me" doc:"me, none, a mail address or an id."`
	Requester string    `query:"requester" required:"false" maxLength:"254" doc:"me, a mail address or an id."`
	Category  string    `query:"category" required:"false" maxLength:"500" doc:"Id or path; those below it are included."`
	Tag       string    `query:"tag" required:"false" maxLength:"60"`
	Priority  int       `query:"priority" required:"false" minimum:"1" maximum:"4" doc:"This or higher; 1 is the highest."`
	Since     time.Time `query:"updated_since" required:"false" doc:"Changed at this instant or later, RFC 3339."`
	Due       string    `query:"due" required:"false" enum:"soon,late" doc:"Active ones whose next promised moment is over (late), or at most two hours away (soon)."`
	External  string    `query:"external_id" required:"false" maxLength:"200"`
	Sort      string    `query:"sort" required:"false" enum:"updated,created,priority,oldest,due" doc:"updated (latest change first) unless given; due (soonest promised first) for active tickets alone."`
}

func (s *server) listTickets(ctx context.Context, tx *db.Tx, a auth.Actor, in *listTicketsIn) (list[ticketJSON], error) {
	f := ticket.Filter{Q: in.Q, Level: in.Level, Tag: in.Tag, Priority: in.Priority, UpdatedSince: in.Since, ExternalID: in.External, Assignee: in.Assignee}
	for _, v := range in.Status {
		if v == "active" {
			f.Statuses = append(f.Statuses, ticket.New, ticket.Open, ticket.Pending)
			continue
		}
		f.Statuses = append(f.Statuses, ticket.Status(v))
	}
	if active := []ticket.Status{ticket.New, ticket.Open, ticket.Pending}; slices.Equal(f.Statuses, active) {
		f.Statuses, f.Active = nil, true // has an index of its own
	}
	if in.Due != "" {
		f.Due, f.Active = ticket.Due(in.Due), true
	}
	for _, v := range in.Type {
		f.Kinds = append(f.Kinds, ticket.Kind(v))
	}
	var err error
	if in.Queue != "" {
		q, err := s.queue(ctx, tx, a, in.Queue)
		if err != nil {
			return list[ticketJSON]{}, err
		}
		f.Queues = []string{q}
	}
	if in.Category != "" {
		c, err := s.category(ctx, tx, in.Category)
		if err != nil {
			return list[ticketJSON]{}, err
		}
		tree, err := s.categories.get(ctx, tx, ticket.Categories)
		if err != nil {
			return list[ticketJSON]{}, err
		}
		f.Categories = tree.Below(c)
	}
	if in.Assignee != "" && in.Assignee != "none" && in.Assignee != "me" {
		if f.Assignee, err = person(ctx, tx, a, in.Assignee, "assignee"); err != nil {
			return list[ticketJSON]{}, err
		}
	}
	if in.Requester != "" {
		if f.Requester, err = person(ctx, tx, a, in.Requester, "requester"); err != nil {
			return list[ticketJSON]{}, err
		}
	}
	return s.page(ctx, tx, a, f, ticket.Page{Sort: ticket.Sort(in.Sort), Limit: in.Limit, Cursor: in.Cursor})
}

// page lists the tickets of a filter.
func (s *server) page(ctx context.Context, tx *db.Tx, a auth.Actor, f ticket.Filter, p ticket.Page) (list[ticketJSON], error) {
	all, next, err := ticket.List(ctx, tx, a, f, p)
	if err != nil {
		return list[ticketJSON]{}, err
	}
	items, err := s.tickets(ctx, tx, a, all)
	return page(items, next), err
}

type readTicketIn struct {
	Identified
	Known string `header:"If-None-Match" required:"false" maxLength:"200" doc:"ETag of an answer you have: 304 without a body when nothing changed."`
}

// readTicket registers the one reading operation that may answer "not modified".
func (s *server) readTicket(o huma.Operation) {
	huma.Register(s.api, o, func(ctx context.Context, in *readTicketIn) (*answer[ticketJSON], error) {
		c, out := callOf(ctx), &answer[ticketJSON]{Status: http.StatusOK}
		err := s.DB.Read(ctx, func(tx *db.Tx) error {
			t, err := ticket.Find(ctx, tx, c.actor, in.ID)
			if err != nil {
				return err
			}
			out.ETag = etag(t.Version)
			if holds(in.Known, t.Version) {
				out.Status = http.StatusNotModified
				return nil
			}
			out.Body.v, err = s.one(ctx, tx, c.actor, t)
			return err
		})
		if err != nil {
			return nil, s.fault(c, err)
		}
		return out, nil
	})
}

// holds reports whether a list of ETags names a version, or any ("*").
func holds(header string, version int64) bool {
	for _, tag := range strings.Split(header, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == "*" || tag == etag(version) {
			return true
		}
	}
	return false
}
