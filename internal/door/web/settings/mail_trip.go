package settings

import (
	"context"
	"net/http"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/id"
	"entraide/internal/domain/channel"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
)

// tripMark begins the Message-ID of a mail that a mailbox sends to itself.
const tripMark = "trip."

// startTrip sends a mail to the mailbox itself, by itself: it goes out and comes back as any other.
func (p post) startTrip(w http.ResponseWriter, r *http.Request) error {
	var sent channel.Envelope
	var m channel.Mailbox
	l := i18n.From(r.Context())
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if m, err = channel.FindMailbox(ctx, tx, a, r.PathValue("id")); err != nil {
			return err
		}
		chance := id.New()
		sent, _, err = channel.Post(ctx, tx, auth.System("round trip of a mailbox"), channel.Outgoing{
			MessageID: tripMark + chance + "@" + config.Host(p.Config.BaseURL), Recipient: m.Address, Key: tripMark + chance, MailboxID: m.ID,
			Subject: l.T("mailpage.trip.subject", "name", m.Name),
			Content: channel.Content{Text: l.T("mailpage.trip.text"), Auto: "auto-generated"}}, time.Time{})
		return err
	})
	if err != nil {
		return err
	}
	return kit.Redirect(w, r, boxesPath+"/"+m.ID+"/trips/"+sent.ID)
}

// trip shows how far the mail of a round trip got.
func (p post) trip(w http.ResponseWriter, r *http.Request) error {
	l := i18n.From(r.Context())
	v := page.Trip{}
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		m, err := channel.FindMailbox(ctx, tx, a, r.PathValue("id"))
		if err != nil {
			return err
		}
		out, err := channel.Find(ctx, tx, a, r.PathValue("envelope"))
		if err != nil {
			return err
		}
		if out.MailboxID != m.ID || !strings.HasPrefix(out.MessageID, tripMark) {
			return errs.NotFound
		}
		back, err := channel.Copies(ctx, tx, a, channel.In, out.MessageID)
		if err != nil {
			return err
		}
		v.ID, v.Name, v.Address, v.Path = m.ID, m.Name, m.Address, r.URL.Path
		v.Promised, v.Message = l.Time(out.At), journalPath+"/"+out.ID
		v.State, v.Why = string(out.State), out.Why(l)
		if out.State == channel.Sent {
			v.Sent = l.Duration(out.DoneAt.Sub(out.At))
		}
		if len(back) > 0 {
			v.Arrived, v.Copy = l.Duration(back[0].At.Sub(out.At)), journalPath+"/"+back[0].ID
		}
		v.Waited = l.Duration(tx.Now.Sub(out.At))
		return nil
	})
	if err != nil {
		return err
	}
	s, err := p.mailShell(w, r, l.T("mailpage.trip"))
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.TripPage(s, v))
}
