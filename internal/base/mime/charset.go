package mime

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// decodeCharset returns b, written in the named charset, as valid UTF-8, and a problem, "" if all was well.
// A wrong or unknown name is overruled by the bytes: valid UTF-8 is UTF-8, anything else windows-1252, which
// is what mailers that do not know their charset write in Western Europe.
func decodeCharset(b []byte, name string) (s, problem string) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	label := charsetLabel(name)
	if wide(b) && !strings.HasPrefix(label, "utf-16") && !strings.HasPrefix(label, "utf-32") {
		label, problem = "utf-16", "charset: UTF-16 not declared as such"
	}
	if bytes.Contains(b, []byte("\x1b$B")) && label != "iso-2022-jp" && isASCII(b) {
		label, problem = "iso-2022-jp", "charset: ISO-2022-JP not declared"
	}
	switch label {
	case "", "utf-8", "utf8", "utf8mb4", "x-utf-8", "utf-8-sig", "us-ascii", "ascii", "unknown-8bit", "x-unknown", "unknown", "default", "7bit", "8bit", "binary":
		if utf8.Valid(b) {
			return string(b), problem
		}
		if label == "utf-8" || label == "utf8" {
			if mostlyUTF8(b) {
				return strings.ToValidUTF8(string(b), "\uFFFD"), "charset: broken UTF-8 replaced"
			}
			return windows(b), "charset: declared UTF-8, read as windows-1252"
		}
		return windows(b), "charset: 8-bit text without a charset, read as windows-1252"
	case "iso-8859-1", "latin1", "iso8859-1", "iso_8859-1", "windows-1252", "cp1252", "cp-1252":
		if !isASCII(b) && utf8.Valid(b) {
			return string(b), "charset: declared " + label + ", read as UTF-8"
		}
		return windows(b), problem
	case "utf-7", "utf7", "unicode-1-1-utf-7", "csunicode11utf7":
		return utf7(b), problem
	}
	if label == "utf-16" && !wide(b) && highFirst(b) {
		label = "utf-16be"
	}
	enc := lookup(label)
	if enc == nil {
		if utf8.Valid(b) {
			return string(b), "charset: " + label + " unknown, read as UTF-8"
		}
		return windows(b), "charset: " + label + " unknown, read as windows-1252"
	}
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return windows(b), "charset: not " + label + ", read as windows-1252"
	}
	return strings.TrimPrefix(strings.ToValidUTF8(string(out), "\uFFFD"), "\uFEFF"), problem
}

// charsetLabel returns a charset's name in lower case without what mailers put around it.
func charsetLabel(name string) string {
	label := strings.ToLower(strings.Trim(strings.TrimSpace(name), `"'; `))
	label = strings.TrimPrefix(label, "charset=")
	if i := strings.IndexAny(label, `"' ;,`); i > 0 {
		label = label[:i] // what follows belongs to another parameter
	}
	return label
}

// aliases are names that no register knows, or that stand for less than what mailers write under them: who declares
// GB2312 uses its supersets.
var aliases = map[string]string{
	"gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030", "ms936": "gb18030", "x-gbk": "gb18030", "gb_2312-80": "gb18030",
	"cp932": "shift_jis", "ms932": "shift_jis", "windows-31j": "shift_jis", "cp949": "euc-kr", "cp950": "big5", "iso-8859-8-i": "iso-8859-8",
	"iso-2022-jp-2": "iso-2022-jp", "iso-2022-jp-ms": "iso-2022-jp", "ansi": "windows-1252", "iso-8859-1:1987": "windows-1252",
}

func lookup(label string) encoding.Encoding {
	if len(label) > 40 {
		return nil
	}
	if other := aliases[label]; other != "" {
		label = other
	}
	switch label {
	case "utf-16":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case "utf-32":
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	case "utf-32le":
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)
	case "utf-32be":
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)
	case "cp850", "ibm850":
		return charmap.CodePage850
	case "cp437", "ibm437":
		return charmap.CodePage437
	case "cp852", "ibm852":
		return charmap.CodePage852
	case "cp858", "ibm858", "ibm00858":
		return charmap.CodePage858
	case "hz-gb-2312":
		return simplifiedchinese.HZGB2312
	}
	if enc, err := htmlindex.Get(label); err == nil && enc != encoding.Replacement {
		return enc
	}
	if strings.HasPrefix(label, "cp") || strings.HasPrefix(label, "win-") {
		digits := strings.TrimLeft(label, "cpwin-")
		if enc, err := htmlindex.Get("windows-" + digits); err == nil {
			return enc
		}
	}
	if enc, err := ianaindex.MIME.Encoding(label); err == nil && enc != nil {
		return enc
	}
	return nil
}

func windows(b []byte) string {
	out, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return string(out)
}

// mostlyUTF8 reports whether b holds at least as many valid multi-byte characters as broken bytes: then it is UTF-8 that
// was cut or damaged, not another charset.
func mostlyUTF8(b []byte) bool {
	good, bad := 0, 0
	for len(b) > 0 {
		if b[0] < utf8.RuneSelf {
			b = b[1:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			bad++
		} else {
			good++
		}
		b = b[n:]
	}
	return good >= bad
}

// wide reports whether b begins like UTF-16.
func wide(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff})
}

// highFirst reports whether b, UTF-16 without a mark, has its high bytes first: in most languages those are the zeros.
func highFirst(b []byte) bool {
	even, odd := 0, 0
	for i, c := range b {
		switch {
		case c != 0:
		case i%2 == 0:
			even++
		default:
			odd++
		}
	}
	return even > odd
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
