package calendar_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"entraide/internal/domain/calendar"
)

// What is explained adds up to what is counted, over changes of summer time, holidays and pauses of every kind.
func TestExplainAddsUp(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, zone := range []string{"Europe/Paris", "America/New_York", "Pacific/Apia", "Asia/Kathmandu"} {
		for _, hours := range []map[string][]calendar.Span{
			{"mon": {{"09:00", "12:00"}, {"14:00", "18:00"}}, "tue": {{"09:00", "18:00"}}, "fri": {{"08:00", "11:30"}}},
			{"mon": {{"00:00", "24:00"}}, "tue": {{"00:00", "24:00"}}, "wed": {{"00:00", "24:00"}}, "thu": {{"00:00", "24:00"}}, "fri": {{"00:00", "24:00"}}, "sat": {{"00:00", "24:00"}}, "sun": {{"00:00", "24:00"}}},
		} {
			c, err := calendar.Compile(calendar.Spec{Zone: zone, Hours: hours})
			if err != nil {
				t.Fatal(err)
			}
			for range 300 {
				start := time.Date(2011, 10, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.Int64N(int64(200 * 24 * time.Hour))))
				end := start.Add(time.Duration(r.Int64N(int64(30 * 24 * time.Hour))))
				var pauses []calendar.Pause
				for range r.IntN(5) {
					p := calendar.Pause{From: start.Add(time.Duration(r.Int64N(int64(30 * 24 * time.Hour)))).Add(-2 * time.Hour)}
					if r.IntN(4) > 0 {
						p.To = p.From.Add(time.Duration(r.Int64N(int64(5 * 24 * time.Hour))))
					}
					pauses = append(pauses, p)
				}
				want, err := c.BetweenPaused(start, end, pauses)
				if err != nil {
					t.Fatal(err)
				}
				days, err := c.Explain(start, end, pauses)
				if err != nil {
					t.Fatal(err)
				}
				check(t, c, days, start, end, want)
			}
		}
	}
	if c, err := calendar.Compile(calendar.Spec{Zone: "UTC", Hours: map[string][]calendar.Span{"mon": {{"09:00", "10:00"}}}}); err != nil {
		t.Fatal(err)
	} else if days, err := c.Explain(time.Now(), time.Now().Add(-time.Hour), nil); len(days) > 0 || err != nil {
		t.Errorf("an end before the start: %v, %v", days, err)
	}
}

func check(t *testing.T, c *calendar.Calendar, days []calendar.Day, start, end time.Time, want time.Duration) {
	t.Helper()
	var sum time.Duration
	at := start
	for _, d := range days {
		for _, p := range d.Parts {
			if p.From.Before(at) || !p.To.After(p.From) || p.To.After(end) || !c.Open(p.From) {
				t.Fatalf("%v–%v after %v until %v", p.From, p.To, at, end)
			}
			y, m, day := p.From.Date()
			if z, n, e := d.Date.Date(); y != z || m != n || day != e {
				t.Fatalf("%v stands under %v", p.From, d.Date)
			}
			if at = p.To; !p.Paused {
				sum += p.Length()
			}
		}
		if d.Total != sum {
			t.Fatalf("total %v, sum %v", d.Total, sum)
		}
	}
	if sum != want {
		t.Fatalf("from %v to %v: %v explained, %v counted", start, end, sum, want)
	}
}
