package settings

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/calendar"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/sla"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
	"entraide/internal/usecase/promise"
)

const (
	slaPath       = ui.SettingsPath + "/sla"
	calendarsPath = slaPath + "/calendars"
	policiesPath  = slaPath + "/policies"
)

func (p pages) mountPromises() {
	admins := func(pattern string, h kit.Handler) { p.Route(kit.Admins, pattern, h) }
	admins("GET "+slaPath, p.promises)
	admins("GET "+calendarsPath+"/{id}", p.workCalendar)
	admins("POST "+calendarsPath+"/{id}", p.saveCalendar)
	admins("POST "+calendarsPath+"/{id}/trial", p.tryCalendar)
	admins("POST "+calendarsPath+"/{id}/removal", p.dropCalendar)
	admins("GET "+policiesPath+"/{id}", p.policy)
	admins("POST "+policiesPath+"/{id}", p.savePolicy)
	admins("POST "+policiesPath+"/{id}/removal", p.dropPolicy)
}

// promises lists policies and calendars.
func (p pages) promises(w http.ResponseWriter, r *http.Request) error {
	l := i18n.From(r.Context())
	var v page.Promises
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, _ auth.Actor) error {
		calendars, err := calendar.List(ctx, tx)
		if err != nil {
			return err
		}
		names := map[string]string{}
		for _, c := range calendars {
			names[c.ID] = c.Name
			v.Calendars = append(v.Calendars, page.PromiseLine{Name: c.Name, Href: calendarsPath + "/" + c.ID, Detail: c.Spec.Zone})
		}
		all, err := sla.Policies(ctx, tx)
		for _, x := range all {
			v.Policies = append(v.Policies, page.PromiseLine{Name: x.Name, Href: policiesPath + "/" + x.ID, Off: !x.Active,
				Detail: inBrief(l, names[x.CalendarID], x.Targets[1])})
		}
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.shell(w, r, l.T("settings.sla"), "sla")
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.PromisesPage(s, v))
}

// inBrief says by which calendar a policy counts and what it promises to the most urgent.
func inBrief(l i18n.Loc, calendar string, t sla.Target) string {
	var promises []string
	for _, x := range []struct {
		key     string
		minutes int
	}{{"first", t.First}, {"resolution", t.Resolution}} {
		if x.minutes > 0 {
			promises = append(promises, l.T("settings.sla.policy.detail."+x.key, "span", l.WorkTime(time.Duration(x.minutes)*time.Minute)))
		}
	}
	if promises == nil {
		return calendar
	}
	return l.T("settings.sla.policy.detail", "calendar", calendar, "promises", strings.Join(promises, ", "))
}

// span writes minutes as people do: "45", "4h", "1h30"; "" for none.
func span(minutes int) string {
	switch h, m := minutes/60, minutes%60; {
	case minutes == 0:
		return ""
	case h == 0:
		return strconv.Itoa(m)
	case m == 0:
		return strconv.Itoa(h) + "h"
	default:
		return fmt.Sprintf("%dh%02d", h, m)
	}
}

// minutes reads "45", "4h" or "1h30"; -1 for what is none of these.
func minutes(s string) int {
	s = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), " ", ""))
	if s == "" {
		return 0
	}
	h, m, hours := strings.Cut(s, "h")
	if !hours {
		h, m = "0", h
	}
	if m == "" {
		m = "0"
	}
	hn, err := strconv.ParseUint(h, 10, 16)
	mn, err2 := strconv.ParseUint(m, 10, 32)
	if err != nil || err2 != nil {
		return -1
	}
	return int(hn)*60 + int(mn)
}

var weekdays = [...]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// typedCalendar is the form, and the Spec that it describes.
func typedCalendar(ctx context.Context, f url.Values) (v page.WorkCalendar, s calendar.Spec) {
	v = page.WorkCalendar{Name: f.Get("name"), Zone: f.Get("tz"), Country: f.Get("country"), Region: f.Get("region"), Closures: f.Get("days"), Version: f.Get("version"),
		Start: f.Get("start"), Minutes: f.Get("minutes")}
	s = calendar.Spec{Zone: strings.TrimSpace(v.Zone), Hours: map[string][]calendar.Span{}}
	for _, d := range weekdays {
		typed := f.Get("hours." + d)
		v.Days = append(v.Days, page.WorkDay{Key: d, Label: i18n.T(ctx, "settings.sla.day."+d), Hours: typed})
		for _, part := range strings.FieldsFunc(typed, func(r rune) bool { return r == ',' || r == ';' }) {
			from, to, _ := strings.Cut(strings.ReplaceAll(strings.ReplaceAll(part, " ", ""), "–", "-"), "-")
			s.Hours[d] = append(s.Hours[d], calendar.Span{from, to})
		}
	}
	if v.Country != "" {
		s.Holidays = append(s.Holidays, calendar.Holiday{Country: v.Country, Region: strings.TrimSpace(v.Region)})
	}
	for line := range strings.Lines(v.Closures) {
		switch words := strings.Fields(line); len(words) {
		case 0:
		case 1:
			s.Holidays = append(s.Holidays, calendar.Holiday{Day: words[0]})
		default:
			s.Holidays = append(s.Holidays, calendar.Holiday{From: words[0], To: words[len(words)-1]})
		}
	}
	return v, s
}

// shownCalendar is a stored calendar as a form.
func shownCalendar(ctx context.Context, c calendar.Stored) page.WorkCalendar {
	f := url.Values{"name": {c.Name}, "tz": {c.Spec.Zone}, "version": {strconv.FormatInt(c.Version, 10)}}
	for d, spans := range c.Spec.Hours {
		var parts []string
		for _, s := range spans {
			parts = append(parts, s[0]+"-"+s[1])
		}
		f.Set("hours."+d, strings.Join(parts, ", "))
	}
	var days []string
	for _, h := range c.Spec.Holidays {
		switch {
		case h.Country != "":
			f.Set("country", h.Country)
			f.Set("region", h.Region)
		case h.Day != "":
			days = append(days, h.Day)
		default:
			days = append(days, h.From+" "+h.To)
		}
	}
	f.Set("days", strings.Join(days, "\n"))
	v, _ := typedCalendar(ctx, f)
	return v
}

// newCalendar is what a calendar begins with.
func newCalendar() calendar.Stored {
	s := calendar.Spec{Zone: "Europe/Paris", Hours: map[string][]calendar.Span{}, Holidays: calendar.Holidays{{Country: "FR"}}}
	for _, d := range weekdays[:5] {
		s.Hours[d] = []calendar.Span{{"09:00", "12:30"}, {"13:30", "18:00"}}
	}
	return calendar.Stored{Spec: s}
}

// fresh is the id of what is not stored yet, in addresses.
const fresh = "new"

func (p pages) workCalendar(w http.ResponseWriter, r *http.Request) error {
	c := newCalendar()
	if id := r.PathValue("id"); id != fresh {
		err := p.Read(r, func(ctx context.Context, tx *db.Tx, _ auth.Actor) (err error) {
			c, err = calendar.Find(ctx, tx, id)
			return err
		})
		if err != nil {
			return err
		}
	}
	return p.showCalendar(w, r, http.StatusOK, shownCalendar(r.Context(), c))
}

func (p pages) showCalendar(w http.ResponseWriter, r *http.Request, status int, v page.WorkCalendar) error {
	l, id := i18n.From(r.Context()), r.PathValue("id")
	v.Path, v.Stored, v.Title = calendarsPath+"/"+id, id != fresh, v.Name
	if !v.Stored || v.Title == "" {
		v.Title = l.T("settings.sla.calendar.new")
	}
	v.Countries = []ui.Option{{Label: l.T("settings.sla.country.none")}}
	for _, code := range slices.Sorted(maps.Keys(calendar.Countries())) {
		v.Countries = append(v.Countries, ui.Option{Value: code, Label: l.T("settings.sla.country." + strings.ToLower(code))})
	}
	s, err := p.shell(w, r, v.Title, "sla")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.WorkCalendarPage(s, v))
}

func (p pages) saveCalendar(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	id := r.PathValue("id")
	v, spec := typedCalendar(r.Context(), r.PostForm)
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		c := calendar.Stored{Name: v.Name, Spec: spec, Version: versionOf(r)}
		if id != fresh {
			c.ID = id
		}
		if _, err := calendar.Save(ctx, tx, a, c); err != nil {
			return err
		}
		return promise.Changed(ctx, tx)
	})
	if errors.Is(err, errs.Invalid) {
		v.Mistakes = ui.MistakesOf(r.Context(), err)
		return p.showCalendar(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	return p.done(w, r, slaPath, "settings.saved")
}

// tryCalendar answers a question to the calendar as it is typed; nothing is saved.
func (p pages) tryCalendar(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	ctx, l := r.Context(), i18n.From(r.Context())
	v, spec := typedCalendar(ctx, r.PostForm)
	c, err := calendar.Compile(spec)
	wrong := errs.Fields(err)
	n := minutes(v.Minutes)
	if n <= 0 {
		wrong = append(wrong, errs.Field{Name: "minutes", Key: "settings.sla.minutes.wrong"})
	}
	if len(wrong) == 0 {
		start, err := time.ParseInLocation("2006-01-02T15:04", v.Start, c.Zone())
		if err != nil {
			wrong = append(wrong, errs.Field{Name: "start", Key: "settings.sla.start.wrong"})
		} else if due, err := c.Add(start, time.Duration(n)*time.Minute); err != nil {
			wrong = append(wrong, errs.Fields(err)...)
		} else {
			in := l
			in.Zone = c.Zone()
			v.Trial = l.T("settings.sla.trial.answer", "due", in.DateLong(due), "time", in.Time(due))
		}
	}
	status := http.StatusOK
	if err := errs.InvalidFields(wrong); err != nil {
		status, v.Mistakes = http.StatusUnprocessableEntity, ui.MistakesOf(ctx, err)
	}
	return p.showCalendar(w, r, status, v)
}

// dropCalendar removes a calendar by which nothing counts.
func (p pages) dropCalendar(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		n, err := sla.Uses(ctx, tx, id)
		if err != nil {
			return err
		}
		if n > 0 {
			return errs.Because(errs.Conflict, "settings.sla.calendar.used", "n", n)
		}
		return calendar.Remove(ctx, tx, a, id)
	})
	if err != nil {
		return err
	}
	return p.done(w, r, slaPath, "settings.sla.removed")
}

func (p pages) policy(w http.ResponseWriter, r *http.Request) error {
	x := sla.Policy{Active: true, Warn: 75, Waits: []string{"requester"}, Targets: map[int]sla.Target{
		1: {First: 30, Resolution: 240}, 2: {First: 60, Resolution: 480}, 3: {First: 240, Next: 480, Resolution: 1440}, 4: {First: 480, Next: 960, Resolution: 2880}}}
	if id := r.PathValue("id"); id != fresh {
		err := p.Read(r, func(ctx context.Context, tx *db.Tx, _ auth.Actor) (err error) {
			x, err = sla.FindPolicy(ctx, tx, id)
			return err
		})
		if err != nil {
			return err
		}
	}
	v := page.PromisePolicy{Name: x.Name, Position: strconv.Itoa(x.Position), Calendar: x.CalendarID, Warn: strconv.Itoa(x.Warn), Leads: string(x.Leads), Active: x.Active, Waits: map[string]bool{},
		Incidents: slices.Contains(x.Fits.Kinds, "incident"), Requests: slices.Contains(x.Fits.Kinds, "request"), VIP: x.Fits.VIP, Version: strconv.FormatInt(x.Version, 10)}
	for _, one := range oneOfEach(&v, &x.Fits) {
		if len(*one.of) > 0 {
			*one.typed = (*one.of)[0]
		}
	}
	for _, w := range x.Waits {
		v.Waits[w] = true
	}
	for n := 1; n <= 4; n++ {
		t := x.Targets[n]
		v.Rows = append(v.Rows, page.PromiseRow{Priority: n, First: span(t.First), Next: span(t.Next), Resolution: span(t.Resolution)})
	}
	return p.showPolicy(w, r, http.StatusOK, v)
}

// choice is a condition of a policy of which the form offers one value.
type choice struct {
	field string
	typed *string
	of    *[]string
}

// oneOfEach are the conditions of which the form offers one value, in its order.
func oneOfEach(v *page.PromisePolicy, f *sla.Fits) []choice {
	return []choice{{"category", &v.Category, &f.Categories}, {"queue", &v.Queue, &f.Queues}, {"group", &v.Group, &f.Groups},
		{"site", &v.Site, &f.Sites}, {"department", &v.Department, &f.Departments}}
}

func (p pages) showPolicy(w http.ResponseWriter, r *http.Request, status int, v page.PromisePolicy) error {
	l, id := i18n.From(r.Context()), r.PathValue("id")
	v.Path, v.Stored, v.Title = policiesPath+"/"+id, id != fresh, v.Name
	if !v.Stored || v.Title == "" {
		v.Title = l.T("settings.sla.policy.new")
	}
	for i := range v.Rows {
		v.Rows[i].Label = l.T("settings.sla.priority", "n", v.Rows[i].Priority)
	}
	for _, when := range []sla.Leads{sla.Never, sla.Late, sla.Soon} {
		v.LeadsWhen = append(v.LeadsWhen, ui.Option{Value: string(when), Label: l.T("settings.sla.leads." + cmp.Or(string(when), "never"))})
	}
	any := ui.Option{Label: l.T("settings.sla.any")}
	anybody := ui.Option{Label: l.T("settings.sla.anybody")}
	v.Categories, v.Queues, v.Groups = []ui.Option{any}, []ui.Option{any}, []ui.Option{anybody}
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		calendars, err := calendar.List(ctx, tx)
		if err != nil {
			return err
		}
		for _, c := range calendars {
			v.Calendars = append(v.Calendars, ui.Option{Value: c.ID, Label: c.Name})
		}
		tree, err := ticket.Categories(ctx, tx)
		if err != nil {
			return err
		}
		for _, c := range tree {
			v.Categories = append(v.Categories, ui.Option{Value: c.ID, Label: tree.Title(c.ID, string(l.Lang))})
		}
		queues, err := ticket.Queues(ctx, tx, a)
		if err != nil {
			return err
		}
		for _, q := range queues {
			v.Queues = append(v.Queues, ui.Option{Value: q.ID, Label: q.Name})
		}
		groups, err := identity.ListGroups(ctx, tx, a)
		if err != nil {
			return err
		}
		for _, g := range groups {
			v.Groups = append(v.Groups, ui.Option{Value: g.ID, Label: g.Name})
		}
		v.Sites, v.Departments, err = places(ctx, tx, a, anybody, v)
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.shell(w, r, v.Title, "sla")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.PromisePolicyPage(s, v))
}

// places are the sites and departments that people have, and the ones chosen before, which nobody may have any more.
func places(ctx context.Context, tx *db.Tx, a auth.Actor, anybody ui.Option, v page.PromisePolicy) (sites, departments []ui.Option, err error) {
	s, d, err := identity.Places(ctx, tx, a)
	options := func(names []string, now string) []ui.Option {
		if now != "" && !slices.Contains(names, now) {
			names = append(names, now)
		}
		out := []ui.Option{anybody}
		for _, n := range names {
			out = append(out, ui.Option{Value: n, Label: n})
		}
		return out
	}
	return options(s, v.Site), options(d, v.Department), err
}

func (p pages) savePolicy(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	f, id := r.PostForm, r.PathValue("id")
	v := page.PromisePolicy{Name: f.Get("name"), Position: f.Get("position"), Calendar: f.Get("calendar"), Warn: f.Get("warn"), Leads: f.Get("leads"), VIP: f.Get("vip") == "on",
		Active: f.Get("active") == "on", Incidents: slices.Contains(f["kinds"], "incident"), Requests: slices.Contains(f["kinds"], "request"), Waits: map[string]bool{}, Version: f.Get("version")}
	x := sla.Policy{Name: v.Name, Position: kit.Int(v.Position), Active: v.Active, CalendarID: v.Calendar, Warn: number(v.Warn), Leads: sla.Leads(v.Leads), Fits: sla.Fits{Kinds: f["kinds"], VIP: v.VIP}, Waits: f["waits"],
		Targets: map[int]sla.Target{}, Version: versionOf(r)}
	if id != fresh {
		x.ID = id
	}
	for _, one := range oneOfEach(&v, &x.Fits) {
		if *one.typed = f.Get(one.field); *one.typed != "" {
			*one.of = []string{*one.typed}
		}
	}
	for _, w := range f["waits"] {
		v.Waits[w] = true
	}
	for n := 1; n <= 4; n++ {
		row := page.PromiseRow{Priority: n, First: f.Get(fmt.Sprintf("first.%d", n)), Next: f.Get(fmt.Sprintf("next.%d", n)), Resolution: f.Get(fmt.Sprintf("resolution.%d", n))}
		v.Rows = append(v.Rows, row)
		x.Targets[n] = sla.Target{First: minutes(row.First), Next: minutes(row.Next), Resolution: minutes(row.Resolution)}
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		if _, err := sla.SavePolicy(ctx, tx, a, x); err != nil {
			return err
		}
		return promise.Changed(ctx, tx)
	})
	if errors.Is(err, errs.Invalid) {
		v.Mistakes = ui.MistakesOf(r.Context(), err)
		return p.showPolicy(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	return p.done(w, r, slaPath, "settings.saved")
}

// dropPolicy removes a policy; the tickets that ran by it are promised something by the next that fits, or nothing.
func (p pages) dropPolicy(w http.ResponseWriter, r *http.Request) error {
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		if err := sla.RemovePolicy(ctx, tx, a, r.PathValue("id")); err != nil {
			return err
		}
		return promise.Changed(ctx, tx)
	})
	if err != nil {
		return err
	}
	return p.done(w, r, slaPath, "settings.sla.removed")
}
