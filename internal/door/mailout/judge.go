package mailout

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"entraide/internal/base/oauth"
	"entraide/internal/base/text"
)

// then is what follows from a refusal.
type then int

const (
	retry then = iota
	setUp      // somebody must set something up
	never      // this mail will never be taken
)

// verdict is what a failure means.
type verdict struct {
	doubt  bool // the mail may have been taken
	then   then
	reason string        // catalogue key
	words  string        // of the server or the network
	status string        // of RFC 3463, when it speaks of the recipient; "" = it does not
	after  time.Duration // when to try again; 0 = as usual
}

// judge says what follows from err.
func judge(err error) verdict {
	v := verdict{reason: "mail.reason.unreachable", words: words(err)}
	var f failure
	if !errors.As(err, &f) {
		return v
	}
	var g GraphError
	if errors.As(err, &g) {
		return judgeGraph(v, f, g)
	}
	code, status := answer(err)
	switch {
	case f.stage == doubting:
		v.doubt = true
	case f.stage == connecting && certificate(err):
		v.then, v.reason = setUp, "mailout.reason.certificate"
	case f.stage == connecting && mismatch(err):
		v.then, v.reason = setUp, "mailout.reason.tls"
	case f.stage == connecting && code == 0:
	case f.stage == signing:
		return judgeSignIn(v, err, code)
	case errors.Is(err, errNoUTF8):
		v.then, v.reason = never, "mailout.reason.utf8"
	case f.stage == addressing && code >= 500 && strings.Contains(strings.ToLower(v.words), "relay"):
		v.then, v.reason = setUp, "mailout.reason.relay"
	case code == 530, f.stage == naming && code >= 500 && code != 552, f.stage == connecting && code >= 500:
		v.then, v.reason = setUp, "mail.reason.login" // our account or address: the same for every mail
	case code >= 500:
		v.then, v.reason = never, "mail.reason.refused"
		if f.stage == addressing {
			v.status = status
		}
	case code >= 400:
		v.reason = "mail.reason.later"
	}
	return v
}

func judgeSignIn(v verdict, err error, code int) verdict {
	var t tokenError
	var no oauth.Refused
	switch {
	case errors.As(err, &t) && errors.As(err, &no):
		v.then, v.reason = setUp, "mailout.reason.token"
		if c := no.Cause(); c != "" {
			v.reason = "mail.reason.sign_in." + string(c)
		}
	case errors.As(err, &t):
		v.reason = "mailout.reason.sign_in_away"
	case errors.Is(err, errNoMechanism):
		v.then, v.reason = setUp, "mailout.reason.mechanism"
	case code >= 500:
		v.then, v.reason = setUp, "mail.reason.login"
	case code >= 400:
		v.reason = "mail.reason.later"
	}
	return v
}

// answer returns the code with which the server refused, 0 when it did not answer, and its enhanced status.
func answer(err error) (code int, status string) {
	var said *smtp.SMTPError
	if !errors.As(err, &said) {
		return 0, ""
	}
	if e := said.EnhancedCode; e[0] > 0 {
		status = fmt.Sprintf("%d.%d.%d", e[0], e[1], e[2])
	}
	return said.Code, status
}

// words is what the server or the network said.
func words(err error) string {
	var said *smtp.SMTPError
	if errors.As(err, &said) {
		code, status := answer(err)
		return text.Excerpt(strings.Join(strings.Fields(fmt.Sprintf("%d %s %s", code, status, said.Message)), " "), 300)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return text.Excerpt(err.Error(), 300)
}

// certificate reports whether the server's certificate is not to be trusted.
func certificate(err error) bool {
	var wrong *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	return errors.As(err, &wrong) || errors.As(err, &unknown) || errors.As(err, &name)
}

// mismatch reports whether the server speaks, but not the way the port is set: TLS where it begins plain, STARTTLS where
// there is none.
func mismatch(err error) bool {
	var header tls.RecordHeaderError
	return errors.As(err, &header) || noStartTLS(err)
}

// noStartTLS reports whether the server does not offer STARTTLS, which the client says in words only.
func noStartTLS(err error) bool { return strings.Contains(err.Error(), "doesn't support STARTTLS") }

// plain is what the list of jobs and the journal say, for administrators and logs.
var plain = map[string]string{
	"mail.reason.no_server":        "no mail server is configured",
	"mail.reason.no_sender":        "no sender address is configured",
	"mail.reason.no_tls":           "TLS is off for a mail server that is not this machine",
	"mail.reason.login":            "the mail server refuses the account or the connection",
	"mail.reason.address":          "the recipient's address is not valid",
	"mail.reason.refused":          "the mail server refuses the message",
	"mail.reason.later":            "the mail server asks to try later",
	"mail.reason.unreachable":      "the mail server cannot be reached",
	"mailout.reason.dead":          "the address does not work any more",
	"mailout.reason.unknown":       "the connection broke before the server confirmed",
	"mailout.reason.lost":          "the server hung up several times before it confirmed",
	"mailout.reason.certificate":   "the mail server's certificate is not trusted",
	"mailout.reason.tls":           "port and encryption of the mail server do not go together",
	"mailout.reason.relay":         "the mail server does not send on for this account",
	"mailout.reason.utf8":          "the mail server does not know addresses with accents",
	"mailout.reason.secret":        "the secrets of the mailbox cannot be opened",
	"mailout.reason.oauth":         "the mailbox needs a sign-in that is not set up",
	"mailout.reason.token":         "the sign-in of the mailbox has ended",
	"mail.reason.sign_in.ended":    "the mailbox's consent has ended",
	"mail.reason.sign_in.consent":  "the organisation has not consented",
	"mail.reason.sign_in.secret":   "the application's secret is wrong or over",
	"mail.reason.sign_in.unknown":  "the provider knows no such application or directory",
	"mail.reason.sign_in.account":  "the account does not exist or is locked",
	"mail.reason.sign_in.policy":   "the organisation's rules of access stand against the sign-in",
	"mailout.reason.sign_in_away":  "the sign-in service of Microsoft or Google does not answer",
	"mailout.reason.mechanism":     "the mail server offers no way to sign in that we know",
	"mailout.reason.dkim":          "the DKIM key cannot be read",
	"mailout.reason.graph_consent": "Microsoft 365 does not let the application send",
}
