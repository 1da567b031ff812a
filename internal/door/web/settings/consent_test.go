package settings_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/domain/channel"
)

// provider stands in for a sign-in service (RFC 6749, RFC 7636).
type provider struct {
	*httptest.Server
	t         *testing.T
	challenge string // of the consent under way
	answer    string // JSON to a code
	status    int
}

func newProvider(t *testing.T) *provider {
	p := &provider{t: t, status: 200, answer: `{"access_token":"a","refresh_token":"durable","token_type":"Bearer","expires_in":3600}`}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		if got := r.PostForm; got.Get("code") != "c0de" || got.Get("grant_type") != "authorization_code" || challengeOf(got.Get("code_verifier")) != p.challenge ||
			got.Get("redirect_uri") != "http://support.example/settings/mail/consent" {
			t.Errorf("exchange: %v", got)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(p.status)
		if _, err := fmt.Fprint(w, p.answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func mailbox(t *testing.T, d *db.DB) (m channel.Mailbox, s channel.Secrets) {
	t.Helper()
	err := d.Read(t.Context(), func(tx *db.Tx) error {
		list, err := channel.Mailboxes(t.Context(), tx, auth.System("test"))
		if err != nil || len(list) != 1 {
			return fmt.Errorf("%d mailboxes, %w", len(list), err)
		}
		m = list[0]
		s, err = m.Secrets(key)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m, s
}

func TestConsent(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, agent browser) {
		p := newProvider(t)
		form := url.Values{"name": {"Support"}, "address": {"aide@x.example"}, "in_way": {"imap"}, "in_host": {"imap.x.example"}, "in_auth": {"oauth"}, "active": {"on"},
			"auth_url": {p.URL + "/authorize?tenant=1"}, "token_url": {p.URL + "/token"}, "client_secret": {"s3cret"}, "do": {"connect"}}
		has(t, admin.do(422, "/settings/mail/boxes", form), "client_id") // the application is not named; nothing is asked
		form.Set("client_id", "app")
		ask := func(path string) url.Values {
			t.Helper()
			to, err := url.Parse(admin.do(303, path, form))
			if err != nil || to.Path != "/authorize" {
				t.Fatalf("led to %v, %v", to, err)
			}
			q := to.Query()
			p.challenge = q.Get("code_challenge")
			if q.Get("client_id") != "app" || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("login_hint") != "aide@x.example" ||
				q.Get("redirect_uri") != "http://support.example/settings/mail/consent" || len(q.Get("state")) < 30 || q.Has("client_secret") {
				t.Errorf("asked for %v", q)
			}
			return q
		}
		back := func(q url.Values, more string) string {
			return "/settings/mail/consent?state=" + url.QueryEscape(q.Get("state")) + "&" + more
		}
		q := ask("/settings/mail/boxes")
		m, _ := mailbox(t, d)
		box := "/settings/mail/boxes/" + m.ID
		form.Set("version", fmt.Sprint(m.Version))

		admin.do(422, "/settings/mail/consent?state=forged&code=c0de", nil) // and that ends the asking
		admin.do(422, back(q, "code=c0de"), nil)
		q = ask(box)
		agent.do(403, back(q, "code=c0de"), nil)
		has(t, admin.do(422, back(q, "error=access_denied&error_description=AADSTS65004%3A+User+declined+to+consent"), nil), "administrator of Microsoft Entra")
		if _, s := mailbox(t, d); s.RefreshToken != "" {
			t.Error("a refused consent is kept")
		}
		form.Set("version", "1")
		for words, c := range map[string]struct {
			status int
			answer string
		}{
			"secret is wrong":   {401, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}`},
			"does not answer":   {502, "<html>bad gateway</html>"},
			"no lasting access": {200, `{"access_token":"a","token_type":"Bearer"}`},
		} {
			p.status, p.answer = c.status, c.answer
			m, _ = mailbox(t, d)
			form.Set("version", fmt.Sprint(m.Version))
			page := admin.do(422, back(ask(box), "code=c0de"), nil)
			has(t, page, words)
			if strings.Contains(page, "s3cret") {
				t.Error("the page shows the secret")
			}
		}
		p.status, p.answer = 200, `{"access_token":"a","refresh_token":"durable","token_type":"Bearer","expires_in":3600}`
		m, _ = mailbox(t, d)
		form.Set("version", fmt.Sprint(m.Version))
		if to := admin.do(303, back(ask(box), "code=c0de"), nil); to != box {
			t.Errorf("led to %s", to)
		}
		if _, s := mailbox(t, d); s.RefreshToken != "durable" || s.ClientSecret != "s3cret" {
			t.Errorf("kept %+v", s)
		}
		page := admin.do(200, box, nil)
		has(t, page, "Save and disconnect")
		lacks(t, page, "durable")

		m, _ = mailbox(t, d)
		form.Set("version", fmt.Sprint(m.Version))
		form.Set("do", "disconnect")
		admin.do(303, box, form)
		if _, s := mailbox(t, d); s.RefreshToken != "" || s.ClientSecret != "s3cret" {
			t.Errorf("after disconnecting: %+v", s)
		}
		lacks(t, admin.do(200, box, nil), "Save and disconnect")
	})
}

// challengeOf is what a provider compares with the code_challenge (RFC 7636, 4.6).
func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
