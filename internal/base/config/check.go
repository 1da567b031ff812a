package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// rule is one demand on one setting; wrong says what is wrong and what to write, "" if nothing.
type rule struct{ key, wrong string }

// check applies the rules and names where each bad value was written.
func check(c Config, origin map[string]string) (problems []error) {
	for _, r := range rules(c) {
		if r.wrong == "" {
			continue
		}
		where := origin[r.key]
		if where == "" {
			where = "default"
		}
		problems = append(problems, fmt.Errorf("%s: %s: %s", where, r.key, r.wrong))
	}
	return problems
}

func rules(c Config) []rule {
	return []rule{
		{"data", when(c.Data == "", "name a directory")},
		{"listen", hostPort(c.Listen)},
		{"metrics.listen", optional(c.Metrics.Listen, hostPort)},
		{"metrics.token", when(c.Metrics.Token != "" && len(c.Metrics.Token) < 16, "must have at least 16 characters")},
		{"database", database(c.Database)},
		{"blob", bucket(c.Blob)},
		{"base_url", optional(c.BaseURL, baseURL)},
		{"proxies", networks(c.Proxies)},
		{"smtp.port", when(c.SMTP.Port < 1 || c.SMTP.Port > 65535, "must lie between 1 and 65535")},
		{"smtp.tls", among(c.SMTP.TLS, "starttls", "tls", "none")},
		{"smtp.from", sender(c.SMTP)},
		{"smtp.doubt", when(c.SMTP.Doubt < time.Second, "must be at least 1s")},
		{"mail.listen", doors(c.Mail)},
		{"mail.relays", networks(c.Mail.Relays)},
		{"mail.key", when((c.Mail.Cert == "") != (c.Mail.Key == ""), "name the certificate and its key, or neither")},
		{"limits.upload", positive(c.Limits.Upload)},
		{"limits.body", positive(c.Limits.Body)},
		{"limits.mail", positive(c.Limits.Mail)},
		{"log.level", among(c.Log.Level, "debug", "info", "warn", "error")},
		{"log.format", among(c.Log.Format, "text", "json")},
		{"session.idle", when(c.Session.Idle < time.Minute, "must be at least 1m")},
		{"session.max", when(c.Session.Max < c.Session.Idle, "must not be shorter than session.idle")},
	}
}

func doors(m Mail) string {
	if _, err := m.Doors(); err != nil {
		return err.Error()
	}
	return ""
}

func when(bad bool, wrong string) string {
	if bad {
		return wrong
	}
	return ""
}

func optional(s string, rule func(string) string) string {
	if s == "" {
		return ""
	}
	return rule(s)
}

func hostPort(s string) string {
	_, port, err := net.SplitHostPort(s)
	if n, e := strconv.Atoi(port); err != nil || e != nil || n < 0 || n > 65535 {
		return fmt.Sprintf("%q is no address; write host:port, for example 127.0.0.1:8080", s)
	}
	return ""
}

func database(a Address) string {
	if a == "" {
		return ""
	}
	u, err := url.Parse(a.Reveal())
	// Without a host it is a socket on this machine: postgres:///entraide?host=/run/postgresql
	if err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") && u.Host+strings.Trim(u.Path, "/")+u.RawQuery != "" {
		return ""
	}
	// The value is not repeated: even a broken address may hold a password.
	return "must be an address that starts with postgres://"
}

func bucket(a Address) string {
	if a == "" {
		return ""
	}
	if _, err := a.Bucket(); err != nil {
		return err.Error()
	}
	return ""
}

func baseURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Sprintf("%q is no web address; write https://aide.example.org", s)
	}
	if strings.HasSuffix(u.Path, "/") || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Sprintf("%q must have no slash at the end, no query and no password", s)
	}
	return ""
}

// TrustedProxies returns Proxies as networks. It is valid after Load.
func (c Config) TrustedProxies() []netip.Prefix {
	all, _ := parseNetworks(c.Proxies)
	return all
}

// Senders returns Relays as networks; nil for the usual ones. It is valid after Load.
func (m Mail) Senders() []netip.Prefix {
	all, _ := parseNetworks(m.Relays)
	return all
}

func networks(s string) string {
	_, bad := parseNetworks(s)
	return when(bad != "", fmt.Sprintf("%q is neither an address nor a network; write for example 10.0.0.5 or 10.0.0.0/24", bad))
}

func parseNetworks(s string) (all []netip.Prefix, bad string) {
	for _, f := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		if a, err := netip.ParseAddr(f); err == nil {
			all = append(all, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(f)
		if err != nil {
			return nil, f
		}
		all = append(all, p.Masked())
	}
	return all, ""
}

func among(s string, allowed ...string) string {
	for _, a := range allowed {
		if s == a {
			return ""
		}
	}
	return fmt.Sprintf("%q is unknown; write one of %s", s, strings.Join(allowed, ", "))
}

func sender(s SMTP) string {
	if s.From == "" {
		return when(s.Host != "", "smtp.host is set, so write the sender, for example Entraide <aide@example.org>")
	}
	if _, err := mail.ParseAddress(s.From); err != nil {
		return fmt.Sprintf("%q is no mail address; write for example Entraide <aide@example.org>", s.From)
	}
	return ""
}

func positive(b Bytes) string { return when(b <= 0, "must be more than 0") }
