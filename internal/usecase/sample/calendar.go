package sample

import (
	"time"
)

// hours are the working hours of a day as minutes after midnight, without the break from..to if it is not empty.
type hours struct{ open, from, to, close int }

// The desk (level 1) takes turns over lunch; the other levels and the requesters do not.
var (
	deskHours   = hours{8 * 60, 0, 0, 18 * 60}
	expertHours = hours{8*60 + 30, 12*60 + 30, 13*60 + 30, 17*60 + 30}
	officeHours = hours{8*60 + 15, 12*60 + 15, 13*60 + 30, 18*60 + 15}
)

// calendar knows the French working days of the years around a plan.
type calendar struct {
	zone *time.Location
	off  map[string]bool // "2026-05-01"
}

func newCalendar(zone *time.Location, now time.Time) calendar {
	c := calendar{zone, map[string]bool{}}
	for y := now.Year() - 2; y <= now.Year()+1; y++ {
		for _, d := range holidays(y) {
			c.off[d.Format(time.DateOnly)] = true
		}
	}
	return c
}

// holidays are the French public holidays of a year.
func holidays(y int) []time.Time {
	day := func(m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	e := easter(y)
	return []time.Time{
		day(1, 1), e.AddDate(0, 0, 1), day(5, 1), day(5, 8), e.AddDate(0, 0, 39), e.AddDate(0, 0, 50),
		day(7, 14), day(8, 15), day(11, 1), day(11, 11), day(12, 25),
	}
}

// easter is Easter Sunday of the Gregorian calendar (Meeus).
func easter(y int) time.Time {
	a, b, c := y%19, y/100, y%100
	h := (19*a + b - b/4 - (b-(b+8)/25+1)/3 + 15) % 30
	l := (32 + 2*(b%4) + 2*(c/4) - h - c%4) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Date(y, time.Month(n/31), n%31+1, 0, 0, 0, 0, time.UTC)
}

// workday reports whether people work on the day of t.
func (c calendar) workday(t time.Time) bool {
	t = t.In(c.zone)
	return t.Weekday() != time.Saturday && t.Weekday() != time.Sunday && !c.off[t.Format(time.DateOnly)]
}

// within reports whether t is in working hours.
func (c calendar) within(t time.Time, h hours) bool {
	if !c.workday(t) {
		return false
	}
	t = t.In(c.zone)
	m := t.Hour()*60 + t.Minute()
	return m >= h.open && m < h.close && (m < h.from || m >= h.to)
}

// at is minute m of the day of t.
func (c calendar) at(t time.Time, m int) time.Time {
	y, mo, d := t.In(c.zone).Date()
	return time.Date(y, mo, d, m/60, m%60, 0, 0, c.zone)
}

// add is the moment after d of working time from t; with d of zero, t or the next opening.
func (c calendar) add(t time.Time, d time.Duration, h hours) time.Time {
	for {
		if c.workday(t) {
			for _, p := range [2][2]int{{h.open, h.from}, {h.to, h.close}} {
				if h.from == 0 {
					p = [2]int{h.open, h.close}
				}
				from, to := c.at(t, p[0]), c.at(t, p[1])
				if t.Before(from) {
					t = from
				}
				if left := to.Sub(t); d < left {
					return t.Add(d)
				} else if left > 0 {
					t, d = to, d-left
				}
			}
		}
		t = c.at(t.In(c.zone).AddDate(0, 0, 1), 0)
	}
}

// before is the moment d of working time before t.
func (c calendar) before(t time.Time, d time.Duration, h hours) time.Time {
	for {
		if c.workday(t) {
			for _, p := range [2][2]int{{h.to, h.close}, {h.open, h.from}} {
				if h.from == 0 {
					p = [2]int{h.open, h.close}
				}
				from, to := c.at(t, p[0]), c.at(t, p[1])
				if t.After(to) {
					t = to
				}
				if left := t.Sub(from); d == 0 && left > 0 && t.Equal(to) {
					return t.Add(-time.Second) // the closing minute is no longer working time
				} else if d < left {
					return t.Add(-d)
				} else if left > 0 {
					t, d = from, d-left
				}
			}
		}
		t = c.at(t, 0).Add(-time.Minute) // the last minute of the day before
	}
}
