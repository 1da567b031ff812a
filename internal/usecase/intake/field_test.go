package intake_test

import (
	"fmt"
	"strings"
	"testing"

	"entraide/internal/base/db"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/intake"
)

// The tests of this file are what users of other systems suffered from; docs/mail.md lists where each case is held.

func TestForwardPrefixesOfAllTongues(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		first := p.in(mail(1, "ann@exemple.fr", "VPN", "", "Il se coupe"))
		const passedOn = "Voici ce que dit le fournisseur\r\n\r\nDe : Eve <eve@ailleurs.example>\r\nEnvoyé : jeudi 12 mars 2026 09:44\r\nObjet : VPN\r\n\r\nRedémarrez le boîtier."
		for i, prefix := range []string{"TR:", "Tr :", "Fwd:", "FW:", "WG:", "RV:", "I:", "ENC:", "RE: TR:", "TR: RE:"} {
			// Of whoever takes part: it joins, and nothing of what they pass on is cut.
			r := p.in(mail(10+i, "ann@exemple.fr", prefix+" ["+first.Reference+"] VPN", "", passedOn))
			_, said := p.see(first.Ref)
			last := said[len(said)-1]
			if r.Ref != first.Ref || r.Outcome != intake.Replied {
				t.Errorf("%q: %+v", prefix, r)
			}
			if prefix != "RE: TR:" && !strings.Contains(last.Body, "Redémarrez le boîtier.") {
				t.Errorf("%q: what was passed on is cut: %q", prefix, last.Body)
			}
			// Of a stranger: never, whatever the prefix says in whatever language.
			s := p.in(mail(50+i, fmt.Sprintf("s%d@ailleurs.example", i), prefix+" ["+first.Reference+"] VPN", "", passedOn))
			if s.Outcome != intake.Opened {
				t.Errorf("%q of a stranger: %+v", prefix, s)
			}
		}
	})
}

func TestAnAnswerThatIsOnlyAFile(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		first := p.in(mail(1, "ann@exemple.fr", "Badge", "", "Une photo ?"))
		head := answering("1@exemple.fr") + "MIME-Version: 1.0\r\nContent-Type: image/png; name=photo.png\r\nContent-Disposition: attachment; filename=photo.png\r\nContent-Transfer-Encoding: base64\r\n"
		r := p.in(mail(2, "ann@exemple.fr", "RE: Badge", head, "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="))
		_, said := p.see(first.Ref)
		last := said[len(said)-1]
		if r.Ref != first.Ref || len(last.Attachments) != 1 || last.Attachments[0].Name != "photo.png" || last.Body == "" {
			t.Errorf("%+v: %+v", r, last)
		}
	})
}

func TestTheDeskWritesFirst(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		var tk ticket.Ticket
		p.write(func(tx *db.Tx) (err error) {
			if tk, err = ticket.OpenTicket(t.Context(), tx, paul, ticket.Draft{Subject: "Votre nouveau poste", RequesterID: "ann", Channel: ticket.Phone, Message: ticket.Draught{Body: "Il arrive lundi."}}); err != nil {
				return err
			}
			_, _, err = channel.Post(t.Context(), tx, self, channel.Outgoing{MessageID: channel.ThreadID(tk.ID, "aide.exemple.fr"), Recipient: "ann@exemple.fr", Key: "k", Ref: tk.Ref()}, *p.now)
			return err
		})
		var id string
		if err := p.d.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRowContext(t.Context(), "SELECT message_id FROM envelope").Scan(&id)
		}); err != nil {
			t.Fatal(err)
		}
		if r := p.in(mail(1, "ann@exemple.fr", "Merci", answering(id), "À lundi")); r.Outcome != intake.Replied || r.Ref != tk.Ref() {
			t.Errorf("%+v", r)
		}
	})
}

func TestTheSameWordsEachYear(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		raw := mail(1, "ann@exemple.fr", "Renouvellement du certificat", "", "Bonjour, il faut le renouveler.")
		next := strings.Replace(strings.Replace(raw, "<1@", "<2@", 1), "2026", "2027", 1)
		without := strings.Replace(raw, "Message-ID: <1@exemple.fr>\r\n", "", 1)
		later := strings.Replace(without, "2026", "2028", 1)
		seen := map[string]bool{}
		for i, r := range []intake.Result{p.in(raw), p.in(next), p.in(without), p.in(later)} {
			if r.Outcome != intake.Opened || seen[r.Ref] {
				t.Errorf("mail %d is lost in another: %+v", i, r)
			}
			seen[r.Ref] = true
		}
	})
}

func TestAnotherAddressOfTheSamePerson(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		first := p.in(mail(1, "ann@exemple.fr", "VPN", "", "Il se coupe"))
		r := p.in(mail(2, "Ann Roux <ann.roux@perso.example>", "RE: ["+first.Reference+"] VPN", answering("1@exemple.fr"), "C'est moi, de la maison"))
		if e, _ := p.trail(r.Envelope); r.Outcome != intake.Opened || e.Suggest != first.Ref {
			t.Errorf("nothing proves that it is her: %+v, asked about %q", r, e.Suggest)
		}
	})
}

// TestTwoDesksDoNotTalkForEver lets another help desk acknowledge each of our mails, without any mark of a machine.
func TestTwoDesksDoNotTalkForEver(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		first := p.in(mail(1, "support@autre.example", "Ticket #77 : votre demande", "", "Nous avons bien reçu votre message."))
		taken := 0
		at := *p.now
		for i := range 60 {
			*p.now = at
			r := p.in(mail(10+i, "support@autre.example", "Ticket #77 : ["+first.Reference+"] votre demande", "", fmt.Sprint("Nous avons bien reçu votre message. ", i)))
			if r.Outcome == intake.Replied || r.Outcome == intake.Opened {
				taken++
			}
		}
		if taken > 20 {
			t.Errorf("%d rounds before the fuse", taken)
		}
	})
}
