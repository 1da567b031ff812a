package ui

import (
	"hash/fnv"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// Person is someone as pages show them. The zero value is nobody.
type Person struct {
	ID     string
	Name   string
	Href   string // their page; empty: no link
	Image  string // URL of their photo; empty: initials
	Detail string // one line: job and site, or team and level
}

// PhotoPath is where the photo of a person is; hash names its bytes, so that browsers may keep it. "" for no hash.
func PhotoPath(personID, hash string) string {
	if hash == "" {
		return ""
	}
	return "/people/" + url.PathEscape(personID) + "/photo?v=" + hash[:min(len(hash), 12)]
}

// initials are the first letters of the first and the last word: "CR" for Camille Renaud.
func (p Person) initials() string {
	words := strings.FieldsFunc(p.Name, func(r rune) bool { return unicode.IsSpace(r) || r == '-' })
	if len(words) == 0 {
		return "?"
	}
	first := []rune(words[0])[0]
	if len(words) == 1 {
		return string(unicode.ToUpper(first))
	}
	return string([]rune{unicode.ToUpper(first), unicode.ToUpper([]rune(words[len(words)-1])[0])})
}

// colour is the class of one of the six avatar colours, always the same for one person.
func (p Person) colour() string {
	key := p.ID
	if key == "" {
		key = p.Name
	}
	h := fnv.New32a()
	h.Write([]byte(key)) // a hash never fails to write
	return "av-" + strconv.Itoa(int(h.Sum32()%6))
}

// avatarSize is the class of a size: "" is 32 px.
func avatarSize(size string) string {
	switch size {
	case "xs":
		return "av-xs"
	case "sm":
		return "av-sm"
	case "lg":
		return "av-lg"
	case "xl":
		return "av-xl"
	default:
		return ""
	}
}
