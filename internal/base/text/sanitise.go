package text

import (
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
)

// MaxHTML is the most HTML, in bytes, that Sanitise, FromHTML and StripReplyHTML read; the rest is cut.
const MaxHTML = 4 << 20

var policy = newPolicy()

// newPolicy allows what a message needs to be read. It judges elements, attributes and schemes; Sanitise
// then judges addresses and balance, which need the caller's callback and the tree.
func newPolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "div", "span", "b", "strong", "i", "em", "u", "s", "del", "ins", "strike", "sub", "sup",
		"small", "mark", "code", "pre", "kbd", "samp", "var", "tt", "blockquote", "ul", "ol", "li", "dl", "dt", "dd",
		"table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption", "h1", "h2", "h3", "h4", "h5", "h6", "hr",
		"figure", "figcaption", "abbr", "cite", "q", "address", "details", "summary", "center",
		"section", "article", "header", "footer", "main", "aside", "nav")
	p.AllowNoAttrs().OnElements("a", "span", "img")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("src", "alt").OnElements("img")
	p.AllowAttrs("data-src").Matching(regexp.MustCompile(`^https?://`)).OnElements("img")
	p.AllowAttrs("width", "height").Matching(regexp.MustCompile(`^[0-9]{1,4}$`)).OnElements("img")
	p.AllowAttrs("title").OnElements("a", "abbr", "img")
	p.AllowAttrs("colspan", "rowspan").Matching(regexp.MustCompile(`^[0-9]{1,2}$`)).OnElements("td", "th")
	p.AllowAttrs("align").Matching(regexp.MustCompile(`^(?:left|right|center)$`)).OnElements("td", "th", "p", "div")
	p.AllowAttrs("start").Matching(regexp.MustCompile(`^[0-9]{1,6}$`)).OnElements("ol")
	p.AllowAttrs("dir").Matching(regexp.MustCompile(`^(?:ltr|rtl|auto)$`)).Globally()
	p.AllowAttrs("lang").Matching(regexp.MustCompile(`^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$`)).Globally()
	p.AllowAttrs("class").Matching(regexp.MustCompile(`^(?:mention|task|task-done|remote-image)$`)).OnElements("span", "img")
	p.AllowURLSchemes("http", "https", "mailto", "tel", "cid")
	p.AllowRelativeURLs(true)
	p.RequireParseableURLs(true)
	// What these hold is meant for scripts or for older browsers, and <object> is often left unclosed in mails.
	p.SkipElementsContent("svg", "math", "template", "xmp", "select")
	p.AllowElementsContent("object", "noscript")
	return p
}

// Sanitise returns src reduced to HTML that is safe to place inside a page: no script, style, form, frame,
// event attribute, id or foreign scheme; every element closed, nesting bounded to 64 (deeper elements lose
// their tags and keep their content); links open in a new window without telling where they came from.
//
// rewrite is asked for the address to show for each image: "cid:…", "https://…" or "/…" comes in, the
// address to use comes out. When it answers "" a remote image keeps its address in data-src only, with class
// "remote-image", so that a reader can choose to load it, and any other image is replaced by its alt text.
// A nil rewrite keeps cid: and local images and blocks remote ones; sanitising the result again with a
// callback then gives the same as asking at once. At most MaxHTML bytes are read.
func Sanitise(src string, rewrite func(url string) string) string {
	out, _ := SanitiseMail(src, rewrite)
	return out
}

// Blocked counts what SanitiseMail did not let a message load.
type Blocked struct {
	Images   int // remote images that a reader may ask for; see ShowRemote
	Trackers int // remote images that nobody was meant to see: left out for good
}

// SanitiseMail is Sanitise for the HTML of a mail, whose sender decided what its readers see: what the mail itself
// hides is left out, so that no word reaches a reader or a search that the sender's own readers would not see, and
// invisible remote images, which only tell who reads and when, are dropped rather than blocked. A hidden element that
// is never closed is kept, lest it take the rest of the message with it.
func SanitiseMail(src string, rewrite func(url string) string) (string, Blocked) {
	var b Blocked
	if strings.TrimSpace(src) == "" {
		return "", b
	}
	src, b.Trackers = visible(cut(src, MaxHTML))
	out, images := sanitise(src, rewrite)
	b.Images = images
	return out, b
}

// sanitise returns harmless HTML and the number of remote images in it that are not shown.
func sanitise(src string, rewrite func(url string) string) (string, int) {
	if rewrite == nil {
		rewrite = keepLocal
	}
	src = strings.ToValidUTF8(cut(src, MaxHTML), "\uFFFD")
	src = strings.ReplaceAll(src, "\x00", "")
	b := balancer{rewrite: rewrite}
	return strings.TrimSpace(b.run(policy.Sanitize(src))), b.blocked
}

// ShowRemote returns sanitised HTML with the remote images that Sanitise blocked, once a reader asks for them. address
// gives the address to load for each, such as that of a proxy; "" leaves it blocked, nil loads from the sender.
func ShowRemote(sanitised string, address func(url string) string) string {
	if !strings.Contains(sanitised, "data-src=") {
		return sanitised
	}
	out, _ := sanitise(sanitised, func(url string) string {
		if !remote(url) || address == nil {
			return url
		}
		return address(url)
	})
	return out
}

func keepLocal(url string) string {
	if remote(url) {
		return ""
	}
	return url
}

// remote reports whether showing an image of this address would call a foreign server.
func remote(url string) bool {
	return !(len(url) >= 4 && strings.EqualFold(url[:4], "cid:")) && !local(url)
}

// local reports whether url is a path of this site. "//host" and "/\host" are not: browsers read both as a host.
func local(url string) bool {
	return strings.HasPrefix(url, "/") && !strings.HasPrefix(url, "//") && !strings.HasPrefix(url, "/\\")
}

// cut returns at most n bytes of s, not ending inside a rune.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
