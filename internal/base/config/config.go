// Package config reads what the product must know before it opens its database: one TOML file, the environment and
// the command line, into one struct. Everything an administrator changes while it runs lives in the database instead.
//
// Names are the same everywhere: smtp.host in the file, ENTRAIDE_SMTP_HOST in the environment. Command line wins over
// environment, environment over file, file over default. An unknown name is refused, never ignored.
package config

import (
	"fmt"
	"log/slog"
	"net/mail"
	"net/url"
	"strings"
	"time"
)

// Config is everything known at start. The zero value of a field means "not set" and gives way to the default.
type Config struct {
	Data     string  `toml:"data"`     // directory of database, attachments, keys and backups
	Listen   string  `toml:"listen"`   // host:port of pages and API; port 0 = any free one
	Database Address `toml:"database"` // postgres://…; "" = SQLite in Data
	BaseURL  string  `toml:"base_url"` // https://… as people reach it, no slash at the end; "" = taken from Listen
	Blob     Address `toml:"blob"`     // s3://key:secret@host/bucket, see Bucket; "" = directory blobs in Data
	Proxies  string  `toml:"proxies"`  // comma-separated addresses or networks of trusted reverse proxies; "" = none
	Metrics  Metrics `toml:"metrics"`
	SMTP     SMTP    `toml:"smtp"`
	Mail     Mail    `toml:"mail"`
	Limits   Limits  `toml:"limits"`
	Log      Log     `toml:"log"`
	Session  Session `toml:"session"`
}

// Metrics says who may read /metrics. With neither field, nobody may.
type Metrics struct {
	Listen string `toml:"listen"` // separate host:port that answers without a token
	Token  Secret `toml:"token"`  // bearer token for /metrics on the main address, at least 16 characters
}

// SMTP is the server that outgoing mail is handed to. An empty Host means that no mail leaves.
type SMTP struct {
	Host     string `toml:"host"`
	Port     int    `toml:"port"`
	User     string `toml:"user"`
	Password Secret `toml:"password"`
	TLS      string `toml:"tls"`  // "starttls" (required), "tls" (from the first byte) or "none"
	From     string `toml:"from"` // "Entraide <aide@exemple.fr>"
	// Doubt is how long a mail waits whose fate is unknown, as after a power cut in the middle of it, before it goes out again.
	Doubt time.Duration `toml:"doubt"`
}

// Own returns the address that From names, alone in a list; nil without one.
func (s SMTP) Own() []string {
	a, err := mail.ParseAddress(s.From)
	if err != nil {
		return nil // "" or refused by the check
	}
	return []string{a.Address}
}

// Mail says where mail servers may hand mail over.
type Mail struct {
	Listen string `toml:"listen"` // "lmtp://127.0.0.1:2424", "lmtp:///run/entraide/lmtp.sock" or "smtp://127.0.0.1:2525"; several with commas; "" = nowhere
	Relays string `toml:"relays"` // comma-separated addresses or networks that may hand mail over; "" = this machine and private networks
	Cert   string `toml:"cert"`   // file of the certificate chain for STARTTLS; "" = none is offered
	Key    string `toml:"key"`    // file of its private key
}

// Door is one address at which mail is taken in.
type Door struct {
	LMTP    bool   // else SMTP
	Network string // "tcp", "unix"
	Address string // host:port, or the path of a socket
}

// Doors returns Listen address by address. Errors: plain words, with the address that is none.
func (m Mail) Doors() (doors []Door, err error) {
	for s := range strings.SplitSeq(m.Listen, ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "lmtp" && u.Scheme != "smtp" || u.User != nil || u.RawQuery != "" {
			return nil, fmt.Errorf("%q is no address; write lmtp://127.0.0.1:2424, lmtp:///run/entraide/lmtp.sock or smtp://127.0.0.1:2525", s)
		}
		d := Door{LMTP: u.Scheme == "lmtp", Network: "tcp", Address: u.Host}
		if u.Host == "" && len(u.Path) > 1 {
			d.Network, d.Address = "unix", u.Path
		} else if wrong := hostPort(u.Host); wrong != "" || u.Path != "" && u.Path != "/" {
			return nil, fmt.Errorf("%q: write host and port, for example lmtp://127.0.0.1:2424", s)
		}
		doors = append(doors, d)
	}
	return doors, nil
}

// Limits protect memory and disk.
type Limits struct {
	Upload Bytes `toml:"upload"` // one attached file
	Body   Bytes `toml:"body"`   // one request without files
	Mail   Bytes `toml:"mail"`   // one incoming message with its attachments
}

// Log says how the program writes its own journal, to standard error.
type Log struct {
	Level  string `toml:"level"`  // debug, info, warn, error
	Format string `toml:"format"` // text, json
}

// Session says how long a sign-in lasts.
type Session struct {
	Idle time.Duration `toml:"idle"` // without any request
	Max  time.Duration `toml:"max"`  // in all
}

// Default returns the configuration of a program started without file, environment or flags.
func Default() Config {
	return Config{
		Data:    "data",
		Listen:  "127.0.0.1:8080",
		SMTP:    SMTP{Port: 587, TLS: "starttls", Doubt: 15 * time.Minute},
		Limits:  Limits{Upload: 25 << 20, Body: 1 << 20, Mail: 50 << 20},
		Log:     Log{Level: "info", Format: "text"},
		Session: Session{Idle: 7 * 24 * time.Hour, Max: 30 * 24 * time.Hour},
	}
}

// String lists the settings one a line, in the form of the file, with secrets masked.
func (c Config) String() string {
	var b strings.Builder
	for _, s := range settings(&c) {
		fmt.Fprintf(&b, "%s = %v\n", s.key, s.value.Interface())
	}
	return b.String()
}

// LogValue is String as structured attributes.
func (c Config) LogValue() slog.Value {
	var attrs []slog.Attr
	for _, s := range settings(&c) {
		attrs = append(attrs, slog.String(s.key, fmt.Sprint(s.value.Interface())))
	}
	return slog.GroupValue(attrs...)
}

const mask = "••••"

// Secret is a text that no log, page or error shows. Reveal is the only way to its content.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String masks the secret; "" stays "" so that one sees whether it is set.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// GoString masks the secret in %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue masks the secret in logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText masks the secret in JSON and TOML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Address is a URL that may contain a password. Reveal returns it whole; printed, the password is masked.
type Address string

// Reveal returns the address with its password.
func (a Address) Reveal() string { return string(a) }

// String returns the address with password and query masked.
func (a Address) String() string {
	if a == "" {
		return ""
	}
	u, err := url.Parse(string(a))
	if err != nil {
		return mask // whatever it is, it may hold a password
	}
	if u.RawQuery != "" {
		u.RawQuery = "xxxxx"
	}
	return u.Redacted()
}

// GoString masks the password in %#v.
func (a Address) GoString() string { return a.String() }

// LogValue masks the password in logs.
func (a Address) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalText masks the password in JSON and TOML.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }
