package sample

import (
	"strings"
	"time"
	"unicode"
)

// A phrase may begin with a tag, "@ab2 ", that says which stories it fits. Small letters are the cases of a
// scenario, digits the level that resolves, I and R the type (incident, request), F, M and S the speed of the
// resolution (fast, middling, slow). Of each sort that a tag names, the story must have one.

// split takes the tag off a phrase.
func split(s string) (tag, phrase string) {
	if strings.HasPrefix(s, "@") {
		if tag, phrase, ok := strings.Cut(s[1:], " "); ok {
			return tag, phrase
		}
	}
	return "", s
}

func untag(s string) string {
	_, s = split(s)
	return s
}

// fits reports whether a phrase fits a story with these marks.
func fits(s, marks string) bool {
	tag, _ := split(s)
	if tag == "" {
		return true
	}
	sort := func(r rune) int {
		switch {
		case unicode.IsDigit(r):
			return 0
		case unicode.IsLower(r):
			return 1
		case r == 'I' || r == 'R':
			return 2
		}
		return 3
	}
	var named, met [4]bool
	for _, r := range tag {
		k := sort(r)
		named[k] = true
		met[k] = met[k] || strings.ContainsRune(marks, r)
	}
	return named == met
}

// speed is the mark of a resolution that took d.
func speed(d time.Duration) string {
	switch {
	case d < 2*time.Hour:
		return "F"
	case d < 60*time.Hour:
		return "M"
	}
	return "S"
}

// cases are the cases of s that can be opened and then resolved at level n, or one empty case.
func (s *scenario) cases(n int) []string {
	fix := [][]string{s.Fix, s.Fix2, s.Fix3}[n-1]
	var out []string
	for c := 'a'; c <= 'z'; c++ {
		marks := string(rune('0'+n)) + string(c)
		if s.names(c) && someFits(s.Subjects, marks) && someFits(s.Open, marks) && someFits(fix, marks) {
			out = append(out, string(c))
		}
	}
	if out == nil {
		return []string{""}
	}
	return out
}

// names reports whether a phrase of s is tagged with the case c.
func (s *scenario) names(c rune) bool {
	for _, xs := range [][]string{s.Subjects, s.Open, s.First, s.Answer, s.Fix, s.Fix2, s.Fix3} {
		for _, x := range xs {
			if tag, _ := split(x); strings.ContainsRune(tag, c) {
				return true
			}
		}
	}
	return false
}

// someFits reports whether at least one of xs fits.
func someFits(xs []string, marks string) bool {
	for _, x := range xs {
		if fits(x, marks) {
			return true
		}
	}
	return false
}
