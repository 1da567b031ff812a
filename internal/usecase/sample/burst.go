package sample

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// burst tells the tickets of one outage. The first becomes the main one and goes to the team that repairs; of the
// others about half are merged into it, the rest are resolved with it.
func (w *world) burst(b burstData) []*draft {
	r := rand.New(rand.NewPCG(w.seed, uint64(len(b.ID))<<8+uint64(b.ID[0])))
	start := w.burstStart(b)
	who := w.victims(r, b)
	n := min(len(who), b.Count[0]+r.IntN(b.Count[1]-b.Count[0]+1))
	s := &scenario{ID: b.ID, Subjects: b.Subjects, Open: b.Open, First: b.Reply, Fix: b.Fix, Cause: b.Cause, Team: b.Team,
		Handover: b.Handover}
	at := start
	var ts []*teller
	for i := range n {
		d := &draft{Story: Story{Scenario: b.ID, Type: b.Type, Lang: "fr", Category: b.Cat, Impact: b.Impact, Urgency: b.Urgency,
			Tags: b.Tags, Arrival: "n1", CreatedAt: at, Requester: who[i].Key, Channel: w.channel(r, at)}}
		if b.Start != "" {
			d.Arrival = b.Start
		}
		d.facts = w.facts(r, who[i], at)
		d.facts["vpnday"] = weekday("fr", start.In(w.cal.zone))
		t := w.teller(r, d, s)
		d.Subject = t.subject([]string{b.Subjects[(i+r.IntN(2))%len(b.Subjects)]})
		t.open(b.Open)
		ts = append(ts, t)
		// A crowd comes soon after the start, then thins out over the hours of the outage.
		gap := float64(b.Hours*60) / float64(n) * (0.25 + 1.3*float64(i)/float64(n))
		at = w.cal.add(at, t.span(gap), deskHours)
		if b.Today {
			left := float64(b.Hours*60-40) * (1 - float64(i+1)/float64(n))
			at = w.cal.before(w.now, time.Duration((40+left)*float64(time.Minute)), deskHours)
		}
	}
	if b.Today {
		w.lasting(b, ts)
	} else {
		w.repaired(b, ts, start)
	}
	out := make([]*draft, 0, n)
	for _, t := range ts {
		out = append(out, t.d)
	}
	return out
}

// burstStart is when the outage begins.
func (w *world) burstStart(b burstData) time.Time {
	if b.Today {
		return w.cal.before(w.now, time.Duration(b.Hours)*time.Hour, deskHours)
	}
	t := w.now.In(w.cal.zone)
	if b.Monthday != "" {
		t, _ = time.ParseInLocation(time.DateOnly, strconv.Itoa(t.Year())+"-"+b.Monthday, w.cal.zone)
		if t.AddDate(0, 0, 7).After(w.now) {
			t = t.AddDate(-1, 0, 0)
		}
	} else {
		t = t.AddDate(0, 0, -7*b.WeeksAgo)
		t = t.AddDate(0, 0, b.Weekday-int(t.Weekday()))
	}
	return w.cal.add(w.cal.at(t, b.Hour*60+7), 0, deskHours)
}

// victims are the people an outage touches, the named ones first.
func (w *world) victims(r *rand.Rand, b burstData) []*Person {
	var out, rest []*Person
	for _, k := range b.Cast {
		out = append(out, w.byKey[k])
	}
	for i := range w.people {
		if p := &w.people[i]; p.Lang == "fr" && p.Role == "requester" && p.Key != w.data.Org.Accounts[0] &&
			belongs(p, b.Depts, b.Sites) && !slices.Contains(out, p) {
			rest = append(rest, p)
		}
	}
	r.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	return append(out, rest...)
}

// repaired ends an outage of the past: the main ticket is resolved after Hours, then the others.
func (w *world) repaired(b burstData, ts []*teller, start time.Time) {
	main := ts[0]
	main.take()
	main.reply(main.pace(10), b.Reply)
	if b.Team != "" && b.Handover != nil {
		main.escalate(b.Team, b.Handover)
	}
	if end := w.cal.add(start, time.Duration(b.Hours)*time.Hour, deskHours); main.t.Before(end) {
		main.t = end
	}
	main.resolve(main.span(10), b.Fix, b.Cause)
	end := main.t
	main.after()
	for _, t := range ts[1:] {
		t.take()
		if b.Team != "" && t.chance(0.5) && t.t.Before(end) {
			t.reply(t.span(6), t.words["attach"])
			t.merge(main.d)
			continue
		}
		t.reply(t.span(12), b.Reply)
		if t.t.Before(end) {
			t.t = end
		}
		t.resolve(t.span(14), b.Fix, b.Cause)
		t.after()
	}
}

// lasting is an outage of these days: some were helped with the way around, the main one is at the next level, some
// wait. All of it is cut at now like any story.
func (w *world) lasting(b burstData, ts []*teller) {
	for i, t := range ts {
		t.take()
		if i == 0 {
			t.reply(t.pace(10), b.Reply)
			t.escalate(b.Team, b.Handover)
			t.note(t.pace(40), []string{"Durée de session relevée sur le serveur d’essai : dix minutes au lieu de huit heures. " +
				"Je compare les modèles 4.1 et 4.2."})
			continue
		}
		if i >= len(ts)-2 {
			continue // taken, not yet answered
		}
		t.reply(t.span(15), b.Reply)
		if i >= b.OpenToday {
			t.answer(30, []string{"La solution de contournement tient, merci.", "Cela marche depuis une heure, merci.",
				"C’est bon pour l’instant."})
			t.resolve(t.span(20), []string{"Merci du retour. La correction définitive est en cours, vous n’avez rien d’autre à faire."},
				[]string{"Solution de contournement donnée"})
			t.after()
		}
	}
}

// merge moves the ticket into main.
func (t *teller) merge(main *draft) {
	t.work(t.span(8), Step{Kind: Merge, into: main, Text: typeset("fr", t.say(t.w.data.Common.FR["duplicate"]))}, 1)
}
