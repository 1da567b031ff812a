package calendar_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/calendar"
)

func TestMain(m *testing.M) {
	if err := i18n.Load(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// compile reads a calendar as people write it.
func compile(t testing.TB, spec string) *calendar.Calendar {
	t.Helper()
	var s calendar.Spec
	if err := json.Unmarshal([]byte(spec), &s); err != nil {
		t.Fatal(err)
	}
	c, err := calendar.Compile(s)
	if err != nil {
		t.Fatalf("%s: %v", spec, err)
	}
	return c
}

const (
	office = `"mon":[["09:00","12:30"],["13:30","18:00"]],"tue":[["09:00","12:30"],["13:30","18:00"]],"wed":[["09:00","12:30"],["13:30","18:00"]],
		"thu":[["09:00","12:30"],["13:30","18:00"]],"fri":[["09:00","12:30"],["13:30","17:00"]]`
	nights = `"mon":[["22:00","06:00"]],"tue":[["22:00","06:00"]],"wed":[["22:00","06:00"]],"thu":[["22:00","06:00"]],"fri":[["22:00","06:00"]],
		"sat":[["22:00","06:00"]],"sun":[["22:00","06:00"]]`
	always = `"mon":[["00:00","24:00"]],"tue":[["00:00","24:00"]],"wed":[["00:00","24:00"]],"thu":[["00:00","24:00"]],"fri":[["00:00","24:00"]],
		"sat":[["00:00","24:00"]],"sun":[["00:00","24:00"]]`
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestDeadlines(t *testing.T) {
	paris := `{"tz":"Europe/Paris","hours":{` + office + `},"holidays":{"country":"FR"}}`
	metz := `{"tz":"Europe/Paris","hours":{` + office + `},"holidays":{"country":"fr","region":"FR-57"}}`
	night := `{"tz":"Europe/Paris","hours":{` + nights + `},"holidays":["2026-05-01"]}`
	whole := `{"tz":"Europe/Paris","hours":{` + always + `}}`
	for name, c := range map[string]struct {
		spec    string
		start   string
		minutes int
		want    string
	}{
		"within a period":                          {paris, "2026-03-02T09:00:00+01:00", 60, "2026-03-02T10:00:00+01:00"},
		"over lunch":                               {paris, "2026-03-02T12:00:00+01:00", 60, "2026-03-02T14:00:00+01:00"},
		"to the very end of a period":              {paris, "2026-03-02T09:00:00+01:00", 210, "2026-03-02T12:30:00+01:00"},
		"over a weekend":                           {paris, "2026-03-06T16:30:00+01:00", 60, "2026-03-09T09:30:00+01:00"},
		"from the night":                           {paris, "2026-03-02T23:00:00+01:00", 30, "2026-03-03T09:30:00+01:00"},
		"nothing to do ends at once, at night":     {paris, "2026-03-02T23:00:00+01:00", 0, "2026-03-02T23:00:00+01:00"},
		"over Easter Monday":                       {paris, "2026-04-03T16:30:00+02:00", 60, "2026-04-07T09:30:00+02:00"},
		"Good Friday is closed in Moselle":         {metz, "2026-04-02T17:30:00+02:00", 60, "2026-04-07T09:30:00+02:00"},
		"26 December is closed in Moselle":         {metz, "2025-12-24T17:30:00+01:00", 60, "2025-12-29T09:30:00+01:00"},
		"and is a Friday like others in Paris":     {paris, "2025-12-24T17:30:00+01:00", 60, "2025-12-26T09:30:00+01:00"},
		"the night when summer time begins":        {night, "2026-03-28T22:00:00+01:00", 7 * 60, "2026-03-29T06:00:00+02:00"},
		"the night when summer time ends":          {night, "2026-10-24T22:00:00+02:00", 9 * 60, "2026-10-25T06:00:00+01:00"},
		"a holiday closes from midnight":           {night, "2026-04-30T23:00:00+02:00", 120, "2026-05-02T01:00:00+02:00"},
		"around the clock over the change of time": {whole, "2026-03-28T12:00:00+01:00", 24 * 60, "2026-03-29T13:00:00+02:00"},
		"a year around the clock":                  {whole, "2025-06-01T00:00:00+02:00", 365 * 24 * 60, "2026-06-01T00:00:00+02:00"},
		"over New Year":                            {paris, "2025-12-31T17:30:00+01:00", 60, "2026-01-02T09:30:00+01:00"},
	} {
		t.Run(name, func(t *testing.T) {
			cal := compile(t, c.spec)
			got, err := cal.Add(at(c.start), time.Duration(c.minutes)*time.Minute)
			if err != nil || !got.Equal(at(c.want)) {
				t.Errorf("got %v, want %s, %v", got.In(cal.Zone()), c.want, err)
			}
		})
	}
}

func TestOpen(t *testing.T) {
	cal := compile(t, `{"tz":"Europe/Paris","hours":{`+office+`},"holidays":["2026-03-03","12-24",{"from":"2026-08-03","to":"2026-08-07"}]}`)
	for moment, want := range map[string]bool{
		"2026-03-02T09:00:00+01:00":    true,
		"2026-03-02T08:59:59.9+01:00":  false,
		"2026-03-02T12:29:59.99+01:00": true,
		"2026-03-02T12:30:00+01:00":    false, // the end is not in it
		"2026-03-03T10:00:00+01:00":    false, // closed this day
		"2026-12-24T10:00:00+01:00":    false, // closed each year
		"2026-08-07T10:00:00+02:00":    false, // last day of the closure
		"2026-08-10T10:00:00+02:00":    true,
		"1066-10-14T09:00:00Z":         false,
	} {
		if cal.Open(at(moment)) != want {
			t.Errorf("%s: open = %v", moment, !want)
		}
	}
}

func TestPauses(t *testing.T) {
	cal := compile(t, `{"tz":"Europe/Paris","hours":{`+office+`}}`)
	start := at("2026-03-02T09:00:00+01:00")
	pause := func(from, to string) calendar.Pause {
		p := calendar.Pause{From: at("2026-03-02T" + from + ":00+01:00")}
		if to != "" {
			p.To = at("2026-03-02T" + to + ":00+01:00")
		}
		return p
	}
	for name, c := range map[string]struct {
		pauses []calendar.Pause
		want   string // "" = never
	}{
		"none":                          {nil, "11:00"},
		"one":                           {[]calendar.Pause{pause("10:00", "10:30")}, "11:30"},
		"overlapping, in any order":     {[]calendar.Pause{pause("10:20", "10:40"), pause("10:00", "10:30"), pause("10:05", "10:10")}, "11:40"},
		"before the start":              {[]calendar.Pause{pause("07:00", "08:30")}, "11:00"},
		"over the start":                {[]calendar.Pause{pause("08:00", "09:30")}, "11:30"},
		"outside of the hours":          {[]calendar.Pause{pause("12:30", "13:30")}, "11:00"},
		"begins when the time is up":    {[]calendar.Pause{pause("11:00", "12:00")}, "11:00"},
		"backwards counts for nothing":  {[]calendar.Pause{pause("10:30", "10:00")}, "11:00"},
		"without an end, after the end": {[]calendar.Pause{pause("11:00", "")}, "11:00"},
		"without an end":                {[]calendar.Pause{pause("10:59", ""), pause("11:10", "11:20")}, ""},
	} {
		got, err := cal.AddPaused(start, 2*time.Hour, c.pauses)
		if c.want == "" {
			if !errors.Is(err, calendar.ErrNever) {
				t.Errorf("%s: %v, %v", name, got, err)
			}
			continue
		}
		if want := at("2026-03-02T" + c.want + ":00+01:00"); err != nil || !got.Equal(want) {
			t.Errorf("%s: got %v, want %v, %v", name, got.In(cal.Zone()), want, err)
		}
		if worked, err := cal.BetweenPaused(start, got, c.pauses); err != nil || worked != 2*time.Hour {
			t.Errorf("%s: measured back %v, %v", name, worked, err)
		}
	}
	if worked, err := cal.BetweenPaused(start, at("2026-03-02T18:00:00+01:00"), []calendar.Pause{pause("10:00", "")}); err != nil || worked != time.Hour {
		t.Errorf("a pause without an end: %v, %v", worked, err)
	}
}

func TestRefused(t *testing.T) {
	for spec, field := range map[string]string{
		`{"tz":"Mars/Olympus","hours":{"mon":[["09:00","12:00"]]}}`:                                             "tz",
		`{"tz":"","hours":{"mon":[["09:00","12:00"]]}}`:                                                         "tz",
		`{"tz":"Local","hours":{"mon":[["09:00","12:00"]]}}`:                                                    "tz",
		`{"tz":"UTC","hours":{}}`:                                                                               "hours",
		`{"tz":"UTC","hours":{"lundi":[["09:00","12:00"]]}}`:                                                    "hours.lundi",
		`{"tz":"UTC","hours":{"mon":[["09:00","09:00"]]}}`:                                                      "hours.mon",
		`{"tz":"UTC","hours":{"mon":[["9h","12:00"]]}}`:                                                         "hours.mon",
		`{"tz":"UTC","hours":{"mon":[["24:00","12:00"]]}}`:                                                      "hours.mon",
		`{"tz":"UTC","hours":{"mon":[["09:00","24:01"]]}}`:                                                      "hours.mon",
		`{"tz":"UTC","hours":{"mon":[["09:00","12:00"],["11:59","14:00"]]}}`:                                    "hours.mon",
		`{"tz":"UTC","hours":{"sun":[["22:00","06:00"]],"mon":[["05:00","14:00"]]}}`:                            "hours.mon", // the night reaches into it
		`{"tz":"UTC","hours":{"mon":[["09:00","12:00"]]},"holidays":["1 mai"]}`:                                 "holidays",
		`{"tz":"UTC","hours":{"mon":[["09:00","12:00"]]},"holidays":["2026-02-30"]}`:                            "holidays",
		`{"tz":"UTC","hours":{"mon":[["09:00","12:00"]]},"holidays":{"country":"XX"}}`:                          "holidays",
		`{"tz":"UTC","hours":{"mon":[["09:00","12:00"]]},"holidays":{"country":"FR","region":"99"}}`:            "holidays",
		`{"tz":"UTC","hours":{"mon":[["09:00","12:00"]]},"holidays":[{"from":"2026-02-03","to":"2026-02-01"}]}`: "holidays",
		`{"tz":"UTC","hours":{"mon":[["09:00","12:00"]]},"holidays":[{"from":"2026-01-01","to":"2026-12-31"}]}`: "holidays", // nothing is left
		`{"tz":"UTC","hours":{"mon":[["09:00","12:00"]]},"holidays":[{"country":"FR","day":"2026-02-03"}]}`:     "holidays",
		`{"tz":"UTC","hours":{"mon":[["09:00","12:00"]]},"holidays":[{}]}`:                                      "holidays",
	} {
		var s calendar.Spec
		if err := json.Unmarshal([]byte(spec), &s); err != nil {
			t.Fatal(err)
		}
		_, err := calendar.Compile(s)
		fields := errs.Fields(err)
		if len(fields) != 1 || fields[0].Name != field {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		if said := (i18n.Loc{}).T(fields[0].Key, fields[0].Args...); strings.Contains(said, "{") {
			t.Errorf("%s: %s", spec, said)
		}
	}
}

// naive is the definition, minute by minute: it shares nothing with the package but the calendar's description.
type naive struct {
	zone *time.Location
	open [7][24 * 60]bool // by weekday and minute of the wall's clock
	shut map[string]bool  // days as 2006-01-02
}

func newNaive(t testing.TB, s calendar.Spec) naive {
	t.Helper()
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		t.Fatal(err)
	}
	n := naive{zone: zone, shut: make(map[string]bool)}
	for i, name := range []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} {
		for _, p := range s.Hours[name] {
			var h1, m1, h2, m2 int
			if _, err := fmt.Sscanf(p[0]+" "+p[1], "%d:%d %d:%d", &h1, &m1, &h2, &m2); err != nil {
				t.Fatal(err)
			}
			from, to := h1*60+m1, h2*60+m2
			if to < from {
				to += 24 * 60
			}
			for m := from; m < to; m++ {
				n.open[(i+m/(24*60))%7][m%(24*60)] = true
			}
		}
	}
	for _, h := range s.Holidays {
		n.shut[h.Day] = true
	}
	return n
}

func (n naive) isOpen(t time.Time) bool {
	t = t.In(n.zone)
	return n.open[t.Weekday()][t.Hour()*60+t.Minute()] && !n.shut[t.Format(time.DateOnly)]
}

// add counts minutes from a whole minute.
func (n naive) add(t time.Time, minutes int) time.Time {
	for ; minutes > 0; t = t.Add(time.Minute) {
		if n.isOpen(t) {
			minutes--
		}
	}
	return t
}

// random makes calendars around changes of the clock, with days off near them.
func random(r *rand.Rand, near time.Time, zone string) calendar.Spec {
	s := calendar.Spec{Zone: zone, Hours: make(map[string][]calendar.Span)}
	clock := func(m int) string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }
	for _, d := range []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} {
		switch r.IntN(5) {
		case 0: // closed
		case 1:
			s.Hours[d] = []calendar.Span{{"00:00", "24:00"}}
		default:
			from := r.IntN(20 * 60)
			to := from + 1 + r.IntN(24*60-from)
			mid := from + (to-from)/2
			if mid > from+1 && mid < to-1 && r.IntN(2) == 0 {
				s.Hours[d] = []calendar.Span{{clock(mid + 1), clock(to)}, {clock(from), clock(mid)}}
			} else {
				s.Hours[d] = []calendar.Span{{clock(from), clock(to)}}
			}
		}
	}
	if len(s.Hours) == 0 || r.IntN(8) == 0 {
		s.Hours = map[string][]calendar.Span{"sat": {{"21:30", "07:15"}}, "sun": {{"22:00", "02:30"}}, "wed": {{"23:59", "00:01"}}}
	}
	for range r.IntN(4) {
		s.Holidays = append(s.Holidays, calendar.Holiday{Day: near.AddDate(0, 0, r.IntN(9)-4).Format(time.DateOnly)})
	}
	return s
}

// changes are moments when clocks jump: forward, back, by half an hour, over midnight, over a whole day.
var changes = map[string][]string{
	"Europe/Paris":        {"2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-06-01T00:00:00Z", "2040-12-31T00:00:00Z", "2040-10-28T01:00:00Z"},
	"America/St_Johns":    {"2010-03-14T03:31:00Z", "2010-11-07T02:31:00Z"}, // at one minute past midnight
	"America/Havana":      {"2026-03-08T05:00:00Z", "2026-11-01T05:00:00Z"}, // at midnight
	"Australia/Lord_Howe": {"2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z"}, // half an hour
	"Pacific/Apia":        {"2011-12-30T10:00:00Z"},                         // no 30 December
	"Asia/Kathmandu":      {"2026-01-01T00:00:00Z"},
}

// TestAgainstDefinition compares 10,000 random cases with a second implementation.
func TestAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	zones := make([]string, 0, len(changes))
	for z := range changes {
		zones = append(zones, z)
	}
	slices.Sort(zones)
	for n := range 1000 {
		zone := zones[n%len(zones)]
		near := at(changes[zone][r.IntN(len(changes[zone]))])
		spec := random(r, near, zone)
		cal, err := calendar.Compile(spec)
		if err != nil {
			t.Fatalf("%+v: %v", spec, err)
		}
		want := newNaive(t, spec)
		for range 10 {
			start := near.Add(time.Duration(r.IntN(6*24*60)-4*24*60) * time.Minute)
			if got := cal.Open(start); got != want.isOpen(start) {
				t.Fatalf("%+v\nopen at %v: %v", spec, start.In(want.zone), got)
			}
			minutes := r.IntN(900)
			got, err := cal.Add(start, time.Duration(minutes)*time.Minute)
			if end := want.add(start, minutes); err != nil || !got.Equal(end) {
				t.Fatalf("%+v\n%d minutes from %v: %v, want %v (%v)", spec, minutes, start.In(want.zone), got.In(want.zone), end.In(want.zone), err)
			}
			// Adding, then measuring, gives the length back; a longer time never ends earlier.
			if back, err := cal.Between(start, got); err != nil || back != time.Duration(minutes)*time.Minute {
				t.Fatalf("%+v\n%d minutes from %v measure %v (%v)", spec, minutes, start, back, err)
			}
			if later, err := cal.Add(start, time.Duration(minutes)*time.Minute+time.Second); err != nil || !later.After(got) {
				t.Fatalf("%+v\none second more ends at %v, not after %v (%v)", spec, later, got, err)
			}
		}
	}
}

func TestFrenchHolidays(t *testing.T) {
	cal := compile(t, `{"tz":"Europe/Paris","hours":{`+always+`},"holidays":{"country":"FR"}}`)
	want := []string{"2026-01-01", "2026-04-06", "2026-05-01", "2026-05-08", "2026-05-14", "2026-05-25", "2026-07-14", "2026-08-15", "2026-11-01",
		"2026-11-11", "2026-12-25"}
	var got []string
	for d := time.Date(2026, 1, 1, 12, 0, 0, 0, cal.Zone()); d.Year() == 2026; d = d.AddDate(0, 0, 1) {
		if !cal.Open(d) {
			got = append(got, d.Format(time.DateOnly))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("closed on %v\nwant %v", got, want)
	}
}

func TestSubstituteDay(t *testing.T) {
	cal := compile(t, `{"tz":"Europe/London","hours":{`+always+`},"holidays":{"country":"GB"}}`)
	if cal.Open(at("2027-12-27T12:00:00Z")) || !cal.Open(at("2027-12-30T12:00:00Z")) {
		t.Error("Christmas on a Saturday is given back on Monday in Great Britain")
	}
}

func TestNever(t *testing.T) {
	cal := compile(t, `{"tz":"UTC","hours":{"mon":[["09:00","10:00"]]}}`)
	for name, try := range map[string]func() (time.Time, error){
		"too long":  func() (time.Time, error) { return cal.Add(at("2026-01-01T00:00:00Z"), 200*366*24*time.Hour) },
		"too early": func() (time.Time, error) { return cal.Add(at("1066-10-14T09:00:00Z"), time.Hour) },
		"too late":  func() (time.Time, error) { return cal.Add(at("2200-01-01T00:00:00Z"), time.Hour) },
	} {
		if got, err := try(); !errors.Is(err, calendar.ErrNever) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	cal := compile(b, `{"tz":"Europe/Paris","hours":{`+office+`},"holidays":{"country":"FR","region":"57"}}`)
	start := at("2026-01-01T00:00:00Z")
	for n := 0; b.Loop(); n++ {
		if _, err := cal.Add(start.Add(time.Duration(n%500_000)*time.Minute), 16*time.Hour); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deadlines/s")
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		cal := compile(b, `{"tz":"Europe/Paris","hours":{`+office+`},"holidays":{"country":"FR"}}`)
		if _, err := cal.Add(at("2026-03-02T09:00:00Z"), time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}
