package i18n

import (
	"regexp"
	"strings"
	"unicode"
)

const (
	narrow  = '\u202f' // narrow no-break space
	noBreak = '\u00a0' // no-break space
)

// The rules that look at a whole word after a space. A closing brace counts as a digit: "{n} min".
var (
	unit   = regexp.MustCompile(`^(?:%|€|k€|°C|(?:h|min|s|ms|o|[kKMGT]o|j|jours?|heures?|minutes?|secondes?|semaines?|mois|ans?|px|km)(?:[^\pL\pN'’]|$))`)
	month  = regexp.MustCompile(`^(?:janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre|\{month\})(?:[^\pL]|$)`)
	label  = regexp.MustCompile(`(?i:(?:^|[^\pL])(?:bâtiment|atelier|niveau|salle|étape|étage|version|page|n°))$`)
	number = regexp.MustCompile(`^(?:[A-Z0-9]{1,4}(?:[^\pL\pN]|$)|\{)`)
	first  = regexp.MustCompile(`(?:^|[^\pL\pN])1er$`)
	hour   = regexp.MustCompile(`[0-9}]\x{a0}h$`)
)

// Typo sets s, a plain text, in the typography of lang. French: narrow no-break space before ; ! ? and between
// thousands, no-break space before : and units and inside « », ’ and …. English: curly quotes and …. {placeholders}
// stay as they are, and setting a text twice changes nothing. Catalogue texts are already set; use Typo for texts
// made at run time, never for code or HTML.
func Typo(lang Lang, s string) string {
	if !strings.ContainsAny(s, " '\".«»") {
		return s
	}
	in := []rune(s)
	out := make([]rune, 0, len(in)+8)
	for i := 0; i < len(in); i++ {
		switch c := in[i]; {
		case c == '.' && at(in, i+1) == '.' && at(in, i+2) == '.':
			out = append(out, '…')
			i += 2
		case c == '\'' && elides(lang, in, i):
			out = append(out, '’')
		case c == '"' && lang == EN:
			out = append(out, quote(at(in, i-1)))
		case lang == EN:
			out = append(out, c)
		case c == ' ':
			out = append(out, space(out, in[i+1:]))
		case c == '«' && !unicode.IsSpace(at(in, i+1)):
			out = append(out, c, noBreak)
		case c == '»' && !unicode.IsSpace(at(in, i-1)) && at(out, len(out)-1) != noBreak:
			out = append(out, noBreak, c)
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

// at returns the rune at i, or 0 outside.
func at(s []rune, i int) rune {
	if i < 0 || i >= len(s) {
		return 0
	}
	return s[i]
}

// elides reports whether the straight quote at i is an apostrophe.
func elides(lang Lang, in []rune, i int) bool {
	before, after := at(in, i-1), at(in, i+1)
	if !unicode.IsLetter(before) && before != '}' {
		return false
	}
	return lang == EN || after == 0 || after == '{' || unicode.IsLetter(after) || after == '«'
}

func quote(before rune) rune {
	if before == 0 || unicode.IsSpace(before) || strings.ContainsRune("([—–", before) {
		return '“'
	}
	return '”'
}

// space chooses the French space that stands between what is written and what follows.
func space(done, rest []rune) rune {
	prev, next := at(done, len(done)-1), at(rest, 0)
	switch {
	case prev == 0 || next == 0:
		return ' '
	case next == ';' || next == '!' || next == '?':
		return narrow
	case prev == '«' || next == '»':
		return noBreak
	case next == ':' && (len(rest) == 1 || unicode.IsSpace(rest[1])):
		return noBreak
	case digit(prev) && thousands(done, rest):
		return narrow
	}
	// Only short tails and heads matter to the word rules.
	before, after := string(done[max(0, len(done)-12):]), string(rest[:min(12, len(rest))])
	switch {
	case (digit(prev) || prev == '}') && (unit.MatchString(after) || month.MatchString(after)):
		return noBreak
	case first.MatchString(before) && month.MatchString(after):
		return noBreak
	case hour.MatchString(before) && (digit(next) || next == '{'):
		return noBreak
	case label.MatchString(before) && number.MatchString(after):
		return noBreak
	}
	return ' '
}

func digit(r rune) bool { return r >= '0' && r <= '9' }

// thousands reports whether the space after done separates groups of three digits: one to three before, three after.
func thousands(done, rest []rune) bool {
	n := 0
	for n < len(done) && digit(done[len(done)-1-n]) {
		n++
	}
	// A leading zero is a telephone number: 02 401 …
	return n <= 3 && (n == 1 || done[len(done)-n] != '0' || at(done, len(done)-n-1) == narrow) &&
		digit(at(rest, 0)) && digit(at(rest, 1)) && digit(at(rest, 2)) && !digit(at(rest, 3))
}
