package sample

import (
	"testing"
	"time"
)

func TestCalendar(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	c := newCalendar(zone, at("2026-06-01 00:00"))
	for _, x := range []struct {
		from    string
		minutes int
		h       hours
		want    string
	}{
		{"2026-03-12 09:00", 30, deskHours, "2026-03-12 09:30"},
		{"2026-03-13 17:50", 20, deskHours, "2026-03-16 08:10"},   // over a weekend
		{"2026-03-12 12:20", 20, expertHours, "2026-03-12 13:40"}, // over lunch
		{"2026-03-12 12:45", 0, expertHours, "2026-03-12 13:30"},
		{"2026-04-30 17:59", 5, deskHours, "2026-05-04 08:04"},   // 1 May is a Friday
		{"2026-04-03 17:00", 120, deskHours, "2026-04-07 09:00"}, // Easter Monday
		{"2026-03-27 17:30", 60, deskHours, "2026-03-30 08:30"},  // summer time begins
		{"2026-03-12 23:00", 0, deskHours, "2026-03-13 08:00"},
	} {
		if got := c.add(at(x.from), time.Duration(x.minutes)*time.Minute, x.h); !got.Equal(at(x.want)) {
			t.Errorf("%s + %d min = %s, want %s", x.from, x.minutes, got.Format("2006-01-02 15:04"), x.want)
		}
	}
	for _, x := range []struct {
		from    string
		minutes int
		want    string
	}{
		{"2026-03-12 09:00", 30, "2026-03-12 08:30"},
		{"2026-03-16 08:05", 20, "2026-03-13 17:45"},
		{"2026-03-15 02:12", 13, "2026-03-13 17:47"},
		{"2026-05-04 09:00", 600, "2026-04-30 09:00"},
	} {
		if got := c.before(at(x.from), time.Duration(x.minutes)*time.Minute, deskHours); !got.Equal(at(x.want)) {
			t.Errorf("%s - %d min = %s, want %s", x.from, x.minutes, got.Format("2006-01-02 15:04"), x.want)
		}
	}
	for day, off := range map[string]bool{"2026-04-06": true, "2026-05-14": true, "2026-05-25": true, "2026-07-14": true,
		"2026-07-13": false, "2025-04-21": true, "2027-03-29": true} {
		if got := !c.workday(at(day + " 12:00")); got != off {
			t.Errorf("%s: off = %v", day, got)
		}
	}
}
