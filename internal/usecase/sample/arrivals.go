package sample

import (
	"math/rand/v2"
	"sort"
	"time"
)

// The shape of a week, of a day and of a year, as shares of an ordinary day, hour and month.
var (
	weekWeights = [7]float64{0.012, 1.35, 1.08, 1, 1.02, 0.85, 0.025} // from Sunday
	hourWeights = [24]float64{0.03, 0.01, 0.01, 0.01, 0.03, 0.15, 0.3, 1.4, 9, 16, 13.5, 10, 4.2, 6.5, 13.5, 10.5, 9, 6, 2.2, 0.6,
		0.3, 0.3, 0.15, 0.08}
	monthWeights = [12]float64{1.12, 1.02, 1.05, 1, 0.9, 1, 0.86, 0.5, 1.18, 1.08, 1.02, 0.78} // from January
)

// arrivals draws n moments of the year that ends now, as requesters have them.
func (w *world) arrivals(r *rand.Rand, n int) []time.Time {
	start := w.cal.at(w.now.AddDate(-1, 0, 0), 0)
	var days []time.Time
	var sums []float64
	total := 0.0
	for d := start; !d.After(w.now); d = w.cal.at(d.AddDate(0, 0, 1), 0) {
		v := weekWeights[d.Weekday()] * monthWeights[d.Month()-1]
		if d.Weekday() >= time.Monday && d.Weekday() <= time.Friday && !w.cal.workday(d) {
			v *= 0.015
		}
		if d.Month() == time.December && d.Day() > 23 {
			v *= 0.3
		}
		v *= 0.9 + 0.2*float64(len(days))/365 // the desk becomes known
		total += v
		days, sums = append(days, d), append(sums, total)
	}
	out := make([]time.Time, 0, n)
	for len(out) < n {
		d := days[sort.SearchFloat64s(sums, r.Float64()*total)]
		if t := w.cal.at(d, hourOf(r)*60+r.IntN(60)).Add(time.Duration(r.IntN(60000)) * time.Millisecond); t.Before(w.now) {
			out = append(out, t)
		}
	}
	return out
}

func hourOf(r *rand.Rand) int {
	total := 0.0
	for _, v := range hourWeights {
		total += v
	}
	x := r.Float64() * total
	for h, v := range hourWeights {
		if x -= v; x < 0 {
			return h
		}
	}
	return 9
}
