package mime

import (
	"net/mail"
	"regexp"
	"strings"
	"time"

	"entraide/internal/base/text"
)

var (
	dateComment = regexp.MustCompile(`\([^)]*\)?`)
	dateZone    = regexp.MustCompile(`(?i)\b(?:gmt|utc)?\s*([+-])([0-9]{1,2}):?([0-9]{2})?$`)
	months      = strings.NewReplacer("janvier", "jan", "fevrier", "feb", "fevr", "feb", "fev", "feb", "mars", "mar", "marz", "mar", "mrz", "mar", "avril", "apr", "avr", "apr",
		"mai", "may", "juin", "jun", "juillet", "jul", "juil", "jul", "aout", "aug", "septembre", "sep", "sept", "sep", "octobre", "oct",
		"novembre", "nov", "decembre", "dec", "january", "jan", "february", "feb", "march", "mar", "april", "apr", "june", "jun",
		"july", "jul", "august", "aug", "september", "sep", "october", "oct", "november", "nov", "december", "dec", "okt", "oct", "dez", "dec")
	layouts = []string{
		"2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04 -0700", "2 Jan 2006 15:04:05", "2 Jan 2006 15:04", "2 Jan 06 15:04:05 -0700",
		"2 Jan 06 15:04 -0700", "2 Jan 06 15:04:05", "Jan 2 15:04:05 2006", "Jan 2 15:04:05 2006 -0700", "Jan 2 2006 15:04:05 -0700",
		"Jan 2 15:04:05 -0700 2006", "2 Jan 2006 3:04:05 pm -0700", "2 Jan 2006 3:04:05 pm", "2006-01-02t15:04:05-07:00", "2006-01-02t15:04:05z",
		"2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", "2006-01-02t15:04:05", "02/01/2006 15:04:05 -0700", "02/01/2006 15:04:05", "02/01/2006 15:04",
		"2 Jan 2006 15.04.05 -0700", "2 Jan 2006", "2006-01-02",
	}
)

// zones are the names met in mails; Go gives unknown names the offset zero without saying so.
var zones = map[string]string{"ut": "+0000", "utc": "+0000", "gmt": "+0000", "z": "+0000", "cet": "+0100", "met": "+0100", "mez": "+0100", "wet": "+0000",
	"cest": "+0200", "mest": "+0200", "mesz": "+0200", "eet": "+0200", "eest": "+0300", "bst": "+0100", "ist": "+0530", "msk": "+0300", "west": "+0100",
	"est": "-0500", "edt": "-0400", "cst": "-0600", "cdt": "-0500", "mst": "-0700", "mdt": "-0600", "pst": "-0800", "pdt": "-0700", "jst": "+0900"}

// date reads the many forms of a date, in UTC; ok is false if s is none or names a year no mail is from.
func date(s string) (t time.Time, ok bool) {
	s = strings.TrimSpace(decodeText(s))
	if len(s) > 200 || s == "" {
		return t, false
	}
	s = strings.TrimSpace(dateComment.ReplaceAllString(s, " "))
	if numericZone(s) {
		if parsed, err := mail.ParseDate(s); err == nil {
			return plausible(parsed)
		}
	}
	s = text.Fold(s)
	if i := strings.IndexByte(s, ','); i >= 0 && i < 12 {
		s = s[i+1:]
	}
	s = months.Replace(s)
	words := strings.Fields(strings.NewReplacer(",", " ", ". ", " ", " a ", " ").Replace(s))
	// "mar" begins mardi and March: it is the day if a month follows.
	if len(words) > 2 && weekday(words[0]) && (words[0] != "mar" || words[2][0] >= 'a') {
		words = words[1:]
	}
	if n := len(words); n > 1 {
		if offset, known := zones[words[n-1]]; known {
			words[n-1] = offset
		}
		// "+0100 cet": the name repeats the offset
		if m := len(words) - 1; strings.HasPrefix(words[m], "+") && m > 1 && (words[m-1][0] == '+' || words[m-1][0] == '-') && len(words[m-1]) == 5 {
			words = words[:m]
		}
	}
	s = strings.Join(words, " ")
	s = normalZone(s)
	if d := strings.SplitN(s, " ", 2); strings.Count(d[0], "-") == 2 && len(d) == 2 && strings.ContainsAny(d[0], "abcdefghijklmnopqrsuvwxy") {
		s = strings.ReplaceAll(d[0], "-", " ") + " " + d[1] // 12-mar-2026
	}
	for _, layout := range layouts {
		if parsed, err := time.Parse(layout, s); err == nil {
			return plausible(parsed)
		}
	}
	return t, false
}

// normalZone writes the offset at the end of s, "gmt+2", "+1:00" or "+100", as " +0200"; that of an ISO time
// keeps its form "+01:00", and a mere date such as "2026-03-12" ends with none.
func normalZone(s string) string {
	m := dateZone.FindStringSubmatchIndex(s)
	if m == nil || !strings.Contains(s[:m[0]], ":") {
		return s
	}
	sign, hours, minutes := s[m[2]:m[3]], s[m[4]:m[5]], "00"
	if m[6] >= 0 {
		minutes = s[m[6]:m[7]]
	}
	if len(hours) == 1 {
		hours = "0" + hours
	}
	if strings.ContainsRune(strings.SplitN(s, " ", 2)[0], 't') && s[0] <= '9' {
		return s[:m[0]] + sign + hours + ":" + minutes
	}
	return strings.TrimRight(s[:m[0]], " ") + " " + sign + hours + minutes
}

// numericZone reports whether s ends with an offset. net/mail would take an unknown name for UTC.
func numericZone(s string) bool {
	i := strings.LastIndexByte(s, ' ')
	return i >= 0 && i+1 < len(s) && (s[i+1] == '+' || s[i+1] == '-')
}

func weekday(w string) bool {
	w = strings.Trim(w, ".")
	if len(w) < 2 || len(w) > 10 {
		return false
	}
	for _, d := range []string{"lun", "mar", "mer", "jeu", "ven", "sam", "dim", "mon", "tue", "wed", "thu", "fri", "sat", "sun", "mo", "di", "mi", "do", "fr", "sa", "so"} {
		if strings.HasPrefix(w, d) {
			return true
		}
	}
	return false
}

func plausible(t time.Time) (time.Time, bool) {
	t = t.UTC().Truncate(time.Millisecond)
	return t, t.Year() >= 1980 && t.Year() <= 2100
}
