package mime

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
)

// utf7 decodes b (RFC 2152). What follows no rule stays as it is; 8-bit bytes, which UTF-7 knows none of, are
// windows-1252.
func utf7(b []byte) string {
	var out strings.Builder
	for len(b) > 0 {
		i := 0
		for i < len(b) && b[i] != '+' {
			i++
		}
		out.WriteString(plainOr1252(b[:i]))
		if b = b[i:]; len(b) == 0 {
			break
		}
		end := 1
		for end < len(b) && sextet(b[end]) {
			end++
		}
		switch run := b[1:end]; {
		case len(run) == 0 && end < len(b) && b[end] == '-':
			out.WriteByte('+')
		case len(run) < 3:
			out.Write(b[:end]) // a lone plus
			b = b[end:]
			continue
		default:
			out.WriteString(utf16Run(run))
		}
		if b = b[end:]; len(b) > 0 && b[0] == '-' {
			b = b[1:]
		}
	}
	return out.String()
}

func sextet(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '/'
}

// utf16Run decodes the base64 of UTF-16 between "+" and "-".
func utf16Run(run []byte) string {
	if len(run)%4 == 1 {
		run = run[:len(run)-1]
	}
	raw := make([]byte, base64.RawStdEncoding.DecodedLen(len(run)))
	// The caller counted characters of the alphabet only, and their number is right: nothing can be refused.
	n, _ := base64.RawStdEncoding.Decode(raw, run)
	units := make([]uint16, 0, n/2)
	for i := 0; i+1 < n; i += 2 {
		units = append(units, uint16(raw[i])<<8|uint16(raw[i+1]))
	}
	return string(utf16.Decode(units))
}

func plainOr1252(b []byte) string {
	if isASCII(b) {
		return string(b)
	}
	return windows(b)
}
