package desk

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/desk"
	"entraide/internal/door/web/ui"
	"entraide/internal/usecase/problems"
)

// action does one thing to a ticket and returns the ticket to show next and the key of what to say; a plain text as
// args of that key.
type action func(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (next ticket.Ticket, key string, err error)

// actions are what the forms of a ticket do, by the noun in their address.
func actions() map[string]action {
	return map[string]action{
		"assignment": assign, "pending": pend, "resolution": resolve, "reopening": reopen, "cancellation": cancel,
		"escalations": escalate, "return": giveBack, "lead": callLead, "merge": merge, "split": split, "links": links,
		"watchers": watchers, "tags": tags, "problem": openProblem, "dossier": saveProblem, "broadcast": tellAll,
	}
}

// act serves an action. What is refused comes back as the same form with what was typed.
func (d *desk) act(name string, run action) kit.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := d.Form(w, r); err != nil {
			return err
		}
		var next ticket.Ticket
		var key string
		var gone bool
		form := clean(r.PostForm)
		err := d.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			t, err := ticket.Find(ctx, tx, a, r.PathValue("ref"))
			if err != nil {
				return err
			}
			if next, key, err = run(ctx, tx, a, t, form); err != nil {
				return err
			}
			_, err = ticket.Find(ctx, tx, a, next.ID)
			if gone = errors.Is(err, errs.NotFound); gone { // handed to a queue that only its team reads
				err = nil
			}
			return err
		})
		switch {
		case err == nil && gone:
			q := readQuery(r.URL.Query())
			return d.Done(w, r, link(viewPath(q.view), q.values(false)), ui.Flash{Text: i18n.T(r.Context(), key, "ref", next.Reference())})
		case err == nil:
			return d.Done(w, r, here(next.Reference(), r.URL.Query()), ui.Flash{Text: i18n.T(r.Context(), key, "ref", next.Reference())})
		case errors.Is(err, errs.Invalid), errors.Is(err, errs.Conflict):
			p := kit.ProblemOf(r.Context(), err)
			return d.show(w, r, p.Status, page.Form{Name: name, Values: form, Mistakes: ui.MistakesOf(r.Context(), err), Text: p.Text})
		default:
			return err
		}
	}
}

func assign(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (ticket.Ticket, string, error) {
	if form.Get("take") != "" {
		t, err := ticket.Take(ctx, tx, a, t.ID)
		return t, "desk.done.taken", err
	}
	key := "desk.done.assigned"
	if form.Get("person") == "" {
		key = "desk.done.freed"
	}
	t, err := ticket.Assign(ctx, tx, a, t.ID, form.Get("person"), 0)
	return t, key, err
}

func pend(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (ticket.Ticket, string, error) {
	if form.Get("resume") != "" {
		t, err := ticket.Resume(ctx, tx, a, t.ID, 0)
		return t, "desk.done.opened", err
	}
	until, err := instant(i18n.From(ctx), form.Get("until"))
	if err != nil {
		return t, "", err
	}
	t, err = ticket.Pend(ctx, tx, a, t.ID, ticket.PendingOn(form.Get("on")), until, 0)
	return t, "desk.done.pending", err
}

// instant reads what a date and time field holds, in the reader's zone; a day alone is its morning.
// Errors: errs.Invalid (until).
func instant(l i18n.Loc, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	zone := l.In(time.Unix(0, 0)).Location()
	if at, err := time.ParseInLocation("2006-01-02T15:04", s, zone); err == nil {
		return at, nil
	}
	if at, err := time.ParseInLocation("2006-01-02", s, zone); err == nil {
		return at.Add(8 * time.Hour), nil
	}
	return time.Time{}, errs.InvalidField("until", "desk.until.wrong")
}

func resolve(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (ticket.Ticket, string, error) {
	r := ticket.Resolution{Body: form.Get("body"), Cause: form.Get("cause")}
	if t.Kind == ticket.Problem {
		t, err := problems.Resolve(ctx, tx, a, t.ID, r, form["incidents"])
		return t, "desk.done.resolved", err
	}
	t, err := ticket.Resolve(ctx, tx, a, t.ID, r)
	return t, "desk.done.resolved", err
}

func reopen(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (ticket.Ticket, string, error) {
	t, err := ticket.Reopen(ctx, tx, a, t.ID, form.Get("why"))
	return t, "desk.done.reopened", err
}

func cancel(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (ticket.Ticket, string, error) {
	t, err := ticket.Cancel(ctx, tx, a, t.ID, form.Get("why"))
	return t, "desk.done.cancelled", err
}

// still refuses a handover from a queue that the ticket has left since the page was drawn.
func still(t ticket.Ticket, form url.Values) error {
	if from := form.Get("from"); from != "" && from != t.QueueID {
		return errs.Because(errs.Conflict, "desk.moved", "ref", t.Reference(), "queue", t.QueueName)
	}
	return nil
}

func escalate(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (ticket.Ticket, string, error) {
	if err := still(t, form); err != nil {
		return t, "", err
	}
	if form.Get("queue") == "" {
		return t, "", errs.InvalidField("queue", "desk.escalate.choose")
	}
	t, _, err := ticket.Escalate(ctx, tx, a, t.ID, ticket.Pass{QueueID: form.Get("queue"), PersonID: form.Get("person"), Reason: form.Get("reason"),
		Handover: ticket.Handover{Tried: form.Get("handover.tried"), Known: form.Get("handover.known"), Asked: form.Get("handover.asked")}})
	return t, "desk.done.escalated", err
}

func giveBack(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (ticket.Ticket, string, error) {
	if err := still(t, form); err != nil {
		return t, "", err
	}
	t, _, err := ticket.Return(ctx, tx, a, t.ID, form.Get("advice"), 0)
	return t, "desk.done.returned", err
}

func callLead(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (ticket.Ticket, string, error) {
	_, err := ticket.CallLead(ctx, tx, a, t.ID, form.Get("reason"))
	return t, "desk.done.lead", err
}

// other finds the ticket that a form names by its reference.
// Errors: errs.Invalid (ticket) when there is none.
func other(ctx context.Context, tx *db.Tx, a auth.Actor, ref string) (ticket.Ticket, error) {
	o, err := ticket.Find(ctx, tx, a, strings.TrimSpace(ref))
	if errors.Is(err, errs.NotFound) {
		return o, errs.InvalidField("ticket", "desk.ticket.none", "ref", text.Excerpt(ref, 40))
	}
	return o, err
}

func merge(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (ticket.Ticket, string, error) {
	into, err := other(ctx, tx, a, form.Get("into"))
	if err != nil {
		return t, "", err
	}
	into, err = ticket.Merge(ctx, tx, a, t.ID, into.ID)
	return into, "desk.done.merged", err
}

func split(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (ticket.Ticket, string, error) {
	t, err := ticket.Split(ctx, tx, a, t.ID, ticket.Parting{Messages: form["messages"], Subject: form.Get("subject")})
	return t, "desk.done.split", err
}

func links(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (ticket.Ticket, string, error) {
	kind := ticket.LinkKind(form.Get("kind"))
	if ref := form.Get("remove"); ref != "" {
		o, err := other(ctx, tx, a, ref)
		if err == nil {
			err = ticket.RemoveLink(ctx, tx, a, t.ID, o.ID, kind)
		}
		return t, "desk.done.unlinked", err
	}
	o, err := other(ctx, tx, a, form.Get("other"))
	if err == nil {
		err = ticket.AddLink(ctx, tx, a, t.ID, o.ID, kind)
	}
	return t, "desk.done.linked", err
}

func watchers(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (ticket.Ticket, string, error) {
	if id := form.Get("remove"); id != "" {
		return t, "desk.done.unwatched", ticket.Unwatch(ctx, tx, a, t.ID, id)
	}
	if form.Get("me") != "" {
		return t, "desk.done.watched", ticket.Watch(ctx, tx, a, t.ID, a.ID)
	}
	id, err := findPerson(ctx, tx, a, "person", form.Get("person"))
	if err == nil {
		err = ticket.Watch(ctx, tx, a, t.ID, id)
	}
	return t, "desk.done.watched", err
}

func tags(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (ticket.Ticket, string, error) {
	list := splitTags(form.Get("tags"))
	t, err := ticket.Update(ctx, tx, a, t.ID, ticket.Patch{Tags: &list})
	return t, "desk.done.changed", err
}

func splitTags(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ';' })
}

// findPerson returns the id of the one person whom a typed name or address means.
// Errors: errs.Invalid (field) when it means nobody or several.
func findPerson(ctx context.Context, tx *db.Tx, a auth.Actor, field, typed string) (string, error) {
	typed = text.Line(typed)
	if typed == "" {
		return "", errs.InvalidField(field, "desk.person.missing")
	}
	if strings.Contains(typed, "@") {
		p, err := identity.FindByEmail(ctx, tx, a, typed)
		if errors.Is(err, errs.NotFound) {
			return "", errs.InvalidField(field, "desk.person.none", "typed", text.Excerpt(typed, 60))
		}
		return p.ID, err
	}
	list, err := identity.Search(ctx, tx, a, typed, 2)
	if err != nil {
		return "", err
	}
	switch {
	case len(list) == 0:
		return "", errs.InvalidField(field, "desk.person.none", "typed", text.Excerpt(typed, 60))
	case len(list) > 1 && text.Fold(list[0].Name) != text.Fold(typed):
		return "", errs.InvalidField(field, "desk.person.many", "typed", text.Excerpt(typed, 60))
	}
	return list[0].ID, nil
}

// next gives the agent the most pressing ticket that nobody has, and says why it is that one.
func (d *desk) next(w http.ResponseWriter, r *http.Request) error {
	var t ticket.Ticket
	var why ticket.Reason
	var ok bool
	var left string
	err := d.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		t, why, ok, err = ticket.Next(ctx, tx, a)
		if due := t.NextDue(); !due.IsZero() {
			left = i18n.From(ctx).Duration(due.Sub(tx.Now).Round(time.Minute))
		}
		return err
	})
	if err != nil {
		return err
	}
	l := i18n.From(r.Context())
	if !ok {
		return d.Done(w, r, viewPath("unassigned"), ui.Flash{Text: l.T("desk.next.none"), Icon: "inbox"})
	}
	q := url.Values{"view": {"mine"}}
	return d.Done(w, r, link("/desk/tickets/"+t.Reference(), q), ui.Flash{Text: l.T("desk.next."+string(why), "ref", t.Reference(), "left", left, "priority", ui.PriorityName(l, t.Priority))})
}
