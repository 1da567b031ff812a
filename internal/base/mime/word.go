package mime

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"entraide/internal/base/text"
)

// decodeText returns a raw header value as clean text on one line: encoded words (RFC 2047) are decoded
// wherever they stand, raw 8-bit bytes are UTF-8 or, failing that, windows-1252.
func decodeText(s string) string {
	if !strings.Contains(s, "=?") {
		return text.Line(toUTF8(s))
	}
	var b strings.Builder
	var pending []byte // content of neighbouring words in one charset: mailers split characters between them
	charset := ""
	flush := func() {
		if len(pending) > 0 {
			out, _ := decodeCharset(pending, charset)
			b.WriteString(out)
			pending = nil
		}
	}
	for s != "" {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		word, cs, size := encodedWord(s[i:])
		if size == 0 {
			flush()
			b.WriteString(toUTF8(s[:i+2]))
			s = s[i+2:]
			continue
		}
		if between := s[:i]; strings.TrimSpace(between) != "" || len(pending) == 0 {
			flush()
			b.WriteString(toUTF8(between))
		} else if !strings.EqualFold(cs, charset) {
			flush()
		}
		charset, pending = cs, append(pending, word...)
		s = s[i+size:]
	}
	flush()
	b.WriteString(toUTF8(s))
	return text.Line(b.String())
}

// encodedWord reads one encoded word at the beginning of s; size is 0 if there is none.
func encodedWord(s string) (content []byte, charset string, size int) {
	rest := s[2:]
	q := strings.IndexByte(rest, '?')
	if q < 1 || q > 60 || len(rest) < q+3 || rest[q+2] != '?' {
		return nil, "", 0
	}
	charset, encoding := rest[:q], rest[q+1]
	if star := strings.IndexByte(charset, '*'); star >= 0 {
		charset = charset[:star] // RFC 2231 language
	}
	payload := rest[q+3:]
	end := strings.Index(payload, "?=")
	if end < 0 {
		return nil, "", 0
	}
	size = 2 + q + 3 + end + 2
	payload = payload[:end]
	switch encoding {
	case 'B', 'b':
		return decodeBase64([]byte(payload)), charset, size
	case 'Q', 'q':
		return decodeQ(payload), charset, size
	}
	return nil, "", 0
}

func decodeQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '_':
			out = append(out, ' ')
		case s[i] == '=' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0:
			out = append(out, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return out
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// decodeBase64 decodes what can be decoded: it skips foreign characters, stops nowhere, and ignores padding.
func decodeBase64(src []byte) []byte {
	clean := make([]byte, 0, len(src))
	for _, c := range src {
		if 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '/' {
			clean = append(clean, c)
		}
	}
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
	}
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
	// Only characters of the alphabet are left and their number is right: the decoder finds nothing to refuse.
	n, _ := base64.RawStdEncoding.Decode(out, clean)
	return out[:n]
}

// toUTF8 returns raw header bytes as text.
func toUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	out, _ := decodeCharset([]byte(s), "windows-1252")
	return out
}
