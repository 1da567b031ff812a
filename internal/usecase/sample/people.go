package sample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// world is an organisation being invented.
type world struct {
	data   *data
	now    time.Time
	seed   uint64
	rand   *rand.Rand
	cal    calendar
	people []Person

	byKey  map[string]*Person
	byDept map[string][]*Person
	heads  map[string]string // department to person
	sites  map[string]siteData
	levels map[string]int // team to level
	crew   map[string][]string
	names  map[string]Text // team to name
}

// teamSize is how many people one manager leads before the department gets team managers.
const teamSize = 12

// populate invents n people: the cast first, then the others by the weights of their departments, then the managers.
func (w *world) populate(n int) {
	w.byKey, w.byDept, w.heads = map[string]*Person{}, map[string][]*Person{}, map[string]string{}
	w.sites, w.levels, w.crew, w.names = map[string]siteData{}, map[string]int{}, map[string][]string{}, map[string]Text{}
	for _, s := range w.data.Org.Sites {
		w.sites[s.Code] = s
	}
	for _, t := range w.data.Org.Teams {
		w.levels[t.Key], w.crew[t.Key], w.names[t.Key] = t.Level, t.Members, Text{t.FR, t.EN}
	}
	n = max(n, len(w.data.Org.Cast))
	w.people = make([]Person, 0, n) // never grows: byKey points into it
	for _, c := range w.data.Org.Cast {
		p := w.add(Person{Given: c.Given, Family: c.Family, Title: c.Title, Department: c.Dept, Site: c.Site,
			Manager: c.Manager, Role: c.Role, Phone: c.Phone, Asset: c.Asset, female: c.Sex == "f", weight: 1.6, cast: true})
		if c.Head {
			w.heads[c.Dept] = p.Key
		}
	}
	w.crowd(n - len(w.people))
	w.managers()
	w.order()
}

// crowd adds n people to the departments that have a weight.
func (w *world) crowd(n int) {
	var total float64
	for _, d := range w.data.Org.Departments {
		total += d.Weight
	}
	names := w.data.Names
	perm := w.rand.Perm(len(names))
	for i, debt := 0, 0.0; i < n; {
		for _, d := range w.data.Org.Departments {
			debt = d.Weight*float64(n)/total + debt
			for ; debt >= 1 && i < n; i, debt = i+1, debt-1 {
				a := names[perm[i%len(names)]]
				b := a
				if i >= len(names) { // more people than names: a given name meets another family name
					b = names[perm[(i+i/len(names)*37)%len(names)]]
				}
				w.hire(d, a, b)
			}
		}
		if debt < 1 {
			debt = 1 // rounding may leave the last one out
		}
	}
}

// hire adds one person to d; the first one of a department without a head leads it.
func (w *world) hire(d departmentData, given, family nameData) {
	p := Person{Given: given.given, Family: family.family, Department: d.Code, female: given.sex == "f"}
	p.Site = pick(w.rand, strings.Fields(d.Sites))
	p.weight = math.Exp(w.rand.NormFloat64() * 0.7)
	title := pick(w.rand, d.Titles)
	if w.heads[d.Code] == "" {
		title, p.Site = d.Head, strings.Fields(d.Sites)[0]
	}
	p.Title = title[0]
	if p.female {
		p.Title = title[1]
	}
	q := w.add(p)
	if w.heads[d.Code] == "" {
		w.heads[d.Code] = q.Key
	}
}

// add completes p and keeps it.
func (w *world) add(p Person) *Person {
	s := w.sites[p.Site]
	p.Key = slug(p.Given) + "." + slug(p.Family)
	for i := 2; w.byKey[p.Key] != nil; i++ {
		p.Key = fmt.Sprintf("%s.%s%d", slug(p.Given), slug(p.Family), i)
	}
	p.Email = p.Key + "@" + w.data.Org.Domain
	i := len(w.people)
	if p.Phone == "" {
		p.Phone = fmt.Sprintf("%s %02d %02d", s.Phone, 10+i/100%90, i%100)
		if s.Country == "GB" {
			p.Phone = fmt.Sprintf("%s%03d", s.Phone, 100+i%900)
		}
	}
	if p.Asset == "" {
		p.Asset = fmt.Sprintf("%s-%04d", s.Tag, 1000+(i*37)%8000)
	}
	if p.Role == "" {
		p.Role = "requester"
	}
	if p.Lang = "fr"; s.Lang != "" {
		p.Lang = s.Lang
	}
	if w.rand.Float64() < 0.35 {
		p.Mobile = fmt.Sprintf("06 39 98 %02d %02d", i/100%100, i%100)
	}
	p.HiredAt = w.cal.at(w.now.AddDate(0, 0, -60-int(w.rand.ExpFloat64()*1500)), 9*60)
	w.people = append(w.people, p)
	q := &w.people[i]
	w.byKey[p.Key] = q
	w.byDept[p.Department] = append(w.byDept[p.Department], q)
	return q
}

// managers gives everybody a manager: the head of the department, or a team manager in a large one; a head follows
// the head of the parent department that has one.
func (w *world) managers() {
	parent := map[string]string{}
	for _, d := range w.data.Org.Departments {
		parent[d.Code] = d.Parent
	}
	for _, d := range w.data.Org.Departments {
		head := w.heads[d.Code]
		boss := ""
		for up := d.Parent; up != "" && boss == ""; up = parent[up] {
			boss = w.heads[up]
		}
		if head == "" {
			head = boss
		}
		team, left := head, teamSize
		if len(w.byDept[d.Code]) > 3*teamSize/2 {
			left = 0
		}
		for _, p := range w.byDept[d.Code] {
			switch {
			case p.Key == head:
				p.Manager = boss
			case p.Manager != "": // the cast knows
			case left == 0 && !p.cast:
				p.Manager, team, left = head, p.Key, teamSize
				p.Title = "Responsable d’équipe"
				if p.Lang == "en" {
					p.Title = "Team manager"
				}
			default:
				p.Manager = team
				left--
			}
		}
	}
	if p := w.byKey["david.prigent"]; p != nil {
		p.AwayUntil = w.cal.add(w.cal.at(w.now.AddDate(0, 0, 1), 0), 0, deskHours)
	}
}

// order sorts the people so that managers come before those they manage, and points byKey and byDept anew.
func (w *world) order() {
	out := make([]Person, 0, len(w.people))
	team := map[string][]Person{}
	for _, p := range w.people {
		team[p.Manager] = append(team[p.Manager], p)
	}
	for next := team[""]; len(next) > 0; {
		var below []Person
		for _, p := range next {
			out = append(out, p)
			below = append(below, team[p.Key]...)
		}
		next = below
	}
	w.people, w.byDept = out, map[string][]*Person{}
	for i := range out {
		p := &out[i]
		w.byKey[p.Key] = p
		w.byDept[p.Department] = append(w.byDept[p.Department], p)
	}
}

// places are the sites and the departments that have a head.
func (w *world) places() (ss []Site, ds []Department) {
	for _, s := range w.data.Org.Sites {
		ss = append(ss, Site{s.Code, s.Name, s.City, s.Country, s.Zone, s.Tag})
	}
	for _, d := range w.data.Org.Departments {
		ds = append(ds, Department{Code: d.Code, Parent: d.Parent, Name: Text{d.FR, d.EN}, Head: w.heads[d.Code]})
	}
	return ss, ds
}

func (w *world) teams() []Team {
	var out []Team
	for _, t := range w.data.Org.Teams {
		out = append(out, Team{t.Key, Text{t.FR, t.EN}, t.Level, t.Private, t.Lead, t.Members})
	}
	return out
}

// pick chooses one of xs, which is not empty.
func pick[T any](r *rand.Rand, xs []T) T { return xs[r.IntN(len(xs))] }

// slug is a name as it stands in a mail address: "Le Goff" becomes "le-goff", "Aïcha" "aicha".
func slug(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(s)) {
		switch {
		case r == 'œ':
			b.WriteString("oe")
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case !unicode.Is(unicode.Mn, r):
			b.WriteByte('-')
		}
	}
	return b.String()
}
