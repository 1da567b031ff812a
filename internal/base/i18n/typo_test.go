package i18n_test

import (
	"testing"

	"entraide/internal/base/i18n"
)

func TestTypoFrench(t *testing.T) {
	for in, want := range map[string]string{
		"Rien n'est perdu, on réessaie !":            "Rien n’est perdu, on réessaie~!",
		"Pourquoi ? Parce que ; voilà : fin":         "Pourquoi~? Parce que~; voilà_: fin",
		"Objet :":                                    "Objet_:",
		"« oui »":                                    "«_oui_»",
		"«oui»":                                      "«_oui_»",
		"l'{name} a 12 min":                          "l’{name} a 12_min",
		"{n} jours, {size} Mo, {n} %":                "{n}_jours, {size}_Mo, {n}_%",
		"12 500 000 tickets en 2026":                 "12~500~000 tickets en 2026",
		"à 9 h 44, dans 2 heures":                    "à 9_h_44, dans 2_heures",
		"avant {h} h {m}":                            "avant {h}_h_{m}",
		"Appelez le 02 40 12 34 56":                  "Appelez le 02 40 12 34 56",
		"le 12 mars 2026 et le 1er avril":            "le 12_mars 2026 et le 1er_avril",
		"Étape 2, bâtiment C4, niveau {n}":           "Étape_2, bâtiment_C4, niveau_{n}",
		"Attendez...":                                "Attendez…",
		"https://aide.example/?q=1":                  "https://aide.example/?q=1",
		"il mesure 3 mètres et pèse 4 s'il le faut":  "il mesure 3 mètres et pèse 4 s’il le faut",
		"'cité' reste droit":                         "'cité' reste droit",
		"Traceur « {name} » : {n} essais, 1 000 € !": "Traceur «_{name}_»_: {n} essais, 1~000_€~!",
		"": "",
	} {
		got := i18n.Typo(i18n.FR, in)
		same(t, in, got, want)
		if again := i18n.Typo(i18n.FR, got); again != got {
			t.Errorf("%q set twice = %q", in, again)
		}
	}
}

func TestTypoEnglish(t *testing.T) {
	for in, want := range map[string]string{
		`No result for "plotter".`: "No result for “plotter”.",
		`("x")`:                    "(“x”)",
		"Don't, users' files...":   "Don’t, users’ files…",
		"Wait ! 10 000 %":          "Wait ! 10 000 %",
	} {
		same(t, in, i18n.Typo(i18n.EN, in), want)
	}
}

func FuzzTypoTwice(f *testing.F) {
	for _, s := range []string{"« a » : 1 000 €", "l'«x» ! 1 h 2 ...", "\u00a0»", "1er mars", "1 1 111 111"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := i18n.Typo(i18n.FR, s)
		if twice := i18n.Typo(i18n.FR, once); twice != once {
			t.Errorf("%q: once %q, twice %q", s, once, twice)
		}
	})
}
