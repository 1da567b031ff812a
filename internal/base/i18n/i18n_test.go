package i18n_test

import (
	"strings"
	"testing"
	"time"

	"entraide/internal/base/i18n"
)

// plain shows no-break spaces as ~ (narrow) and _ so that expectations can be read.
var plain = strings.NewReplacer("\u202f", "~", "\u00a0", "_")

var (
	fr = i18n.Loc{}
	en = i18n.Loc{Lang: i18n.EN}
)

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got = plain.Replace(got); got != want {
		t.Errorf("%s = %q, want %q", what, got, want)
	}
}

func TestTextAndPlural(t *testing.T) {
	same(t, "T", fr.T("base.yesterday"), "hier")
	same(t, "T with arguments", en.T("base.datetime", "time", "09:44", "date", "12 March"), "12 March, 09:44")
	same(t, "T with a key as argument", fr.T("base.ago", "span", i18n.Key("base.yesterday")), "il y a hier")
	for n, want := range map[int64][2]string{
		0: {"0_jour", "0 days"}, 1: {"1_jour", "1 day"}, 2: {"2_jours", "2 days"}, 1234: {"1~234_jours", "1,234 days"},
	} {
		same(t, "fr N", fr.N("base.days", n), want[0])
		same(t, "en N", en.N("base.days", n), want[1])
	}
	if !i18n.Has("base.days") || !i18n.Has("base.yesterday") || i18n.Has("base.nothing") {
		t.Error("Has is wrong about base.days, base.yesterday or base.nothing")
	}
}

func TestMissingKeysPanicInTests(t *testing.T) {
	for name, f := range map[string]func(){
		"text":     func() { fr.T("base.nothing") },
		"plural":   func() { fr.N("base.yesterday", 2) },
		"argument": func() { fr.T("base.ago") },
		"odd":      func() { fr.T("base.ago", "span") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

func TestContext(t *testing.T) {
	if got := i18n.From(t.Context()); got != (i18n.Loc{}) {
		t.Errorf("empty context gives %v", got)
	}
	ctx := i18n.With(t.Context(), en)
	same(t, "T", i18n.T(ctx, "base.yesterday"), "yesterday")
	same(t, "N", i18n.N(ctx, "base.days", 1), "1 day")
}

func TestNew(t *testing.T) {
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	same(t, "Tokyo", i18n.New("en", "Asia/Tokyo").Time(noon), "21:00")
	same(t, "unknown", i18n.New("xx", "Nowhere/Land").Time(noon), "14_h")
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		profile, header string
		want            i18n.Lang
	}{
		{"", "", i18n.FR},
		{"", "en-GB,en;q=0.8", i18n.EN},
		{"", "en;q=0.3, fr-CA;q=0.9", i18n.FR},
		{"", "de, en;q=0.5", i18n.EN},
		{"", "de", i18n.FR},
		{"", "%%%;;q=x", i18n.FR},
		{"en", "fr", i18n.EN},
		{"fr", "en", i18n.FR},
		{"xx", "en", i18n.EN},
	} {
		if got := i18n.Match(c.profile, c.header); got != c.want {
			t.Errorf("Match(%q, %q) = %s, want %s", c.profile, c.header, got, c.want)
		}
	}
}

func TestDates(t *testing.T) {
	at := time.Date(2026, 3, 12, 8, 44, 0, 0, time.UTC) // Thursday, 9:44 in Paris
	first := time.Date(2026, 2, 28, 23, 30, 0, 0, time.UTC)
	same(t, "fr Date", fr.Date(at), "12_mars 2026")
	same(t, "fr Date first", fr.Date(first), "1er_mars 2026")
	same(t, "en Date", en.Date(at), "12 March 2026")
	same(t, "fr DateLong", fr.DateLong(at), "jeudi 12_mars 2026")
	same(t, "en DateLong", en.DateLong(at), "Thursday 12 March 2026")
	same(t, "fr Time", fr.Time(at), "9_h_44")
	same(t, "fr Time whole", fr.Time(at.Add(-44*time.Minute)), "9_h")
	same(t, "en Time", en.Time(at), "09:44")
	same(t, "fr DateTime", fr.DateTime(at), "12_mars 2026 à 9_h_44")
	same(t, "en DateTime", en.DateTime(at), "12 March 2026, 09:44")
	for _, f := range []func(time.Time) string{fr.Date, fr.Day, fr.DateLong, fr.Weekday, fr.Time, fr.DateTime} {
		same(t, "zero time", f(time.Time{}), "")
	}
}

func TestWhen(t *testing.T) {
	now := time.Date(2026, 3, 12, 22, 30, 0, 0, time.UTC) // 23:30 in Paris
	for _, c := range []struct {
		shift  time.Duration
		fr, en string
	}{
		{-2 * time.Hour, "21_h_30", "21:30"},
		{-24 * time.Hour, "hier", "yesterday"},
		{time.Hour, "demain", "tomorrow"},
		{-3 * 24 * time.Hour, "lundi", "Monday"},
		{-7 * 24 * time.Hour, "5_mars", "5 March"},
		{-80 * 24 * time.Hour, "22_décembre 2025", "22 December 2025"},
	} {
		same(t, "fr", fr.When(now.Add(c.shift), now), c.fr)
		same(t, "en", en.When(now.Add(c.shift), now), c.en)
	}
	same(t, "zero", fr.When(time.Time{}, now), "")
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 3, 12, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		shift  time.Duration
		fr, en string
	}{
		{-20 * time.Second, "à l’instant", "just now"},
		{-5*time.Minute - 10*time.Second, "il y a 5_min", "5 min ago"},
		{2*time.Hour + 10*time.Minute, "dans 2_h", "in 2 h"},
		{-25 * time.Hour, "il y a 1_jour", "1 day ago"},
		{-72 * time.Hour, "il y a 3_jours", "3 days ago"},
		{-40 * 24 * time.Hour, "31_janvier 2026", "31 January 2026"},
	} {
		same(t, "fr", fr.Ago(now.Add(c.shift), now), c.fr)
		same(t, "en", en.Ago(now.Add(c.shift), now), c.en)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		0:                               {"0_s", "0 s"},
		40 * time.Second:                {"40_s", "40 s"},
		45 * time.Minute:                {"45_min", "45 min"},
		2 * time.Hour:                   {"2_h", "2 h"},
		2*time.Hour + 5*time.Minute:     {"2_h_05", "2 h 5 min"},
		76 * time.Hour:                  {"3_j 4_h", "3 d 4 h"},
		-90*time.Minute - 2*time.Second: {"−1_h_30", "−1 h 30 min"},
	} {
		same(t, "fr "+d.String(), fr.Duration(d), want[0])
		same(t, "en "+d.String(), en.Duration(d), want[1])
	}
}

func TestWorkTime(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		0:                            {"0_min", "0 min"},
		20 * time.Second:             {"0_min", "0 min"},
		90 * time.Minute:             {"1_h_30", "1 h 30 min"},
		24 * time.Hour:               {"24_h", "24 h"},
		40*time.Hour + 5*time.Minute: {"40_h_05", "40 h 5 min"},
		-30 * time.Hour:              {"−30_h", "−30 h"},
	} {
		same(t, "fr "+d.String(), fr.WorkTime(d), want[0])
		same(t, "en "+d.String(), en.WorkTime(d), want[1])
	}
}

func TestNumbers(t *testing.T) {
	same(t, "Number", fr.Number(1234567), "1~234~567")
	same(t, "Number", fr.Number(-1234), "−1~234")
	same(t, "Number", en.Number(1234567), "1,234,567")
	same(t, "Number", en.Number(999), "999")
	same(t, "Decimal", fr.Decimal(1234.5, 2), "1~234,50")
	same(t, "Decimal", en.Decimal(0.125, -1), "0.125")
	same(t, "Percent", fr.Percent(0.425), "42_%")
	same(t, "Percent", en.Percent(1), "100%")
	for n, want := range map[int64]string{
		0: "0_o", 1023: "1~023_o", 1024: "1_Ko", 1536: "1,5_Ko", 25 << 20: "25_Mo", 1<<20 - 1: "1_Mo", 3 << 40: "3_To",
	} {
		same(t, "Size", fr.Size(n), want)
	}
	same(t, "Size", en.Size(1536), "1.5 KB")
}

func BenchmarkPlain(b *testing.B) {
	for b.Loop() {
		_ = fr.T("base.yesterday")
	}
}

func BenchmarkArgument(b *testing.B) {
	for b.Loop() {
		_ = fr.T("base.ago", "span", "5 min")
	}
}

func BenchmarkPlural(b *testing.B) {
	for b.Loop() {
		_ = fr.N("base.days", 3)
	}
}
