package calendar

import "time"

// Part is working time that a clock counted, or that passed while it stood still.
type Part struct {
	From, To time.Time // To is not included
	Paused   bool
}

// Length is how long the part lasted.
func (p Part) Length() time.Duration { return p.To.Sub(p.From) }

// Day is what a clock counted on one day of its calendar's zone.
type Day struct {
	Date    time.Time // its first instant, in the calendar's zone
	Parts   []Part    // in order; what lies between them is not worked
	Counted time.Duration
	Total   time.Duration // counted until the end of the day
}

// Explain tells day by day how BetweenPaused comes to its result: working time from start to end, counted or paused. Days
// without any are left out. Each day's Total adds up to it.
// Errors: as Between.
func (c *Calendar) Explain(start, end time.Time, pauses []Pause) ([]Day, error) {
	first, err := within(start)
	if err != nil {
		return nil, err
	}
	last, err := within(end)
	if err != nil || !end.After(start) {
		return nil, err
	}
	x := explanation{c: c, pauses: merged(pauses, start)}
	for y := first; y <= last; y++ {
		n := c.year(y)
		for i := max(0, n.last(start.UnixNano())); i < len(n.from) && n.from[i] < end.UnixNano(); i++ {
			from, to := max(n.from[i], start.UnixNano()), min(n.to[i], end.UnixNano())
			if from < to {
				x.stretch(time.Unix(0, from).In(c.zone), time.Unix(0, to).In(c.zone))
			}
		}
	}
	return x.days, nil
}

// explanation is an Explain under way.
type explanation struct {
	c      *Calendar
	pauses []Pause // merged; those that ended are dropped
	days   []Day
}

// stretch cuts working time at the edges of pauses and of days.
func (x *explanation) stretch(from, to time.Time) {
	for at := from; at.Before(to); {
		p := Part{From: at, To: to}
		for len(x.pauses) > 0 && !x.pauses[0].To.IsZero() && !x.pauses[0].To.After(at) {
			x.pauses = x.pauses[1:]
		}
		if len(x.pauses) > 0 {
			next := x.pauses[0]
			switch p.Paused = !next.From.After(at); {
			case p.Paused && !next.To.IsZero():
				p.To = earlier(p.To, next.To)
			case !p.Paused:
				p.To = earlier(p.To, next.From)
			}
		}
		y, m, d := at.Date()
		midnight := time.Date(y, m, d+1, 0, 0, 0, 0, x.c.zone)
		if midnight.After(at) { // where a zone skips a day, there is none
			p.To = earlier(p.To, midnight)
		}
		p.To = p.To.In(x.c.zone)
		x.add(time.Date(y, m, d, 0, 0, 0, 0, x.c.zone), p)
		at = p.To
	}
}

func (x *explanation) add(date time.Time, p Part) {
	n := len(x.days)
	if n == 0 || !x.days[n-1].Date.Equal(date) {
		d := Day{Date: date}
		if n > 0 {
			d.Total = x.days[n-1].Total
		}
		x.days = append(x.days, d)
		n++
	}
	d := &x.days[n-1]
	d.Parts = append(d.Parts, p)
	if !p.Paused {
		d.Counted += p.Length()
		d.Total += p.Length()
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
