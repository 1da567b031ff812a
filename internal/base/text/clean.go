package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Clean returns s as valid UTF-8 in NFC with line ends "\n" and without control characters other than
// newline and tab. Bytes that are no UTF-8 become U+FFFD; byte order marks vanish, because they would
// otherwise hide in the middle of joined texts.
func Clean(s string) string {
	if plain(s) {
		return s
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.Map(cleanRune, s)
	return norm.NFC.String(s)
}

// plain reports whether s is ASCII that Clean would not change: most subjects and many bodies are.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf || c < ' ' && c != '\n' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

func cleanRune(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
		return r
	case r == '\r' || r == '\u2028' || r == '\u2029':
		return '\n'
	case r == '\uFEFF' || unicode.IsControl(r):
		return -1
	}
	return r
}

// Line returns s cleaned and on one line: every run of white space is one space, none at the ends.
// It suits subjects, names and everything else that may end up in a mail header.
func Line(s string) string {
	return strings.Join(strings.Fields(Clean(s)), " ")
}

// FirstName is how a person is called in a sentence: their name up to the first space.
func FirstName(name string) string {
	first, _, _ := strings.Cut(name, " ")
	return first
}

// Blank reports whether s shows nothing: white space, characters without width, and fillers that look empty.
func Blank(s string) bool {
	for _, r := range s {
		if !unicode.IsSpace(r) && !unicode.IsControl(r) && r != '\u2800' &&
			!unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
			return false
		}
	}
	return true
}

// Excerpt returns the beginning of s on one line, at most n runes long including the "…" that marks a cut.
// It cuts between words where the last word is not longer than half of n. A non-positive n gives "".
func Excerpt(s string, n int) string {
	if n <= 0 {
		return ""
	}
	if limit := n * 8; limit > n && len(s) > limit+1024 {
		s = s[:limit+1024] // enough for n runes of 4 bytes and some white space; spares cleaning a long body
	}
	s = Line(s)
	count, end, space := 0, 0, -1
	for i, r := range s {
		if count == n-1 {
			end = i
		}
		if r == ' ' && count < n {
			space = i
		}
		count++
	}
	if count <= n {
		return s
	}
	if space > 0 && utf8.RuneCountInString(s[:space]) >= n/2 && space <= end {
		end = space
	}
	return strings.TrimRight(s[:end], " ,;:") + "…"
}
