package mailout_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"entraide/internal/base/auth"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/i18n"
	"entraide/internal/base/id"
	"entraide/internal/base/job"
	"entraide/internal/base/mime"
	"entraide/internal/domain/channel"
	"entraide/internal/door/mailout"
)

var (
	self  = auth.System("test")
	admin = auth.Actor{ID: "ad", Roles: []auth.Role{auth.Admin}}
)

// server is a mail server in this process.
type server struct {
	mu       sync.Mutex
	refuse   map[string][]*smtp.SMTPError // by recipient, one an attempt, from the front
	got      []string
	rcpt     []string
	password string // wanted; "" = no sign-in
	hangUp   bool   // after the message, without a word
	token    string // wanted with XOAUTH2; "" = not offered
	sessions int
	utf8     bool          // SMTPUTF8 is offered
	hold     chan struct{} // closed when Data may answer; nil = at once
	held     chan struct{} // told that Data waits
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

type smtpError = smtp.SMTPError

// silentPort takes connections and never says a word.
func silentPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

type session struct {
	*server
	signedIn bool
	conn     *smtp.Conn
}

func (s *server) NewSession(c *smtp.Conn) (smtp.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions++
	return &session{server: s, conn: c}, nil
}
func (s *session) AuthMechanisms() []string {
	if s.token != "" {
		return []string{"XOAUTH2"}
	}
	return []string{sasl.Plain}
}
func (s *session) Auth(how string) (sasl.Server, error) {
	if how == "XOAUTH2" {
		return &bearer{session: s}, nil
	}
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "entraide" || password != s.password {
			return smtp.ErrAuthFailed
		}
		s.signedIn = true
		return nil
	}), nil
}
func (s *session) Mail(string, *smtp.MailOptions) error {
	if (s.password != "" || s.token != "") && !s.signedIn {
		return smtp.ErrAuthRequired
	}
	return nil
}
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.refuse[to]; len(r) > 0 {
		s.refuse[to] = r[1:]
		return r[0]
	}
	s.rcpt = append(s.rcpt, to)
	return nil
}
func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err // half a mail is none
	}
	if s.hold != nil {
		s.held <- struct{}{}
		<-s.hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, string(b))
	if s.hangUp {
		return s.conn.Conn().Close()
	}
	return err
}
func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// bearer is the server's side of XOAUTH2, with its explanation of a refusal before the last word.
type bearer struct {
	*session
	refused bool
}

func (b *bearer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case b.refused:
		return nil, false, smtp.ErrAuthFailed
	case response == nil:
		return []byte{}, false, nil
	case string(response) == "user=aide@exemple.fr\x01auth=Bearer "+b.token+"\x01\x01":
		b.signedIn = true
		return nil, true, nil
	}
	b.refused = true
	return []byte(`{"status":"401"}`), false, nil
}

// start runs srv and returns the configuration that reaches it. With tlsOn it offers STARTTLS under a certificate that
// only trust knows.
func start(t testing.TB, srv *server, tlsOn bool) (c config.SMTP, trust *tls.Config) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := smtp.NewServer(srv)
	s.Domain = "localhost"
	s.EnableSMTPUTF8 = srv.utf8
	s.AllowInsecureAuth = !tlsOn
	c = config.SMTP{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: "none", From: "Entraide <aide@exemple.fr>"}
	if tlsOn {
		c.TLS = "starttls"
		s.TLSConfig, trust = certificate(t)
	}
	var done sync.WaitGroup
	done.Go(func() {
		if err := s.Serve(l); err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		done.Wait()
	})
	return c, trust
}

func certificate(t testing.TB) (server, trust *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: pool}
}

// post promises a mail and returns its envelope.
func post(t *testing.T, d *db.DB, change func(o *channel.Outgoing)) (e channel.Envelope) {
	t.Helper()
	o := channel.Outgoing{MessageID: channel.ThreadID(id.New(), "aide.exemple.fr"), Recipient: "helene@exemple.fr", Key: id.New(),
		Subject: "[INC-1042] Le réseau se coupe", Ref: "ticket/T1", Content: channel.Content{ToName: "Hélène Roux", FromName: "Paul Vasseur",
			Text: "Bonjour Hélène,\nc’est réparé.", HTML: "<p>Bonjour Hélène</p>", InReplyTo: "b@x", References: []string{"a@x", "b@x"},
			Unsubscribe: "https://aide.exemple.fr/profil/notifications"}}
	if change != nil {
		change(&o)
	}
	err := d.Write(t.Context(), func(tx *db.Tx) (err error) {
		e, _, err = channel.Post(t.Context(), tx, self, o, time.Time{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// attempt runs the handler once on the envelope's job, as it stands after earlier failures.
func attempt(t *testing.T, s mailout.Sender, e channel.Envelope, failures int) error {
	t.Helper()
	var j job.Job
	err := s.DB.Read(t.Context(), func(tx *db.Tx) (err error) { j, err = job.Find(t.Context(), tx, channel.JobSend, e.ID); return err })
	if err != nil {
		t.Fatal(err)
	}
	j.Attempts = failures
	return s.Handler().Run(t.Context(), j)
}

// run lets a real runner work until the envelope has one of the states.
func run(t *testing.T, s mailout.Sender, e channel.Envelope, until ...channel.State) channel.Envelope {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	heard := s.DB.Listen(func(topic string) bool { return topic == "envelopes" })
	defer heard.Close()
	var ended sync.WaitGroup
	ended.Go(func() {
		r := job.Runner{DB: s.DB, Handlers: map[string]job.Handler{channel.JobSend: s.Handler()}, Workers: 2}
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer func() { stop(); ended.Wait() }()
	for {
		heard.Take()
		got := find(t, s.DB, e.ID)
		for _, u := range until {
			if got.State == u {
				return got
			}
		}
		select {
		case <-heard.C:
		case <-ctx.Done():
			t.Fatalf("envelope stays %s: %s", got.State, got.Reason)
		}
	}
}

func find(t *testing.T, d *db.DB, envelopeID string) (e channel.Envelope) {
	t.Helper()
	err := d.Read(t.Context(), func(tx *db.Tx) (err error) { e, err = channel.Find(t.Context(), tx, admin, envelopeID); return err })
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func sender(d *db.DB, c config.SMTP) mailout.Sender {
	return mailout.Sender{DB: d, SMTP: func() config.SMTP { return c }, Host: "aide.exemple.fr", Doubt: time.Millisecond}
}

func TestSend(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		srv := &server{}
		c, _ := start(t, srv, false)
		e := post(t, d, nil)
		sent := run(t, sender(d, c), e, channel.Sent)
		if sent.Sender != "aide@exemple.fr" || sent.DoneAt.IsZero() {
			t.Errorf("envelope = %+v", sent)
		}
		if len(srv.got) != 1 || srv.rcpt[0] != "helene@exemple.fr" {
			t.Fatalf("server got %d mails to %v", len(srv.got), srv.rcpt)
		}
		m, err := mime.Parser{Host: "aide.exemple.fr"}.Parse(strings.NewReader(srv.got[0]))
		if err != nil {
			t.Fatal(err)
		}
		if m.MessageID != e.MessageID || m.InReplyTo != "b@x" || strings.Join(m.References, " ") != "a@x b@x" ||
			m.Subject != e.Subject || m.From != (mime.Address{Name: "Paul Vasseur", Address: "aide@exemple.fr"}) ||
			m.To[0] != (mime.Address{Name: "Hélène Roux", Address: "helene@exemple.fr"}) || m.ReplyTo[0].Address != "aide@exemple.fr" {
			t.Errorf("read back as %+v", m)
		}
		if !strings.Contains(m.Text, "c’est réparé.") || !strings.Contains(m.HTML, "Bonjour Hélène") || !m.Loop {
			t.Errorf("text %q, html %q, loop %v", m.Text, m.HTML, m.Loop)
		}
		for _, want := range []string{"X-Auto-Response-Suppress: OOF, AutoReply", "List-Unsubscribe: <https://aide.exemple.fr/profil/notifications>"} {
			if !strings.Contains(srv.got[0], want) {
				t.Errorf("no %s in\n%s", want, srv.got[0])
			}
		}
		if strings.Contains(srv.got[0], "Auto-Submitted") {
			t.Error("a person's words are marked as a machine's")
		}
	})
}

func TestMachinesMailSaysSo(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	srv := &server{}
	c, _ := start(t, srv, false)
	run(t, sender(d, c), post(t, d, func(o *channel.Outgoing) { o.Content.Auto = "auto-replied" }), channel.Sent)
	for _, want := range []string{"Auto-Submitted: auto-replied\r\n", "X-Auto-Response-Suppress: All\r\n"} {
		if !strings.Contains(srv.got[0], want) {
			t.Errorf("no %q in\n%s", want, srv.got[0])
		}
	}
}

func TestRefusals(t *testing.T) {
	later := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted, try again"}
	never := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		srv := &server{refuse: map[string][]*smtp.SMTPError{"a@x.fr": {later}, "b@x.fr": {never}, "c@x.fr": {later}}}
		to := func(address string) func(*channel.Outgoing) {
			return func(o *channel.Outgoing) { o.Recipient = address }
		}
		c, _ := start(t, srv, false)
		s := sender(d, c)

		e := post(t, d, to("a@x.fr"))
		if err := attempt(t, s, e, 0); err == nil {
			t.Error("451: no error, so no retry")
		}
		if got := find(t, d, e.ID); got.State != channel.Waiting || !strings.Contains(got.Why(i18n.Loc{Lang: i18n.EN}), "later. 451 4.7.1 greylisted, try again") {
			t.Errorf("after 451: %s, %s", got.State, got.Why(i18n.Loc{Lang: i18n.EN}))
		}

		got := run(t, s, post(t, d, to("b@x.fr")), channel.Failed, channel.Sent)
		if got.State != channel.Failed || !strings.Contains(got.Why(i18n.Loc{}), "550 5.1.1 no such user") {
			t.Errorf("after 550: %s, %s", got.State, got.Why(i18n.Loc{}))
		}

		last := post(t, d, to("c@x.fr"))
		if err := attempt(t, s, last, 11); err == nil || find(t, d, last.ID).State != channel.Failed {
			t.Errorf("after the last attempt: %v, %s", err, find(t, d, last.ID).State)
		}
		if strings.Contains(strings.Join(srv.rcpt, " "), "b@x.fr") || strings.Contains(strings.Join(srv.rcpt, " "), "c@x.fr") {
			t.Errorf("went out to %v", srv.rcpt)
		}
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return channel.Retry(t.Context(), tx, admin, last.ID) }); err != nil {
			t.Fatal(err)
		}
		run(t, s, last, channel.Sent)
	})
}

func TestUnreachable(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	e := post(t, d, nil)
	err = attempt(t, sender(d, config.SMTP{Host: "127.0.0.1", Port: port, TLS: "none", From: "a@exemple.fr"}), e, 0)
	if got := find(t, d, e.ID); err == nil || got.State != channel.Waiting || !strings.HasPrefix(got.Reason, "mail.reason.unreachable") {
		t.Errorf("%v, %s %s", err, got.State, got.Reason)
	}
}

// A server that is not there, or not as it is set, costs no mail, however long it takes.
func TestNothingIsGivenUpForTheServer(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	c, _ := start(t, &server{}, false)
	for reason, change := range map[string]func(c *config.SMTP){
		"mail.reason.unreachable": func(c *config.SMTP) { c.Port = 1 },
		"mailout.reason.tls":      func(c *config.SMTP) { c.TLS = "starttls" },
	} {
		bad := c
		change(&bad)
		e := post(t, d, nil)
		for _, failures := range []int{0, 10, 11, 500} {
			if err := attempt(t, sender(d, bad), e, failures); err == nil || find(t, d, e.ID).State != channel.Waiting || !strings.HasPrefix(find(t, d, e.ID).Reason, reason) {
				t.Errorf("%s after %d: %v, %s %s", reason, failures, err, find(t, d, e.ID).State, find(t, d, e.ID).Reason)
			}
		}
	}
}

func TestAnAnswerLostOnTheWayIsTriedAgain(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	srv := &server{hangUp: true}
	c, _ := start(t, srv, false)
	s, e := sender(d, c), post(t, d, nil)
	if err := attempt(t, s, e, 0); err == nil {
		t.Fatal("no error although the server never said 250")
	}
	srv.hangUp = false
	run(t, s, e, channel.Sent)
	first, err := mime.Parse(strings.NewReader(srv.got[0]), 0)
	if err != nil {
		t.Fatal(err)
	}
	second, err := mime.Parse(strings.NewReader(srv.got[1]), 0)
	if err != nil || first.MessageID != second.MessageID {
		t.Errorf("ids %s and %s, %v", first.MessageID, second.MessageID, err)
	}
}

func TestSentIsNotSentAgain(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	srv := &server{}
	c, _ := start(t, srv, false)
	s, e := sender(d, c), post(t, d, nil)
	err := d.Write(t.Context(), func(tx *db.Tx) error { return channel.MarkSent(t.Context(), tx, self, e.ID, "aide@exemple.fr") })
	if err != nil {
		t.Fatal(err)
	}
	if err := attempt(t, s, e, 0); err != nil || len(srv.got) != 0 {
		t.Errorf("%v, %d mails", err, len(srv.got))
	}
}

func TestWithoutServerMailWaits(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		var mu sync.Mutex
		c := config.SMTP{}
		s := mailout.Sender{DB: d, Host: "h", SMTP: func() config.SMTP { mu.Lock(); defer mu.Unlock(); return c }}
		e := post(t, d, nil)
		if err := attempt(t, s, e, 0); err == nil || !strings.Contains(err.Error(), "no mail server") {
			t.Errorf("error %v", err)
		}
		got := find(t, d, e.ID)
		if got.State != channel.Waiting || got.Why(i18n.Loc{Lang: i18n.EN}) != "No mail server is configured: the message waits." {
			t.Errorf("waits because %q", got.Why(i18n.Loc{Lang: i18n.EN}))
		}
		srv := &server{}
		mu.Lock()
		c, _ = start(t, srv, false)
		mu.Unlock()
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return channel.Retry(t.Context(), tx, admin, e.ID) }); err != nil {
			t.Fatal(err)
		}
		run(t, s, e, channel.Sent)
	})
}

func TestSignInAndTLS(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	srv := &server{password: "sésame"}
	c, trust := start(t, srv, true)
	c.User, c.Password = "entraide", "sésame"
	good := sender(d, c)
	good.TLS = trust
	run(t, good, post(t, d, nil), channel.Sent)

	for name, s := range map[string]mailout.Sender{
		"wrong password": func() mailout.Sender { b := c; b.Password = "x"; s := sender(d, b); s.TLS = trust; return s }(),
		"no account":     func() mailout.Sender { b := c; b.User = ""; s := sender(d, b); s.TLS = trust; return s }(),
	} {
		e := post(t, d, nil)
		err := attempt(t, s, e, 11)
		if got := find(t, d, e.ID); err == nil || got.State != channel.Waiting || !strings.HasPrefix(got.Reason, "mail.reason.login") {
			t.Errorf("%s: %v, %s %s", name, err, got.State, got.Reason)
		}
	}
	untrusted := post(t, d, nil)
	if err := attempt(t, sender(d, c), untrusted, 0); err == nil || find(t, d, untrusted.ID).State != channel.Waiting {
		t.Errorf("an unknown certificate: %v", err)
	}
	if len(srv.got) != 1 {
		t.Errorf("%d mails went out", len(srv.got))
	}
}

func TestTLSOffIsForThisMachineOnly(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	for host, want := range map[string]string{"mail.exemple.fr": "mail.reason.no_tls", "192.0.2.1": "mail.reason.no_tls", "localhost.exemple.fr": "mail.reason.no_tls"} {
		e := post(t, d, nil)
		err := attempt(t, sender(d, config.SMTP{Host: host, Port: 25, TLS: "none", From: "a@exemple.fr"}), e, 0)
		if got := find(t, d, e.ID); err == nil || got.Reason != want {
			t.Errorf("%s: %v, %s", host, err, got.Reason)
		}
	}
}

func TestNothingTypedBecomesAHeader(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	srv := &server{}
	c, _ := start(t, srv, false)
	const evil = "x\r\nBcc: victim@exemple.fr\r\n\r\n<script>"
	run(t, sender(d, c), post(t, d, func(o *channel.Outgoing) {
		o.Subject, o.MessageID = evil, "a@b"
		o.Content = channel.Content{ToName: evil, FromName: evil, Text: ".\r\nQUIT\r\n..", InReplyTo: evil, References: []string{"ok@x", evil}, Auto: evil, Unsubscribe: "https://x/ " + evil}
	}), channel.Sent)
	head, body, _ := strings.Cut(srv.got[0], "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if strings.HasPrefix(strings.ToLower(line), "bcc") {
			t.Errorf("header %q", line)
		}
	}
	m, err := mime.Parse(strings.NewReader(srv.got[0]), 0)
	if err != nil || strings.Join(m.References, " ") != "ok@x" || m.InReplyTo != "" || len(srv.rcpt) != 1 {
		t.Errorf("%+v, %v, sent to %v", m, err, srv.rcpt)
	}
	if !strings.Contains(m.Text, "QUIT") || !strings.Contains(body, "QUIT") {
		t.Errorf("text %q", m.Text)
	}

	bad := post(t, d, func(o *channel.Outgoing) { o.Recipient = "helene@exemple.fr> RCPT TO:<x@y" })
	got := run(t, sender(d, c), bad, channel.Failed, channel.Sent)
	if got.State != channel.Failed || !strings.HasPrefix(got.Reason, "mail.reason.address") {
		t.Errorf("an address that is none: %s %s", got.State, got.Reason)
	}
}
