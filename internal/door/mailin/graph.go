package mailin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"entraide/internal/base/msgraph"
	"entraide/internal/domain/channel"
	"entraide/internal/usecase/intake"
)

// graph is a mailbox of Microsoft 365 that is being read.
type graph struct {
	f       Fetcher
	m       channel.Mailbox
	secrets channel.Secrets
	user    string
	folder  string          // id, or a well-known name
	moveTo  string          // the same; "" = nothing is moved
	done    map[string]bool // taken in since the session began: what we mark as read comes back as a change
	trouble error           // of the last message that was to be put away; nil = none
	hook    string          // id of the subscription by which Graph tells of news; "" = none
	renew   time.Time       // when it is prolonged, or asked for again
}

// openGraph signs in and finds the folders of m.
func (f Fetcher) openGraph(ctx context.Context, m channel.Mailbox, s channel.Secrets) (*graph, error) {
	if f.Graph == nil || f.Token == nil {
		return nil, failure{"mail.reason.fetch_way", nil}
	}
	g := &graph{f: f, m: m, secrets: s, user: m.Account(m.In.User), done: map[string]bool{}}
	var err error
	if g.folder, err = g.find(ctx, m.In.Inbox()); err != nil {
		return nil, err
	}
	if m.In.After == channel.AfterMove {
		g.moveTo, err = g.find(ctx, m.In.MoveTo)
	}
	return g, err
}

// find returns the id of a folder by the name that people give it.
func (g *graph) find(ctx context.Context, name string) (id string, err error) {
	if strings.EqualFold(name, "inbox") {
		name = "inbox"
	}
	err = g.try(ctx, func(token string) (err error) {
		id, err = g.f.Graph.Folder(ctx, token, g.user, name)
		return err
	})
	if err == nil && id == "" {
		err = failure{"mail.reason.fetch_folder", fmt.Errorf("%q", name)}
	}
	return id, err
}

// maxDone bounds what is remembered of a session; what is forgotten is fetched once more, and known.
const maxDone = 10_000

// maxTries is how often a call is made that Graph asks to make later.
const maxTries = 5

// try calls do with a token, again after the pause that Graph asks for. Errors: failure for what people must set right.
func (g *graph) try(ctx context.Context, do func(token string) error) error {
	for n := 1; ; n++ {
		token, err := g.f.Token(ctx, g.m, g.secrets)
		if err != nil {
			return tokenFailure(err)
		}
		err = do(token)
		var e msgraph.Error
		if !errors.As(err, &e) {
			return err
		}
		switch e.Status {
		case http.StatusUnauthorized:
			g.f.spent(token)
			if n == 1 { // revoked before its time
				continue
			}
			return failure{"mail.reason.fetch_token_login", err}
		case http.StatusForbidden:
			return failure{"mail.reason.fetch_graph", err}
		case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			if n < maxTries {
				pause(ctx, min(max(e.After, time.Second), 5*time.Minute))
				if ctx.Err() == nil {
					continue
				}
			}
		}
		return err
	}
}

// followGraph reads what changes in the folder of m until ctx ends or something fails.
func (f Fetcher) followGraph(ctx context.Context, m channel.Mailbox, holder string, at position) error {
	secrets, err := m.Secrets(f.Key)
	if err != nil {
		return failure{"mail.reason.fetch_key", err}
	}
	g, err := f.openGraph(ctx, m, secrets)
	if err != nil {
		return err
	}
	if at.Since.IsZero() {
		at.Since = f.DB.Now() // what is older and read is not taken, or years of old mail would come in
	}
	news := f.DB.Listen(func(topic string) bool { return topic == channel.NewsTopic(m.ID) })
	defer news.Close()
	defer g.unsubscribe(context.WithoutCancel(ctx))
	begunAnew := false // a server that refuses the beginning as well is left alone for a while, as after any failure
	for {
		g.subscribe(ctx)
		at, err = g.take(ctx, holder, at)
		if msgraph.Resync(err) && !begunAnew {
			at.Delta, begunAnew = "", true
			continue
		}
		if err != nil {
			return err
		}
		begunAnew = false
		if err := f.tell(ctx, m, g.trouble); err != nil {
			return err
		}
		look := time.NewTimer(f.Every)
		select {
		case <-ctx.Done():
			look.Stop()
			return ctx.Err()
		case <-news.C:
			news.Take()
		case <-look.C: // a notification may be lost
		}
		look.Stop()
	}
}

// How long Graph is asked to tell of news at a time, and how long before its end that is prolonged.
const (
	subscribeFor = 48 * time.Hour
	renewBefore  = 24 * time.Hour
)

// subscribe asks Graph to tell of news where it can reach us, and goes on asking. Without it the mailbox is looked at as
// often as ever, so a refusal is only written to the log.
func (g *graph) subscribe(ctx context.Context) {
	now := g.f.DB.Now()
	if g.f.Notify == "" || now.Before(g.renew) {
		return
	}
	until := now.Add(subscribeFor)
	g.renew = now.Add(subscribeFor - renewBefore)
	err := g.try(ctx, func(token string) error {
		if g.hook != "" {
			err := g.f.Graph.Renew(ctx, token, g.hook, until)
			if !msgraph.Gone(err) {
				return err
			}
		}
		state, err := g.f.Key.Seal([]byte(g.m.ID), channel.GraphState)
		if err != nil {
			return err
		}
		g.hook, err = g.f.Graph.Subscribe(ctx, token, g.user, g.folder, g.f.Notify, state, until)
		return err
	})
	if err != nil && ctx.Err() == nil {
		g.renew = now.Add(time.Hour)
		slog.WarnContext(ctx, "Microsoft Graph does not tell of news", "mailbox", g.m.Address, "error", err)
	}
}

// unsubscribe lets Graph tell nobody any more; left alone, the subscription ends by itself.
func (g *graph) unsubscribe(ctx context.Context) {
	if g.hook == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := g.try(ctx, func(token string) error { return g.f.Graph.Unsubscribe(ctx, token, g.hook) })
	if err != nil && !msgraph.Gone(err) {
		slog.InfoContext(ctx, "subscription not ended", "mailbox", g.m.Address, "error", err)
	}
}

// take takes in all that changed since at, page by page, and returns the new position.
func (g *graph) take(ctx context.Context, holder string, at position) (position, error) {
	for {
		var p msgraph.Page
		err := g.try(ctx, func(token string) (err error) {
			p, err = g.f.Graph.Changes(ctx, token, g.user, g.folder, at.Delta)
			return err
		})
		if err != nil {
			return at, err
		}
		slices.SortStableFunc(p.Items, func(a, b msgraph.Item) int { return a.At.Compare(b.At) })
		fresh := 0
		for _, item := range p.Items {
			if item.Removed || g.done[item.ID] || item.Read && item.At.Before(at.Since) {
				continue
			}
			n, err := g.one(ctx, item)
			if err != nil {
				return at, err
			}
			fresh += n
		}
		at.Delta = p.Next
		if p.Next == "" {
			at.Delta = p.Delta
		}
		if err := g.f.note(ctx, g.m, holder, at, fresh); err != nil || p.Next == "" {
			return at, err
		}
	}
}

// one takes one message in and puts it away; fresh is 0 for one that is known, or gone.
func (g *graph) one(ctx context.Context, item msgraph.Item) (fresh int, err error) {
	o := g.f.Intake
	o.Mailbox, o.To = g.m, g.m.Address
	var r intake.Result
	err = g.try(ctx, func(token string) error {
		body, err := g.f.Graph.Message(ctx, token, g.user, item.ID)
		if err != nil {
			return err
		}
		r, err = intake.Deliver(ctx, g.f.DB, g.f.Blobs, body, o)
		return errors.Join(err, body.Close())
	})
	switch {
	case msgraph.Gone(err):
		return 0, nil
	case err != nil:
		return 0, err
	}
	if len(g.done) >= maxDone {
		clear(g.done)
	}
	g.done[item.ID] = true
	if !r.Known {
		fresh = 1
	}
	err = g.try(ctx, func(token string) error { return g.putAway(ctx, token, item.ID, r.Outcome != intake.Parked) })
	var e msgraph.Error
	switch {
	case err == nil, msgraph.Gone(err):
		g.trouble = nil
	case errors.As(err, &e):
		g.trouble = err
		slog.WarnContext(ctx, "mail not put away", "mailbox", g.m.Address, "error", err)
	default:
		return fresh, err
	}
	return fresh, nil
}

// putAway says on the server that a message is taken in. One that is parked stays there, read: the server may keep the
// only copy.
func (g *graph) putAway(ctx context.Context, token, id string, taken bool) error {
	switch {
	case taken && g.moveTo != "":
		return g.f.Graph.Move(ctx, token, g.user, id, g.moveTo)
	case taken && g.m.In.After == channel.AfterDelete:
		return g.f.Graph.Delete(ctx, token, g.user, id)
	}
	return g.f.Graph.MarkRead(ctx, token, g.user, id)
}

// testGraph tries a mailbox of Microsoft 365: sign-in, folders.
func (f Fetcher) testGraph(ctx context.Context, m channel.Mailbox, s channel.Secrets) []channel.Check {
	_, err := f.openGraph(ctx, m, s)
	if err != nil {
		return []channel.Check{failed(err)}
	}
	return []channel.Check{{Step: "folder", Key: "mail.check.graph", OK: true, Args: map[string]string{"folder": m.In.Inbox()}}}
}
