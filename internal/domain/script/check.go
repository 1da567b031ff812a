package script

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"entraide/internal/base/errs"
)

// Fault is something because of which a tree cannot be published: where, what, and by its sentence the remedy.
type Fault struct {
	Node  string // key; "" = the tree as a whole
	Field string // of the node's form: "title_fr", "choice.1.next"
	Key   string // of the sentence in the catalogue
	Args  []any
}

// Errors are faults as what is wrong with the inputs "nodes.KEY.FIELD"; nil when there is none.
func Errors(faults []Fault) error {
	all := make([]errs.Field, len(faults))
	for i, f := range faults {
		name := "nodes"
		if f.Node != "" {
			name += "." + f.Node + "." + f.Field
		}
		all[i] = errs.Field{Name: name, Key: f.Key, Args: f.Args}
	}
	return errs.InvalidFields(all)
}

// checker gathers the faults of a tree.
type checker struct {
	t      Tree
	lang   string // of the names of places
	faults []Fault
}

// Name is how n is called in sentences: its title, else its place in the tree.
func (t Tree) Name(n Node, lang string) string {
	if s := n.Title.In(lang); s != "" {
		return s
	}
	return "n° " + strconv.Itoa(t.at(n.Key)+1)
}

// Check returns what keeps t from being published; the names of places are in lang.
func (t Tree) Check(lang string) []Fault {
	c := &checker{t: t, lang: lang}
	if len(t) == 0 {
		return []Fault{{Key: "script.fault.empty"}}
	}
	if len(t) > MaxNodes {
		return []Fault{{Key: "script.fault.many", Args: []any{"max", MaxNodes}}}
	}
	seen := map[string]bool{}
	for _, n := range t {
		if n.Key == "" || strings.ContainsAny(n.Key, "./ ") || seen[n.Key] {
			c.add(n, "key", "script.fault.key", "key", n.Key)
		}
		seen[n.Key] = true
		c.words(n)
		c.own(n)
		c.ways(n)
	}
	c.loops()
	c.reached()
	return c.faults
}

func (c *checker) add(n Node, field, key string, args ...any) {
	c.faults = append(c.faults, Fault{n.Key, field, key, append(args, "node", c.t.Name(n, c.lang))})
}

// said checks a text in both languages; needed ones must be there, others be translated when they are there at all.
func (c *checker) said(n Node, field string, x Text, needed bool, limit int) {
	for _, one := range []struct{ lang, text, other string }{{"fr", x.FR, x.EN}, {"en", x.EN, x.FR}} {
		switch {
		case one.text == "" && (needed || one.other != ""):
			c.add(n, field+"_"+one.lang, "script.fault.missing."+one.lang)
		case utf8.RuneCountInString(one.text) > limit:
			c.add(n, field+"_"+one.lang, "script.fault.long", "max", limit)
		}
	}
}

func (c *checker) words(n Node) {
	c.said(n, "title", n.Title, true, maxTitle)
	c.said(n, "help", n.Help, false, maxText)
	c.said(n, "body", n.Body, n.Kind == Reply || n.Kind == Outcome && n.End == EndResolved, maxText)
	c.said(n, "unit", n.Unit, false, maxTitle)
	c.said(n, "asked", n.Asked, n.Kind == Outcome && n.End == EndEscalate, maxText)
	c.said(n, "alt", n.Picture.Alt, n.Picture.Hash != "", maxTitle)
}

// own checks what only one kind of node has.
func (c *checker) own(n Node) {
	switch n.Kind {
	case Question:
		if !slices.Contains([]string{"", AsChoice, AsText, AsNumber}, n.Expects) {
			c.add(n, "expects", "script.fault.expects")
		}
	case Check, Reply:
	case Set:
		if !slices.Contains([]string{"category", "impact", "urgency", "tag"}, n.Field) && !strings.HasPrefix(n.Field, "fields.") {
			c.add(n, "field", "script.fault.field")
		}
		if n.Value == "" && n.From == "" {
			c.add(n, "value", "script.fault.value")
		}
		if x, ok := c.t.Find(n.From); n.From != "" && (!ok || x.Kind != Question && x.Kind != Check) {
			c.add(n, "from", "script.fault.from")
		}
	case Article:
		if !followable(n.URL) {
			c.add(n, "url", "script.fault.url")
		}
	case Outcome:
		switch {
		case !slices.Contains(Ends(), n.End):
			c.add(n, "end", "script.fault.end")
		case n.End == EndEscalate && n.Queue == "" && (n.Level < 2 || n.Level > 3):
			c.add(n, "to", "script.fault.level")
		}
	default:
		c.add(n, "kind", "script.fault.kind")
	}
}

// followable accepts pages of the web and of the product itself.
func followable(s string) bool {
	u, err := url.Parse(s)
	if err != nil || len(s) > 2000 {
		return false
	}
	if strings.HasPrefix(s, "/") {
		return !strings.HasPrefix(s, "//") && !strings.Contains(s, "\\")
	}
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// ways checks that every answer leads somewhere.
func (c *checker) ways(n Node) {
	if n.Chooses() {
		c.choices(n)
	}
	for i, w := range n.Ways() {
		switch {
		case w.To != "" && c.t.at(w.To) < 0:
			c.add(n, n.field(i, w), "script.fault.unknown")
		case w.To != "":
		case n.Chooses():
			c.add(n, n.field(i, w), "script.fault.dead_answer", "answer", c.label(w.Label, i))
		case w.Limit:
			c.add(n, n.field(i, w), "script.fault.dead_answer", "answer", "< "+strconv.FormatFloat(w.Below, 'f', -1, 64))
		default:
			c.add(n, n.field(i, w), "script.fault.dead_end")
		}
	}
	for i := 1; i < len(n.Limits); i++ {
		if n.Limits[i].Below == n.Limits[i-1].Below {
			c.add(n, "limit."+strconv.Itoa(i+1)+".below", "script.fault.limit_twice")
		}
	}
}

// field is where the form of n asks where its way i leads.
func (n Node) field(i int, w Way) string {
	switch {
	case n.Chooses():
		return "choice." + strconv.Itoa(i+1) + ".next"
	case w.Limit:
		return "limit." + strconv.Itoa(i+1) + ".next"
	}
	return "next"
}

func (c *checker) label(x Text, i int) string {
	if s := x.In(c.lang); s != "" {
		return s
	}
	return strconv.Itoa(i + 1)
}

func (c *checker) choices(n Node) {
	if len(n.Choices) < 2 {
		c.add(n, "choice.1.label_fr", "script.fault.choices_few")
	}
	if len(n.Choices) > MaxChoices {
		c.add(n, "choice.1.label_fr", "script.fault.choices_many", "max", MaxChoices)
	}
	seen := map[string]bool{}
	for i, x := range n.Choices {
		c.said(n, "choice."+strconv.Itoa(i+1)+".label", x.Label, true, maxTitle)
		if _, err := strconv.Atoi(x.Key); x.Key == "" || err == nil || seen[x.Key] {
			c.add(n, "choice."+strconv.Itoa(i+1)+".label_fr", "script.fault.key", "key", x.Key)
		}
		seen[x.Key] = true
	}
}

// loops finds the ways back: each is named by the nodes that it goes through.
func (c *checker) loops() {
	const white, grey, black = 0, 1, 2
	colour := map[string]int{}
	var path []Node
	var visit func(n Node)
	visit = func(n Node) {
		colour[n.Key] = grey
		path = append(path, n)
		for i, w := range n.Ways() {
			next, ok := c.t.Find(w.To)
			if !ok {
				continue
			}
			switch colour[next.Key] {
			case white:
				visit(next)
			case grey:
				c.add(n, n.field(i, w), "script.fault.loop", "path", c.round(path, next))
			}
		}
		path = path[:len(path)-1]
		colour[n.Key] = black
	}
	for _, n := range c.t {
		if colour[n.Key] == white {
			visit(n)
		}
	}
}

// round is the loop in words: from where it comes back to, along the path, and back.
func (c *checker) round(path []Node, back Node) string {
	i := slices.IndexFunc(path, func(n Node) bool { return n.Key == back.Key })
	var names []string
	for _, n := range append(slices.Clone(path[i:]), back) {
		names = append(names, "« "+c.t.Name(n, c.lang)+" »")
	}
	return strings.Join(names, " → ")
}

// Reachable returns the keys of the nodes to which something leads from the first one.
func (t Tree) Reachable() map[string]bool {
	seen := map[string]bool{}
	var visit func(key string)
	visit = func(key string) {
		n, ok := t.Find(key)
		if !ok || seen[key] {
			return
		}
		seen[key] = true
		for _, w := range n.Ways() {
			visit(w.To)
		}
	}
	if len(t) > 0 {
		visit(t[0].Key)
	}
	return seen
}

func (c *checker) reached() {
	seen := c.t.Reachable()
	for _, n := range c.t {
		if !seen[n.Key] {
			c.add(n, "title_fr", "script.fault.unreached")
		}
	}
}
