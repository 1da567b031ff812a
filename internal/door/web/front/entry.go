// Package front serves what surrounds the portal and the desk: getting in, one's own profile, notifications.
package front

import (
	"context"
	"errors"
	"net/http"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/identity"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/front"
	"entraide/internal/door/web/ui"
	"entraide/internal/usecase/access"
)

type pages struct{ *kit.Kit }

// Mount registers the routes.
func Mount(k *kit.Kit) {
	p := pages{k}
	k.Route(kit.Everyone, "GET "+ui.SignInPath, p.signInForm)
	k.Route(kit.Everyone, "POST "+ui.SignInPath, p.signIn)
	k.Route(kit.Everyone, "POST "+ui.SignOutPath, p.signOut)
	k.Route(kit.Everyone, "POST "+ui.LanguagePath, p.language)
	k.Route(kit.Everyone, "GET /forgot", p.forgotForm)
	k.Route(kit.Everyone, "POST /forgot", p.forgot)
	k.Route(kit.Everyone, "GET "+access.Path+"{token}", p.welcomeForm)
	k.Route(kit.Everyone, "POST "+access.Path+"{token}", p.welcome)
	p.mountInbox()
	p.mountMe()
}

func (p pages) signInForm(w http.ResponseWriter, r *http.Request) error {
	back := kit.Local(r.FormValue("back"), ui.HomePath)
	if auth.From(r.Context()).ID != "" {
		return kit.Redirect(w, r, back)
	}
	return p.showSignIn(w, r, http.StatusOK, page.Entry{Back: back})
}

func (p pages) showSignIn(w http.ResponseWriter, r *http.Request, status int, e page.Entry) error {
	s, err := p.Shell(w, r, i18n.T(r.Context(), "front.sign_in.title"), "")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.SignIn(s, e))
}

func (p pages) signIn(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	e := page.Entry{Who: r.PostFormValue("who"), Back: kit.Local(r.PostFormValue("back"), ui.HomePath)}
	person, err := identity.SignIn(r.Context(), p.DB, p.Hasher, e.Who, r.PostFormValue("password"), p.Address(r))
	if key, args, ok := errs.Reason(err); ok && errors.Is(err, errs.Forbidden) {
		e.Wrong = i18n.T(r.Context(), key, args...)
		return p.showSignIn(w, r, http.StatusUnprocessableEntity, e)
	}
	if err != nil {
		return err
	}
	if err := p.SignIn(w, r, person); err != nil {
		return err
	}
	return kit.Redirect(w, r, e.Back)
}

func (p pages) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := p.SignOut(w, r); err != nil {
		return err
	}
	return kit.Redirect(w, r, ui.SignInPath)
}

func (p pages) language(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	lang := i18n.Match(r.PostFormValue("lang"), "")
	if a := auth.From(r.Context()); a.ID != "" {
		err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			_, err := identity.Update(ctx, tx, a, a.ID, 0, func(me *identity.Person) { me.Lang = string(lang) })
			return err
		})
		if err != nil {
			return err
		}
	}
	p.SetLanguage(w, lang)
	return kit.Redirect(w, r, kit.Local(r.PostFormValue("back"), ui.HomePath))
}

func (p pages) forgotForm(w http.ResponseWriter, r *http.Request) error {
	return p.showForgot(w, r, http.StatusOK, page.Forgotten{})
}

func (p pages) showForgot(w http.ResponseWriter, r *http.Request, status int, f page.Forgotten) error {
	s, err := p.Shell(w, r, i18n.T(r.Context(), "front.forgot.title"), "")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.Forgot(s, f))
}

func (p pages) forgot(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	email := r.PostFormValue("email")
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, _ auth.Actor) error {
		return access.SendReset(ctx, tx, p.Config.BaseURL, email)
	})
	if err != nil && !errors.Is(err, errs.Invalid) && !errors.Is(err, errs.NotFound) && !errors.Is(err, errs.Forbidden) {
		return err
	}
	// The answer is the same whatever happened: it must not tell who has an account.
	return p.showForgot(w, r, http.StatusOK, page.Forgotten{Email: email, Sent: true})
}

// link finds what a one-time link is for.
func (p pages) link(r *http.Request) (l identity.Link, err error) {
	err = p.Read(r, func(ctx context.Context, tx *db.Tx, _ auth.Actor) error {
		l, err = identity.FindLink(ctx, tx, r.PathValue("token"))
		return err
	})
	return l, err
}

func (p pages) welcomeForm(w http.ResponseWriter, r *http.Request) error {
	l, err := p.link(r)
	if err != nil {
		return err
	}
	return p.showWelcome(w, r, http.StatusOK, page.Arrival{First: l.Purpose == identity.ForBootstrap, Name: l.Name, Email: l.Email})
}

func (p pages) showWelcome(w http.ResponseWriter, r *http.Request, status int, a page.Arrival) error {
	w.Header().Set("Referrer-Policy", "no-referrer") // the address is a secret
	s, err := p.Shell(w, r, i18n.T(r.Context(), "front.welcome.title"), "")
	if err != nil {
		return err
	}
	s.Path = ui.SignInPath
	a.Action = r.URL.Path
	return kit.Render(w, r, status, page.Welcome(s, a))
}

func (p pages) welcome(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	l, err := p.link(r)
	if err != nil {
		return err
	}
	ctx, token, password := r.Context(), r.PathValue("token"), r.PostFormValue("password")
	a := page.Arrival{First: l.Purpose == identity.ForBootstrap, Name: l.Name, Email: l.Email}
	person := l.PersonID
	if a.First {
		a.Name, a.Email = r.PostFormValue("name"), r.PostFormValue("email")
		var made identity.Person
		made, err = identity.UseBootstrap(ctx, p.DB, p.Hasher, token, identity.Person{Name: a.Name, Email: a.Email, Lang: string(i18n.From(ctx).Lang)}, password)
		person = made.ID
	} else {
		_, err = identity.UseLink(ctx, p.DB, p.Hasher, token, password)
	}
	if errors.Is(err, errs.Invalid) {
		a.Mistakes = ui.MistakesOf(ctx, err)
		return p.showWelcome(w, r, http.StatusUnprocessableEntity, a)
	}
	if err != nil {
		return err
	}
	if err := p.SignIn(w, r, person); err != nil {
		return err
	}
	if a.First {
		return kit.Redirect(w, r, ui.SettingsPath)
	}
	return kit.Redirect(w, r, ui.HomePath)
}
