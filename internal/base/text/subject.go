package text

import (
	"regexp"
	"strings"
)

// Prefixes that mail clients put before a subject, in the languages met in Europe. A prefix may be
// numbered, as in "Re[2]:" or "RE (3):", and be followed by a French space before its colon.
var (
	subjectPrefix = regexp.MustCompile(`(?i)^(?:` + replyPrefixes + `|` + forwardPrefixes + `)` + prefixEnd)
	forwardPrefix = regexp.MustCompile(`(?i)^(?:` + forwardPrefixes + `)` + prefixEnd)
	referenceTag  = regexp.MustCompile(`(?i)\[\s*#?(?:INC|REQ|PRB)-[0-9]{1,12}\s*\]`)
	reference     = regexp.MustCompile(`(?i)\b(INC|REQ|PRB)-([0-9]{1,12})\b`)
)

const (
	replyPrefixes = `re|ré|réf|ref|rép|rép\.|rep|r|aw|antw|antwort|sv|vs|vá|odp|ynt|res|rif|bls|betreff|回复|答复|回覆`
	// "VS" is a reply in Finnish and "VB" a forward in Swedish.
	forwardPrefixes = `tr|trans|transf|fwd?|wg|i|rv|enc|vb|vl|fs|doorst|pd|továbbítás|转发|轉寄`
	prefixEnd       = `\s*(?:[\[(]\s*[0-9]{1,3}\s*[\])])?\s*[:：]\s*`
)

// SubjectCore returns the subject s without reply and forward prefixes and without our tag "[INC-1042]",
// so that all mails of one exchange share it. A subject made of prefixes alone gives "".
func SubjectCore(s string) string {
	s = Line(s)
	for {
		next := strings.TrimSpace(referenceTag.ReplaceAllString(s, " "))
		if m := subjectPrefix.FindStringIndex(next); m != nil {
			next = next[m[1]:]
		}
		if next == s {
			return Line(s)
		}
		s = next
	}
}

// Forwarded reports whether the outermost prefix of subject s says that the mail was forwarded ("TR:",
// "Fwd:", "WG:"): what follows in the body is then what the sender wants read, not history.
func Forwarded(s string) bool {
	return forwardPrefix.MatchString(strings.TrimSpace(referenceTag.ReplaceAllString(Line(s), " ")))
}

// Reference returns the first ticket reference named in the subject s, in capitals, such as "INC-1042".
// A reference in brackets goes before one without, because our own mails write it so. "" if there is none.
func Reference(s string) string {
	if !strings.Contains(s, "-") {
		return ""
	}
	if tag := referenceTag.FindString(s); tag != "" {
		s = tag
	}
	return strings.ToUpper(reference.FindString(s))
}
