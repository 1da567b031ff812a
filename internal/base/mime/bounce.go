package mime

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"entraide/internal/base/text"
)

// report is a part that a mail server added to a notice: a delivery status or the mail that it returns.
type report struct {
	status      []byte
	disposition []byte // what became of a mail read (RFC 8098)
	original    []byte // header, perhaps body, of the mail
	returned    bool   // the part belongs to a multipart/report
}

var (
	bounceSubject = regexp.MustCompile(`undeliver|delivery (?:status notification|failure|has failed|delayed|failed)|mail delivery (?:failed|failure|system)|failure notice|returned mail|returned to sender|` +
		`message [0-9a-z-]+ delayed|delayed mail|non[- ]remis|non distribu|echec de (?:la )?(?:remise|distribution|livraison)|notification d'(?:etat|echec)|message non delivre|unzustellbar|mail could not be delivered|` +
		`no se puede entregar|mancata consegna|impossibile recapitare|onbestelbaar|nao foi possivel entregar`)
	enhanced    = regexp.MustCompile(`\b([245]\.[0-9]{1,3}\.[0-9]{1,3})\b`)
	smtpCode    = regexp.MustCompile(`(?m)(?:^|[\s:(#])([45])[0-9]{2}(?:[ :)-]|$)`)
	mailAddress = regexp.MustCompile(`[\pL\pN._%+'=-]{1,64}@[\pL\pN-]{1,63}(?:\.[\pL\pN-]{1,63}){0,6}`)
	originalID  = regexp.MustCompile(`(?im)^\s*message-id:\s*<([^<>\s]{3,500})>`)
	// These see folded text.
	unknownUser = regexp.MustCompile(`user unknown|unknown user|no such user|does not exist|n'existe pas|introuvable|(?:couldn't|could not) be found|not found|user not known|no account by that name|doesn't have an? \S+ account|` +
		`no mailbox here|unknown recipient|utilisateur inconnu|adresse inconnue|destinataire inconnu|invalid (?:recipient|mailbox)|destinataire invalide|recipnotfound|recipientnotfound|account (?:is )?disabled|mailbox (?:is )?disabled|email account that you tried to reach is disabled`)
	fullMailbox = regexp.MustCompile(`mailbox (?:is )?full|over ?quota|quota exceeded|exceeded (?:its|the|their) (?:storage|quota)|boite (?:aux lettres )?.{0,80}pleine|insufficient storage`)
	refused     = regexp.MustCompile(`\bspam\b|blacklist|blocklist|blocked|policy|rejected for|virus|reputation|dmarc|spf\b|content (?:rejected|refused)`)
	late        = regexp.MustCompile(`has not yet been delivered|will be retried|still being retried|\bdelayed\b|n'a pas encore ete (?:remis|distribue)|temporarily`)
)

// maxNoticeLen is how much of a notice is searched.
const maxNoticeLen = 64 << 10

// maxBounces is how many recipients of one notice are read.
const maxBounces = 100

// bounces reads a notice of failed or late delivery: RFC 3464 first, then what servers write without it. A notice that
// a person attached is an attachment.
func (c *collector) bounces(m *Message, h header) {
	hasStatus := false
	for _, r := range c.reports {
		if r.status != nil {
			hasStatus = true
			m.Bounces = append(m.Bounces, deliveryStatus(r.status)...)
		}
	}
	if !hasStatus {
		m.Bounces = looseBounces(m, h)
	}
	m.Bounces = slices.DeleteFunc(m.Bounces, func(b Bounce) bool { return b == Bounce{} })
	slices.SortStableFunc(m.Bounces, func(a, b Bounce) int { return strings.Compare(b.Status, a.Status) })
	m.Bounces = append([]Bounce{}, m.Bounces[:min(len(m.Bounces), maxBounces)]...)
	m.About = c.about(m, h)
	for i := range m.Bounces {
		m.Bounces[i].Original = m.About
	}
	if len(m.Bounces) > 0 {
		m.Bounce = &m.Bounces[0]
	}
}

// about returns the Message-ID of the mail that a notice or receipt is about.
func (c *collector) about(m *Message, h header) string {
	for _, r := range c.reports {
		if r.disposition != nil {
			fields, _ := (&collector{}).readHeader(r.disposition, false)
			if id := firstOf(ids(fields.get("original-message-id"))); id != "" {
				return id
			}
		}
	}
	if len(m.Bounces) == 0 && reportType(h) == "" {
		return ""
	}
	for _, r := range c.reports {
		if r.original != nil {
			if id := firstID(r.original); id != "" {
				return id
			}
		}
	}
	return firstID([]byte(m.Text[:min(len(m.Text), maxNoticeLen)]))
}

func firstID(src []byte) string {
	if m := originalID.FindSubmatch(cutBytes(src, maxField)); m != nil {
		return text.Line(string(m[1]))
	}
	return ""
}

// deliveryStatus reads the groups of fields of a message/delivery-status, leaving out what was delivered.
func deliveryStatus(src []byte) (list []Bounce) {
	src = bytes.ReplaceAll(cutBytes(src, maxHeader), []byte("\r\n"), []byte("\n"))
	for n, group := range bytes.Split(src, []byte("\n\n")) {
		if n > 10*maxBounces {
			break
		}
		var c collector
		h, _ := c.readHeader(append(bytes.TrimLeft(group, "\n"), '\n'), false)
		action := strings.ToLower(strings.TrimSpace(h.get("action")))
		status := enhanced.FindString(h.get("status"))
		if action == "" && status == "" || action == "delivered" || action == "relayed" || action == "expanded" || strings.HasPrefix(status, "2") {
			continue
		}
		b := Bounce{Status: status, Diagnostic: text.Excerpt(decodeText(afterType(h.get("diagnostic-code"))), 500)}
		first(&b.Status, enhanced.FindString(b.Diagnostic))
		if b.Status == "" && action == "failed" {
			b.Status = "5.0.0"
		}
		if b.Recipient = address(h.get("original-recipient")); b.Recipient == "" {
			b.Recipient = address(h.get("final-recipient"))
		}
		list = append(list, judged(b, b.Diagnostic))
	}
	return list
}

// afterType returns a field such as "smtp; 550 no" without the type in front.
func afterType(field string) string {
	kind, rest, ok := strings.Cut(field, ";")
	if !ok || strings.Contains(strings.TrimSpace(kind), " ") {
		return strings.TrimSpace(field)
	}
	return strings.TrimSpace(rest)
}

// judged sets Hard, and mends the status where the server's words say more than its number: some call a full mailbox
// 5.1.1, others give no number.
func judged(b Bounce, words string) Bounce {
	folded := text.Fold(words)
	vague := b.Status == "" || strings.HasSuffix(b.Status, ".0.0")
	switch {
	case fullMailbox.MatchString(folded) && !strings.HasPrefix(b.Status, "4"):
		b.Status = "5.2.2"
	case vague && refused.MatchString(folded) && !strings.HasPrefix(b.Status, "4"):
		b.Status = "5.7.0"
	case vague && unknownUser.MatchString(folded) && !strings.HasPrefix(b.Status, "4"):
		b.Status = "5.1.1"
	}
	switch class, detail, _ := strings.Cut(b.Status, "."); {
	case class != "5":
	case detail == "1.8" || detail == "1.7": // about the sender
	case strings.HasPrefix(detail, "1."), detail == "2.1", detail == "4.4", detail == "4.310":
		b.Hard = true
	case strings.HasPrefix(detail, "5.") || strings.HasPrefix(detail, "4."):
		b.Hard = unknownUser.MatchString(folded)
	}
	return b
}

// address returns the address in a field such as "rfc822; <ann@example.org>".
func address(field string) string {
	return addrSpec(mailAddress.FindString(decodeText(field[strings.IndexByte(field, ';')+1:])))
}

// ends are the lines below which a notice holds the mail returned, whose addresses and numbers mean nothing.
var ends = []string{"--- Below this line", "------ This is a copy", "--- Forwarded message", "----- Original message", "--- Original message", "------ Message d'origine"}

// looseBounces reads notices that follow no standard: those of qmail, Exim, Exchange and webmail providers.
func looseBounces(m *Message, h header) []Bounce {
	failed := addresses(h.all("x-failed-recipients"))
	fromMachine := machineSender.MatchString(strings.ToLower(m.From.Address)) || emptyPath(h)
	if len(failed) == 0 && !(fromMachine && bounceSubject.MatchString(text.Fold(m.Subject))) {
		return nil
	}
	notice := m.Text[:min(len(m.Text), maxNoticeLen)]
	for _, mark := range ends {
		if i := strings.Index(notice, mark); i > 0 {
			notice = notice[:i]
		}
	}
	b := Bounce{Status: enhanced.FindString(notice)}
	if b.Status == "" {
		b.Status = "5.0.0"
		if code := smtpCode.FindStringSubmatch(notice); code != nil {
			b.Status = code[1] + ".0.0"
		}
		if late.MatchString(text.Fold(m.Subject + "\n" + notice)) {
			b.Status = "4.0.0"
		}
	}
	b.Diagnostic = diagnostic(notice)
	b = judged(b, notice)
	if len(failed) == 0 {
		b.Recipient = notReached(m, notice)
		return []Bounce{b}
	}
	var list []Bounce
	for _, a := range failed {
		b.Recipient = a.Address
		list = append(list, b)
	}
	return list
}

// diagnostic returns the first line of a notice that holds a number of SMTP, "" if none does.
func diagnostic(notice string) string {
	for line := range strings.Lines(notice) {
		if smtpCode.MatchString(line) || enhanced.MatchString(line) {
			return text.Excerpt(line, 500)
		}
	}
	return ""
}

// notReached returns the address that a notice is about: the first that is neither a machine's nor our own.
func notReached(m *Message, notice string) string {
	for _, a := range mailAddress.FindAllString(notice, 20) {
		if a = addrSpec(a); a != "" && !machineSender.MatchString(strings.ToLower(a)) && !strings.EqualFold(a, m.From.Address) && !to(m, a) {
			return a
		}
	}
	return ""
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
