package mime

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/jhillyerd/enmime/v2/mediatype"
	"golang.org/x/text/encoding/charmap"
)

// part is one node of the tree: a header and the raw bytes below it.
type part struct {
	header header
	body   []byte
	kind   string // media type in lower case, set by walk
	params map[string]string
	inside string // media type of the multipart around it; "" for the message itself
}

// segment is one piece of the body, as text, as HTML, or as both in an alternative.
type segment struct {
	plain, html       string
	hasPlain, hasHTML bool
}

// walk reads p and everything below it into segments, files and reports.
func (c *collector) walk(p part, depth int) {
	p.kind, p.params = c.mediaType(p)
	c.leaves++
	c.steps += len(p.body)
	switch {
	case strings.HasPrefix(p.kind, "multipart/"):
		c.multipart(p, depth)
	case strings.HasPrefix(p.kind, "message/") || p.kind == "text/rfc822-headers":
		c.message(p)
	case p.kind == "application/applefile" && p.inside == "multipart/appledouble":
		return // what only a Mac's file system needs beside the file
	case c.isBody(p):
		c.body(p)
	case p.kind == "text/calendar":
		c.calendar(p)
	case strings.HasSuffix(p.kind, "pkcs7-mime"):
		c.pkcs7(p, depth)
	default:
		c.file(p, "")
	}
}

// message keeps a mail, or a report about one, as an attachment.
func (c *collector) message(p part) {
	switch p.kind {
	case "message/delivery-status", "message/global-delivery-status":
		c.reports = append(c.reports, report{status: decodeTransfer(p, c)})
		c.file(p, "delivery-status.txt")
	case "message/disposition-notification", "message/global-disposition-notification":
		c.reports = append(c.reports, report{disposition: cutBytes(decodeTransfer(p, c), maxField)})
		c.file(p, "disposition.txt")
	case "text/rfc822-headers", "message/rfc822", "message/global", "message/global-headers":
		c.reports = append(c.reports, report{original: cutBytes(decodeTransfer(p, c), maxField), returned: p.inside == "multipart/report"})
		c.file(p, "message.eml")
	case "message/partial":
		c.problem("part: piece %s of %s of a mail, kept as it came", decodeText(p.params["number"]), decodeText(p.params["total"]))
		c.file(p, "")
	default:
		c.file(p, "")
	}
}

// mediaType returns the media type of p. A missing or broken one is text, or, for a part with a file name, a file.
func (c *collector) mediaType(p part) (string, map[string]string) {
	value := p.header.get("content-type")
	if strings.TrimSpace(value) == "" {
		if p.inside == "multipart/digest" {
			return "message/rfc822", nil
		}
		return "text/plain", nil
	}
	kind, params, _, err := mediatype.Parse(value[:min(len(value), 16<<10)])
	kind = strings.ToLower(strings.TrimSpace(kind))
	multi := strings.HasPrefix(strings.ToLower(strings.TrimSpace(value)), "multipart/")
	if err != nil || strings.Count(kind, "/") != 1 || strings.ContainsAny(kind, " \t\"<>()") || multi && !strings.HasPrefix(kind, "multipart/") {
		value = withoutComments(value)
		guess := strings.ToLower(strings.TrimSpace(strings.SplitN(value, ";", 2)[0]))
		c.problem("part: content type not understood: %s", decodeText(guess))
		switch {
		case strings.HasPrefix(guess, "multipart"):
			sub, _, _ := strings.Cut(strings.TrimPrefix(guess, "multipart/"), " ")
			if sub != "alternative" && sub != "related" && sub != "report" && sub != "signed" {
				sub = "mixed"
			}
			return "multipart/" + sub, map[string]string{"boundary": looseParam(value, "boundary")}
		case strings.Contains(guess, "html"):
			return "text/html", params
		case guess == "text" || strings.HasPrefix(guess, "text/"):
			return "text/plain", params
		}
		return "application/octet-stream", params
	}
	if p.inside == "" {
		kind = c.wholeType(p, kind)
	}
	if strings.HasPrefix(kind, "multipart/") && params["boundary"] == "" {
		if params == nil {
			params = map[string]string{}
		}
		params["boundary"] = looseParam(value, "boundary")
	}
	return kind, params
}

// wholeType returns the media type of a mail that is one part: what is text and says something else is text.
func (c *collector) wholeType(p part, kind string) string {
	if kind == "plain/text" || kind == "application/text" {
		c.problem("part: content type not known: %s", kind)
		return "text/plain"
	}
	disposition, _ := c.disposition(p)
	if kind == "application/octet-stream" && disposition != "attachment" && c.fileName(part{header: p.header}) == "" && looseParam(p.header.get("content-type"), "name") == "" &&
		readable(cutBytes(p.body, 4096)) && p.header.get("content-transfer-encoding") != "base64" {
		c.problem("body: declared %s, read as text", kind)
		return "text/plain"
	}
	return kind
}

// readable reports whether b looks like text that a person wrote.
func readable(b []byte) bool {
	for _, r := range string(b) {
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == utf8.RuneError {
			return false
		}
	}
	return len(b) > 0
}

// looseParam finds name=value in a field that follows no grammar.
func looseParam(field, name string) string {
	i := strings.Index(strings.ToLower(field), name+"=")
	if i < 0 || i+len(name)+1 > len(field) {
		return ""
	}
	v := strings.TrimSpace(field[i+len(name)+1:])
	if strings.HasPrefix(v, `"`) {
		v, _, _ = strings.Cut(v[1:], `"`)
		return v
	}
	v, _, _ = strings.Cut(v, ";")
	return strings.TrimSpace(v)
}

// multipart splits p at its boundary and walks the children. What cannot be split is kept whole.
func (c *collector) multipart(p part, depth int) {
	switch {
	case depth >= maxDepth:
		c.problem("parts: nested deeper than %d, kept whole", maxDepth)
		c.file(p, "nested.eml")
		return
	case p.kind == "multipart/encrypted":
		c.problem("encrypted: kept as it came")
		c.guarded = Encrypted
		c.wrap(p, "encrypted.eml")
		return
	}
	children := c.children(&p)
	if children == nil {
		c.walk(part{header: header{{name: "content-type", value: "text/plain"}}, body: p.body, inside: p.kind}, depth+1)
		return
	}
	if p.kind == "multipart/signed" && c.guarded == "" {
		c.guarded = Signed
	}
	first := len(c.segments)
	for i, child := range children {
		if c.leaves >= maxParts {
			c.rest(children[i:])
			break
		}
		h, body := c.readHeader(child, false)
		before := len(c.segments)
		c.walk(part{header: h, body: body, inside: p.kind}, depth+1)
		if p.kind == "multipart/alternative" {
			c.join(before)
		}
	}
	if p.kind == "multipart/alternative" {
		c.alternative(first)
	}
}

// children returns the parts of the multipart p, nil if there are none to find. It changes the body of p if that was
// encoded as a whole.
func (c *collector) children(p *part) [][]byte {
	boundary := strings.TrimRight(p.params["boundary"], " \t")
	guess := boundary == ""
	if guess {
		boundary = guessBoundary(p.body)
		c.problem("part: multipart without a boundary")
	}
	if boundary == "" {
		return nil
	}
	if list, found := c.split(p.body, boundary); found {
		return list
	}
	if raw, err := charmap.Windows1252.NewEncoder().String(looseParam(p.header.get("content-type"), "boundary")); err == nil && raw != "" && !isASCII([]byte(raw)) {
		if list, found := c.split(p.body, raw); found { // an 8-bit boundary: the header was turned into UTF-8
			return list
		}
	}
	switch encoding := strings.ToLower(strings.TrimSpace(p.header.get("content-transfer-encoding"))); encoding {
	case "base64", "quoted-printable": // RFC 2045 forbids it around a multipart
		p.body = decodeTransfer(*p, c)
		if list, found := c.split(p.body, boundary); found {
			c.problem("part: encoded multipart")
			return list
		}
	}
	if other := guessBoundary(p.body); other != "" && !guess {
		if list, found := c.split(p.body, other); found {
			c.problem("part: boundary not found, another one used")
			return list
		}
	}
	c.problem("part: boundary not found, read as text")
	return nil
}

// rest keeps the parts beyond maxParts as one attachment.
func (c *collector) rest(parts [][]byte) {
	c.problem("parts: more than %d, the rest is kept as one file", maxParts)
	if c.hidden++; c.hidden > 1 {
		return // a multipart around it: the raw message keeps what is left
	}
	data := bytes.Join(parts, []byte("\r\n\r\n"))
	c.files = append(c.files, Attachment{Name: "more-parts.txt", ContentType: "application/octet-stream", Size: int64(len(data)), Data: data})
}

// join makes one segment of those from first on: together they are one form of an alternative.
func (c *collector) join(first int) {
	if len(c.segments)-first < 2 {
		return
	}
	var one segment
	for _, s := range c.segments[first:] {
		one.hasHTML = one.hasHTML || s.hasHTML
	}
	for _, s := range c.segments[first:] {
		switch {
		case !one.hasHTML:
			one.plain, one.hasPlain = strings.Trim(one.plain+"\n\n"+s.plain, "\n"), true
		case s.hasHTML:
			one.html += s.html + "\n<p></p>\n"
		case strings.TrimSpace(s.plain) != "":
			one.html += textAsHTML(s.plain)
		}
	}
	c.segments = append(c.segments[:first], one)
}

// wrap keeps a whole encrypted or signed tree as one attachment that mail programs can open.
func (c *collector) wrap(p part, name string) {
	head := "Content-Type: " + strings.Join(strings.Fields(p.header.get("content-type")), " ") + "\r\n\r\n"
	c.files = append(c.files, Attachment{Name: name, ContentType: p.kind, Size: int64(len(head) + len(p.body)), Data: append([]byte(head), p.body...)})
}

// alternative merges the segments from first on: they say the same, so the last of each form is taken.
func (c *collector) alternative(first int) {
	if len(c.segments)-first < 2 {
		return
	}
	var one segment
	for _, s := range c.segments[first:] {
		if s.hasHTML && (!one.hasHTML || strings.TrimSpace(s.html) != "") {
			one.html, one.hasHTML = s.html, true
		}
		if s.hasPlain && !s.hasHTML && (!one.hasPlain || strings.TrimSpace(one.plain) == "") {
			one.plain, one.hasPlain = s.plain, true
		}
	}
	c.segments = append(c.segments[:first], one)
}

// split cuts body at the lines "--boundary", in one pass. found tells whether there was any.
func (c *collector) split(body []byte, boundary string) (children [][]byte, found bool) {
	mark := []byte("--" + boundary)
	start, closed := -1, false
	for at := nextMark(body, 0, mark); at >= 0; {
		line, rest := cutLine(body[at:])
		after := bytes.TrimRight(line[len(mark):], " \t")
		end := bytes.Equal(after, []byte("--"))
		if len(after) == 0 || end {
			if start >= 0 {
				children = append(children, trimEnd(body[start:at]))
			}
			if closed && !end {
				c.problem("part: content behind the closing boundary")
			}
			found, closed = true, end
			if start = len(body) - len(rest); end {
				start = -1
			}
		}
		if rest == nil || len(children) > 10*maxParts {
			break
		}
		at = nextMark(body, len(body)-len(rest), mark)
	}
	if found && !closed {
		c.problem("part: boundary not closed")
		if start >= 0 && start < len(body) {
			children = append(children, body[start:])
		}
	}
	return children, found
}

// nextMark returns the offset of the next line from at on that begins with mark, -1 if there is none.
func nextMark(body []byte, at int, mark []byte) int {
	for {
		i := bytes.Index(body[at:], mark)
		if i < 0 {
			return -1
		}
		if at+i == 0 || body[at+i-1] == '\n' {
			return at + i
		}
		at += i + 1
	}
}

// trimEnd removes the line end before a boundary, which belongs to the boundary.
func trimEnd(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

// guessBoundary returns the boundary of a multipart that forgot to name it: its first line "--something" right above a
// header.
func guessBoundary(body []byte) string {
	for rest := body; len(rest) > 0 && len(body)-len(rest) < 4096; {
		var line []byte
		if line, rest = cutLine(rest); len(line) > 4 && len(line) < 80 && bytes.HasPrefix(line, []byte("--")) && !bytes.ContainsAny(line, " \t") {
			below, _ := cutLine(rest)
			if _, _, ok := splitField(below); ok || len(below) == 0 {
				return string(line[2:])
			}
		}
	}
	return ""
}
