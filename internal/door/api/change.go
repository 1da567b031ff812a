package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/domain/ticket"
)

type changeIn struct {
	Identified
	Match string `header:"If-Match" required:"false" maxLength:"200" example:"\"3\"" doc:"ETag of the ticket as you read it; 412 when it has changed since."`
	Body  struct {
		Version      int64             `json:"version,omitempty" minimum:"1" example:"3" doc:"Version as you read it; 409 when it has changed since."`
		Subject      *string           `json:"subject,omitempty" maxLength:"200"`
		Type         *string           `json:"type,omitempty" enum:"incident,request" doc:"An incident may turn out to be a request; it keeps its number."`
		Impact       *int              `json:"impact,omitempty" minimum:"1" maximum:"4"`
		Urgency      *int              `json:"urgency,omitempty" minimum:"1" maximum:"4"`
		Priority     *int              `json:"priority,omitempty" minimum:"1" maximum:"4" doc:"By hand, against the matrix."`
		Category     *categoryArg      `json:"category,omitempty" doc:"\"\" = none."`
		Requester    *string           `json:"requester,omitempty" maxLength:"254" doc:"Mail address or id."`
		Tags         *[]string         `json:"tags,omitempty" maxItems:"30" doc:"All of them."`
		Fields       map[string]any    `json:"fields,omitempty" doc:"Only those to change; null clears one."`
		Queue        *string           `json:"queue,omitempty" maxLength:"200" doc:"Id or name; needs a reason. To a higher level, use escalations."`
		Assignee     opt[string]       `json:"assignee,omitempty" doc:"me, a mail address or an id; null = nobody."`
		Status       *string           `json:"status,omitempty" enum:"open,pending,cancelled" doc:"To resolve, put a resolution."`
		PendingOn    *ticket.PendingOn `json:"pending_on,omitempty" enum:"requester,third_party,date" doc:"With status pending."`
		PendingUntil *time.Time        `json:"pending_until,omitempty" doc:"With status pending: when it opens by itself."`
		Reason       string            `json:"reason,omitempty" maxLength:"5000" doc:"Why it changes queue or is cancelled or reopened."`
	}
}

// changeTicket applies everything asked for in one transaction: all of it or nothing.
func (s *server) changeTicket(ctx context.Context, tx *db.Tx, a auth.Actor, in *changeIn) (reply, error) {
	t, err := ticket.Find(ctx, tx, a, in.ID)
	if err != nil {
		return reply{}, err
	}
	if in.Match != "" && !holds(in.Match, t.Version) {
		return reply{}, &problem{Status: http.StatusPreconditionFailed, key: "api.stale", stale: true}
	}
	if v := in.Body.Version; v != 0 && v != t.Version {
		return reply{}, &problem{Status: http.StatusConflict, key: "api.stale", stale: true}
	}
	for _, step := range []func(context.Context, *db.Tx, auth.Actor, ticket.Ticket, *changeIn) error{
		s.changeProperties, s.changeQueue, changeAssignee, changeStatus,
	} {
		if err := step(ctx, tx, a, t, in); err != nil {
			return reply{}, err
		}
	}
	// It may have gone where the caller sees it no more; they are still told how they left it.
	if t, err = ticket.Find(ctx, tx, auth.System("api"), t.ID); err != nil {
		return reply{}, err
	}
	return s.told(ctx, tx, a, t)
}

func (s *server) changeProperties(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, in *changeIn) error {
	b := in.Body
	p := ticket.Patch{Subject: b.Subject, Impact: b.Impact, Urgency: b.Urgency, Priority: b.Priority, Tags: b.Tags, Fields: b.Fields}
	if b.Type != nil {
		k := ticket.Kind(*b.Type)
		p.Kind = &k
	}
	if b.Category != nil {
		id, err := s.category(ctx, tx, b.Category.path)
		if err != nil {
			return err
		}
		p.CategoryID = &id
	}
	if b.Requester != nil {
		id, err := requester(ctx, tx, a, *b.Requester, "")
		if err != nil {
			return err
		}
		p.RequesterID = &id
	}
	if p.Subject == nil && p.Kind == nil && p.Impact == nil && p.Urgency == nil && p.Priority == nil && p.Tags == nil &&
		p.Fields == nil && p.CategoryID == nil && p.RequesterID == nil {
		return nil
	}
	_, err := ticket.Update(ctx, tx, a, t.ID, p)
	return err
}

func (s *server) changeQueue(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, in *changeIn) error {
	if in.Body.Queue == nil {
		return nil
	}
	id, err := s.queue(ctx, tx, a, *in.Body.Queue)
	if err != nil || id == t.QueueID {
		return err
	}
	_, _, err = ticket.Escalate(ctx, tx, a, t.ID, ticket.Pass{QueueID: id, Reason: in.Body.Reason})
	return err
}

func changeAssignee(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, in *changeIn) error {
	o := in.Body.Assignee
	if !o.set {
		return nil
	}
	id := ""
	if o.v != "" {
		var err error
		if id, err = person(ctx, tx, a, o.v, "assignee"); err != nil {
			return err
		}
	}
	_, err := ticket.Assign(ctx, tx, a, t.ID, id, 0)
	return err
}

func changeStatus(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, in *changeIn) error {
	b := in.Body
	if b.Status == nil {
		return nil
	}
	now, err := ticket.Find(ctx, tx, auth.System("api"), t.ID) // taking a new ticket has opened it already
	if err != nil {
		return err
	}
	switch ticket.Status(*b.Status) {
	case ticket.Pending:
		on, until := ticket.OnRequester, time.Time{}
		if b.PendingUntil != nil {
			on, until = ticket.OnDate, b.PendingUntil.UTC().Truncate(time.Millisecond)
		}
		if b.PendingOn != nil {
			on = *b.PendingOn
		}
		_, err = ticket.Pend(ctx, tx, a, t.ID, on, until, 0)
		return renamed(err, map[string]string{"on": "pending_on", "until": "pending_until"})
	case ticket.Cancelled:
		_, err = ticket.Cancel(ctx, tx, a, t.ID, b.Reason)
	case now.Status:
	default:
		if now.Status == ticket.Resolved {
			_, err = ticket.Reopen(ctx, tx, a, t.ID, b.Reason)
		} else {
			_, err = ticket.Resume(ctx, tx, a, t.ID, 0)
		}
	}
	return renamed(err, map[string]string{"why": "reason"})
}

// renamed is err with the fields called as this door calls them.
func renamed(err error, names map[string]string) error {
	fields := errs.Fields(err)
	if fields == nil {
		return err
	}
	out := make([]errs.Field, len(fields))
	for i, f := range fields {
		if n := names[f.Name]; n != "" {
			f.Name = n
		}
		out[i] = f
	}
	return errs.InvalidFields(out)
}

// compare adds to a refusal for a stale version the ticket as it is and what was sent.
func (s *server) compare(c *call, p *problem) {
	ctx := c.r.Context()
	err := s.DB.Read(ctx, func(tx *db.Tx) error {
		t, err := ticket.Find(ctx, tx, c.actor, c.r.PathValue("id"))
		if err != nil {
			return err
		}
		p.Current, err = s.one(ctx, tx, c.actor, t)
		c.w.Header().Set("ETag", etag(t.Version))
		return err
	})
	if err != nil { // the refusal stands without it
		s.Log.WarnContext(ctx, "no current record beside a refusal", "error", err)
	}
	if c.body != nil && json.Valid(c.body.Bytes()) {
		p.Yours = json.RawMessage(append([]byte(nil), c.body.Bytes()...))
	}
}
