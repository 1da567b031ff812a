package script_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/script"
)

func both(s string) script.Text { return script.Text{FR: s, EN: s + " (en)"} }

func choice(key, label, next string) script.Choice {
	return script.Choice{Key: key, Label: both(label), Next: next}
}

// vpn is a small tree with every kind of node.
func vpn() script.Tree {
	return script.Tree{
		{Key: "locked", Kind: script.Question, Title: both("Compte verrouillé ?"), Choices: []script.Choice{choice("yes", "Oui", "unlock"), choice("no", "Non", "version")}},
		{Key: "version", Kind: script.Question, Expects: script.AsNumber, Title: both("Version du client ?"), Unit: both("du client"),
			Limits: []script.Limit{{Below: 4, Next: "update"}}, Next: "keep"},
		{Key: "keep", Kind: script.Set, Title: both("Retenir la version"), Field: "fields.version", From: "version", Next: "router"},
		{Key: "router", Kind: script.Check, Title: both("Redémarrer la box"), Choices: []script.Choice{choice("ok", "Ça marche", "done"), choice("ko", "Rien ne change", "what")}},
		{Key: "what", Kind: script.Question, Expects: script.AsText, Title: both("Quel message ?"), Next: "read"},
		{Key: "read", Kind: script.Article, Title: both("Lire l'article"), URL: "https://aide.example/vpn", Next: "level2"},
		{Key: "unlock", Kind: script.Reply, Title: both("Dire que c'est débloqué"), Body: both("Votre compte est débloqué."), Next: "done"},
		{Key: "update", Kind: script.Outcome, End: script.EndRequest, Title: both("Mettre à jour le client")},
		{Key: "done", Kind: script.Outcome, End: script.EndResolved, Title: both("Résolu"), Body: both("Le VPN remarche.")},
		{Key: "level2", Kind: script.Outcome, End: script.EndEscalate, Level: 2, Title: both("Passer au réseau"), Asked: both("Regarder le concentrateur.")},
	}
}

func TestSoundTreeHasNoFault(t *testing.T) {
	if f := vpn().Check("fr"); len(f) > 0 {
		t.Errorf("%+v", f)
	}
}

func TestFaultsNameThePlaceAndTheRemedy(t *testing.T) {
	change := func(key string, f func(n *script.Node)) func(script.Tree) script.Tree {
		return func(tree script.Tree) script.Tree {
			n, ok := tree.Find(key)
			if !ok {
				t.Fatal(key)
			}
			n.Choices, n.Limits = slices.Clone(n.Choices), slices.Clone(n.Limits)
			f(&n)
			return tree.Put(n)
		}
	}
	for name, c := range map[string]struct {
		change func(script.Tree) script.Tree
		want   []string // node field key
	}{
		"empty":              {func(script.Tree) script.Tree { return nil }, []string{"  script.fault.empty"}},
		"a loop":             {change("router", func(n *script.Node) { n.Choices[1].Next = "locked" }), []string{"level2 title_fr script.fault.unreached", "read title_fr script.fault.unreached", "router choice.2.next script.fault.loop", "what title_fr script.fault.unreached"}},
		"a loop on itself":   {change("what", func(n *script.Node) { n.Next = "what" }), []string{"level2 title_fr script.fault.unreached", "read title_fr script.fault.unreached", "what next script.fault.loop"}},
		"a loop by a number": {change("version", func(n *script.Node) { n.Limits[0].Next = "locked" }), []string{"update title_fr script.fault.unreached", "version limit.1.next script.fault.loop"}},
		"a dead end":         {change("read", func(n *script.Node) { n.Next = "" }), []string{"level2 title_fr script.fault.unreached", "read next script.fault.dead_end"}},
		"a dead answer":      {change("locked", func(n *script.Node) { n.Choices[0].Next = "" }), []string{"locked choice.1.next script.fault.dead_answer", "unlock title_fr script.fault.unreached"}},
		"a way to nowhere":   {change("unlock", func(n *script.Node) { n.Next = "gone" }), []string{"unlock next script.fault.unknown"}},
		"an island": {func(tree script.Tree) script.Tree {
			return tree.Put(script.Node{Key: "x", Kind: script.Reply, Title: both("Seul"), Body: both("b"), Next: "done"})
		}, []string{"x title_fr script.fault.unreached"}},
		"English is missing":      {change("locked", func(n *script.Node) { n.Title.EN = "" }), []string{"locked title_en script.fault.missing.en"}},
		"an answer untranslated":  {change("locked", func(n *script.Node) { n.Choices[1].Label.EN = "" }), []string{"locked choice.2.label_en script.fault.missing.en"}},
		"a help half translated":  {change("locked", func(n *script.Node) { n.Help.EN = "Ask" }), []string{"locked help_fr script.fault.missing.fr"}},
		"no text for the end":     {change("done", func(n *script.Node) { n.Body = script.Text{} }), []string{"done body_en script.fault.missing.en", "done body_fr script.fault.missing.fr"}},
		"one answer":              {change("locked", func(n *script.Node) { n.Choices = n.Choices[1:] }), []string{"locked choice.1.label_fr script.fault.choices_few", "unlock title_fr script.fault.unreached"}},
		"nowhere to escalate":     {change("level2", func(n *script.Node) { n.Level = 0 }), []string{"level2 to script.fault.level"}},
		"no such end":             {change("done", func(n *script.Node) { n.End = "later" }), []string{"done end script.fault.end"}},
		"a script in the address": {change("read", func(n *script.Node) { n.URL = "javascript:alert(1)" }), []string{"read url script.fault.url"}},
		"another host":            {change("read", func(n *script.Node) { n.URL = "//evil.example" }), []string{"read url script.fault.url"}},
		"sets nothing":            {change("keep", func(n *script.Node) { n.From = "" }), []string{"keep value script.fault.value"}},
		"takes from nobody":       {change("keep", func(n *script.Node) { n.From = "done" }), []string{"keep from script.fault.from"}},
		"no such field":           {change("keep", func(n *script.Node) { n.Field = "status" }), []string{"keep field script.fault.field"}},
		"twice the same number":   {change("version", func(n *script.Node) { n.Limits = append(n.Limits, n.Limits[0]) }), []string{"version limit.2.below script.fault.limit_twice"}},
		"a picture unnamed":       {change("router", func(n *script.Node) { n.Picture.Hash = "abc" }), []string{"router alt_en script.fault.missing.en", "router alt_fr script.fault.missing.fr"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range c.change(vpn()).Check("fr") {
				got = append(got, f.Node+" "+f.Field+" "+f.Key)
				for _, lang := range i18n.Langs() {
					said := i18n.Loc{Lang: lang}.T(f.Key, f.Args...)
					if said == f.Key || strings.ContainsAny(said, "{}") {
						t.Errorf("%s says %q", f.Key, said)
					}
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestLoopIsNamedByItsWay(t *testing.T) {
	tree := vpn()
	n, _ := tree.Find("router")
	n.Choices = []script.Choice{n.Choices[0], choice("ko", "Non", "version")}
	for _, f := range tree.Put(n).Check("fr") {
		if f.Key == "script.fault.loop" {
			if said := (i18n.Loc{Lang: i18n.FR}).T(f.Key, f.Args...); !strings.Contains(said, "Version du client") || !strings.Contains(said, "→") {
				t.Error(said)
			}
			return
		}
	}
	t.Error("no loop found")
}

// Whatever tree is thrown at it, Check ends, and a tree that it accepts leads from any answers to an outcome.
func TestRandomTrees(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	sound := 0
	for range 3000 {
		size := 2 + r.IntN(6)
		tree := make(script.Tree, 0, size)
		for i := range size {
			key := "n" + strconv.Itoa(i)
			to := func() string { return "n" + strconv.Itoa(min(i+1+r.IntN(2), size-1)) }
			if r.IntN(12) == 0 {
				to = func() string { return "n" + strconv.Itoa(r.IntN(size)) } // may go back
			}
			if i == size-1 {
				tree = append(tree, script.Node{Key: key, Kind: script.Outcome, End: script.EndResolved, Title: both(key), Body: both("b")})
				continue
			}
			tree = append(tree, script.Node{Key: key, Kind: script.Question, Title: both(key), Choices: []script.Choice{choice("a", "A", to()), choice("b", "B", to())}})
		}
		if len(tree.Check("en")) > 0 {
			continue
		}
		sound++
		answers := make([]string, size)
		for i := range answers {
			answers[i] = strconv.Itoa(1 + r.IntN(2))
		}
		at, _, _, err := tree.Walk(answers)
		if n, ok := tree.Find(at); !ok || n.Kind != script.Outcome { // it ends before the answers do
			t.Fatalf("%v leads to %q: %v", tree, at, err)
		}
	}
	if sound < 200 {
		t.Errorf("only %d sound trees: nothing was tried", sound)
	}
}

func TestWalk(t *testing.T) {
	for name, c := range map[string]struct {
		answers []string
		at      string
		set     string // the value of the effect
		wrong   bool
	}{
		"nothing yet":             {nil, "locked", "", false},
		"by position":             {[]string{"1"}, "unlock", "", false},
		"by key":                  {[]string{"no"}, "version", "", false},
		"through what is said":    {[]string{"1", ""}, "done", "", false},
		"a small number":          {[]string{"2", "3,9"}, "update", "", false},
		"a number, then what set": {[]string{"2", "4.2"}, "router", "4.2", false},
		"to the end":              {[]string{"2", "4", "2", "E-691", ""}, "level2", "4", false},
		"beyond the end":          {[]string{"1", "", "1"}, "done", "", true},
		"no such answer":          {[]string{"3"}, "locked", "", true},
		"words for a number":      {[]string{"2", "vieux"}, "version", "", true},
		"nothing for a text":      {[]string{"2", "4", "2", " "}, "what", "4", true},
		"not a number":            {[]string{"2", "NaN"}, "version", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			at, _, effects, err := vpn().Walk(c.answers)
			set := ""
			if len(effects) > 0 {
				set = effects[0].Value
			}
			if at != c.at || set != c.set || errors.Is(err, errs.Invalid) != c.wrong {
				t.Errorf("at %q, set %q, %v", at, set, err)
			}
		})
	}
}

func TestEditing(t *testing.T) {
	tree := vpn().Without("version")
	locked, _ := tree.Find("locked")
	keep, _ := tree.Find("keep")
	if locked.Choices[1].Next != "" || keep.From != "" {
		t.Errorf("ways to what is gone: %+v, %+v", locked, keep)
	}
	if first := vpn().Without("locked"); first[0].Key != "version" {
		t.Errorf("begins with %s", first[0].Key)
	}
	before, _ := vpn().Find("locked")
	tree = vpn().Put(script.Node{Key: "locked", Kind: script.Question, Choices: []script.Choice{before.Choices[0], {Label: both("Peut-être")}}})
	if n := tree[0]; n.Choices[1].Key == "" || n.Choices[1].Key == n.Choices[0].Key || len(tree) != len(vpn()) {
		t.Errorf("%+v", n)
	}
	if key := tree.Fresh(); slices.ContainsFunc(tree, func(n script.Node) bool { return n.Key == key }) {
		t.Errorf("%s is taken", key)
	}
	if d := vpn().Longest("locked"); d != 6 {
		t.Errorf("longest way %d", d)
	}
}
