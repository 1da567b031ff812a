package text

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// mayHide matches HTML that visible could change.
var mayHide = regexp.MustCompile(`(?i)none|hidden|mso-hide|font-size:\s*0|opacity:\s*0`)

// FromHTML returns src as text that also reads well as Markdown: paragraphs apart, list items marked,
// quotes behind "> ", links as "label <address>", the cells of a table's row joined by " | ", hidden parts left
// out. Tables that only arrange the page come out as plain paragraphs. At most MaxHTML bytes are read.
func FromHTML(src string) string {
	w := writer{blocks: []*block{{}}}
	if src = cut(src, MaxHTML); mayHide.MatchString(src) {
		src, _ = visible(src)
	}
	z := html.NewTokenizer(strings.NewReader(src))
	for {
		switch z.Next() {
		case html.ErrorToken:
			for len(w.blocks) > 1 {
				w.pop()
			}
			return finish(w.top().text())
		case html.TextToken:
			if w.hidden == 0 {
				w.text(string(z.Text()))
			}
		case html.StartTagToken:
			w.start(z.Token(), false)
		case html.SelfClosingTagToken:
			w.start(z.Token(), true)
		case html.EndTagToken:
			name, _ := z.TagName()
			w.end(atom.Lookup(name))
		}
	}
}

// finish cleans s and leaves at most one empty line between paragraphs and no blanks at line ends.
func finish(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	empty := 0
	for line := range strings.Lines(Clean(s)) {
		line = strings.TrimRightFunc(line, unicode.IsSpace)
		if line == "" {
			empty++
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
			if empty > 0 {
				b.WriteByte('\n')
			}
		}
		empty = 0
		b.WriteString(line)
	}
	return b.String()
}

// maxBlocks bounds how many quotes, cells and items are held at once; deeper ones join the innermost.
const maxBlocks = 24

type list struct {
	ordered bool
	next    int
}

// writer gathers the text of a document in one pass without a tree.
type writer struct {
	blocks []*block
	lists  []list
	hidden int       // depth inside an element that is not shown; 0 = shown
	hider  atom.Atom // the element that hides
	pre    int
	href   string // of the open link
	label  int    // where the label of the open link begins in the block linked
	linked int    // index of the block in which the link began
}

func (w *writer) top() *block { return w.blocks[len(w.blocks)-1] }

func (w *writer) text(s string) {
	b := w.top()
	if w.pre > 0 {
		if s != "" {
			b.out.WriteString(s)
			b.line = !strings.HasSuffix(s, "\n")
		}
		return
	}
	if b.kind == atom.Tr && strings.TrimSpace(s) == "" {
		return
	}
	for s != "" {
		r, n := utf8.DecodeRuneInString(s)
		if r == ' ' || r == '\n' || r == '\t' || r == '\r' || r == '\f' || r == '\u00a0' {
			b.space = true
			s = s[n:]
			continue
		}
		end := strings.IndexAny(s, " \n\t\r\f\u00a0")
		if end < 0 {
			end = len(s)
		}
		if b.space && b.line {
			b.out.WriteByte(' ')
		}
		b.out.WriteString(s[:end])
		b.space, b.line = false, true
		s = s[end:]
	}
}

func (w *writer) push(kind atom.Atom) *block {
	if len(w.blocks) < maxBlocks {
		w.blocks = append(w.blocks, &block{kind: kind})
	}
	return w.top()
}

// pop completes the innermost block and writes it into the one around it.
func (w *writer) pop() {
	w.closeLink()
	b := w.top()
	w.blocks = w.blocks[:len(w.blocks)-1]
	p, s := w.top(), finish(b.text())
	switch b.kind {
	case atom.Td:
		if p.kind == atom.Tr {
			p.cells = append(p.cells, s)
			return
		}
		p.newline()
		p.write(s)
	case atom.Tr:
		p.newline()
		p.write(row(b.cells, s))
	case atom.Blockquote:
		if s != "" {
			p.paragraph()
			p.write("> " + strings.ReplaceAll(s, "\n", "\n> "))
			p.paragraph()
		}
	case atom.Li:
		if s != "" {
			p.newline()
			p.write(b.mark + strings.ReplaceAll(s, "\n", "\n"+strings.Repeat(" ", len(b.mark))))
		}
	}
}

func (w *writer) start(t html.Token, closed bool) {
	if w.hidden > 0 {
		if t.DataAtom == w.hider && !closed && !void(t.DataAtom) {
			w.hidden++
		}
		return
	}
	if hides(t) && !closed && !void(t.DataAtom) {
		w.hidden, w.hider = 1, t.DataAtom
		return
	}
	switch t.DataAtom {
	case atom.Br:
		b := w.top()
		b.out.WriteByte('\n')
		b.line, b.space = false, false
	case atom.Hr:
		w.top().paragraph()
	case atom.Img:
		w.image(t)
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Table, atom.Dl:
		w.top().paragraph()
	case atom.Div, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Address, atom.Center, atom.Dt, atom.Dd, atom.Option, atom.Form, atom.Button, atom.Textarea:
		w.top().newline()
	case atom.Pre:
		w.top().paragraph()
		w.pre++
	case atom.Blockquote:
		w.push(atom.Blockquote)
	case atom.Ul, atom.Ol:
		w.list(t)
	case atom.Li:
		w.item()
	case atom.Tr:
		w.popTo(atom.Tr, atom.Table)
		w.push(atom.Tr)
	case atom.Td, atom.Th:
		w.popTo(atom.Td, atom.Tr)
		w.push(atom.Td)
	case atom.A:
		w.closeLink()
		if href := strings.TrimSpace(attribute(t, "href")); linkable(href) && !local(href) {
			w.href, w.label, w.linked = href, w.top().out.Len(), len(w.blocks)
		}
	}
}

// image writes what an image stands for. Attached images are listed as attachments anyway, and mail programs
// describe them at length; pictures of smileys carry the smiley.
func (w *writer) image(t html.Token) {
	alt := Line(attribute(t, "alt"))
	switch {
	case alt == "" || len(alt) > 200 || strings.HasPrefix(attribute(t, "src"), "cid:"):
	case strings.ContainsFunc(alt, unicode.IsLetter):
		w.text("[" + alt + "]")
	default:
		w.text(alt)
	}
}

func (w *writer) list(t html.Token) {
	if w.top().kind != atom.Li && len(w.lists) == 0 {
		w.top().paragraph()
	} else {
		w.top().newline()
	}
	l := list{ordered: t.DataAtom == atom.Ol, next: 1}
	if n, err := strconv.Atoi(attribute(t, "start")); err == nil && n >= 0 && n < 1e6 {
		l.next = n
	}
	if len(w.lists) < maxBlocks {
		w.lists = append(w.lists, l)
	}
}

func (w *writer) item() {
	if n := len(w.blocks); w.blocks[n-1].kind == atom.Li && w.itemDepth() >= len(w.lists) {
		w.pop() // the end tag of an item is optional
	}
	mark := "- "
	if n := len(w.lists); n > 0 && w.lists[n-1].ordered {
		mark = strconv.Itoa(w.lists[n-1].next) + ". "
		w.lists[n-1].next++
	}
	if len(w.blocks) < maxBlocks {
		w.push(atom.Li).mark = mark
	} else {
		w.top().newline()
		w.text(mark)
	}
}

// itemDepth counts the list items that are open.
func (w *writer) itemDepth() (n int) {
	for i := range w.blocks {
		if w.blocks[i].kind == atom.Li {
			n++
		}
	}
	return n
}

// popTo completes open blocks up to and including one of the given kind, but none outside the block until.
func (w *writer) popTo(kind, until atom.Atom) {
	for i := len(w.blocks) - 1; i > 0; i-- {
		k := w.blocks[i].kind
		if k == kind {
			for len(w.blocks) > i {
				w.pop()
			}
			return
		}
		if k == until || k == atom.Td || k == atom.Blockquote {
			return
		}
	}
}

func (w *writer) end(name atom.Atom) {
	if w.hidden > 0 {
		if name == w.hider {
			w.hidden--
		}
		return
	}
	switch name {
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Dl:
		w.top().paragraph()
	case atom.Div, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Address, atom.Center, atom.Dt, atom.Dd, atom.Form, atom.Button, atom.Textarea:
		w.top().newline()
	case atom.Pre:
		w.pre = max(0, w.pre-1)
		w.top().paragraph()
	case atom.Blockquote:
		w.popNearest(atom.Blockquote)
	case atom.Ul, atom.Ol:
		if w.itemDepth() >= len(w.lists) && len(w.lists) > 0 {
			w.popTo(atom.Li, atom.Blockquote)
		}
		w.lists = w.lists[:max(0, len(w.lists)-1)]
		if len(w.lists) == 0 {
			w.top().paragraph()
		}
	case atom.Li:
		w.popTo(atom.Li, atom.Tr)
	case atom.Td, atom.Th:
		w.popTo(atom.Td, atom.Tr)
	case atom.Tr:
		w.popNearest(atom.Tr)
	case atom.Table:
		w.popTo(atom.Tr, atom.Table)
		w.top().paragraph()
	case atom.A:
		w.closeLink()
	}
}

// popNearest completes the nearest open block of this kind and those inside it.
func (w *writer) popNearest(kind atom.Atom) {
	for i := len(w.blocks) - 1; i > 0; i-- {
		if w.blocks[i].kind == kind {
			for len(w.blocks) > i {
				w.pop()
			}
			return
		}
	}
}

// closeLink writes the address of the open link behind its label, unless the label already says it.
func (w *writer) closeLink() {
	href := w.href
	w.href = ""
	if href == "" || w.linked != len(w.blocks) {
		return
	}
	b := w.top()
	if w.label > b.out.Len() {
		return
	}
	label := strings.TrimSpace(b.out.String()[w.label:])
	if label == "" || sameAddress(label, href) {
		return
	}
	b.space = true
	w.text("<" + strings.ReplaceAll(strings.TrimPrefix(href, "mailto:"), " ", "%20") + ">")
}

func sameAddress(label, href string) bool {
	trim := func(s string) string {
		for _, p := range []string{"https://", "http://", "mailto:", "tel:", "www."} {
			s = strings.TrimPrefix(s, p)
		}
		return strings.TrimRight(s, "/")
	}
	return strings.EqualFold(trim(strings.ReplaceAll(label, " ", "")), trim(strings.ReplaceAll(href, " ", "")))
}

// hides reports whether the content of t is never shown to a reader.
func hides(t html.Token) bool {
	switch t.DataAtom {
	case atom.Script, atom.Style, atom.Title, atom.Template, atom.Svg, atom.Math, atom.Iframe, atom.Noframes, atom.Noembed, atom.Select:
		return true
	}
	return false
}

func void(a atom.Atom) bool {
	switch a {
	case atom.Br, atom.Hr, atom.Img, atom.Input, atom.Link, atom.Meta, atom.Base, atom.Col, atom.Area, atom.Wbr, atom.Embed, atom.Source, atom.Param, atom.Track:
		return true
	}
	return false
}
