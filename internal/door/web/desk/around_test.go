package desk_test

import (
	"bytes"
	"context"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/domain/form"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/notify"
	"entraide/internal/domain/ticket"
)

func TestMailShowsSafely(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		raw, err := h.blobs.Put(t.Context(), strings.NewReader("From: camille@exemple.fr\r\n\r\nBonjour"), 0)
		if err != nil {
			t.Fatal(err)
		}
		picture, err := h.blobs.Put(t.Context(), bytes.NewReader([]byte("\x89PNG\r\n\x1a\n")), 0)
		if err != nil {
			t.Fatal(err)
		}
		var x ticket.Ticket
		var file ticket.Attachment
		h.as("camille", func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			file, err = ticket.Upload(ctx, tx, a, ticket.Attachment{Hash: picture.Hash, Name: "logo.png", ContentType: "image/png", Size: picture.Size, ContentID: "logo@exemple.fr"})
			if err != nil {
				return err
			}
			x, err = ticket.OpenTicket(ctx, tx, a, ticket.Draft{Subject: "Par courriel", Channel: ticket.Mail, Message: ticket.Draught{Body: "Bonjour", Quoted: "Le 3 mars, Ada a écrit",
				HTML: `<p onclick="x()">Bonjour <img src="cid:logo@exemple.fr"><img src="https://ailleurs.example/p.gif"></p><script>x()</script>`, Raw: raw.Hash, Attachments: []string{file.ID}}})
			return err
		})
		a := h.want(h.get("yanis", h.path(x, "")), 200, "Bonjour", `src="/attachments/`+file.ID+`"`, "Afficher les images", "Le 3 mars, Ada a écrit")
		if strings.Contains(a.body, ` src="https://ailleurs`) || strings.Contains(a.body, "onclick") || strings.Contains(a.body, "<script>x()") {
			t.Error("a mail brought what it must not")
		}
		h.want(h.get("yanis", h.path(x, "?images=1")), 200, `/pictures/0"`)
		var m string
		h.write(func(ctx context.Context, tx *db.Tx, _ auth.Actor) error {
			all, err := ticket.Conversation(ctx, tx, auth.System("test"), x)
			m = all[0].ID
			return err
		})
		got := h.want(h.get("yanis", "/desk/messages/"+m+"/raw"), 200, "From: camille@exemple.fr")
		if !strings.Contains(got.header.Get("Content-Disposition"), "attachment") {
			t.Errorf("the raw mail opens in the browser: %q", got.header.Get("Content-Disposition"))
		}
		h.want(h.get("camille", "/desk/messages/"+m+"/raw"), 403)
		h.want(h.get("yanis", "/desk/messages/unknown/raw"), 404)
	})
}

func TestWatchersLinksMergeSplit(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x, y := h.open("VPN coupé", ""), h.open("VPN lent", "")
		h.want(h.post("yanis", h.path(x, "/watchers"), url.Values{"person": {"personne@ailleurs.fr"}}), 422, "n'est pas dans l'annuaire")
		h.want(h.post("yanis", h.path(x, "/watchers"), url.Values{"person": {"sophie"}}), 303)
		h.want(h.get("yanis", h.path(x, "")), 200, "Sophie Lemaire", "met Sophie Lemaire en copie")
		h.want(h.post("yanis", h.path(x, "/watchers"), url.Values{"remove": {h.people["sophie"].ID}}), 303)
		h.want(h.post("yanis", h.path(x, "/watchers"), url.Values{"me": {"1"}}), 303)
		if n := dbtest.Count(t, h.db, "watcher"); n != 1 {
			t.Errorf("%d watchers, want 1", n)
		}
		h.want(h.post("yanis", h.path(x, "/links"), url.Values{"kind": {"related"}, "other": {"INC-9"}}), 422, "Aucun ticket ne porte la référence")
		h.want(h.post("yanis", h.path(x, "/links"), url.Values{"kind": {"cousin"}, "other": {y.Reference()}}), 422)
		h.want(h.post("yanis", h.path(x, "/links"), url.Values{"kind": {"duplicate"}, "other": {y.Reference()}}), 303)
		h.want(h.get("yanis", h.path(x, "")), 200, "Doublon de", "VPN lent")
		h.want(h.get("yanis", h.path(y, "")), 200, "A pour doublon")
		h.want(h.post("yanis", h.path(x, "/links"), url.Values{"kind": {"duplicate"}, "remove": {y.Reference()}}), 303)
		h.want(h.post("yanis", h.path(x, "/tags"), url.Values{"tags": {"vpn, e-691"}}), 303)
		h.want(h.get("yanis", h.path(x, "")), 200, "e-691")

		h.want(h.post("yanis", h.path(x, "/merge"), url.Values{"into": {x.Reference()}}), 422)
		a := h.want(h.post("yanis", h.path(y, "/merge"), url.Values{"into": {strings.ToLower(x.Reference())}}), 303)
		if !strings.HasPrefix(a.header.Get("Location"), "/desk/tickets/"+x.Reference()) {
			t.Errorf("merging leads to %q", a.header.Get("Location"))
		}
		h.want(h.get("yanis", h.path(y, "")), 200, "Ce ticket continue dans", x.Reference())
		h.want(h.post("yanis", h.path(y, "/messages"), url.Values{"kind": {"reply"}, "text": {"?"}}), 409, "a été fusionné")

		page := h.get("yanis", h.path(x, "?form=split"))
		id := value(page.body, "messages")
		h.want(h.post("yanis", h.path(x, "/split"), url.Values{"subject": {"À part"}}), 422)
		b := h.want(h.post("yanis", h.path(x, "/split"), url.Values{"subject": {"À part"}, "messages": {id}}), 303)
		h.want(h.get("yanis", b.header.Get("Location")), 200, "À part", "Lié à")
	})
}

func TestStatusActions(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		h.want(h.post("yanis", h.path(x, "/assignment"), url.Values{"take": {"1"}}), 303)
		h.want(h.post("lea", h.path(x, "/assignment"), url.Values{"take": {"1"}}), 409, "vient d'être pris par Yanis Belkacem")
		h.want(h.post("yanis", h.path(x, "/assignment"), url.Values{"person": {h.people["camille"].ID}}), 422)
		h.want(h.post("yanis", h.path(x, "/pending"), url.Values{"on": {"date"}}), 422, "Donnez la date")
		h.want(h.post("yanis", h.path(x, "/pending"), url.Values{"on": {"date"}, "until": {"hier"}}), 422, "Donnez une date et une heure")
		h.want(h.post("yanis", h.path(x, "/pending"), url.Values{"on": {"date"}, "until": {"2001-01-01T10:00"}}), 422, "Cette date est passée")
		h.want(h.post("yanis", h.path(x, "/pending"), url.Values{"on": {"third_party"}}), 303)
		h.want(h.get("yanis", h.path(x, "")), 200, "Tiers", "attend un tiers")
		h.want(h.post("yanis", h.path(x, "/pending"), url.Values{"resume": {"1"}}), 303)
		h.want(h.post("yanis", h.path(x, "/resolution"), url.Values{"body": {"C'est réparé."}, "cause": {"Câble"}}), 303)
		h.want(h.get("yanis", h.path(x, "")), 200, "Résolu", "C'est réparé.", "Câble", "Rouvrir")
		h.want(h.post("yanis", h.path(x, "/resolution"), url.Values{}), 409, "déjà résolu")
		h.want(h.post("yanis", h.path(x, "/reopening"), url.Values{"why": {"Revenu"}}), 303)
		h.want(h.post("yanis", h.path(x, "/cancellation"), url.Values{"why": {"Doublon"}}), 303)
		h.want(h.get("yanis", h.path(x, "")), 200, "Annulé", "Doublon", "est clos")
	})
}

func TestCallBecomesATicket(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.open("Déjà demandé", "")
		h.want(h.get("yanis", "/desk/call?q=cami"), 200, "Camille Renaud")
		h.want(h.get("yanis", "/desk/call?q=0240123456"), 200, "Camille Renaud")
		h.want(h.get("yanis", "/desk/call?q=0999999999"), 200, "Personne ne porte ce nom")
		h.want(h.get("yanis", "/desk/call?person="+h.people["camille"].ID), 200, "Déjà demandé", "La demande en une phrase")
		h.want(h.get("yanis", "/desk/call?person=nobody"), 404)
		form := url.Values{"requester": {h.people["camille"].ID}, "body": {"Elle n'a plus de son."}, "impact": {"2"}, "urgency": {"9"}, "type": {"incident"}}
		a := h.want(h.post("yanis", "/desk/calls", form), 422, "Écrivez une phrase", "Choisissez une valeur de 1 à 4.")
		if got := value(a.body, "body"); got != "Elle n'a plus de son." {
			t.Errorf("what was typed came back as %q", got)
		}
		form.Set("subject", "Plus de son")
		form.Set("urgency", "2")
		form.Set("mine", "on")
		b := h.want(h.post("yanis", "/desk/calls", form), 303)
		got := h.find(strings.TrimPrefix(b.header.Get("Location"), "/desk/tickets/"))
		if got.Channel != ticket.Phone || got.RequesterID != h.people["camille"].ID || got.AssigneeID != h.people["yanis"].ID || got.Priority != 2 {
			t.Errorf("%+v", got)
		}
		out := url.Values{"email": {"pas une adresse"}, "subject": {"Livraison"}, "body": {"Où est le colis ?"}}
		h.want(h.post("yanis", "/desk/calls", out), 422)
		out.Set("email", "client@ailleurs.example")
		c := h.want(h.post("yanis", "/desk/calls", out), 303)
		if got := h.find(strings.TrimPrefix(c.header.Get("Location"), "/desk/tickets/")); got.Email != "client@ailleurs.example" {
			t.Errorf("for %q", got.Email)
		}
	})
}

func TestCallAsksForTheOrganisationsOwnFields(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.as("admin", func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			_, err := form.Create(ctx, tx, a, form.Field{Key: "poste", LabelFR: "Numéro du poste", Kind: form.Text, Required: true, TicketKind: "incident"})
			return err
		})
		f := url.Values{"requester": {h.people["camille"].ID}, "subject": {"Panne"}, "body": {"Plus rien"}, "type": {"incident"}, "impact": {"3"}, "urgency": {"3"}}
		h.want(h.post("yanis", "/desk/calls", f), 422, "Numéro du poste")
		f.Set("fields.poste", "NTE-2291")
		a := h.want(h.post("yanis", "/desk/calls", f), 303)
		x := h.find(strings.TrimPrefix(a.header.Get("Location"), "/desk/tickets/"))
		h.want(h.get("yanis", h.path(x, "")), 200, "Numéro du poste", "NTE-2291")
		version := strconv.FormatInt(x.Version, 10)
		h.want(h.post("yanis", h.path(x, "/properties"), url.Values{"version": {version}, "fields.poste": {"NTE-1"}, "was.fields.poste": {"NTE-2291"}}), 303)
		if got := h.find(x.ID).Fields["poste"]; got != "NTE-1" {
			t.Errorf("the field holds %v", got)
		}
	})
}

func TestHostileAddresses(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		for _, bad := range []string{"%00", "%FF", "%27%20OR%201%3D1%20--", "..%2F..%2Fetc", strings.Repeat("a", 5000)} {
			for _, path := range []string{"/desk/views/all?q=" + bad, "/desk/views/all?category=" + bad, "/desk/views/all?cursor=" + bad, "/desk/views/" + bad, "/desk/tickets/" + bad,
				h.path(x, "?view=") + bad, h.path(x, "?form=") + bad, "/desk/call?q=" + bad, "/desk/call?person=" + bad, "/desk/suggest?kind=@&q=" + bad, "/desk/suggest?kind=/&ticket=" + bad,
				"/desk/messages/" + bad + "/raw", "/palette?q=" + bad + "&on=" + bad} {
				if a := h.send(t.Context(), "yanis", "GET", path, nil, true); a.code >= 500 {
					t.Errorf("GET %.80s: %d", path, a.code)
				}
			}
			v, err := url.QueryUnescape(bad)
			if err != nil {
				t.Fatal(err)
			}
			for noun, form := range map[string]url.Values{"/assignment": {"person": {v}}, "/merge": {"into": {v}}, "/links": {"kind": {v}, "other": {v}}, "/watchers": {"person": {v}},
				"/escalations": {"queue": {v}, "reason": {v}, "from": {v}}, "/split": {"subject": {v}, "messages": {v}}, "/tags": {"tags": {v}}, "/pending": {"on": {v}, "until": {v}},
				"/messages": {"kind": {v}, "text": {v}, "seen": {v}, "attachment": {v}, "then": {v}}, "/properties": {"version": {"1"}, "category": {v}, "requester": {v}, "impact": {v}}} {
				if a := h.post("yanis", h.path(x, noun), form); a.code >= 500 {
					t.Errorf("POST %s %.40q: %d", noun, v, a.code)
				}
			}
			for path, form := range map[string]url.Values{"/desk/bulk": {"id": {v}, "action": {v}}, "/desk/bulk/undo?key=" + bad: {}, "/desk/views?view=all": {"name": {v}, "team": {v}, "q": {v}},
				"/desk/drafts?ticket=" + bad: {"text": {v}}, "/desk/messages/" + bad + "/undo": {}, "/desk/calls": {"requester": {v}, "subject": {v}, "body": {v}, "category": {v}, "queue": {v}}} {
				if a := h.post("yanis", path, form); a.code >= 500 {
					t.Errorf("POST %.60s %.40q: %d", path, v, a.code)
				}
			}
		}
	})
}

func TestSuggestionsAndPalette(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		h.as("admin", func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			_, err := ticket.SaveCannedReply(ctx, tx, a, ticket.CannedReply{Title: "Accusé", Body: "Bonjour {{requester.first_name}}, {{ticket.reference}} est noté.", Lang: "fr"})
			return err
		})
		get := func(who, path string) answer { return h.send(t.Context(), who, "GET", path, nil, true) }
		h.want(get("yanis", h.path(x, "/suggestions")+"?kind=/&q=acc"), 200, "Accusé", "Bonjour Camille, "+x.Reference()+" est noté.")
		h.want(get("yanis", "/desk/suggest?kind=/&q=acc&ticket="+x.ID), 200, "Accusé")
		h.want(get("yanis", "/desk/suggest?kind=@&q=soph"), 200, "@[Sophie Lemaire](person:"+h.people["sophie"].ID+")")
		h.want(get("yanis", "/desk/suggest?kind=%23&q="+x.Reference()), 200, x.Reference())
		if a := get("yanis", "/desk/suggest?kind=!&q=a"); a.code != 200 || strings.TrimSpace(a.body) != "" {
			t.Errorf("an unknown kind answers %d %q", a.code, a.body)
		}
		h.want(get("yanis", "/palette?q=vpn&on=ticket/"+x.ID), 200, "VPN coupé", "/desk/tickets/"+x.Reference())
		h.want(get("yanis", "/palette?q=esc&on=ticket/"+x.ID), 200, "Escalader", `data-press="e"`)
		h.want(get("yanis", "/palette?q=soph"), 200, "Sophie Lemaire")
		own := h.want(get("camille", "/palette?q=vpn"), 200, "/requests/"+x.Reference())
		if strings.Contains(own.body, "/desk") {
			t.Error("a requester is shown the desk")
		}
		if a := get("camille", "/palette?q=sophie"); strings.Contains(a.body, "Sophie") {
			t.Error("a requester finds callers")
		}
		h.want(get("nobody", "/palette?q=a"), 401)
	})
}

func TestPresenceAndNotifications(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		h.want(h.send(t.Context(), "sophie", "POST", h.path(x, "/presence"), nil, true), 200)
		h.want(h.send(t.Context(), "yanis", "POST", h.path(x, "/presence"), nil, true), 200, "Sophie Lemaire est là aussi")
		h.want(h.post("sophie", "/desk/drafts?ticket="+x.ID, url.Values{"kind": {"note"}, "text": {"Je"}}), 200)
		h.want(h.get("yanis", h.path(x, "")), 200, "Sophie Lemaire écrit")
		h.want(h.post("sophie", "/desk/drafts?ticket="+x.ID, url.Values{"kind": {"note"}, "text": {""}}), 204)
		h.want(h.post("sophie", "/desk/drafts?ticket=unknown", url.Values{"text": {"x"}}), 404)

		h.write(func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			return notify.Put(ctx, tx, a, notify.Item{Person: h.people["yanis"].ID, Ref: x.Ref(), News: "own.replied", EventID: "e1", At: tx.Now})
		})
		unread := func() (n int64) {
			h.as("yanis", func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
				n, err = notify.Unread(ctx, tx, a)
				return err
			})
			return n
		}
		if unread() != 1 {
			t.Fatal("nothing to read")
		}
		h.want(h.get("yanis", h.path(x, "")), 200)
		if unread() != 0 {
			t.Error("opening the ticket does not mark its news read")
		}
	})
}

func TestEnglish(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN down", "")
		h.as("admin", func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			_, err := identity.Update(ctx, tx, a, h.people["yanis"].ID, 0, func(p *identity.Person) { p.Lang = "en" })
			return err
		})
		h.want(h.get("yanis", h.path(x, "")), 200, "Take", "Resolve", "Hand over", "Nobody yet", "New")
		h.want(h.get("yanis", "/desk/views/mine"), 200, "Unassigned", "All done")
	})
}
