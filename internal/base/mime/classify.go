package mime

import (
	"regexp"
	"strings"

	"entraide/internal/base/text"
)

// absence matches folded subjects of absence notes. It is a weak sign: people write such words too, so it
// counts only together with a reference to another mail or an absent sender.
var absence = regexp.MustCompile(`^(?:(?:reponse|message) automatique|absen(?:ce|t)(?: du bureau| au bureau)?\b|je suis absent|absence\s*:|automatic reply|auto(?:matic)?[- ]?(?:reply|response)|` +
	`out of (?:the )?office|autoreply|automatische antwort|abwesenheit|respuesta automatica|risposta automatica)`)

var machineSender = regexp.MustCompile(`^(?:mailer-?daemon|postmaster|mail-?daemon|mdaemon|bounces?|no-?reply-?bounces?)(?:[+=-].*)?@`)

// classify says whether a machine wrote the mail, whether it reports a failed delivery, and whether it goes in a circle.
func (p Parser) classify(m *Message, h header, c *collector) {
	m.Bounce = bounce(m, h, c)
	m.AutoReason = autoReason(m, h)
	if m.AutoReason == "" && m.Bounce != nil {
		m.AutoReason = "bounce"
	}
	m.Auto = m.AutoReason != ""
	for _, f := range h {
		if f.name == "x-entraide-loop" && (p.Host == "" || strings.EqualFold(strings.TrimSpace(f.value), p.Host)) {
			m.Loop = true
		}
	}
	if n := h.count("received"); n > p.MaxReceived {
		m.Loop = true
		c.problem("received: %d servers, more than %d", n, p.MaxReceived)
	}
}

// autoReason returns the first sign that nobody will read an answer, "" if there is none.
func autoReason(m *Message, h header) string {
	value := func(name string) string { return strings.ToLower(strings.TrimSpace(decodeText(h.get(name)))) }
	if v, _, _ := strings.Cut(value("auto-submitted"), ";"); v != "" && strings.TrimSpace(v) != "no" {
		return "auto-submitted: " + v
	}
	switch v := value("precedence"); v {
	case "bulk", "junk", "list", "auto_reply", "auto-reply":
		return "precedence: " + v
	}
	for _, name := range []string{"list-id", "list-unsubscribe", "list-post", "x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply-from", "x-mail-autoreply",
		"x-failed-recipients", "x-cron-env"} {
		if v := value(name); v != "" && v != "no" {
			return name
		}
	}
	// Who asks not to be answered automatically is a machine, whichever kinds of answer the value names.
	if v := value("x-auto-response-suppress"); v != "" && v != "none" {
		return "x-auto-response-suppress"
	}
	if h.has("return-path") && strings.Join(strings.Fields(h.get("return-path")), "") == "<>" {
		return "return-path: empty"
	}
	if machineSender.MatchString(strings.ToLower(m.From.Address)) {
		return "sender: " + m.From.Address
	}
	if kind := value("content-type"); strings.HasPrefix(kind, "multipart/report") {
		return "content-type: report"
	}
	if absence.MatchString(text.Fold(m.Subject)) && (m.InReplyTo != "" || len(m.References) > 0 || h.has("thread-index")) {
		return "subject: absence"
	}
	return ""
}
