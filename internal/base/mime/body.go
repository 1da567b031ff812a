package mime

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"regexp"
	"strings"

	"entraide/internal/base/text"
)

// isBody reports whether p is text to read rather than a file.
func (c *collector) isBody(p part) bool {
	if p.kind != "text/plain" && p.kind != "text/html" && p.kind != "text/enriched" && p.kind != "text/x-amp-html" && p.kind != "text/markdown" {
		return false
	}
	if p.kind == "text/markdown" && p.inside != "multipart/alternative" && p.inside != "" {
		return false
	}
	disposition, _ := c.disposition(p)
	if disposition == "attachment" {
		return false
	}
	// A text with a file name is a file unless it is the first text of the mail, as some programs name the body.
	return c.fileName(p) == "" || p.inside == "multipart/alternative" || len(c.segments) == 0 && p.inside == ""
}

// body adds the text of p to the segments.
func (c *collector) body(p part) {
	raw := decodeTransfer(p, c)
	if len(raw) > maxText {
		c.problem("body: longer than %d bytes, cut", maxText)
		raw = raw[:maxText]
	}
	charset := p.params["charset"]
	if charset == "" && p.kind == "text/html" {
		charset = metaCharset(raw)
	}
	s, problem := decodeCharset(raw, charset)
	if problem != "" {
		c.problem("%s", problem)
	}
	if strings.Contains(s, "\x00") {
		c.problem("body: NUL bytes removed")
		s = strings.ReplaceAll(s, "\x00", "")
	}
	switch p.kind {
	case "text/x-amp-html":
		return // the alternative beside it says the same
	case "text/html":
		c.segments = append(c.segments, segment{html: c.dataImages(s), hasHTML: true})
		return
	case "text/enriched":
		s = enriched.ReplaceAllString(s, "")
	}
	if strings.EqualFold(p.params["format"], "flowed") {
		s = unflow(s, strings.EqualFold(p.params["delsp"], "yes"))
	}
	c.segments = append(c.segments, segment{plain: text.Clean(s), hasPlain: true})
}

var (
	enriched  = regexp.MustCompile(`</?[A-Za-z-]{1,30}>`)
	metaName  = regexp.MustCompile(`(?i)<meta[^>]{1,200}charset\s*=\s*["']?\s*([A-Za-z0-9_:-]{2,30})`)
	dataImage = regexp.MustCompile(`(?i)(\bsrc\s*=\s*)["']data:(image/(?:png|jpe?g|gif|webp|bmp))(?:;[a-z0-9=-]{1,40})?;base64,([A-Za-z0-9+/=\s%]{1,})["']`)
)

func metaCharset(raw []byte) string {
	if m := metaName.FindSubmatch(cutBytes(raw, 4096)); m != nil {
		return string(m[1])
	}
	return ""
}

// dataImages moves images written into the HTML itself to attachments, because their addresses are not shown.
func (c *collector) dataImages(s string) string {
	if !strings.Contains(s, "data:image/") {
		return s
	}
	return dataImage.ReplaceAllStringFunc(s, func(match string) string {
		m := dataImage.FindStringSubmatch(match)
		data := decodeBase64([]byte(m[3]))
		id := fmt.Sprintf("image-%d@inline", len(c.files)+1)
		c.files = append(c.files, Attachment{
			Name:        fmt.Sprintf("image-%d.%s", len(c.files)+1, strings.ToLower(strings.TrimPrefix(strings.ToLower(m[2]), "image/"))),
			ContentType: strings.ToLower(m[2]), Size: int64(len(data)), Inline: true, ContentID: id, Data: data,
		})
		return m[1] + `"cid:` + id + `"`
	})
}

// unflow joins the lines of format=flowed text (RFC 3676), where a space at the end means "goes on".
func unflow(s string, delsp bool) string {
	var b strings.Builder
	b.Grow(len(s))
	open, depth := false, 0
	for line := range strings.SplitSeq(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
		rest := strings.TrimLeft(line, ">")
		d := len(line) - len(rest)
		signature := rest == "-- " || d > 0 && rest == " -- "
		if open && (d != depth || signature) {
			b.WriteByte('\n')
			open = false
		}
		if open {
			rest = strings.TrimPrefix(rest, " ")
		} else {
			rest = line
			if d == 0 {
				rest = strings.TrimPrefix(line, " ") // space-stuffed
			}
		}
		depth = d
		if open = strings.HasSuffix(rest, " ") && !signature && strings.TrimRight(rest, "> ") != ""; open {
			if delsp {
				rest = rest[:len(rest)-1]
			}
			b.WriteString(rest)
			continue
		}
		b.WriteString(rest)
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// compose fills the bodies of m from the segments.
func (c *collector) compose(m *Message) {
	hasHTML, hasPlain := false, false
	for _, s := range c.segments {
		hasHTML = hasHTML || s.hasHTML && strings.TrimSpace(s.html) != ""
		hasPlain = hasPlain || s.hasPlain && strings.TrimSpace(s.plain) != ""
	}
	var texts, htmls []string
	for _, s := range c.segments {
		plain, rich := s.plain, s.html
		if strings.TrimSpace(plain) == "" && rich != "" {
			plain = text.FromHTML(rich)
		}
		if plain = strings.Trim(plain, "\n"); strings.TrimSpace(plain) != "" {
			texts = append(texts, plain)
		}
		if rich == "" && strings.TrimSpace(plain) != "" {
			rich = "<div>" + strings.ReplaceAll(html.EscapeString(plain), "\n", "<br>") + "</div>"
		}
		htmls = append(htmls, rich)
	}
	m.Text = strings.ToValidUTF8(strings.TrimRight(cutText(strings.Join(texts, "\n\n")), " \t\n"), "\uFFFD")
	if hasHTML {
		m.rawHTML = text.Clean(strings.Join(htmls, "\n"))
		m.HTML = text.Sanitise(m.rawHTML, nil)
	}
	m.Attachments = c.attachments(m.rawHTML)
	m.ReplyText = replyText(m, hasPlain)
	if m.Text == "" && len(m.Attachments) == 0 {
		c.problem("body: empty")
	}
}

func cutText(s string) string {
	if len(s) <= maxText {
		return s
	}
	return s[:maxText]
}

// replyText separates what the sender wrote. The text is taken first; where it shows no history and the HTML
// does, the HTML knows better. A forwarded mail is kept whole: what was forwarded is the request.
func replyText(m *Message, hasPlain bool) string {
	if text.Forwarded(m.Subject) {
		return strings.TrimSpace(m.Text)
	}
	if hasPlain {
		if reply, quoted := text.StripReply(m.Text); quoted != "" || m.rawHTML == "" {
			return reply
		}
	}
	if m.rawHTML == "" {
		return strings.TrimSpace(m.Text)
	}
	reply, quoted := text.StripReplyHTML(m.rawHTML)
	if hasPlain && quoted == "" {
		return strings.TrimSpace(m.Text)
	}
	plain := m.Text
	if quoted != "" {
		plain = text.FromHTML(reply)
	}
	plain, _ = text.StripReply(plain)
	return plain
}

// decodeTransfer undoes the transfer encoding of p, as far as it goes.
func decodeTransfer(p part, c *collector) []byte {
	encoding := strings.ToLower(strings.Trim(p.header.get("content-transfer-encoding"), " \t\"';"))
	switch encoding {
	case "base64":
		return c.base64(p.body)
	case "quoted-printable":
		return c.quotedPrintable(p.body)
	case "", "7bit", "8bit", "binary", "7-bit", "8-bit":
		return p.body
	}
	c.problem("part: transfer encoding not known: %s", decodeText(encoding))
	return p.body
}

func (c *collector) base64(src []byte) []byte {
	out := make([]byte, base64.StdEncoding.DecodedLen(len(src)))
	if n, err := base64.StdEncoding.Decode(out, bytes.TrimSpace(src)); err == nil {
		return out[:n]
	}
	// Text that some gateway appended behind the last "=" is no part of the content.
	encoded, _, _ := bytes.Cut(src, []byte{'='})
	if bytes.Count(encoded, []byte{' '}) > len(encoded)/20 {
		c.problem("part: declared base64, but plain")
		return src
	}
	c.problem("part: broken base64, read as far as possible")
	return decodeBase64(encoded)
}

// quotedPrintable decodes src and leaves what is no escape as it is.
func (c *collector) quotedPrintable(src []byte) []byte {
	out := make([]byte, 0, len(src))
	for len(src) > 0 {
		i := bytes.IndexByte(src, '=')
		if i < 0 {
			return append(out, src...)
		}
		out = append(out, src[:i]...)
		src = src[i:]
		if len(src) >= 3 && unhex(src[1]) >= 0 && unhex(src[2]) >= 0 {
			out = append(out, byte(unhex(src[1])<<4|unhex(src[2])))
			src = src[3:]
			continue
		}
		if n := softBreak(src[1:]); n >= 0 {
			src = src[1+n:]
			continue
		}
		c.problem("part: broken quoted-printable")
		out = append(out, '=')
		src = src[1:]
	}
	return out
}

// softBreak returns the length of white space up to a line end or to the end of b, -1 if other text comes first.
func softBreak(b []byte) int {
	for i, c := range b {
		switch c {
		case '\n':
			return i + 1
		case ' ', '\t', '\r':
		default:
			return -1
		}
		if i > 100 {
			return -1
		}
	}
	return len(b)
}
