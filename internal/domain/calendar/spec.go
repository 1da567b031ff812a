package calendar

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"entraide/internal/base/errs"
)

// Spec describes a calendar as people write it. Compile makes a Calendar of it.
type Spec struct {
	Zone     string            `json:"tz"`    // IANA name, "Europe/Paris"
	Hours    map[string][]Span `json:"hours"` // "mon" to "sun"; a day left out is closed
	Holidays Holidays          `json:"holidays,omitzero"`
}

// Span is a period of a day, ["09:00", "12:30"]. An end before its begin passes midnight.
type Span [2]string

// Holidays are the days that are closed whatever the hours say. In JSON, a list of days and of countries, or one
// country alone: ["2026-05-01", "12-24", {"country": "FR", "region": "57"}, {"from": "2026-08-03", "to": "2026-08-14"}].
type Holidays []Holiday

// Holiday is one entry of Holidays; exactly one of Day, Country and From is set.
type Holiday struct {
	Day     string `json:"day,omitempty"`     // "2026-05-01", or "12-24" for every year
	Country string `json:"country,omitempty"` // ISO 3166-1, "FR": its public holidays
	Region  string `json:"region,omitempty"`  // of Country: "57" (Moselle), "BY"; "" = those of the whole country
	From    string `json:"from,omitempty"`    // first day of a closure, "2026-08-03"
	To      string `json:"to,omitempty"`      // its last day
}

// UnmarshalJSON reads a list or one country.
func (h *Holidays) UnmarshalJSON(b []byte) error {
	var many []Holiday
	if err := json.Unmarshal(b, &many); err == nil {
		*h = many
		return nil
	}
	var one Holiday
	if err := json.Unmarshal(b, &one); err != nil {
		return errs.InvalidField("holidays", "calendar.holidays")
	}
	*h = Holidays{one}
	return nil
}

// UnmarshalJSON reads a day written alone or an object.
func (h *Holiday) UnmarshalJSON(b []byte) error {
	*h = Holiday{}
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &h.Day)
	}
	type plain Holiday
	return json.Unmarshal(b, (*plain)(h))
}

// minutes of a day and of a week.
const (
	day  = 24 * 60
	week = 7
)

var weekdays = [week]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} // as time.Weekday counts

// period is a part of one day in minutes from its midnight, to not included.
type period struct{ from, to int }

// hours are the periods of each day of the week, none passing midnight, sorted, apart from each other.
type hours [week][]period

// compileHours reads the hours. Errors name the field "hours.mon".
func compileHours(spec map[string][]Span) (hours, []errs.Field) {
	var out hours
	var wrong []errs.Field
	type part struct {
		period
		name string
	}
	var parts [week][]part
	for _, name := range slices.Sorted(maps.Keys(spec)) {
		d := slices.Index(weekdays[:], name)
		if d < 0 {
			wrong = append(wrong, errs.Field{Name: "hours." + name, Key: "calendar.weekday", Args: []any{"day", name}})
			continue
		}
		for _, s := range spec[name] {
			from, to, ok := s.minutes()
			if !ok {
				wrong = append(wrong, errs.Field{Name: "hours." + name, Key: "calendar.period", Args: []any{"period", s.String()}})
				continue
			}
			parts[d] = append(parts[d], part{period{from, min(to, day)}, s.String()})
			if to > day {
				next := (d + 1) % week
				parts[next] = append(parts[next], part{period{0, to - day}, s.String()})
			}
		}
	}
	for d, all := range parts {
		slices.SortFunc(all, func(a, b part) int { return a.from - b.from })
		for i, p := range all {
			if i > 0 && p.from < all[i-1].to {
				wrong = append(wrong, errs.Field{Name: "hours." + weekdays[d], Key: "calendar.overlap",
					Args: []any{"first", all[i-1].name, "second", p.name}})
			}
			out[d] = append(out[d], p.period)
		}
	}
	if len(wrong) == 0 && !slices.ContainsFunc(out[:], func(p []period) bool { return len(p) > 0 }) {
		wrong = append(wrong, errs.Field{Name: "hours", Key: "calendar.no_hours"})
	}
	return out, wrong
}

// String writes the span as people read it.
func (s Span) String() string { return s[0] + "–" + s[1] }

// minutes returns from and to in minutes of the day the span begins; to may lie in the next day.
func (s Span) minutes() (from, to int, ok bool) {
	from, ok = clock(s[0])
	if !ok || from == day {
		return 0, 0, false
	}
	to, ok = clock(s[1])
	if to == from {
		return 0, 0, false
	}
	if to < from {
		to += day
	}
	return from, to, ok
}

// clock reads "09:00" and "24:00" as minutes.
func clock(s string) (int, bool) {
	h, m, ok := strings.Cut(s, ":")
	if !ok || len(h) == 0 || len(h) > 2 || len(m) != 2 {
		return 0, false
	}
	hour, err1 := strconv.ParseUint(h, 10, 8)
	minute, err2 := strconv.ParseUint(m, 10, 8)
	n := int(hour)*60 + int(minute)
	return n, err1 == nil && err2 == nil && minute < 60 && n <= day
}

// date is a day in a calendar, counted from 1970-01-01.
type date int32

func dateOf(t time.Time) date {
	y, m, d := t.Date()
	return date(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / (day * 60))
}

func (d date) time() time.Time { return time.Unix(int64(d)*day*60, 0).UTC() }

func (d date) weekday() int { return ((int(d)+4)%week + week) % week } // 1970-01-01 was a Thursday

func parseDate(s string) (date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, err
	}
	if t.Year() < firstYear || t.Year() > lastYear {
		return 0, fmt.Errorf("year %d", t.Year())
	}
	return dateOf(t), nil
}
