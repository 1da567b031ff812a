package mailin

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/id"
	"entraide/internal/base/msgraph"
	"entraide/internal/base/oauth"
	"entraide/internal/base/seal"
	"entraide/internal/domain/channel"
	"entraide/internal/usecase/intake"
)

// Fetcher fetches all active mailboxes that have a way in.
type Fetcher struct {
	DB     *db.DB
	Blobs  blob.Store
	Key    seal.Key           // of the mailboxes' secrets
	Intake intake.Options     // but for the mailbox
	Token  Token              // of mailboxes that sign in with Microsoft or Google; nil = they wait
	Spent  func(token string) // is told of a token that a service refuses, so that Token gets another; nil = nobody keeps tokens
	Graph  *msgraph.Client
	Notify string        // https address at which Microsoft Graph tells of news; "" = it is only asked
	Every  time.Duration // how often to look where the server does not tell; 0 = a minute
	Rest   time.Duration // after a failure, at first; 0 = five seconds
	// Silence is how long a server may keep silent in the middle of an exchange; 0 = two minutes.
	Silence time.Duration
	// MaxRest is how long it grows to; 0 = five minutes.
	MaxRest time.Duration
}

// Token returns an access token for a mailbox. Errors: oauth.Refused when somebody must set it right.
type Token func(ctx context.Context, m channel.Mailbox, s channel.Secrets) (string, error)

// spent lets go of a token that a service refuses.
func (f Fetcher) spent(token string) {
	if f.Spent != nil {
		f.Spent(token)
	}
}

// tokenFailure says why there is no token.
func tokenFailure(err error) error {
	var no oauth.Refused
	switch {
	case errors.As(err, &no) && no.Code == "no_consent":
		return failure{"mail.reason.fetch_consent", nil}
	case errors.As(err, &no) && no.Cause() != "":
		return failure{"mail.reason.sign_in." + string(no.Cause()), err}
	case errors.As(err, &no):
		return failure{"mail.reason.fetch_token", err}
	}
	return failure{"mail.reason.fetch_sign_in", err}
}

// leaseFor is how long a process that died keeps a mailbox from the others.
const leaseFor = 2 * time.Minute

func machine() auth.Actor { return auth.System("mail fetching") }

// Run fetches until ctx ends. Changes of mailboxes take effect at once.
func (f Fetcher) Run(ctx context.Context) {
	if f.Every <= 0 {
		f.Every = time.Minute
	}
	if f.Rest <= 0 {
		f.Rest = 5 * time.Second
	}
	if f.Silence <= 0 {
		f.Silence = commandTime
	}
	if f.MaxRest <= 0 {
		f.MaxRest = 5 * time.Minute
	}
	sub := f.DB.Listen(func(topic string) bool { return topic == "mailboxes" })
	defer sub.Close()
	for ctx.Err() == nil {
		round, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { defer close(done); f.round(round) }()
		select {
		case <-ctx.Done():
		case <-sub.C:
			sub.Take()
		case <-time.After(10 * time.Minute): // signals of other processes may be lost
		}
		stop()
		<-done
	}
}

// round fetches the mailboxes as they are now, each in its own goroutine, until ctx ends.
func (f Fetcher) round(ctx context.Context) {
	var boxes []channel.Mailbox
	err := f.DB.Read(ctx, func(tx *db.Tx) (err error) { boxes, err = channel.Mailboxes(ctx, tx, machine()); return err })
	if err != nil && ctx.Err() == nil {
		slog.ErrorContext(ctx, "mailboxes not read", "error", err)
		pause(ctx, f.Rest)
		return
	}
	var group sync.WaitGroup
	for _, m := range boxes {
		if m.Active && m.In.Way != channel.NoWay {
			group.Go(func() { f.keep(ctx, m) })
		}
	}
	group.Wait()
	<-ctx.Done()
}

// keep fetches one mailbox until ctx ends, again and again after failures.
func (f Fetcher) keep(ctx context.Context, m channel.Mailbox) {
	holder, rest := id.New(), f.Rest
	defer f.write(context.WithoutCancel(ctx), func(ctx context.Context, tx *db.Tx) error { return channel.LetGo(ctx, tx, machine(), m.ID, holder) })
	for ctx.Err() == nil {
		began := time.Now()
		err := f.session(ctx, m, holder)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errHeld) { // another process does it
			pause(ctx, f.Every)
			continue
		}
		why := failureOf(err)
		slog.WarnContext(ctx, "mailbox not fetched", "mailbox", m.Address, "error", err)
		f.write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return channel.FetchFailed(ctx, tx, machine(), m.ID, channel.Because(why.key, why.words()))
		})
		if time.Since(began) > f.MaxRest {
			rest = f.Rest // it worked for a while
		}
		pause(ctx, rest/2+rand.N(rest/2+1))
		rest = min(2*rest, f.MaxRest)
	}
}

// write writes and logs what fails: the next round tries again.
func (f Fetcher) write(ctx context.Context, do func(ctx context.Context, tx *db.Tx) error) {
	err := f.DB.Write(ctx, func(tx *db.Tx) error { return do(ctx, tx) })
	if err != nil && ctx.Err() == nil {
		slog.ErrorContext(ctx, "state of a mailbox not stored", "error", err)
	}
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// errHeld: another process fetches the mailbox.
var errHeld = errors.New("held by another process")

// failure is an error that people read in settings: a catalogue key and what the server said.
type failure struct {
	key   string
	cause error
}

// failureOf is err, as a failure: one that is none yet is a connection that broke.
func failureOf(err error) failure {
	var why failure
	if !errors.As(err, &why) {
		why = failure{"mail.reason.fetch_cut", err}
	}
	return why
}

func (f failure) Error() string { return f.key + ": " + f.words() }
func (f failure) Unwrap() error { return f.cause }

func (f failure) words() string {
	if f.cause == nil {
		return ""
	}
	return f.cause.Error()
}
