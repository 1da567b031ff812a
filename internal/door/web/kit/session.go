package kit

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/identity"
)

// The cookies.
const (
	sessionCookie = "entraide_session"
	langCookie    = "lang"
	themeCookie   = "theme"
	flashCookie   = "flash"
)

type sessionKey struct{}

// SessionOf returns the browser session of a request; zero without one.
func SessionOf(ctx context.Context) identity.Session {
	s, _ := ctx.Value(sessionKey{}).(identity.Session)
	return s
}

// Identify is the middleware that finds out who calls and in which language they read.
func (k *Kit) Identify(next http.Handler) http.Handler {
	if k.heard == nil {
		k.heard = remember(k.Drain, k.DB)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if r.Method == http.MethodGet { // before anything is read for the page
			ctx = context.WithValue(ctx, markKey{}, k.heard.mark())
		}
		var a auth.Actor
		if c, err := r.Cookie(sessionCookie); err == nil && c.Value != "" {
			var s identity.Session
			err := k.DB.Read(ctx, func(tx *db.Tx) (err error) {
				a, s, err = identity.ActorOfSession(ctx, tx, c.Value, k.Config.Session.Idle, k.Config.Session.Max)
				return err
			})
			switch {
			case errors.Is(err, errs.NotFound):
				a = auth.Actor{}
			case err != nil:
				k.Fail(w, r, err)
				return
			default:
				ctx = context.WithValue(ctx, sessionKey{}, s)
				k.touch(ctx, s)
			}
		}
		profile := a.Lang
		if c, err := r.Cookie(langCookie); err == nil && profile == "" {
			profile = c.Value
		}
		lang := i18n.Match(profile, r.Header.Get("Accept-Language"))
		ctx = i18n.With(auth.With(ctx, a), i18n.New(string(lang), a.Zone))
		w.Header().Set("Content-Language", string(lang))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// touch writes down that a session is used, now and then. Failing to is no reason to refuse the page.
func (k *Kit) touch(ctx context.Context, s identity.Session) {
	if !s.Stale(k.DB.Now()) {
		return
	}
	if err := k.DB.Write(ctx, func(tx *db.Tx) error { return identity.TouchSession(ctx, tx, s.ID) }); err != nil {
		slog.WarnContext(ctx, "session not touched", "error", err)
	}
}

// SignIn opens a session for a person and sets its cookie.
func (k *Kit) SignIn(w http.ResponseWriter, r *http.Request, personID string) error {
	ctx, ttl := r.Context(), k.Config.Session.Max
	var secret string
	err := k.DB.Write(ctx, func(tx *db.Tx) (err error) {
		secret, _, err = identity.OpenSession(ctx, tx, personID, r.UserAgent(), k.Address(r), ttl)
		return err
	})
	if err != nil {
		return err
	}
	k.cookie(w, sessionCookie, secret, ttl, true)
	return nil
}

// SignOut ends the session of the request and clears its cookie.
func (k *Kit) SignOut(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	if s := SessionOf(ctx); s.ID != "" {
		err := k.DB.Write(ctx, func(tx *db.Tx) error { return identity.RevokeSession(ctx, tx, auth.From(ctx), s.ID) })
		if err != nil && !errors.Is(err, errs.NotFound) {
			return err
		}
	}
	k.cookie(w, sessionCookie, "", -1, true)
	return nil
}

// SetLanguage remembers a language for a browser that is not signed in.
func (k *Kit) SetLanguage(w http.ResponseWriter, lang i18n.Lang) {
	k.cookie(w, langCookie, string(lang), 365*24*time.Hour, true)
}

// cookie sets a cookie; a negative ttl removes it. Secure follows the address people use: on plain HTTP for a trial a
// Secure cookie would never come back.
func (k *Kit) cookie(w http.ResponseWriter, name, value string, ttl time.Duration, hidden bool) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: hidden, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(k.Config.BaseURL, "https://"), MaxAge: int(ttl / time.Second)}
	if ttl < 0 {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// Address is the caller's network address: the connection's, or what a trusted proxy says.
func (k *Kit) Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if !k.trusted(host) {
		return host
	}
	hops := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		if hop := strings.TrimSpace(hops[i]); hop != "" && !k.trusted(hop) {
			if _, err := netip.ParseAddr(hop); err == nil {
				return hop
			}
			return host
		}
	}
	return host
}

func (k *Kit) trusted(address string) bool {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	for _, p := range k.Proxies {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// SetTheme remembers the theme a person chose, "" to follow the system.
func (k *Kit) SetTheme(w http.ResponseWriter, theme string) {
	if theme == "" {
		k.cookie(w, themeCookie, "", -1, false)
		return
	}
	k.cookie(w, themeCookie, theme, 365*24*time.Hour, false)
}
