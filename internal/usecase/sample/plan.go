package sample

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Options say how big an organisation to invent. The zero value is completed by Make.
type Options struct {
	Seed    uint64    // the same seed gives the same plan; zero is a seed like another
	Now     time.Time // the end of the year that is told, required; nothing happens after it
	People  int       // default 300, at least the cast of data/org.json
	Tickets int       // default 3000; the tickets of today and of the bursts are among them when there is room
}

// Plan is an invented organisation. References between its parts are keys: a person's key is the local part of the
// mail address, other keys are those of data/.
type Plan struct {
	Name, Domain string // of the organisation
	Sites        []Site
	Departments  []Department // parents before children
	People       []Person     // the managers before those they manage
	Teams        []Team
	Categories   []Category // parents before children
	Questions    []Question
	Groups       []Group
	Causes       []Cause
	Replies      []Reply
	Views        []View
	Accounts     []string // people's keys: one per role, to be printed at the start of the demo
	Stories      []Story  // by CreatedAt
}

// Site is a place where people work.
type Site struct {
	Code, Name, City string
	Country          string // ISO 3166, two letters
	Zone             string // IANA name
	Tag              string // in front of the numbers of its computers
}

// Question is a custom field of a category and those below it.
type Question struct {
	Key, Category string
	Type          string // "incident", "request"; "" = both
	Kind          string // of form.Kind
	Label, Help   Text
	Options       []Choice
}

// Choice is one answer of a question that has a list of them.
type Choice struct {
	Value string
	Label Text
}

// Group is a set of people.
type Group struct {
	Key, Name string
	Members   []string // people
}

// Department is a part of the organisation.
type Department struct {
	Code, Parent string // Parent is empty for the top
	Name         Text
	Head         string // person
}

// Text is something said in both languages.
type Text struct {
	FR string `json:"fr"`
	EN string `json:"en"`
}

// Person is somebody of the organisation.
type Person struct {
	Key           string // local part of Email
	Given, Family string
	Email         string
	Title         string // in the language of the person
	Department    string // code
	Site          string // code
	Manager       string // person; empty for the head of the organisation only
	Phone, Mobile string // Mobile is often empty
	Lang          string // "fr" or "en"
	Role          string // requester, agent, lead, knowledge, maker or admin
	Asset         string // label of the computer
	HiredAt       time.Time
	AwayUntil     time.Time // zero, or the out-of-office date of an agent

	female bool
	cast   bool    // written in data/org.json
	weight float64 // how often this person asks for help
}

// Name is how the person is called.
func (p Person) Name() string { return p.Given + " " + p.Family }

// Team works a queue of the same name.
type Team struct {
	Key     string
	Name    Text
	Level   int // 1, 2 or 3
	Private bool
	Lead    string   // person, not among Members
	Members []string // people
}

// Category is a node of the category tree, at most three levels deep.
type Category struct {
	Key    string // "applis.paie.bulletins"
	Parent string // empty for a root
	Name   Text
	Team   string // where its tickets start; empty: as its parent's, else level 1
}

// Reply is a canned reply with {{variables}}.
type Reply struct {
	Key   string `json:"key"`
	Title Text   `json:"title"`
	Body  Text   `json:"body"`
}

// View is a saved view. Either Owner (a person) or Team is set. The words of Query: department, site, status (open
// stands for new, open and pending), pending, priority, category, tag, reopened, rating, since.
type View struct {
	Key   string
	Name  Text
	Owner string
	Team  string
	Query map[string]string
}

// Make invents an organisation and its last year.
//
// Errors: Options without Now, and embedded data that does not hold together (a fault of this package).
func Make(o Options) (Plan, error) {
	if o.Now.IsZero() {
		return Plan{}, fmt.Errorf("sample: Options.Now is required")
	}
	if o.People == 0 {
		o.People = 300
	}
	if o.Tickets == 0 {
		o.Tickets = 3000
	}
	d, err := load()
	if err != nil {
		return Plan{}, fmt.Errorf("sample: %w", err)
	}
	w := &world{
		data: d, now: o.Now.UTC().Truncate(time.Millisecond), seed: o.Seed,
		rand: rand.New(rand.NewPCG(o.Seed, 1)), cal: newCalendar(d.zone, o.Now),
	}
	w.populate(o.People)
	p := Plan{Name: d.Org.Name, Domain: d.Org.Domain, Replies: d.Replies, Accounts: d.Org.Accounts, People: w.people}
	p.Sites, p.Departments = w.places()
	p.Teams = w.teams()
	p.Categories = d.categories()
	for _, v := range d.Views {
		p.Views = append(p.Views, View{Key: v.Key, Name: Text{v.FR, v.EN}, Owner: v.Owner, Team: v.Team, Query: v.Query})
	}
	p.Questions, p.Groups = d.questions(), w.groups()
	for _, c := range d.Problems {
		p.Causes = append(p.Causes, Cause{Key: c.ID, Tag: c.Tag, Category: c.Cat, Team: c.Team, By: c.By, Impact: c.Impact, Urgency: c.Urgency, After: c.After,
			Resolved: time.Duration(c.Resolved) * time.Hour, State: c.State, Subject: c.Subject, Text: c.Text, Cause: c.Cause, Workaround: c.Workaround, Fix: c.Fix})
	}
	p.Stories = w.year(o.Tickets)
	return p, nil
}

func (d *data) questions() (all []Question) {
	for _, f := range d.Fields {
		q := Question{Key: f.Key, Category: f.Cat, Type: f.Type, Kind: f.Kind, Label: Text{f.FR, f.EN}, Help: Text{f.HelpFR, f.HelpEN}}
		for _, o := range f.Options {
			q.Options = append(q.Options, Choice{o.Value, Text{o.FR, o.EN}})
		}
		all = append(all, q)
	}
	return all
}

func (w *world) groups() (all []Group) {
	for _, g := range w.data.Groups {
		group := Group{Key: g.Key, Name: g.FR}
		for i, p := range w.people {
			if slices.Contains(g.Depts, p.Department) || g.Every > 0 && i%g.Every == g.Every/2 {
				group.Members = append(group.Members, p.Key)
			}
		}
		all = append(all, group)
	}
	return all
}

// year tells all stories: today's, the bursts, and ordinary days for the rest.
func (w *world) year(n int) []Story {
	var ds []*draft
	ds = append(ds, w.today()...)
	for _, b := range w.data.Bursts {
		if len(ds) < n {
			ds = append(ds, w.burst(b)...)
		}
	}
	if len(ds) < n {
		ds = append(ds, w.ordinary(n-len(ds))...)
	}
	ds = slices.DeleteFunc(ds, func(d *draft) bool { return d.CreatedAt.After(w.now) })
	slices.SortStableFunc(ds, func(a, b *draft) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for i, d := range ds {
		d.ID = fmt.Sprintf("demo-%05d", i+1)
	}
	out := make([]Story, 0, len(ds))
	for _, d := range ds {
		d.cut(w.now)
		d.settle(w.levels)
		out = append(out, d.Story)
	}
	return out
}
