package mime

import (
	"regexp"
	"strings"
)

var uuBegin = regexp.MustCompile(`(?m)^begin [0-7]{3,4} (\S[^\n]{0,200})\n`)

// uuencoded takes files out of s that stand in it as before MIME: "begin 644 name" to "end". What only looks like one
// stays.
func (c *collector) uuencoded(s string) string {
	if !strings.Contains(s, "begin ") {
		return s
	}
	var out strings.Builder
	for {
		m := uuBegin.FindStringSubmatchIndex(s)
		if m == nil || len(c.files) >= maxParts {
			break
		}
		data, rest, ok := uuLines(s[m[1]:])
		if !ok {
			out.WriteString(s[:m[1]])
			s = s[m[1]:]
			continue
		}
		name := safeName(s[m[2]:m[3]])
		kind := kindOf(name)
		if name == "" {
			name = c.nameless(kind)
		}
		c.files = append(c.files, Attachment{Name: name, ContentType: kind, Size: int64(len(data)), Data: data})
		out.WriteString(strings.TrimRight(s[:m[0]], "\n") + "\n")
		s = rest
	}
	out.WriteString(s)
	return out.String()
}

// uuLines decodes lines up to "end" and returns what follows; ok is false if a line before it is none of uuencode.
func uuLines(s string) (data []byte, rest string, ok bool) {
	for s != "" {
		line, after, _ := strings.Cut(s, "\n")
		s = after
		if line = strings.TrimRight(line, "\r"); line == "end" {
			return data, s, true
		}
		if line == "" {
			continue
		}
		n := int(line[0]-' ') & 63
		if line[0] < ' ' || line[0] > '`' || (n+2)/3*4 > len(line)+3 || len(line) > 90 {
			return nil, "", false
		}
		for i := 1; n > 0; i += 4 {
			var v [4]byte
			for j := range v {
				if i+j < len(line) {
					v[j] = (line[i+j] - ' ') & 63
				}
			}
			three := [3]byte{v[0]<<2 | v[1]>>4, v[1]<<4 | v[2]>>2, v[2]<<6 | v[3]}
			data = append(data, three[:min(n, 3)]...)
			n -= 3
		}
	}
	return nil, "", false
}
