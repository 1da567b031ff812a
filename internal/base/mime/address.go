package mime

import (
	"regexp"
	"strings"
	"unicode"

	"entraide/internal/base/text"
)

// addresses reads an address field as leniently as mail programs show it: commas or semicolons between
// mailboxes, groups, comments, names with unquoted commas, encoded words in or out of quotes. Each mailbox is
// listed once; entries without an address are left out.
func addresses(value string) []Address {
	list := []Address{}
	seen := map[string]bool{}
	prefix := "" // "Durand" of `Durand, Paul <p@x.fr>`
	for _, item := range splitAddresses(value) {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		if !strings.Contains(item, "@") && !strings.Contains(item, "<") {
			prefix = joinName(prefix, item)
			continue
		}
		a := mailbox(joinName(prefix, item))
		prefix = ""
		if key := strings.ToLower(a.Address); a.Address != "" && !seen[key] {
			seen[key] = true
			list = append(list, a)
		}
		if len(list) >= maxList {
			break
		}
	}
	return list
}

func joinName(prefix, item string) string {
	if prefix == "" {
		return item
	}
	return prefix + ", " + item
}

// splitAddresses splits at commas and semicolons outside quotes, comments and angle brackets, and drops the
// names of groups. An unclosed quote or bracket ends with the next "@…," so that it swallows one entry only.
func splitAddresses(s string) []string {
	var items []string
	start, quoted, comment, angle, route := 0, false, 0, false, false
	balanced := strings.Count(s, `"`)%2 == 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && (quoted || comment > 0):
			i++
		case c == '"' && balanced && comment == 0:
			quoted = !quoted
		case quoted:
		case c == '(':
			comment++
		case c == ')':
			comment = max(0, comment-1)
		case comment > 0 && c != '<':
		case c == '<':
			angle, comment = true, 0
			route = strings.HasPrefix(s[i+1:], "@") // <@relay,@relay:address>
		case c == '>':
			angle, route = false, false
		case c == ':' && route:
			route = false
		case route:
		case (c == ',' || c == ';') && (!angle || strings.Contains(s[start:i], "@")):
			items = append(items, s[start:i])
			start, angle = i+1, false
		case c == ':' && !angle && !strings.ContainsAny(s[start:i], "@<="):
			start = i + 1 // name of a group: undisclosed-recipients:;
		}
	}
	return append(items, s[min(start, len(s)):])
}

// mailbox reads `Name <address>`, `address (Name)` or `address`.
func mailbox(s string) Address {
	s = stripMailto(s)
	if i := strings.LastIndexByte(s, '<'); i >= 0 {
		addr, after, _ := strings.Cut(s[i+1:], ">")
		name := strings.TrimRight(s[:i], "< ")
		if name == "" {
			name = strings.TrimSpace(strings.Trim(after, "> ")) // some write it behind
		}
		return Address{Name: personName(name), Address: addrSpec(addr)}
	}
	name := ""
	if i := strings.IndexByte(s, '('); i >= 0 {
		name = strings.TrimSuffix(strings.TrimSpace(s[i+1:]), ")")
		s = s[:i]
	}
	fields := strings.Fields(s)
	for i, f := range fields {
		if strings.Contains(f, "@") {
			if name == "" {
				name = strings.Join(append(append([]string{}, fields[:i]...), fields[i+1:]...), " ")
			}
			return Address{Name: personName(name), Address: addrSpec(f)}
		}
	}
	return Address{}
}

func stripMailto(s string) string {
	if i := strings.Index(strings.ToLower(s), "mailto:"); i >= 0 && i+7 <= len(s) {
		return s[:i] + s[i+7:]
	}
	return s
}

// personName returns a display name without quotes, comments' brackets and escapes.
func personName(s string) string {
	s = strings.TrimSpace(s)
	if strings.Contains(s, `\`) {
		s = strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\`, "").Replace(s)
	}
	return text.Excerpt(unquote(decodeText(unquote(s))), 200)
}

// unquote removes one pair of quotes around s.
func unquote(s string) string {
	s = strings.TrimSpace(s)
	for _, q := range []string{`"`, `'`} {
		if len(s) >= 2 && strings.HasPrefix(s, q) && strings.HasSuffix(s, q) {
			return strings.TrimSpace(s[1 : len(s)-1])
		}
	}
	return s
}

// quotedLocal matches an address whose left part stands in quotes (RFC 5322 §3.4.1), which then belong to it.
var quotedLocal = regexp.MustCompile(`^"[^"\\<>\pC]{1,64}"@[\pL\pN.-]+$`)

// addrSpec returns an address without white space, routes and control characters, its domain in lower case;
// "" if s holds no "@" or is absurdly long.
func addrSpec(s string) string {
	s = decodeText(s)
	if quotedLocal.MatchString(s) && len(s) <= 320 {
		at := strings.LastIndexByte(s, '@')
		return s[:at] + "@" + strings.ToLower(s[at+1:])
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || strings.ContainsRune(`<>"',;()[]\:`, r) {
			return -1
		}
		return r
	}, s[strings.LastIndexByte(s, ':')+1:])
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at == len(s)-1 || len(s) > 320 {
		return ""
	}
	return s[:at] + "@" + strings.ToLower(strings.TrimRight(s[at+1:], "."))
}

// ids returns the message ids in a field, without brackets, each once. Ids without brackets are taken as well.
func ids(value string) []string {
	list := []string{}
	seen := map[string]bool{}
	add := func(id string) {
		id = strings.Join(strings.Fields(text.Clean(toUTF8(id))), "")
		if id != "" && len(id) <= 998 && !seen[id] && len(list) < maxList {
			seen[id] = true
			list = append(list, id)
		}
	}
	if !strings.Contains(value, "<") {
		for _, f := range strings.FieldsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || r == ',' }) {
			if strings.Contains(f, "@") || !strings.Contains(value, " ") {
				add(f)
			}
		}
		return list
	}
	for {
		i := strings.IndexByte(value, '<')
		if i < 0 {
			return list
		}
		value = value[i+1:]
		end := strings.IndexAny(value, "<>")
		if end < 0 {
			add(value)
			return list
		}
		add(value[:end])
		value = value[end:]
	}
}
