package settings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/oauth"
	"entraide/internal/base/text"
	"entraide/internal/domain/channel"
	page "entraide/internal/door/web/page/settings"
)

const (
	consentCookie = "mail_consent"
	consentFor    = 15 * time.Minute // to sign in at the provider's
)

// pending is a consent that was asked for and not yet given. It travels in a sealed cookie, so that any process can
// take the answer.
type pending struct {
	State    string    `json:"state"`
	Verifier string    `json:"verifier"` // PKCE
	Mailbox  string    `json:"mailbox"`
	Actor    string    `json:"actor"`
	Until    time.Time `json:"until"`
}

// grant is how a provider is asked for the consent of a person to read and send the mail of a mailbox.
func (p post) grant(m channel.Mailbox, s channel.Secrets) (oauth2.Config, []oauth2.AuthCodeOption) {
	way := m.In.Way
	if m.Out.Way == channel.Graph {
		way = channel.Graph
	}
	opts := []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("login_hint", m.Address)}
	if s.Provider == oauth.Google {
		opts = append(opts, oauth2.AccessTypeOffline, oauth2.SetAuthURLParam("prompt", "consent")) // without it no refresh token comes twice
	}
	return m.App(s, way, channel.OAuth).Config(p.Config.BaseURL + consentPath), opts
}

// mayConsent refuses a mailbox whose application is not told.
func mayConsent(s channel.Secrets) error {
	if s.ClientID == "" {
		return errs.InvalidField("client_id", "mailpage.consent.client")
	}
	if s.Provider == "" && (s.AuthURL == "" || s.TokenURL == "") {
		return errs.InvalidField("provider", "mailpage.consent.provider")
	}
	return nil
}

// consentOrigins are where a form that asks for consent may end.
func consentOrigins(s channel.Secrets) []string {
	out := []string{"https://login.microsoftonline.com", "https://accounts.google.com"}
	if u, err := url.Parse(s.AuthURL); err == nil && u.Host != "" && !strings.ContainsAny(u.Host, " ;,'\"") {
		out = append(out, u.Scheme+"://"+u.Host)
	}
	return out
}

// askConsent leads the administrator to the provider, to sign in there as the mailbox.
func (p post) askConsent(w http.ResponseWriter, r *http.Request, mailboxID string) error {
	m, s, _, err := p.stored(r, mailboxID)
	if err != nil {
		return err
	}
	x := pending{State: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier(), Mailbox: m.ID, Actor: auth.From(r.Context()).ID,
		Until: p.DB.Now().Add(consentFor)}
	b, err := json.Marshal(x)
	if err != nil {
		return err
	}
	sealed, err := p.Seal.Seal(b, consentCookie)
	if err != nil {
		return fmt.Errorf("ask for consent: %w", err)
	}
	p.setConsent(w, sealed, int(consentFor/time.Second))
	c, opts := p.grant(m, s)
	http.Redirect(w, r, c.AuthCodeURL(x.State, append(opts, oauth2.S256ChallengeOption(x.Verifier))...), http.StatusSeeOther)
	return nil
}

func (p post) setConsent(w http.ResponseWriter, value string, seconds int) {
	// Lax: the provider's page leads back by a link.
	http.SetCookie(w, &http.Cookie{Name: consentCookie, Value: value, Path: consentPath, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(p.Config.BaseURL, "https://"), MaxAge: seconds})
}

// takeConsent reads what was asked for; ok is false when the answer belongs to nothing this administrator began.
func (p post) takeConsent(r *http.Request) (x pending, ok bool) {
	c, err := r.Cookie(consentCookie)
	if err != nil {
		return x, false
	}
	b, err := p.Seal.Open(c.Value, consentCookie)
	if err != nil || json.Unmarshal(b, &x) != nil {
		return x, false
	}
	return x, x.State == r.URL.Query().Get("state") && x.Actor == auth.From(r.Context()).ID && p.DB.Now().Before(x.Until)
}

// consented is where the provider leads back: the code is exchanged for a token, which is kept sealed.
func (p post) consented(w http.ResponseWriter, r *http.Request) error {
	x, ok := p.takeConsent(r)
	p.setConsent(w, "", -1)
	if !ok {
		return errs.Because(errs.Invalid, "mailpage.consent.lost")
	}
	m, s, _, err := p.stored(r, x.Mailbox)
	if err != nil {
		return err
	}
	token, words := p.exchange(r, m, s, x.Verifier)
	if words != "" {
		r.SetPathValue("id", m.ID)
		return p.showBox(w, r, http.StatusUnprocessableEntity, page.Box{Form: formOf(m, s), Refused: text.Excerpt(words, 300)})
	}
	s.RefreshToken = token
	err = p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		_, err := channel.SaveMailbox(ctx, tx, a, p.Seal, m, &s)
		return err
	})
	if err != nil {
		return err
	}
	return p.done(w, r, boxesPath+"/"+m.ID, "mailpage.consent.done")
}

// exchange trades the code of the provider's answer for a refresh token, or tells in words why there is none.
func (p post) exchange(r *http.Request, m channel.Mailbox, s channel.Secrets, verifier string) (token, words string) {
	q := r.URL.Query()
	if refusal := q.Get("error"); refusal != "" {
		return "", remedy(r.Context(), oauth.Refused{Code: refusal, Words: q.Get("error_description")})
	}
	ctx, stop := context.WithTimeout(context.WithValue(r.Context(), oauth2.HTTPClient, p.Client), 20*time.Second)
	defer stop()
	c, _ := p.grant(m, s)
	got, err := c.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(verifier))
	var e *oauth2.RetrieveError
	switch {
	case errors.As(err, &e) && e.ErrorCode != "":
		return "", remedy(r.Context(), oauth.Refused{Code: e.ErrorCode, Words: e.ErrorDescription}) // the error itself repeats what was sent
	case err != nil:
		slog.WarnContext(r.Context(), "consent for a mailbox not exchanged", "mailbox", m.ID, "error", err)
		return "", i18n.T(r.Context(), "mailpage.consent.away")
	case got.RefreshToken == "":
		return "", i18n.T(r.Context(), "mailpage.consent.short")
	}
	return got.RefreshToken, ""
}

// remedy is what is to be done about a refusal, as far as it is known, and the provider's own words.
func remedy(ctx context.Context, no oauth.Refused) string {
	if c := no.Cause(); c != "" && c != oauth.Ended { // "again" is what the person is doing
		return i18n.T(ctx, "mail.reason.sign_in."+string(c)) + " " + no.Error()
	}
	return no.Error()
}
