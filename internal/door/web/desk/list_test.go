package desk_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/domain/ticket"
)

func TestWhoMayEnter(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		for _, path := range []string{"/desk", "/desk/views/mine", "/desk/tickets/" + x.Reference(), "/desk/tickets/" + x.Reference() + "/print", "/desk/call", "/desk/suggest?kind=@&q=y"} {
			h.want(h.get("camille", path), 403)
			if a := h.get("nobody", path); a.code != 303 || !strings.HasPrefix(a.header.Get("Location"), "/sign-in") {
				t.Errorf("%s without a session: %d to %q", path, a.code, a.header.Get("Location"))
			}
		}
		for _, path := range []string{"/messages", "/escalations", "/return", "/lead", "/resolution", "/pending", "/assignment", "/merge", "/split",
			"/links", "/watchers", "/tags", "/properties", "/cancellation", "/reopening", "/presence"} {
			h.want(h.post("camille", "/desk/tickets/"+x.Reference()+path, url.Values{"text": {"non"}}), 403)
		}
		if got := h.find(x.ID); got.Version != x.Version {
			t.Error("a refused action changed the ticket")
		}
	})
}

func TestViews(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x, y := h.open("VPN coupé", ""), h.open("Écran noir", "Niveau 2")
		h.as("yanis", func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			_, err := ticket.Take(ctx, tx, a, x.ID)
			return err
		})
		if a := h.get("yanis", "/desk"); a.code != 303 || a.header.Get("Location") != "/desk/views/mine" {
			t.Fatalf("%d %q", a.code, a.header.Get("Location"))
		}
		mine := h.want(h.get("yanis", "/desk/views/mine"), 200, x.Reference(), "VPN coupé", "Camille Renaud · Nantes", "En cours", "Sans technicien", "Niveau 2")
		if strings.Contains(mine.body, "Écran noir") {
			t.Error("a ticket of somebody else is in the view of mine")
		}
		h.want(h.get("yanis", "/desk/views/queue-"+h.queues["Niveau 2"].ID), 200, y.Reference(), "Nouveau")
		h.want(h.get("yanis", "/desk/views/queue-"+h.queues["Ressources humaines"].ID), 404)
		h.want(h.get("yanis", "/desk/views/nothing"), 404)
		h.want(h.get("yanis", "/desk/views/all?q=ecran"), 200, y.Reference())
		h.want(h.get("yanis", "/desk/views/all?q=zzz"), 200, "Aucun ticket ne correspond")
		if a := h.get("yanis", "/desk/views/all?cursor=%21&q=ecran"); a.code != 303 || a.header.Get("Location") != "/desk/views/all?q=ecran" {
			t.Errorf("a cursor of nothing: %d %q", a.code, a.header.Get("Location"))
		}
		h.want(h.get("yanis", "/desk/views/all?status=nonsense&priority=99&sort=up&category=zz"), 200)
		part := h.send(t.Context(), "yanis", "GET", "/desk/views/all?part=rows", nil, true)
		if h.want(part, 200, y.Reference()); strings.Contains(part.body, "<html") {
			t.Error("script asked for a part and got a page")
		}
	})
}

func TestPagesNeitherSkipNorRepeat(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for i := range 53 {
			h.open(fmt.Sprintf("Panne %d", i), "")
		}
		first := h.want(h.get("yanis", "/desk/views/all?sort=created"), 200, "Panne 52", "53")
		at := strings.Index(first.body, `rel="next"`)
		if at < 0 {
			t.Fatal("no next page")
		}
		href := first.body[strings.LastIndex(first.body[:at], `href="`)+6 : at]
		href = strings.ReplaceAll(href[:strings.Index(href, `"`)], "&amp;", "&")
		second := h.want(h.get("yanis", href), 200, "Panne 0", "Panne 2", "Revenir au début")
		if strings.Contains(second.body, "Panne 3<") || !strings.Contains(first.body, "Panne 3 ") && !strings.Contains(words(first.body), "Panne 3 ") {
			t.Error("pages overlap or leave a gap")
		}
	})
}

func TestListTakesTheSameStatementsForOneAndForMany(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		count := func() int64 {
			ctx, n := db.Counting(t.Context())
			h.want(h.send(ctx, "yanis", "GET", "/desk/views/all", nil, false), 200)
			return n.Load()
		}
		h.open("Une panne", "")
		one := count()
		for i := range 49 {
			h.open(fmt.Sprintf("Panne %d", i), "")
		}
		if many := count(); many != one {
			t.Errorf("%d statements for 50 tickets, %d for one", many, one)
		}
	})
}

func TestSavedViews(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.open("VPN coupé", "")
		h.want(h.post("yanis", "/desk/views?view=all", url.Values{"name": {""}, "q": {"vpn"}}), 422)
		a := h.want(h.post("yanis", "/desk/views?view=all", url.Values{"name": {"VPN <b>"}, "q": {"vpn"}, "status": {"new"}}), 303)
		path := a.header.Get("Location")
		h.want(h.get("yanis", path), 200, "VPN <b>", "VPN coupé", "Supprimer cette vue")
		h.want(h.get("sophie", path), 404)
		h.want(h.post("sophie", path+"/removal", nil), 404)
		// A team's view is made by its lead and read by the team.
		team := h.queues["Niveau 1"].TeamID
		h.want(h.post("yanis", "/desk/views?view=all", url.Values{"name": {"Équipe"}, "team": {team}}), 403)
		b := h.want(h.post("lea", "/desk/views?view=all", url.Values{"name": {"Équipe"}, "team": {team}}), 303)
		h.want(h.get("yanis", b.header.Get("Location")), 200, "Équipe")
		h.want(h.post("yanis", b.header.Get("Location")+"/removal", nil), 403)
		h.want(h.post("yanis", path+"/removal", nil), 303)
		h.want(h.get("yanis", path), 404)
	})
}

func TestBulkAndItsUndo(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x, y, other := h.open("Un", ""), h.open("Deux", ""), h.open("Trois", "Niveau 2")
		ids := []string{x.ID, y.ID}
		a := h.want(h.post("yanis", "/desk/bulk?view=all", url.Values{"id": ids, "action": {"priority:1"}}), 303)
		if h.find(x.ID).Priority != 1 || h.find(y.ID).Priority != 1 {
			t.Fatal("the priorities did not change")
		}
		undo := h.undo(a, "yanis")
		h.want(h.post("lea", undo, nil), 404) // somebody else's
		h.want(h.post("yanis", undo, nil), 303)
		if h.find(x.ID).Priority != x.Priority || h.find(y.ID).Priority != y.Priority {
			t.Error("undo did not give the priorities back")
		}
		h.want(h.post("yanis", undo, nil), 404) // once

		for _, c := range []struct {
			form url.Values
			done func(ticket.Ticket) bool
		}{
			{url.Values{"action": {"take"}}, func(x ticket.Ticket) bool { return x.AssigneeID == h.people["yanis"].ID }},
			{url.Values{"action": {"assign"}, "person": {h.people["lea"].ID}}, func(x ticket.Ticket) bool { return x.AssigneeID == h.people["lea"].ID }},
			{url.Values{"action": {"status:pending"}}, func(x ticket.Ticket) bool { return x.Status == ticket.Pending }},
			{url.Values{"action": {"status:resolved"}}, func(x ticket.Ticket) bool { return x.Status == ticket.Resolved }},
		} {
			c.form["id"] = ids
			before := h.find(x.ID)
			a := h.want(h.post("yanis", "/desk/bulk?view=all", c.form), 303)
			if !c.done(h.find(x.ID)) || !c.done(h.find(y.ID)) {
				t.Errorf("%v: not done", c.form)
			}
			if got := h.send(t.Context(), "yanis", "POST", h.undo(a, "yanis"), url.Values{}, true); got.code != 204 {
				t.Fatalf("undo by script: %d", got.code)
			}
			if c.done(h.find(x.ID)) || h.find(x.ID).AssigneeID != before.AssigneeID {
				t.Errorf("%v: not undone", c.form)
			}
		}
		// What one may not work is left as it is, and said.
		some := h.want(h.post("yanis", "/desk/bulk?view=all", url.Values{"id": {x.ID, other.ID}, "action": {"tag"}, "tag": {"vpn"}}), 303)
		if h.find(other.ID).Version != other.Version || h.find(x.ID).Version == x.Version || some.header.Get("Set-Cookie") == "" {
			t.Error("a bulk action must do what it can and leave the rest")
		}
		h.want(h.post("yanis", "/desk/bulk", url.Values{"id": {other.ID}, "action": {"take"}}), 403)
		h.want(h.post("yanis", "/desk/bulk", url.Values{"action": {"take"}}), 422)
		h.want(h.post("yanis", "/desk/bulk", url.Values{"id": {x.ID}, "action": {"explode"}}), 422)
		h.want(h.post("yanis", "/desk/bulk", url.Values{"id": {x.ID}, "action": {"merge"}}), 422)
		h.want(h.post("yanis", "/desk/bulk", url.Values{"id": ids, "action": {"merge"}}), 303)
		if h.find(y.ID).MergedInto != x.ID {
			t.Error("the younger ticket must live on in the older one")
		}
	})
}

func TestNextTicket(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		h.open("Badge", "")
		to := h.want(h.post("yanis", "/desk/next", url.Values{}), 303).header.Get("Location")
		if !strings.HasPrefix(to, h.path(x, "")) {
			t.Errorf("led to %s, want the oldest of two alike", to)
		}
		if got := h.find(x.ID); got.Assignee == "" {
			t.Error("nobody has it")
		}
		h.want(h.post("yanis", "/desk/next", url.Values{}), 303)
		if to := h.want(h.post("yanis", "/desk/next", url.Values{}), 303).header.Get("Location"); !strings.HasPrefix(to, "/desk/views/unassigned") {
			t.Errorf("with nothing left: %s", to)
		}
		h.want(h.get("yanis", "/desk/views/mine"), 200, "/desk/next")
	})
}

func TestProblemPages(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		h.want(h.get("yanis", h.path(x, "")), 200, "Ouvrir un problème")
		h.want(h.post("yanis", h.path(x, "/problem"), url.Values{"subject": {" "}}), 422, "Le problème en une phrase")
		to := h.want(h.post("yanis", h.path(x, "/problem"), url.Values{"subject": {"Le concentrateur sature"}}), 303).header.Get("Location")
		p, _, _ := strings.Cut(to, "?")
		if !strings.HasPrefix(p, "/desk/tickets/PRB-") {
			t.Fatalf("led to %s", to)
		}
		h.want(h.get("sophie", p), 200, "Cause inconnue", x.Reference())
		typed := url.Values{"state": {"known"}, "cause": {""}, "workaround": {"Se **reconnecter**"}, "version": {"0"}}
		h.want(h.post("yanis", p+"/dossier", typed), 422, "Dites quelle est la cause", "Se **reconnecter**")
		typed.Set("cause", "Trop de sessions")
		h.want(h.post("yanis", p+"/dossier", typed), 303)
		h.want(h.post("yanis", p+"/dossier", typed), 409, "entre-temps", "Trop de sessions") // from a page that is old
		h.want(h.get("yanis", h.path(x, "")), 200, "Erreur connue", "<strong>reconnecter</strong>", "Mettre dans la réponse")
		h.want(h.post("yanis", p+"/broadcast", url.Values{"body": {""}}), 422, "Écrivez ce que chacun lira")
		h.want(h.post("yanis", p+"/broadcast", url.Values{"body": {"Nous avons trouvé."}}), 303)
		h.want(h.get("yanis", p+"?form=resolution"), 200, "Résoudre aussi son incident en cours", x.ID)
		h.want(h.post("yanis", p+"/resolution", url.Values{"body": {"Réparé."}, "incidents": {x.ID}}), 303)
		if n := dbtest.Count(t, h.db, "job WHERE kind = 'ticket.cascade'"); n != 2 {
			t.Errorf("%d cascades", n)
		}
		h.want(h.post("sophie", p+"/dossier", typed), 403)
		h.want(h.post("camille", p+"/broadcast", url.Values{"body": {"x"}}), 403)
	})
}
