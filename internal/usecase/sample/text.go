package sample

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// facts are what the slots of a story stand for.
type facts map[string]string

// expand chooses one of each [a|b] of s and replaces each {slot}; a slot without a fact stays, for a test to find.
func expand(r *rand.Rand, s string, f facts) string {
	var b strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "[{")
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		s = s[i:]
		end := strings.IndexAny(s, "]}")
		if s[0] == '[' {
			end = strings.IndexByte(s, ']')
		}
		if end < 0 {
			b.WriteString(s)
			break
		}
		in := s[1:end]
		if s[0] == '[' {
			if strings.Contains(in, "|") {
				in = pick(r, strings.Split(in, "|"))
			}
			s = in + s[end+1:] // the choice may hold slots
			continue
		}
		v, ok := f[in]
		if !ok {
			v = "{" + in + "}"
		}
		elide(&b, in, v)
		b.WriteString(v)
		s = s[end+1:]
	}
	return b.String()
}

// elide turns "de " or "que " at the end of b into "d’" or "qu’" before a name or a month that starts with a vowel.
func elide(b *strings.Builder, slot, v string) {
	switch slot {
	case "manager", "colleague", "cfirst", "first", "name", "client", "supplier", "month", "nextmonth", "agent2":
	default:
		return
	}
	first, _ := utf8.DecodeRuneInString(v)
	if !strings.ContainsRune("aeiouyàâéèêëîïôöœ", unicode.ToLower(first)) {
		return
	}
	s := b.String()
	for _, w := range []string{"de ", "que ", "De ", "Que "} {
		if strings.HasSuffix(s, w) && (len(s) == len(w) || strings.ContainsRune(" \n(«>", rune(s[len(s)-len(w)-1]))) {
			b.Reset()
			b.WriteString(s[:len(s)-2] + "’")
			return
		}
	}
}

// typeset puts the no-break spaces of French typography.
func typeset(lang, s string) string {
	if lang == "en" {
		return s
	}
	return strings.NewReplacer(" :", "\u00a0:", " ;", "\u202f;", " ?", "\u202f?", " !", "\u202f!",
		"« ", "«\u00a0", " »", "\u00a0»", " %", "\u00a0%", " €", "\u00a0€").Replace(s)
}

// facts draws the slots of a story told by p at t. Facts about agents are added when one speaks.
func (w *world) facts(r *rand.Rand, p *Person, t time.Time) facts {
	s := w.sites[p.Site]
	slots := w.data.Common.Slots
	m := w.byKey[p.Manager]
	c := w.colleague(r, p)
	if m == nil || m == p {
		m = c
	}
	folder := slots["folder"]
	if p.Lang == "en" {
		folder = slots["folder_en"]
	}
	f := facts{
		"first": p.Given, "last": p.Family, "name": p.Name(), "title": p.Title, "e": "", "asset": p.Asset,
		"phone": p.Phone, "site": s.City, "city": s.City, "dept": w.deptName(p.Department, p.Lang),
		"manager": m.Name(), "colleague": c.Name(), "cfirst": c.Given,
		"room": pick(r, s.Rooms), "floor": pick(r, s.Floors), "folder": pick(r, folder),
		"client": pick(r, slots["client"]), "supplier": pick(r, slots["supplier"]), "list": pick(r, slots["list"]),
		"printer": pick(r, slots["printer"]), "label": pick(r, slots["label"]), "model": pick(r, slots["model"]),
		"n": strconv.Itoa(2 + r.IntN(7)), "n2": strconv.Itoa(12 + r.IntN(37)),
		"of":    fmt.Sprintf("%02d-%04d", t.Year()%100, 1000+r.IntN(8999)),
		"order": fmt.Sprintf("CF-%05d", 20000+r.IntN(9999)),
	}
	if p.female {
		f["e"] = "e"
	}
	w.dates(r, f, p.Lang, t)
	return f
}

// dates adds the slots that speak of other days.
func (w *world) dates(r *rand.Rand, f facts, lang string, t time.Time) {
	t = t.In(w.cal.zone)
	soon := w.cal.add(t.AddDate(0, 0, 2+r.IntN(9)), 0, officeHours).In(w.cal.zone)
	past := t.AddDate(0, 0, -1-r.IntN(3))
	for !w.cal.workday(past) {
		past = past.AddDate(0, 0, -1)
	}
	first := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, w.cal.zone)
	f["weekday"], f["vpnday"] = weekday(lang, past), weekday(lang, past)
	f["soon"] = weekday(lang, soon) + " " + dayMonth(lang, soon)
	f["date"] = dayMonth(lang, t.AddDate(0, 0, -4-r.IntN(50)))
	f["month"], f["nextmonth"] = month(lang, first.AddDate(0, -1, 0)), month(lang, first.AddDate(0, 1, 0))
	h := t.Add(-time.Duration(5+r.IntN(55)) * time.Minute)
	if f["hour"] = fmt.Sprintf("%d h %02d", h.Hour(), h.Minute()); lang == "en" {
		f["hour"] = h.Format("15:04")
	}
}

func weekday(lang string, t time.Time) string {
	if lang == "en" {
		return t.Weekday().String()
	}
	return [...]string{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"}[t.Weekday()]
}

func month(lang string, t time.Time) string {
	if lang == "en" {
		return t.Month().String()
	}
	return [...]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
		"novembre", "décembre"}[t.Month()-1]
}

func dayMonth(lang string, t time.Time) string {
	if lang == "fr" && t.Day() == 1 {
		return "1er " + month(lang, t)
	}
	return strconv.Itoa(t.Day()) + " " + month(lang, t)
}

// colleague is somebody else of the same department and site if there is one, else of the organisation.
func (w *world) colleague(r *rand.Rand, p *Person) *Person {
	for range 12 {
		if q := pick(r, w.byDept[p.Department]); q.Key != p.Key && q.Site == p.Site {
			return q
		}
	}
	for {
		if q := &w.people[r.IntN(len(w.people))]; q.Key != p.Key {
			return q
		}
	}
}

func (w *world) deptName(code, lang string) string {
	for _, d := range w.data.Org.Departments {
		if d.Code == code && lang == "en" {
			return d.EN
		} else if d.Code == code {
			return d.FR
		}
	}
	return code
}

// block joins the parts of a message that are not empty with blank lines.
func block(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, "\n\n")
}

// lowerFirst is for a phrase after a greeting and its comma; acronyms and proper names keep their capital.
func lowerFirst(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	second, _ := utf8.DecodeRuneInString(s[n:])
	if !unicode.IsUpper(first) || !(unicode.IsLower(second) || second == '’' || second == ' ') {
		return s
	}
	for _, name := range []string{"Wi-Fi", "Internet", "Lille", "Nantes", "Lyon", "E-691"} {
		if strings.HasPrefix(s, name) {
			return s
		}
	}
	return string(unicode.ToLower(first)) + s[n:]
}
