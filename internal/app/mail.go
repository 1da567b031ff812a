package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/msgraph"
	"entraide/internal/base/netx"
	"entraide/internal/base/oauth"
	"entraide/internal/base/seal"
	"entraide/internal/domain/channel"
	"entraide/internal/door/hook"
	"entraide/internal/door/mailin"
	"entraide/internal/door/mailout"
)

// mailSignIn is how mailboxes of Microsoft and Google sign in, both ways.
type mailSignIn struct {
	keeper *oauth.Keeper
	graph  *msgraph.Client
}

// newMailSignIn keeps tokens in memory, and the refresh tokens that providers exchange in the database.
func newMailSignIn(d *db.DB, key seal.Key, client *http.Client) mailSignIn {
	return mailSignIn{
		keeper: &oauth.Keeper{Client: client, Rotate: func(ctx context.Context, mailboxID, old, next string) error {
			if mailboxID == "" {
				return nil // it is being tried, before it is saved
			}
			return d.Write(ctx, func(tx *db.Tx) error {
				return channel.KeepRefresh(ctx, tx, auth.System("mail sign-in"), key, mailboxID, old, next)
			})
		}},
		graph: &msgraph.Client{HTTP: client},
	}
}

// in is the token by which m is fetched.
func (x mailSignIn) in(ctx context.Context, m channel.Mailbox, s channel.Secrets) (string, error) {
	return x.keeper.Token(ctx, m.ID, m.App(s, m.In.Way, m.In.Auth), s.Refresh(m.In.Auth))
}

// out is the token by which m sends.
func (x mailSignIn) out(ctx context.Context, m channel.Mailbox, s channel.Secrets) (string, error) {
	return x.keeper.Token(ctx, m.ID, m.App(s, m.Out.Way, m.Out.Auth), s.Refresh(m.Out.Auth))
}

// send sends one message through Microsoft Graph. Errors: mailout.GraphError.
func (x mailSignIn) send(ctx context.Context, m channel.Mailbox, token string, mail mailout.GraphMail) error {
	if len(mail.Raw) > msgraph.MaxMail {
		return mailout.GraphError{Status: http.StatusRequestEntityTooLarge, Words: "text over 4 MB"}
	}
	var err error
	if user := m.Account(m.Out.User); len(mail.Files) > 0 {
		err = x.graph.SendLarge(ctx, token, user, mail.Raw, mail.Files)
	} else {
		err = x.graph.Send(ctx, token, user, mail.Raw)
	}
	var e msgraph.Error
	var not msgraph.NotSent
	switch unsent := errors.As(err, &not); {
	case errors.As(err, &e):
		return mailout.GraphError{Status: e.Status, Unsent: unsent, Words: e.Words, After: e.After}
	case unsent:
		return mailout.GraphError{Unsent: true, Words: err.Error()}
	}
	return err
}

// notifyAt is where Microsoft Graph can tell of news: it calls https only, and no machine of our own network.
func notifyAt(base string) string {
	host := config.Host(base)
	if ip := net.ParseIP(host); !strings.HasPrefix(base, "https://") || host == "localhost" || ip != nil && (ip.IsPrivate() || ip.IsLoopback()) {
		return ""
	}
	return base + hook.GraphPath
}

// testMail tries a mailbox both ways: what fetching finds, then what sending finds.
func testMail(in mailin.Fetcher, out mailout.Sender) func(context.Context, channel.Mailbox, channel.Secrets, string) []channel.Check {
	return func(ctx context.Context, m channel.Mailbox, s channel.Secrets, to string) []channel.Check {
		return append(in.Test(ctx, m, s), out.Test(ctx, m, s, to)...)
	}
}

// mailClient calls the services of Microsoft and Google. Their messages may be longer than what we take: the intake
// stops reading by itself.
func mailClient() *http.Client {
	return netx.NewClient(netx.Options{MaxBytes: 200 << 20, Timeout: 10 * time.Minute})
}

// mailDoor is where mail servers hand mail over.
type mailDoor struct {
	net.Listener
	lmtp bool
}

// openMail listens where the configuration says.
func (a *App) openMail() error {
	c := a.Config.Mail
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return fmt.Errorf("mail.cert: %w", err)
		}
		a.listen.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	doors, err := c.Doors()
	if err != nil {
		return fmt.Errorf("mail.listen: %w", err)
	}
	for _, d := range doors {
		l, err := mailin.Open(d)
		if err != nil {
			return err
		}
		a.doors = append(a.doors, mailDoor{l, d.LMTP})
	}
	return nil
}

// MailAt returns the addresses at which mail is taken in, in the order of the configuration.
func (a *App) MailAt() []net.Addr {
	var list []net.Addr
	for _, d := range a.doors {
		list = append(list, d.Addr())
	}
	return list
}
