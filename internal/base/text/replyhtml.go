package text

import (
	"regexp"
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

// Classes and ids of signatures.
var signatureClasses = []string{"gmail_signature", "moz-signature", "protonmail_signature_block", "elementToProof_signature", "outlook-signature"}

var signatureIDs = map[string]bool{"signature": true, "x_signature": true, "ms-outlook-mobile-signature": true, "x_ms-outlook-mobile-signature": true, "mobile-signature": true}

// StripReplyHTML is StripReply for the HTML of a mail, which marks history more surely than text does. Both
// results are unsanitised and may leave elements open: pass them to Sanitise before showing them. A message
// that quotes nothing comes back unchanged; so does one of which nothing would remain.
func StripReplyHTML(src string) (reply, quoted string) {
	src = cut(src, MaxHTML)
	s := scanner{src: src}
	s.scan()
	if len(s.cuts) == 0 {
		return src, ""
	}
	var r, q strings.Builder
	at := 0
	for _, c := range s.cuts {
		r.WriteString(src[at:c[0]])
		q.WriteString(src[c[0]:c[1]])
		at = c[1]
	}
	r.WriteString(src[at:])
	if !saysSomething(FromHTML(r.String())) && !strings.Contains(r.String(), "<img") {
		return src, ""
	}
	return r.String(), q.String()
}

// scanner finds the stretches of src that are history, by byte offsets.
type scanner struct {
	src    string
	cuts   [][2]int
	line   strings.Builder // folded text since the last block element, at most maxMarkerLine bytes
	from   int             // where that text begins
	before [2]int          // an attribution seen on the line before, to be cut if a quote follows; empty if none
}

func (s *scanner) scan() {
	z := html.NewTokenizer(strings.NewReader(s.src))
	at := 0
	var inside atom.Atom // element being cut, 0 if none
	depth, begin := 0, 0
	for {
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
					s.cuts = append(s.cuts, [2]int{begin, at})
					inside = 0
				}
			}
		case kind == html.TextToken:
			if s.words(string(z.Text()), start) {
				s.cuts = append(s.cuts, [2]int{s.from, len(s.src)})
				return
			}
		case kind == html.StartTagToken:
			t := z.Token()
			switch s.judge(t, at) {
			case tail:
				s.cuts = append(s.cuts, [2]int{s.attributed(start), len(s.src)})
				return
			case element:
				inside, depth, begin = t.DataAtom, 1, s.attributed(start)
			default:
				s.breaks(t.DataAtom, start)
			}
		case kind == html.EndTagToken || kind == html.SelfClosingTagToken:
			name, _ := z.TagName()
			s.breaks(atom.Lookup(name), start)
		}
	}
	if inside != 0 {
		s.cuts = append(s.cuts, [2]int{begin, len(s.src)})
	}
}

type verdict int

const (
	keepIt  verdict = iota
	element         // the element is history
	tail            // all from here on is history
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
				return s.unlessForward(element, at)
			}
		}
		for _, c := range signatureClasses {
			if strings.Contains(class, c) {
				return element
			}
		}
	}
	if signatureIDs[id] {
		return element
	}
	if t.DataAtom == atom.Div && len(attribute(t, "style")) < 1000 && outlookRule.MatchString(squeeze(attribute(t, "style"))) && s.headFollows(at) {
		return tail
	}
	if t.DataAtom == atom.Blockquote && s.before[1] > 0 {
		return element // webmails without marks: the line above says that this is a quote
	}
	return keepIt
}

func squeeze(style string) string {
	return strings.ToLower(strings.ReplaceAll(style, " ", ""))
}

// peek is how many bytes after a marker are read to tell a forwarded mail or the head of a quoted one.
const peek = 3000

// unlessForward returns v unless what follows was forwarded: that is what the sender wants read.
func (s *scanner) unlessForward(v verdict, at int) verdict {
	if forwarding.MatchString(Fold(FromHTML(cut(s.src[at:], 600)))) {
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
	if strings.Contains(f, "--") {
		return original.MatchString(strings.TrimSpace(s.line.String()))
	}
	return false
}

// breaks ends the line at a block element that starts at the offset start, and remembers an attribution.
func (s *scanner) breaks(a atom.Atom, start int) {
	switch a {
	case atom.Div, atom.P, atom.Br, atom.Blockquote, atom.Td, atom.Tr, atom.Table, atom.Hr, atom.Li, atom.Ul, atom.Pre:
	default:
		return
	}
	text := strings.Join(strings.Fields(s.line.String()), " ")
	if text == "" {
		return
	}
	s.line.Reset()
	s.before = [2]int{}
	if len(text) <= maxMarkerLine && attribution([]line{{folded: text}}, 0) == 1 {
		s.before = [2]int{s.from, start}
	}
}

// attributed returns where the history begins that an element at the offset start holds: at the attribution
// right above it, if there is one.
func (s *scanner) attributed(start int) int {
	s.breaks(atom.Div, start)
	if s.before[1] > 0 {
		start = s.before[0]
	}
	s.before = [2]int{}
	return start
}
