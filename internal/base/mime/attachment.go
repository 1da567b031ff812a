package mime

import (
	"fmt"
	stdmime "mime"
	"path"
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
	kind, params, _, err := mediatype.Parse(value[:min(len(value), 4096)])
	if err != nil {
		word, _, _ := strings.Cut(value, ";")
		return strings.ToLower(strings.TrimSpace(word)), map[string]string{"filename": looseParam(value, "filename")}
	}
	return strings.ToLower(kind), params
}

// fileName returns the name p gives itself, decoded, "" if none.
func (c *collector) fileName(p part) string {
	_, params := c.disposition(p)
	for _, name := range []string{params["filename"], p.params["name"], p.params["file"]} {
		if name = safeName(decodeText(name)); name != "" {
			return name
		}
	}
	return ""
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
	if name == "" {
		name = fmt.Sprintf("attachment-%d%s", len(c.files)+1, extension(p.kind))
	}
	switch {
	case p.kind == "application/ms-tnef" || strings.EqualFold(name, "winmail.dat"):
		c.problem("attachment: Outlook rich text (winmail.dat), kept as it came")
	case strings.Contains(p.kind, "pkcs7-mime"):
		c.problem("encrypted: S/MIME, kept as it came")
	}
	c.files = append(c.files, Attachment{
		Name: name, ContentType: p.kind, Size: int64(len(data)), ContentID: cid, Data: data,
		Inline: disposition == "inline" && strings.HasPrefix(p.kind, "image/"),
	})
}

// extension returns the usual file name ending for a media type.
func extension(kind string) string {
	switch kind {
	case "image/jpeg":
		return ".jpg"
	case "text/plain":
		return ".txt"
	case "text/html":
		return ".html"
	case "text/calendar":
		return ".ics"
	case "application/octet-stream":
		return ".bin"
	}
	if list, err := stdmime.ExtensionsByType(kind); err == nil && len(list) > 0 {
		return list[0]
	}
	return ".bin"
}

// attachments returns the files with Inline set where the HTML shows them. An image with a Content-ID that the
// HTML does not show is an ordinary attachment.
func (c *collector) attachments(rawHTML string) []Attachment {
	list := make([]Attachment, 0, len(c.files))
	for _, f := range c.files {
		if f.ContentID != "" && rawHTML != "" {
			f.Inline = strings.Contains(rawHTML, "cid:"+f.ContentID) || strings.Contains(rawHTML, "cid:"+strings.ReplaceAll(f.ContentID, "@", "%40"))
		}
		list = append(list, f)
	}
	return list
}
