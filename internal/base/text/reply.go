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
	cutBanner(lines, keep)
	tail, forward := cutHistory(lines, keep)
	between := cutQuotes(lines[:tail], keep)
	cutSignatures(lines[:forward], keep[:forward])
	var r, q strings.Builder
	for i, l := range lines {
		b := &r
		if !keep[i] {
			b = &q
		} else if between && i > 0 && i < tail && l.depth > 0 && lines[i-1].depth == 0 && lines[i-1].folded != "" {
			b.WriteByte('\n') // a question kept between answers
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

// cutHistory drops the unprefixed history at the end and returns where it begins. forward is where a forwarded mail
// begins, len(lines) if there is none: what was forwarded is what the sender wants read, and nothing of it is cut.
func cutHistory(lines []line, keep []bool) (tail, forward int) {
	for i := range lines {
		l := lines[i]
		if len(l.folded) < 3 {
			continue
		}
		if l.depth == 0 && forwardLine.MatchString(l.folded) {
			return i, i
		}
		if l.depth == 3 && groupWise.MatchString(l.raw) {
			return dropFrom(lines, keep, i), len(lines)
		}
		if ownLine.MatchString(l.folded) {
			if !anyText(lines[:i], keep) {
				continue // the answer stands below; the quote marks will tell
			}
			if l.depth > 0 && textBelow(lines, i) {
				continue
			}
			return dropFrom(lines, keep, beforeOwnLine(lines, i)), len(lines)
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
		return dropFrom(lines, keep, i), len(lines)
	}
	return len(lines), len(lines)
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
	for j := i - 1; j >= 0 && (lines[j].folded == "" || ruled.MatchString(lines[j].folded)); j-- {
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
// sender typed, such as a prompt, and stays; so do lines that the sender's own words introduce. It reports whether answers stand between quotes.
func cutQuotes(lines []line, keep []bool) bool {
	quoted, announced := 0, false
	for i, l := range lines {
		if l.depth > 0 {
			quoted++
		} else if !keep[i] {
			announced = true
		}
	}
	if quoted == 0 || !announced && (quoted == 1 || introduced(lines)) {
		return false
	}
	for i, l := range lines {
		if l.depth > 0 {
			keep[i] = false
		}
	}
	return keepQuestions(lines, keep)
}

// introduced reports whether the sender's own line with a colon at its end stands above the first quoted line.
func introduced(lines []line) bool {
	above := ""
	for _, l := range lines {
		if l.depth > 0 {
			break
		}
		if l.folded != "" {
			above = l.folded
		}
	}
	return strings.HasSuffix(above, ":")
}

// maxQuestion is how many quoted lines above an answer are kept as its question.
const maxQuestion = 8

// keepQuestions takes back the quoted paragraph right above each answer, if answers stand between quotes: "yes" means
// nothing without what was asked. A single answer below the whole quote needs none.
func keepQuestions(lines []line, keep []bool) bool {
	var starts []int // first line of each answer below a quote
	seen, last := false, -1
	for i, l := range lines {
		if l.depth > 0 {
			seen, last = true, i
			continue
		}
		if seen && keep[i] && saysSomething(l.folded) {
			starts = append(starts, i)
			seen = false
		}
	}
	if len(starts) == 0 || len(starts) == 1 && last < starts[0] {
		return false
	}
	for _, i := range starts {
		j := i - 1
		for j >= 0 && (lines[j].folded == "" || lines[j].depth == 0) {
			j--
		}
		for n := 0; j >= 0 && n < maxQuestion && lines[j].depth > 0 && lines[j].folded != ""; n++ {
			keep[j] = true
			j--
		}
	}
	return true
}

// cutBanner drops the warning that a gateway puts above a mail from outside.
func cutBanner(lines []line, keep []bool) {
	i := next(lines, 0)
	for n := i; n < len(lines) && n < i+4 && lines[n].folded != ""; n++ {
		if banner.MatchString(lines[n].folded) && next(lines, n+1) < len(lines) {
			drop(keep, i, n+1)
			return
		}
	}
}
