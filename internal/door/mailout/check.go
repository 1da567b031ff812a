package mailout

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"entraide/internal/base/i18n"
	"entraide/internal/base/id"
	"entraide/internal/domain/channel"
)

// Test tries to send by a mailbox as it is being set up, and says step by step how it went: connecting, signing in,
// the DKIM record when there is a key, one mail to the address to. It stops at the first step that fails.
// Mailboxes that sign in with Microsoft or Google need Sender.Test, which knows how.
func Test(ctx context.Context, m channel.Mailbox, s channel.Secrets, to string) []channel.Check {
	return Sender{}.Test(ctx, m, s, to)
}

// Test is the function Test with what the Sender knows: tokens, Graph, trust, and the mail server of the configuration
// for a mailbox that has no way of its own.
func (s Sender) Test(ctx context.Context, m channel.Mailbox, secrets channel.Secrets, to string) []channel.Check {
	t := tester{sender: s, route: route{box: m, secrets: secrets}, to: to}
	if m.Out.Way != channel.NoWay {
		t.route.byMailbox(m)
	} else if err := t.byConfiguration(m); err != nil {
		return []channel.Check{t.no("connect", "mailout.check.no_way", "")}
	}
	t.args = map[string]string{"host": t.route.host, "port": strconv.Itoa(t.route.port), "address": t.route.from.Address, "user": t.route.user, "to": to}
	var stuck stuckError
	if err := t.route.usable(s); errors.As(err, &stuck) {
		return []channel.Check{t.no("connect", checkOf[stuck.reason], "")}
	}
	t.run(ctx)
	return t.checks
}

// checkOf says in words of the settings page what keeps a route from being used.
var checkOf = map[string]string{"mail.reason.no_server": "mailout.check.no_host", "mail.reason.no_tls": "mailout.check.no_tls", "mailout.reason.oauth": "mailout.check.oauth"}

// tester is one test under way.
type tester struct {
	sender Sender
	route  route
	to     string
	args   map[string]string
	checks []channel.Check
}

func (t *tester) byConfiguration(m channel.Mailbox) error {
	if t.sender.SMTP == nil {
		return stuckError{reason: "mail.reason.no_server"}
	}
	return t.route.byConfiguration(t.sender.SMTP(), m)
}

func (t *tester) no(step, key, detail string) channel.Check {
	return channel.Check{Step: step, Key: key, Args: t.args, Detail: detail}
}

func (t *tester) fail(step, key string, err error) {
	t.checks = append(t.checks, t.no(step, key, words(err)))
}

func (t *tester) pass(step, key string) {
	t.checks = append(t.checks, channel.Check{Step: step, Key: key, Args: t.args, OK: true})
}

func (t *tester) run(ctx context.Context) {
	m, err := t.mail()
	if err != nil {
		t.fail("send", "mailout.check.address", err)
		return
	}
	if t.route.way == channel.Graph {
		t.signature(ctx)
		t.sent(sendGraph(ctx, t.sender, t.route, m))
		return
	}
	x, err := dial(ctx, t.sender, t.route)
	var f failure
	if errors.As(err, &f) && f.stage == connecting {
		t.fail("connect", t.unreachable(err), err)
		return
	}
	t.pass("connect", "mailout.check.connect")
	if err != nil {
		t.fail("sign_in", t.signInKey(err), err)
		return
	}
	defer x.close()
	if t.route.user != "" {
		t.pass("sign_in", "mailout.check.signed_in")
	}
	t.signature(ctx)
	t.sent(x.send(ctx, m))
}

// sent says how the test mail fared.
func (t *tester) sent(err error) {
	if err == nil {
		t.pass("send", "mailout.check.sent")
		return
	}
	var f failure
	errors.As(err, &f)
	v := judge(err)
	key := "mailout.check.message"
	switch {
	case f.stage == signing:
		key = t.signInKey(err)
	case v.reason == "mailout.reason.graph_consent":
		key = "mailout.check.graph_consent"
	case v.reason == "mailout.reason.relay":
		key = "mailout.check.relay"
	case v.reason == "mailout.reason.utf8":
		key = "mailout.check.utf8"
	case v.doubt || v.reason == "mail.reason.unreachable":
		key = "mailout.check.hung_up"
	case v.reason == "mail.reason.later":
		key = "mailout.check.later"
	case f.stage == naming:
		key = "mailout.check.sender"
	case f.stage == addressing:
		key = "mailout.check.recipient"
	}
	c := t.no("send", key, v.words)
	t.checks = append(t.checks, c)
}

// mail is a letter that says it is a test, marked so that our own intake leaves it alone.
func (t *tester) mail() (parcel, error) {
	l := i18n.New(t.route.box.Lang, "")
	e := channel.Envelope{MessageID: "test." + id.New() + "@" + t.sender.name(), Recipient: t.to, Subject: l.T("mailout.test.subject", "name", t.route.box.Name),
		Content: channel.Content{Text: l.T("mailout.test.text", "address", t.route.from.Address), Auto: "auto-generated"}}
	raw, err := build(letter{envelope: e, from: t.route.from, replyTo: t.route.from.Address, host: t.sender.name(), date: time.Now()})
	if err != nil {
		return parcel{}, err
	}
	if signed, err := sign(raw, t.route); err == nil { // else signature says why
		raw = signed
	}
	from, err := wire(t.route.from.Address)
	if err != nil {
		return parcel{}, err
	}
	to, err := wire(t.to)
	return parcel{from: from, to: to, raw: raw, id: e.MessageID, begin: func() error { return nil }}, err
}

// unreachable names why no session came about.
func (t *tester) unreachable(err error) string {
	var dns *net.DNSError
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "mailout.check.unknown_host"
	case certificate(err):
		return t.certificate(err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "mailout.check.refused"
	case noStartTLS(err):
		return "mailout.check.no_starttls"
	case errors.As(err, &header):
		return "mailout.check.not_tls"
	}
	if code, _ := answer(err); code != 0 {
		return "mailout.check.greeting" // it speaks, but not with us
	}
	var timeout interface{ Timeout() bool }
	late := errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
	switch {
	case late && t.route.tls != channel.TLS && t.route.port == 465:
		return "mailout.check.wants_tls" // it waits for a handshake, and we for a greeting
	case late:
		return "mailout.check.timeout"
	}
	return "mailout.check.hung_up"
}

func (t *tester) certificate(err error) string {
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &name):
		return "mailout.check.certificate_name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "mailout.check.certificate_old"
	}
	return "mailout.check.certificate"
}

// signInKey names why signing in failed, with the remedies of the two large providers.
func (t *tester) signInKey(err error) string {
	host := strings.ToLower(t.route.host)
	code, _ := answer(err)
	switch reason := judgeSignIn(verdict{}, err, code).reason; reason {
	case "mailout.reason.token":
		return "mailout.check.token"
	case "mailout.reason.sign_in_away":
		return "mailout.check.sign_in_away"
	case "mailout.reason.mechanism":
		return "mailout.check.mechanism"
	case "mail.reason.later":
		return "mailout.check.later"
	default:
		if strings.HasPrefix(reason, "mail.reason.sign_in.") {
			return reason
		}
	}
	switch {
	case code == 0:
		return "mailout.check.hung_up"
	case t.route.oauth:
		return "mailout.check.oauth_refused"
	case strings.HasSuffix(host, ".office365.com") || strings.HasSuffix(host, ".outlook.com"):
		return "mailout.check.microsoft"
	case strings.HasSuffix(host, ".gmail.com") || strings.HasSuffix(host, ".google.com"):
		return "mailout.check.google"
	}
	return "mailout.check.password"
}

// signature compares the DKIM key with the record that the world sees.
func (t *tester) signature(ctx context.Context) {
	o := t.route.box.Out
	if o.Selector == "" || o.Domain == "" || t.route.secrets.DKIMKey == "" {
		return
	}
	record := o.Selector + "._domainkey." + o.Domain
	t.args["record"] = record
	key, err := parseKey(t.route.secrets.DKIMKey)
	if err != nil {
		t.fail("dkim", "mailout.check.dkim_key", err)
		return
	}
	lookup := t.sender.LookupTXT
	if lookup == nil {
		lookup = net.DefaultResolver.LookupTXT
	}
	ctx, cancel := context.WithTimeout(ctx, dialFor)
	defer cancel()
	texts, err := lookup(ctx, record)
	if err != nil || len(texts) == 0 {
		t.fail("dkim", "mailout.check.dkim_missing", errors.Join(err, errors.New(record)))
		return
	}
	if !published(strings.Join(texts, ""), key.Public()) {
		t.checks = append(t.checks, t.no("dkim", "mailout.check.dkim_other", texts[0]))
		return
	}
	t.pass("dkim", "mailout.check.dkim")
}

// published reports whether a DKIM record holds key.
func published(record string, key crypto.PublicKey) bool {
	var want [][]byte
	switch k := key.(type) {
	case *rsa.PublicKey:
		spki, err := x509.MarshalPKIXPublicKey(k)
		if err != nil {
			return false
		}
		want = [][]byte{spki, x509.MarshalPKCS1PublicKey(k)}
	case ed25519.PublicKey:
		want = [][]byte{k}
	}
	for tag := range strings.SplitSeq(record, ";") {
		name, value, _ := strings.Cut(tag, "=")
		if strings.TrimSpace(name) != "p" {
			continue
		}
		got, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(value), ""))
		for _, w := range want {
			if err == nil && bytes.Equal(got, w) {
				return true
			}
		}
	}
	return false
}
