package settings

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/identity"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
)

const tokensPath = ui.SettingsPath + "/tokens"

func (p pages) mountTokens() {
	p.Route(kit.Admins, "GET "+tokensPath, p.tokens)
	p.Route(kit.Admins, "POST "+tokensPath+"/{id}/revoke", p.revokeToken)
}

func (p pages) tokens(w http.ResponseWriter, r *http.Request) error {
	l, q := i18n.From(r.Context()), r.URL.Query()
	v := page.Tokens{Query: q.Get("q")}
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		list, next, err := identity.AllTokens(ctx, tx, a, v.Query, q.Get("before"))
		for _, t := range list {
			scopes := slices.Clone(t.Scopes)
			if i := slices.Index(scopes, "*"); i >= 0 {
				scopes[i] = l.T("settings.token.everything")
			}
			one := page.TokenLine{ID: t.ID, Name: t.Name, Owner: t.Owner, Href: peoplePath + "/" + t.PersonID, Scopes: scopes, Over: t.Over(tx.Now),
				Used: l.T("settings.token.unused"), Expires: l.T("settings.token.forever")}
			if !t.Used.IsZero() {
				one.Used = l.T("settings.token.used", "when", l.When(t.Used, tx.Now))
			}
			if !t.Expires.IsZero() {
				one.Expires = l.T("settings.token.until", "date", l.Date(t.Expires))
			}
			v.List = append(v.List, one)
		}
		if next != "" {
			v.Next = tokensPath + "?" + url.Values{"q": {v.Query}, "before": {next}}.Encode()
		}
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.shell(w, r, l.T("settings.tokens"), "tokens")
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.TokensPage(s, v))
}

func (p pages) revokeToken(w http.ResponseWriter, r *http.Request) error {
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return identity.RevokeToken(ctx, tx, a, r.PathValue("id"))
	})
	if err != nil {
		return err
	}
	return p.done(w, r, tokensPath, "settings.token.revoked")
}
