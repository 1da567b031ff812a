package text

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// visible returns src without the elements that it hides itself and without the remote images that nobody is meant to
// see, whose number is trackers. What is hidden and never closed stays.
func visible(src string) (out string, trackers int) {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(src))
	at, kept := 0, 0 // offset after the token, offset up to which src is decided
	var hider atom.Atom
	depth, from := 0, 0
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		start := at
		at += len(z.Raw())
		if depth > 0 {
			name, _ := z.TagName()
			switch a := atom.Lookup(name); {
			case a != hider || void(a):
			case kind == html.StartTagToken:
				depth++
			case kind == html.EndTagToken:
				if depth--; depth == 0 {
					b.WriteString(src[kept:from])
					kept = at
				}
			}
			continue
		}
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		if raw := z.Raw(); len(raw) < 10 {
			continue // too short to hold an attribute that matters
		}
		t := z.Token()
		switch {
		case t.DataAtom == atom.Img:
			if tracks(t) {
				trackers++
				b.WriteString(src[kept:start])
				kept = at
			}
		case kind == html.StartTagToken && t.DataAtom != 0 && !void(t.DataAtom) && concealed(t):
			hider, depth, from = t.DataAtom, 1, start
		}
	}
	if kept == 0 {
		return src, trackers
	}
	b.WriteString(src[kept:])
	return b.String(), trackers
}

// concealed reports whether the style of t hides its content from a reader.
func concealed(t html.Token) bool {
	for _, a := range t.Attr {
		if a.Key == "hidden" {
			return true
		}
		if a.Key == "style" && hidingStyle(a.Val) {
			return t.DataAtom != atom.Body && t.DataAtom != atom.Html
		}
	}
	return false
}

// hidingStyle reports whether a style attribute hides what it is on.
func hidingStyle(style string) bool {
	if len(style) > 4096 {
		return false
	}
	for declaration := range strings.SplitSeq(squeeze(style), ";") {
		property, value, _ := strings.Cut(declaration, ":")
		value = strings.TrimSuffix(value, "!important")
		switch property {
		case "display":
			if value == "none" {
				return true
			}
		case "visibility":
			if value == "hidden" {
				return true
			}
		case "mso-hide":
			if value == "all" {
				return true
			}
		case "font-size", "opacity":
			if n := strings.TrimRight(value, "ptxem%"); n == "0" || n == "0.0" {
				return true
			}
		}
	}
	return false
}

// tracks reports whether an image is remote and too small, or too hidden, to be seen.
func tracks(t html.Token) bool {
	src := strings.TrimSpace(attribute(t, "src"))
	if src == "" || !remote(src) || strings.HasPrefix(strings.ToLower(src), "data:") {
		return false
	}
	style := attribute(t, "style")
	if hidingStyle(style) {
		return true
	}
	width, height := attribute(t, "width"), attribute(t, "height")
	for declaration := range strings.SplitSeq(squeeze(style[:min(len(style), 4096)]), ";") {
		switch property, value, _ := strings.Cut(declaration, ":"); property {
		case "width":
			width = value
		case "height":
			height = value
		}
	}
	w, h := pixels(width), pixels(height)
	return w == 0 || h == 0 || w >= 0 && w <= 2 && h >= 0 && h <= 2
}

// pixels reads a length in pixels, -1 if it is none.
func pixels(s string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(s), "px"))
	if err != nil {
		return -1
	}
	return n
}
