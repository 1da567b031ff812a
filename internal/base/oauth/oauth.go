// Package oauth gets access tokens from the sign-in services of Microsoft, Google and others (RFC 6749), for programs
// that act as a mailbox: by the refresh token of somebody who consented, or by the application's own right.
package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// The providers whose addresses are known.
const (
	Microsoft = "microsoft"
	Google    = "google"
)

// App is an application registered at a provider.
type App struct {
	Provider string // Microsoft, Google; "" = AuthURL and TokenURL
	Tenant   string // of Microsoft: directory id or domain; "" = any organisation, which has no right of its own
	ID       string
	Secret   string
	AuthURL  string // both set: instead of the provider's addresses
	TokenURL string
	Scopes   []string // of the consent
	Own      string   // scope of the application's own right; "" = it has none
}

// Endpoint returns the addresses of a's provider.
func (a App) Endpoint() oauth2.Endpoint {
	switch {
	case a.AuthURL != "" && a.TokenURL != "":
		return oauth2.Endpoint{AuthURL: a.AuthURL, TokenURL: a.TokenURL}
	case a.Provider == Microsoft:
		tenant := a.Tenant
		if tenant == "" {
			tenant = "organizations"
		}
		base := "https://login.microsoftonline.com/" + url.PathEscape(tenant) + "/oauth2/v2.0/"
		return oauth2.Endpoint{AuthURL: base + "authorize", TokenURL: base + "token"}
	case a.Provider == Google:
		return oauth2.Endpoint{AuthURL: "https://accounts.google.com/o/oauth2/v2/auth", TokenURL: "https://oauth2.googleapis.com/token"}
	}
	return oauth2.Endpoint{AuthURL: a.AuthURL, TokenURL: a.TokenURL}
}

// Config is how a person's consent is asked for, with the address that they are led back to.
func (a App) Config(redirect string) oauth2.Config {
	return oauth2.Config{ClientID: a.ID, ClientSecret: a.Secret, Endpoint: a.Endpoint(), RedirectURL: redirect, Scopes: a.Scopes}
}

// Refused is the answer of a provider that gives no token, and will not until somebody changes something.
type Refused struct {
	Code  string // "invalid_grant", "invalid_client"…
	Words string // the provider's own; never what was sent
}

// Error implements error.
func (r Refused) Error() string { return strings.TrimSpace(r.Code + " " + r.Words) }

// Cause is what somebody has to set right after a refusal. The zero Cause is not known.
type Cause string

// The causes.
const (
	Ended   Cause = "ended"   // the consent ran out, or ended with a change of password: give it again
	Consent Cause = "consent" // an administrator of the organisation has to consent
	Secret  Cause = "secret"  // the application's secret is wrong or over
	Unknown Cause = "unknown" // there is no such application or directory
	Account Cause = "account" // the account does not exist or is locked
	Policy  Cause = "policy"  // the organisation's rules of access stand against it
)

// causes are the numbers that Microsoft puts in front of its words.
// Source: learn.microsoft.com/entra/identity-platform/reference-error-codes.
var causes = map[string]Cause{
	"50076": Ended, "50078": Ended, "50079": Ended, "50133": Ended, "50173": Ended, "70008": Ended, "70043": Ended, "700082": Ended, "700084": Ended,
	"65001": Consent, "65004": Consent, "90093": Consent, "90094": Consent, "90095": Consent,
	"7000215": Secret, "7000222": Secret, "7000216": Secret, "700027": Secret,
	"700016": Unknown, "90002": Unknown, "900021": Unknown, "900023": Unknown, "50020": Unknown, "650052": Unknown,
	"50034": Account, "50053": Account, "50055": Account, "50057": Account, "50126": Account, "51004": Account,
	"50105": Policy, "50131": Policy, "50158": Policy, "53000": Policy, "53001": Policy, "53003": Policy, "53004": Policy, "530032": Policy, "530034": Policy, "50097": Policy,
}

var aadsts = regexp.MustCompile(`\bAADSTS(\d+)\b`)

// Cause tells what a refusal asks for, as far as the provider says.
func (r Refused) Cause() Cause {
	if m := aadsts.FindStringSubmatch(r.Words); m != nil {
		return causes[m[1]]
	}
	switch r.Code { // RFC 6749, 5.2
	case "invalid_grant":
		return Ended
	case "invalid_client":
		return Secret
	}
	return ""
}

// Keeper hands out access tokens and asks for a new one a little before the last ends. Safe for concurrent use: those
// who need the same token wait for one request. The zero Keeper calls with http.DefaultClient and keeps nothing.
type Keeper struct {
	Client *http.Client
	// Rotate stores the refresh token that a provider gives instead of the one it was asked with; nil = it is not stored.
	Rotate func(ctx context.Context, key, old, next string) error

	mu   sync.Mutex
	held map[string]*held
}

// held is what is known for one key and one set of secrets.
type held struct {
	mu    sync.Mutex
	token *oauth2.Token
	next  string // refresh token that came instead of the one that callers may still know, which counts no more
}

// early is how long before its end a token is not used any more.
const early = 2 * time.Minute

// Token returns an access token for key, by the refresh token, "" for the application's own right.
// Errors: Refused when the provider says no for good; any other may pass.
func (k *Keeper) Token(ctx context.Context, key string, a App, refresh string) (string, error) {
	h := k.of(key, a, refresh)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.token != nil && (h.token.Expiry.IsZero() || time.Until(h.token.Expiry) > early) {
		return h.token.AccessToken, nil
	}
	if k.Client != nil {
		ctx = context.WithValue(ctx, oauth2.HTTPClient, k.Client)
	}
	if h.next != "" {
		refresh = h.next
	}
	token, err := ask(ctx, a, refresh)
	if err != nil {
		h.token = nil
		return "", err
	}
	h.token = token
	if token.RefreshToken != "" && refresh != "" && token.RefreshToken != refresh && k.Rotate != nil {
		h.next = token.RefreshToken
		if err := k.Rotate(ctx, key, refresh, token.RefreshToken); err != nil {
			return "", fmt.Errorf("keep the new refresh token: %w", err)
		}
	}
	return token.AccessToken, nil
}

// Spent tells that a service refuses an access token although its time is not over, as after a change of password or of
// rights: it is handed out no more.
func (k *Keeper) Spent(token string) {
	k.mu.Lock()
	all := slices.Collect(maps.Values(k.held))
	k.mu.Unlock()
	for _, h := range all {
		h.mu.Lock()
		if h.token != nil && h.token.AccessToken == token {
			h.token = nil
		}
		h.mu.Unlock()
	}
}

// of returns what is held for key; other secrets make another entry.
func (k *Keeper) of(key string, a App, refresh string) *held {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{a.Provider, a.Tenant, a.ID, a.Secret, a.TokenURL, a.Own, refresh}, a.Scopes...), "\x00")))
	name := key + " " + hex.EncodeToString(sum[:8])
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held == nil {
		k.held = make(map[string]*held)
	}
	h := k.held[name]
	if h == nil {
		h = new(held)
		k.held[name] = h
	}
	return h
}

// ask gets a token from the provider.
func ask(ctx context.Context, a App, refresh string) (*oauth2.Token, error) {
	var token *oauth2.Token
	var err error
	switch {
	case refresh != "":
		c := a.Config("")
		token, err = c.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh}).Token()
	case a.Own != "":
		c := clientcredentials.Config{ClientID: a.ID, ClientSecret: a.Secret, TokenURL: a.Endpoint().TokenURL, Scopes: []string{a.Own}}
		token, err = c.Token(ctx)
	default:
		return nil, Refused{Code: "no_consent"}
	}
	var e *oauth2.RetrieveError
	if errors.As(err, &e) {
		if e.ErrorCode == "" || e.Response != nil && (e.Response.StatusCode >= 500 || e.Response.StatusCode == http.StatusTooManyRequests) {
			return nil, fmt.Errorf("sign-in service answers %s", status(e))
		}
		return nil, Refused{Code: e.ErrorCode, Words: firstLine(e.ErrorDescription)} // the error itself repeats the whole answer
	}
	if err != nil {
		return nil, fmt.Errorf("sign-in service: %w", err)
	}
	return token, nil
}

func status(e *oauth2.RetrieveError) string {
	if e.Response == nil {
		return "nothing"
	}
	return e.Response.Status
}

// firstLine leaves out the trace numbers that Microsoft writes below.
func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	s, _, _ = strings.Cut(s, " Trace ID:")
	return strings.TrimSpace(s)
}
