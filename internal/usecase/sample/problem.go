package sample

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/event"
	"entraide/internal/domain/problem"
	"entraide/internal/domain/ticket"
)

// Cause is a problem behind the incidents that share a tag.
type Cause struct {
	Key, Tag, Category, Team, By string
	Impact, Urgency              int
	After                        int           // incidents that came before somebody saw the cause
	Resolved                     time.Duration // after its beginning; 0 = it lasts
	State                        string        // of problem.State
	Subject, Text                string
	Cause, Workaround, Fix       string
}

// problems stores the causes behind some bursts, with their incidents.
func (f *Filler) problems(ctx context.Context) error {
	for _, c := range f.plan.Causes {
		if err := f.DB.Write(ctx, func(tx *db.Tx) error { return f.problem(ctx, tx, c) }); err != nil {
			return fmt.Errorf("sample: problem %s: %w", c.Key, err)
		}
	}
	return nil
}

func (f *Filler) problem(ctx context.Context, tx *db.Tx, c Cause) error {
	a, by := auth.System(machine), f.people[c.By]
	incidents, _, err := ticket.List(ctx, tx, a, ticket.Filter{Tag: c.Tag, Kinds: []ticket.Kind{ticket.Incident}}, ticket.Page{Sort: ticket.ByCreated, Limit: 200})
	if err != nil {
		return err
	}
	slices.Reverse(incidents) // the first to come first
	incidents = slices.DeleteFunc(incidents, func(t ticket.Ticket) bool { return t.MergedInto != "" })
	if len(incidents) == 0 {
		return nil // a small demonstration has no such burst
	}
	began := incidents[min(c.After, len(incidents)-1)].CreatedAt.Add(20 * time.Minute)
	t := ticket.Ticket{Kind: ticket.Problem, Subject: c.Subject, Status: ticket.Open, Impact: c.Impact, Urgency: c.Urgency, Priority: ticket.DefaultMatrix()[c.Impact-1][c.Urgency-1],
		CategoryID: f.categories[c.Category], QueueID: f.queues[c.Team].ID, Level: f.queues[c.Team].Level, AssigneeID: by.ID, RequesterID: by.ID, Channel: ticket.Portal,
		ExternalID: "demo-" + c.Key, CreatedAt: began, RespondedAt: began, UpdatedAt: began}
	history := []event.Event{{Kind: "ticket.created", At: began, ActorID: by.ID, Actor: by.Name}}
	if c.Resolved > 0 {
		t.Status, t.ResolvedAt, t.UpdatedAt = ticket.Resolved, began.Add(c.Resolved), began.Add(c.Resolved)
		history = append(history, event.Event{Kind: "ticket.resolved", At: t.ResolvedAt, ActorID: by.ID, Actor: by.Name,
			Data: event.Data{Changes: []event.Change{{Field: "status", From: "open", To: "resolved"}}}})
	}
	t, err = ticket.Import(ctx, tx, a, ticket.Imported{Ticket: t, Events: history, Tags: []string{strings.ToLower(c.Tag)},
		Messages: []ticket.ImportedMessage{{Message: ticket.Message{AuthorID: by.ID, Visibility: ticket.Public, Channel: ticket.Portal, ByAgent: true, Body: c.Text, CreatedAt: began}}}})
	if err != nil {
		return err
	}
	for _, x := range incidents {
		if err := ticket.AddLink(ctx, tx, a, x.ID, t.ID, ticket.CausedBy); err != nil {
			return err
		}
	}
	_, err = problem.Save(ctx, tx, a, problem.Dossier{Ref: t.Ref(), State: problem.State(c.State), Cause: c.Cause, Workaround: c.Workaround, Fix: c.Fix})
	return err
}
