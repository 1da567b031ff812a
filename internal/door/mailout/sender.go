// Package mailout hands outgoing mail to the organisation's mail server: the job channel.JobSend.
//
// Delivery is at least once. A crash between the server's 250 and our mark sends the mail again, always under the same
// Message-ID, so that mail programs and most servers show it once. A mail is never marked before the server took it:
// one that comes twice is better than one that never comes.
package mailout

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"entraide/internal/base/auth"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/job"
	"entraide/internal/domain/channel"
)

// attempts spread over about a day and a half, as mail servers do among themselves.
const attempts = 12

// Sender delivers envelopes.
type Sender struct {
	DB *db.DB
	// SMTP is asked at each delivery, so that a change holds at once. An empty Host or From means that mail waits.
	SMTP func() config.SMTP
	// Host is written into X-Entraide-Loop, by which intake knows our own mail.
	Host string
	// TLS replaces the system's trust, for a mail server with a certificate of the organisation's own; nil = system.
	TLS *tls.Config
}

// Handler returns the handler of channel.JobSend.
func (s Sender) Handler() job.Handler {
	return job.Handler{Run: s.run, Attempts: attempts, Timeout: time.Minute}
}

// machine is who marks envelopes.
func machine() auth.Actor { return auth.System("mail out") }

// run delivers the envelope of one job.
func (s Sender) run(ctx context.Context, j job.Job) error {
	var p channel.Promise
	if err := j.Decode(&p); err != nil {
		return job.Final(err)
	}
	var e channel.Envelope
	err := s.DB.Read(ctx, func(tx *db.Tx) (err error) {
		e, err = channel.Find(ctx, tx, machine(), p.Envelope)
		return err
	})
	switch {
	case errors.Is(err, errs.NotFound):
		return nil // deleted with its record: there is nothing left to say
	case err != nil:
		return err
	case e.State != channel.Waiting:
		return nil // sent, and the crash came before the job was removed; or an administrator gave it up
	}
	c := s.SMTP()
	if why := unusable(c); why != "" {
		return s.wait(ctx, e, why, "")
	}
	from, err := mail.ParseAddress(c.From)
	if err != nil {
		return s.wait(ctx, e, "mail.reason.no_sender", "")
	}
	msg, err := message(e, from, s.Host)
	if err != nil {
		return s.giveUp(ctx, e, "mail.reason.address", err)
	}
	if err := s.deliver(ctx, c, msg); err != nil {
		return s.refused(ctx, j, e, err)
	}
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		if err := channel.MarkSent(ctx, tx, machine(), e.ID, from.Address); err != nil {
			return err
		}
		return job.Done(ctx, tx, j)
	})
}

// unusable returns the reason for which nothing can be sent with c, "" if there is none.
func unusable(c config.SMTP) string {
	switch {
	case c.Host == "":
		return "mail.reason.no_server"
	case c.From == "":
		return "mail.reason.no_sender"
	case c.TLS == "none" && !loopback(c.Host):
		return "mail.reason.no_tls" // passwords and requests would cross the network for all to read
	}
	return ""
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// login marks failures to get a session at all: they are the configuration's, not the message's.
type login struct{ error }

func (l login) Unwrap() error { return l.error }

func (s Sender) deliver(ctx context.Context, c config.SMTP, msg *gomail.Msg) error {
	options := []gomail.Option{gomail.WithPort(c.Port), gomail.WithTimeout(30 * time.Second), gomail.WithoutNoop()}
	switch c.TLS {
	case "tls":
		options = append(options, gomail.WithSSL())
	case "none":
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.TLS != nil {
		t := s.TLS.Clone()
		t.ServerName = c.Host
		options = append(options, gomail.WithTLSConfig(t))
	}
	if c.User != "" {
		how := gomail.SMTPAuthAutoDiscover
		if c.TLS == "none" {
			how = gomail.SMTPAuthPlainNoEnc // the server is this machine: unusable has seen to it
		}
		options = append(options, gomail.WithSMTPAuth(how), gomail.WithUsername(c.User), gomail.WithPassword(c.Password.Reveal()))
	}
	client, err := gomail.NewClient(c.Host, options...)
	if err != nil {
		return login{err}
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return login{err}
	}
	err = client.SendWithSMTPClient(session, msg)
	if cerr := client.CloseWithSMTPClient(session); cerr != nil && err == nil {
		slog.DebugContext(ctx, "mail server hung up first", "error", cerr)
	}
	if msg.IsDelivered() {
		return nil // what went wrong after its 250 no longer matters
	}
	return err
}

// refused says what follows from a failed delivery: another attempt, waiting for a set-up, or the end.
func (s Sender) refused(ctx context.Context, j job.Job, e channel.Envelope, err error) error {
	answer := text(err)
	var l login
	if errors.As(err, &l) {
		if code := reply(err); code >= 500 {
			return s.wait(ctx, e, "mail.reason.login", answer)
		}
		return s.again(ctx, j, e, "mail.reason.unreachable", answer, err)
	}
	var se *gomail.SendError
	if !errors.As(err, &se) {
		return s.again(ctx, j, e, "mail.reason.unreachable", answer, err)
	}
	switch code := se.ErrorCode(); {
	case code >= 500 && (se.Reason == gomail.ErrSMTPMailFrom || code == 530): // our account or address: the same for every mail
		return s.wait(ctx, e, "mail.reason.login", answer)
	case code >= 500:
		return s.giveUp(ctx, e, "mail.reason.refused", err)
	case code >= 400:
		return s.again(ctx, j, e, "mail.reason.later", answer, err)
	}
	return s.again(ctx, j, e, "mail.reason.unreachable", answer, err)
}

// wait leaves the envelope until somebody sets something up.
func (s Sender) wait(ctx context.Context, e channel.Envelope, reason, answer string) error {
	if err := s.note(ctx, e, reason, answer); err != nil {
		return err
	}
	return job.Wait(strings.TrimSpace(plain[reason] + " " + answer))
}

// again lets the job try later, and gives the envelope up with the last attempt.
func (s Sender) again(ctx context.Context, j job.Job, e channel.Envelope, reason, answer string, err error) error {
	if j.Attempts+1 >= attempts {
		return s.giveUp(ctx, e, reason, err)
	}
	return errors.Join(err, s.note(ctx, e, reason, answer))
}

func (s Sender) note(ctx context.Context, e channel.Envelope, reason, answer string) error {
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		return channel.Delay(ctx, tx, machine(), e.ID, channel.Because(reason, answer))
	})
}

func (s Sender) giveUp(ctx context.Context, e channel.Envelope, reason string, cause error) error {
	err := s.DB.Write(ctx, func(tx *db.Tx) error {
		return channel.MarkFailed(ctx, tx, machine(), e.ID, channel.Because(reason, text(cause)))
	})
	if err != nil {
		return err
	}
	return job.Final(fmt.Errorf("%s: %w", plain[reason], cause))
}

// plain is what the list of jobs and the journal say, for administrators and logs.
var plain = map[string]string{
	"mail.reason.no_server":   "no mail server is configured",
	"mail.reason.no_sender":   "no sender address is configured",
	"mail.reason.no_tls":      "TLS is off for a mail server that is not this machine",
	"mail.reason.login":       "the mail server refuses the account or the connection",
	"mail.reason.address":     "the recipient's address is not valid",
	"mail.reason.refused":     "the mail server refuses the message",
	"mail.reason.later":       "the mail server asks to try later",
	"mail.reason.unreachable": "the mail server cannot be reached",
}
