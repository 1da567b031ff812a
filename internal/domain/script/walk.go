package script

import "strconv"

// Given is one answer, or one step that went by itself.
type Given struct {
	Node   string // key
	Value  string // of a text, a number, or what was set
	Choice string // key
}

// Said is what was answered in words: the label of the choice, or the value with its unit; "" where there was nothing to
// answer.
func (g Given) Said(n Node, lang string) string {
	if c, ok := n.Choice(g.Choice); ok {
		return c.Label.In(lang)
	}
	if u := n.Unit.In(lang); g.Value != "" && u != "" {
		return g.Value + " " + u
	}
	return g.Value
}

// Effect is what a passed node sets on the ticket.
type Effect struct {
	Node         Node
	Field, Value string
}

// enter goes on from key through what needs no answer. at is where somebody has to answer, or an outcome; "" when the
// way ends nowhere, as drafts may.
func (t Tree) enter(key string, before []Given) (at string, passed []Given, effects []Effect) {
	for range MaxNodes { // a draft may go round
		n, ok := t.Find(key)
		if !ok {
			return "", passed, effects
		}
		if n.Kind != Set {
			return n.Key, passed, effects
		}
		v := n.Value
		if n.From != "" {
			v = t.answered(n.From, append(before, passed...))
		}
		passed = append(passed, Given{Node: n.Key, Value: v})
		if v != "" {
			effects = append(effects, Effect{n, n.Field, v})
		}
		key = n.Next
	}
	return "", passed, effects
}

// answered is the answer of a node as a value: a text, a number, or the French label of a choice.
func (t Tree) answered(key string, given []Given) string {
	for i := len(given) - 1; i >= 0; i-- {
		if g := given[i]; g.Node == key {
			n, _ := t.Find(key)
			if c, ok := n.Choice(g.Choice); ok {
				return c.Label.FR
			}
			return g.Value
		}
	}
	return ""
}

// Walk follows t by answers, without writing anything: the trial of a draft. It stops at the first answer that does not
// fit, with its error, and returns the answers that did as they were read.
// Errors: errs.Invalid (answer).
func (t Tree) Walk(answers []string) (at string, given []Given, effects []Effect, err error) {
	if len(t) == 0 {
		return "", nil, nil, nil
	}
	at, given, effects = t.enter(t[0].Key, nil)
	for _, typed := range answers {
		n, ok := t.Find(at)
		if !ok || len(given) > MaxNodes {
			break
		}
		value, choice, next, err := n.Answer(typed)
		if err != nil {
			return at, given, effects, err
		}
		given = append(given, Given{Node: at, Value: value, Choice: choice})
		to, passed, set := t.enter(next, given)
		at, given, effects = to, append(given, passed...), append(effects, set...)
	}
	return at, given, effects, nil
}

// Longest is how many steps the longest way from a node has, itself included: for telling how far one is.
func (t Tree) Longest(key string) int {
	memo := map[string]int{}
	var depth func(key string, seen int) int
	depth = func(key string, seen int) int {
		n, ok := t.Find(key)
		if !ok || seen > MaxNodes {
			return 0
		}
		if d, ok := memo[key]; ok {
			return d
		}
		best := 0
		for _, w := range n.Ways() {
			best = max(best, depth(w.To, seen+1))
		}
		if n.Kind != Set {
			best++
		}
		memo[key] = best
		return best
	}
	return depth(key, 0)
}

// Typed is an answer as Answer reads it again.
func (g Given) Typed(n Node) string {
	for i, c := range n.Choices {
		if c.Key == g.Choice {
			return strconv.Itoa(i + 1)
		}
	}
	return g.Value
}
