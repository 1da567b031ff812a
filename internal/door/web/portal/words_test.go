package portal

import (
	"strings"
	"testing"
	"time"

	"entraide/internal/base/i18n"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/ui"
)

// plain makes the no-break spaces of typography ordinary.
var plain = strings.NewReplacer("\u00a0", " ", "\u202f", " ")

func TestMoment(t *testing.T) {
	now := time.Date(2026, 3, 12, 15, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		lang string
		at   time.Time
		want string
	}{
		{"fr", now.Add(-time.Hour), "aujourd’hui à 15 h"},
		{"fr", now.AddDate(0, 0, -1), "hier à 16 h"},
		{"fr", now.AddDate(0, 0, -3), "lundi à 16 h"},
		{"fr", now.AddDate(0, -1, 0), "le 12 février à 16 h"},
		{"fr", now.AddDate(-1, 0, 0), "le 12 mars 2025 à 16 h"},
		{"en", now.AddDate(0, -1, 0), "on 12 February at 16:00"},
	} {
		if got := plain.Replace(moment(i18n.New(c.lang, "Europe/Paris"), c.at, now)); got != c.want {
			t.Errorf("%s: %q, want %q", c.at, got, c.want)
		}
	}
}

func TestSteps(t *testing.T) {
	begin := time.Date(2026, 3, 12, 8, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return begin.Add(time.Duration(minutes) * time.Minute) }
	one := ticket.Stay{Level: 1, Entered: begin}
	two := ticket.Stay{Level: 2, Entered: at(60)}
	sideways := ticket.Stay{Level: 2, Entered: at(90)}
	taken := []taking{{at(10), "Yanis Belkacem"}}
	for name, c := range map[string]struct {
		t    ticket.Ticket
		s    story
		want string
	}{
		"new":             {ticket.Ticket{Status: ticket.New}, story{stays: []ticket.Stay{one}}, "[Reçue 9 h] Niveau 1 bientôt, Résolue, Fermée"},
		"taken":           {ticket.Ticket{Status: ticket.Open, Assignee: "Yanis Belkacem"}, story{stays: []ticket.Stay{one}, taken: taken}, "Reçue 9 h, [Niveau 1 9 h 10 · Yanis] Résolue, Fermée"},
		"passed on":       {ticket.Ticket{Status: ticket.Open}, story{stays: []ticket.Stay{one, two, sideways}, taken: taken}, "Reçue 9 h, Niveau 1 9 h 10 · Yanis, [Niveau 2 10 h] Résolue, Fermée"},
		"passed on, told": {ticket.Ticket{Status: ticket.Open}, story{stays: []ticket.Stay{one, two}, spoke: []taking{{at(70), "Sophie Lemaire"}}}, "Reçue 9 h, Niveau 1 9 h, [Niveau 2 10 h · Sophie] Résolue, Fermée"},
		"waits":           {ticket.Ticket{Status: ticket.Pending, PendingOn: ticket.OnRequester}, story{stays: []ticket.Stay{one}}, "Reçue 9 h, [Niveau 1 votre réponse est attendue] Résolue, Fermée"},
		"solved":          {ticket.Ticket{Status: ticket.Resolved, ResolvedAt: at(120)}, story{stays: []ticket.Stay{one}}, "Reçue 9 h, Niveau 1 9 h, [Résolue 11 h] Fermée 19 mars, si tout va bien"},
		"closed":          {ticket.Ticket{Status: ticket.Closed, ResolvedAt: at(120), ClosedAt: at(180)}, story{stays: []ticket.Stay{one}}, "Reçue 9 h, Niveau 1 9 h, Résolue 11 h, [Fermée 12 h]"},
		"withdrawn":       {ticket.Ticket{Status: ticket.Cancelled, ClosedAt: at(180)}, story{stays: []ticket.Stay{one}}, "Reçue 9 h, Niveau 1 9 h, [Annulée 12 h]"},
		"joined":          {ticket.Ticket{Status: ticket.Closed, MergedInto: "x", ClosedAt: at(180)}, story{stays: []ticket.Stay{one}}, "Reçue 9 h, Niveau 1 9 h, [Réunie à une autre 12 h]"},
		"to and fro": {ticket.Ticket{Status: ticket.Open}, story{stays: []ticket.Stay{one, two, {Level: 1, Entered: at(61)}, {Level: 2, Entered: at(62)}, {Level: 3, Entered: at(63)}, {Level: 2, Entered: at(64)}}},
			"Reçue 9 h, Niveau 1 10 h 01, Niveau 2 10 h 02, Niveau 3 10 h 03, [Niveau 2 10 h 04] Résolue, Fermée"},
	} {
		t.Run(name, func(t *testing.T) {
			c.t.CreatedAt = begin
			var words []string
			for _, s := range steps(i18n.New("fr", "Europe/Paris"), c.t, c.s, ticket.DefaultPolicy(), at(200)) {
				w := strings.TrimSpace(s.Label + " " + s.Detail)
				if s.State == ui.Now {
					w = "[" + w + "]"
				}
				words = append(words, w)
			}
			if got := plain.Replace(strings.ReplaceAll(strings.Join(words, ", "), "],", "]")); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
