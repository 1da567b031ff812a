package ticket

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
)

// JobCascade is the kind of the job that brings a Cascade to its tickets; JobCascadeBefore is the kind that versions promised
// which knew problems only, of the same payload.
const (
	JobCascade       = "ticket.cascade"
	JobCascadeBefore = "problem.cascade"
)

// MaxCascade is how many tickets one cascade takes at most.
const MaxCascade = 2000

// Spread is what a cascade does to each ticket.
type Spread string

// What may be done.
const (
	TellAll    Spread = "tell"    // reply
	ResolveAll Spread = "resolve" // resolve, with a last message when there is one
)

// Cascade brings one thing to many tickets: the same answer, or the same end. It is a durable job that takes one ticket
// after another, each in a transaction of its own that also notes the step. A crash leaves each ticket done or untouched,
// and nobody is told twice.
type Cascade struct {
	ID      string   `json:"id"`
	Do      Spread   `json:"do"`
	By      string   `json:"by"`              // person who began it; "" = the machine
	Body    string   `json:"body"`            // Markdown
	English string   `json:"en,omitempty"`    // Markdown for requesters who read English; "" = Body
	Cause   string   `json:"cause,omitempty"` // for the desk, of a resolution
	Tickets []string `json:"incidents"`       // ids
}

// StartCascade promises c, in a's name. Whether a may is for the caller to decide.
func StartCascade(ctx context.Context, tx *db.Tx, a auth.Actor, c Cascade) error {
	c.ID, c.By, c.Body, c.English = id.New(), a.ID, text.Clean(c.Body), text.Clean(c.English)
	return job.Insert(ctx, tx, job.New{Kind: JobCascade, Key: c.ID, Payload: c})
}

// CascadeHandler returns the handler of JobCascade.
func CascadeHandler(d *db.DB) job.Handler {
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
	t, err := Find(ctx, tx, auth.System("cascade"), ticketID)
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
	people, err := identity.FindMany(ctx, tx, auth.System("cascade"), []string{c.By, t.RequesterID})
	if err != nil {
		return err
	}
	a := auth.System("cascade")
	if by, ok := people[c.By]; ok {
		a.ID, a.Name = by.ID, by.Name
	}
	body := c.Body
	if c.English != "" && people[t.RequesterID].Lang == string(i18n.EN) {
		body = c.English
	}
	if c.Do == ResolveAll {
		_, err = Resolve(ctx, tx, a, t.ID, Resolution{Body: body, Cause: c.Cause})
		return err
	}
	_, err = Reply(ctx, tx, a, t.ID, Say{Draught: Draught{Body: body}})
	return err
}
