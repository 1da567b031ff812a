package mailout_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/job"
	"entraide/internal/base/mime"
	"entraide/internal/base/oauth"
	"entraide/internal/base/seal"
	"entraide/internal/domain/channel"
	"entraide/internal/door/mailout"
)

func sealKey(t *testing.T) seal.Key {
	t.Helper()
	k, err := seal.New(bytes.Repeat([]byte("k"), seal.Size))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// box saves a mailbox that sends by the server of c.
func box(t *testing.T, d *db.DB, c config.SMTP, secrets channel.Secrets, change func(m *channel.Mailbox)) (m channel.Mailbox) {
	t.Helper()
	m = channel.Mailbox{Name: "Aide", Address: "aide@exemple.fr", Active: true, Standard: true,
		Out: channel.Outbound{Way: channel.SMTP, Host: c.Host, Port: c.Port, TLS: c.TLS}, Look: channel.Look{Sender: "Support informatique"}}
	if change != nil {
		change(&m)
	}
	err := d.Write(t.Context(), func(tx *db.Tx) (err error) {
		m, err = channel.SaveMailbox(t.Context(), tx, admin, sealKey(t), m, &secrets)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func by(m channel.Mailbox, change func(c *channel.Content)) func(o *channel.Outgoing) {
	return func(o *channel.Outgoing) {
		o.MailboxID = m.ID
		if change != nil {
			change(&o.Content)
		}
	}
}

func read(t *testing.T, raw string) mime.Message {
	t.Helper()
	m, err := mime.Parse(strings.NewReader(raw), 0)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMailLeavesByItsMailbox(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		srv, other := &server{password: "sésame"}, &server{}
		c, trust := start(t, srv, true)
		fallback, _ := start(t, other, false)
		m := box(t, d, c, channel.Secrets{SendPassword: "sésame"}, func(m *channel.Mailbox) { m.Out.User = "entraide" })
		s := sender(d, fallback)
		s.Key, s.TLS = sealKey(t), trust
		sent := run(t, s, post(t, d, by(m, func(c *channel.Content) { c.FromName, c.ReplyTo = "", "aide+t.x.y@exemple.fr" })), channel.Sent)
		got := read(t, srv.got[0])
		if sent.Sender != "aide@exemple.fr" || got.From != (mime.Address{Name: "Support informatique", Address: "aide@exemple.fr"}) || got.ReplyTo[0].Address != "aide+t.x.y@exemple.fr" {
			t.Errorf("sent as %s, from %+v, replies to %+v", sent.Sender, got.From, got.ReplyTo)
		}
		// One that has no way of its own leaves by the configuration's server, under its own address.
		pipe := box(t, d, c, channel.Secrets{}, func(m *channel.Mailbox) { m.Address, m.Out, m.Standard = "rh@exemple.fr", channel.Outbound{}, false })
		run(t, s, post(t, d, by(pipe, nil)), channel.Sent)
		if got := read(t, other.got[0]); got.From.Address != "rh@exemple.fr" || got.From.Name != "Paul Vasseur" {
			t.Errorf("from %+v", got.From)
		}
		// Without such a server it leaves by the standard mailbox, whose address it must take; answers come home.
		s.SMTP = func() config.SMTP { return config.SMTP{} }
		run(t, s, post(t, d, by(pipe, nil)), channel.Sent)
		if got := read(t, srv.got[1]); got.From.Address != "aide@exemple.fr" || got.ReplyTo[0].Address != "rh@exemple.fr" {
			t.Errorf("from %+v, replies to %+v", got.From, got.ReplyTo)
		}
		// With another key the secrets stay closed: it waits and says why.
		s.Key = seal.Key{}
		e := post(t, d, by(m, nil))
		if err := attempt(t, s, e, 0); err == nil || find(t, d, e.ID).Reason != "mailout.reason.secret" {
			t.Errorf("%v, %s", err, find(t, d, e.ID).Reason)
		}
	})
}

func TestSignInWithAToken(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	srv := &server{token: "jeton"}
	c, _ := start(t, srv, false)
	m := box(t, d, c, channel.Secrets{RefreshToken: "r"}, func(m *channel.Mailbox) { m.Out.Auth = channel.OAuth })
	s := sender(d, config.SMTP{})
	s.Key = sealKey(t)
	e := post(t, d, by(m, nil))
	if err := attempt(t, s, e, 0); err == nil || find(t, d, e.ID).Reason != "mailout.reason.oauth" {
		t.Errorf("without a source of tokens: %v, %s", err, find(t, d, e.ID).Reason)
	}
	for want, c := range map[string]struct {
		token string
		err   error
	}{
		"mailout.reason.token":         {"", oauth.Refused{Code: "no_consent"}},
		"mail.reason.sign_in.ended":    {"", oauth.Refused{Code: "invalid_grant", Words: "AADSTS700082: The refresh token has expired"}},
		"mail.reason.sign_in.secret":   {"", oauth.Refused{Code: "invalid_client", Words: "AADSTS7000222: The provided client secret keys are expired."}},
		"mail.reason.login":            {"old", nil},
		"mailout.reason.sign_in_away ": {"", errors.New("sign-in service answers 503")},
	} {
		s.Token = func(context.Context, channel.Mailbox, channel.Secrets) (string, error) { return c.token, c.err }
		if err := attempt(t, s, e, 0); err == nil || !strings.HasPrefix(find(t, d, e.ID).Reason+" ", strings.TrimSuffix(want, " ")) {
			t.Errorf("%s: %v, %s", want, err, find(t, d, e.ID).Reason)
		}
	}
	// However long the sign-in service is away, the mail waits for it.
	if err := attempt(t, s, e, 11); find(t, d, e.ID).State != channel.Waiting {
		t.Errorf("given up: %v, %s", err, find(t, d, e.ID).Reason)
	}
	// A token that was revoked before its time is replaced on the spot.
	var fresh atomic.Bool
	s.Token = func(context.Context, channel.Mailbox, channel.Secrets) (string, error) {
		if fresh.Load() {
			return "jeton", nil
		}
		return "old", nil
	}
	s.Spent = func(token string) {
		if token != "old" {
			t.Errorf("spent %q", token)
		}
		fresh.Store(true)
	}
	run(t, s, post(t, d, by(m, nil)), channel.Sent)
	if !fresh.Load() {
		t.Error("the old token was taken")
	}
	e = post(t, d, by(m, nil))
	s.Token = func(_ context.Context, of channel.Mailbox, secrets channel.Secrets) (string, error) {
		if of.ID != m.ID || secrets.RefreshToken != "r" {
			t.Errorf("asked for %s with %s", of.ID, secrets.RefreshToken)
		}
		return "jeton", nil
	}
	run(t, s, e, channel.Sent)
}

func TestGraph(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	m := box(t, d, config.SMTP{}, channel.Secrets{}, func(m *channel.Mailbox) { m.Out = channel.Outbound{Way: channel.Graph} })
	s := sender(d, config.SMTP{})
	s.Key = sealKey(t)
	var answers []error
	var got [][]byte
	s.Token = func(context.Context, channel.Mailbox, channel.Secrets) (string, error) { return "jeton", nil }
	s.Graph = func(_ context.Context, _ channel.Mailbox, token string, m mailout.GraphMail) error {
		if token != "jeton" {
			t.Errorf("token %q", token)
		}
		err := answers[0]
		answers = answers[1:]
		got = append(got, m.Raw)
		return err
	}
	for name, c := range map[string]struct {
		answer error
		reason string
		state  channel.State
	}{
		"no consent":  {mailout.GraphError{Status: 403, Words: "Access is denied"}, "mailout.reason.graph_consent", channel.Waiting},
		"bad message": {mailout.GraphError{Status: 400, Words: "ErrorInvalidRecipients"}, "mail.reason.refused", channel.Failed},
	} {
		e := post(t, d, by(m, nil))
		answers = []error{c.answer, c.answer}
		if err := attempt(t, s, e, 0); err == nil || !strings.HasPrefix(find(t, d, e.ID).Reason, c.reason) || find(t, d, e.ID).State != c.state {
			t.Errorf("%s: %v, %s", name, err, find(t, d, e.ID).Reason)
		}
		if err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := tx.ExecContext(t.Context(), "DELETE FROM job"); return err }); err != nil {
			t.Fatal(err)
		}
	}
	got = nil
	answers = []error{errors.New("connection reset"), mailout.GraphError{Status: 504}, nil}
	e := run(t, s, post(t, d, by(m, nil)), channel.Sent, channel.Failed)
	if e.State != channel.Sent || len(got) != 3 || read(t, string(got[0])).MessageID != read(t, string(got[2])).MessageID {
		t.Errorf("%s after %d requests", e.State, len(got))
	}
}

// A long outage of Microsoft's: it says that it took nothing, so that nothing is in doubt and nothing is given up.
func TestGraphOutOfOrder(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	m := box(t, d, config.SMTP{}, channel.Secrets{}, func(m *channel.Mailbox) { m.Out = channel.Outbound{Way: channel.Graph} })
	s := sender(d, config.SMTP{})
	s.Key = sealKey(t)
	s.Token = func(context.Context, channel.Mailbox, channel.Secrets) (string, error) { return "jeton", nil }
	claim := func() { // as a runner does, whatever the clock says
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), "UPDATE job SET state = 'running', owner = 'test'")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var answer error
	s.Graph = func(context.Context, channel.Mailbox, string, mailout.GraphMail) error { return answer }
	for _, c := range []struct {
		answer error
		least  time.Duration
	}{
		{mailout.GraphError{Status: 503, After: 20 * time.Minute}, 19 * time.Minute}, {mailout.GraphError{Status: 429}, 9 * time.Second},
		{mailout.GraphError{Status: 509}, 9 * time.Second}, {mailout.GraphError{Status: 503}, 9 * time.Second},
	} {
		e := post(t, d, by(m, nil))
		for range 5 {
			answer = c.answer
			claim()
			if err := attempt(t, s, e, 0); err != nil {
				t.Fatal(err)
			}
			var j job.Job
			err := d.Read(t.Context(), func(tx *db.Tx) (err error) { j, err = job.Find(t.Context(), tx, channel.JobSend, e.ID); return err })
			if now := find(t, d, e.ID); err != nil || now.State != channel.Waiting || !strings.HasPrefix(now.Reason, "mail.reason.later") || j.RunAt.Sub(d.Now()) < c.least {
				t.Fatalf("%v: %s %s, next in %v, %v", c.answer, now.State, now.Reason, j.RunAt.Sub(d.Now()), err)
			}
		}
		answer = nil
		claim()
		if err := attempt(t, s, e, 0); err != nil || find(t, d, e.ID).State != channel.Sent {
			t.Errorf("when it is back: %v, %s", err, find(t, d, e.ID).State)
		}
	}
	// Never reached: nothing left, so nothing is in doubt.
	answer = &url.Error{Op: "Post", Err: &net.OpError{Op: "dial", Err: errors.New("no route to host")}}
	e := post(t, d, by(m, nil))
	if err := attempt(t, s, e, 0); err == nil || !strings.HasPrefix(find(t, d, e.ID).Reason, "mail.reason.unreachable") {
		t.Errorf("%v, %s", err, find(t, d, e.ID).Reason)
	}
}

func keys(t *testing.T) map[string]struct{ private, record string } {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	eight, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(r.Public())
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	b64 := base64.StdEncoding.EncodeToString
	return map[string]struct{ private, record string }{
		"RSA":     {text("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(r)), "v=DKIM1; k=rsa; p=" + b64(spki)},
		"Ed25519": {text("PRIVATE KEY", eight), "v=DKIM1; k=ed25519; p=" + b64(public)},
	}
}

func TestSignatures(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	for name, k := range keys(t) {
		t.Run(name, func(t *testing.T) {
			srv := &server{}
			c, _ := start(t, srv, false)
			m := box(t, d, c, channel.Secrets{DKIMKey: k.private}, func(m *channel.Mailbox) {
				m.Address, m.Out.Selector, m.Out.Domain = strings.ToLower(name)+"@exemple.fr", "entraide", "exemple.fr"
			})
			s := sender(d, config.SMTP{})
			s.Key = sealKey(t)
			run(t, s, post(t, d, by(m, func(c *channel.Content) { c.Text = ".\nUne ligne\n..\n\n\n" })), channel.Sent)
			verify := func(raw string) error {
				list, err := dkim.VerifyWithOptions(strings.NewReader(raw), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
					if name != "entraide._domainkey.exemple.fr" {
						return nil, errors.New("no " + name)
					}
					return []string{k.record}, nil
				}})
				if err != nil || len(list) != 1 {
					t.Fatalf("%d signatures, %v", len(list), err)
				}
				return list[0].Err
			}
			if err := verify(srv.got[0]); err != nil {
				t.Errorf("%v in\n%s", err, srv.got[0])
			}
			for _, forged := range []string{strings.Replace(srv.got[0], "Subject: ", "Subject: x", 1), strings.Replace(srv.got[0], "Une ligne", "Une autre", 1)} {
				if verify(forged) == nil {
					t.Error("a forged mail passes")
				}
			}

			// The test of a mailbox looks the record up.
			for want, texts := range map[string][]string{"mailout.check.dkim": {k.record[:40], k.record[40:]}, "mailout.check.dkim_other": {"v=DKIM1; p=AAAA"}, "mailout.check.dkim_missing": nil} {
				s.LookupTXT = func(context.Context, string) ([]string, error) { return texts, nil }
				if got := steps(s.Test(t.Context(), m, channel.Secrets{DKIMKey: k.private}, "a@x.fr")); !strings.Contains(got+" ", want+" ") {
					t.Errorf("%s: %s", want, got)
				}
			}
		})
	}
}

// Mail that waits for a setting leaves as soon as it is right.
func TestASettingLetsMailLeave(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	srv := &server{}
	c, _ := start(t, srv, false)
	m := box(t, d, c, channel.Secrets{}, func(m *channel.Mailbox) { m.Out.Host, m.Out.TLS = "mail.exemple.fr", channel.Plain })
	s := sender(d, config.SMTP{})
	s.Key = sealKey(t)
	e := post(t, d, by(m, nil))
	if err := attempt(t, s, e, 0); err == nil {
		t.Error("nothing keeps it")
	}
	err := d.Write(t.Context(), func(tx *db.Tx) error {
		if _, err := tx.ExecContext(t.Context(), "UPDATE job SET state = 'waiting', run_at = run_at + 300000"); err != nil {
			return err
		}
		m.Out.Host = c.Host
		_, err := channel.SaveMailbox(t.Context(), tx, admin, sealKey(t), m, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, s, e, channel.Sent)
}

func TestABadKeyWaits(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	srv := &server{}
	c, _ := start(t, srv, false)
	m := box(t, d, c, channel.Secrets{DKIMKey: "not a key"}, func(m *channel.Mailbox) { m.Out.Selector, m.Out.Domain = "s", "exemple.fr" })
	s := sender(d, config.SMTP{})
	s.Key = sealKey(t)
	e := post(t, d, by(m, nil))
	if err := attempt(t, s, e, 0); err == nil || !strings.HasPrefix(find(t, d, e.ID).Reason, "mailout.reason.dkim") || len(srv.got) != 0 {
		t.Errorf("%v, %s", err, find(t, d, e.ID).Reason)
	}
}

func TestFilesAreCarried(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	store, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	data := strings.Repeat("\x00\xffpng", 50_000)
	ref, err := store.Put(t.Context(), strings.NewReader(data), 0)
	if err != nil {
		t.Fatal(err)
	}
	srv := &server{}
	c, _ := start(t, srv, false)
	s := sender(d, c)
	s.Blobs = store
	run(t, s, post(t, d, func(o *channel.Outgoing) {
		o.Content.HTML = `<p><img src="cid:p@x"></p>`
		o.Content.Files = []channel.File{{Hash: ref.Hash, Name: "écran.png", Type: "image/png", ContentID: "p@x"}, {Hash: ref.Hash, Name: "copie.png", Type: "image/png"},
			{Hash: strings.Repeat("0", 64), Name: "gone.txt"}}
	}), channel.Sent)
	m := read(t, srv.got[0])
	if len(m.Attachments) != 2 || m.Attachments[0].ContentID != "p@x" || m.Attachments[0].Name != "écran.png" || string(m.Attachments[1].Data) != data {
		t.Errorf("%d files", len(m.Attachments))
	}
}

// What is too much for one request of Microsoft Graph goes there with its files beside it; what failed before it left is
// tried again without a doubt.
func TestLargeFilesByGraph(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	store, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := box(t, d, config.SMTP{}, channel.Secrets{}, func(m *channel.Mailbox) { m.Out = channel.Outbound{Way: channel.Graph} })
	s := sender(d, config.SMTP{})
	s.Key, s.Blobs = sealKey(t), store
	s.Token = func(context.Context, channel.Mailbox, channel.Secrets) (string, error) { return "jeton", nil }
	for size, apart := range map[int]int{1000: 0, 5_000_000: 2} {
		data := strings.Repeat("x", size)
		ref, err := store.Put(t.Context(), strings.NewReader(data), 0)
		if err != nil {
			t.Fatal(err)
		}
		tries := 0
		s.Graph = func(_ context.Context, _ channel.Mailbox, _ string, g mailout.GraphMail) error {
			if tries++; tries == 1 {
				return mailout.GraphError{Status: 500, Unsent: true, Words: "upload"}
			}
			in := read(t, string(g.Raw))
			if len(g.Files) != apart || len(in.Attachments) != 2-apart || in.InReplyTo != "b@x" {
				t.Errorf("%d bytes: %d files beside, %d inside", size, len(g.Files), len(in.Attachments))
			}
			if apart > 0 && (g.Files[0].ContentID != "p@x" || g.Files[1].Name != "journal.log" || string(g.Files[1].Data) != data) {
				t.Errorf("files: %s, %s", g.Files[0].Name, g.Files[1].Name)
			}
			return nil
		}
		e := post(t, d, by(m, func(c *channel.Content) {
			c.HTML = `<p><img src="cid:p@x"></p>`
			c.Files = []channel.File{{Hash: ref.Hash, Name: "vue.png", Type: "image/png", ContentID: "p@x"}, {Hash: ref.Hash, Name: "journal.log"}}
		}))
		if err := attempt(t, s, e, 0); err == nil || !strings.HasPrefix(find(t, d, e.ID).Reason, "mail.reason.later") {
			t.Errorf("unsent: %v, %s", err, find(t, d, e.ID).Reason)
		}
		if err := attempt(t, s, e, 1); find(t, d, e.ID).State != channel.Sent {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestABurstSharesConnections(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	srv := &server{refuse: map[string][]*smtpError{"n7@x.fr": {{Code: 550, EnhancedCode: [3]int{5, 1, 1}, Message: "no such user"}}}}
	c, _ := start(t, srv, false)
	var last channel.Envelope
	for i := range 40 {
		last = post(t, d, func(o *channel.Outgoing) { o.Recipient = "n" + string(rune('0'+i%10)) + "@x.fr" })
	}
	s := sender(d, c)
	run(t, s, last, channel.Sent)
	if srv.sessions > 4 {
		t.Errorf("%d connections for 40 mails", srv.sessions)
	}
	// The refusal for good marked its address: what was still waiting for it is not sent.
	err := d.Read(t.Context(), func(tx *db.Tx) error {
		_, dead, err := channel.Dead(t.Context(), tx, self, "n7@x.fr")
		if !dead {
			t.Error("the address is not dead")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAddressesWithAccents(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	srv := &server{}
	c, _ := start(t, srv, false)
	run(t, sender(d, c), post(t, d, func(o *channel.Outgoing) { o.Recipient = "a@bücher.example" }), channel.Sent)
	if srv.rcpt[0] != "a@xn--bcher-kva.example" {
		t.Errorf("to %s", srv.rcpt[0])
	}
	e := run(t, sender(d, c), post(t, d, func(o *channel.Outgoing) { o.Recipient = "élodie@exemple.fr" }), channel.Sent, channel.Failed)
	if e.State != channel.Failed || !strings.HasPrefix(e.Reason, "mailout.reason.utf8") {
		t.Errorf("to a server without SMTPUTF8: %s %s", e.State, e.Reason)
	}
	srv.utf8 = true
	c, _ = start(t, srv, false)
	run(t, sender(d, c), post(t, d, func(o *channel.Outgoing) { o.Recipient = "élodie@exemple.fr" }), channel.Sent)
	if m := read(t, srv.got[len(srv.got)-1]); m.To[0].Address != "élodie@exemple.fr" {
		t.Errorf("to %+v", m.To)
	}
}

func steps(checks []channel.Check) string {
	var b strings.Builder
	for _, c := range checks {
		mark := "-"
		if c.OK {
			mark = "+"
		}
		b.WriteString(mark + c.Key + " ")
	}
	return strings.TrimSpace(b.String())
}

func TestTheTestOfAMailbox(t *testing.T) {
	srv := &server{password: "sésame", refuse: map[string][]*smtpError{
		"relay@x.fr": {{Code: 554, EnhancedCode: [3]int{5, 7, 1}, Message: "Relay access denied"}},
		"gone@x.fr":  {{Code: 550, EnhancedCode: [3]int{5, 1, 1}, Message: "no such user"}},
		"later@x.fr": {{Code: 450, EnhancedCode: [3]int{4, 2, 0}, Message: "greylisted"}}}}
	c, trust := start(t, srv, true)
	open, _ := start(t, &server{}, false)
	s := mailout.Sender{TLS: trust, Host: "aide.exemple.fr"}
	good := channel.Mailbox{Name: "Aide", Address: "aide@exemple.fr", Out: channel.Outbound{Way: channel.SMTP, Host: c.Host, Port: c.Port, TLS: c.TLS, User: "entraide"}}
	const up = "+mailout.check.connect "
	for name, c := range map[string]struct {
		change   func(m *channel.Mailbox)
		password string
		to       string
		want     string
	}{
		"all well":          {nil, "sésame", "a@x.fr", up + "+mailout.check.signed_in +mailout.check.sent"},
		"wrong password":    {nil, "x", "a@x.fr", up + "-mailout.check.password"},
		"relay":             {nil, "sésame", "relay@x.fr", up + "+mailout.check.signed_in -mailout.check.relay"},
		"nobody":            {nil, "sésame", "gone@x.fr", up + "+mailout.check.signed_in -mailout.check.recipient"},
		"later":             {nil, "sésame", "later@x.fr", up + "+mailout.check.signed_in -mailout.check.later"},
		"no address":        {nil, "sésame", "nobody", "-mailout.check.address"},
		"TLS, not STARTTLS": {func(m *channel.Mailbox) { m.Out.TLS = channel.TLS }, "sésame", "a@x.fr", "-mailout.check.not_tls"},
		"no STARTTLS":       {func(m *channel.Mailbox) { m.Out.Port = open.Port }, "sésame", "a@x.fr", "-mailout.check.no_starttls"},
		"another name":      {func(m *channel.Mailbox) { m.Out.Host = "localhost" }, "sésame", "a@x.fr", "-mailout.check.certificate_name"},
		"nobody listens":    {func(m *channel.Mailbox) { m.Out.Port = 1 }, "sésame", "a@x.fr", "-mailout.check.refused"},
		"no encryption":     {func(m *channel.Mailbox) { m.Out.Host, m.Out.TLS = "mail.exemple.fr", channel.Plain }, "sésame", "a@x.fr", "-mailout.check.no_tls"},
		"no way":            {func(m *channel.Mailbox) { m.Out = channel.Outbound{} }, "", "a@x.fr", "-mailout.check.no_way"},
		"no consent yet":    {func(m *channel.Mailbox) { m.Out.Auth = channel.OAuth }, "", "a@x.fr", "-mailout.check.oauth"},
	} {
		m := good
		if c.change != nil {
			c.change(&m)
		}
		if got := steps(s.Test(t.Context(), m, channel.Secrets{SendPassword: c.password}, c.to)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := steps(mailout.Test(t.Context(), good, channel.Secrets{SendPassword: "sésame"}, "a@x.fr")); got != "-mailout.check.certificate" {
		t.Errorf("with the system's trust: %s", got)
	}
	if m := read(t, srv.got[0]); !m.Auto || !strings.Contains(m.Text, "aide@exemple.fr") || m.MessageID == "" {
		t.Errorf("the test mail: %+v", m)
	}
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	silent := silentPort(t)
	m := good
	m.Out.Port = silent
	if got := steps(s.Test(short, m, channel.Secrets{}, "a@x.fr")); got != "-mailout.check.timeout" {
		t.Errorf("a silent server: %s", got)
	}
}

func TestTheTestOfAGraphMailbox(t *testing.T) {
	m := channel.Mailbox{Name: "Aide", Address: "aide@exemple.fr", Out: channel.Outbound{Way: channel.Graph}}
	for want, answer := range map[string]error{
		"+mailout.check.sent":          nil,
		"-mailout.check.graph_consent": mailout.GraphError{Status: 403, Words: "Access is denied"},
		"-mailout.check.later":         mailout.GraphError{Status: 429},
		"-mailout.check.hung_up":       errors.New("connection reset"),
		"-mailout.check.message":       mailout.GraphError{Status: 400, Words: "ErrorInvalidRecipients"},
	} {
		given := func(context.Context, channel.Mailbox, channel.Secrets) (string, error) { return "jeton", nil }
		s := mailout.Sender{Token: given, Graph: func(_ context.Context, _ channel.Mailbox, _ string, m mailout.GraphMail) error {
			if read(t, string(m.Raw)).To[0].Address != "a@x.fr" {
				t.Error("to somebody else")
			}
			return answer
		}}
		if got := steps(s.Test(t.Context(), m, channel.Secrets{}, "a@x.fr")); got != want {
			t.Errorf("%v: %s, want %s", answer, got, want)
		}
	}
	for want, err := range map[string]error{
		"-mail.reason.sign_in.consent": oauth.Refused{Code: "invalid_grant", Words: "AADSTS65001: The user or administrator has not consented to use the application"},
		"-mailout.check.sign_in_away":  errors.New("sign-in service: timeout"),
		"-mailout.check.token":         oauth.Refused{Code: "no_consent"},
	} {
		s := mailout.Sender{Graph: func(context.Context, channel.Mailbox, string, mailout.GraphMail) error { return nil },
			Token: func(context.Context, channel.Mailbox, channel.Secrets) (string, error) { return "", err }}
		if got := steps(s.Test(t.Context(), m, channel.Secrets{}, "a@x.fr")); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}
