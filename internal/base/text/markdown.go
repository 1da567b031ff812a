package text

import (
	"bytes"
	"html"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	gmhtml "github.com/yuin/goldmark/renderer/html"
	gmtext "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// MaxMarkdown is the longest source, in bytes, that Markdown formats; a longer one is shown as plain text,
// because formatting is not worth the time there.
const MaxMarkdown = 256 << 10

var markdown = newMarkdown()

// newMarkdown leaves out the parsers of raw HTML: what looks like a tag is then text like any other.
func newMarkdown() goldmark.Markdown {
	blocks := []util.PrioritizedValue{
		util.Prioritized(parser.NewSetextHeadingParser(), 100),
		util.Prioritized(parser.NewThematicBreakParser(), 200),
		util.Prioritized(parser.NewListParser(), 300),
		util.Prioritized(parser.NewListItemParser(), 400),
		util.Prioritized(parser.NewCodeBlockParser(), 500),
		util.Prioritized(parser.NewATXHeadingParser(), 600),
		util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
		util.Prioritized(parser.NewBlockquoteParser(), 800),
		util.Prioritized(parser.NewParagraphParser(), 1000),
	}
	inlines := []util.PrioritizedValue{
		util.Prioritized(parser.NewCodeSpanParser(), 100),
		util.Prioritized(mentionParser{}, 150),
		util.Prioritized(parser.NewLinkParser(), 200),
		util.Prioritized(parser.NewAutoLinkParser(), 300),
		util.Prioritized(parser.NewEmphasisParser(), 500),
	}
	return goldmark.New(
		goldmark.WithParser(parser.NewParser(parser.WithBlockParsers(blocks...), parser.WithInlineParsers(inlines...),
			parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...))),
		goldmark.WithExtensions(extension.Linkify, extension.Strikethrough, extension.TaskList,
			extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute))),
		goldmark.WithRendererOptions(gmhtml.WithHardWraps(),
			renderer.WithNodeRenderers(util.Prioritized(nodes{}, 100))),
	)
}

// Markdown returns the HTML of src, sanitised: GitHub's dialect with tables, strikethrough, task lists and
// bare addresses as links. A line end is a line break, as people write in a reply; tags are shown as text;
// images are shown only from "/attachments/…", others become links; "@[Name](person:ID)" is a mention.
func Markdown(src string) string {
	src = Clean(src)
	if strings.TrimSpace(src) == "" {
		return ""
	}
	if len(src) > MaxMarkdown {
		return "<pre>" + html.EscapeString(cut(src, MaxHTML)) + "</pre>"
	}
	var b bytes.Buffer
	b.Grow(len(src) * 2)
	if err := markdown.Convert([]byte(tame(src)), &b); err != nil {
		// A buffer takes every write, so this only guards against a renderer that gives up.
		return "<pre>" + html.EscapeString(src) + "</pre>"
	}
	return Sanitise(b.String(), nil)
}

// nodes renders the few nodes that differ from goldmark's own rendering.
type nodes struct{}

func (nodes) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindImage, renderImage)
	r.Register(extast.KindTaskCheckBox, renderTask)
	r.Register(kindMention, renderMention)
}

func renderImage(w util.BufWriter, src []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	n := node.(*ast.Image)
	own := bytes.HasPrefix(n.Destination, []byte("/attachments/"))
	switch {
	case own && entering:
		_, _ = w.WriteString(`<img src="` + html.EscapeString(string(n.Destination)) + `" alt="` + html.EscapeString(plainText(n, src)) + `">`)
		return ast.WalkSkipChildren, nil
	case !own && entering:
		_, _ = w.WriteString(`<a href="` + html.EscapeString(string(n.Destination)) + `">`)
	case !own:
		_, _ = w.WriteString(`</a>`)
	}
	return ast.WalkContinue, nil
}

func renderTask(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		if node.(*extast.TaskCheckBox).IsChecked {
			_, _ = w.WriteString(`<span class="task-done">☑</span> `)
		} else {
			_, _ = w.WriteString(`<span class="task">☐</span> `)
		}
	}
	return ast.WalkContinue, nil
}

// plainText returns the text of the nodes below n.
func plainText(n ast.Node, src []byte) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch t := c.(type) {
		case *ast.Text:
			b.Write(t.Segment.Value(src))
		case *ast.String:
			b.Write(t.Value)
		default:
			b.WriteString(plainText(c, src))
		}
	}
	return b.String()
}

func parse(src []byte) ast.Node { return markdown.Parser().Parse(gmtext.NewReader(src)) }
