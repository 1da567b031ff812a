package mime

import (
	"fmt"
	"html"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"entraide/internal/base/text"

	"github.com/jhillyerd/enmime/v2/mediatype"
)

// disposition returns the content disposition of p and its parameters.
func (c *collector) disposition(p part) (string, map[string]string) {
	value := p.header.get("content-disposition")
	if value == "" {
		return "", nil
	}
	kind, params, _, err := mediatype.Parse(value[:min(len(value), 16<<10)])
	if err != nil {
		word, _, _ := strings.Cut(value, ";")
		return strings.ToLower(strings.TrimSpace(word)), map[string]string{"filename": looseParam(value, "filename")}
	}
	return strings.ToLower(kind), params
}

// fileName returns the name p gives itself, decoded, "" if none.
func (c *collector) fileName(p part) string {
	_, params := c.disposition(p)
	for _, name := range []string{extended(p.header.get("content-disposition"), "filename"), params["filename"], p.params["name"], p.params["file"]} {
		if name = safeName(decodeText(name)); name != "" {
			return name
		}
	}
	return ""
}

// extended returns the parameter name*=charset'language'value of a field (RFC 2231 §4), "" if there is none in one
// piece. It goes before the plain one beside it, which is for old readers (RFC 6266).
func extended(field, name string) string {
	value := looseParam(field, name+"*")
	charset, rest, ok := strings.Cut(value, "'")
	_, escaped, ok2 := strings.Cut(rest, "'")
	if !ok || !ok2 || len(escaped) > 4096 {
		return ""
	}
	plain, err := url.PathUnescape(escaped)
	if err != nil {
		return ""
	}
	s, _ := decodeCharset([]byte(plain), charset)
	return s
}

// safeName returns a file name without directories and characters that no file system or header takes.
func safeName(s string) string {
	s = strings.ReplaceAll(s, `\`, "/")
	s = s[strings.LastIndexByte(s, '/')+1:]
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune(`<>:"|?*`, r) || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return -1 // direction marks make "exe.pdf" out of "fdp.exe"
		}
		return r
	}, s)
	s = strings.Trim(text.Line(s), " .")
	if len(s) > 200 {
		ext := path.Ext(s)
		if len(ext) > 20 {
			ext = ""
		}
		s = strings.ToValidUTF8(s[:200-len(ext)], "") + ext
	}
	return s
}

// file keeps p as an attachment; fallback names it if it has no name.
func (c *collector) file(p part, fallback string) {
	disposition, _ := c.disposition(p)
	data := p.body
	if !strings.HasPrefix(p.kind, "multipart/") {
		data = decodeTransfer(p, c)
	}
	cid := ""
	if list := ids(p.header.get("content-id")); len(list) > 0 {
		cid = list[0]
	}
	name := c.fileName(p)
	if name == "" && (p.kind == "message/rfc822" || p.kind == "message/global") {
		// A forwarded mail is best known by its subject.
		h, _ := (&collector{}).readHeader(cutBytes(data, maxField), true)
		if s := safeName(strings.ReplaceAll(decodeText(h.get("subject")), "/", "-")); s != "" {
			name = text.Excerpt(s, 80) + ".eml"
		}
	}
	if name == "" {
		name = fallback
	}
	if !p.header.has("content-type") && name != "" && p.kind == "text/plain" {
		p.kind = kindOf(name)
	}
	location := decodeText(p.header.get("content-location"))
	if name == "" && location != "" {
		name = safeName(location)
	}
	if name == "" {
		name = c.nameless(p.kind)
	}
	if location != "" && cid == "" && strings.HasPrefix(p.kind, "image/") {
		cid = fmt.Sprintf("location-%d@inline", len(c.files)+1)
		if c.located == nil {
			c.located = map[string]string{}
		}
		c.located[location] = cid
	}
	c.files = append(c.files, Attachment{
		Name: name, ContentType: p.kind, Size: int64(len(data)), ContentID: cid, Data: data,
		Inline: disposition == "inline" && strings.HasPrefix(p.kind, "image/"),
	})
	if p.kind == "application/ms-tnef" || strings.EqualFold(name, "winmail.dat") {
		c.richText(data)
	}
}

// nameless returns a name for a file of this type that has none.
func (c *collector) nameless(kind string) string {
	return fmt.Sprintf("attachment-%d%s", len(c.files)+1, extension(kind))
}

// endings are the usual file name endings of the types met in mails; the tables of operating systems differ.
var endings = map[string]string{
	"application/gzip": ".gz", "application/json": ".json", "application/msword": ".doc", "application/pdf": ".pdf", "application/pgp-signature": ".asc",
	"application/pkcs7-signature": ".p7s", "application/rtf": ".rtf", "application/vnd.ms-excel": ".xls", "application/vnd.ms-outlook": ".msg",
	"application/vnd.ms-powerpoint": ".ppt", "application/vnd.oasis.opendocument.spreadsheet": ".ods", "application/vnd.oasis.opendocument.text": ".odt",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx", "application/xml": ".xml", "application/zip": ".zip", "audio/mpeg": ".mp3",
	"audio/wav": ".wav", "image/bmp": ".bmp", "image/gif": ".gif", "image/heic": ".heic", "image/jpeg": ".jpg", "image/png": ".png", "image/svg+xml": ".svg",
	"image/tiff": ".tif", "image/webp": ".webp", "message/feedback-report": ".txt", "message/rfc822": ".eml", "text/calendar": ".ics", "text/css": ".css",
	"text/csv": ".csv", "text/html": ".html", "text/markdown": ".md", "text/plain": ".txt", "text/vcard": ".vcf", "text/x-vcard": ".vcf", "text/xml": ".xml",
	"video/mp4": ".mp4", "video/quicktime": ".mov",
}

// extension returns the usual file name ending for a media type, ".bin" if none is known.
func extension(kind string) string {
	if e := endings[kind]; e != "" {
		return e
	}
	return ".bin"
}

// kindOf returns the media type that the ending of a file name stands for.
func kindOf(name string) string {
	ext := strings.ToLower(path.Ext(name))
	best := "application/octet-stream"
	for kind, e := range endings {
		if e == ext && !strings.HasPrefix(kind, "message/f") && (best == "application/octet-stream" || kind < best) {
			best = kind
		}
	}
	return best
}

// imageSource matches the address of an image in HTML.
var imageSource = regexp.MustCompile(`(?i)\bsrc\s*=\s*(?:"([^"<>]*)"|'([^'<>]*)'|([^\s"'<>]+))`)

// imageAddresses returns rawHTML with the address of each attached image written as "cid:" and its Content-ID, however it
// was written: escaped (RFC 2392), with a capital scheme, or as the Content-Location of the image (RFC 2557).
func (c *collector) imageAddresses(rawHTML string) string {
	c.shown = map[string]bool{}
	return imageSource.ReplaceAllStringFunc(rawHTML, func(match string) string {
		m := imageSource.FindStringSubmatch(match)
		address := strings.TrimSpace(html.UnescapeString(m[1] + m[2] + m[3]))
		cid := c.located[address]
		if len(address) > 4 && strings.EqualFold(address[:4], "cid:") {
			cid = strings.Trim(address[4:], "<> ")
			if plain, err := url.PathUnescape(cid); err == nil {
				cid = plain
			}
		}
		if cid == "" {
			return match
		}
		c.shown[cid] = true
		return `src="cid:` + html.EscapeString(cid) + `"`
	})
}

// attachments returns the files with Inline set where the HTML shows them. An image that the HTML does not show is an
// ordinary attachment, whatever it claims.
func (c *collector) attachments(hasHTML bool) []Attachment {
	list := make([]Attachment, 0, len(c.files))
	for _, f := range c.files {
		if hasHTML {
			f.Inline = f.ContentID != "" && c.shown[f.ContentID]
		}
		list = append(list, f)
	}
	return list
}

// missingImages notes the images that the HTML of a reply shows and that did not come along.
func (c *collector) missingImages(m *Message) {
	missing := maps.Clone(c.shown)
	for _, f := range c.files {
		delete(missing, f.ContentID)
	}
	if len(missing) == 0 {
		return
	}
	reply, _ := text.StripReplyHTML(m.rawHTML) // mail programs leave the images of the history behind
	for _, cid := range slices.Sorted(maps.Keys(missing)) {
		if strings.Contains(reply, `src="cid:`+html.EscapeString(cid)+`"`) {
			c.problem("image: cid:%s is shown but not attached", cid)
		}
	}
}
