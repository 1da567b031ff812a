package sample

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// thursday is a working morning in Paris.
var thursday = time.Date(2026, 3, 12, 9, 50, 0, 0, time.UTC)

func made(t *testing.T, o Options) Plan {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = thursday
	}
	p, err := Make(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestMakeIsDeterministic(t *testing.T) {
	a, b := made(t, Options{Seed: 7}), made(t, Options{Seed: 7})
	if !reflect.DeepEqual(a, b) {
		t.Error("the same options gave two plans")
	}
	if c := made(t, Options{Seed: 8}); reflect.DeepEqual(a.Stories, c.Stories) {
		t.Error("two seeds gave one plan")
	}
}

func TestMakeNeedsNow(t *testing.T) {
	if _, err := Make(Options{}); err == nil {
		t.Error("no error without Now")
	}
}

func TestSizes(t *testing.T) {
	for _, c := range []struct{ people, tickets, wantPeople int }{
		{0, 0, 300}, {40, 60, 40}, {1, 10, 36}, {2500, 500, 2500},
	} {
		t.Run(fmt.Sprint(c.people, "/", c.tickets), func(t *testing.T) {
			p := made(t, Options{People: c.people, Tickets: c.tickets})
			want := c.tickets
			if want == 0 {
				want = 3000
			}
			if len(p.People) != c.wantPeople {
				t.Errorf("%d people, want %d", len(p.People), c.wantPeople)
			}
			if n := len(p.Stories); n < want || n > want+60 {
				t.Errorf("%d stories, want about %d", n, want)
			}
			checkPeople(t, p)
			checkStories(t, p)
		})
	}
}

// The demo must hold together whenever it is started.
func TestAnyMoment(t *testing.T) {
	for _, now := range []string{
		"2026-03-15T02:12:00Z", // Sunday night
		"2026-05-01T10:00:00Z", // a holiday
		"2026-08-17T06:01:00Z", // Monday, the desk just opened
		"2026-12-25T23:59:59Z",
		"2027-01-04T07:00:30Z",
		"2026-06-30T17:30:00Z", // after the desk closed
	} {
		at, _ := time.Parse(time.RFC3339, now)
		p := made(t, Options{Now: at, Tickets: 900})
		checkStories(t, p)
		recent := 0
		for _, s := range p.Stories {
			if at.Sub(s.CreatedAt) < 15*time.Minute {
				recent++
			}
		}
		if recent < 2 {
			t.Errorf("%s: %d tickets of the last quarter of an hour, want at least 2", now, recent)
		}
	}
}

func checkPeople(t *testing.T, p Plan) {
	t.Helper()
	seen, phones := map[string]bool{}, map[string]bool{}
	depts, sites := map[string]bool{}, map[string]bool{}
	for _, d := range p.Departments {
		if d.Parent != "" && !depts[d.Parent] {
			t.Errorf("department %s before its parent", d.Code)
		}
		depts[d.Code] = true
	}
	for _, s := range p.Sites {
		sites[s.Code] = true
	}
	for _, x := range p.People {
		switch {
		case x.Manager == "" && x.Key != "catherine.morvan", x.Manager != "" && !seen[x.Manager]:
			t.Errorf("%s: manager %q does not come before", x.Key, x.Manager)
		case seen[x.Key], !depts[x.Department], !sites[x.Site], x.Title == "", x.Lang != "fr" && x.Lang != "en":
			t.Errorf("%s: does not hold together: %+v", x.Key, x)
		case !regexp.MustCompile(`^[a-z0-9.-]+@ateliers-morvan\.example$`).MatchString(x.Email):
			t.Errorf("mail %q", x.Email)
		case len(p.People) < 5000 && phones[x.Phone]:
			t.Errorf("%s: phone %s twice", x.Key, x.Phone)
		}
		seen[x.Key], phones[x.Phone] = true, true
	}
	for _, team := range p.Teams {
		for _, m := range append(team.Members, team.Lead) {
			if !seen[m] {
				t.Errorf("team %s: nobody is called %s", team.Key, m)
			}
		}
	}
	for _, v := range p.Views {
		if (v.Owner == "") == (v.Team == "") {
			t.Errorf("view %s: owner %q and team %q", v.Key, v.Owner, v.Team)
		}
	}
	for _, a := range p.Accounts {
		if !seen[a] {
			t.Errorf("account %s: no such person", a)
		}
	}
}

var leftover = regexp.MustCompile(`[{}\[\]|]|(^|\n)@|\b(de|que) [AEIOUYÉÀaeiouyé][a-zé]+ [A-Z]`)

func checkStories(t *testing.T, p Plan) {
	t.Helper()
	people, cats, teams, ids := map[string]Person{}, map[string]bool{}, map[string]Team{}, map[string]bool{}
	for _, x := range p.People {
		people[x.Key] = x
	}
	for _, x := range p.Categories {
		cats[x.Key] = true
	}
	for _, x := range p.Teams {
		teams[x.Key] = x
	}
	for _, s := range p.Stories {
		ids[s.ID] = true
	}
	zone, _ := time.LoadLocation("Europe/Paris")
	cal := newCalendar(zone, p.Stories[len(p.Stories)-1].CreatedAt)
	var before time.Time
	bad := 0
	for _, s := range p.Stories {
		fail := func(format string, args ...any) {
			if bad++; bad < 15 {
				t.Errorf("%s %s: %s", s.ID, s.Scenario, fmt.Sprintf(format, args...))
			}
		}
		if s.CreatedAt.Before(before) {
			fail("not in order of creation")
		}
		before = s.CreatedAt
		if people[s.Requester].Key == "" || !cats[s.Category] || teams[s.Arrival].Key == "" || teams[s.Team].Level != s.Level {
			fail("requester %q, category %q, team %q", s.Requester, s.Category, s.Team)
		}
		if len(s.Steps) == 0 || !s.Steps[0].At.Equal(s.CreatedAt) || s.Steps[0].Kind != Message || s.Steps[0].By != s.Requester {
			fail("does not begin with the requester's message")
			continue
		}
		if s.Subject == "" || !utf8.ValidString(s.Subject) || leftover.MatchString(s.Subject) || utf8.RuneCountInString(s.Subject) > 120 {
			fail("subject %q", s.Subject)
		}
		last := s.CreatedAt
		for _, st := range s.Steps {
			if st.At.Before(last) {
				fail("%s at %v before %v", st.Kind, st.At, last)
			}
			last = st.At
			if st.By != System && people[st.By].Key == "" || st.To != "" && people[st.To].Key == "" {
				fail("%s by %q to %q", st.Kind, st.By, st.To)
			}
			if desk := st.By != s.Requester && st.By != System; desk && !cal.within(st.At, deskHours) {
				fail("%s by %s outside working hours: %v", st.Kind, st.By, st.At.In(zone))
			}
			if st.Kind == Merge && !ids[st.Into] {
				fail("merged into %q", st.Into)
			}
			if (st.Kind == Message || st.Kind == Note || st.Kind == Resolve || st.Kind == Reopen) && strings.TrimSpace(st.Text) == "" {
				fail("empty %s", st.Kind)
			}
			for _, text := range []string{st.Text, st.Cause, st.Handover.Tried, st.Handover.Known, st.Handover.Asked, st.Handover.Reason} {
				if m := leftover.FindString(strings.ReplaceAll(text, "**", "")); m != "" || !utf8.ValidString(text) {
					fail("%s has %q: %q", st.Kind, m, text)
				}
			}
			if st.Kind == Escalate && (st.Handover.Tried == "" || st.Handover.Known == "" || st.Handover.Asked == "" || st.Handover.Reason == "") {
				fail("escalated without a handover")
			}
		}
	}
}

func TestYear(t *testing.T) {
	p := made(t, Options{})
	checkPeople(t, p)
	checkStories(t, p)
	zone, _ := time.LoadLocation("Europe/Paris")
	var levels [4]int
	var weekdays [7]int
	var months [13]int
	status, subjects := map[string]int{}, map[string]int{}
	var messages, reopened, english, merged, night, pendingKinds int
	pending := map[string]int{}
	for _, s := range p.Stories {
		status[s.Status]++
		subjects[s.Subject]++
		at := s.CreatedAt.In(zone)
		weekdays[at.Weekday()]++
		months[at.Month()]++
		if at.Hour() < 6 || at.Hour() >= 21 {
			night++
		}
		if s.Lang == "en" {
			english++
		}
		if s.MergedInto != "" {
			merged++
		} else if !s.ResolvedAt.IsZero() {
			levels[s.Level]++
		}
		if s.Status == "pending" {
			pending[s.Pending]++
		}
		for _, st := range s.Steps {
			switch st.Kind {
			case Message, Note, Resolve:
				messages++
			case Reopen:
				reopened++
			}
		}
	}
	pendingKinds = len(pending)
	n := len(p.Stories)
	resolved := float64(levels[1] + levels[2] + levels[3])
	open := status["new"] + status["open"] + status["pending"]
	t.Logf("%d stories, %d messages, levels %v, status %v, pending %v, reopened %d, English %d, merged %d, night %d",
		n, messages, levels, status, pending, reopened, english, merged, night)
	share := func(what string, got, from, to float64) {
		t.Helper()
		if got < from || got > to {
			t.Errorf("%s: %.3f, want %.3f to %.3f", what, got, from, to)
		}
	}
	share("level 1", float64(levels[1])/resolved, 0.60, 0.70)
	share("level 2", float64(levels[2])/resolved, 0.23, 0.31)
	share("level 3", float64(levels[3])/resolved, 0.06, 0.10)
	share("messages a ticket", float64(messages)/float64(n), 3, 5.5)
	share("reopened", float64(reopened)/float64(n), 0.045, 0.075)
	share("English", float64(english)/float64(n), 0.04, 0.08)
	share("merged", float64(merged), 40, 120)
	share("open", float64(open), 45, 80)
	share("new", float64(status["new"]), 4, 20)
	share("weekends", float64(weekdays[0]+weekdays[6])/float64(n), 0.0005, 0.03)
	share("night", float64(night)/float64(n), 0, 0.02)
	share("kinds of waiting", float64(pendingKinds), 2, 3)
	share("Monday over Friday", float64(weekdays[1])/float64(weekdays[5]), 1.2, 2.2)
	share("August over September", float64(months[8])/float64(months[9]), 0.25, 0.75)
	share("December over January", float64(months[12])/float64(months[1]), 0.35, 0.9)
	for s, k := range subjects {
		if k > 30 {
			t.Errorf("%d tickets are called %q", k, s)
		}
	}
	share("different subjects", float64(len(subjects))/float64(n), 0.4, 1)
}

func TestTodaysDeskShowsTheCast(t *testing.T) {
	p := made(t, Options{})
	want := []string{"Le VPN se coupe toutes les dix minutes", "Plus de son en visioconférence, salle Loire",
		"Code-barres illisibles sur l’imprimante B12", "Second écran pour le télétravail", "Téléphone perdu, à effacer à distance",
		"Badge refusé au portillon de l’atelier 2", "Photo d’annuaire inversée"}
	for _, s := range p.Stories {
		if i := slices.Index(want, s.Subject); i >= 0 && s.Open() {
			want = slices.Delete(want, i, i+1)
		}
	}
	if len(want) > 0 {
		t.Errorf("not on the desk: %q", want)
	}
	files := 0
	for _, s := range p.Stories {
		for _, st := range s.Steps {
			for _, f := range st.Files {
				if files++; f.Name == "" || len(f.Data) < 500 {
					t.Errorf("%s: file %q of %d bytes", s.ID, f.Name, len(f.Data))
				}
			}
		}
	}
	if files != 3 {
		t.Errorf("%d files, want 3", files)
	}
	e691 := 0
	for _, s := range p.Stories {
		if slices.Contains(s.Tags, "E-691") {
			e691++
		}
	}
	if e691 != 14 {
		t.Errorf("%d tickets E-691, want 14 as the note says", e691)
	}
}

func BenchmarkMake(b *testing.B) {
	for b.Loop() {
		if _, err := Make(Options{Now: thursday}); err != nil {
			b.Fatal(err)
		}
	}
}
