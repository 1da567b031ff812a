package text

import (
	"regexp"
	"strings"
)

// Forward is a mail that somebody passed on inside their own.
type Forward struct {
	Name, Address string // of who wrote it
	Comment       string // what whoever passed it on wrote above; "" = nothing
	Body          string // what was passed on, without its head
}

// mailAddress finds an address as the heads of forwarded mails write it.
var mailAddress = regexp.MustCompile(`[\p{L}\p{N}.!#$%&'*+/=?^_{|}~-]+@[\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?`)

// maxHead is how many lines the head of a forwarded mail has at most, long lists of recipients wrapped.
const maxHead = 30

// Unforward finds the first head of a mail in body ("De : Ann <ann@exemple.fr>", another field within three lines) and
// takes the body apart there. ok is false when there is none, or when it names no address.
func Unforward(body string) (f Forward, ok bool) {
	lines := split(body)
	for i, l := range lines {
		if !l.from || !headedBy(lines[i+1:min(len(lines), i+4)]) {
			continue
		}
		rest, _ := unquote(l.raw)
		_, value, _ := strings.Cut(rest, ":")
		f.Address = mailAddress.FindString(strings.ReplaceAll(value, "mailto:", ""))
		if f.Address == "" {
			return Forward{}, false
		}
		f.Name, _, _ = strings.Cut(value, f.Address)
		f.Name, _, _ = strings.Cut(f.Name, "mailto:")
		f.Name = strings.Trim(Line(f.Name), " *_\"'<[(:\u00a0")
		above := i
		for above > 0 && announces(lines[above-1]) {
			above--
		}
		f.Comment = joined(lines[:above], 0)
		end := i + 1
		for end < len(lines) && end < i+maxHead && lines[end].folded != "" {
			end++
		}
		f.Body = joined(lines[end:], l.depth)
		return f, true
	}
	return Forward{}, false
}

func headedBy(next []line) bool {
	for _, l := range next {
		if l.field != "" {
			return true
		}
	}
	return false
}

// announces reports whether l stands between a comment and the head of the mail below: a rule, a sentence of the mail
// program, another field of the head, nothing.
func announces(l line) bool {
	return l.folded == "" || l.first || l.field != "" || forwardLine.MatchString(l.folded) || original.MatchString(l.folded) || underscores.MatchString(l.raw) || ruled.MatchString(l.raw)
}

// joined writes lines without up to depth levels of quotation.
func joined(lines []line, depth int) string {
	var b strings.Builder
	for _, l := range lines {
		raw := l.raw
		for range min(depth, l.depth) {
			raw = strings.TrimPrefix(strings.TrimPrefix(strings.TrimLeft(raw, " \t"), ">"), " ")
		}
		b.WriteString(raw + "\n")
	}
	return strings.TrimSpace(b.String())
}
