// Package cascade brings one thing to many tickets: the same answer, or the same end.
//
// A cascade is a durable job that takes one ticket after another, each in a transaction of its own that also notes the step.
// A crash leaves each ticket done or untouched, and nobody is told twice.
package cascade

import (
	"context"
	"errors"
	"fmt"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/id"
	"entraide/internal/base/job"
	"entraide/internal/base/text"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
)

// Job is the kind of the job; JobBefore is the kind that versions before this package promised, of the same payload.
const (
	Job       = "ticket.cascade"
	JobBefore = "problem.cascade"
)

// Most is how many tickets one cascade takes at most.
const Most = 2000

// Do is what a cascade does to each ticket.
type Do string

// What may be done.
const (
	Tell    Do = "tell"    // reply
	Resolve Do = "resolve" // resolve, with a last message when there is one
)

// Cascade is one thing for many tickets.
type Cascade struct {
	ID      string   `json:"id"`
	Do      Do       `json:"do"`
	By      string   `json:"by"`              // person who began it; "" = the machine
	Body    string   `json:"body"`            // Markdown
	English string   `json:"en,omitempty"`    // Markdown for requesters who read English; "" = Body
	Cause   string   `json:"cause,omitempty"` // for the desk, of a resolution
	Tickets []string `json:"incidents"`       // ids
}

// Start promises c, in a's name. Whether a may is for the caller to decide.
func Start(ctx context.Context, tx *db.Tx, a auth.Actor, c Cascade) error {
	c.ID, c.By, c.Body, c.English = id.New(), a.ID, text.Clean(c.Body), text.Clean(c.English)
	return job.Insert(ctx, tx, job.New{Kind: Job, Key: c.ID, Payload: c})
}

// Handler returns the handler of Job.
func Handler(d *db.DB) job.Handler {
	return job.Handler{Timeout: 10 * time.Minute, Run: func(ctx context.Context, j job.Job) error {
		var c Cascade
		if err := j.Decode(&c); err != nil {
			return job.Final(err)
		}
		for _, t := range c.Tickets {
			if err := d.Write(ctx, func(tx *db.Tx) error { return c.step(ctx, tx, t) }); err != nil {
				return fmt.Errorf("%s %s: %w", c.Do, t, err)
			}
		}
		return nil
	}}
}

// step does c to one ticket, unless it was done. Who began the cascade acts, with the machine's right: that they may was
// decided when they began it. What has ended by itself meanwhile is left alone.
func (c Cascade) step(ctx context.Context, tx *db.Tx, ticketID string) error {
	t, err := ticket.Find(ctx, tx, machine(), ticketID)
	if errors.Is(err, errs.NotFound) {
		return nil // erased since
	}
	if err != nil || !t.Status.Active() || t.MergedInto != "" {
		return err
	}
	fresh, err := job.Step(ctx, tx, c.ID, t.Ref())
	if err != nil || !fresh {
		return err
	}
	people, err := identity.FindMany(ctx, tx, machine(), []string{c.By, t.RequesterID})
	if err != nil {
		return err
	}
	a := machine()
	if by, ok := people[c.By]; ok {
		a.ID, a.Name = by.ID, by.Name
	}
	body := c.Body
	if c.English != "" && people[t.RequesterID].Lang == string(i18n.EN) {
		body = c.English
	}
	if c.Do == Resolve {
		_, err = ticket.Resolve(ctx, tx, a, t.ID, ticket.Resolution{Body: body, Cause: c.Cause})
		return err
	}
	_, err = ticket.Reply(ctx, tx, a, t.ID, ticket.Say{Draught: ticket.Draught{Body: body}})
	return err
}

func machine() auth.Actor { return auth.System("cascade") }
