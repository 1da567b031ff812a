package calendar

import (
	"slices"
	"time"
)

// Pause is time that does not count, from its first instant to its last, not included. A zero To has no end yet.
type Pause struct{ From, To time.Time }

// merged returns the pauses after start, sorted, apart from each other; the last may have no end.
func merged(pauses []Pause, start time.Time) []Pause {
	all := slices.Clone(pauses)
	slices.SortFunc(all, func(a, b Pause) int { return a.From.Compare(b.From) })
	var out []Pause
	for _, p := range all {
		if !p.To.IsZero() && (!p.To.After(start) || !p.To.After(p.From)) {
			continue
		}
		if n := len(out); n > 0 && (out[n-1].To.IsZero() || !p.From.After(out[n-1].To)) {
			if last := &out[n-1]; p.To.IsZero() || !last.To.IsZero() && p.To.After(last.To) {
				last.To = p.To
			}
			continue
		}
		out = append(out, p)
	}
	return out
}

// AddPaused is Add for a clock that stands still during the pauses, which may overlap and come in any order.
// Errors: ErrNever, also when the clock stands for good.
func (c *Calendar) AddPaused(start time.Time, d time.Duration, pauses []Pause) (time.Time, error) {
	at := start
	for _, p := range merged(pauses, start) {
		worked, err := c.Between(at, p.From)
		if err != nil {
			return start, err
		}
		if worked >= d {
			break
		}
		if p.To.IsZero() {
			return start, ErrNever
		}
		d -= worked
		at = p.To
	}
	return c.Add(at, d)
}

// BetweenPaused is Between for a clock that stands still during the pauses.
// Errors: as Between.
func (c *Calendar) BetweenPaused(start, end time.Time, pauses []Pause) (time.Duration, error) {
	var worked time.Duration
	at := start
	for _, p := range merged(pauses, start) {
		if !p.From.Before(end) {
			break
		}
		w, err := c.Between(at, p.From)
		if err != nil {
			return 0, err
		}
		worked += w
		if at = p.To; p.To.IsZero() {
			at = end
		}
	}
	w, err := c.Between(at, end)
	return worked + w, err
}
