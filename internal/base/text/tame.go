package text

import "strings"

// The Markdown parser takes time that grows with the square of the marks in one paragraph and of the levels in
// one line. These bounds lie far above what people write and keep the worst message under half a second.
const (
	maxMarkers = 24    // block markers (quotes, list items) that one line opens
	maxMarks   = 2000  // emphasis marks and brackets in one paragraph
	maxFenced  = 20000 // the same between code fences, where they mean nothing
)

// tame returns the Markdown src with the marks beyond the bounds escaped, so that they are plain characters.
func tame(src string) string {
	var b strings.Builder
	b.Grow(len(src))
	var fence string
	for src != "" {
		paragraph, rest := paragraphOf(src)
		limit := maxMarks
		if fence != "" {
			limit = maxFenced
		}
		escape := marks(paragraph) > limit
		for line := range strings.Lines(paragraph) {
			fence = fenceAfter(fence, line)
			line = shallow(line)
			if escape {
				line = escaper.Replace(line)
			}
			b.WriteString(line)
		}
		src = rest
	}
	return b.String()
}

var escaper = strings.NewReplacer("*", `\*`, "_", `\_`, "[", `\[`, "~", `\~`, `\`, `\\`)

func marks(s string) int {
	return strings.Count(s, "*") + strings.Count(s, "_") + strings.Count(s, "[") + strings.Count(s, "~")
}

// paragraphOf splits s after its first empty line.
func paragraphOf(s string) (paragraph, rest string) {
	if i := strings.Index(s, "\n\n"); i >= 0 {
		return s[:i+2], s[i+2:]
	}
	return s, ""
}

// fenceAfter returns the code fence that is open after line, given the one open before; "" is none.
func fenceAfter(open, line string) string {
	line = strings.TrimRight(line, "\r\n \t")
	trimmed := strings.TrimLeft(line, " ")
	if len(line)-len(trimmed) > 3 || len(trimmed) < 3 || trimmed[0] != '`' && trimmed[0] != '~' {
		return open
	}
	run := trimmed[:len(trimmed)-len(strings.TrimLeft(trimmed, trimmed[:1]))]
	switch {
	case open == "" && len(run) >= 3 && !strings.Contains(trimmed[len(run):], "`"):
		return run
	case open != "" && run == trimmed && strings.HasPrefix(run, open):
		return ""
	}
	return open
}

// shallow escapes the block markers beyond maxMarkers at the beginning of line.
func shallow(line string) string {
	if len(line) <= maxMarkers || rule(line) {
		return line
	}
	markers := 0
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '>' || c == '-' || c == '*' || c == '+' || c == '.' || c == ')':
			if markers++; markers > maxMarkers {
				return line[:i] + `\` + line[i:]
			}
		case c == ' ' || c == '\t' || '0' <= c && c <= '9':
		default:
			return line
		}
	}
	return line
}

// rule reports whether line is a rule such as "----" or the line below a table's head: both may be as long
// as one likes, and neither nests.
func rule(line string) bool {
	line = strings.TrimRight(line, "\r\n \t")
	return strings.Trim(line, "-:| ") == "" && !strings.Contains(line, "- -") || strings.Trim(line, "*") == ""
}
