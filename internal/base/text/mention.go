package text

import (
	"bytes"
	"html"
	"regexp"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	gmtext "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

var (
	kindMention   = ast.NewNodeKind("Mention")
	mentionSyntax = regexp.MustCompile(`^@\[([^\[\]\n]{1,120})\]\(person:([A-Za-z0-9_-]{1,64})\)`)
)

// mention is "@[Name](person:ID)" in Markdown.
type mention struct {
	ast.BaseInline
	name, id string
}

func (*mention) Kind() ast.NodeKind              { return kindMention }
func (m *mention) Dump(source []byte, level int) { ast.DumpHelper(m, source, level, nil, nil) }

type mentionParser struct{}

func (mentionParser) Trigger() []byte { return []byte{'@'} }

func (mentionParser) Parse(_ ast.Node, block gmtext.Reader, _ parser.Context) ast.Node {
	line, _ := block.PeekLine()
	if len(line) < 2 || line[1] != '[' {
		return nil
	}
	m := mentionSyntax.FindSubmatch(line)
	if m == nil {
		return nil
	}
	block.Advance(len(m[0]))
	return &mention{name: string(m[1]), id: string(m[2])}
}

func renderMention(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, _ = w.WriteString(`<span class="mention">@` + html.EscapeString(node.(*mention).name) + `</span>`)
	}
	return ast.WalkContinue, nil
}

// Mentions returns the ids of the people mentioned in the Markdown src by "@[Name](person:ID)", each once,
// in the order of their first mention. A mention inside code is none, as in Markdown.
func Mentions(src string) []string {
	if !strings.Contains(src, "](person:") {
		return nil
	}
	source := []byte(tame(cut(Clean(src), MaxMarkdown)))
	if !bytes.Contains(source, []byte("@[")) {
		return nil
	}
	var ids []string
	seen := map[string]bool{}
	// The walker cannot fail: the visitor never returns an error.
	_ = ast.Walk(parse(source), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if m, ok := n.(*mention); ok && entering && !seen[m.id] {
			seen[m.id] = true
			ids = append(ids, m.id)
		}
		return ast.WalkContinue, nil
	})
	return ids
}
