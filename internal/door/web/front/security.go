package front

import (
	"context"
	"errors"
	"net/http"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/identity"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/front"
	"entraide/internal/door/web/ui"
)

const securityPath = ui.ProfilePath + "/security"

func (p pages) security(w http.ResponseWriter, r *http.Request) error {
	return p.showSecurity(w, r, http.StatusOK, page.Security{})
}

func (p pages) showSecurity(w http.ResponseWriter, r *http.Request, status int, v page.Security) error {
	ctx := r.Context()
	l, now, here := i18n.From(ctx), p.DB.Now(), kit.SessionOf(ctx)
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		sessions, err := identity.ListSessions(ctx, tx, a, a.ID)
		if err != nil {
			return err
		}
		for _, s := range sessions {
			v.Sessions = append(v.Sessions, page.Session{ID: s.ID, Browser: s.UserAgent, Address: s.Address, Seen: l.Ago(s.Seen, now), Here: s.ID == here.ID})
		}
		tokens, err := identity.ListTokens(ctx, tx, a, a.ID)
		for _, t := range tokens {
			used := l.T("front.token.never")
			if !t.Used.IsZero() {
				used = l.Ago(t.Used, now)
			}
			v.Tokens = append(v.Tokens, page.Token{ID: t.ID, Name: t.Name, Used: used, Expires: l.Date(t.Expires)})
		}
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.Shell(w, r, l.T("front.security.title"), "profile")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.SecurityPage(s, v))
}

func (p pages) savePassword(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	ctx := r.Context()
	err := identity.ChangePassword(ctx, p.DB, p.Hasher, auth.From(ctx), r.PostFormValue("old"), r.PostFormValue("password"))
	if errors.Is(err, errs.Invalid) {
		return p.showSecurity(w, r, http.StatusUnprocessableEntity, page.Security{Mistakes: ui.MistakesOf(ctx, err)})
	}
	if key, args, ok := errs.Reason(err); ok && errors.Is(err, errs.Forbidden) {
		return p.showSecurity(w, r, http.StatusUnprocessableEntity, page.Security{Mistakes: ui.Mistakes{{Name: "old", Text: i18n.T(ctx, key, args...)}}})
	}
	if err != nil {
		return err
	}
	return p.Done(w, r, securityPath, ui.Flash{Text: i18n.T(ctx, "front.password.changed")})
}

func (p pages) endSession(w http.ResponseWriter, r *http.Request) error {
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return identity.RevokeSession(ctx, tx, a, r.PathValue("id"))
	})
	if err != nil {
		return err
	}
	return p.Done(w, r, securityPath, ui.Flash{Text: i18n.T(r.Context(), "front.session.ended")})
}

func (p pages) makeToken(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	var secret string
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		var expires time.Time
		if days := kit.Int(r.PostFormValue("days")); days > 0 {
			expires = tx.Now.AddDate(0, 0, days)
		}
		secret, _, err = identity.IssueToken(ctx, tx, a, a.ID, r.PostFormValue("name"), r.PostForm["scope"], expires)
		return err
	})
	v := page.Security{TokenName: r.PostFormValue("name")}
	if errors.Is(err, errs.Invalid) {
		v.TokenMistakes = ui.MistakesOf(r.Context(), err)
		return p.showSecurity(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	v.TokenName, v.Secret = "", secret // shown now and never again
	return p.showSecurity(w, r, http.StatusOK, v)
}

func (p pages) dropToken(w http.ResponseWriter, r *http.Request) error {
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return identity.RevokeToken(ctx, tx, a, r.PathValue("id"))
	})
	if err != nil {
		return err
	}
	return p.Done(w, r, securityPath, ui.Flash{Text: i18n.T(r.Context(), "front.token.revoked")})
}
