// Package mailout hands outgoing mail to a mail server: the job channel.JobSend. A mail leaves by its mailbox, over
// SMTP or Microsoft Graph, or by the mail server of the configuration.
//
// Never twice, as far as SMTP allows. Before the body of a mail leaves, that is written down; the server's word ends
// the doubt. When the word is lost – the connection breaks after the last byte, the process dies – the mail may have
// been taken or not, and nobody can know. It goes out again after a while, by one process only, under the same
// Message-ID, so that most servers and mail programs show it once, and at most three times in all. A connection that
// breaks earlier leaves no doubt: a server must not deliver half a mail.
package mailout

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/job"
	"entraide/internal/base/msgraph"
	"entraide/internal/base/seal"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
)

const (
	attempts  = 12                 // spread over about a day and a half, as mail servers do among themselves
	oldest    = 3 * 24 * time.Hour // a mail that could not leave for so long is given up
	maxDoubts = 3                  // times that a mail may be sent without the server's word
	doubtFor  = 15 * time.Minute   // before a mail whose fate is unknown goes out again
	within    = 5 * time.Minute    // one attempt, with a large mail on a slow line
)

// Sender delivers envelopes.
type Sender struct {
	DB    *db.DB
	Blobs blob.Store // where the files of mails are
	Key   seal.Key   // opens the secrets of mailboxes
	// SMTP is asked at each delivery, so that a change holds at once. An empty Host or From means that mail without a
	// mailbox waits.
	SMTP func() config.SMTP
	// Host is written into X-Entraide-Loop, by which intake knows our own mail, and is our name to servers.
	Host string
	// TLS replaces the system's trust, for a mail server with a certificate of the organisation's own; nil = system.
	TLS *tls.Config
	// Token returns what a mailbox signs in with over OAuth; nil = mailboxes that need it wait.
	Token Token
	// Spent is told of a token that a service refuses, so that Token gets another; nil = nobody keeps tokens.
	Spent func(token string)
	// Graph sends by Microsoft Graph; nil = mailboxes that need it wait.
	Graph Graph
	// LookupTXT reads DNS for the test of a mailbox that signs; nil = the system's.
	LookupTXT func(ctx context.Context, name string) ([]string, error)
	// Doubt is how long a mail whose fate is unknown waits before it goes out again; 0 = 15 minutes.
	Doubt time.Duration
}

// Token returns an access token for a mailbox.
type Token func(ctx context.Context, m channel.Mailbox, s channel.Secrets) (string, error)

// Handler returns the handler of channel.JobSend. Connections are kept for a few seconds and shared by its jobs.
func (s Sender) Handler() job.Handler {
	w := worker{Sender: s, pool: newPool()}
	if w.Doubt == 0 {
		w.Doubt = doubtFor
	}
	return job.Handler{Run: w.run, Attempts: attempts, Timeout: within}
}

// machine is who marks envelopes.
func machine() auth.Actor { return auth.System("mail out") }

// worker is a Sender at work.
type worker struct {
	Sender
	pool *pool
}

// errand is one envelope on its way.
type errand struct {
	job      job.Job
	envelope channel.Envelope
	attempt  channel.Attempt
	address  channel.Address
	dead     bool
	route    route
}

// run delivers the envelope of one job.
func (w worker) run(ctx context.Context, j job.Job) error {
	var p channel.Promise
	if err := j.Decode(&p); err != nil {
		return job.Final(err)
	}
	e := errand{job: j}
	err := w.DB.Read(ctx, func(tx *db.Tx) error { return w.load(ctx, tx, &e, p.Envelope) })
	var stuck stuckError
	switch {
	case errors.Is(err, errs.NotFound):
		return nil // deleted with its record: there is nothing left to say
	case errors.As(err, &stuck):
		return w.wait(ctx, e, stuck.reason, stuck.words)
	case err != nil:
		return err
	case e.envelope.State != channel.Waiting:
		return nil // sent, and the crash came before the job was removed; or an administrator gave it up
	case e.dead:
		return w.giveUp(ctx, e, "mailout.reason.dead", e.address.Words)
	case !e.attempt.Began.IsZero() && e.attempt.Doubts >= maxDoubts:
		return w.giveUp(ctx, e, "mailout.reason.lost", "")
	}
	if again := e.attempt.Began.Add(w.Doubt); !e.attempt.Began.IsZero() && again.After(w.DB.Now()) {
		return w.later(ctx, e, again, "mailout.reason.unknown", "")
	}
	if rest := w.pool.line(e.route).rest(); rest > 0 {
		return w.later(ctx, e, w.DB.Now().Add(rest), e.envelope.Reason, "")
	}
	return w.deliver(ctx, e)
}

// load reads what one attempt needs to know. Errors: errs.NotFound, stuckError when nothing can be sent.
func (w worker) load(ctx context.Context, tx *db.Tx, e *errand, envelopeID string) (err error) {
	if e.envelope, err = channel.Find(ctx, tx, machine(), envelopeID); err != nil || e.envelope.State != channel.Waiting {
		return err
	}
	if e.attempt, err = channel.AttemptOf(ctx, tx, machine(), envelopeID); err != nil {
		return err
	}
	if e.address, e.dead, err = channel.Dead(ctx, tx, machine(), e.envelope.Recipient); err != nil || e.dead {
		return err
	}
	e.route, err = w.choose(ctx, tx, e.envelope)
	return err
}

// deliver makes one attempt.
func (w worker) deliver(ctx context.Context, e errand) error {
	to, err := wire(e.envelope.Recipient)
	if err != nil {
		return w.giveUp(ctx, e, "mail.reason.address", err.Error())
	}
	raw, files, err := w.write(ctx, e)
	var stuck stuckError
	if errors.As(err, &stuck) {
		return w.wait(ctx, e, stuck.reason, stuck.words)
	}
	if err != nil {
		return w.again(ctx, e, "mail.reason.unreachable", err)
	}
	from, err := wire(e.route.from.Address)
	if err != nil {
		return w.wait(ctx, e, "mail.reason.no_sender", "")
	}
	begin := func() error {
		return w.DB.Write(ctx, func(tx *db.Tx) error {
			_, err := channel.Begin(ctx, tx, machine(), e.envelope.ID, e.attempt)
			return err
		})
	}
	err = w.pool.line(e.route).send(ctx, w.Sender, e.route, parcel{from: from, to: to, raw: raw, files: files, id: e.envelope.ID, begin: begin})
	if err != nil {
		return w.refused(ctx, e, err)
	}
	return w.DB.Write(ctx, func(tx *db.Tx) error {
		if err := channel.MarkSent(ctx, tx, machine(), e.envelope.ID, e.route.from.Address); err != nil {
			return err
		}
		if err := channel.NoteTaken(ctx, tx, machine(), e.envelope.Recipient); err != nil {
			return err
		}
		if err := job.Done(ctx, tx, e.job); !errors.Is(err, job.ErrLost) {
			return err
		}
		return nil // another process has the job by now; it will find that the mail was sent
	})
}

// write makes the message, with its files, signed where the mailbox signs. What is too much for one request of Microsoft
// Graph comes without the files, and they beside it.
func (w worker) write(ctx context.Context, e errand) (raw []byte, apart []msgraph.File, err error) {
	l := letter{envelope: e.envelope, from: e.route.from, replyTo: e.route.replyTo, host: w.Host, date: w.DB.Now()}
	for _, f := range e.envelope.Content.Files {
		data, err := readAll(ctx, w.Blobs, f.Hash)
		if errors.Is(err, blob.ErrNotFound) {
			slog.ErrorContext(ctx, "a file of a mail is gone", "envelope", e.envelope.ID, "file", f.Hash)
			continue // the words still matter
		}
		if err != nil {
			return nil, nil, err
		}
		l.files = append(l.files, file{f, data})
	}
	if raw, err = build(l); err != nil {
		return nil, nil, err
	}
	if e.route.way == channel.Graph && len(raw) > msgraph.MaxMail {
		for _, f := range l.files {
			apart = append(apart, msgraph.File{Name: f.Name, Type: f.Type, ContentID: f.ContentID, Data: f.data})
		}
		l.files = nil
		if raw, err = build(l); err != nil {
			return nil, nil, err
		}
	}
	raw, err = sign(raw, e.route)
	return raw, apart, err
}

// refused says what follows from a failed attempt: another one, waiting for a set-up, or the end.
func (w worker) refused(ctx context.Context, e errand, err error) error {
	if errors.Is(err, errs.Conflict) {
		return err // another process has it in hand
	}
	v := judge(err)
	if v.doubt {
		if e.attempt.Doubts+1 >= maxDoubts {
			return w.giveUp(ctx, e, "mailout.reason.lost", v.words)
		}
		return w.later(ctx, e, w.DB.Now().Add(w.Doubt), "mailout.reason.unknown", v.words)
	}
	if err := w.DB.Write(ctx, func(tx *db.Tx) error {
		if v.status != "" && channel.Hard(v.status) {
			if _, err := channel.NoteBounce(ctx, tx, machine(), e.envelope.Recipient, v.status, v.words); err != nil {
				return err
			}
		}
		return channel.Refused(ctx, tx, machine(), e.envelope.ID)
	}); err != nil {
		return err
	}
	switch v.then {
	case setUp:
		return w.wait(ctx, e, v.reason, v.words)
	case never:
		return w.giveUp(ctx, e, v.reason, v.words)
	}
	if v.after > 0 {
		return w.later(ctx, e, w.DB.Now().Add(v.after), v.reason, v.words)
	}
	return w.again(ctx, e, v.reason, err)
}

// wait leaves the envelope until somebody sets something up.
func (w worker) wait(ctx context.Context, e errand, reason, words string) error {
	if err := w.note(ctx, e, reason, words); err != nil {
		return err
	}
	return job.Wait(strings.TrimSpace(plain[reason] + " " + words))
}

// again lets the job try after its usual back-off, and gives the envelope up with the last attempt. A server that is
// not reached at all, or a sign-in service, is no mail's fault: nothing is given up for it, however long it takes.
func (w worker) again(ctx context.Context, e errand, reason string, err error) error {
	words := judge(err).words
	var f failure
	if e.job.Attempts+2 >= attempts && errors.As(err, &f) && (f.stage == connecting || errors.As(err, new(tokenError))) {
		return w.wait(ctx, e, reason, words)
	}
	if e.job.Attempts+1 >= attempts || w.DB.Now().Sub(e.envelope.At) > oldest {
		return w.giveUp(ctx, e, reason, words)
	}
	return errors.Join(err, w.note(ctx, e, reason, words))
}

// later puts the job off to an instant, without using up an attempt.
func (w worker) later(ctx context.Context, e errand, at time.Time, reason, words string) error {
	if w.DB.Now().Sub(e.envelope.At) > oldest {
		return w.giveUp(ctx, e, reason, words)
	}
	return w.DB.Write(ctx, func(tx *db.Tx) error {
		if err := channel.Delay(ctx, tx, machine(), e.envelope.ID, channel.Because(reason, words)); err != nil {
			return err
		}
		if err := job.Done(ctx, tx, e.job); err != nil {
			return err
		}
		return job.Insert(ctx, tx, job.New{Kind: e.job.Kind, Key: e.job.Key, Payload: e.job.Payload, At: at})
	})
}

func (w worker) note(ctx context.Context, e errand, reason, words string) error {
	return w.DB.Write(ctx, func(tx *db.Tx) error {
		return channel.Delay(ctx, tx, machine(), e.envelope.ID, channel.Because(reason, words))
	})
}

// tell writes down for the desk that what it said did not reach somebody. News about notes is left alone: it would
// bring forth more of itself.
func tell(ctx context.Context, tx *db.Tx, e channel.Envelope, reason string) error {
	id, ok := strings.CutPrefix(e.Ref, "ticket/")
	if !ok || e.Message == "" {
		return nil
	}
	m, err := ticket.FindMessage(ctx, tx, machine(), e.Message)
	if errors.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil || !m.ByAgent || m.Visibility != ticket.Public && e.Exchange == "" {
		return err
	}
	e.Reason = reason
	l := i18n.Loc{} // the organisation's
	_, err = ticket.Note(ctx, tx, machine(), id, ticket.Say{Channel: ticket.Mail,
		Draught: ticket.Draught{Body: l.T("mailout.failed", "recipient", e.Recipient, "why", e.Why(l))}})
	return err
}

func (w worker) giveUp(ctx context.Context, e errand, reason, words string) error {
	err := w.DB.Write(ctx, func(tx *db.Tx) error {
		if err := channel.MarkFailed(ctx, tx, machine(), e.envelope.ID, channel.Because(reason, words)); err != nil {
			return err
		}
		return tell(ctx, tx, e.envelope, channel.Because(reason, words))
	})
	if err != nil {
		return err
	}
	return job.Final(fmt.Errorf("%s: %s", plain[reason], words))
}
