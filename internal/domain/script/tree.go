// Package script is what a level 1 technician asks and checks while somebody is on the line: decision trees, designed
// without code, tried before they are published, followed step by step.
//
// A script has a draft, which its authors change, and revisions, which never change: whoever follows one keeps the revision
// it began with. A run is one passage; each answer is stored as it is given, so that it goes on after anything.
package script

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"entraide/internal/base/errs"
	"entraide/internal/base/text"
)

// Bounds of a tree.
const (
	MaxNodes   = 100
	MaxChoices = 9 // one digit of the keyboard each
	maxTitle   = 200
	maxText    = 5000 // runes of a help or a body
	maxAnswer  = 500  // runes
)

// Text is said in both languages.
type Text struct {
	FR string `json:"fr"`
	EN string `json:"en"`
}

// In returns the text in a language, the other one while it is not translated.
func (t Text) In(lang string) string {
	if lang == "en" && t.EN != "" || t.FR == "" {
		return t.EN
	}
	return t.FR
}

// Kind is what a node does.
type Kind string

// The kinds.
const (
	Question Kind = "question" // asks the caller
	Check    Kind = "check"    // lets the technician look at something
	Reply    Kind = "reply"    // a text ready to be said or sent
	Set      Kind = "set"      // fills a property of the ticket by itself
	Article  Kind = "article"  // something to read
	Outcome  Kind = "outcome"  // the end
)

// Kinds lists all kinds in the order in which pages offer them.
func Kinds() []Kind { return []Kind{Question, Check, Reply, Set, Article, Outcome} }

// What a question expects. "" is a choice.
const (
	AsChoice = "choice"
	AsText   = "text"
	AsNumber = "number"
)

// End is how a script ends.
type End string

// The ends.
const (
	EndResolved End = "resolved" // with a text for the requester
	EndRequest  End = "request"  // it is a service request
	EndEscalate End = "escalate" // to a level or a queue, with the handover
)

// Ends lists all ends.
func Ends() []End { return []End{EndResolved, EndRequest, EndEscalate} }

// Choice is one answer, and where it leads.
type Choice struct {
	Key   string `json:"key"` // within its node; never shown
	Label Text   `json:"label"`
	Next  string `json:"next"` // key of a node
}

// Limit is where a number below a value leads.
type Limit struct {
	Below float64 `json:"below"`
	Next  string  `json:"next"`
}

// Picture shows where to look.
type Picture struct {
	Hash string `json:"hash"`
	Type string `json:"type"` // "image/png"
	Alt  Text   `json:"alt"`
}

// Node is one step. Fields that its kind does not use are zero.
type Node struct {
	Key      string   `json:"key"` // within its script; never shown
	Kind     Kind     `json:"kind"`
	Title    Text     `json:"title"`              // the question, or what there is to do, in a line
	Help     Text     `json:"help,omitzero"`      // advice to the technician, instructions of a check; Markdown
	Expects  string   `json:"expects,omitempty"`  // of a question
	Choices  []Choice `json:"choices,omitempty"`  // of a question and of a check
	Limits   []Limit  `json:"limits,omitempty"`   // of a question that expects a number, the lowest first
	Unit     Text     `json:"unit,omitzero"`      // of that number
	Next     string   `json:"next,omitempty"`     // of what has no choices, and of a number beyond all limits
	Picture  Picture  `json:"picture,omitzero"`   // of a check
	Body     Text     `json:"body,omitzero"`      // of a reply and of a resolution; Markdown
	Field    string   `json:"field,omitempty"`    // of a set: category, impact, urgency, tag or fields.KEY
	Value    string   `json:"value,omitempty"`    // of a set
	From     string   `json:"from,omitempty"`     // of a set: the answer of this node instead of Value
	URL      string   `json:"url,omitempty"`      // of an article
	End      End      `json:"end,omitempty"`      // of an outcome
	Category string   `json:"category,omitempty"` // of a request: the category it goes to; "" stays
	Level    int      `json:"level,omitempty"`    // of an escalation: 2 or 3, when no queue is named
	Queue    string   `json:"queue,omitempty"`    // of an escalation: id
	Asked    Text     `json:"asked,omitzero"`     // of an escalation: what is asked of the next level
}

// Chooses reports whether n is answered by one of its choices.
func (n Node) Chooses() bool {
	return n.Kind == Check || n.Kind == Question && (n.Expects == "" || n.Expects == AsChoice)
}

// Counts reports whether n expects a number.
func (n Node) Counts() bool { return n.Kind == Question && n.Expects == AsNumber }

// Way is one way out of a node.
type Way struct {
	Choice string  // key; "" = not by a choice
	Label  Text    // of the choice
	Below  float64 // of a limit
	Limit  bool
	To     string // "" = nowhere yet
}

// Ways are the ways out of n, in order; none out of an outcome.
func (n Node) Ways() (all []Way) {
	switch {
	case n.Kind == Outcome:
	case n.Chooses():
		for _, c := range n.Choices {
			all = append(all, Way{Choice: c.Key, Label: c.Label, To: c.Next})
		}
	default:
		if n.Counts() {
			for _, l := range n.Limits {
				all = append(all, Way{Limit: true, Below: l.Below, To: l.Next})
			}
		}
		all = append(all, Way{To: n.Next})
	}
	return all
}

// Tree is all nodes; the first is where one begins.
type Tree []Node

// Find returns a node.
func (t Tree) Find(key string) (Node, bool) {
	if i := t.at(key); i >= 0 {
		return t[i], true
	}
	return Node{}, false
}

func (t Tree) at(key string) int {
	return slices.IndexFunc(t, func(n Node) bool { return n.Key == key })
}

// Fresh is a key that no node has.
func (t Tree) Fresh() string {
	for i := len(t) + 1; ; i++ {
		if key := "n" + strconv.Itoa(i); t.at(key) < 0 {
			return key
		}
	}
}

// Put replaces the node of the same key, or adds n at the end. Choices without a key get one.
func (t Tree) Put(n Node) Tree {
	n.Choices = slices.Clone(n.Choices)
	for i := range n.Choices {
		if n.Choices[i].Key == "" {
			n.Choices[i].Key = freshChoice(n.Choices)
		}
	}
	t = slices.Clone(t)
	if i := t.at(n.Key); i >= 0 {
		t[i] = n
		return t
	}
	return append(t, n)
}

func freshChoice(all []Choice) string {
	for c := 'a'; ; c++ {
		if key := string(c); !slices.ContainsFunc(all, func(x Choice) bool { return x.Key == key }) {
			return key
		}
	}
}

// Without removes a node; what led there leads nowhere. When it was the first one, the next one begins.
func (t Tree) Without(key string) Tree {
	out := make(Tree, 0, len(t))
	for _, n := range t {
		if n.Key != key {
			out = append(out, n.led(key, ""))
		}
	}
	return out
}

// led is n with every way to one node leading to another.
func (n Node) led(from, to string) Node {
	n.Choices, n.Limits = slices.Clone(n.Choices), slices.Clone(n.Limits)
	for i := range n.Choices {
		if n.Choices[i].Next == from {
			n.Choices[i].Next = to
		}
	}
	for i := range n.Limits {
		if n.Limits[i].Next == from {
			n.Limits[i].Next = to
		}
	}
	if n.Next == from {
		n.Next = to
	}
	if n.From == from {
		n.From = to
	}
	return n
}

// clean normalises what people typed.
func (t Tree) clean() Tree {
	out := make(Tree, len(t))
	line := func(x Text) Text { return Text{text.Line(x.FR), text.Line(x.EN)} }
	long := func(x Text) Text {
		return Text{strings.TrimSpace(text.Clean(x.FR)), strings.TrimSpace(text.Clean(x.EN))}
	}
	for i, n := range t {
		n = n.led("\x00", "") // own copies of the lists
		n.Title, n.Unit, n.Picture.Alt = line(n.Title), line(n.Unit), line(n.Picture.Alt)
		n.Help, n.Body, n.Asked = long(n.Help), long(n.Body), long(n.Asked)
		n.URL, n.Value = text.Line(n.URL), text.Line(n.Value)
		for k := range n.Choices {
			n.Choices[k].Label = line(n.Choices[k].Label)
			n.Choices[k].Key = text.Line(n.Choices[k].Key)
		}
		slices.SortStableFunc(n.Limits, func(a, b Limit) int {
			switch {
			case a.Below < b.Below:
				return -1
			case a.Below > b.Below:
				return 1
			}
			return 0
		})
		out[i] = n
	}
	return out
}

// Answer reads an answer to n: the position of a choice or its key, a text, a number; nothing where there is nothing to
// answer. It returns where it leads.
// Errors: errs.Invalid (answer).
func (n Node) Answer(typed string) (value, choice, next string, err error) {
	typed = text.Line(typed)
	switch {
	case n.Kind == Outcome:
		return "", "", "", errs.InvalidField("answer", "script.answer.over")
	case n.Chooses():
		c, ok := n.choose(typed)
		if !ok {
			return "", "", "", errs.InvalidField("answer", "script.answer.choice", "max", len(n.Choices))
		}
		return "", c.Key, c.Next, nil
	case n.Counts():
		return n.number(typed)
	case n.Kind == Question:
		if typed == "" {
			return "", "", "", errs.InvalidField("answer", "script.answer.text")
		}
		if utf8.RuneCountInString(typed) > maxAnswer {
			return "", "", "", errs.InvalidField("answer", "script.answer.long", "max", maxAnswer)
		}
		return typed, "", n.Next, nil
	}
	return "", "", n.Next, nil
}

func (n Node) choose(typed string) (Choice, bool) {
	if i, err := strconv.Atoi(typed); err == nil {
		if i >= 1 && i <= len(n.Choices) {
			return n.Choices[i-1], true
		}
		return Choice{}, false
	}
	return n.Choice(typed)
}

// Choice returns a choice of n by its key.
func (n Node) Choice(key string) (Choice, bool) {
	i := slices.IndexFunc(n.Choices, func(c Choice) bool { return c.Key == key && key != "" })
	if i < 0 {
		return Choice{}, false
	}
	return n.Choices[i], true
}

// number takes "1 234,5" as well as "1234.5".
func (n Node) number(typed string) (value, choice, next string, err error) {
	compact := strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "", ",", ".", "−", "-").Replace(typed)
	v, err := strconv.ParseFloat(compact, 64)
	if err != nil || strings.ContainsAny(compact, "xXpP_iInN") || v > 1e15 || v < -1e15 {
		return "", "", "", errs.InvalidField("answer", "script.answer.number")
	}
	value = strconv.FormatFloat(v, 'f', -1, 64)
	for _, l := range n.Limits {
		if v < l.Below {
			return value, "", l.Next, nil
		}
	}
	return value, "", n.Next, nil
}
