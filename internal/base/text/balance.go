package text

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxDepth bounds how deep elements of displayed HTML nest. Browsers flatten at 512 and some mail threads
// reach it; a reader sees no difference beyond a few levels.
const maxDepth = 64

// balancer is the second pass of Sanitise over already harmless HTML. It closes what is open, drops ends
// that close nothing, so that a message cannot leave its place in the page, and judges addresses.
type balancer struct {
	rewrite func(string) string
	out     strings.Builder
	open    []atom.Atom // elements written and not yet closed
	skipped []atom.Atom // elements beyond maxDepth whose tags were dropped
	blocked int         // remote images not shown
}

func (b *balancer) run(src string) string {
	b.out.Grow(len(src) + len(src)/4)
	z := html.NewTokenizer(strings.NewReader(src))
	for {
		switch z.Next() {
		case html.ErrorToken:
			for i := len(b.open) - 1; i >= 0; i-- {
				b.end(b.open[i])
			}
			return b.out.String()
		case html.TextToken:
			b.out.WriteString(html.EscapeString(string(z.Text())))
		case html.StartTagToken, html.SelfClosingTagToken:
			b.start(z.Token())
		case html.EndTagToken:
			name, _ := z.TagName()
			b.close(atom.Lookup(name))
		}
	}
}

func (b *balancer) start(t html.Token) {
	switch t.DataAtom {
	case 0:
		return
	case atom.Br, atom.Hr:
		b.out.WriteString("<" + t.Data + ">")
		return
	case atom.Img:
		b.image(t)
		return
	case atom.A, atom.P:
		// Neither nests in itself; browsers would close the first one silently and differ from our count.
		b.closeTop(t.DataAtom)
	}
	if len(b.open) >= maxDepth {
		b.skipped = append(b.skipped, t.DataAtom)
		return
	}
	b.open = append(b.open, t.DataAtom)
	b.out.WriteString("<" + t.Data)
	for _, a := range t.Attr {
		if a.Key == "href" || a.Key == "rel" || a.Key == "target" {
			continue
		}
		b.attr(a.Key, a.Val)
	}
	if href := attribute(t, "href"); t.DataAtom == atom.A && linkable(href) {
		b.attr("href", href)
		b.attr("rel", "noopener noreferrer nofollow")
		b.attr("target", "_blank")
	}
	b.out.WriteByte('>')
}

// closeTop closes name only if it is the innermost open element.
func (b *balancer) closeTop(name atom.Atom) {
	if n := len(b.open); n > 0 && b.open[n-1] == name && len(b.skipped) == 0 {
		b.close(name)
	}
}

func (b *balancer) close(name atom.Atom) {
	if n := len(b.skipped); n > 0 {
		if b.skipped[n-1] == name {
			b.skipped = b.skipped[:n-1]
		}
		return
	}
	for i := len(b.open) - 1; i >= 0; i-- {
		if b.open[i] != name {
			// An end tag inside a cell must not close the table around it.
			if b.open[i] == atom.Td || b.open[i] == atom.Th {
				if name != atom.Tr && name != atom.Table && name != atom.Tbody && name != atom.Thead {
					return
				}
			}
			continue
		}
		for j := len(b.open) - 1; j >= i; j-- {
			b.end(b.open[j])
		}
		b.open = b.open[:i]
		return
	}
}

func (b *balancer) end(name atom.Atom) { b.out.WriteString("</" + name.String() + ">") }

func (b *balancer) attr(key, val string) {
	b.out.WriteString(" " + key + `="` + html.EscapeString(val) + `"`)
}

func (b *balancer) image(t html.Token) {
	src, alt := strings.TrimSpace(attribute(t, "src")), attribute(t, "alt")
	if src == "" {
		src = strings.TrimSpace(attribute(t, "data-src"))
	}
	if src == "" {
		b.out.WriteString(html.EscapeString(alt))
		return
	}
	if len(src) > 4 && strings.EqualFold(src[:4], "cid:") {
		src = "cid:" + src[4:]
	}
	shown := b.rewrite(src)
	if shown == "" && !(remote(src) && (strings.HasPrefix(src, "http://") || strings.HasPrefix(src, "https://"))) {
		b.out.WriteString(html.EscapeString(alt))
		return
	}
	b.out.WriteString("<img")
	if shown != "" {
		b.attr("src", shown)
		b.attr("loading", "lazy")
	} else {
		b.blocked++
		b.attr("data-src", src)
		b.attr("class", "remote-image")
	}
	b.attr("alt", alt)
	for _, key := range []string{"width", "height", "title"} {
		if v := attribute(t, key); v != "" {
			b.attr(key, v)
		}
	}
	b.out.WriteByte('>')
}

// linkable reports whether a reader may follow href: the web, a mail, a phone, or a path of this site.
func linkable(href string) bool {
	for _, scheme := range []string{"http://", "https://", "mailto:", "tel:"} {
		if len(href) > len(scheme) && strings.EqualFold(href[:len(scheme)], scheme) {
			return true
		}
	}
	return local(href)
}

func attribute(t html.Token, key string) string {
	for _, a := range t.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
