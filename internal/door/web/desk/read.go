package desk

import (
	"context"
	"errors"
	"maps"
	"slices"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/setting"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/draft"
	"entraide/internal/domain/form"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
)

// dossier is everything that the page of a ticket shows, read in a constant number of statements.
type dossier struct {
	frame
	t           ticket.Ticket
	into        ticket.Ticket // that it was merged into
	messages    []ticket.Message
	events      []event.Event
	escalations []ticket.Escalation
	stays       []ticket.Stay
	tags        []string
	watchers    []ticket.Watcher
	links       []ticket.Link
	past        []ticket.Ticket
	pastMore    bool
	requester   identity.Person
	people      map[string]identity.Person
	present     []ticket.Presence
	fields      []form.Field
	team        []ticket.Colleague
	queues      []ticket.Queue
	drafts      []draft.Draft
	uploads     map[string]ticket.Attachment // files that wait in the composer, by id
	policy      ticket.Policy
	rating      ticket.Rating
	rated       bool
	sent        map[string]channel.Delivery // by message
	asked       []doubt                     // mails that may belong to another ticket
	behind      behind
}

// readDossier reads the ticket ref for its page.
// Errors: errs.NotFound; as readFrame.
func readDossier(ctx context.Context, tx *db.Tx, a auth.Actor, ref string, q query) (d dossier, err error) {
	if d.t, err = ticket.Find(ctx, tx, a, ref); err != nil {
		return d, err
	}
	if err := d.t.MayNote(a); err != nil { // on the ticket as a person, not as the desk
		return d, err
	}
	d.frame, err = readFrame(ctx, tx, a, q, d.t.ID)
	if errors.Is(err, errs.NotFound) || errors.Is(err, errs.Invalid) { // an old link: the ticket counts
		d.frame, err = readFrame(ctx, tx, a, query{view: "mine"}, d.t.ID)
	}
	for _, read := range []func(context.Context, *db.Tx, auth.Actor) error{d.readTalk, d.readAround, d.readForms} {
		if err != nil {
			return d, err
		}
		err = read(ctx, tx, a)
	}
	return d, err
}

// readTalk reads what was said and what happened.
func (d *dossier) readTalk(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
	if d.messages, err = ticket.Conversation(ctx, tx, a, d.t); err != nil {
		return err
	}
	if d.events, err = ticket.Timeline(ctx, tx, a, d.t); err != nil {
		return err
	}
	if d.escalations, err = ticket.Escalations(ctx, tx, a, d.t); err != nil {
		return err
	}
	if d.stays, err = ticket.Stays(ctx, tx, d.t); err != nil {
		return err
	}
	if d.t.MergedInto != "" {
		if d.into, err = ticket.Find(ctx, tx, a, d.t.MergedInto); err != nil && !errors.Is(err, errs.NotFound) {
			return err
		}
	}
	ids := map[string]bool{d.t.RequesterID: true}
	var said []string
	for _, m := range d.messages {
		ids[m.AuthorID], said = true, append(said, m.ID)
	}
	for _, e := range d.events {
		ids[e.Data.Person], ids[e.ActorID] = true, true
	}
	delete(ids, "")
	if d.people, err = identity.FindMany(ctx, tx, a, slices.Collect(maps.Keys(ids))); err != nil {
		return err
	}
	d.requester = d.people[d.t.RequesterID]
	if d.sent, err = channel.DeliveryOf(ctx, tx, a, said); err != nil {
		return err
	}
	d.present, err = ticket.Present(ctx, tx, a, d.t)
	return err
}

// readAround reads what stands beside the conversation.
func (d *dossier) readAround(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
	if d.tags, err = ticket.Tags(ctx, tx, d.t); err != nil {
		return err
	}
	if d.watchers, err = ticket.Watchers(ctx, tx, d.t); err != nil {
		return err
	}
	if d.links, err = ticket.Links(ctx, tx, a, d.t); err != nil {
		return err
	}
	if err = d.readProblem(ctx, tx, a); err != nil {
		return err
	}
	if d.asked, err = askedOf(ctx, tx, a, d.t); err != nil {
		return err
	}
	if d.rating, d.rated, err = ticket.RatingOf(ctx, tx, d.t); err != nil {
		return err
	}
	past, next, err := ticket.List(ctx, tx, a, ticket.Filter{Requester: d.t.RequesterID}, ticket.Page{Sort: ticket.ByCreated, Limit: pastShown + 1})
	d.past = slices.DeleteFunc(past, func(t ticket.Ticket) bool { return t.ID == d.t.ID })
	d.pastMore = next != "" || len(d.past) > pastShown
	d.past = d.past[:min(len(d.past), pastShown)]
	return err
}

// pastShown is how many of a requester's other tickets are named.
const pastShown = 6

// readForms reads what the forms of the page offer.
func (d *dossier) readForms(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
	var path []string
	for _, c := range d.tree.Path(d.t.CategoryID) {
		path = append(path, c.ID)
	}
	if d.fields, err = form.For(ctx, tx, string(d.t.Kind), path); err != nil {
		return err
	}
	if d.team, err = ticket.Colleagues(ctx, tx, a, d.t.TeamID); err != nil {
		return err
	}
	if d.queues, err = ticket.Destinations(ctx, tx, a); err != nil {
		return err
	}
	if d.policy, err = setting.Get(ctx, tx, ticket.PolicyKey, ticket.DefaultPolicy()); err != nil {
		return err
	}
	d.drafts, err = draft.List(ctx, tx, a, draftKey(d.t.ID, ""))
	return err
}
