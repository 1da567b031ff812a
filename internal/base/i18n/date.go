package i18n

import (
	"fmt"
	"strconv"
	"sync"
	"time"
)

var paris = sync.OnceValue(func() *time.Location {
	z, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err) // the zone database is linked in
	}
	return z
})

// In returns t in the reader's zone.
func (l Loc) In(t time.Time) time.Time {
	if l.Zone == nil {
		return t.In(paris())
	}
	return t.In(l.Zone)
}

// Date writes a day in full: « 12 mars 2026 », « 1er mars 2026 »; "12 March 2026". The zero time gives "".
func (l Loc) Date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return l.Day(t) + " " + strconv.Itoa(l.In(t).Year())
}

// Day writes a day without its year: « 12 mars », "12 March". The zero time gives "".
func (l Loc) Day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = l.In(t)
	day := strconv.Itoa(t.Day())
	if l.Lang == EN {
		return day + " " + l.T("base.month."+strconv.Itoa(int(t.Month())))
	}
	if t.Day() == 1 {
		day = "1er"
	}
	return day + string(noBreak) + l.T("base.month."+strconv.Itoa(int(t.Month())))
}

// DateLong writes a day with its weekday: « jeudi 12 mars 2026 », "Thursday 12 March 2026". The zero time gives "".
func (l Loc) DateLong(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return l.Weekday(t) + " " + l.Date(t)
}

// Weekday writes the day of the week: « lundi », "Monday". The zero time gives "".
func (l Loc) Weekday(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return l.T("base.weekday." + strconv.Itoa(int(l.In(t).Weekday())))
}

// Time writes the time of day: « 9 h 44 », « 9 h »; "09:44". The zero time gives "".
func (l Loc) Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = l.In(t)
	switch {
	case l.Lang == EN:
		return t.Format("15:04")
	case t.Minute() == 0:
		return fmt.Sprintf("%d\u00a0h", t.Hour())
	}
	return fmt.Sprintf("%d\u00a0h\u00a0%02d", t.Hour(), t.Minute())
}

// DateTime writes a moment: « 12 mars 2026 à 9 h 44 », "12 March 2026, 09:44". The zero time gives "".
func (l Loc) DateTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return l.T("base.datetime", "date", l.Date(t), "time", l.Time(t))
}

// When writes t as short as it stays clear on the day of now: the time today, « hier », « demain », the weekday less
// than a week away, the day in the same year, else the full date. The zero time gives "".
func (l Loc) When(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	switch days := l.days(t, now); {
	case days == 0:
		return l.Time(t)
	case days == -1:
		return l.T("base.yesterday")
	case days == 1:
		return l.T("base.tomorrow")
	case days > -7 && days < 7:
		return l.Weekday(t)
	}
	if l.In(t).Year() == l.In(now).Year() {
		return l.Day(t)
	}
	return l.Date(t)
}

// days counts calendar days from now to t, in the reader's zone; negative in the past.
func (l Loc) days(t, now time.Time) int {
	noon := func(t time.Time) time.Time {
		t = l.In(t)
		return time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC)
	}
	return int(noon(t).Sub(noon(now)) / (24 * time.Hour))
}

// Ago writes the distance from now: « à l’instant », « il y a 5 min », « dans 2 h », « il y a 3 jours »; beyond
// thirty days it is the date. The zero time gives "".
func (l Loc) Ago(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := now.Sub(t)
	key := "base.ago"
	if d < 0 {
		d, key = -d, "base.in"
	}
	switch {
	case d < time.Minute:
		return l.T("base.now")
	case d < time.Hour:
		return l.T(key, "span", l.Duration(d.Truncate(time.Minute)))
	case d < 24*time.Hour:
		return l.T(key, "span", l.Duration(d.Truncate(time.Hour)))
	case d < 31*24*time.Hour:
		return l.T(key, "span", l.N("base.days", int64(d/(24*time.Hour))))
	}
	return l.Date(t)
}

// Duration writes a span by its two largest units: « 3 j 4 h », « 2 h 30 », « 45 min », « 40 s »; "3 d 4 h",
// "2 h 30 min". Days have 24 hours. Less than a second is « 0 s ».
func (l Loc) Duration(d time.Duration) string {
	if d < 0 {
		return "−" + l.Duration(-d)
	}
	days, hours := int64(d/(24*time.Hour)), int64(d%(24*time.Hour)/time.Hour)
	minutes, seconds := int64(d%time.Hour/time.Minute), int64(d%time.Minute/time.Second)
	switch {
	case days > 0 && hours > 0:
		return l.T("base.span.days_hours", "d", days, "h", hours)
	case days > 0:
		return l.T("base.span.days", "d", days)
	case hours > 0 && minutes > 0:
		m := strconv.FormatInt(minutes, 10)
		if l.Lang != EN && minutes < 10 {
			m = "0" + m // « 2 h 05 » reads like a clock
		}
		return l.T("base.span.hours_minutes", "h", hours, "m", m)
	case hours > 0:
		return l.T("base.span.hours", "h", hours)
	case minutes > 0:
		return l.T("base.span.minutes", "m", minutes)
	}
	return l.T("base.span.seconds", "s", seconds)
}

// WorkTime writes working time, to the minute: it has hours but no days, as a day of work is none of 24 hours. « 30 min »,
// « 40 h », « 40 h 05 »; "40 h 5 min".
func (l Loc) WorkTime(d time.Duration) string {
	if d < 0 {
		return "−" + l.WorkTime(-d)
	}
	d = d.Round(time.Minute)
	if d < time.Minute {
		return l.T("base.span.minutes", "m", 0)
	}
	if d < 24*time.Hour {
		return l.Duration(d)
	}
	h, m := int64(d/time.Hour), int64(d%time.Hour/time.Minute)
	if m == 0 {
		return l.T("base.span.hours", "h", h)
	}
	minutes := strconv.FormatInt(m, 10)
	if l.Lang != EN && m < 10 {
		minutes = "0" + minutes
	}
	return l.T("base.span.hours_minutes", "h", h, "m", minutes)
}
