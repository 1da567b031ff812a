package sample

import (
	"strings"
	"time"
)

// say chooses a phrase that fits the story and fills its slots; it is empty if none fits.
func (t *teller) say(xs []string) string {
	s, _ := t.choose(xs)
	return expand(t.r, s, t.d.facts)
}

// choose draws one of the phrases that fit the story, without its tag, and its index; -1 if none fits.
func (t *teller) choose(xs []string) (string, int) {
	var fit []int
	for i, x := range xs {
		if fits(x, t.marks) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return "", -1
	}
	i := pick(t.r, fit)
	return untag(xs[i]), i
}

func (t *teller) chance(p float64) bool { return t.r.Float64() < p }

// subject chooses a subject as people type it: some add where they are, some hurry.
func (t *teller) subject(xs []string) string {
	raw, _ := t.choose(xs)
	s := expand(t.r, raw, t.d.facts)
	if t.d.Lang == "fr" && (t.d.Channel == "mail" || t.d.Channel == "portal") {
		switch x := t.r.Float64(); {
		case x < 0.05:
			s = "Urgent : " + expand(t.r, lowerFirst(raw), t.d.facts)
		case x < 0.17 && !strings.Contains(s, t.d.facts["city"]):
			s += " (" + t.d.facts["city"] + ")"
		case x < 0.23 && !strings.Contains(s, t.d.facts["dept"]):
			s += " - " + t.d.facts["dept"]
		case x < 0.26:
			s = strings.ToLower(s)
		}
	}
	return typeset(t.d.Lang, s)
}

// open adds the first message, dressed as its channel dresses it.
func (t *teller) open(xs []string) {
	raw, _ := t.choose(xs)
	hello, bye := t.say(t.words["hello"]), t.say(t.words["bye"])
	body := expand(t.r, raw, t.d.facts)
	lower := body
	if t.d.Lang == "fr" {
		lower = expand(t.r, lowerFirst(raw), t.d.facts)
	}
	if l := strings.ToLower(body); strings.HasSuffix(strings.TrimRight(l, " .!"), "merci") {
		bye = ""
	}
	if strings.HasPrefix(body, "Bonjour") || strings.HasPrefix(body, "bonjour") || (t.d.Channel == "portal" && t.chance(0.4)) {
		hello = ""
	}
	if t.d.Channel == "portal" && t.chance(0.5) {
		bye = ""
	}
	switch t.d.Channel {
	case "phone":
		body = block(t.say(t.words["call"]), "> "+body)
	case "chat":
		if hello != "" {
			body = hello + " " + lower
		}
	default:
		if strings.HasSuffix(hello, ",") {
			body = lower
		}
		body = block(hello, body, bye)
	}
	t.d.Steps = append(t.d.Steps, Step{At: t.t, Kind: Message, By: t.d.Requester, Text: typeset(t.d.Lang, body)})
}

// letter dresses an agent's phrase; the greeting comes once per agent, and chat needs none.
func (t *teller) letter(raw string) string {
	if t.d.Channel == "chat" && t.level == 1 {
		return typeset(t.d.Lang, expand(t.r, raw, t.d.facts))
	}
	hello := ""
	if !t.spoke[t.agent] || t.chance(0.4) {
		hello = t.say(t.words["agent_hello"])
		if !strings.HasSuffix(hello, ",") && (len(t.spoke) > 0 || t.live()) { // thanks for a message: the first time only
			hello = t.say(t.words["agent_hello"][:1])
		}
		if t.d.Lang == "fr" && strings.HasSuffix(hello, ",") {
			raw = lowerFirst(raw)
		}
	}
	t.spoke[t.agent] = true
	return typeset(t.d.Lang, block(hello, expand(t.r, raw, t.d.facts), t.say(t.words["agent_bye"])))
}

// reply adds a public message of the agent, if one fits.
func (t *teller) reply(d time.Duration, xs []string) {
	if raw, i := t.choose(xs); i >= 0 {
		t.work(d, Step{Kind: Message, Text: t.letter(raw)}, 6)
	}
}

// answer adds a public message of the requester, if one fits.
func (t *teller) answer(median float64, xs []string) {
	if s := t.say(xs); s != "" {
		t.asked(t.span(median), Step{Kind: Message, Text: typeset(t.d.Lang, s)})
	}
}

// note adds an internal note, if one fits; notes are in French, whoever asked.
func (t *teller) note(d time.Duration, xs []string) {
	if s := t.say(xs); s != "" {
		t.work(d, Step{Kind: Note, Text: typeset("fr", s)}, 4)
	}
}

// has reports whether one of xs fits the story.
func (t *teller) has(xs []string) bool { return someFits(xs, t.marks) }

// take lets somebody of the team of arrival take the ticket: at once on the phone and in the chat.
func (t *teller) take() {
	t.speaks(t.member(t.d.Arrival), t.d.Arrival)
	d := t.pace(32)
	if t.live() {
		d = time.Duration(t.r.IntN(90)) * time.Second
	}
	t.work(d, Step{Kind: Assign, To: t.agent}, 1)
}

func (t *teller) live() bool { return t.d.Channel == "phone" || t.d.Channel == "chat" }

// first is a story that ends where it arrived.
func (t *teller) first() {
	t.take()
	if t.live() && t.chance(0.62) {
		t.resolve(t.span(9), t.s.Fix, t.s.Cause)
		return
	}
	if t.chance(0.62) {
		t.question()
	}
	if t.chance(0.2) {
		t.note(t.pace(18), append(t.s.Note, t.words["taken"]...))
	}
	t.impatience(0.05)
	if t.s.Wait != nil && t.s.Start != "" {
		t.wait(0.5)
	}
	t.resolve(t.pace(60), t.s.Fix, t.s.Cause)
}

// question asks the requester, who answers, or has to be reminded.
func (t *teller) question() {
	if !t.has(t.s.First) {
		return
	}
	t.reply(t.pace(14), t.s.First)
	if !t.has(t.s.Answer) {
		return
	}
	if t.chance(0.72) {
		t.answer(35, t.s.Answer)
		return
	}
	t.work(time.Minute, Step{Kind: Pend, On: "requester"}, 0)
	if t.chance(0.55) {
		t.answer(300, t.s.Answer)
		return
	}
	t.reply(time.Duration(16+t.r.IntN(12))*time.Hour, t.words["ask_again"])
	if t.chance(0.7) {
		t.answer(240, t.s.Answer)
	}
}

// higher is a story that ends at level 2 or 3.
func (t *teller) higher(n int) {
	t.take()
	if t.chance(0.7) {
		t.question()
	}
	if t.chance(0.35) {
		t.note(t.pace(15), t.s.Note)
	}
	t.escalate(t.s.Team, t.s.Handover)
	t.impatience(0.1)
	if t.has(t.s.Second) && t.chance(0.85) {
		t.reply(t.pace(45), t.s.Second)
		if t.chance(0.6) {
			t.answer(60, t.s.Answer2)
		}
	}
	if n == 2 {
		if t.s.Wait != nil && t.s.Start == "" {
			t.wait(0.5)
		}
		t.resolve(t.pace(130), t.s.Fix2, t.s.Cause2)
		return
	}
	if t.chance(0.6) {
		t.note(t.pace(90), []string{"Essai fait avec {first}, le défaut reste. Trace gardée pour la suite.",
			"Reproduit deux fois, ce n’est plus de notre ressort.", "Point fait à l’équipe : il faut l’avis du niveau 3."})
	}
	t.escalate(t.team3(), t.s.Handover3)
	t.note(t.pace(120), t.s.Note3)
	if t.s.Wait != nil && t.s.Team3 != "" {
		t.wait(0.7)
	}
	t.resolve(t.pace(220), t.s.Fix3, t.s.Cause2)
}

func (t *teller) team3() string {
	if t.s.Team3 != "" {
		return t.s.Team3
	}
	return "n3-systemes"
}

// escalate tells the requester, hands over to a team, and lets one of it take the ticket at once or after a while.
func (t *teller) escalate(team string, h *Handover) {
	if h == nil {
		h = &Handover{}
	}
	next := t.member(team)
	if next == t.agent {
		next = t.w.crew[team][len(t.w.crew[team])-1]
	}
	name := t.w.names[team].FR
	if t.d.Lang == "en" {
		name = t.w.names[team].EN
	}
	if _, short, ok := strings.Cut(name, " · "); ok {
		name = short
	}
	t.d.facts["agent2"], t.d.facts["team"] = t.w.byKey[next].Name(), name
	if t.chance(0.75) {
		t.reply(t.pace(20), t.words["relay"])
	}
	s := Step{Kind: Escalate, Team: team, Handover: Handover{Tried: t.fill(h.Tried), Known: t.fill(h.Known), Asked: t.fill(h.Asked),
		Reason: t.fill(h.Reason)}}
	if t.chance(0.55) {
		s.To = next
	}
	t.work(t.pace(4), s, 5)
	t.speaks(next, team)
	if s.To == "" {
		t.work(t.pace(30), Step{Kind: Assign, To: next}, 1)
	}
}

func (t *teller) fill(s string) string { return typeset("fr", expand(t.r, s, t.d.facts)) }

// wait parks the ticket with a word to the requester, then takes it up again.
func (t *teller) wait(p float64) {
	w := t.s.Wait
	if !t.chance(p) || !t.has(w.Text) {
		return
	}
	t.reply(t.pace(30), w.Text)
	days := time.Duration(float64(w.Days) * (0.4 + t.r.ExpFloat64()))
	until := t.w.cal.add(t.t, 10*time.Hour*max(1, days), deskHours)
	s := Step{Kind: Pend, On: w.On}
	if w.On == "date" {
		s.Until = t.w.cal.at(until, 9*60)
		if !s.Until.After(t.t) {
			s.Until = until
		}
	}
	t.work(time.Minute, s, 0)
	t.t = until
	t.work(t.span(20), Step{Kind: Resume}, 1)
}

// impatience is a requester who asks again, and an agent who apologises.
func (t *teller) impatience(p float64) {
	if !t.chance(p) {
		return
	}
	t.answer(700, t.words["nudge"])
	t.reply(t.pace(40), t.words["nudge_reply"])
}

func (t *teller) resolve(d time.Duration, fix, cause []string) {
	raw, i := t.choose(fix)
	s := Step{Kind: Resolve, Text: t.letter(raw)}
	if len(cause) > 0 {
		s.Cause = typeset("fr", expand(t.r, cause[min(i, len(cause)-1)], t.d.facts))
	}
	t.work(d, s, 11)
}

// after is what follows a resolution: thanks, a rating, sometimes the fault again, and the closure.
func (t *teller) after() {
	again := t.chance(0.063)
	if again {
		t.asked(min(t.span(400), 20*time.Hour), Step{Kind: Reopen, Text: typeset(t.d.Lang, t.say(t.words["reopen"]))})
		t.resolve(t.pace(90), t.words["refix"], nil)
	}
	resolved := t.t
	t.marks += speed(resolved.Sub(t.d.CreatedAt))
	if t.chance(0.36) {
		t.answer(40, t.words["thanks"])
	}
	if t.chance(0.44) {
		t.rate(again, resolved)
	}
	t.t = t.w.cal.add(resolved, closeAfter, deskHours)
	if last := t.d.Steps[len(t.d.Steps)-1].At; t.t.Before(last) {
		t.t = last.Add(time.Second)
	}
	t.d.Steps = append(t.d.Steps, Step{At: t.t, Kind: Close, By: System})
}

// rate adds a rating: a long wait or a second time make it worse.
func (t *teller) rate(again bool, resolved time.Time) {
	x := t.r.Float64()
	if again || resolved.Sub(t.d.CreatedAt) > 10*24*time.Hour {
		x += 0.3
	}
	s := Step{Kind: Rate, Score: "good"}
	words := t.words["good"]
	switch {
	case x > 1.05 || (x > 0.955 && x < 1):
		s.Score, words = "bad", t.words["bad"]
	case x > 0.85:
		s.Score, words = "neutral", t.words["neutral"]
	}
	s.Text = typeset(t.d.Lang, t.say(words))
	t.asked(min(t.span(90), 12*time.Hour), s)
}

// cancel ends a story before it began.
func (t *teller) cancel() {
	t.asked(t.span(60), Step{Kind: Cancel, Text: typeset(t.d.Lang, t.say(t.words["cancel"]))})
}
