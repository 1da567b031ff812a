package sample

import (
	"context"
	"fmt"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/seal"
	"entraide/internal/domain/channel"
	"entraide/internal/usecase/intake"
)

// letter is one mail of the demonstration. {ref} is the reference of the first one.
type letter struct {
	from, subject, head, body string
	ago                       time.Duration
	whole                     int64 // bytes of a message of which only the beginning came; 0 = all of it
}

// letters are what came in by mail lately: each ends somewhere else, so that the journal has something to show.
var letters = []letter{
	{from: "Camille Renaud <camille.renaud@ateliers-morvan.example>", subject: "Écran qui scintille depuis la mise à jour", ago: 26 * time.Hour,
		head: "Content-Type: text/html; charset=utf-8\r\n",
		body: `<p>Bonjour,</p><p>Depuis la mise à jour d'hier, mon second écran scintille toutes les deux minutes.</p><p><img src="https://images.exemple.fr/ecran.jpg" alt="L'écran en panne" width="320" height="200"></p><p>Camille</p>`},
	{from: "Karim Haddad <karim@haddad-conseil.example>", subject: "RE: [{ref}] Écran qui scintille", ago: 25 * time.Hour,
		body: "Bonjour,\r\n\r\nJ'ai prêté ce câble à Camille la semaine dernière, il est peut-être en cause.\r\n\r\nKarim Haddad"},
	{from: "Offres du jour <offres@promo-bureautique.example>", subject: "Vos cartouches à moitié prix", ago: 20 * time.Hour, body: "Profitez-en avant ce soir."},
	{from: "Léa Fontaine <lea.fontaine@ateliers-morvan.example>", subject: "Réponse automatique : absente jusqu'à lundi", ago: 19 * time.Hour,
		head: "Auto-Submitted: auto-replied\r\n", body: "Je suis absente jusqu'à lundi."},
	{from: "Mail Delivery System <mailer-daemon@mx.ateliers-morvan.example>", subject: "Undelivered Mail Returned to Sender", ago: 18 * time.Hour,
		head: "Content-Type: multipart/report; report-type=delivery-status; boundary=B\r\n",
		body: "--B\r\n\r\nThe mail system could not deliver your message.\r\n--B\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.ateliers-morvan.example\r\n\r\nFinal-Recipient: rfc822; ancien.salarie@ateliers-morvan.example\r\nAction: failed\r\nStatus: 5.1.1\r\n--B--\r\n"},
	{from: "Studio Pixel <studio@pixel.example>", subject: "Film de présentation, version finale", ago: 6 * time.Hour, body: "Le film est joint.", whole: 148 << 20},
}

// post stores mailboxes and what came in by them. Nothing is fetched and nothing leaves: the demonstration has no network.
func (f *Filler) post(ctx context.Context) error {
	a := auth.System(machine)
	err := f.DB.Write(ctx, func(tx *db.Tx) error {
		for i, m := range []channel.Mailbox{
			{Name: "Support informatique", Address: "support@ateliers-morvan.example", Aliases: []string{"informatique@ateliers-morvan.example"}, Standard: true,
				Out: channel.Outbound{Plus: true}, Look: channel.Look{Sender: "Support informatique", SignatureFR: "Le support informatique\n\n*Ateliers Morvan*", SignatureEN: "IT support\n\n*Ateliers Morvan*"}},
			{Name: "Moyens généraux", Address: "locaux@ateliers-morvan.example"},
		} {
			m.Active = true
			if _, err := channel.SaveMailbox(ctx, tx, a, seal.Key{}, m, nil); err != nil {
				return fmt.Errorf("mailbox %d: %w", i, err)
			}
		}
		if err := channel.Block(ctx, tx, a, "promo-bureautique.example", "Publicité"); err != nil {
			return err
		}
		_, err := channel.NoteBounce(ctx, tx, a, "ancien.salarie@ateliers-morvan.example", "5.1.1", "user unknown")
		return err
	})
	if err != nil {
		return err
	}
	ref := ""
	for i, l := range letters {
		at := f.DB.Now().Add(-l.ago)
		raw := fmt.Sprintf("From: %s\r\nTo: Support <support@ateliers-morvan.example>\r\nSubject: %s\r\nMessage-ID: <demo%d@ateliers-morvan.example>\r\nDate: %s\r\nMIME-Version: 1.0\r\n%s\r\n%s\r\n",
			l.from, strings.ReplaceAll(l.subject, "{ref}", ref), i, at.Format(time.RFC1123Z), l.head, l.body)
		r, err := intake.Deliver(ctx, f.DB, f.Blobs, strings.NewReader(raw), intake.Options{To: "support@ateliers-morvan.example", Past: at, Whole: l.whole})
		if err != nil {
			return fmt.Errorf("mail %d: %w", i, err)
		}
		if i == 0 {
			ref = r.Reference
		}
	}
	return nil
}
