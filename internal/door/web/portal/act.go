package portal

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/draft"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/portal"
	"entraide/internal/door/web/ui"
)

// asked finds the request of the address.
func asked(ctx context.Context, tx *db.Tx, a auth.Actor, r *http.Request) (ticket.Ticket, error) {
	return ticket.Find(ctx, tx, a, r.PathValue("ref"))
}

// done ends an action on a request.
func (p portal) done(w http.ResponseWriter, r *http.Request, t ticket.Ticket, rest, key string) error {
	return p.Done(w, r, address(t)+rest, ui.Flash{Text: i18n.T(r.Context(), key, "ref", t.Reference())})
}

// reply adds a message. Refused, the page comes back with the text and the files.
func (p portal) reply(w http.ResponseWriter, r *http.Request) error {
	values, files, failed := p.MultipartForm(w, r)
	if failed != nil && !errors.Is(failed, errs.Invalid) || values == nil {
		return failed
	}
	in := inputs(values)
	if failed != nil {
		files = append(in["attachment"], files...)
	}
	var t ticket.Ticket
	var m ticket.Message
	var twice bool
	err := failed
	if err == nil {
		err = p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
			if t, err = asked(ctx, tx, a, r); err != nil {
				return err
			}
			if twice, err = kit.Twice(ctx, tx, a, in.get("once"), in.get("text")); err != nil || twice {
				return err
			}
			m, err = ticket.Reply(ctx, tx, a, t.ID, ticket.Say{Draught: ticket.Draught{Body: strings.TrimSpace(in.get("text")), Attachments: files}, Channel: ticket.Portal, Seen: in.get("seen")})
			if err != nil {
				return err
			}
			return draft.Delete(ctx, tx, a, replyDraft(t))
		})
	}
	if err == nil {
		return p.done(w, r, t, "#m-"+m.ID, "portal.replied") // of one sent twice, the anchor is nowhere: the top
	}
	status := http.StatusUnprocessableEntity
	if errors.Is(err, errs.Conflict) {
		status = http.StatusConflict
	} else if !errors.Is(err, errs.Invalid) {
		return err
	}
	back := again{text: in.get("text"), files: files, typed: true, wrong: kit.ProblemOf(r.Context(), err).Text}
	return p.show(w, r, status, back)
}

// rate keeps the opinion of the requester.
func (p portal) rate(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	in := inputs(r.PostForm)
	var t ticket.Ticket
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if t, err = asked(ctx, tx, a, r); err != nil {
			return err
		}
		return ticket.Rate(ctx, tx, a, t.ID, ticket.Rating{Score: in.get("score"), Comment: in.get("comment")})
	})
	if errors.Is(err, errs.Invalid) {
		return p.show(w, r, http.StatusUnprocessableEntity, again{score: in.get("score"), comment: in.get("comment"), edit: true, unrated: kit.ProblemOf(r.Context(), err).Text})
	}
	if err != nil {
		return err
	}
	return p.done(w, r, t, "", "portal.rated")
}

// reopen says that it is not solved after all; what was written about the opinion is the reason.
func (p portal) reopen(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	var t ticket.Ticket
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if t, err = asked(ctx, tx, a, r); err != nil {
			return err
		}
		t, err = ticket.Reopen(ctx, tx, a, t.ID, r.PostForm.Get("comment"))
		return err
	})
	switch {
	case err == nil:
		return p.done(w, r, t, "", "portal.reopened")
	case errors.Is(err, errs.Conflict), errors.Is(err, errs.Invalid):
		problem := kit.ProblemOf(r.Context(), err)
		return p.show(w, r, problem.Status, again{notice: problem.Text, comment: r.PostForm.Get("comment")})
	}
	return err
}

// askCancel asks before a request is withdrawn.
func (p portal) askCancel(w http.ResponseWriter, r *http.Request) error {
	var t ticket.Ticket
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if t, err = asked(ctx, tx, a, r); err != nil {
			return err
		}
		return t.MayCancel(a)
	})
	if err != nil {
		return err
	}
	return p.showCancel(w, r, http.StatusOK, page.CancelView{Ref: t.Reference(), Subject: t.Subject})
}

func (p portal) showCancel(w http.ResponseWriter, r *http.Request, status int, v page.CancelView) error {
	s, err := p.Shell(w, r, i18n.T(r.Context(), "portal.cancel"), "requests")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.Cancel(s, v))
}

func (p portal) cancel(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	why := r.PostForm.Get("why")
	var t ticket.Ticket
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if t, err = asked(ctx, tx, a, r); err != nil {
			return err
		}
		_, err = ticket.Cancel(ctx, tx, a, t.ID, why)
		return err
	})
	if errors.Is(err, errs.Invalid) {
		return p.showCancel(w, r, http.StatusUnprocessableEntity, page.CancelView{Ref: t.Reference(), Subject: t.Subject, Why: why, Error: kit.ProblemOf(r.Context(), err).Text})
	}
	if err != nil {
		return err
	}
	return p.done(w, r, t, "", "portal.cancelled")
}

// found is how many colleagues a search shows.
const found = 8

// people finds colleagues to put in copy.
func (p portal) people(w http.ResponseWriter, r *http.Request) error {
	v, err := p.lookUp(r)
	if err != nil {
		return err
	}
	if kit.Fragment(r) {
		return kit.Render(w, r, http.StatusOK, page.Found(v))
	}
	return p.showPeople(w, r, http.StatusOK, v)
}

func (p portal) showPeople(w http.ResponseWriter, r *http.Request, status int, v page.PeopleView) error {
	s, err := p.Shell(w, r, i18n.T(r.Context(), "portal.watch.add"), "requests")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.People(s, v))
}

func (p portal) lookUp(r *http.Request) (page.PeopleView, error) {
	v := page.PeopleView{Query: text.Line(r.URL.Query().Get("q"))}
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		t, err := asked(ctx, tx, a, r)
		if err != nil {
			return err
		}
		if !t.Own(a) && !t.AsAgent(a) {
			return errs.Because(errs.Forbidden, "portal.watch.not_yours")
		}
		v.Ref, v.Subject = t.Reference(), t.Subject
		if v.Query == "" {
			return nil
		}
		all, err := identity.Search(ctx, tx, a, v.Query, found+1)
		for _, c := range all {
			if c.ID != t.RequesterID && len(v.Found) < found {
				v.Found = append(v.Found, ui.Person{ID: c.ID, Name: c.Name, Image: ui.PhotoPath(c.ID, c.Avatar), Detail: detail(c)})
			}
		}
		return err
	})
	return v, err
}

func detail(c identity.Person) string {
	switch {
	case c.Title != "" && c.Site != "":
		return c.Title + " · " + c.Site
	case c.Title != "":
		return c.Title
	}
	return c.Site
}

func (p portal) watch(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	var t ticket.Ticket
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if t, err = asked(ctx, tx, a, r); err != nil {
			return err
		}
		return ticket.Watch(ctx, tx, a, t.ID, r.PostForm.Get("person"))
	})
	if errors.Is(err, errs.Invalid) {
		v, shown := p.lookUp(r)
		if shown != nil {
			return shown
		}
		v.Error = kit.ProblemOf(r.Context(), err).Text
		return p.showPeople(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	return p.done(w, r, t, "", "portal.watched")
}

// unwatch takes somebody out of copy. Who leaves themselves may not see the request any more.
func (p portal) unwatch(w http.ResponseWriter, r *http.Request) error {
	var t ticket.Ticket
	var own bool
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if t, err = asked(ctx, tx, a, r); err != nil {
			return err
		}
		own = t.Own(a)
		return ticket.Unwatch(ctx, tx, a, t.ID, r.PathValue("person"))
	})
	if err != nil {
		return err
	}
	if !own {
		return p.Done(w, r, page.RequestsPath, ui.Flash{Text: i18n.T(r.Context(), "portal.unwatched", "ref", t.Reference())})
	}
	return p.done(w, r, t, "", "portal.unwatched")
}
