package mime

import (
	"bytes"
	"regexp"
	"strings"

	"entraide/internal/base/text"
)

// report is a part that a mail server added to a notice: a delivery status or the mail that it returns.
type report struct {
	status   []byte
	original []byte // header, perhaps body, of the mail
	returned bool   // the part belongs to a multipart/report
}

var (
	bounceSubject = regexp.MustCompile(`undeliver|delivery (?:status notification|failure|has failed|delayed|failed)|mail delivery (?:failed|failure|system)|failure notice|returned mail|returned to sender|` +
		`non[- ]remis|non distribu|echec de (?:la )?(?:remise|distribution|livraison)|notification d'(?:etat|echec)|message non delivre|unzustellbar|mail could not be delivered`)
	enhanced    = regexp.MustCompile(`\b([245]\.[0-9]{1,3}\.[0-9]{1,3})\b`)
	smtpCode    = regexp.MustCompile(`(?m)(?:^|[\s:(#])([45])([0-9])[0-9](?:[ -]|$)`)
	mailAddress = regexp.MustCompile(`[A-Za-z0-9._%+'=-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,6}`)
	originalID  = regexp.MustCompile(`(?im)^\s*message-id:\s*<([^<>\s]{3,500})>`)
	unknownUser = regexp.MustCompile(`user unknown|unknown user|no such user|does not exist|n'existe pas|introuvable|couldn't be found|not found|address rejected|mailbox unavailable|unknown recipient|utilisateur inconnu`)
	fullMailbox = regexp.MustCompile(`mailbox (?:is )?full|over ?quota|quota exceeded|boite (?:aux lettres )?(?:est )?pleine`)
)

// maxNoticeLen is how much of a notice is searched.
const maxNoticeLen = 64 << 10

// bounce reads a notice of failed or late delivery: RFC 3464 first, then what servers write without it.
func bounce(m *Message, h header, c *collector) *Bounce {
	var b *Bounce
	for _, r := range c.reports {
		if r.status != nil {
			if found, relevant := deliveryStatus(r.status); relevant && (b == nil || found.Status > b.Status) {
				b = &found
			}
		}
	}
	hasStatus := false
	for _, r := range c.reports {
		hasStatus = hasStatus || r.status != nil
	}
	if b == nil && !hasStatus {
		b = looseBounce(m, h)
	}
	if b == nil {
		return nil
	}
	for _, r := range c.reports {
		if r.original != nil && b.Original == "" {
			b.Original = firstID(r.original)
		}
	}
	if b.Original == "" {
		b.Original = firstID([]byte(m.Text[:min(len(m.Text), maxNoticeLen)]))
	}
	return b
}

func firstID(src []byte) string {
	if m := originalID.FindSubmatch(cutBytes(src, maxField)); m != nil {
		return text.Line(string(m[1]))
	}
	return ""
}

// deliveryStatus reads the groups of fields of a message/delivery-status; relevant is false if all was delivered.
func deliveryStatus(src []byte) (b Bounce, relevant bool) {
	src = bytes.ReplaceAll(cutBytes(src, maxHeader), []byte("\r\n"), []byte("\n"))
	for _, group := range bytes.Split(src, []byte("\n\n")) {
		var c collector
		h, _ := c.readHeader(append(bytes.TrimLeft(group, "\n"), '\n'), false)
		action := strings.ToLower(strings.TrimSpace(h.get("action")))
		status := enhanced.FindString(h.get("status"))
		if action == "" && status == "" || action == "delivered" || action == "relayed" || action == "expanded" || strings.HasPrefix(status, "2") {
			continue
		}
		if status == "" {
			status = enhanced.FindString(h.get("diagnostic-code"))
		}
		if status == "" && action == "failed" {
			status = "5.0.0"
		}
		recipient := h.get("original-recipient")
		if mailAddress.FindString(recipient) == "" {
			recipient = h.get("final-recipient")
		}
		found := Bounce{Recipient: address(recipient), Status: status}
		if !relevant || found.Status > b.Status {
			b, relevant = found, true
		}
	}
	return b, relevant
}

// address returns the address in a field such as "rfc822; <ann@example.org>".
func address(field string) string {
	return addrSpec(mailAddress.FindString(field[strings.IndexByte(field, ';')+1:]))
}

// looseBounce reads notices that follow no standard: those of qmail, Exim, Exchange and webmail providers.
func looseBounce(m *Message, h header) *Bounce {
	failed := addresses(h.all("x-failed-recipients"))
	fromMachine := machineSender.MatchString(strings.ToLower(m.From.Address)) || strings.Join(strings.Fields(h.get("return-path")), "") == "<>"
	if len(failed) == 0 && !(fromMachine && bounceSubject.MatchString(text.Fold(m.Subject))) {
		return nil
	}
	notice := m.Text[:min(len(m.Text), maxNoticeLen)]
	// Below stands the mail returned, whose addresses and numbers mean nothing.
	for _, mark := range []string{"--- Below this line", "------ This is a copy", "----- Original message", "--- Original message", "------ Message d'origine"} {
		if i := strings.Index(notice, mark); i > 0 {
			notice = notice[:i]
		}
	}
	b := &Bounce{Status: enhanced.FindString(notice)}
	if b.Status == "" {
		b.Status = guessStatus(notice)
	}
	if len(failed) > 0 {
		b.Recipient = failed[0].Address
		return b
	}
	for _, a := range mailAddress.FindAllString(notice, 20) {
		if a = addrSpec(a); a != "" && !machineSender.MatchString(strings.ToLower(a)) && !strings.EqualFold(a, m.From.Address) && !to(m, a) {
			b.Recipient = a
			return b
		}
	}
	return b
}

// to reports whether the notice was sent to address a: that is our own.
func to(m *Message, a string) bool {
	for _, t := range m.To {
		if strings.EqualFold(t.Address, a) {
			return true
		}
	}
	return false
}

func guessStatus(notice string) string {
	folded := text.Fold(notice)
	switch {
	case fullMailbox.MatchString(folded):
		return "5.2.2"
	case unknownUser.MatchString(folded):
		return "5.1.1"
	}
	if m := smtpCode.FindStringSubmatch(notice); m != nil {
		return m[1] + ".0.0"
	}
	return "5.0.0"
}
