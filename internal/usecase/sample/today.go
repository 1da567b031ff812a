package sample

import (
	"math/rand/v2"
	"time"
)

// recent is up to how many minutes a step of today.json is told by the clock and not by working time: what happened
// a moment ago happened a moment ago, even at night.
const recent = 12

// today tells the stories written by hand, relative to now.
func (w *world) today() []*draft {
	var out []*draft
	for i, td := range w.data.Today {
		r := rand.New(rand.NewPCG(w.seed, uint64(100+i)))
		d := &draft{Story: Story{Scenario: td.ID, Type: td.Type, Lang: td.Lang, Subject: typeset(td.Lang, td.Subject), Requester: td.Requester,
			Channel: td.Channel, Category: td.Cat, Impact: td.Impact, Urgency: td.Urgency, Tags: td.Tags,
			Watchers: td.Watchers, Arrival: td.Team}}
		if d.Lang == "" {
			d.Lang = "fr"
		}
		d.CreatedAt = w.ago(td.Steps[0].Before)
		d.facts = w.facts(r, w.byKey[td.Requester], d.CreatedAt)
		for _, b := range w.data.Bursts {
			if b.Today {
				d.facts["vpnday"] = weekday(d.Lang, w.burstStart(b).In(w.cal.zone))
			}
		}
		for _, s := range td.Steps {
			fill := func(text string) string { return typeset(d.Lang, expand(r, text, d.facts)) }
			step := Step{At: w.ago(s.Before), Kind: Kind(s.Kind), By: s.By, Text: fill(s.Text), To: s.To, Team: s.Team, On: s.On,
				Handover: Handover{fill(s.Tried), fill(s.Known), fill(s.Asked), fill(s.Reason)}}
			if s.By != d.Requester {
				step.Spent = 4 + r.IntN(12)
			}
			for _, name := range s.Files {
				step.Files = append(step.Files, File{name, w.data.files[name]})
			}
			d.Steps = append(d.Steps, step)
		}
		out = append(out, d)
	}
	return out
}

// ago is the moment m working minutes before now.
func (w *world) ago(m int) time.Time {
	if m <= recent {
		return w.now.Add(-time.Duration(m) * time.Minute)
	}
	return w.cal.before(w.now, time.Duration(m)*time.Minute, deskHours)
}
