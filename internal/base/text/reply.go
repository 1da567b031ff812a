package text

import "strings"

// StripReply separates what the sender of a mail wrote from the history quoted with it and from the signature.
// It knows the shapes of Outlook, Gmail, Apple Mail, Thunderbird, Lotus Notes, Zimbra, Orange and our own line
// "Répondez au-dessus de cette ligne", in French, English and some more languages. Answers below or between
// quotes are kept. When in doubt a line stays: losing words is worse than keeping a signature.
//
// quoted holds what was taken away, in its order. If nothing would remain, reply is the whole text.
func StripReply(text string) (reply, quoted string) {
	text = Clean(text)
	if strings.TrimSpace(text) == "" {
		return "", ""
	}
	lines := split(text)
	keep := make([]bool, len(lines))
	for i := range keep {
		keep[i] = true
	}
	tail := cutHistory(lines, keep)
	cutQuotes(lines[:tail], keep)
	cutSignatures(lines, keep)
	var r, q strings.Builder
	for i, l := range lines {
		b := &r
		if !keep[i] {
			b = &q
		}
		b.WriteString(l.raw)
		b.WriteByte('\n')
	}
	reply = finish(r.String())
	if !saysSomething(reply) {
		return strings.TrimSpace(text), ""
	}
	return reply, strings.Trim(q.String(), "\n")
}

// saysSomething reports whether s holds more than marks.
func saysSomething(s string) bool {
	return strings.Trim(s, " \n\t>-_=*.|\u00a0") != ""
}

// cutHistory drops the unprefixed history at the end and returns where it begins.
func cutHistory(lines []line, keep []bool) int {
	for i := range lines {
		l := lines[i]
		if len(l.folded) < 3 {
			continue
		}
		if ownLine.MatchString(l.folded) {
			if !anyText(lines[:i], keep) {
				continue // the answer stands below; the quote marks will tell
			}
			if l.depth > 0 && textBelow(lines, i) {
				continue
			}
			return dropFrom(lines, keep, beforeOwnLine(lines, i))
		}
		if l.depth > 0 {
			continue
		}
		n := 0
		switch {
		case cutsTail(lines, i):
			n = 1
		default:
			if n = attribution(lines, i); n == 0 {
				continue
			}
		}
		if j := next(lines, i+n); n > 0 && j < len(lines) && lines[j].depth > 0 {
			// The quote is marked line by line: cutQuotes takes it and leaves what stands below.
			drop(keep, i, i+n)
			continue
		}
		return dropFrom(lines, keep, i)
	}
	return len(lines)
}

// beforeOwnLine returns where the history begins whose first words are our own line i: at an attribution or a
// head right above it.
func beforeOwnLine(lines []line, i int) int {
	for j := max(0, i-12); j < i; j++ {
		if n := attribution(lines, j); n > 0 && next(lines, j+n) >= i-1 || cutsTail(lines, j) {
			return j
		}
	}
	return i
}

// textBelow reports whether unquoted text follows line i.
func textBelow(lines []line, i int) bool {
	for _, l := range lines[i:] {
		if l.depth == 0 && l.folded != "" {
			return true
		}
	}
	return false
}

func anyText(lines []line, keep []bool) bool {
	for i, l := range lines {
		if keep[i] && l.depth == 0 && saysSomething(l.folded) && attribution(lines, i) == 0 {
			return true
		}
	}
	return false
}

func dropFrom(lines []line, keep []bool, i int) int {
	drop(keep, i, len(keep))
	// A rule right above belongs to the history.
	for j := i - 1; j >= 0 && (lines[j].folded == "" || underscores.MatchString(lines[j].folded)); j-- {
		if lines[j].folded != "" {
			keep[j] = false
			return j
		}
	}
	return i
}

func drop(keep []bool, from, to int) {
	for i := from; i < to; i++ {
		keep[i] = false
	}
}

// cutQuotes drops lines behind "> ". One such line alone, without anything announcing it, may be what the
// sender typed, such as a prompt, and stays.
func cutQuotes(lines []line, keep []bool) {
	quoted, announced := 0, false
	for i, l := range lines {
		if l.depth > 0 {
			quoted++
		} else if !keep[i] {
			announced = true
		}
	}
	if quoted == 0 || quoted == 1 && !announced {
		return
	}
	for i, l := range lines {
		if l.depth > 0 {
			keep[i] = false
		}
	}
}
