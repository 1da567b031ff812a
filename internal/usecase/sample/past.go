package sample

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/event"
	"entraide/internal/domain/ticket"
)

// stories stores some stories in one transaction; the bytes of their files are stored before it.
func (f *Filler) stories(ctx context.Context, part []Story) error {
	files := make(map[string]ticket.Attachment)
	for _, s := range part {
		for _, step := range s.Steps {
			for _, file := range step.Files {
				ref, err := f.Blobs.Put(ctx, bytes.NewReader(file.Data), 0)
				if err != nil {
					return fmt.Errorf("sample: %s: %w", file.Name, err)
				}
				files[file.Name] = ticket.Attachment{Hash: ref.Hash, Name: file.Name, Size: ref.Size, ContentType: blob.Sniff(file.Name, file.Data)}
			}
		}
	}
	return f.DB.Write(ctx, func(tx *db.Tx) error {
		for _, s := range part {
			if _, err := ticket.Import(ctx, tx, auth.System(machine), f.past(s, files)); err != nil {
				return fmt.Errorf("sample: story %s: %w", s.ID, err)
			}
		}
		return nil
	})
}

// past turns a story into a ticket with its history.
func (f *Filler) past(s Story, files map[string]ticket.Attachment) ticket.Imported {
	t := ticket.Ticket{Kind: ticket.Kind(s.Type), Subject: s.Subject, Status: ticket.Status(s.Status), PendingOn: ticket.PendingOn(s.Pending),
		PendingUntil: s.PendingUntil, Impact: s.Impact, Urgency: s.Urgency, Priority: ticket.DefaultMatrix()[s.Impact-1][s.Urgency-1],
		CategoryID: f.categories[s.Category], QueueID: f.queues[s.Team].ID, Level: s.Level, AssigneeID: f.people[s.Assignee].ID,
		RequesterID: f.people[s.Requester].ID, Channel: ticket.Channel(s.Channel), ExternalID: s.ID, RespondedAt: s.FirstReplyAt,
		ResolvedAt: s.ResolvedAt, ClosedAt: s.ClosedAt, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt}
	if strings.HasPrefix(s.Category, "poste") && s.CreatedAt.Unix()/60%3 > 0 { // not everybody looks under the computer
		t.Fields = map[string]any{"poste": f.computers[s.Requester]}
	}
	p := &past{f: f, s: s, files: files, im: ticket.Imported{Ticket: t, Tags: s.Tags, MergedInto: s.MergedInto}, at: f.queues[s.Arrival]}
	for _, w := range s.Watchers {
		p.im.Watchers = append(p.im.Watchers, f.people[w].ID)
	}
	p.im.Stays = []ticket.Stay{{QueueID: p.at.ID, Level: p.at.Level, Entered: s.CreatedAt}}
	status := "new"
	for i, step := range s.Steps {
		p.step(i, step, &status)
	}
	if end := t.ClosedAt; !end.IsZero() && t.MergedInto != "" {
		last := &p.im.Stays[len(p.im.Stays)-1]
		last.Left, last.Spent = end, end.Sub(last.Entered)
	}
	return p.im
}

// past is a story on its way to becoming a ticket.
type past struct {
	f     *Filler
	s     Story
	files map[string]ticket.Attachment
	im    ticket.Imported
	at    ticket.Queue
}

func (p *past) event(step Step, kind string, internal bool, d event.Data) {
	e := event.Event{Kind: kind, At: step.At, Internal: internal, Data: d, Actor: machine}
	if who, ok := p.f.people[step.By]; ok {
		e.ActorID, e.Actor = who.ID, who.Name
	}
	p.im.Events = append(p.im.Events, e)
}

func (p *past) say(step Step, v ticket.Visibility) {
	if step.Text == "" {
		return
	}
	channel := ticket.Portal
	if step.By == p.s.Requester && len(p.im.Messages) == 0 {
		channel = ticket.Channel(p.s.Channel)
	}
	m := ticket.ImportedMessage{Message: ticket.Message{AuthorID: p.f.people[step.By].ID, Visibility: v, Channel: channel,
		ByAgent: step.By != p.s.Requester, Body: p.f.mentions(step.Text), CreatedAt: step.At}}
	for _, file := range step.Files {
		m.Files = append(m.Files, p.files[file.Name])
	}
	p.im.Messages = append(p.im.Messages, m)
}

// mentions makes "@Sophie Lemaire" a mention of her.
func (f *Filler) mentions(body string) string {
	if !strings.Contains(body, "@") {
		return body
	}
	for _, who := range f.people {
		body = strings.ReplaceAll(body, "@"+who.Name, "@["+who.Name+"](person:"+who.ID+")")
	}
	return body
}

func (p *past) step(i int, step Step, status *string) {
	change := func(to string) event.Data {
		d := event.Data{Changes: []event.Change{{Field: "status", From: *status, To: to}}}
		*status = to
		return d
	}
	switch step.Kind {
	case Message:
		p.say(step, ticket.Public)
		if i == 0 {
			p.event(step, "ticket.created", false, event.Data{})
			return
		}
		p.event(step, "ticket.replied", false, event.Data{})
	case Note:
		p.say(step, ticket.Internal)
		p.event(step, "ticket.noted", true, event.Data{})
	case Assign:
		to := p.f.people[step.To]
		p.event(step, "ticket.assigned", false, event.Data{Person: to.ID, Changes: []event.Change{{Field: "assignee", To: to.Name}}})
		*status = "open"
	case Escalate:
		p.escalate(step)
		*status = "open"
	case Pend:
		d := change("pending")
		d.Extra = map[string]string{"on": step.On}
		if !step.Until.IsZero() {
			d.Extra["until"] = step.Until.Format("2006-01-02T15:04:05Z")
		}
		p.event(step, "ticket.pending", false, d)
	case Resume:
		p.event(step, "ticket.opened", false, change("open"))
	case Resolve:
		p.say(step, ticket.Public)
		p.im.Ticket.Cause = step.Cause
		p.event(step, "ticket.resolved", false, change("resolved"))
	case Reopen:
		p.say(step, ticket.Public)
		p.im.Ticket.Reopened++
		p.im.Ticket.Cause = ""
		p.event(step, "ticket.reopened", false, change("open"))
	default:
		p.end(step, change)
	}
}

// end is for the steps that close or judge a story.
func (p *past) end(step Step, change func(string) event.Data) {
	switch step.Kind {
	case Rate:
		p.im.Rating = &ticket.Rating{Score: step.Score, Comment: step.Text, At: step.At}
		p.event(step, "ticket.rated", false, event.Data{Why: step.Text, Extra: map[string]string{"score": step.Score}})
	case Merge:
		p.event(step, "ticket.merged", false, change("closed"))
	case Cancel:
		d := change("cancelled")
		d.Why = step.Text
		p.event(step, "ticket.cancelled", false, d)
	case Close:
		p.event(step, "ticket.closed", false, change("closed"))
	}
}

func (p *past) escalate(step Step) {
	to := p.f.queues[step.Team]
	way := ticket.Across
	if to.Level > p.at.Level {
		way = ticket.Up
	}
	h := step.Handover
	p.im.Escalations = append(p.im.Escalations, ticket.Escalation{Way: way, FromQueueID: p.at.ID, ToQueueID: to.ID, FromLevel: p.at.Level,
		ToLevel: to.Level, ToPersonID: p.f.people[step.To].ID, Reason: h.Reason,
		Handover: ticket.Handover{Tried: h.Tried, Known: h.Known, Asked: h.Asked}, ByID: p.f.people[step.By].ID, At: step.At})
	last := &p.im.Stays[len(p.im.Stays)-1]
	last.Left, last.Spent = step.At, step.At.Sub(last.Entered)
	p.im.Stays = append(p.im.Stays, ticket.Stay{QueueID: to.ID, Level: to.Level, Entered: step.At})
	p.event(step, "ticket.escalated", false, event.Data{Why: h.Reason, Extra: map[string]string{"way": string(way), "from_queue": p.at.Name,
		"to_queue": to.Name, "from_level": strconv.Itoa(p.at.Level), "to_level": strconv.Itoa(to.Level)}})
	p.at = to
}
