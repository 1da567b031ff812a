package calendar

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/aa"
	"github.com/rickar/cal/v2/at"
	"github.com/rickar/cal/v2/be"
	"github.com/rickar/cal/v2/ca"
	"github.com/rickar/cal/v2/ch"
	"github.com/rickar/cal/v2/de"
	"github.com/rickar/cal/v2/es"
	"github.com/rickar/cal/v2/fr"
	"github.com/rickar/cal/v2/gb"
	"github.com/rickar/cal/v2/ie"
	"github.com/rickar/cal/v2/it"
	"github.com/rickar/cal/v2/nl"
	"github.com/rickar/cal/v2/us"

	"entraide/internal/base/errs"
)

// rules are public holidays of a country or a region.
type rules []*cal.Holiday

// country holds the public holidays everywhere in it, and those of its regions: complete lists.
type country struct {
	all     rules
	regions map[string]rules
}

// countries returns those whose public holidays are known, by ISO 3166-1 code.
func countries() map[string]country {
	return map[string]country{
		"AT": {all: at.Holidays}, "BE": {all: be.Holidays}, "CA": {all: ca.Holidays}, "ES": {all: es.Holidays},
		"FR": france(), "GB": {all: gb.Holidays}, "IE": {all: ie.Holidays}, "IT": {all: it.Holidays}, "LU": {all: luxembourg()},
		"NL": {all: nl.Holidays}, "US": {all: us.Holidays},
		"CH": {ch.Holidays, map[string]rules{"FR": ch.HolidaysFR, "GE": ch.HolidaysGE, "JU": ch.HolidaysJU, "NE": ch.HolidaysNE,
			"VD": ch.HolidaysVD, "VS": ch.HolidaysVS, "BE": ch.HolidaysBE, "BS": ch.HolidaysBS, "TI": ch.HolidaysTI, "ZH": ch.HolidaysZH}},
		"DE": {de.Holidays, map[string]rules{"BW": de.HolidaysBW, "BY": de.HolidaysBY, "BE": de.HolidaysBE, "BB": de.HolidaysBB,
			"HB": de.HolidaysHB, "HH": de.HolidaysHH, "HE": de.HolidaysHE, "MV": de.HolidaysMV, "NI": de.HolidaysNI, "NW": de.HolidaysNW,
			"RP": de.HolidaysRP, "SL": de.HolidaysSL, "SN": de.HolidaysSN, "ST": de.HolidaysST, "SH": de.HolidaysSH, "TH": de.HolidaysTH}},
	}
}

func on(month time.Month, dayOfMonth int, name string) *cal.Holiday {
	return &cal.Holiday{Name: name, Type: cal.ObservancePublic, Month: month, Day: dayOfMonth, Func: cal.CalcDayOfMonth}
}

// france adds to the eleven holidays of article L3133-1 of the labour code those of article L3134-13 (Haut-Rhin,
// Bas-Rhin, Moselle) and of article L3422-2 (abolition of slavery, overseas). Good Friday is due only in communes with a
// protestant church; a support centre that works then chooses the country without the region.
func france() country {
	with := func(more ...*cal.Holiday) rules { return append(slices.Clone(rules(fr.Holidays)), more...) }
	moselle := with(aa.GoodFriday, on(time.December, 26, "Saint-Étienne"))
	return country{fr.Holidays, map[string]rules{
		"57": moselle, "67": moselle, "68": moselle,
		"971": with(on(time.May, 27, "Abolition de l’esclavage")),
		"972": with(on(time.May, 22, "Abolition de l’esclavage")),
		"973": with(on(time.June, 10, "Abolition de l’esclavage")),
		"974": with(on(time.December, 20, "Abolition de l’esclavage")),
		"976": with(on(time.April, 27, "Abolition de l’esclavage")),
		"977": with(on(time.October, 9, "Abolition de l’esclavage")),
		"978": with(on(time.May, 28, "Abolition de l’esclavage")),
	}}
}

// luxembourg: article L. 232-2 of its labour code.
func luxembourg() rules {
	europe := on(time.May, 9, "Journée de l’Europe")
	europe.StartYear = 2019
	return rules{aa.NewYear, aa.EasterMonday, aa.WorkersDay, europe, aa.AscensionDay, aa.PentecostMonday, on(time.June, 23, "Fête nationale"),
		aa.AssumptionOfMary, aa.AllSaintsDay, aa.ChristmasDay, aa.ChristmasDay2}
}

// Countries returns the codes of the countries whose public holidays are known, each with those of its regions.
func Countries() map[string][]string {
	out := make(map[string][]string)
	for code, c := range countries() {
		out[code] = slices.Sorted(maps.Keys(c.regions))
	}
	return out
}

// closures are all days on which a calendar is closed.
type closures struct {
	days   map[date]bool
	yearly map[[2]int]bool // month and day
	spans  [][2]date       // first and last day
	rules  rules
}

// compileHolidays reads the holidays. Errors name the field "holidays".
func compileHolidays(spec Holidays) (c closures, wrong []errs.Field) {
	c = closures{days: make(map[date]bool), yearly: make(map[[2]int]bool)}
	known := countries()
	for _, h := range spec {
		var err error
		switch {
		case h.Day != "" && h.Country == "" && h.From == "":
			err = c.addDay(h.Day)
		case h.Country != "" && h.Day == "" && h.From == "":
			code, region := strings.ToUpper(h.Country), strings.ToUpper(h.Region)
			list := known[code].all
			if region = strings.TrimPrefix(region, code+"-"); region != "" {
				list = known[code].regions[region]
			}
			if list == nil {
				wrong = append(wrong, errs.Field{Name: "holidays", Key: "calendar.country", Args: []any{"country", strings.Trim(h.Country+" "+h.Region, " "),
					"known", strings.Join(slices.Sorted(maps.Keys(known)), ", ")}})
			}
			c.rules = append(c.rules, list...)
		case h.From != "" && h.Day == "" && h.Country == "":
			err = c.addSpan(h.From, h.To)
		default:
			err = fmt.Errorf("one of day, country and from")
		}
		if err != nil {
			wrong = append(wrong, errs.Field{Name: "holidays", Key: "calendar.holiday", Args: []any{"day", strings.TrimSpace(h.Day + h.From + " " + h.To)}})
		}
	}
	return c, wrong
}

func (c *closures) addDay(s string) error {
	if len(s) == len("12-24") { // a leap year, so that 02-29 is a day
		t, err := time.Parse(time.DateOnly, "2024-"+s)
		c.yearly[[2]int{int(t.Month()), t.Day()}] = true
		return err
	}
	d, err := parseDate(s)
	c.days[d] = true
	return err
}

func (c *closures) addSpan(from, to string) error {
	a, err := parseDate(from)
	if err != nil {
		return err
	}
	b, err := parseDate(to)
	if err == nil && b < a {
		err = fmt.Errorf("%s is before %s", to, from)
	}
	c.spans = append(c.spans, [2]date{a, b})
	return err
}

// in returns what the rules close in the years around y: a substitute for New Year's Day may lie in the year before.
func (c *closures) in(y int) map[date]bool {
	out := make(map[date]bool)
	for year := y - 1; year <= y+1; year++ {
		for _, r := range c.rules {
			actual, observed := r.Calc(year)
			if !actual.IsZero() {
				out[dateOf(actual)], out[dateOf(observed)] = true, true
			}
		}
	}
	return out
}

// closed reports whether d is closed; ruled comes from in.
func (c *closures) closed(d date, ruled map[date]bool) bool {
	if c.days[d] || ruled[d] {
		return true
	}
	if len(c.yearly) > 0 {
		if t := d.time(); c.yearly[[2]int{int(t.Month()), t.Day()}] {
			return true
		}
	}
	return slices.ContainsFunc(c.spans, func(s [2]date) bool { return s[0] <= d && d <= s[1] })
}
