package sample

import (
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// englishShare is the part of ordinary tickets written in English.
const englishShare = 0.055

// closeAfter is how long a resolved ticket waits for an objection, in working time of the desk.
const closeAfter = 30 * time.Hour

// ordinary tells n stories of ordinary days.
func (w *world) ordinary(n int) []*draft {
	r := rand.New(rand.NewPCG(w.seed, 2))
	out := make([]*draft, 0, n)
	for i, at := range w.arrivals(r, n) {
		sr := rand.New(rand.NewPCG(w.seed, uint64(1000+i))) // its own chance: one story more changes no other
		d := w.tell(sr, w.scenario(sr), at)
		if age := w.now.Sub(at); age > 30*time.Hour && age < 40*24*time.Hour && sr.Float64() < 0.16 {
			d.stall()
		}
		out = append(out, d)
	}
	return out
}

// scenario draws a language, then one of its scenarios by weight.
func (w *world) scenario(r *rand.Rand) *scenario {
	lang := ""
	if r.Float64() < englishShare {
		lang = "en"
	}
	total := 0.0
	for i := range w.data.Scenarios {
		if s := &w.data.Scenarios[i]; s.Lang == lang {
			total += s.Weight
		}
	}
	x := r.Float64() * total
	for i := range w.data.Scenarios {
		if s := &w.data.Scenarios[i]; s.Lang == lang {
			if x -= s.Weight; x < 0 {
				return s
			}
		}
	}
	return &w.data.Scenarios[0]
}

// teller tells one story, step after step; t is the time of the last one.
type teller struct {
	w     *world
	r     *rand.Rand
	d     *draft
	s     *scenario
	t     time.Time
	agent string // who speaks for the desk
	level int    // of agent
	prio  int    // 1 to 4
	marks string // what phrases must fit, see fits
	words map[string][]string
	spoke map[string]bool // who greeted already
}

// tell tells the story of one ticket of s that arrives at at, to its end.
func (w *world) tell(r *rand.Rand, s *scenario, at time.Time) *draft {
	d := &draft{Story: Story{Scenario: s.ID, Type: s.Type, Lang: s.Lang, Category: s.Cat, Impact: s.Impact, Urgency: s.Urgency,
		Tags: s.Tags, Arrival: s.Start, CreatedAt: at}}
	if d.Lang == "" {
		d.Lang = "fr"
	}
	if d.Arrival == "" {
		d.Arrival = "n1"
	}
	if r.Float64() < 0.12 {
		d.Urgency = max(1, d.Urgency-1)
	}
	t := w.teller(r, d, s)
	p := w.requester(r, d.Lang, s.Depts, nil, d.Arrival)
	d.Requester, d.facts = p.Key, w.facts(r, p, at)
	d.Channel = w.channel(r, at)
	n := t.outcome()
	t.marks += string(rune('0'+max(1, n))) + pick(r, s.cases(max(1, n)))
	d.Subject = t.subject(s.Subjects)
	t.open(s.Open)
	switch {
	case n == 0:
		t.cancel()
		return d
	case n == 1:
		t.first()
	default:
		t.higher(n)
	}
	t.after()
	return d
}

func (w *world) teller(r *rand.Rand, d *draft, s *scenario) *teller {
	return &teller{w: w, r: r, d: d, s: s, t: d.CreatedAt, prio: max(1, (d.Impact+d.Urgency)/2),
		marks: strings.ToUpper(d.Type[:1]), words: w.data.phrases(d.Lang), spoke: map[string]bool{}}
}

// outcome draws the level that resolves, 0 for a cancelled ticket.
func (t *teller) outcome() int {
	if t.r.Float64() < 0.015 && t.d.Channel != "phone" && t.d.Channel != "chat" {
		return 0
	}
	a, b, c := t.s.Levels[0], t.s.Levels[1]*1.9, t.s.Levels[2]*12 // over a year: about 65, 27 and 8 %
	switch x := t.r.Float64() * (a + b + c); {
	case x < a:
		return 1
	case x < a+b:
		return 2
	}
	return 3
}

// requester draws somebody who writes lang, of the departments (prefixes) and sites if given, and not of the team
// that answers.
func (w *world) requester(r *rand.Rand, lang string, depts, sites []string, team string) *Person {
	total := 0.0
	var pool []*Person
	for i := range w.people {
		if p := &w.people[i]; p.Lang == lang && belongs(p, depts, sites) && !contains(w.crew[team], p.Key) {
			pool = append(pool, p)
			total += p.weight
		}
	}
	x := r.Float64() * total
	for _, p := range pool {
		if x -= p.weight; x < 0 {
			return p
		}
	}
	return w.byKey[w.data.Org.Accounts[0]]
}

func belongs(p *Person, depts, sites []string) bool {
	in := len(depts) == 0
	for _, d := range depts {
		in = in || p.Department == d || strings.HasPrefix(p.Department, d+"-")
	}
	return in && (len(sites) == 0 || contains(sites, p.Site))
}

func contains(xs []string, x string) bool {
	for _, y := range xs {
		if x == y {
			return true
		}
	}
	return false
}

// channel draws how the requester comes; nobody answers the phone or the chat outside the desk's hours.
func (w *world) channel(r *rand.Rand, at time.Time) string {
	x := r.Float64()
	if !w.cal.within(at, deskHours) {
		x *= 0.74
	}
	switch {
	case x < 0.46:
		return "portal"
	case x < 0.74:
		return "mail"
	case x < 0.92:
		return "phone"
	}
	return "chat"
}

// member draws somebody of a team who is not the requester; the first ones of the list do more.
func (t *teller) member(team string) string {
	crew := t.w.crew[team]
	for range 8 {
		x := t.r.Float64()
		if m := crew[int(x*math.Sqrt(x)*float64(len(crew)))%len(crew)]; m != t.d.Requester {
			return m
		}
	}
	for _, d := range t.w.data.Org.Teams {
		if d.Key == team {
			return d.Lead
		}
	}
	return crew[0]
}

// speaks makes agent of team the one who answers from here on.
func (t *teller) speaks(agent, team string) {
	t.agent, t.level = agent, t.w.levels[team]
	p := t.w.byKey[agent]
	t.d.facts["agent"], t.d.facts["agentfirst"] = p.Name(), p.Given
}

// span draws a time around median minutes, rarely very long.
func (t *teller) span(median float64) time.Duration {
	m := median * math.Exp(t.r.NormFloat64()*0.8)
	return time.Duration(m * float64(time.Minute)).Round(time.Millisecond)
}

// pace is span for an agent: priority and level make it shorter or longer.
func (t *teller) pace(median float64) time.Duration {
	return t.span(median * [...]float64{0.2, 0.6, 1, 1.5}[t.prio-1] * [...]float64{1, 1.8, 2.6}[max(1, t.level)-1])
}

// work moves the clock by d of the agent's hours and adds the step.
func (t *teller) work(d time.Duration, s Step, spent float64) {
	h := deskHours
	if t.level > 1 {
		h = expertHours
	}
	t.t = t.w.cal.add(t.t, d, h)
	s.At, s.By = t.t, t.agent
	s.Spent = 1 + int(t.span(spent*[...]float64{1, 1.7, 2.4}[max(1, t.level)-1]).Minutes())
	t.d.Steps = append(t.d.Steps, s)
}

// asked moves the clock by d of office hours, sometimes into the evening, and adds a step of the requester.
func (t *teller) asked(d time.Duration, s Step) {
	t.t = t.w.cal.add(t.t, d, officeHours)
	if t.r.Float64() < 0.03 {
		t.t = t.w.cal.at(t.t, 19*60+t.r.IntN(150)).Add(time.Duration(t.r.IntN(60000)) * time.Millisecond)
	}
	s.At, s.By = t.t, t.d.Requester
	t.d.Steps = append(t.d.Steps, s)
}
