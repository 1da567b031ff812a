package portal_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/domain/notify"
	"entraide/internal/domain/ticket"
)

func TestHome(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.browser("").get("/").want(http.StatusSeeOther)
		b := w.browser("camille")
		b.get("/").want(http.StatusOK, "Bonjour Camille,", "Rien pour le moment", "Signaler un problème")
		x := w.open("camille", "Le VPN se coupe")
		b.get("/").want(http.StatusOK, x.Reference(), "Le VPN se coupe", "Reçue")
		b.get("/answers?subject=vpn").want(http.StatusOK, "Le VPN se coupe", "Rien ne convient")
		w.browser("helene").get("/answers?subject=vpn").want(http.StatusOK).lacks("Le VPN se coupe")
		w.browser("noor").get("/").want(http.StatusOK, "Hello Noor,")
	})
}

func TestSendOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser("camille")
		p := b.get("/requests/new?subject=Écran+noir").want(http.StatusOK, "Que se passe-t-il", "Écran noir", "Réseau", "Locaux")
		form := url.Values{"type": {"incident"}, "once": {p.value("once")}, "subject": {"Écran noir"}, "body": {"Rien ne s’affiche."}, "impact": {"yes"}, "category": {w.cats["Locaux"]}}
		first := b.post("/requests", form).want(http.StatusSeeOther)
		second := b.post("/requests", form).want(http.StatusSeeOther)
		if first.head.Get("Location") != second.head.Get("Location") {
			t.Errorf("twice: %s and %s", first.head.Get("Location"), second.head.Get("Location"))
		}
		if n := dbtest.Count(t, w.d, "ticket"); n != 1 {
			t.Fatalf("%d tickets", n)
		}
		ref := strings.TrimPrefix(first.head.Get("Location"), "/requests/")
		x := w.find(ref)
		if x.Urgency != 1 || x.Impact != 3 || x.CategoryID != w.cats["Locaux"] || x.RequesterID != w.who["camille"].ID || x.Channel != ticket.Portal {
			t.Errorf("ticket %+v", x)
		}
		b.get("/requests/"+ref).want(http.StatusOK, "C’est envoyé : "+ref, "Rien ne s’affiche.")
		// The same key in somebody else's form is another request.
		w.browser("helene").post("/requests", form).want(http.StatusSeeOther)
		if n := dbtest.Count(t, w.d, "ticket"); n != 2 {
			t.Errorf("%d tickets", n)
		}
	})
}

func TestSendAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser("camille")
		form := url.Values{"once": {b.get("/requests/new").value("once")}, "subject": {"Écran noir"}, "body": {"Rien."}}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { b.post("/requests", form).want(http.StatusSeeOther) })
		}
		all.Wait()
		if n := dbtest.Count(t, w.d, "ticket"); n != 1 {
			t.Errorf("%d tickets", n)
		}
	})
}

func TestBadInputIsKept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser("camille")
		file, _ := b.upload("journal.log", []byte("une ligne"))
		form := url.Values{"type": {"incident"}, "once": {b.get("/requests/new").value("once")}, "body": {"Depuis mardi <b>ça</b> coupe"},
			"category": {w.cats["Réseau"]}, "sub": {w.cats["VPN"]}, "attachment": {file}}
		p := b.post("/requests", form).want(http.StatusUnprocessableEntity, "Il manque 2 informations", "Numéro du poste", "Depuis mardi <b>ça</b> coupe", "journal.log")
		if p.value("once") != form.Get("once") {
			t.Error("another key after a mistake: a double click would send twice")
		}
		form.Set("subject", strings.Repeat("é", 201))
		b.post("/requests", form).want(http.StatusUnprocessableEntity, "200 caractères")
		form.Set("subject", "Coupures")
		form.Set("fields.poste", "NTE-2291")
		to := b.post("/requests", form).want(http.StatusSeeOther).head.Get("Location")
		b.get(to).want(http.StatusOK, "NTE-2291", "Réseau › VPN", "journal.log", "Depuis mardi <b>ça</b> coupe")
		// Somebody else's file, a category of nowhere, a type of nowhere.
		form = url.Values{"subject": {"Autre"}, "body": {"x"}, "attachment": {file}}
		w.browser("helene").post("/requests", form).want(http.StatusUnprocessableEntity, "n’est plus disponible")
		form = url.Values{"subject": {"Autre"}, "body": {"x"}, "category": {"nulle part"}, "type": {"problem"}}
		b.post("/requests", form).want(http.StatusUnprocessableEntity, "catégorie n’existe plus")
	})
}

func TestWithoutScript(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser("camille")
		form := url.Values{"once": {b.get("/requests/new").value("once")}, "subject": {"Écran noir"}, "body": {"Rien ne s’affiche."}}
		b.multipart("/requests", form, "gros.bin", bytes.Repeat([]byte("x"), 65<<10)).want(http.StatusUnprocessableEntity, "dépasse", "Écran noir", "Rien ne s’affiche.")
		to := b.multipart("/requests", form, "journal.log", []byte("une ligne")).want(http.StatusSeeOther).head.Get("Location")
		b.get(to).want(http.StatusOK, "journal.log")
		b.multipart(to+"/messages", url.Values{"text": {"La suite"}}, "suite.log", []byte("deux")).want(http.StatusSeeOther)
		b.multipart(to+"/messages", url.Values{"text": {"Et encore"}}, "vide.log", nil).want(http.StatusUnprocessableEntity, "Le fichier est vide", "Et encore")
		b.get(to).want(http.StatusOK, "suite.log", "La suite").lacks("vide.log", "Et encore")
	})
}

// full is a store on a full disk.
type full struct{ blob.Store }

func (full) Put(context.Context, io.Reader, int64) (blob.Ref, error) {
	return blob.Ref{}, fmt.Errorf("put: %w: %w", errs.Unavailable, syscall.ENOSPC)
}

func TestNoRoom(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser("camille")
		kept := w.k.Blobs
		w.k.Blobs = full{kept}
		form := url.Values{"once": {b.get("/requests/new").value("once")}, "subject": {"Écran noir"}, "body": {"Rien ne s’affiche, <b>nulle part</b>."}}
		b.multipart("/requests", form, "journal.log", []byte("une ligne")).want(http.StatusUnprocessableEntity, "Écran noir", "nulle part", "Envoyez sans fichier")
		if _, p := b.upload("journal.log", []byte("une ligne")); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "sans fichier") {
			t.Errorf("%d %s", p.status, p.body)
		}
		w.k.Blobs = kept
		to := b.post("/requests", form).want(http.StatusSeeOther).head.Get("Location")
		w.wrap = func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					next.ServeHTTP(rw, r)
					return
				}
				w.k.Fail(rw, r, fmt.Errorf("commit: %w", errs.Unavailable))
			})
		}
		answer := url.Values{"text": {"Une longue suite que personne n’écrit deux fois."}, "password": {"ne-se-montre-jamais-du-tout"}}
		b.post(to+"/messages", answer).want(http.StatusServiceUnavailable, "Le service ne répond pas", "Une longue suite").lacks("ne-se-montre")
		b.multipart(to+"/messages", answer, "journal.log", []byte("deux")).want(http.StatusServiceUnavailable, "Une longue suite").lacks("ne-se-montre")
	})
}

func TestQuestions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser("camille")
		form := url.Values{"category": {w.cats["Réseau"]}, "sub": {w.cats["VPN"]}, "subject": {"Mon texte"}}
		b.post("/requests/questions", form).want(http.StatusOK, "Numéro du poste", "Mon texte", "Envoyer ma demande")
		form.Set("category", w.cats["Locaux"])
		b.post("/requests/questions", form).want(http.StatusOK).lacks("Numéro du poste")
	})
}

func TestDraft(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser("camille")
		b.post("/drafts?key=ticket/new", url.Values{"type": {"request"}, "subject": {"Un second écran"}, "body": {"Pour le télétravail"}}).want(http.StatusOK, "Brouillon enregistré à")
		b.post("/drafts?key=ticket/new", url.Values{"type": {"request"}, "subject": {"Un second écran"}, "body": {"Pour le télétravail, deux jours"}}).want(http.StatusOK)
		b.get("/requests/new").want(http.StatusOK, "Un second écran", "Pour le télétravail, deux jours", "De quoi avez-vous besoin", "gardé votre brouillon")
		w.browser("helene").get("/requests/new").want(http.StatusOK).lacks("Un second écran")
		b.get("/requests/new?subject=Badge").want(http.StatusOK, "Un second écran", "Commencer plutôt « Badge »")
		b.post("/drafts/discard", url.Values{"key": {"ticket/new"}, "type": {"request"}, "subject": {"Badge"}}).want(http.StatusSeeOther)
		b.get("/requests/new?subject=Badge").want(http.StatusOK, "Badge").lacks("Un second écran")
		b.post("/drafts?key=../../x", url.Values{"subject": {"a"}}).want(http.StatusUnprocessableEntity)

		x := w.open("camille", "Le VPN se coupe")
		b.post("/drafts?key=ticket/"+x.ID+"/public", url.Values{"text": {"Encore une chose"}}).want(http.StatusOK)
		b.get("/requests/"+x.Reference()).want(http.StatusOK, "Encore une chose", "Votre brouillon est revenu")
		b.post("/requests/"+x.Reference()+"/messages", url.Values{"text": {"Encore une chose"}}).want(http.StatusSeeOther)
		if n := dbtest.Count(t, w.d, "draft"); n != 0 {
			t.Errorf("%d drafts after sending", n)
		}
	})
}

func TestReplySentTwiceIsSaidOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser("camille")
		x := w.open("camille", "Le VPN se coupe")
		to := "/requests/" + x.Reference()
		form := url.Values{"once": {b.get(to).value("once")}, "text": {"Encore une chose"}}
		before := dbtest.Count(t, w.d, "message")
		for range 2 {
			b.post(to+"/messages", form).want(http.StatusSeeOther)
		}
		if n := dbtest.Count(t, w.d, "message"); n != before+1 {
			t.Errorf("a double click says it %d times", n-before)
		}
		form.Set("text", "Et une autre") // of a page that was not drawn again
		b.post(to+"/messages", form).want(http.StatusSeeOther)
		if n := dbtest.Count(t, w.d, "message"); n != before+2 {
			t.Errorf("other words under the same token: %d messages", n-before)
		}
	})
}

func TestDraftInTwoTabs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser("camille")
		save := func(version, subject string) page {
			return b.post("/drafts?key=ticket/new", url.Values{"subject": {subject}}, "Draft-Version", version)
		}
		first := save("0", "Un écran").want(http.StatusOK)
		v1 := first.head.Get("Draft-Version")
		second := save(v1, "Un grand écran").want(http.StatusOK)
		if got := save(v1, "Une souris").want(http.StatusConflict, "Un grand écran", "dans un autre onglet"); got.head.Get("Draft-Version") != second.head.Get("Draft-Version") {
			t.Errorf("the choice is between %s and %s", got.head.Get("Draft-Version"), second.head.Get("Draft-Version"))
		}
		shown := b.get("/requests/new").want(http.StatusOK, "Un grand écran").lacks("Une souris")
		if !strings.Contains(shown.body, `data-draft-version="`+second.head.Get("Draft-Version")+`"`) {
			t.Error("the form does not know which draft it shows")
		}
		save(second.head.Get("Draft-Version"), "Une souris").want(http.StatusOK) // the reader kept this one
		last := save("", "Un clavier").want(http.StatusOK).head.Get("Draft-Version")
		if got := save(last, "").want(http.StatusOK); got.head.Get("Draft-Version") != "0" {
			t.Error("an emptied draft has a version")
		}
		save(last, "Un clavier").want(http.StatusConflict, "envoyé ou effacé ailleurs")
	})
}

func TestOnlyMine(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		x := w.open("camille", "Le VPN se coupe")
		ref := "/requests/" + x.Reference()
		for _, b := range []browser{w.browser("helene"), w.browser("noor")} {
			for _, path := range []string{ref, ref + "/rating?score=good", ref + "/cancel", ref + "/watchers?q=no", "/requests/" + x.ID} {
				b.get(path).want(http.StatusNotFound).lacks("Le VPN se coupe")
			}
			for _, path := range []string{"/messages", "/rating", "/reopen", "/cancel", "/watchers", "/watchers/" + w.who["helene"].ID + "/remove"} {
				b.post(ref+path, url.Values{"text": {"a"}, "score": {"good"}, "person": {w.who["helene"].ID}}).want(http.StatusNotFound)
			}
		}
		for _, who := range []string{"yanis", "sophie"} { // both see the queue; work is done on the desk
			p := w.browser(who).get(ref).want(http.StatusSeeOther)
			if to := p.head.Get("Location"); to != "/desk/tickets/"+x.Reference() {
				t.Errorf("%s is led to %s", who, to)
			}
		}
		nobody := w.browser("")
		nobody.get(ref).want(http.StatusSeeOther)
		nobody.post(ref+"/messages", url.Values{"text": {"Un texte assez long pour être rendu"}}).want(http.StatusUnauthorized, "Un texte assez long")
		nobody.multipart(ref+"/messages", url.Values{"text": {"Un autre texte, avec un fichier"}}, "a.log", bytes.Repeat([]byte("x"), 2<<20)).want(http.StatusUnauthorized, "Un autre texte, avec un fichier")
		if to := w.browser("camille").get("/requests/" + x.ID + "?rate=good").want(http.StatusSeeOther).head.Get("Location"); to != ref+"?rate=good" {
			t.Errorf("the id leads to %s", to)
		}
		w.browser("camille").get("/requests/INC-9999").want(http.StatusNotFound)
	})
}

func TestConversation(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		x := w.open("camille", "Le VPN se coupe")
		yanis := w.who["yanis"]
		for _, step := range []func(ctx context.Context, tx *db.Tx) error{
			func(ctx context.Context, tx *db.Tx) error { _, err := ticket.Take(ctx, tx, yanis, x.ID); return err },
			func(ctx context.Context, tx *db.Tx) error {
				_, err := ticket.Reply(ctx, tx, yanis, x.ID, ticket.Say{Draught: ticket.Draught{Body: "Je **regarde**."}})
				return err
			},
			func(ctx context.Context, tx *db.Tx) error {
				_, err := ticket.Note(ctx, tx, yanis, x.ID, ticket.Say{Draught: ticket.Draught{Body: "secret de fabrique"}})
				return err
			},
			func(ctx context.Context, tx *db.Tx) error {
				_, _, err := ticket.Escalate(ctx, tx, yanis, x.ID, ticket.Pass{Reason: "raison interne", Level: 2, Handover: ticket.Handover{Tried: "a", Known: "b", Asked: "c"}})
				return err
			},
		} {
			w.write(step)
		}
		b := w.browser("camille")
		ref := "/requests/" + x.Reference()
		b.get(ref).want(http.StatusOK, "Yanis Belkacem a pris votre demande en charge", "Support, niveau 1", "regarde", "Relais au niveau 2", "Niveau 1", "Niveau 2").
			lacks("secret de fabrique", "raison interne")
		for part, text := range map[string]string{"head": "Niveau 2", "talk": "regarde", "side": "Référence"} {
			p := b.get(ref+"?part="+part, "HX-Request", "true").want(http.StatusOK, text)
			if part == "talk" && p.value("seen") == "" {
				t.Error("the reloaded conversation does not say which message was seen")
			}
			if strings.Contains(p.body, "<html") {
				t.Errorf("part %s is a whole page", part)
			}
		}
		// Another message came while this one was written: shown, and the text is kept.
		seen := b.get(ref).value("seen")
		w.write(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Reply(ctx, tx, w.who["sophie"], x.ID, ticket.Say{Draught: ticket.Draught{Body: "Redémarrez, merci."}})
			return err
		})
		p := b.post(ref+"/messages", url.Values{"text": {"Toujours pareil"}, "seen": {seen}}).want(http.StatusConflict, "Redémarrez, merci.", "Toujours pareil", "Un autre message est arrivé")
		b.post(ref+"/messages", url.Values{"text": {"Toujours pareil"}, "seen": {p.value("seen")}}).want(http.StatusSeeOther)
		b.post(ref+"/messages", url.Values{"text": {"  "}}).want(http.StatusUnprocessableEntity, "Écrivez votre message")
	})
}

// An agent who asked for something reads their own request as everybody does.
func TestAgentAsRequester(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		x := w.open("sophie", "Mon écran")
		w.write(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Note(ctx, tx, w.who["yanis"], x.ID, ticket.Say{Draught: ticket.Draught{Body: "secret de fabrique"}})
			return err
		})
		w.browser("sophie").get("/requests/"+x.Reference()).want(http.StatusOK, "Mon écran").lacks("secret de fabrique")
	})
}

func TestMailBody(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		x := w.open("camille", "Photo")
		var pic ticket.Attachment
		w.write(func(ctx context.Context, tx *db.Tx) (err error) {
			if pic, err = ticket.Upload(ctx, tx, w.who["camille"], ticket.Attachment{Hash: strings.Repeat("a", 64), Name: "photo.png", ContentType: "image/png", Size: 3, ContentID: "logo@x"}); err != nil {
				return err
			}
			_, err = ticket.Reply(ctx, tx, w.who["camille"], x.ID, ticket.Say{Channel: ticket.Mail, Draught: ticket.Draught{Body: "voir",
				HTML: `<p>Voyez <img src="cid:logo@x" alt="ici"><img src="https://pisteur.example/x.gif" alt="loin"><script>alert(1)</script></p>`, Attachments: []string{pic.ID}}})
			return err
		})
		p := w.browser("camille").get("/requests/" + x.Reference()).want(http.StatusOK)
		if !strings.Contains(p.body, `src="/attachments/`+pic.ID+`"`) {
			t.Errorf("the picture is not in its place: %s", p.body)
		}
		if strings.Contains(p.body, ` src="https://pisteur`) || strings.Contains(p.body, "alert(1)") {
			t.Error("a mail calls a stranger or runs a script")
		}
	})
}

func TestEnd(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser("camille")
		x := w.open("camille", "Le VPN se coupe")
		ref := "/requests/" + x.Reference()
		b.post(ref+"/rating", url.Values{"score": {"good"}}).want(http.StatusConflict)
		b.post(ref+"/reopen", nil).want(http.StatusConflict, "n’est pas résolu")
		w.resolve(x)
		for _, path := range []string{ref + "/rating?score=good", ref + "?rate=good"} {
			p := b.get(path).want(http.StatusOK, "Votre problème est-il réglé ?", "Résolue")
			if !strings.Contains(p.body, `value="good" checked`) {
				t.Errorf("%s chooses nothing", path)
			}
		}
		if n := dbtest.Count(t, w.d, "rating"); n != 0 {
			t.Fatal("opening a link has rated")
		}
		b.post(ref+"/rating", url.Values{"comment": {"Merci beaucoup"}}).want(http.StatusUnprocessableEntity, "Choisissez l’une des trois réponses", "Merci beaucoup")
		b.post(ref+"/rating", url.Values{"score": {"neutral"}, "comment": {"Lent"}}).want(http.StatusSeeOther)
		b.get(ref).want(http.StatusOK, "Merci pour votre avis", "À moitié", "Vous avez donné votre avis")
		b.post(ref+"/reopen", url.Values{"comment": {"Ça recoupe"}}).want(http.StatusSeeOther)
		b.get(ref).want(http.StatusOK, "Vous avez rouvert la demande", "Ça recoupe", "est rouverte")
		if s := w.find(x.ID).Status; s != ticket.Open {
			t.Errorf("status %s", s)
		}
		b.get(ref+"/cancel").want(http.StatusOK, "Annuler cette demande ?", "Le VPN se coupe")
		b.post(ref+"/cancel", url.Values{"why": {strings.Repeat("a", ticket.MaxReason+1)}}).want(http.StatusUnprocessableEntity, "caractères au plus")
		b.post(ref+"/cancel", url.Values{"why": {"Plus besoin"}}).want(http.StatusSeeOther)
		b.get(ref).want(http.StatusOK, "Vous avez annulé la demande", "Plus besoin", "Annulée").lacks("Annuler ma demande")
		b.post(ref+"/messages", url.Values{"text": {"Un mot de plus"}}).want(http.StatusConflict, "est clos", "Ce que vous aviez écrit Un mot de plus")
		b.get(ref + "/cancel").want(http.StatusConflict)
	})
}

func TestCopy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b, helene := w.browser("camille"), w.browser("helene")
		x := w.open("camille", "Le VPN se coupe")
		ref := "/requests/" + x.Reference()
		b.get(ref+"/watchers?q=marchand").want(http.StatusOK, "Hélène Marchand").lacks("Camille Renaud Mettre")
		b.get(ref+"/watchers?q=zzz").want(http.StatusOK, "Personne ne correspond")
		b.post(ref+"/watchers", url.Values{"person": {"personne"}}).want(http.StatusUnprocessableEntity, "pas dans l’annuaire")
		b.post(ref+"/watchers", url.Values{"person": {w.who["helene"].ID}}).want(http.StatusSeeOther)
		b.get(ref).want(http.StatusOK, "Hélène Marchand est en copie")
		helene.get(ref).want(http.StatusOK, "Demandée par", "Camille Renaud").lacks("Annuler ma demande", "Mettre quelqu’un en copie")
		helene.post(ref+"/cancel", nil).want(http.StatusForbidden)
		helene.post(ref+"/watchers", url.Values{"person": {w.who["noor"].ID}}).want(http.StatusForbidden)
		helene.get(ref + "/watchers").want(http.StatusForbidden)
		helene.get("/requests?state=watched").want(http.StatusOK, "Le VPN se coupe", "Camille Renaud")
		helene.post(ref+"/messages", url.Values{"text": {"Moi aussi"}}).want(http.StatusSeeOther)
		helene.post(ref+"/watchers/"+w.who["helene"].ID+"/remove", nil).want(http.StatusSeeOther)
		helene.get(ref).want(http.StatusNotFound)
	})
}

func TestMerged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		gone, into := w.open("camille", "VPN"), w.open("helene", "Panne du VPN")
		w.write(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Merge(ctx, tx, w.who["yanis"], gone.ID, into.ID)
			return err
		})
		w.browser("camille").get("/requests/"+gone.Reference()).want(http.StatusOK, "continue sous une autre référence", into.Reference()+" · Panne du VPN").lacks("Écrire un message")
		w.browser("helene").get("/requests/"+into.Reference()).want(http.StatusOK, gone.Reference()+" a rejoint cette demande", "Voici ce que je vois.")
	})
}

func TestVisitReadsNotifications(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		x, other := w.open("camille", "VPN"), w.open("camille", "Écran")
		w.write(func(ctx context.Context, tx *db.Tx) error {
			for i, about := range []ticket.Ticket{x, other} {
				err := notify.Put(ctx, tx, auth.System("test"), notify.Item{Person: w.who["camille"].ID, News: "own.replied", Ref: about.Ref(), EventID: strconv.Itoa(i), At: tx.Now})
				if err != nil {
					return err
				}
			}
			return nil
		})
		w.browser("camille").get("/requests/" + x.Reference()).want(http.StatusOK)
		w.write(func(ctx context.Context, tx *db.Tx) error {
			if n, err := notify.Unread(ctx, tx, w.who["camille"]); err != nil || n != 1 {
				t.Errorf("%d unread, %v; want the one about the other request", n, err)
			}
			return nil
		})
	})
}

func TestFiles(t *testing.T) {
	var pic bytes.Buffer
	if err := png.Encode(&pic, image.NewGray(image.Rect(0, 0, 300, 200))); err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, w *world) {
		b := w.browser("camille")
		id, p := b.upload("Capture d’écran.png", pic.Bytes())
		p.want(http.StatusOK, `"thumb":"/attachments/`+id+`/thumb"`, "Capture d’écran.png")
		log, p := b.upload("journal.log", []byte("0123456789"))
		p.want(http.StatusOK, `"thumb":""`)
		_, p = b.upload("gros.bin", bytes.Repeat([]byte("x"), 65<<10))
		if p.want(http.StatusRequestEntityTooLarge, "dépasse"); !strings.HasPrefix(p.head.Get("Content-Type"), "text/plain") {
			t.Errorf("refused as %s", p.head.Get("Content-Type"))
		}
		_, p = b.upload("vide.txt", nil)
		p.want(http.StatusUnprocessableEntity, "vide")
		b.post("/uploads", url.Values{"file": {"x"}}).want(http.StatusUnprocessableEntity)
		if n := dbtest.Count(t, w.d, "attachment"); n != 2 {
			t.Errorf("%d files kept", n)
		}

		page, _ := b.upload("page.html", []byte("<html><script>alert(1)</script></html>"))
		h := b.get("/attachments/" + page).want(http.StatusOK).head
		if h.Get("Content-Type") == "text/html" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") {
			t.Errorf("a page is handed out as %s, %s", h.Get("Content-Type"), h.Get("Content-Disposition"))
		}
		h = b.get("/attachments/" + id + "/thumb").want(http.StatusOK).head
		if !strings.HasPrefix(h.Get("Content-Type"), "image/") || !strings.Contains(h.Get("Cache-Control"), "private") {
			t.Errorf("small picture: %v", h)
		}
		b.get("/attachments/" + log + "/thumb").want(http.StatusNotFound)
		if got := b.get("/attachments/"+log+"/n'importe%20quoi.exe", "Range", "bytes=2-4").want(http.StatusPartialContent).body; got != "234" {
			t.Errorf("range: %q", got)
		}
		for _, stranger := range []string{"helene", "yanis"} {
			w.browser(stranger).get("/attachments/" + id).want(http.StatusNotFound)
		}

		x := w.open("camille", "VPN")
		b.post("/requests/"+x.Reference()+"/messages", url.Values{"text": {"voir"}, "attachment": {id, log}}).want(http.StatusSeeOther)
		b.get("/requests/"+x.Reference()).want(http.StatusOK, "Capture d’écran.png", "journal.log")
		w.browser("yanis").get("/attachments/" + id).want(http.StatusOK)
		w.browser("helene").get("/attachments/" + id).want(http.StatusNotFound)
		w.browser("helene").get("/attachments/" + id + "/thumb").want(http.StatusNotFound)
	})
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser("camille")
		b.get("/requests").want(http.StatusOK, "Aucune demande en cours", "Nouvelle demande")
		b.get("/requests?state=watched").want(http.StatusOK, "Aucune demande en copie")
		var statements []int64
		count := func(path string) {
			t.Helper()
			var n *atomic.Int64
			w.wrap = func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					ctx, c := db.Counting(r.Context())
					n = c
					h.ServeHTTP(rw, r.WithContext(ctx))
				})
			}
			b.get(path).want(http.StatusOK)
			w.wrap = nil
			statements = append(statements, n.Load())
		}
		first := w.open("camille", "Demande 0")
		count("/requests")
		count("/")
		count("/requests/" + first.Reference())
		for i := range 49 {
			w.open("camille", "Demande "+strconv.Itoa(i+1))
		}
		w.write(func(ctx context.Context, tx *db.Tx) error {
			for range 20 {
				if _, err := ticket.Reply(ctx, tx, w.who["yanis"], first.ID, ticket.Say{Draught: ticket.Draught{Body: "Bonjour"}}); err != nil {
					return err
				}
			}
			return nil
		})
		count("/requests")
		count("/")
		count("/requests/" + first.Reference())
		for i := range 3 {
			if statements[i] < 1 || statements[i+3] > statements[i] {
				t.Errorf("statements %v: they grow with the rows", statements)
			}
		}

		p := b.get("/requests").want(http.StatusOK, "En cours 50")
		seen := map[string]bool{}
		for pages := 1; ; pages++ {
			for _, ref := range refs(p.body) {
				seen[ref] = true
			}
			before, _, ok := strings.Cut(p.body, `rel="next"`)
			if !ok {
				if pages != 3 {
					t.Errorf("%d pages", pages)
				}
				break
			}
			href := before[strings.LastIndex(before, `href="`)+6:]
			href, _, _ = strings.Cut(href, `"`)
			p = b.get(strings.ReplaceAll(href, "&amp;", "&")).want(http.StatusOK)
		}
		if len(seen) != 50 {
			t.Errorf("%d of 50 requests on the pages", len(seen))
		}
		b.get("/requests?q=demande+17").want(http.StatusOK, "Demande 17").lacks("Demande 18")
		b.get("/requests?q=zzz").want(http.StatusOK, "Aucune demande ne contient ces mots", "« zzz »")
		if to := b.get("/search?q=demande+17").want(http.StatusSeeOther).head.Get("Location"); to != "/requests?q=demande+17&state=all" {
			t.Errorf("search leads to %s", to)
		}
		b.get("/requests?after=nimporte").want(http.StatusUnprocessableEntity)
		w.browser("helene").get("/requests?state=all").want(http.StatusOK, "encore rien demandé").lacks("Demande 1")
	})
}

// refs are the requests that a list links to.
func refs(body string) []string {
	var out []string
	for _, part := range strings.Split(body, `href="/requests/INC-`)[1:] {
		ref, _, _ := strings.Cut(part, `"`)
		out = append(out, ref)
	}
	return out
}
