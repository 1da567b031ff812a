package mime

import (
	"bytes"
	"strings"
)

// header is a header block in its order. Names are in lower case, values raw and unfolded.
type header []field

type field struct{ name, value string }

// get returns the first value of the field name, "" if there is none.
func (h header) get(name string) string {
	for _, f := range h {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

func (h header) has(name string) bool { return h.count(name) > 0 }

func (h header) count(name string) (n int) {
	for _, f := range h {
		if f.name == name {
			n++
		}
	}
	return n
}

// all returns every value of the field name joined by ", ": senders repeat address fields against the rules.
func (h header) all(name string) string {
	var values []string
	for _, f := range h {
		if f.name == name && strings.TrimSpace(f.value) != "" {
			values = append(values, f.value)
		}
	}
	return strings.Join(values, ", ")
}

// readHeader splits raw into its header block and the rest. Lines that are no header field are skipped and
// noted; if the first lines of a part hold no field at all, everything is body. top is for the message itself.
func (c *collector) readHeader(raw []byte, top bool) (h header, body []byte) {
	rest := raw
	junk := 0
	for len(rest) > 0 {
		line, next := cutLine(rest)
		if len(line) == 0 {
			return h, next
		}
		if len(raw)-len(rest) > maxHeader || len(h) >= maxFields {
			c.problem("header: too long, the rest is read as body")
			return h, rest
		}
		if len(h) == 0 {
			line = bytes.TrimLeft(line, " \t") // nothing to continue
		}
		switch name, value, ok := splitField(line); {
		case len(line) > 0 && (line[0] == ' ' || line[0] == '\t'):
			c.continued(h, line)
		case !ok && len(h) > 0 && strings.HasSuffix(h[len(h)-1].value, ";") && bytes.IndexByte(line, '=') > 0:
			c.problem("header: continued line not indented")
			c.continued(h, line)
		case ok:
			h = append(h, field{name, value})
		case len(h) == 0 && (!top || junk >= 20):
			if top {
				c.problem("header: missing, everything is read as body")
			}
			return nil, raw
		case len(h) > 0 && !top && looksLikeText(line):
			c.problem("part: no empty line between header and body")
			return h, rest
		default:
			junk++
			c.problem("header: line without a colon skipped: %s", decodeText(string(line[:min(len(line), 60)])))
		}
		rest = next
	}
	if len(h) == 0 {
		if top {
			c.problem("header: missing, everything is read as body")
		}
		return nil, raw
	}
	return h, nil
}

func (c *collector) continued(h header, line []byte) {
	f := &h[len(h)-1]
	if len(f.value)+len(line) > maxField {
		c.problem("header: field %s too long, cut", f.name)
		return
	}
	f.value += " " + string(bytes.TrimSpace(line))
}

// cutLine returns the first line of b without its end (LF, CRLF or a bare CR of old Macs) and what follows.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return bytes.TrimSuffix(b, []byte{'\r'}), nil
	}
	return bytes.TrimRight(b[:i], "\r"), b[i+1:]
}

// splitField splits "Name: value". Names are letters, digits and dashes, and a few more for the odd ones.
func splitField(line []byte) (name, value string, ok bool) {
	i := bytes.IndexByte(line, ':')
	if i <= 0 || i > 100 {
		return "", "", false
	}
	n := bytes.TrimRight(line[:i], " \t")
	for _, c := range n {
		if c <= ' ' || c >= 0x7f {
			return "", "", false
		}
	}
	v := bytes.TrimSpace(line[i+1:])
	return strings.ToLower(string(n)), string(v[:min(len(v), maxField)]), len(n) > 0
}

func looksLikeText(line []byte) bool {
	return bytes.Count(line, []byte{' '}) >= 2
}
