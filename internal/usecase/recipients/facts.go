package recipients

import (
	"context"
	"errors"
	"slices"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
)

// facts is what telling needs beyond the events: the ticket as it stands, the people around it, what was said.
type facts struct {
	ticket   ticket.Ticket
	survivor ticket.Ticket // of a merge; zero when the ticket was not merged
	watchers []string
	team     []string // members of the team of the ticket's queue
	leads    []string // of these, who lead it
	deputy   string   // who stands in for the assignee today; "" = the assignee is there
	people   map[string]person
	messages map[string]ticket.Message
}

// person is somebody who may be told, as far as telling needs it.
type person struct {
	id, name, email string
	loc             i18n.Loc
	stranger        bool // chose no language: a mailbox may have one for them
	outsider        bool // cannot sign in: everything goes by mail
	agent           bool // works tickets at all: which defaults hold
	sees            bool // may see this ticket
	internal        bool // sees it as the desk does, notes included
}

// zone is where p's clock hangs.
func (p person) zone() *time.Location { return p.loc.In(time.Time{}).Location() }

// load reads the facts about a ticket and the people whom events may concern, in a constant number of statements for
// each message among the events.
// Errors: errs.NotFound when the ticket is gone.
func load(ctx context.Context, tx *db.Tx, ticketID string, events []event.Event) (facts, error) {
	f := facts{messages: map[string]ticket.Message{}}
	var err error
	if f.ticket, err = ticket.Find(ctx, tx, machine(), ticketID); err != nil {
		return f, err
	}
	if f.ticket.MergedInto != "" {
		if f.survivor, err = ticket.Follow(ctx, tx, machine(), ticketID); err != nil {
			return f, err
		}
	}
	watchers, err := ticket.Watchers(ctx, tx, f.ticket)
	if err != nil {
		return f, err
	}
	for _, w := range watchers {
		f.watchers = append(f.watchers, w.PersonID)
	}
	team, err := identity.FindTeam(ctx, tx, machine(), f.ticket.TeamID)
	if err != nil {
		return f, err
	}
	for _, m := range team.Members {
		if m.Active {
			f.team = append(f.team, m.PersonID)
			if m.Leads {
				f.leads = append(f.leads, m.PersonID)
			}
		}
	}
	if err := f.loadSaid(ctx, tx, events); err != nil {
		return f, err
	}
	if err := f.loadDeputy(ctx, tx, events); err != nil {
		return f, err
	}
	return f, f.loadPeople(ctx, tx, events)
}

// loadSaid reads the messages that events carry. One that is gone, or not out yet, has nothing to say.
func (f *facts) loadSaid(ctx context.Context, tx *db.Tx, events []event.Event) error {
	for _, e := range events {
		if _, known := f.messages[e.Data.Message]; known || e.Data.Message == "" {
			continue
		}
		m, err := ticket.FindMessage(ctx, tx, machine(), e.Data.Message)
		if errors.Is(err, errs.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		f.messages[m.ID] = m
	}
	return nil
}

// loadDeputy finds who stands in for an assignee who just got the ticket and is away.
func (f *facts) loadDeputy(ctx context.Context, tx *db.Tx, events []event.Event) error {
	given := slices.ContainsFunc(events, func(e event.Event) bool { return e.Kind == "ticket.assigned" })
	if !given || f.ticket.AssigneeID == "" {
		return nil
	}
	standin, err := identity.Standin(ctx, tx, f.ticket.AssigneeID)
	if err == nil && standin != f.ticket.AssigneeID {
		f.deputy = standin
	}
	return err
}

func (f *facts) loadPeople(ctx context.Context, tx *db.Tx, events []event.Event) error {
	ids := append([]string{f.ticket.RequesterID, f.ticket.AssigneeID, f.deputy}, f.watchers...)
	ids = append(ids, f.team...)
	for _, e := range events {
		ids = append(ids, e.Data.Person)
	}
	found, err := identity.FindMany(ctx, tx, machine(), ids)
	if err != nil {
		return err
	}
	f.people = make(map[string]person, len(found))
	for id, p := range found {
		byMail := p.External || id == f.ticket.RequesterID && f.ticket.Channel == ticket.Mail
		if !p.Active && !byMail {
			continue // who left is told nothing, but whoever wrote to us by mail reads the answer there
		}
		a := auth.Actor{ID: p.ID, Roles: p.Roles}
		if !p.Active {
			a.Roles = nil
		}
		if slices.Contains(f.team, id) {
			a.Teams = []string{f.ticket.TeamID}
		}
		x := from(p)
		x.internal = f.ticket.AsAgent(a)
		x.sees = x.internal || f.ticket.Own(a) || slices.Contains(f.watchers, id)
		f.people[id] = x
	}
	return nil
}

// from takes over what telling needs of p.
func from(p identity.Person) person {
	return person{id: p.ID, name: p.Name, email: p.Email, loc: i18n.New(p.Lang, p.Zone), stranger: p.Lang == "", agent: p.Active && p.Is(auth.Agent),
		outsider: !p.Active || p.External && !p.HasPassword}
}
