package mime

import (
	"bytes"
	"strings"

	"github.com/jhillyerd/enmime/v2/mediatype"
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
	switch {
	case c.leaves > maxParts:
		c.problem("parts: more than %d, the rest is left out", maxParts)
	case strings.HasPrefix(p.kind, "multipart/"):
		c.multipart(p, depth)
	case p.kind == "message/delivery-status" || p.kind == "message/global-delivery-status":
		c.reports = append(c.reports, report{status: decodeTransfer(p, c)})
		c.file(p, "delivery-status.txt")
	case p.kind == "text/rfc822-headers" || p.kind == "message/rfc822" || p.kind == "message/global":
		c.reports = append(c.reports, report{original: cutBytes(decodeTransfer(p, c), maxField), returned: p.inside == "multipart/report"})
		c.file(p, "message.eml")
	case c.isBody(p):
		c.body(p)
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
	kind, params, _, err := mediatype.Parse(value[:min(len(value), 4096)])
	kind = strings.ToLower(strings.TrimSpace(kind))
	if err != nil || strings.Count(kind, "/") != 1 || strings.ContainsAny(kind, " \t\"<>") {
		guess := strings.ToLower(strings.TrimSpace(strings.SplitN(value, ";", 2)[0]))
		c.problem("part: content type not understood: %s", decodeText(guess))
		switch {
		case strings.HasPrefix(guess, "multipart"):
			return "multipart/mixed", map[string]string{"boundary": looseParam(value, "boundary")}
		case strings.Contains(guess, "html"):
			return "text/html", params
		case guess == "text" || strings.HasPrefix(guess, "text/"):
			return "text/plain", params
		}
		return "application/octet-stream", params
	}
	if strings.HasPrefix(kind, "multipart/") && params["boundary"] == "" {
		if params == nil {
			params = map[string]string{}
		}
		params["boundary"] = looseParam(value, "boundary")
	}
	return kind, params
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
	boundary := strings.TrimRight(p.params["boundary"], " \t")
	if boundary == "" {
		boundary = guessBoundary(p.body)
		c.problem("part: multipart without a boundary")
	}
	switch {
	case depth >= maxDepth:
		c.problem("parts: nested deeper than %d, kept whole", maxDepth)
		c.file(p, "nested.eml")
		return
	case boundary == "" || p.kind == "multipart/encrypted":
		if p.kind == "multipart/encrypted" {
			c.problem("encrypted: kept as it came")
			c.wrap(p, "encrypted.eml")
			return
		}
		c.walk(part{header: header{{"content-type", "text/plain"}}, body: p.body, inside: p.kind}, depth+1)
		return
	}
	children, found := c.split(p.body, boundary)
	if !found {
		c.problem("part: boundary not found, read as text")
		c.walk(part{header: header{{"content-type", "text/plain"}}, body: p.body, inside: p.kind}, depth+1)
		return
	}
	first := len(c.segments)
	for _, child := range children {
		h, body := c.readHeader(child, false)
		c.walk(part{header: h, body: body, inside: p.kind}, depth+1)
	}
	if p.kind == "multipart/alternative" {
		c.alternative(first)
	}
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
	for at := 0; at >= 0 && at < len(body); {
		line, rest := cutLine(body[at:])
		if bytes.HasPrefix(line, mark) {
			after := bytes.TrimRight(line[len(mark):], " \t")
			end := bytes.Equal(after, []byte("--"))
			if len(after) == 0 || end {
				if start >= 0 {
					children = append(children, trimEnd(body[start:at]))
				}
				found, start = true, len(body)-len(rest)
				if end {
					closed = true
					break
				}
				if len(children) > maxParts {
					break
				}
			}
		}
		if rest == nil {
			break
		}
		at = nextMark(body, len(body)-len(rest), mark)
	}
	if found && !closed {
		c.problem("part: boundary not closed")
		if start < len(body) {
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

// guessBoundary returns the boundary of a multipart that forgot to name it: its first line "--something".
func guessBoundary(body []byte) string {
	for rest := body; len(rest) > 0 && len(body)-len(rest) < 4096; {
		var line []byte
		if line, rest = cutLine(rest); len(line) > 6 && len(line) < 80 && bytes.HasPrefix(line, []byte("--")) && !bytes.ContainsAny(line, " \t") {
			return string(line[2:])
		}
	}
	return ""
}

func cutBytes(b []byte, n int) []byte { return b[:min(len(b), n)] }
