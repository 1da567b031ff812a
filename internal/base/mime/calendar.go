package mime

import (
	"strings"
	"time"

	"entraide/internal/base/text"
)

// Calendar is the first entry of a calendar part (RFC 5545). Repetitions are not worked out.
type Calendar struct {
	Method    string    `json:"method"` // lower case: "request", "reply", "cancel"; "" if not said
	Summary   string    `json:"summary"`
	Start     time.Time `json:"start"`   // zero if not understood
	End       time.Time `json:"end"`     // zero if not said; for whole days the day after the last one
	AllDay    bool      `json:"all_day"` // Start and End are days, at midnight UTC
	Location  string    `json:"location"`
	Organizer string    `json:"organizer"` // address; "" if not said
	zone      string    // as written; "" = UTC or none
}

// maxCalendarLines is how many lines of a calendar are read: one entry and its time zone need some hundred.
const maxCalendarLines = 5000

// calendar keeps p as a file and reads its first entry.
func (c *collector) calendar(p part) {
	c.file(p, "")
	if c.entry != nil {
		return
	}
	s, _ := decodeCharset(cutBytes(c.files[len(c.files)-1].Data, maxHeader), p.params["charset"])
	e, ok := readCalendar(text.Clean(s))
	if !ok {
		return
	}
	if e.Start.IsZero() {
		c.problem("calendar: start not understood")
	}
	if e.Method == "" {
		e.Method = strings.ToLower(text.Line(p.params["method"]))
	}
	c.entry = &e
}

// readCalendar returns the first event or task of a calendar; ok is false if there is none.
func readCalendar(s string) (e Calendar, ok bool) {
	inside := ""
	begin, end := "", ""
	var beginParams, endParams string
	for n, line := range unfolded(s) {
		if n > maxCalendarLines {
			break
		}
		name, params, value := calendarLine(line)
		switch {
		case name == "BEGIN" && inside == "" && (value == "VEVENT" || value == "VTODO"):
			inside, ok = value, true
		case name == "END" && inside != "" && value == inside:
			inside = ""
			e.times(begin, beginParams, end, endParams)
			return e, true
		case name == "METHOD" && e.Method == "":
			e.Method = strings.ToLower(text.Excerpt(value, 30))
		case inside == "":
		case name == "SUMMARY" && e.Summary == "":
			e.Summary = calendarText(value)
		case name == "LOCATION" && e.Location == "":
			e.Location = calendarText(value)
		case name == "DTSTART":
			begin, beginParams = value, params
		case name == "DTEND" || name == "DUE":
			end, endParams = value, params
		case name == "ORGANIZER":
			e.Organizer = addrSpec(stripMailto(value))
		}
	}
	e.times(begin, beginParams, end, endParams)
	return e, ok
}

// unfolded yields the lines of s with continued ones joined (RFC 5545 §3.1).
func unfolded(s string) []string {
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		if n := len(lines); n > 0 && line != "" && (line[0] == ' ' || line[0] == '\t') {
			if len(lines[n-1]) < maxField {
				lines[n-1] += line[1:]
			}
			continue
		}
		if len(lines) > maxCalendarLines {
			break
		}
		lines = append(lines, line)
	}
	return lines
}

// calendarLine splits NAME;PARAM=x:value; a colon inside quotes belongs to a parameter.
func calendarLine(line string) (name, params, value string) {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ':' && !quoted:
			name, params, _ = strings.Cut(line[:i], ";")
			return strings.ToUpper(name), params, strings.TrimSpace(line[i+1:])
		}
	}
	return strings.ToUpper(line), "", ""
}

var calendarEscapes = strings.NewReplacer(`\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";", `\\`, `\`)

func calendarText(s string) string {
	return text.Excerpt(calendarEscapes.Replace(s[:min(len(s), 4096)]), 500)
}

func (e *Calendar) times(begin, beginParams, end, endParams string) {
	e.Start, e.AllDay, e.zone = calendarTime(begin, beginParams)
	e.End, _, _ = calendarTime(end, endParams)
}

// calendarTime reads a date or a time. A time zone that is not known is taken for UTC; its name is shown beside.
func calendarTime(value, params string) (t time.Time, day bool, zone string) {
	if t, err := time.Parse("20060102", value); err == nil && t.Year() > 1900 {
		return t, true, ""
	}
	if t, err := time.Parse("20060102T150405Z", value); err == nil {
		return t, false, ""
	}
	where := time.UTC
	if id := looseParam(params, "tzid"); id != "" {
		zone = text.Excerpt(id, 60)
		if found, err := time.LoadLocation(id); err == nil && len(id) < 60 && !strings.EqualFold(id, "local") {
			where = found
		}
	}
	t, err := time.ParseInLocation("20060102T150405", value, where)
	if err != nil {
		return time.Time{}, false, ""
	}
	return t, false, zone
}

// String is the entry in three lines that need no translation: what, when, where.
func (e Calendar) String() string {
	var lines []string
	if e.Summary != "" {
		lines = append(lines, e.Summary)
	}
	if when := e.when(); when != "" {
		lines = append(lines, when)
	}
	if e.Location != "" {
		lines = append(lines, e.Location)
	}
	return strings.Join(lines, "\n")
}

func (e Calendar) when() string {
	const day, clock = "2006-01-02", "15:04"
	end := e.End
	switch {
	case e.Start.IsZero():
		return ""
	case e.AllDay && end.AddDate(0, 0, -1).After(e.Start):
		return e.Start.Format(day) + " – " + end.AddDate(0, 0, -1).Format(day)
	case e.AllDay:
		return e.Start.Format(day)
	}
	s := e.Start.Format(day + " " + clock)
	switch {
	case end.IsZero() || end.Equal(e.Start):
	case end.Format(day) == e.Start.Format(day):
		s += " – " + end.Format(clock)
	default:
		s += " – " + end.Format(day+" "+clock)
	}
	if e.zone != "" {
		return s + " (" + e.zone + ")"
	}
	return s + " UTC"
}
