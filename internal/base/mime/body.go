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
	switch p.kind {
	case "text/plain", "text/html", "text/enriched", "text/richtext", "text/x-amp-html", "text/watch-html":
	case "text/markdown":
		if p.inside != "multipart/alternative" && p.inside != "" {
			return false
		}
	default:
		// A mail that is nothing but text of an unknown kind is read; among other parts it is a file.
		if !strings.HasPrefix(p.kind, "text/") || p.inside != "" || p.kind == "text/calendar" || strings.HasSuffix(p.kind, "vcard") || p.kind == "text/csv" {
			return false
		}
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
	if p.kind == "text/x-amp-html" || p.kind == "text/watch-html" {
		return // the alternative beside it says the same
	}
	limit := maxText
	if p.kind == "text/html" {
		limit = maxHTML
	} else {
		p.body = cutBytes(p.body, 8*maxText) // no encoding makes text longer than that
	}
	raw := decodeTransfer(p, c)
	if p.kind == "text/html" {
		raw = c.dataImages(raw)
	}
	if len(raw) > limit {
		c.problem("body: longer than %d bytes, cut", limit)
		raw = raw[:limit]
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
	if kind := c.realKind(p.kind, s); kind == "text/html" {
		c.segments = append(c.segments, segment{html: s, hasHTML: true})
		return
	}
	if p.kind == "text/enriched" || p.kind == "text/richtext" {
		s = strings.ReplaceAll(enriched.ReplaceAllString(strings.ReplaceAll(s, "<<", "\x00"), ""), "\x00", "<")
	}
	if strings.EqualFold(p.params["format"], "flowed") {
		s = unflow(s, strings.EqualFold(p.params["delsp"], "yes"))
	}
	c.segments = append(c.segments, segment{plain: c.armour(c.uuencoded(text.Clean(s))), hasPlain: true})
}

// realKind returns whether s is HTML or text, whatever was declared.
func (c *collector) realKind(kind, s string) string {
	switch start := strings.TrimSpace(s[:min(len(s), 1000)]); {
	case kind == "text/html" && strings.TrimSpace(s) != "" && !anyTag.MatchString(s[:min(len(s), 64<<10)]):
		c.problem("body: declared HTML, read as text")
		return "text/plain"
	case kind == "text/plain" && htmlStart.MatchString(start):
		c.problem("body: declared text, read as HTML")
		return "text/html"
	}
	return kind
}

// armour takes the text out of a PGP cleartext signature (RFC 9580 §7), and says so if the text is encrypted.
func (c *collector) armour(s string) string {
	t := strings.TrimSpace(s)
	switch {
	case strings.HasPrefix(t, "-----BEGIN PGP MESSAGE-----"):
		c.problem("encrypted: PGP, kept as it came")
		c.guarded = Encrypted
	case strings.HasPrefix(t, "-----BEGIN PGP SIGNED MESSAGE-----"):
		_, inner, ok := strings.Cut(t, "\n\n") // behind the armour headers
		i := strings.LastIndex(inner, "\n-----BEGIN PGP SIGNATURE-----")
		if !ok || i < 0 {
			return s
		}
		if c.guarded == "" {
			c.guarded = Signed
		}
		inner = inner[:i]
		return strings.ReplaceAll(strings.TrimPrefix(inner, "- "), "\n- ", "\n")
	}
	return s
}

var (
	anyTag    = regexp.MustCompile(`<[A-Za-z!/]`)
	htmlStart = regexp.MustCompile(`(?i)^(?:<!doctype html|<html[\s>])`)
	enriched  = regexp.MustCompile(`</?[A-Za-z-]{1,30}>`)
	metaName  = regexp.MustCompile(`(?i)<meta[^>]{1,200}charset\s*=\s*["']?\s*([A-Za-z0-9_:-]{2,30})`)
)

func metaCharset(raw []byte) string {
	if m := metaName.FindSubmatch(cutBytes(raw, 4096)); m != nil {
		return string(m[1])
	}
	return ""
}

// dataImage begins the address of an image that is written into the HTML itself (RFC 2397).
var dataImage = []byte("data:image/")

// dataImages moves images written into the HTML itself to attachments, because such addresses are not shown and because
// they make the HTML long. src is HTML before its charset is known; all charsets of the web write addresses alike.
func (c *collector) dataImages(src []byte) []byte {
	if !bytes.Contains(src, dataImage) {
		return src
	}
	var out []byte
	kept := 0
	for at := 0; len(c.files) < maxParts; {
		i := bytes.Index(src[at:], dataImage)
		if i < 0 {
			break
		}
		i += at
		at = i + len(dataImage)
		kind, data, end := dataAddress(src, i)
		if end < 0 {
			continue
		}
		id := fmt.Sprintf("image-%d@inline", len(c.files)+1)
		c.files = append(c.files, Attachment{Name: fmt.Sprintf("image-%d%s", len(c.files)+1, extension(kind)), ContentType: kind,
			Size: int64(len(data)), Inline: true, ContentID: id, Data: data})
		out = append(append(out, src[kept:i]...), "cid:"+id...)
		kept, at = end, end
	}
	if kept == 0 {
		return src
	}
	return append(out, src[kept:]...)
}

// dataAddress reads the quoted address that begins at i; end is where its quote closes, -1 if it is no image in base64
// of a kind that browsers show without script.
func dataAddress(src []byte, i int) (kind string, data []byte, end int) {
	if i == 0 || src[i-1] != '"' && src[i-1] != '\'' {
		return "", nil, -1
	}
	head, _, ok := bytes.Cut(cutBytes(src[i:], 100), []byte{','})
	fields := strings.Split(strings.ToLower(string(head)), ";")
	kind = strings.TrimPrefix(fields[0], "data:")
	if kind == "image/jpg" {
		kind = "image/jpeg"
	}
	switch kind {
	case "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp":
	default:
		return "", nil, -1
	}
	if !ok || fields[len(fields)-1] != "base64" {
		return "", nil, -1
	}
	start := i + len(head) + 1
	for end = start; end < len(src) && (sextet(src[end]) || bytes.IndexByte([]byte("= \t\r\n%"), src[end]) >= 0); end++ {
	}
	if end == len(src) || src[end] != src[i-1] || end == start {
		return "", nil, -1
	}
	return kind, decodeBase64(src[start:end]), end
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

// stub matches folded texts that only say that the HTML beside them holds the message.
var stub = regexp.MustCompile(`\bhtml\b.*(?:client|viewer|view|display|support|browser|logiciel|messagerie|affich|navigateur)|(?:client|viewer|view|display|support|browser|messagerie|affich|navigateur).*\bhtml\b`)

// compose fills the bodies of m from the segments.
func (c *collector) compose(m *Message) {
	hasHTML, hasPlain := false, false
	for i, s := range c.segments {
		hasHTML = hasHTML || s.hasHTML && strings.TrimSpace(s.html) != ""
		if s.hasHTML && s.hasPlain && len(s.plain) < 300 && strings.TrimSpace(s.html) != "" && stub.MatchString(text.Fold(strings.Join(strings.Fields(s.plain), " "))) {
			c.segments[i].plain, s.plain = "", ""
		}
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
			rich = textAsHTML(plain)
		}
		htmls = append(htmls, rich)
	}
	m.Calendar, m.Protection = c.entry, c.guarded
	if len(texts) == 0 && c.entry != nil {
		texts = append(texts, c.entry.String())
	}
	m.Text = strings.ToValidUTF8(strings.TrimRight(cutText(strings.Join(texts, "\n\n")), " \t\n"), "\uFFFD")
	if hasHTML {
		m.rawHTML = c.imageAddresses(text.Clean(strings.Join(htmls, "\n")))
		var blocked text.Blocked
		m.HTML, blocked = text.SanitiseMail(m.rawHTML, nil)
		m.RemoteImages, m.Trackers = blocked.Images, blocked.Trackers
		c.missingImages(m)
	}
	m.Attachments = c.attachments(hasHTML)
	m.ReplyText = replyText(m, hasPlain)
	if m.Text == "" && len(m.Attachments) == 0 {
		c.problem("body: empty")
	}
}

func textAsHTML(s string) string {
	return "<div>" + strings.ReplaceAll(html.EscapeString(strings.Trim(s, "\n")), "\n", "<br>") + "</div>"
}

func cutText(s string) string {
	if len(s) <= maxHTML {
		return s
	}
	return s[:maxHTML]
}

// replyText separates what the sender wrote. The text is taken first; where it keeps clearly more than the HTML, whose
// marks say what is history, the HTML knows better: it marks also what is announced in a language we do not know. A
// forwarded mail is kept whole: what was forwarded is the request.
func replyText(m *Message, hasPlain bool) string {
	whole := strings.TrimSpace(m.Text)
	if text.Forwarded(m.Subject) {
		return whole
	}
	plain, _ := text.StripReply(m.Text)
	if m.rawHTML == "" {
		return plain
	}
	html, quoted := text.StripReplyHTML(m.rawHTML)
	if quoted == "" {
		return plain
	}
	rich, _ := text.StripReply(text.FromHTML(html))
	if hasPlain && len(plain) <= len(rich)+len(rich)/5+20 {
		return plain
	}
	return rich
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
	src = bytes.TrimSpace(src)
	out := make([]byte, base64.StdEncoding.DecodedLen(len(src)+3)) // without padding some bytes more
	if n, err := base64.StdEncoding.Decode(out, src); err == nil {
		return out[:n]
	}
	if n, err := base64.RawStdEncoding.Decode(out, src); err == nil {
		return out[:n] // only the padding is missing
	}
	out = out[:0]
	var group []byte // what is decoded together: up to a padding
	flush := func() {
		out = append(out, decodeBase64(group)...)
		group = group[:0]
	}
	empty := false // the line above is empty
	for rest := src; len(rest) > 0; {
		var line []byte
		line, rest = cutLine(rest)
		line = bytes.TrimSpace(line)
		switch {
		case len(line) > 0 && foreign(line):
			if len(out)+len(group) == 0 {
				c.problem("part: declared base64, but plain")
				return src
			}
			if empty {
				rest = nil // text that some gateway appended
			}
		default:
			group = append(group, line...)
			if bytes.HasSuffix(line, []byte{'='}) || len(group) > 1<<16 && len(group)%4 == 0 {
				flush()
			}
		}
		empty = len(line) == 0
	}
	flush()
	c.problem("part: broken base64, read as far as possible")
	return out
}

// foreign reports whether a line is no base64: it holds spaces, or a fifth of it is of no use.
func foreign(line []byte) bool {
	odd := 0
	for _, b := range line {
		if b == ' ' || b == '\t' {
			return true
		}
		if !sextet(b) && b != '=' {
			odd++
		}
	}
	return odd*5 > len(line)*2
}

// quotedPrintable decodes src and leaves what is no escape as it is.
func (c *collector) quotedPrintable(src []byte) []byte {
	out := make([]byte, 0, max(0, len(src)-2*bytes.Count(src, []byte{'='})))
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
