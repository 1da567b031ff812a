package text

import (
	"slices"
	"strings"

	"golang.org/x/net/html/atom"
)

// block is text that is written elsewhere once it is complete: a quote, a list item, a row, a cell.
type block struct {
	kind  atom.Atom
	out   strings.Builder
	cells []string // of a row
	mark  string   // of a list item
	space bool     // a space is due before the next word
	line  bool     // something stands on the current line
}

func (b *block) text() string { return b.out.String() }

func (b *block) newline() {
	if b.line {
		b.out.WriteByte('\n')
	}
	b.line, b.space = false, false
}

// paragraph leaves an empty line, if anything was written before.
func (b *block) paragraph() {
	b.newline()
	if b.out.Len() > 0 {
		b.out.WriteByte('\n')
	}
}

func (b *block) write(s string) {
	if s != "" {
		b.out.WriteString(s)
		b.line = true
		b.newline()
	}
}

// row joins the cells of a table's row: side by side when each is short, else below each other, as the
// tables that arrange a page want it.
func row(cells []string, rest string) string {
	if rest != "" {
		cells = append(cells, rest)
	}
	full := 0
	wide := false
	for _, c := range cells {
		if c != "" {
			full++
		}
		wide = wide || strings.Contains(c, "\n") || len(c) > 200
	}
	if full < 2 || wide {
		return strings.Join(slices.DeleteFunc(cells, func(c string) bool { return c == "" }), "\n")
	}
	return strings.TrimRight(strings.Join(cells, " | "), " |")
}
