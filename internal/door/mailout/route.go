package mailout

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"strings"

	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/text"
	"entraide/internal/domain/channel"
)

// route is the way by which a mail leaves.
type route struct {
	way      channel.Way // SMTP or Graph
	host     string
	port     int
	tls      string // channel.TLS, StartTLS or Plain
	user     string // "" = no sign-in
	password string
	guessed  bool // nobody named the user: the password may be that of the way in, and a server that asks for none is right
	oauth    bool
	box      channel.Mailbox // whose account it is; zero = that of the configuration
	secrets  channel.Secrets
	from     mail.Address
	replyTo  string // address
	rate     int    // mails a minute; 0 = as many as it takes
}

// key is the same for routes over one account of one server.
func (r route) key() string {
	return fmt.Sprintf("%s %s:%d %s %s %t %d %x", r.way, r.host, r.port, r.tls, r.user, r.oauth, r.rate, sha256.Sum256([]byte(r.password+r.secrets.RefreshToken+r.secrets.ClientSecret)))
}

// stuckError: nothing can be sent until somebody sets something up.
type stuckError struct{ reason, words string }

func (e stuckError) Error() string { return strings.TrimSpace(plain[e.reason] + " " + e.words) }

// choose finds the way of an envelope. Its sender is its mailbox's; the way may be that of the configuration, for a
// mailbox without one, or of the standard mailbox, where the configuration has none either.
// Errors: stuckError.
func (s Sender) choose(ctx context.Context, tx *db.Tx, e channel.Envelope) (route, error) {
	box, err := channel.FindMailbox(ctx, tx, machine(), e.MailboxID)
	if err != nil && !errors.Is(err, errs.NotFound) {
		return route{}, err
	}
	if !box.Active {
		box = channel.Mailbox{} // put aside since, or none at all
	}
	c := s.SMTP()
	r := route{box: box}
	if box.Out.Way == channel.NoWay && c.Host == "" {
		standard, _, err := channel.MailboxFor(ctx, tx, machine(), "", "")
		if err != nil {
			return r, err
		}
		r.box = standard
	}
	if r.box.Out.Way == channel.NoWay {
		err = r.byConfiguration(c, box)
	} else if r.secrets, err = r.box.Secrets(s.Key); err != nil {
		err = stuckError{reason: "mailout.reason.secret"}
	} else {
		r.byMailbox(box)
	}
	if err != nil {
		return r, err
	}
	if name := text.Line(e.Content.FromName); name != "" {
		r.from.Name = name
	}
	r.replyTo = r.from.Address
	if box.Address != "" {
		r.replyTo = box.Address
	}
	if e.Content.ReplyTo != "" {
		r.replyTo = e.Content.ReplyTo
	}
	return r, r.usable(s)
}

// byConfiguration takes the mail server of the configuration, under the address of box if there is one.
func (r *route) byConfiguration(c config.SMTP, box channel.Mailbox) error {
	if c.Host == "" {
		return stuckError{reason: "mail.reason.no_server"}
	}
	from, err := mail.ParseAddress(c.From)
	if err != nil {
		return stuckError{reason: "mail.reason.no_sender"}
	}
	r.way, r.host, r.port, r.tls, r.user, r.password, r.from = channel.SMTP, c.Host, c.Port, c.TLS, c.User, c.Password.Reveal(), *from
	if box.Address != "" {
		r.from.Address = box.Address
	}
	if box.Look.Sender != "" {
		r.from.Name = box.Look.Sender
	}
	return nil
}

// perMinute is what Microsoft 365 takes from one mailbox.
const perMinute = 30

// byMailbox takes the way of r.box with r.secrets; its server sends under its own address only.
func (r *route) byMailbox(box channel.Mailbox) {
	o := r.box.Out
	r.way, r.host, r.port, r.tls, r.user = o.Way, o.Host, o.Port, o.TLS, o.User
	r.from = mail.Address{Name: r.box.Look.Sender, Address: r.box.Address}
	if box.Look.Sender != "" {
		r.from.Name = box.Look.Sender
	}
	r.oauth = o.Auth == channel.OAuth || o.Auth == channel.Credentials || o.Way == channel.Graph
	if r.password = r.secrets.SendPassword; r.password == "" {
		r.password = r.secrets.Password
	}
	if r.tls == "" {
		r.tls = channel.StartTLS
	}
	switch {
	case r.port != 0:
	case r.tls == channel.TLS:
		r.port = 465
	default:
		r.port = 587
	}
	if r.user == "" && (r.oauth || r.password != "") {
		r.user, r.guessed = r.box.Address, r.secrets.SendPassword == ""
	}
	r.rate = o.Rate
	if r.rate <= 0 && (r.way == channel.Graph || strings.HasSuffix(strings.ToLower(r.host), ".office365.com")) {
		r.rate = perMinute
	}
}

// usable says why nothing can be sent by r. Errors: stuckError.
func (r route) usable(s Sender) error {
	switch {
	case r.way == channel.Graph && (s.Graph == nil || s.Token == nil), r.oauth && r.way == channel.SMTP && s.Token == nil:
		return stuckError{reason: "mailout.reason.oauth"}
	case r.way == channel.Graph:
		return nil
	case r.host == "":
		return stuckError{reason: "mail.reason.no_server"}
	case r.tls == channel.Plain && !loopback(r.host):
		return stuckError{reason: "mail.reason.no_tls"} // passwords and requests would cross the network for all to read
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func readAll(ctx context.Context, store blob.Store, hash string) (data []byte, err error) {
	if store == nil {
		return nil, blob.ErrNotFound
	}
	r, err := store.Open(ctx, hash)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.ReadAll(r)
}
