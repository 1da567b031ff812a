package text

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// outlookRule is the thin line that Outlook draws above the head of the mail answered.
var outlookRule = regexp.MustCompile(`border:none;border-top:solid#?[0-9a-z]{3,8}1\.0pt|border-top:1px?solid#?[0-9a-z]{3,8};padding`)

// Ids and markers after which everything is history.
var tailIDs = map[string]bool{
	"divrplyfwdmsg": true, "x_divrplyfwdmsg": true, "appendonsend": true, "x_appendonsend": true, "zwchr": true, "replysplit": true,
	"mail-editor-reference-message-container": true, "ms-outlook-mobile-reference-message": true, "olk_src_body_section": true,
}

// Classes whose elements hold quoted history; what stands after such an element is kept.
var quoteClasses = []string{"gmail_quote", "gmail_extra", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote", "tutanota_quote",
	"zmail_extra", "front-blockquote", "wlmail_quote", "ydpquote", "yahoo-quoted-begin", "mail_quote", "gmail_attr"}

// containers are classes of elements that hold history together with what was typed between it: if they hold marked
// quotes, those tell.
var containers = []string{"gmail_quote", "gmail_extra", "protonmail_quote"}

// Classes and ids of signatures.
var signatureClasses = []string{"gmail_signature", "moz-signature", "protonmail_signature_block", "elementToProof_signature", "outlook-signature"}

var signatureIDs = map[string]bool{"signature": true, "x_signature": true, "ms-outlook-mobile-signature": true, "x_ms-outlook-mobile-signature": true, "mobile-signature": true}

// StripReplyHTML is StripReply for the HTML of a mail, which marks history more surely than text does. Both
// results are unsanitised and may leave elements open: pass them to Sanitise before showing them. A message
// that quotes nothing comes back unchanged; so does one of which nothing would remain.
func StripReplyHTML(src string) (reply, quoted string) {
	src = cut(src, MaxHTML)
	s := scanner{src: src, lone: -1}
	s.scan()
	s.unmarked()
	s.keepQuestions()
	if len(s.cuts) == 0 {
		return src, ""
	}
	var r, q strings.Builder
	at := 0
	for _, c := range s.cuts {
		r.WriteString(src[at:c.from])
		q.WriteString(src[c.from:c.to])
		at = c.to
	}
	r.WriteString(src[at:])
	if !saysSomething(FromHTML(r.String())) && !strings.Contains(r.String(), "<img") {
		return src, ""
	}
	return r.String(), q.String()
}

// stretch is a piece of the source that is history.
type stretch struct {
	from, to int
	body     int  // where the element begins, below the line that announces it
	quote    bool // it quotes, and is no signature
}

// scanner finds the stretches of src that are history, by byte offsets.
type scanner struct {
	src    string
	cuts   []stretch
	line   strings.Builder // folded text since the last block element, at most maxMarkerLine bytes
	from   int             // where that text begins
	peeked int             // how often a head was looked for
	lone   int             // where an attribution begins that no quote followed; -1 if there is none
	device [2]int          // the line of a phone, to be cut if nothing but history follows; empty if none
	whole  bool            // what follows was forwarded: nothing more is cut
	before [2]int          // an attribution seen on the line before, to be cut if a quote follows; empty if none
}

func (s *scanner) scan() {
	z := html.NewTokenizer(strings.NewReader(s.src))
	at := 0
	var inside atom.Atom // element being cut, 0 if none
	depth := 0
	var c stretch
	for !s.whole {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		start := at
		at += len(z.Raw())
		switch {
		case inside != 0:
			name, _ := z.TagName()
			if a := atom.Lookup(name); a == inside && kind == html.StartTagToken {
				depth++
			} else if a == inside && kind == html.EndTagToken {
				if depth--; depth == 0 {
					c.to = at
					s.cuts = append(s.cuts, c)
					inside = 0
				}
			}
		case kind == html.TextToken:
			if s.words(string(z.Text()), start) {
				s.tail(s.from)
				return
			}
		case kind == html.StartTagToken:
			t := z.Token()
			v, ends := s.judge(t, at), t.DataAtom
			if v != keepIt {
				ends = atom.Div // whatever it is, the line above is complete
			}
			if s.breaks(ends, start) || s.whole {
				return
			}
			switch v {
			case tail:
				s.tail(s.attributed(start))
				return
			case element, signature:
				inside, depth = t.DataAtom, 1
				c = stretch{from: s.attributed(start), body: start, quote: v == element}
				if c.quote && c.from <= s.lone {
					s.lone = -1
				}
				s.cutDevice(c.from)
			}
		case kind == html.EndTagToken || kind == html.SelfClosingTagToken:
			name, _ := z.TagName()
			if s.breaks(atom.Lookup(name), start) {
				return
			}
		}
	}
	if inside != 0 {
		c.to = len(s.src)
		s.cuts = append(s.cuts, c)
	} else if !s.whole && !s.breaks(atom.Div, len(s.src)) {
		s.cutDevice(len(s.src))
	}
}

// cutDevice cuts the line of a phone that stood last before the offset end.
func (s *scanner) cutDevice(end int) {
	if d := s.device; d[1] > 0 && d[1] <= end {
		s.cuts = append(s.cuts, stretch{from: d[0], to: d[1], body: d[0]})
	}
	s.device = [2]int{}
}

// unmarked cuts the history of programs that announce it and mark it in no other way.
func (s *scanner) unmarked() {
	if s.lone < 0 {
		return
	}
	for _, c := range s.cuts {
		if c.quote || c.to == len(s.src) {
			return
		}
	}
	if saysSomething(FromHTML(s.src[:s.lone])) {
		s.cuts = slices.DeleteFunc(s.cuts, func(c stretch) bool { return c.to > s.lone })
		s.tail(s.lone)
	}
}

// tail cuts everything from the offset from on.
func (s *scanner) tail(from int) {
	s.cutDevice(from)
	s.cuts = append(s.cuts, stretch{from: from, to: len(s.src), body: from})
}

// maxQuestionHTML is the longest quote, in bytes, that is kept as the question of an answer.
const maxQuestionHTML = 16 << 10

// keepQuestions takes back the quotes that have an answer right below, if there are several answers or more quotes
// below the answer. What announces the quote stays away.
func (s *scanner) keepQuestions() {
	var answered []int
	last := -1
	for i, c := range s.cuts {
		if !c.quote {
			continue
		}
		last = i
		end := len(s.src)
		if i+1 < len(s.cuts) {
			end = s.cuts[i+1].from
		}
		if saysSomething(FromHTML(s.src[c.to:end])) {
			answered = append(answered, i)
		}
	}
	if len(answered) == 0 || len(answered) == 1 && last == answered[0] {
		return
	}
	for _, i := range answered {
		if c := &s.cuts[i]; c.to-c.body <= maxQuestionHTML {
			c.to = c.body
		}
	}
}

type verdict int

const (
	keepIt    verdict = iota
	element           // the element is history
	signature         // the element is a signature
	tail              // all from here on is history
)

// judge tells what the start tag t, which ends at the offset at, says about what follows.
func (s *scanner) judge(t html.Token, at int) verdict {
	id, class := strings.ToLower(attribute(t, "id")), attribute(t, "class")
	if tailIDs[id] || strings.HasPrefix(attribute(t, "data-marker"), "__QUOTED_TEXT__") || attribute(t, "data-marker") == "__DIVIDER__" {
		return s.unlessForward(tail, at)
	}
	if t.DataAtom == 0 {
		return keepIt
	}
	if strings.EqualFold(attribute(t, "type"), "cite") && t.DataAtom == atom.Blockquote {
		return s.unlessForward(element, at)
	}
	if class != "" {
		for _, c := range quoteClasses {
			if strings.Contains(class, c) {
				return s.unlessForward(s.container(t, class, at), at)
			}
		}
		for _, c := range signatureClasses {
			if strings.Contains(class, c) {
				return signature
			}
		}
	}
	if signatureIDs[id] {
		return signature
	}
	if t.DataAtom == atom.Div && s.peeked < maxHeads && len(attribute(t, "style")) < 1000 && outlookRule.MatchString(squeeze(attribute(t, "style"))) {
		if s.peeked++; s.headFollows(at) {
			return tail
		}
	}
	if t.DataAtom == atom.Blockquote && s.before[1] > 0 {
		return element // webmails without marks: the line above says that this is a quote
	}
	return keepIt
}

// container returns element, or keepIt for an element around quotes that are marked themselves.
func (s *scanner) container(t html.Token, class string, at int) verdict {
	if t.DataAtom == atom.Blockquote {
		return element
	}
	for _, c := range containers {
		if strings.Contains(class, c) && strings.Contains(cut(s.src[at:], peek), "<blockquote") {
			return keepIt
		}
	}
	return element
}

func squeeze(style string) string {
	return strings.ToLower(strings.ReplaceAll(style, " ", ""))
}

// peek is how many bytes after a marker are read to tell a forwarded mail or the head of a quoted one.
const peek = 3000

// unlessForward returns v unless what follows was forwarded: that is what the sender wants read, to its end.
func (s *scanner) unlessForward(v verdict, at int) verdict {
	lines := split(FromHTML(cut(s.src[at:], 600)))
	if i := next(lines, 0); i < len(lines) && forwardLine.MatchString(lines[i].folded) {
		s.whole = true
		return keepIt
	}
	return v
}

// headFollows reports whether the head of a quoted mail begins right after the offset at.
func (s *scanner) headFollows(at int) bool {
	lines := split(FromHTML(cut(s.src[at:], peek)))
	i := next(lines, 0)
	return i < len(lines) && headerBlock(lines, i)
}

// words takes text that begins at the offset start and reports whether with it the line became our own
// "reply above this line" or a line after which all is history.
func (s *scanner) words(text string, start int) bool {
	f := Fold(cut(text, maxMarkerLine))
	if strings.TrimSpace(f) == "" || s.line.Len() > maxMarkerLine {
		return false
	}
	if s.line.Len() == 0 {
		s.from = start
	}
	s.line.WriteString(f)
	if strings.Contains(f, "ligne") || strings.Contains(f, "line") {
		if ownLine.MatchString(s.line.String()) {
			return saysSomething(FromHTML(s.src[:s.from]))
		}
	}
	return false
}

// maxHeads is how many lines that look like the first of a quoted head are looked at more closely.
const maxHeads = 40

// breaks ends the line at a block element that starts at the offset start, and remembers an attribution. It reports
// whether the line began the history, which it then cuts to the end.
func (s *scanner) breaks(a atom.Atom, start int) bool {
	switch a {
	case atom.Div, atom.P, atom.Br, atom.Blockquote, atom.Td, atom.Tr, atom.Table, atom.Hr, atom.Li, atom.Ul, atom.Pre:
	default:
		return false
	}
	text := strings.Join(strings.Fields(s.line.String()), " ")
	if text == "" {
		return false
	}
	s.line.Reset()
	s.before = [2]int{}
	if s.device[1] > 0 && attribution([]line{{folded: text}}, 0) == 0 && !headerFrom.MatchString(text) && !headerFirst.MatchString(text) {
		s.device = [2]int{} // words follow
	}
	if len(text) > maxMarkerLine {
		return false
	}
	switch {
	case len(text) <= maxDevice && device.MatchString(text):
		s.device = [2]int{s.from, start}
	case forwardLine.MatchString(text):
		s.whole = true
	case original.MatchString(text), orangeQuote.MatchString(strings.TrimLeft(text, "> ")):
		s.tail(s.from)
		return true
	case s.peeked < maxHeads && (headerFrom.MatchString(text) || headerFirst.MatchString(text)):
		if s.peeked++; s.headFollows(s.from) {
			if saysSomething(FromHTML(s.src[:s.from])) {
				s.tail(s.from)
				return true
			}
			s.peeked = maxHeads // nothing stands above: it is what the sender wants read
		}
	case attribution([]line{{folded: text}}, 0) == 1:
		if s.before = [2]int{s.from, start}; s.lone < 0 {
			s.lone = s.from
		}
	}
	return false
}

// attributed returns where the history begins that an element at the offset start holds: at the attribution
// right above it, if there is one.
func (s *scanner) attributed(start int) int {
	if s.before[1] > 0 {
		start = s.before[0]
	}
	s.before = [2]int{}
	return start
}
