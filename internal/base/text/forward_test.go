package text_test

import (
	"testing"

	"entraide/internal/base/text"
)

func TestUnforward(t *testing.T) {
	const said = "Bonjour,\n\nMon écran est noir.\nAnn"
	for name, c := range map[string]struct {
		body string
		want text.Forward
	}{
		"Outlook, French": {"Tu peux regarder ?\n\nPaul\n\n________________________________\nDe : Ann Roux <ann@exemple.fr>\nEnvoyé : jeudi 12 mars 2026 09:44\nÀ : Paul Vasseur <paul@exemple.fr>\nObjet : Écran\n\n" + said,
			text.Forward{Name: "Ann Roux", Address: "ann@exemple.fr", Comment: "Tu peux regarder ?\n\nPaul", Body: said}},
		"Outlook, English, old": {"\n\n-----Original Message-----\nFrom: Roux, Ann [mailto:ann@exemple.fr]\nSent: Thursday, March 12, 2026 9:44 AM\nTo: Paul\nSubject: Screen\n\n" + said,
			text.Forward{Name: "Roux, Ann", Address: "ann@exemple.fr", Body: said}},
		"Gmail": {"Pour vous.\n\n---------- Forwarded message ---------\nDe : Ann Roux <ann@exemple.fr>\nDate: jeu. 12 mars 2026 à 09:44\nSubject: Écran\nTo: <paul@exemple.fr>\n\n\n" + said,
			text.Forward{Name: "Ann Roux", Address: "ann@exemple.fr", Comment: "Pour vous.", Body: said}},
		"Apple": {"\n\nDébut du message transféré :\n\n> De: Ann Roux <ann@exemple.fr>\n> Objet: Écran\n> Date: 12 mars 2026 à 09:44:00 UTC+1\n> À: paul@exemple.fr\n> \n> Bonjour,\n> \n> Mon écran est noir.\n> Ann\n",
			text.Forward{Name: "Ann Roux", Address: "ann@exemple.fr", Body: said}},
		"Thunderbird": {"Voir ci-dessous\n\n-------- Message transféré --------\nSujet : \tÉcran\nDate : \tThu, 12 Mar 2026 09:44:00 +0100\nDe : \tAnn Roux <ann@exemple.fr>\nPour : \tpaul@exemple.fr\n\n\n" + said,
			text.Forward{Name: "Ann Roux", Address: "ann@exemple.fr", Comment: "Voir ci-dessous", Body: said}},
		"the address alone": {"De : ann@exemple.fr\nObjet : Écran\n\n" + said, text.Forward{Address: "ann@exemple.fr", Body: said}},
		"twice forwarded": {"De : Ann <ann@exemple.fr>\nObjet : TR: x\n\nVoyez\n\nDe : Eve <eve@exemple.fr>\nObjet : x\n\nSecret",
			text.Forward{Name: "Ann", Address: "ann@exemple.fr", Body: "Voyez\n\nDe : Eve <eve@exemple.fr>\nObjet : x\n\nSecret"}},
		"a name without an address": {"De : Ann Roux\nEnvoyé : jeudi\nObjet : Écran\n\n" + said, text.Forward{}},
		"a list in prose":           {"De : Paris\nle train part à neuf heures\nann@exemple.fr", text.Forward{}},
		"no forward":                {said, text.Forward{}},
		"nothing":                   {"", text.Forward{}},
	} {
		got, ok := text.Unforward(c.body)
		if got != c.want || ok != (c.want.Address != "") {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
}
