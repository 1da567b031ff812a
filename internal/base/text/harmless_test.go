package text_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// allowed are the attributes that displayed HTML may carry.
var allowed = map[string]bool{"href": true, "rel": true, "target": true, "src": true, "data-src": true, "alt": true, "title": true, "width": true, "height": true,
	"loading": true, "class": true, "colspan": true, "rowspan": true, "align": true, "start": true, "dir": true, "lang": true}

var forbidden = map[string]bool{"script": true, "style": true, "svg": true, "math": true, "iframe": true, "frame": true, "object": true, "embed": true, "form": true,
	"input": true, "button": true, "meta": true, "base": true, "link": true, "template": true, "textarea": true, "title": true, "noscript": true, "video": true, "audio": true, "dialog": true}

// harmless fails the test if out, parsed as a browser does, holds anything that acts, or leaves its container.
func harmless(t *testing.T, in, out string) {
	t.Helper()
	// A parser's limit on nesting is not our question; the balance is.
	doc, err := html.Parse(strings.NewReader(`<div id="box">` + out + `</div><i id="after"></i>`))
	if err != nil {
		t.Fatalf("%q gave %q: %v", in, out, err)
	}
	var visit func(n *html.Node, inBox bool)
	visit = func(n *html.Node, inBox bool) {
		if n.Type == html.ElementNode && n.Data == "i" && has(n, "id", "after") && inBox {
			t.Errorf("%q gave %q, which swallows what follows", in, out)
		}
		if n.Type == html.CommentNode {
			t.Errorf("%q gave %q with a comment", in, out)
		}
		if n.Type == html.ElementNode && inBox {
			if forbidden[n.Data] {
				t.Errorf("%q gave %q with <%s>", in, out, n.Data)
			}
			for _, a := range n.Attr {
				v := strings.ToLower(strings.TrimSpace(a.Val))
				bad := !allowed[a.Key] || (a.Key == "href" || a.Key == "src") && !strings.HasPrefix(v, "http://") && !strings.HasPrefix(v, "https://") &&
					!strings.HasPrefix(v, "mailto:") && !strings.HasPrefix(v, "tel:") && !strings.HasPrefix(v, "cid:") && (!strings.HasPrefix(v, "/") || strings.HasPrefix(v, "//"))
				if bad || a.Key == "src" && strings.HasPrefix(v, "http") {
					t.Errorf("%q gave %q with %s=%q", in, out, a.Key, a.Val)
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			visit(c, inBox || has(n, "id", "box"))
		}
	}
	visit(doc, false)
}

func has(n *html.Node, key, val string) bool {
	for _, a := range n.Attr {
		if a.Key == key && a.Val == val {
			return true
		}
	}
	return false
}
