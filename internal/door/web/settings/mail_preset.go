package settings

import (
	"strings"

	"entraide/internal/base/oauth"
	"entraide/internal/domain/channel"
)

// preset is a provider whose settings are known.
type preset struct {
	key      string
	steps    int // to take at the provider's
	in       channel.Inbound
	out      channel.Outbound
	provider string
	host     string // that tells a saved mailbox of it; "" = none does
}

// presets returns the providers in the order they are offered.
func presets() []preset {
	imap := func(host string) channel.Inbound {
		return channel.Inbound{Way: channel.IMAP, Host: host, Port: 993, TLS: channel.TLS, Auth: channel.Password}
	}
	smtp := func(host string, port int, tls string) channel.Outbound {
		return channel.Outbound{Way: channel.SMTP, Host: host, Port: port, TLS: tls, Auth: channel.Password}
	}
	gmail := smtp("smtp.gmail.com", 465, channel.TLS)
	gmail.Plus = true
	return []preset{
		{key: "microsoft", steps: 5, provider: oauth.Microsoft, in: channel.Inbound{Way: channel.Graph, Auth: channel.Credentials},
			out: channel.Outbound{Way: channel.Graph, Auth: channel.Credentials}},
		{key: "gmail", steps: 4, in: imap("imap.gmail.com"), out: gmail, host: "gmail.com"},
		{key: "ovh", steps: 3, in: imap("ssl0.ovh.net"), out: smtp("ssl0.ovh.net", 465, channel.TLS), host: "ovh.net"},
		{key: "infomaniak", steps: 3, in: imap("mail.infomaniak.com"), out: smtp("mail.infomaniak.com", 465, channel.TLS), host: "infomaniak.com"},
		{key: "zimbra", steps: 3, in: imap(""), out: smtp("", 465, channel.TLS)},
		{key: "plain", steps: 3, in: imap(""), out: smtp("", 587, channel.StartTLS)},
	}
}

func presetOf(key string) (preset, bool) {
	for _, p := range presets() {
		if p.key == key {
			return p, true
		}
	}
	return preset{}, false
}

// guess finds the provider of a saved mailbox by where it is reached.
func guess(m channel.Mailbox) string {
	if m.In.Way == channel.Graph || m.Out.Way == channel.Graph || strings.HasSuffix(m.In.Host, "office365.com") {
		return oauth.Microsoft
	}
	for _, p := range presets() {
		if p.host != "" && strings.HasSuffix(m.In.Host, p.host) {
			return p.key
		}
	}
	return ""
}
