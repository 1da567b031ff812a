package calendar

import (
	"errors"
	"fmt"
	"sort"
	"sync/atomic"
	"time"

	"entraide/internal/base/errs"
)

// What can be counted lies in these years.
const (
	firstYear = 1900
	lastYear  = 2199
)

// ErrNever: the time is never worked, or an instant lies outside the years that can be counted.
var ErrNever = errors.New("never worked")

// Calendar counts working time. It may be used by many goroutines at once; make one with Compile.
type Calendar struct {
	zone  *time.Location
	hours hours
	shut  closures
	years [lastYear - firstYear + 1]atomic.Pointer[year]
}

// year is the working time between the first instants, UTC, of a year and of the next.
type year struct {
	from, to []int64 // stretches in nanoseconds since 1970, sorted, not touching
	sum      []int64 // worked in the year before each stretch, nanoseconds
	total    int64
}

// Compile checks a Spec and makes its Calendar.
// Errors: errs.Invalid (tz, hours, hours.mon, holidays).
func Compile(s Spec) (*Calendar, error) {
	var wrong []errs.Field
	zone, err := time.LoadLocation(s.Zone)
	if err != nil || s.Zone == "" || s.Zone == "Local" {
		wrong = append(wrong, errs.Field{Name: "tz", Key: "calendar.zone", Args: []any{"zone", s.Zone}})
	}
	h, bad := compileHours(s.Hours)
	wrong = append(wrong, bad...)
	shut, bad := compileHolidays(s.Holidays)
	if wrong = append(wrong, bad...); len(wrong) > 0 {
		return nil, errs.InvalidFields(wrong)
	}
	c := &Calendar{zone: zone, hours: h, shut: shut}
	for _, y := range shut.years() {
		if c.year(y).total == 0 {
			return nil, errs.InvalidField("holidays", "calendar.year_off", "year", fmt.Sprint(y))
		}
	}
	return c, nil
}

// years returns the whole years that the days and closures named one by one might close.
func (c *closures) years() []int {
	count := make(map[int]int)
	for d := range c.days {
		count[d.time().Year()]++
	}
	for _, s := range c.spans {
		for y := s[0].time().Year(); y <= s[1].time().Year(); y++ {
			count[y] += int(s[1]-s[0]) + 1
		}
	}
	var out []int
	for y, n := range count {
		if n+len(c.yearly) >= 50 { // fewer cannot close a day of every week
			out = append(out, y)
		}
	}
	if len(out) == 0 && len(c.yearly) >= 50 {
		out = []int{2024}
	}
	sort.Ints(out)
	return out
}

// Zone is where the calendar's clock hangs.
func (c *Calendar) Zone() *time.Location { return c.zone }

// year returns the working time of a year, counted once.
func (c *Calendar) year(y int) *year {
	slot := &c.years[y-firstYear]
	if known := slot.Load(); known != nil {
		return known
	}
	made := c.count(y)
	slot.Store(made) // two at once make the same
	return made
}

// count walks the stretches of a year in which the zone's distance from UTC does not change.
func (c *Calendar) count(y int) *year {
	out := new(year)
	ruled := c.shut.in(y)
	begin, end := time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(y+1, 1, 1, 0, 0, 0, 0, time.UTC)
	for at := begin; at.Before(end); {
		_, until := at.In(c.zone).ZoneBounds()
		switch {
		case until.IsZero() || until.After(end):
			until = end
		case !until.After(at): // Go 1.26 ends zones computed by rule a day early in leap years
			until = at.Add(24 * time.Hour)
		}
		_, offset := at.In(c.zone).Zone()
		c.stretch(out, span{at.Unix(), until.Unix()}, int64(offset), ruled)
		at = until.UTC()
	}
	return out
}

// span is from one instant to another, not included, in seconds since 1970.
type span struct{ from, to int64 }

const secondsOfDay = day * 60

// stretch adds the periods of the days of s, on which wall clocks are offset seconds ahead of UTC.
func (c *Calendar) stretch(out *year, s span, offset int64, ruled map[date]bool) {
	for d := floor(s.from+offset, secondsOfDay); d*secondsOfDay < s.to+offset; d++ {
		if c.shut.closed(date(d), ruled) {
			continue
		}
		midnight := d*secondsOfDay - offset
		for _, p := range c.hours[date(d).weekday()] {
			out.add(max(s.from, midnight+int64(p.from)*60), min(s.to, midnight+int64(p.to)*60))
		}
	}
}

func floor(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// add appends a stretch in seconds, joined to the one before if they touch.
func (y *year) add(from, to int64) {
	if from >= to {
		return
	}
	from, to = from*int64(time.Second), to*int64(time.Second)
	y.total += to - from
	if n := len(y.to); n > 0 && y.to[n-1] == from {
		y.to[n-1] = to
		return
	}
	y.from, y.to, y.sum = append(y.from, from), append(y.to, to), append(y.sum, y.total-(to-from))
}

// before returns how much of the year is worked before an instant of it.
func (y *year) before(ns int64) int64 {
	i := y.last(ns)
	if i < 0 {
		return 0
	}
	return y.sum[i] + min(ns, y.to[i]) - y.from[i]
}

// last returns the last stretch that begins at or before ns, -1 if none does.
func (y *year) last(ns int64) int {
	lo, hi := 0, len(y.from)
	for lo < hi {
		if mid := (lo + hi) / 2; y.from[mid] <= ns {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// reach returns the earliest instant at which worked has been worked in the year; 0 < worked <= total.
func (y *year) reach(worked int64) int64 {
	lo, hi := 0, len(y.sum)
	for lo < hi {
		if mid := (lo + hi) / 2; y.sum[mid] < worked {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return y.from[lo-1] + worked - y.sum[lo-1]
}

func within(t time.Time) (int, error) {
	y := t.UTC().Year()
	if y < firstYear || y > lastYear {
		return 0, fmt.Errorf("year %d: %w", y, ErrNever)
	}
	return y, nil
}

// Open reports whether t is working time.
func (c *Calendar) Open(t time.Time) bool {
	y, err := within(t)
	if err != nil {
		return false
	}
	n := c.year(y)
	i := n.last(t.UnixNano())
	return i >= 0 && t.UnixNano() < n.to[i]
}

// Add returns the earliest instant at which d of working time has passed since start. d is not negative.
// Errors: ErrNever.
func (c *Calendar) Add(start time.Time, d time.Duration) (time.Time, error) {
	if d <= 0 {
		return start, nil
	}
	y, err := within(start)
	if err != nil {
		return start, err
	}
	rest := int64(d)
	for n, worked := c.year(y), c.year(y).before(start.UnixNano()); ; n, worked = c.year(y), 0 {
		if rest <= n.total-worked {
			return time.Unix(0, n.reach(worked+rest)).UTC(), nil
		}
		rest -= n.total - worked
		if y++; y > lastYear {
			return start, fmt.Errorf("%v after %v: %w", d, start, ErrNever)
		}
	}
}

// Between returns how much of the time from start to end is worked; 0 if end is not after start.
// Errors: ErrNever for instants outside the years that can be counted.
func (c *Calendar) Between(start, end time.Time) (time.Duration, error) {
	first, err := within(start)
	if err != nil {
		return 0, err
	}
	last, err := within(end)
	if err != nil || !end.After(start) {
		return 0, err
	}
	worked := c.year(last).before(end.UnixNano()) - c.year(first).before(start.UnixNano())
	for y := first; y < last; y++ {
		worked += c.year(y).total
	}
	return time.Duration(worked), nil
}
