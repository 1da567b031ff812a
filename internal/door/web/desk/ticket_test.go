package desk_test

import (
	"context"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/domain/calendar"
	"entraide/internal/domain/sla"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/promise"
)

func (h *house) path(x ticket.Ticket, noun string) string {
	return "/desk/tickets/" + x.Reference() + noun
}

func TestTicketPage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN <script>alert(1)</script>", "")
		a := h.want(h.get("yanis", h.path(x, "?view=all")), 200, x.Reference(), "VPN <script>alert(1)</script>", "Rien ne va plus.", "02 40 12 34 56", "Prendre", "Résoudre", "Escalader", "Sans technicien")
		if strings.Contains(a.body, "<script>alert") {
			t.Error("a subject runs as a script")
		}
		for _, part := range []string{"head", "conversation", "side", "around"} {
			p := h.send(t.Context(), "yanis", "GET", h.path(x, "?view=all&part="+part), nil, true)
			if h.want(p, 200); strings.Contains(p.body, "<html") || p.body == "" {
				t.Errorf("part %s is no part", part)
			}
		}
		h.want(h.get("yanis", "/desk/tickets/INC-99999"), 404)
		h.want(h.get("yanis", "/desk/tickets/nonsense"), 404)
		h.want(h.get("yanis", h.path(x, "?view=gone&cursor=zz")), 200, "À moi")
		h.want(h.get("yanis", h.path(x, "/print")), 200, x.Reference(), "Rien ne va plus.")
		for _, form := range []string{"escalations", "resolution", "pending", "assignment", "merge", "split", "links", "properties", "cancellation", "lead"} {
			h.want(h.get("yanis", h.path(x, "?form="+form)), 200, `action="/desk/tickets/`+x.Reference()+"/"+form)
		}
	})
}

func TestTicketTakesTheSameStatementsForOneMessageAndForMany(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		count := func() int64 {
			ctx, n := db.Counting(t.Context())
			h.want(h.send(ctx, "yanis", "GET", h.path(x, ""), nil, false), 200)
			return n.Load()
		}
		one := count()
		h.as("sophie", func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			for i := range 9 {
				if _, err := ticket.Note(ctx, tx, a, x.ID, ticket.Say{Draught: ticket.Draught{Body: "Note " + strconv.Itoa(i)}}); err != nil {
					return err
				}
			}
			return nil
		})
		if many := count(); many != one {
			t.Errorf("%d statements for 10 messages, %d for one", many, one)
		}
	})
}

func TestHowTheTimeIsCounted(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		h.want(h.get("yanis", h.path(x, "/promises")), 200, "Rien n’est promis", x.Reference())
		h.write(func(ctx context.Context, tx *db.Tx, _ auth.Actor) error {
			admin := auth.Actor{ID: "admin", Roles: []auth.Role{auth.Admin}}
			c, err := calendar.Save(ctx, tx, admin, calendar.Stored{Name: "Jour et nuit", Spec: calendar.Spec{Zone: "Europe/Paris", Hours: map[string][]calendar.Span{
				"mon": {{"00:00", "24:00"}}, "tue": {{"00:00", "24:00"}}, "wed": {{"00:00", "24:00"}}, "thu": {{"00:00", "24:00"}}, "fri": {{"00:00", "24:00"}}, "sat": {{"00:00", "24:00"}}, "sun": {{"00:00", "24:00"}}}}})
			if err != nil {
				return err
			}
			_, err = sla.SavePolicy(ctx, tx, admin, sla.Policy{Name: "Pannes", Active: true, CalendarID: c.ID,
				Targets: map[int]sla.Target{1: {Resolution: 60}, 2: {Resolution: 60}, 3: {Resolution: 60}, 4: {Resolution: 60}}})
			if err == nil {
				_, err = promise.Promise(ctx, tx, x)
			}
			return err
		})
		h.want(h.get("yanis", h.path(x, "/promises")), 200, "Pannes", "Jour et nuit", "Europe/Paris", "1 h promises", "Résolution")
		h.want(h.get("yanis", h.path(x, "")), 200, h.path(x, "/promises"))
	})
}

func TestAnotherTeamReadsAndNotesButDoesNotAct(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		a := h.want(h.get("sophie", h.path(x, "")), 200, "Rien ne va plus.", "appartient à une autre équipe")
		if strings.Contains(a.body, `data-key="e"`) || strings.Contains(a.body, `data-key="a"`) {
			t.Error("buttons are shown that lead to a refusal")
		}
		h.want(h.post("sophie", h.path(x, "/messages"), url.Values{"kind": {"note"}, "text": {"Vu ailleurs aussi."}}), 303)
		h.want(h.get("yanis", h.path(x, "")), 200, "Vu ailleurs aussi.", "Note interne")
		for noun, form := range map[string]url.Values{"/assignment": {"take": {"1"}}, "/resolution": {"body": {"fini"}}, "/pending": {"on": {"requester"}},
			"/escalations":  {"queue": {h.queues["Niveau 3"].ID}, "reason": {"r"}, "handover.tried": {"t"}, "handover.known": {"k"}, "handover.asked": {"a"}},
			"/cancellation": {}, "/tags": {"tags": {"x"}}, "/lead": {"reason": {"r"}}} {
			h.want(h.post("sophie", h.path(x, noun), form), 403)
		}
		if got := h.find(x.ID); got.AssigneeID != "" || got.Status != ticket.New {
			t.Error("another team acted")
		}
		secret := h.open("Paie", "Ressources humaines")
		h.want(h.get("yanis", h.path(secret, "")), 404)
		h.want(h.post("yanis", h.path(secret, "/messages"), url.Values{"kind": {"note"}, "text": {"?"}}), 404)
		h.want(h.get("admin", h.path(secret, "")), 200, "Paie")
	})
}

func TestComposerInTwoTabsAndSentTwice(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		page := h.get("yanis", h.path(x, "")).body
		form := url.Values{"once": {value(page, "once")}, "kind": {"note"}, "text": {"Câble vu."}}
		for range 2 {
			h.want(h.post("yanis", h.path(x, "/messages"), form), 303)
		}
		if n := h.find(x.ID).Messages; n != 2 {
			t.Errorf("%d messages after a double click, want the first and one note", n)
		}
		save := func(version, kind, text string) answer {
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/desk/drafts?ticket="+x.ID, strings.NewReader(url.Values{"kind": {kind}, "text": {text}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Draft-Version", version)
			r.AddCookie(h.cookies["yanis"])
			w := httptest.NewRecorder()
			h.handler.ServeHTTP(w, r)
			return answer{w.Code, w.Body.String(), w.Header()}
		}
		v1 := h.want(save("0", "reply", "Bonjour"), 200).header.Get("Draft-Version")
		v2 := h.want(save(v1, "reply", "Bonjour, voici"), 200).header.Get("Draft-Version")
		if a := h.want(save(v1, "reply", "Autre chose"), 409, "Bonjour, voici"); a.header.Get("Draft-Version") != v2 {
			t.Errorf("the choice names version %q, want %q", a.header.Get("Draft-Version"), v2)
		}
		if got := h.get("yanis", h.path(x, "")).body; value(got, "text") != "Bonjour, voici" || !strings.Contains(got, `data-draft-version="`+v2+`"`) {
			t.Error("the page does not show the draft that is kept")
		}
	})
}

func TestReplyIsHeldAndCanBeTakenBack(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		h.want(h.post("yanis", "/desk/drafts?ticket="+x.ID, url.Values{"kind": {"reply"}, "text": {"Bonjour Cam"}}), 200, "Brouillon enregistré")
		if got := value(h.get("yanis", h.path(x, "")).body, "text"); got != "Bonjour Cam" {
			t.Fatalf("the draft came back as %q", got)
		}
		if strings.Contains(h.get("lea", h.path(x, "")).body, "Bonjour Cam") {
			t.Error("a draft is seen by somebody else")
		}
		a := h.want(h.post("yanis", h.path(x, "/messages"), url.Values{"kind": {"reply"}, "text": {"Bonjour Camille."}}), 303)
		if h.find(x.ID).Messages != 1 {
			t.Fatal("the reply left at once")
		}
		page := h.get("yanis", h.path(x, ""))
		h.want(page, 200, "Bonjour Camille.", "Part dans quelques secondes")
		if got := value(page.body, "text"); got != "" {
			t.Errorf("the draft stayed: %q", got)
		}
		undo := h.undo(a, "yanis")
		h.want(h.post("lea", undo, nil), 404)
		h.want(h.post("yanis", undo, nil), 303)
		back := h.get("yanis", h.path(x, ""))
		if got := value(back.body, "text"); got != "Bonjour Camille." {
			t.Errorf("the text came back as %q", got)
		}
		if strings.Contains(back.body, "Part dans quelques") {
			t.Error("the reply still leaves")
		}
		if again := h.post("yanis", undo, nil); again.code < 400 {
			t.Errorf("a reply is taken back twice: %d", again.code)
		}
	})
}

func TestCrossedReplyKeepsItsText(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		seen := value(h.get("yanis", h.path(x, "")).body, "seen")
		if seen == "" {
			t.Fatal("the page does not say what it showed")
		}
		h.as("camille", func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			_, err := ticket.Reply(ctx, tx, a, x.ID, ticket.Say{Draught: ticket.Draught{Body: "C'est réparé."}})
			return err
		})
		for _, then := range []string{"", "resolve", "wait"} {
			a := h.want(h.post("yanis", h.path(x, "/messages"), url.Values{"kind": {"reply"}, "text": {"Essayez de redémarrer."}, "seen": {seen}, "then": {then}}), 409, "Un autre message est arrivé", "C'est réparé.")
			if got := value(a.body, "text"); got != "Essayez de redémarrer." {
				t.Errorf("then %q: the text came back as %q", then, got)
			}
			if h.find(x.ID).Status != ticket.New {
				t.Errorf("then %q: the ticket changed", then)
			}
		}
		again := value(h.get("yanis", h.path(x, "")).body, "seen")
		h.want(h.post("yanis", h.path(x, "/messages"), url.Values{"kind": {"reply"}, "text": {"Tant mieux."}, "seen": {again}, "then": {"resolve"}}), 303)
		if got := h.find(x.ID); got.Status != ticket.Resolved || got.Messages != 3 {
			t.Errorf("resolved with a reply: %s, %d messages", got.Status, got.Messages)
		}
	})
}

func TestBadMessages(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		h.want(h.post("yanis", h.path(x, "/messages"), url.Values{"kind": {"reply"}, "text": {"  "}}), 422, "Écrivez votre message.")
		h.want(h.post("yanis", h.path(x, "/messages"), url.Values{"kind": {"note"}, "text": {strings.Repeat("é", ticket.MaxBody+1)}}), 422, "Raccourcissez")
		h.want(h.post("yanis", h.path(x, "/messages"), url.Values{"kind": {"note"}, "text": {"oui"}, "attachment": {"01HXXXXXXXXXXXXXXXXXXXXXXX"}}), 422, "n'est plus disponible")
		h.want(h.post("yanis", h.path(x, "/messages"), url.Values{"kind": {"note"}, "text": {"a\xffb <img src=x onerror=alert(1)>"}}), 303)
		a := h.get("yanis", h.path(x, ""))
		if strings.Contains(a.body, "<img src=\"x\"") || strings.Contains(a.body, "onerror=alert(1)>") {
			t.Error("a note runs as HTML")
		}
		if n := dbtest.Count(t, h.db, "message"); n != 2 {
			t.Errorf("%d messages, want 2", n)
		}
	})
}

func TestStaleChangeIsSettledFieldByField(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		version := strconv.FormatInt(x.Version, 10)
		theirs := "VPN coupé à Nantes"
		h.as("lea", func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			_, err := ticket.Update(ctx, tx, a, x.ID, ticket.Patch{Subject: &theirs})
			return err
		})
		// Another field: both changes stay.
		h.want(h.post("yanis", h.path(x, "/properties"), url.Values{"version": {version}, "subject": {"VPN coupé"}, "was.subject": {"VPN coupé"}, "impact": {"1"}, "was.impact": {"3"}}), 303)
		if got := h.find(x.ID); got.Subject != theirs || got.Impact != 1 {
			t.Fatalf("subject %q, impact %d", got.Subject, got.Impact)
		}
		// The same field: nothing is overwritten, both versions are shown.
		a := h.want(h.post("yanis", h.path(x, "/properties"), url.Values{"version": {version}, "subject": {"VPN en panne"}, "was.subject": {"VPN coupé"}, "urgency": {"2"}, "was.urgency": {"3"}}),
			409, "VPN en panne", theirs, "Léa Martin")
		if h.find(x.ID).Subject != theirs {
			t.Fatal("the other change was overwritten")
		}
		now := value(a.body, "version")
		form := url.Values{"version": {now}, "subject": {"VPN en panne à Nantes"}, "was.subject": {value(a.body, "was.subject")}, "urgency": {value(a.body, "urgency")}, "was.urgency": {value(a.body, "was.urgency")}}
		h.want(h.post("yanis", h.path(x, "/properties"), form), 303)
		if got := h.find(x.ID); got.Subject != "VPN en panne à Nantes" || got.Urgency != 2 {
			t.Errorf("after the choice: %q, urgency %d", got.Subject, got.Urgency)
		}
		h.want(h.post("yanis", h.path(x, "/properties"), url.Values{"version": {"zero"}}), 422)
		h.want(h.post("yanis", h.path(x, "/properties"), url.Values{"version": {now}, "subject": {""}, "was.subject": {"VPN en panne à Nantes"}}), 422, "Écrivez une phrase")
	})
}

func TestHandover(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		to := h.queues["Niveau 2"]
		a := h.want(h.post("yanis", h.path(x, "/escalations"), url.Values{"queue": {to.ID}, "handover.tried": {"Redémarré deux fois"}, "from": {x.QueueID}}), 422,
			"la personne suivante n'aura rien à redemander", "Votre texte est gardé.")
		if got := value(a.body, "handover.tried"); got != "Redémarré deux fois" {
			t.Errorf("what was typed came back as %q", got)
		}
		h.want(h.post("yanis", h.path(x, "/escalations"), url.Values{"reason": {"r"}}), 422, "Choisissez l'équipe")
		full := url.Values{"queue": {to.ID}, "reason": {"Accès serveur"}, "handover.tried": {"Redémarré"}, "handover.known": {"Seul Nantes"}, "handover.asked": {"Vérifier"}, "from": {x.QueueID}}
		h.want(h.post("yanis", h.path(x, "/escalations"), full), 303)
		got := h.find(x.ID)
		if got.QueueID != to.ID || got.Level != 2 {
			t.Fatalf("in %s, level %d", got.QueueName, got.Level)
		}
		h.want(h.post("sophie", h.path(x, "/escalations"), full), 409, "déjà passé dans")
		h.want(h.get("sophie", h.path(x, "")), 200, "passe le relais à Niveau 2", "Accès serveur", "Seul Nantes", "Rendre")
		h.want(h.post("sophie", h.path(x, "/return"), url.Values{"advice": {""}}), 422)
		h.want(h.post("sophie", h.path(x, "/return"), url.Values{"advice": {"Réinstallez le client."}}), 303)
		if got := h.find(x.ID); got.Level != 1 || got.AssigneeID != h.people["yanis"].ID {
			t.Errorf("returned to level %d, %q", got.Level, got.Assignee)
		}
		h.want(h.get("yanis", h.path(x, "")), 200, "Réinstallez le client.")
		h.want(h.post("yanis", h.path(x, "/lead"), url.Values{"reason": {"Échéance menacée"}}), 303)
		h.want(h.get("yanis", h.path(x, "")), 200, "prévient Léa Martin")
		// Into a queue that only its team reads: the ticket leaves the desk of who passes it on.
		full.Set("queue", h.queues["Ressources humaines"].ID)
		full.Set("from", h.find(x.ID).QueueID)
		gone := h.want(h.post("yanis", h.path(x, "/escalations?view=all"), full), 303)
		if got := gone.header.Get("Location"); got != "/desk/views/all" {
			t.Errorf("leads to %q", got)
		}
		h.want(h.get("yanis", h.path(x, "")), 404)
	})
}
