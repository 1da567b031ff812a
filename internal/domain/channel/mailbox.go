package channel

import (
	"context"
	"encoding/json"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/id"
	"entraide/internal/base/job"
	"entraide/internal/base/seal"
	"entraide/internal/base/text"
)

// Mailbox is an address of the organisation at which people write: how its mail comes in, and how answers leave.
type Mailbox struct {
	ID       string
	Name     string   // "Support informatique", for people in settings
	Address  string   // lower case
	Aliases  []string // other addresses that lead here, lower case
	QueueID  string   // where its new tickets go; "" = by the usual routing
	Lang     string   // of what strangers are sent, "fr" or "en"; "" = the organisation's
	Active   bool     // false: nothing is fetched and nothing is sent by it
	Standard bool     // sends what no other mailbox is meant to send; at most one
	In       Inbound
	Out      Outbound
	Look     Look
	Sealed   string // secrets as they are stored; read them with Secrets
	Created  time.Time
	Updated  time.Time
	Version  int64
}

// Way is how a mailbox is reached.
type Way string

// The ways. Without a way in, mail still comes by LMTP and by pipe; without one out, it leaves by the mail server of
// the configuration.
const (
	NoWay Way = ""
	IMAP  Way = "imap"  // in
	SMTP  Way = "smtp"  // out
	Graph Way = "graph" // Microsoft 365, both ways
)

// How one signs in to a mail server.
const (
	Password    = "password"
	OAuth       = "oauth"       // a person's consent: refresh token
	Credentials = "credentials" // the application's own right: client credentials
)

// How a connection is protected. Plain is only allowed to this machine.
const (
	TLS      = "tls"
	StartTLS = "starttls"
	Plain    = "none"
)

// What happens on the server to a message that is stored here.
const (
	AfterSeen   = "seen" // flagged as read
	AfterMove   = "move"
	AfterDelete = "delete"
)

// Inbound says how mail is fetched.
type Inbound struct {
	Way    Way    `json:"way,omitempty"`
	Host   string `json:"host,omitempty"`
	Port   int    `json:"port,omitempty"` // 0 = 993 for TLS, else 143
	TLS    string `json:"tls,omitempty"`
	User   string `json:"user,omitempty"` // "" = the address
	Auth   string `json:"auth,omitempty"` // "" = Password
	Folder string `json:"folder,omitempty"`
	After  string `json:"after,omitempty"`   // "" = AfterSeen
	MoveTo string `json:"move_to,omitempty"` // folder, for AfterMove
	Server string `json:"server,omitempty"`  // authserv-id of the receiving server, whose SPF, DKIM and DMARC results are believed
}

// Inbox is the folder that is fetched.
func (i Inbound) Inbox() string {
	if i.Folder == "" {
		return "INBOX"
	}
	return i.Folder
}

// Account is the name by which m signs in on one of its ways: user, or its address where none is told.
func (m Mailbox) Account(user string) string {
	if user == "" {
		return m.Address
	}
	return user
}

// Outbound says how mail leaves.
type Outbound struct {
	Way      Way    `json:"way,omitempty"`
	Host     string `json:"host,omitempty"`
	Port     int    `json:"port,omitempty"` // 0 = 465 for TLS, else 587
	TLS      string `json:"tls,omitempty"`
	User     string `json:"user,omitempty"` // "" = the address
	Auth     string `json:"auth,omitempty"` // "" = Password
	Rate     int    `json:"rate,omitempty"` // mails a minute that the server takes; 0 = as many as it likes, 30 for Microsoft 365
	Plus     bool   `json:"plus,omitempty"` // answers may come to address+something@host
	Selector string `json:"selector,omitempty"`
	Domain   string `json:"domain,omitempty"` // DKIM, with Selector; the private key is a secret
}

// Look is how its mails present themselves.
type Look struct {
	Sender      string `json:"sender,omitempty"`       // name beside the address; "" = the organisation's
	SignatureFR string `json:"signature_fr,omitempty"` // Markdown
	SignatureEN string `json:"signature_en,omitempty"`
}

// Secrets are what a mailbox signs in and signs with. Empty fields are not set.
type Secrets struct {
	Password     string `json:"password,omitempty"`      // way in
	SendPassword string `json:"send_password,omitempty"` // way out; "" = Password
	Provider     string `json:"provider,omitempty"`      // "microsoft", "google"; "" = the addresses below
	Tenant       string `json:"tenant,omitempty"`        // Microsoft: directory id or domain
	ClientID     string `json:"client_id,omitempty"`
	ClientSecret string `json:"client_secret,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	AuthURL      string `json:"auth_url,omitempty"`
	TokenURL     string `json:"token_url,omitempty"`
	DKIMKey      string `json:"dkim_key,omitempty"` // PEM
}

// String keeps secrets out of logs.
func (Secrets) String() string { return "secrets" }

// Addresses returns all addresses that lead to the mailbox.
func (m Mailbox) Addresses() []string { return append([]string{m.Address}, m.Aliases...) }

// about names a mailbox to the seal.
func about(mailboxID string) string { return "mailbox/" + mailboxID }

// Secrets opens what the mailbox signs in with. Errors: seal.ErrKey.
func (m Mailbox) Secrets(k seal.Key) (s Secrets, err error) {
	if m.Sealed == "" {
		return s, nil
	}
	plain, err := k.Open(m.Sealed, about(m.ID))
	if err == nil {
		err = json.Unmarshal(plain, &s)
	}
	if err != nil {
		return s, fmt.Errorf("secrets of mailbox %s: %w", m.Address, err)
	}
	return s, nil
}

const mailboxColumns = `id, name, address, aliases, queue_id, lang, active, standard, inbound, outbound, look, secret,
	created_at, updated_at, version`

func scanMailbox(r db.Row, m *Mailbox) error {
	return r.Scan(&m.ID, &m.Name, &m.Address, db.JSON(&m.Aliases), &m.QueueID, &m.Lang, &m.Active, &m.Standard, db.JSON(&m.In),
		db.JSON(&m.Out), db.JSON(&m.Look), &m.Sealed, db.Millis(&m.Created), db.Millis(&m.Updated), &m.Version)
}

// Mailboxes returns all mailboxes by address.
// Errors: errs.Forbidden unless a is an administrator or the machine.
func Mailboxes(ctx context.Context, tx *db.Tx, a auth.Actor) ([]Mailbox, error) {
	if err := MayLook(a); err != nil {
		return nil, err
	}
	return db.All(ctx, tx, scanMailbox, "SELECT "+mailboxColumns+" FROM mailbox ORDER BY address")
}

// FindMailbox returns one mailbox.
// Errors: errs.Forbidden unless a is an administrator or the machine, errs.NotFound.
func FindMailbox(ctx context.Context, tx *db.Tx, a auth.Actor, mailboxID string) (Mailbox, error) {
	if err := MayLook(a); err != nil {
		return Mailbox{}, err
	}
	m, err := db.One(ctx, tx, scanMailbox, "SELECT "+mailboxColumns+" FROM mailbox WHERE id = $1", mailboxID)
	if err != nil {
		return m, fmt.Errorf("mailbox %s: %w", mailboxID, err)
	}
	return m, nil
}

// SaveMailbox stores m: a new one when m.ID is empty, else a change of the version m.Version. secrets nil keeps the
// ones it has.
// Errors: errs.Forbidden unless a is an administrator, errs.Invalid (name, address, aliases, host, port, …),
// errs.NotFound, errs.Conflict when somebody saved it in between.
func SaveMailbox(ctx context.Context, tx *db.Tx, a auth.Actor, k seal.Key, m Mailbox, secrets *Secrets) (Mailbox, error) {
	if err := MayLook(a); err != nil {
		return m, err
	}
	m.clean()
	if err := m.check(ctx, tx); err != nil {
		return m, err
	}
	fresh := m.ID == ""
	if fresh {
		m.ID, m.Created, m.Version = id.New(), tx.Now, 0
	}
	if secrets != nil {
		plain, err := json.Marshal(secrets)
		if err != nil {
			return m, err
		}
		if m.Sealed, err = k.Seal(plain, about(m.ID)); err != nil {
			return m, err
		}
	}
	if m.Standard {
		if _, err := tx.ExecContext(ctx, "UPDATE mailbox SET standard = FALSE, version = version + 1 WHERE standard AND id <> $1", m.ID); err != nil {
			return m, err
		}
	}
	m.Updated = tx.Now
	tx.Signal("mailboxes")
	if _, err := job.Release(ctx, tx, JobSend); err != nil { // mail that waited for this setting leaves now
		return m, err
	}
	if fresh {
		m.Version = 1
		_, err := tx.ExecContext(ctx, `INSERT INTO mailbox (`+mailboxColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1)`,
			m.ID, m.Name, m.Address, db.JSON(&m.Aliases), m.QueueID, m.Lang, m.Active, m.Standard, db.JSON(&m.In), db.JSON(&m.Out),
			db.JSON(&m.Look), m.Sealed, db.Ms(m.Created), db.Ms(m.Updated))
		return m, err
	}
	err := tx.ExecOne(ctx, `UPDATE mailbox SET name = $1, address = $2, aliases = $3, queue_id = $4, lang = $5, active = $6, standard = $7,
		inbound = $8, outbound = $9, look = $10, secret = CASE WHEN $11 = '' THEN secret ELSE $11 END, updated_at = $12, version = version + 1
		WHERE id = $13 AND version = $14`, m.Name, m.Address, db.JSON(&m.Aliases), m.QueueID, m.Lang, m.Active, m.Standard, db.JSON(&m.In),
		db.JSON(&m.Out), db.JSON(&m.Look), m.Sealed, db.Ms(m.Updated), m.ID, m.Version)
	if err := errs.Stale(err, func() error { _, err := FindMailbox(ctx, tx, a, m.ID); return err }); err != nil {
		return m, fmt.Errorf("mailbox %s: %w", m.ID, err)
	}
	m.Version++
	return m, nil
}

func (m *Mailbox) clean() {
	for _, s := range []*string{&m.Name, &m.In.Host, &m.In.User, &m.In.Folder, &m.In.MoveTo, &m.In.Server, &m.Out.Host, &m.Out.User,
		&m.Out.Selector, &m.Out.Domain, &m.Look.Sender} {
		*s = text.Line(*s)
	}
	m.Address = strings.ToLower(text.Line(m.Address))
	for i := range m.Aliases {
		m.Aliases[i] = strings.ToLower(text.Line(m.Aliases[i]))
	}
	m.Aliases = slices.DeleteFunc(m.Aliases, func(s string) bool { return s == "" })
}

// check says what is wrong with each field of m.
func (m *Mailbox) check(ctx context.Context, tx *db.Tx) error {
	var wrong []errs.Field
	say := func(bad bool, field, key string, args ...any) {
		if bad {
			wrong = append(wrong, errs.Field{Name: field, Key: key, Args: args})
		}
	}
	say(m.Name == "", "name", "mail.box.name")
	say(!plainAddress(m.Address), "address", "mail.box.address")
	for _, s := range m.Aliases {
		say(!plainAddress(s), "aliases", "mail.box.alias", "address", s)
	}
	say(m.In.Way == IMAP && m.In.Host == "", "in_host", "mail.box.host")
	say(m.Out.Way == SMTP && m.Out.Host == "", "out_host", "mail.box.host")
	say(m.In.Port < 0 || m.In.Port > 65535, "in_port", "mail.box.port")
	say(m.Out.Port < 0 || m.Out.Port > 65535, "out_port", "mail.box.port")
	say(m.In.After == AfterMove && m.In.MoveTo == "", "move_to", "mail.box.move_to")
	say((m.Out.Selector == "") != (m.Out.Domain == ""), "selector", "mail.box.dkim")
	others, err := db.All(ctx, tx, scanMailbox, "SELECT "+mailboxColumns+" FROM mailbox WHERE id <> $1", m.ID)
	if err != nil {
		return err
	}
	for _, o := range others {
		for _, s := range m.Addresses() {
			say(slices.Contains(o.Addresses(), s), "address", "mail.box.taken", "address", s, "name", o.Name)
		}
	}
	if len(wrong) > 0 {
		return errs.InvalidFields(wrong)
	}
	return nil
}

func plainAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}

// DropMailbox forgets a mailbox. Envelopes that came by it stay.
// Errors: errs.Forbidden unless a is an administrator, errs.NotFound.
func DropMailbox(ctx context.Context, tx *db.Tx, a auth.Actor, mailboxID string) error {
	if err := MayLook(a); err != nil {
		return err
	}
	tx.Signal("mailboxes")
	return tx.ExecOne(ctx, "DELETE FROM mailbox WHERE id = $1", mailboxID)
}
