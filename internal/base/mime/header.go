package mime

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// header is a header block in its order. Names are in lower case, values raw and unfolded.
type header []field

type field struct {
	name, value string
	more        []byte // value and folded lines while the header is being read; nil if there are none
}

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
	junk, noted, stored := 0, len(c.problems), 0
	full, dropping := false, false // only needed fields are kept; the last one was not
	for len(rest) > 0 {
		line, next := cutLine(rest)
		if len(line) == 0 {
			return c.inUTF8(h), next
		}
		if !full && (stored > maxHeader || len(h) >= maxFields) {
			c.problem("header: too long, only the fields needed are read from there on")
			full = true
		}
		if len(h) == 0 {
			line = bytes.TrimLeft(line, " \t") // nothing to continue
		}
		switch name, value, ok := splitField(line); {
		case len(line) > 0 && (line[0] == ' ' || line[0] == '\t'):
			if !dropping {
				stored += c.continued(h, line)
			}
		case !ok && len(h) > 0 && h[len(h)-1].open() && bytes.IndexByte(line, '=') > 0:
			c.problem("header: continued line not indented")
			stored += c.continued(h, line)
		case ok:
			if dropping = full && (!needed[name] || h.has(name)); !dropping {
				h = append(h, field{name: name, value: value})
				stored += len(value)
			}
		case len(h) == 0 && (!top || junk >= 20):
			c.noHeader(top, noted)
			return nil, raw
		case len(h) > 0 && !top && looksLikeText(line):
			c.problem("part: no empty line between header and body")
			return c.inUTF8(h), rest
		case top && looksLikeText(line) && h.has("from") && noFieldFollows(next):
			c.problem("header: no empty line before the body")
			return c.inUTF8(h), rest
		default:
			junk++
			c.problem("header: line without a colon skipped: %s", decodeText(string(line[:min(len(line), 60)])))
		}
		rest = next
	}
	if len(h) == 0 {
		c.noHeader(top, noted)
		return nil, raw
	}
	return c.inUTF8(h), nil
}

// noFieldFollows reports whether no header field stands between here and the next empty line, or not within 4 KB:
// then the header is over though nothing separates it.
func noFieldFollows(rest []byte) bool {
	rest = cutBytes(rest, 4096)
	for len(rest) > 0 {
		var line []byte
		if line, rest = cutLine(rest); len(line) == 0 {
			break
		}
		if _, _, ok := splitField(line); ok {
			return false
		}
	}
	return true
}

// inUTF8 completes a header that was read: it joins folded lines and turns 8-bit values into UTF-8: they are UTF-8 already, or in the charset that the body declares, or in
// windows-1252.
func (c *collector) inUTF8(h header) header {
	hint := ""
	for i := range h {
		if h[i].more != nil {
			h[i].value, h[i].more = string(h[i].more), nil
		}
	}
	for i, f := range h {
		if utf8.ValidString(f.value) {
			continue
		}
		if hint == "" {
			hint = charsetLabel(looseParam(h.get("content-type"), "charset"))
			if enc := lookup(hint); enc == nil || strings.HasPrefix(hint, "utf") {
				hint = "windows-1252"
			}
		}
		h[i].value, _ = decodeCharset([]byte(f.value), hint)
		c.problem("header: 8-bit text in %s, read as %s", f.name, hint)
	}
	return h
}

// noHeader notes that the lines read were none of a header, and forgets what was noted of each.
func (c *collector) noHeader(top bool, noted int) {
	c.problems = c.problems[:noted]
	if top {
		c.problem("header: missing, everything is read as body")
	}
}

// continued adds a folded line to the last field and returns how much it grew.
func (c *collector) continued(h header, line []byte) int {
	f := &h[len(h)-1]
	if f.more == nil {
		f.more = []byte(f.value)
	}
	if len(f.more)+len(line) > maxField {
		c.problem("header: field %s too long, cut", f.name)
		return 0
	}
	f.more = append(append(f.more, ' '), bytes.TrimSpace(line)...)
	return len(line)
}

// open reports whether the field ends like one that goes on.
func (f field) open() bool {
	return strings.HasSuffix(f.value, ";") || bytes.HasSuffix(f.more, []byte{';'})
}

// needed are the fields without which a mail cannot be read or answered: they are found behind any amount of others.
var needed = map[string]bool{"from": true, "to": true, "subject": true, "date": true, "message-id": true, "in-reply-to": true, "references": true,
	"content-type": true, "content-transfer-encoding": true, "auto-submitted": true, "x-entraide-loop": true}

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
