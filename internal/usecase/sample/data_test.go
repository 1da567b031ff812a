package sample

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func loaded(t *testing.T) *data {
	t.Helper()
	d, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEveryScenarioCanBeTold(t *testing.T) {
	d := loaded(t)
	teams, cats := map[string]int{}, map[string]bool{}
	for _, x := range d.Org.Teams {
		teams[x.Key] = x.Level
	}
	for _, c := range d.Nodes {
		cats[c.Key] = true
	}
	seen := map[string]bool{}
	english := 0
	for i := range d.Scenarios {
		s := &d.Scenarios[i]
		if seen[s.ID] {
			t.Errorf("%s: told twice", s.ID)
		}
		seen[s.ID] = true
		if s.Lang == "en" {
			english++
		}
		if !cats[s.Cat] {
			t.Errorf("%s: no category %q", s.ID, s.Cat)
		}
		if s.Type != "incident" && s.Type != "request" {
			t.Errorf("%s: type %q", s.ID, s.Type)
		}
		for n := 1; n <= 3; n++ {
			if s.Levels[n-1] == 0 {
				continue
			}
			for _, c := range s.cases(n) {
				marks := strings.ToUpper(s.Type[:1]) + string(rune('0'+n)) + c
				fix := [][]string{s.Fix, s.Fix2, s.Fix3}[n-1]
				if !someFits(s.Subjects, marks) || !someFits(s.Open, marks) || !someFits(fix, marks) {
					t.Errorf("%s: level %d, case %q lacks a subject, an opening or a resolution", s.ID, n, c)
				}
			}
			if n > 1 && (s.Handover == nil || teams[s.Team] != 2) {
				t.Errorf("%s: level %d without a handover to level 2", s.ID, n)
			}
			if n == 3 && (s.Handover3 == nil || s.Team3 != "" && teams[s.Team3] != 3) {
				t.Errorf("%s: level 3 without a handover to it", s.ID)
			}
		}
		for c := 'a'; c <= 'z'; c++ {
			if s.names(c) && !someFits(append(append(append([]string{}, s.Fix...), s.Fix2...), s.Fix3...), "123"+string(c)) {
				t.Errorf("%s: case %c is opened and never resolved", s.ID, c)
			}
		}
	}
	if len(d.Scenarios) < 70 || english < 12 {
		t.Errorf("%d scenarios, %d in English; want 70 and 12", len(d.Scenarios), english)
	}
}

func TestExpand(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	f := facts{"manager": "Hélène", "colleague": "Anne Roux", "month": "octobre", "n": "4", "folder": "« Budget »"}
	for in, want := range map[string]string{
		"le poste de {colleague}":           "le poste d’Anne Roux",
		"Accord de {manager} du {n}":        "Accord de Hélène du 4",
		"Bulletins de {month}":              "Bulletins d’octobre",
		"il faut que {colleague} le sache":  "il faut qu’Anne Roux le sache",
		"[{n} pages|{n} pages] de {folder}": "4 pages de « Budget »",
		"{unknown}":                         "{unknown}",
		"mode {month}":                      "mode octobre",
	} {
		if got := expand(r, in, f); got != want {
			t.Errorf("expand(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		phrase, marks string
		want          bool
	}{
		{"Sans étiquette", "I1a", true},
		{"@ab Deux cas", "I1b", true},
		{"@ab Deux cas", "I1c", false},
		{"@ab Deux cas", "I1", false},
		{"@a2 Niveau 2", "I1a", false},
		{"@a2 Niveau 2", "I2a", true},
		{"@FI Vite", "I1aF", true},
		{"@FI Vite", "R1aF", false},
		{"@FI Vite", "I1aS", false},
	} {
		if got := fits(c.phrase, c.marks); got != c.want {
			t.Errorf("fits(%q, %q) = %v", c.phrase, c.marks, got)
		}
	}
}

func TestLowerFirst(t *testing.T) {
	for in, want := range map[string]string{
		"Écran noir": "écran noir", "VPN HS": "VPN HS", "À domicile": "à domicile", "J’ai fini": "j’ai fini", "Wi-Fi HS": "Wi-Fi HS",
		"{client} attend": "{client} attend", "": "",
	} {
		if got := lowerFirst(in); got != want {
			t.Errorf("lowerFirst(%q) = %q, want %q", in, got, want)
		}
	}
}
