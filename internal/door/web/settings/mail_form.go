package settings

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"entraide/internal/base/errs"
	"entraide/internal/base/oauth"
	"entraide/internal/domain/channel"
)

// secretFields are never written into a page, whatever was typed.
var secretFields = []string{"password", "send_password", "client_secret", "dkim_key"}

// typed returns a form without its secrets, to be shown again.
func withoutSecrets(form url.Values) url.Values {
	out := make(url.Values, len(form))
	for name, v := range form {
		out[name] = v
	}
	for _, name := range secretFields {
		out.Del(name)
	}
	return out
}

// texts are the one-line fields of a mailbox by their name in the form.
func texts(m *channel.Mailbox, s *channel.Secrets) map[string]*string {
	return map[string]*string{"name": &m.Name, "address": &m.Address, "queue": &m.QueueID, "lang": &m.Lang,
		"in_host": &m.In.Host, "in_tls": &m.In.TLS, "in_user": &m.In.User, "in_auth": &m.In.Auth, "folder": &m.In.Folder, "after": &m.In.After,
		"move_to": &m.In.MoveTo, "server": &m.In.Server, "out_host": &m.Out.Host, "out_tls": &m.Out.TLS, "out_user": &m.Out.User, "out_auth": &m.Out.Auth,
		"selector": &m.Out.Selector, "domain": &m.Out.Domain, "sender": &m.Look.Sender, "signature_fr": &m.Look.SignatureFR,
		"signature_en": &m.Look.SignatureEN, "provider": &s.Provider, "tenant": &s.Tenant, "client_id": &s.ClientID,
		"auth_url": &s.AuthURL, "token_url": &s.TokenURL}
}

// formOf writes a mailbox as its form; of its secrets only what is none.
func formOf(m channel.Mailbox, s channel.Secrets) url.Values {
	f := url.Values{}
	for name, v := range texts(&m, &s) {
		f.Set(name, *v)
	}
	f.Set("in_way", string(m.In.Way))
	f.Set("out_way", string(m.Out.Way))
	f.Set("aliases", strings.Join(m.Aliases, "\n"))
	for name, n := range map[string]int{"in_port": m.In.Port, "out_port": m.Out.Port} {
		if n != 0 {
			f.Set(name, strconv.Itoa(n))
		}
	}
	for name, yes := range map[string]bool{"active": m.Active, "standard": m.Standard, "plus": m.Out.Plus} {
		if yes {
			f.Set(name, "on")
		}
	}
	return f
}

// readBox overlays what was typed on a mailbox and its secrets. Secrets left empty are kept.
// Errors: errs.Invalid by field.
func readBox(f url.Values, m *channel.Mailbox, s *channel.Secrets) error {
	var wrong []errs.Field
	for name, to := range texts(m, s) {
		*to = strings.TrimSpace(f.Get(name))
	}
	m.In.Way, m.Out.Way = channel.Way(f.Get("in_way")), channel.Way(f.Get("out_way"))
	m.Aliases = strings.FieldsFunc(f.Get("aliases"), func(r rune) bool { return strings.ContainsRune(" ,;\r\n\t", r) })
	m.Active, m.Standard, m.Out.Plus = f.Get("active") != "", f.Get("standard") != "", f.Get("plus") != ""
	for name, to := range map[string]*int{"in_port": &m.In.Port, "out_port": &m.Out.Port} {
		*to = 0
		if typed := strings.TrimSpace(f.Get(name)); typed != "" {
			n, err := strconv.Atoi(typed)
			if err != nil || n < 1 || n > 65535 {
				wrong = append(wrong, errs.Field{Name: name, Key: "mail.box.port"})
			}
			*to = n
		}
	}
	for name, to := range map[string]*string{"password": &s.Password, "send_password": &s.SendPassword, "client_secret": &s.ClientSecret} {
		if typed := f.Get(name); typed != "" {
			*to = typed
		}
	}
	wrong = append(wrong, chosen(*m, *s)...)
	if typed := strings.TrimSpace(f.Get("dkim_key")); typed != "" {
		if _, err := dkimPublic(typed); err != nil {
			wrong = append(wrong, errs.Field{Name: "dkim_key", Key: "mailpage.dkim.bad"})
		}
		s.DKIMKey = typed
	}
	return errs.InvalidFields(wrong)
}

// chosen refuses what no list of the form offers, and passwords in clear text over a network.
func chosen(m channel.Mailbox, s channel.Secrets) (wrong []errs.Field) {
	one := func(field, value string, of ...string) {
		for _, o := range of {
			if value == o {
				return
			}
		}
		wrong = append(wrong, errs.Field{Name: field, Key: "mailpage.choose"})
	}
	one("in_way", string(m.In.Way), "", string(channel.IMAP), string(channel.Graph))
	one("out_way", string(m.Out.Way), "", string(channel.SMTP), string(channel.Graph))
	one("in_tls", m.In.TLS, "", channel.TLS, channel.StartTLS, channel.Plain)
	one("out_tls", m.Out.TLS, "", channel.TLS, channel.StartTLS, channel.Plain)
	one("in_auth", m.In.Auth, "", channel.Password, channel.OAuth, channel.Credentials)
	one("out_auth", m.Out.Auth, "", channel.Password, channel.OAuth, channel.Credentials)
	one("after", m.In.After, "", channel.AfterSeen, channel.AfterMove, channel.AfterDelete)
	one("lang", m.Lang, "", "fr", "en")
	one("provider", s.Provider, "", oauth.Microsoft, oauth.Google)
	if m.In.Way == channel.IMAP && m.In.TLS == channel.Plain && !thisMachine(m.In.Host) {
		wrong = append(wrong, errs.Field{Name: "in_tls", Key: "mailpage.plain"})
	}
	if m.Out.Way == channel.SMTP && m.Out.TLS == channel.Plain && !thisMachine(m.Out.Host) {
		wrong = append(wrong, errs.Field{Name: "out_tls", Key: "mailpage.plain"})
	}
	return wrong
}

func thisMachine(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}
