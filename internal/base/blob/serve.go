package blob

import (
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const longestName = 150 // bytes; file systems allow 255, and people add " (1)"

// SafeName makes a file name that every system accepts from one that a stranger sent: no folders, control or
// direction-changing characters, no reserved names, at most 150 bytes with the extension kept. It is never empty.
func SafeName(name string) string {
	name = norm.NFC.String(strings.ToValidUTF8(name, ""))
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp):
			return -1
		case unicode.IsSpace(r):
			return ' '
		case strings.ContainsRune(`<>:"|?*`, r):
			return '_'
		}
		return r
	}, name)
	name = strings.TrimLeft(strings.TrimRight(name, ". "), " ")
	stem, ext := strings.TrimSuffix(name, path.Ext(name)), path.Ext(name)
	if len(ext) > 20 || stem == "" {
		stem, ext = name, ""
	}
	if reserved(stem) {
		stem = "_" + stem
	}
	for len(stem)+len(ext) > longestName {
		_, n := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-n]
	}
	if stem = strings.TrimRight(stem, " "); stem+ext == "" {
		return "file"
	}
	return stem + ext
}

// reserved are the device names of Windows, with any extension.
func reserved(stem string) bool {
	s, _, _ := strings.Cut(strings.ToUpper(stem), ".")
	if s = strings.TrimSpace(s); len(s) == 4 && s[3] >= '0' && s[3] <= '9' {
		return s[:3] == "COM" || s[:3] == "LPT"
	}
	return slices.Contains([]string{"CON", "PRN", "AUX", "NUL"}, s)
}

// Inline reports whether browsers may show contentType inside a page of ours: raster pictures only.
func Inline(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && slices.Contains([]string{"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"}, t)
}

// Headers sets what makes a stranger's file harmless to hand out: its own type without guessing, no rights for
// whatever is inside, and a download instead of a display unless inline is asked and Inline allows it. Types that
// browsers execute are sent as unknown bytes. Caching is the caller's choice.
func Headers(w http.ResponseWriter, name, contentType string, inline bool) {
	t, params, err := mime.ParseMediaType(contentType)
	if err != nil || active(t) {
		t, params = "application/octet-stream", nil
	}
	disposition := "attachment"
	if inline && Inline(t) {
		disposition = "inline"
	}
	h := w.Header()
	h.Set("Content-Type", mime.FormatMediaType(t, params))
	h.Set("Content-Disposition", disposition+`; filename="`+ascii(name)+`"; filename*=UTF-8''`+percent(SafeName(name)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

func active(t string) bool {
	return strings.HasSuffix(t, "+xml") || strings.Contains(t, "javascript") || strings.Contains(t, "ecmascript") ||
		slices.Contains([]string{"text/html", "text/xml", "application/xml", "text/css", "text/vbscript",
			"application/x-shockwave-flash", "multipart/x-mixed-replace", "multipart/related"}, t)
}

// ascii is the name for clients that know no RFC 5987: accents dropped, the rest replaced.
func ascii(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r < ' ' || r > '~' || r == '"' || r == '\\' || r == '%':
			return '_'
		}
		return r
	}, norm.NFD.String(SafeName(name)))
}

// percent encodes everything but the attr-char of RFC 5987.
func percent(s string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
	}
	return b.String()
}
