package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"entraide/internal/base/oauth"
)

// provider stands in for a sign-in service, as RFC 6749 describes its token endpoint.
type provider struct {
	*httptest.Server
	asked  atomic.Int32
	seen   sync.Map // grant type → the last form, in text
	answer func(n int32) (status int, body string)
}

func newProvider(t *testing.T, answer func(n int32) (int, string)) *provider {
	p := &provider{answer: answer}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		p.seen.Store(r.PostForm.Get("grant_type"), r.PostForm.Encode())
		status, body := p.answer(p.asked.Add(1))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) app() oauth.App {
	return oauth.App{ID: "app", Secret: "s3cret", AuthURL: p.URL + "/authorize", TokenURL: p.URL + "/token"}
}

func granted(n int32) (int, string) {
	return 200, fmt.Sprintf(`{"access_token":"jeton%d","token_type":"Bearer","expires_in":3600}`, n)
}

func TestOneRequestForAll(t *testing.T) {
	p := newProvider(t, granted)
	k := &oauth.Keeper{Client: p.Client()}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if token, err := k.Token(t.Context(), "m", p.app(), "r"); token != "jeton1" || err != nil {
				t.Errorf("%q, %v", token, err)
			}
		})
	}
	group.Wait()
	if n := p.asked.Load(); n != 1 {
		t.Errorf("%d requests for one token", n)
	}
	if token, err := k.Token(t.Context(), "m", p.app(), "another consent"); token != "jeton2" || err != nil {
		t.Errorf("connected anew: %q, %v", token, err)
	}
	if token, err := k.Token(t.Context(), "other", p.app(), "r"); token != "jeton3" || err != nil {
		t.Errorf("another mailbox: %q, %v", token, err)
	}
}

func TestSpentTokenIsNotHandedOut(t *testing.T) {
	p := newProvider(t, granted)
	k := &oauth.Keeper{Client: p.Client()}
	for _, c := range []struct{ refused, want string }{{"another", "jeton1"}, {"another", "jeton1"}, {"jeton1", "jeton2"}} {
		k.Spent(c.refused)
		if token, err := k.Token(t.Context(), "m", p.app(), "r"); token != c.want || err != nil {
			t.Errorf("%q, %v, want %s", token, err, c.want)
		}
	}
}

func TestCause(t *testing.T) {
	for words, want := range map[string]oauth.Cause{
		"AADSTS700082: The refresh token has expired due to inactivity.": oauth.Ended,
		"AADSTS65001: The user or administrator has not consented":       oauth.Consent,
		"AADSTS7000215: Invalid client secret provided.":                 oauth.Secret,
		"AADSTS700016: Application with identifier 'x' was not found":    oauth.Unknown,
		"AADSTS50057: The user account is disabled.":                     oauth.Account,
		"AADSTS53003: Access has been blocked by Conditional Access":     oauth.Policy,
		"AADSTS1234567: something new":                                   "",
	} {
		if got := (oauth.Refused{Code: "invalid_grant", Words: words}).Cause(); got != want {
			t.Errorf("%s: %q, want %q", words, got, want)
		}
	}
	for code, want := range map[string]oauth.Cause{"invalid_grant": oauth.Ended, "invalid_client": oauth.Secret, "temporarily_odd": ""} {
		if got := (oauth.Refused{Code: code}).Cause(); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}

func TestRenewedBeforeItsEnd(t *testing.T) {
	p := newProvider(t, func(n int32) (int, string) {
		return 200, fmt.Sprintf(`{"access_token":"jeton%d","token_type":"Bearer","expires_in":60}`, n) // less than the margin
	})
	k := &oauth.Keeper{Client: p.Client()}
	for _, want := range []string{"jeton1", "jeton2"} {
		if token, err := k.Token(t.Context(), "m", p.app(), "r"); token != want || err != nil {
			t.Errorf("%q, %v, want %s", token, err, want)
		}
	}
}

func TestRotation(t *testing.T) {
	p := newProvider(t, func(n int32) (int, string) {
		return 200, `{"access_token":"jeton","token_type":"Bearer","expires_in":3600,"refresh_token":"next"}`
	})
	var kept string
	k := &oauth.Keeper{Client: p.Client(), Rotate: func(_ context.Context, key, old, next string) error {
		kept = key + " " + old + " " + next
		return nil
	}}
	if _, err := k.Token(t.Context(), "m", p.app(), "r"); err != nil || kept != "m r next" {
		t.Errorf("kept %q, %v", kept, err)
	}
}

// TestRotationVoidsTheOldOne lets a provider honour the latest refresh token only, while a session still knows the first.
func TestRotationVoidsTheOldOne(t *testing.T) {
	p := newProvider(t, func(n int32) (int, string) {
		return 200, fmt.Sprintf(`{"access_token":"jeton%d","token_type":"Bearer","expires_in":60,"refresh_token":"r%d"}`, n, n)
	})
	var kept []string
	k := &oauth.Keeper{Client: p.Client(), Rotate: func(_ context.Context, _, old, next string) error {
		kept = append(kept, old+" "+next)
		return nil
	}}
	for range 3 {
		if _, err := k.Token(t.Context(), "m", p.app(), "r"); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"r r1", "r1 r2", "r2 r3"}; !slices.Equal(kept, want) {
		t.Errorf("rotated %q, want %q", kept, want)
	}
}

func TestOwnRight(t *testing.T) {
	p := newProvider(t, granted)
	k := &oauth.Keeper{Client: p.Client()}
	a := p.app()
	a.Own = "https://graph.microsoft.com/.default"
	if _, err := k.Token(t.Context(), "m", a, ""); err != nil {
		t.Fatal(err)
	}
	form, _ := p.seen.Load("client_credentials")
	if s, _ := form.(string); !strings.Contains(s, "scope=https%3A%2F%2Fgraph.microsoft.com%2F.default") {
		t.Errorf("asked with %v", form)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		final  bool
		want   string
	}{
		"the consent is withdrawn": {400, `{"error":"invalid_grant","error_description":"AADSTS50173: The grant is expired.\r\nTrace ID: 1"}`, true, "invalid_grant AADSTS50173: The grant is expired."},
		"the secret has expired":   {401, `{"error":"invalid_client","error_description":"AADSTS7000222: The secret is expired. Trace ID: 1"}`, true, "invalid_client AADSTS7000222: The secret is expired."},
		"out of order":             {503, `{"error":"temporarily_unavailable"}`, false, "503"},
		"too often":                {429, `{"error":"invalid_request"}`, false, "429"},
		"no JSON":                  {502, `<html>Bad gateway</html>`, false, "502"},
	} {
		p := newProvider(t, func(int32) (int, string) { return c.status, c.body })
		k := &oauth.Keeper{Client: p.Client()}
		_, err := k.Token(t.Context(), "m", p.app(), "r3fresh")
		var no oauth.Refused
		if errors.As(err, &no) != c.final || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		for _, secret := range []string{"s3cret", "r3fresh"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error shows a secret: %v", name, err)
			}
		}
	}
	var no oauth.Refused
	if _, err := new(oauth.Keeper).Token(t.Context(), "m", oauth.App{}, ""); !errors.As(err, &no) || no.Code != "no_consent" {
		t.Errorf("without consent: %v", err)
	}
}

func TestEndpoints(t *testing.T) {
	for want, a := range map[string]oauth.App{
		"https://login.microsoftonline.com/organizations/oauth2/v2.0/token": {Provider: oauth.Microsoft},
		"https://login.microsoftonline.com/a%2Fb/oauth2/v2.0/token":         {Provider: oauth.Microsoft, Tenant: "a/b"},
		"https://oauth2.googleapis.com/token":                               {Provider: oauth.Google},
		"https://x.example/token":                                           {Provider: oauth.Google, AuthURL: "https://x.example/a", TokenURL: "https://x.example/token"},
	} {
		if got := a.Endpoint().TokenURL; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
