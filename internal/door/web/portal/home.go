package portal

import (
	"context"
	"net/http"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/portal"
)

// onHome is how many requests the first page shows.
const onHome = 3

// home greets, offers the ways in, and shows what became of the latest requests: those under way, then those solved
// lately, which may still be rated.
func (p portal) home(w http.ResponseWriter, r *http.Request) error {
	var v page.HomeView
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		me, err := identity.Find(ctx, tx, a, a.ID)
		if err != nil {
			return err
		}
		v.First = firstName(me.Greeting())
		if me.GivenName != "" {
			v.First = me.GivenName
		}
		mine, more, err := ticket.List(ctx, tx, a, ticket.Filter{Requester: a.ID, Active: true}, ticket.Page{Limit: onHome})
		if err != nil {
			return err
		}
		if len(mine) < onHome {
			done, _, err := ticket.List(ctx, tx, a, ticket.Filter{Requester: a.ID, ResolvedDays: 7}, ticket.Page{Limit: onHome - len(mine)})
			if err != nil {
				return err
			}
			mine = append(mine, done...)
		}
		v.HasMore = more != "" || len(mine) > 0
		if !v.HasMore {
			old, _, err := ticket.List(ctx, tx, a, ticket.Filter{Requester: a.ID}, ticket.Page{Limit: 1})
			if err != nil {
				return err
			}
			v.HasMore = len(old) > 0
		}
		for _, t := range mine {
			v.Requests = append(v.Requests, summary(i18n.From(ctx), t, tx.Now))
		}
		return nil
	})
	if err != nil {
		return err
	}
	s, err := p.Shell(w, r, i18n.T(r.Context(), "web.nav.home"), "home")
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.Home(s, v))
}

// answers is what the actor knows already about what they type.
func (p portal) answers(w http.ResponseWriter, r *http.Request) error {
	subject := text.Line(r.URL.Query().Get("subject"))
	if subject == "" {
		subject = text.Line(r.URL.Query().Get("q"))
	}
	var known []page.Known
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		if len([]rune(subject)) < 3 {
			return nil
		}
		found, _, err := ticket.List(ctx, tx, a, ticket.Filter{Requester: a.ID, Q: subject}, ticket.Page{Limit: 5})
		l := i18n.From(ctx)
		for _, t := range found {
			known = append(known, page.Known{Ref: t.Reference(), Subject: t.Subject, Href: address(t), State: l.T("portal.status." + string(t.Status))})
		}
		return err
	})
	if err != nil {
		return err
	}
	if r.URL.Query().Get("beside") != "" {
		return kit.Render(w, r, http.StatusOK, page.KnownBeside(known))
	}
	return kit.Render(w, r, http.StatusOK, page.Answers(subject, known))
}

func address(t ticket.Ticket) string { return page.RequestsPath + "/" + t.Reference() }

// firstName is how a person is called in a sentence.
func firstName(name string) string {
	return text.FirstName(name)
}
