package intake_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/seal"
	"entraide/internal/base/setting"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/intake"
	"entraide/internal/usecase/react"
)

// mailbox stores a mailbox of queue q1 unless told otherwise.
func (p post) mailbox(m channel.Mailbox) channel.Mailbox {
	p.t.Helper()
	k, err := seal.New(bytes.Repeat([]byte{1}, seal.Size))
	if err != nil {
		p.t.Fatal(err)
	}
	m.Active = true
	p.write(func(tx *db.Tx) (err error) {
		m, err = channel.SaveMailbox(p.t.Context(), tx, admin, k, m, nil)
		return err
	})
	return m
}

// trail returns the decisions about an envelope, in words, one a line.
func (p post) trail(envelopeID string) (e channel.Envelope, words string) {
	p.t.Helper()
	err := p.d.Read(p.t.Context(), func(tx *db.Tx) (err error) {
		e, err = channel.Find(p.t.Context(), tx, admin, envelopeID)
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, s := range e.Trail {
		words += (i18n.Loc{}).T(s.Key, s.Words()...) + "\n"
	}
	if strings.Contains(words, "{") {
		p.t.Errorf("a word is missing: %s", words)
	}
	return e, words
}

func (p post) has(envelopeID string, keys ...string) channel.Envelope {
	p.t.Helper()
	e, words := p.trail(envelopeID)
	var have []string
	for _, s := range e.Trail {
		have = append(have, strings.TrimPrefix(s.Key, "mail.step."))
	}
	if got := strings.Join(have, " "); got != strings.Join(keys, " ") {
		p.t.Errorf("decisions %q, want %q\n%s", got, strings.Join(keys, " "), words)
	}
	return e
}

func TestMailboxDecidesTheQueue(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		p.write(func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), "INSERT INTO queue (id, name, team_id, level, created_at) VALUES ('rh', 'RH', 'team1', 1, 0)")
			return err
		})
		p.mailbox(channel.Mailbox{Name: "RH", Address: "rh@exemple.fr", QueueID: "rh"})
		p.mailbox(channel.Mailbox{Name: "Aide", Address: "aide@exemple.fr"})
		to := func(n int, fields string) ticket.Ticket {
			r := p.in(strings.Replace(mail(n, "ann@exemple.fr", fmt.Sprint("Congé ", n), "", "Bonjour"), "To: aide@exemple.fr\r\n", fields, 1))
			tk, _ := p.see(r.Ref)
			p.has(r.Envelope, "mailbox", "from", "no_thread", "opened")
			return tk
		}
		if tk := to(1, "To: RH <Rh+conges@exemple.fr>\r\n"); tk.QueueID != "rh" {
			t.Errorf("it went to %s", tk.QueueID)
		}
		if tk := to(2, "To: aide@exemple.fr\r\n"); tk.QueueID != "q1" {
			t.Errorf("the usual routing gives %s", tk.QueueID)
		}
		// Two of our mailboxes: one ticket, at the first that is named; delivered twice, still one.
		both := strings.Replace(mail(3, "ann@exemple.fr", "Deux boîtes", "", "Bonjour"), "To: aide@exemple.fr\r\n", "To: rh@exemple.fr\r\nCc: aide@exemple.fr\r\n", 1)
		first, second := p.in(both), p.in(both)
		if tk, _ := p.see(first.Ref); tk.QueueID != "rh" || !second.Known || second.Ref != first.Ref {
			t.Errorf("%s, then %+v", tk.QueueID, second)
		}
		// What one of our mailboxes sent comes home.
		if r := p.in(mail(4, "rh@exemple.fr", "Merci", "", "Bonjour")); r.Outcome != intake.Ignored {
			t.Errorf("our own mail: %+v", r)
		}
	})
}

func TestReplyAddressJoins(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		box := p.mailbox(channel.Mailbox{Name: "Aide", Address: "aide@exemple.fr", Out: channel.Outbound{Plus: true}})
		first := p.in(mail(1, "ann@exemple.fr", "VPN", "", "Il se coupe"))
		var address string
		p.write(func(tx *db.Tx) (err error) {
			address, err = channel.ReplyTo(t.Context(), tx, self, box, channel.ReplyTicket, strings.TrimPrefix(first.Ref, "ticket/"))
			return err
		})
		answer := func(n int, from, to string) intake.Result {
			return p.in(strings.Replace(mail(n, from, "Autre objet", "", "Encore"), "To: aide@exemple.fr", "To: "+to, 1))
		}
		r := answer(2, "ann@exemple.fr", address)
		if r.Outcome != intake.Replied || r.Ref != first.Ref {
			t.Errorf("by the reply address: %+v", r)
		}
		p.has(r.Envelope, "mailbox", "from", "by_address", "replied")
		if r := answer(3, "ann@exemple.fr", strings.Replace(address, "+t.", "+x.", 1)); r.Outcome != intake.Opened {
			t.Errorf("an altered address: %+v", r)
		}
		// The address alone is no right: a stranger who got it opens a ticket and a question.
		r = answer(4, "eve@ailleurs.example", address)
		if r.Outcome != intake.Opened || p.has(r.Envelope, "mailbox", "from", "by_address", "opened", "stranger").Suggest != first.Ref {
			t.Errorf("a stranger: %+v", r)
		}
	})
}

func TestQuestionWhereAMailBelongs(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		first := p.in(mail(1, "ann@exemple.fr", "VPN", "", "Il se coupe"))
		ask := func(n int) intake.Result {
			return p.in(mail(n, "eve@ailleurs.example", "["+first.Reference+"] VPN", "", "Chez moi aussi"))
		}
		join := func(a auth.Actor, envelope string, yes bool) (err error) {
			return p.d.Write(t.Context(), func(tx *db.Tx) error { return intake.Join(t.Context(), tx, a, envelope, yes) })
		}
		asked := func(ref string) (list []channel.Envelope) {
			err := p.d.Read(t.Context(), func(tx *db.Tx) (err error) { list, err = channel.Asked(t.Context(), tx, paul, ref); return err })
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		one, two := ask(2), ask(3)
		if list := asked(one.Ref); len(list) != 1 || list[0].Suggest != first.Ref {
			t.Fatalf("asked %+v", list)
		}
		if err := join(auth.Actor{ID: "ann"}, one.Envelope, true); !errors.Is(err, errs.Forbidden) {
			t.Errorf("a requester answers: %v", err)
		}
		if err := join(paul, one.Envelope, true); err != nil {
			t.Fatal(err)
		}
		if _, said := p.see(first.Ref); len(said) < 2 {
			t.Errorf("%d messages after the two are one", len(said))
		}
		if err := join(paul, two.Envelope, false); err != nil {
			t.Fatal(err)
		}
		if tk, _ := p.see(two.Ref); tk.Status == ticket.Closed || len(asked(two.Ref)) != 0 {
			t.Error("no leaves the ticket and ends the question")
		}
		if err := join(paul, two.Envelope, true); !errors.Is(err, errs.NotFound) {
			t.Errorf("answered twice: %v", err)
		}
	})
}

func TestThirdPartyStaysInside(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		first := p.in(mail(1, "ann@exemple.fr", "Imprimante", "", "Elle fume"))
		var x channel.Exchange
		p.write(func(tx *db.Tx) (err error) {
			if x, err = channel.OpenExchange(t.Context(), tx, paul, first.Ref, "sav@constructeur.example", "SAV"); err != nil {
				return err
			}
			_, _, err = channel.Post(t.Context(), tx, self, channel.Outgoing{MessageID: channel.ExchangeMessageID(x.ID, "aide.exemple.fr"), Recipient: x.Address,
				Key: "ask", Ref: first.Ref, Exchange: x.ID}, *p.now)
			if err != nil {
				return err
			}
			_, err = ticket.Pend(t.Context(), tx, paul, strings.TrimPrefix(first.Ref, "ticket/"), ticket.OnThirdParty, time.Time{}, 0)
			return err
		})
		var cited string
		if err := p.d.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRowContext(t.Context(), "SELECT message_id FROM envelope WHERE exchange <> ''").Scan(&cited)
		}); err != nil {
			t.Fatal(err)
		}
		r := p.in(mail(2, "Bob <bob@constructeur.example>", "RE: Imprimante", answering(cited), "Changez le fuseur."))
		if r.Outcome != intake.Replied || r.Ref != first.Ref {
			t.Fatalf("%+v", r)
		}
		tk, said := p.see(first.Ref)
		last := said[len(said)-1]
		if last.Visibility != ticket.Internal || !strings.Contains(last.Body, "Changez le fuseur.") || !strings.Contains(last.Body, "bob@constructeur.example") {
			t.Errorf("the answer is %s: %q", last.Visibility, last.Body)
		}
		if tk.Status != ticket.Open {
			t.Errorf("the ticket still waits: %s", tk.Status)
		}
		if e := p.has(r.Envelope, "from", "exchange", "exchange_other"); e.Exchange != x.ID {
			t.Errorf("exchange %q", e.Exchange)
		}
	})
}

func TestSharedAncestor(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		// Both answer a mail that was never sent to us.
		first := p.in(mail(1, "ann@exemple.fr", "Badge", answering("ancestor@exemple.fr"), "Je mets l'aide en copie"))
		second := p.in(mail(2, "ann@exemple.fr", "RE: Badge", answering("ancestor@exemple.fr"), "Et voici la photo"))
		if second.Outcome != intake.Replied || second.Ref != first.Ref {
			t.Errorf("%+v, want a reply to %s", second, first.Ref)
		}
		p.has(second.Envelope, "from", "by_ancestor", "replied")
		if other := p.in(mail(3, "eve@ailleurs.example", "RE: Badge", answering("ancestor@exemple.fr"), "Moi aussi")); other.Outcome != intake.Opened {
			t.Errorf("a stranger with the same ancestor: %+v", other)
		}
	})
}

func TestAnswerToANoteStaysInside(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		first := p.in(mail(1, "ann@exemple.fr", "VPN", "", "Il se coupe"))
		id := strings.TrimPrefix(first.Ref, "ticket/")
		p.write(func(tx *db.Tx) error {
			n, err := ticket.Note(t.Context(), tx, self, id, ticket.Say{Draught: ticket.Draught{Body: "Tu peux regarder ?"}})
			if err != nil {
				return err
			}
			_, _, err = channel.Post(t.Context(), tx, self, channel.Outgoing{MessageID: "n1@aide.exemple.fr", Recipient: "paul@exemple.fr", Key: "n1", Ref: first.Ref, Message: n.ID}, *p.now)
			return err
		})
		r := p.in(mail(2, "paul@exemple.fr", "RE: VPN", answering("n1@aide.exemple.fr"), "Oui, c'est le certificat."))
		_, said := p.see(r.Ref)
		if last := said[len(said)-1]; r.Ref != first.Ref || last.Visibility != ticket.Internal {
			t.Errorf("%+v is %s", r, last.Visibility)
		}
		p.has(r.Envelope, "from", "by_id", "noted")
	})
}

// TestAgentsMailStaysInsideUnlessProven holds that a colleague's mail reaches the requester only when it is seen to
// answer what the requester reads: ids and addresses may get lost on the way.
func TestAgentsMailStaysInsideUnlessProven(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		box := p.mailbox(channel.Mailbox{Name: "Aide", Address: "aide@exemple.fr", Out: channel.Outbound{Plus: true}})
		first := p.in(mail(1, "ann@exemple.fr", "VPN", "", "Il se coupe"))
		id := strings.TrimPrefix(first.Ref, "ticket/")
		address := map[string]string{}
		p.write(func(tx *db.Tx) (err error) {
			for _, what := range []string{channel.ReplyTicket, channel.ReplyNote} {
				if address[what], err = channel.ReplyTo(t.Context(), tx, self, box, what, id); err != nil {
					return err
				}
			}
			n, err := ticket.Note(t.Context(), tx, self, id, ticket.Say{Draught: ticket.Draught{Body: "Tu peux regarder ?"}})
			if err != nil {
				return err
			}
			for _, o := range []channel.Outgoing{{MessageID: "note@aide", Message: n.ID}, {MessageID: "assigned@aide"}} {
				o.Key, o.Recipient, o.Ref = o.MessageID, "paul@exemple.fr", first.Ref
				if _, _, err := channel.Post(t.Context(), tx, self, o, *p.now); err != nil {
					return err
				}
			}
			return nil
		})
		subject := "RE: [" + first.Reference + "] VPN"
		for i, c := range []struct {
			name, to, subject, head string
			want                    ticket.Visibility
			step                    string
		}{
			{"the address of a note", address[channel.ReplyNote], "x", "", ticket.Internal, "noted"},
			{"the address of a reply", address[channel.ReplyTicket], "x", "", ticket.Public, "replied"},
			{"the address of a reply, but it cites a note", address[channel.ReplyTicket], "x", answering("note@aide"), ticket.Internal, "noted"},
			{"the address of a note, but it cites the requester", address[channel.ReplyNote], "x", answering("1@exemple.fr"), ticket.Internal, "noted"},
			{"nothing but the subject", "aide@exemple.fr", subject, "", ticket.Internal, "noted_unsure"},
			{"a mail of ours that told no message", "aide@exemple.fr", "x", answering("assigned@aide"), ticket.Internal, "noted_unsure"},
			{"what the requester wrote", "aide@exemple.fr", "x", answering("1@exemple.fr"), ticket.Public, "replied"},
			{"sent to the requester as well", "Ann@exemple.fr, aide@exemple.fr", subject, "", ticket.Public, "replied"},
		} {
			r := p.in(strings.Replace(mail(10+i, "paul@exemple.fr", c.subject, c.head, "Oui."), "To: aide@exemple.fr", "To: "+c.to, 1))
			_, said := p.see(first.Ref)
			if last := said[len(said)-1]; r.Ref != first.Ref || last.Visibility != c.want {
				t.Errorf("%s: %+v is %s", c.name, r, last.Visibility)
			}
			if _, words := p.trail(r.Envelope); !strings.Contains(words, strings.SplitN((i18n.Loc{}).T("mail.step."+c.step, "ref", first.Reference), "{", 2)[0]) {
				t.Errorf("%s: %s", c.name, words)
			}
		}
		// Whoever asked reads it anyway: the address of a note is no way in, and no way out.
		r := p.in(strings.Replace(mail(30, "ann@exemple.fr", "x", "", "Et alors ?"), "To: aide@exemple.fr", "To: "+address[channel.ReplyNote], 1))
		_, said := p.see(first.Ref)
		if last := said[len(said)-1]; r.Outcome != intake.Replied || last.Visibility != ticket.Public {
			t.Errorf("the requester's: %+v, %s", r, last.Visibility)
		}
	})
}

func TestForgedColleague(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		box := p.mailbox(channel.Mailbox{Name: "Aide", Address: "aide@exemple.fr", In: channel.Inbound{Server: "mx.exemple.fr"}})
		first := p.in(mail(1, "ann@exemple.fr", "VPN", "", "Il se coupe"))
		deliver := func(n int, dmarc string) intake.Result {
			t.Helper()
			o := options
			o.Mailbox = box
			raw := "Authentication-Results: mx.exemple.fr; dmarc=" + dmarc + " header.from=exemple.fr\r\n" + mail(n, "paul@exemple.fr", "["+first.Reference+"] VPN", "", "C'est réglé.")
			r, err := intake.Deliver(t.Context(), p.d, p.store, strings.NewReader(raw), o)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		r := deliver(2, "fail")
		tk, said := p.see(r.Ref)
		if r.Outcome != intake.Opened || r.Ref == first.Ref || tk.RequesterID != "paul" {
			t.Errorf("forged: %+v", r)
		}
		if !strings.Contains(said[1].Body, "ne vient pas de") || said[1].Visibility != ticket.Internal {
			t.Errorf("the desk is not warned: %q", said[1].Body)
		}
		p.has(r.Envelope, "mailbox", "from", "checked", "forged", "by_subject", "opened", "stranger")
		if r := deliver(3, "pass"); r.Outcome != intake.Replied || r.Ref != first.Ref {
			t.Errorf("proven: %+v", r)
		}
	})
}

func TestQuarantine(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		p.write(func(tx *db.Tx) error {
			for _, wrong := range []string{"", "nowhere", "a b@c.example", "@"} {
				if err := channel.Block(t.Context(), tx, admin, wrong, ""); len(errs.Fields(err)) != 1 {
					t.Errorf("blocked %q: %v", wrong, err)
				}
			}
			if err := channel.Block(t.Context(), tx, paul, "spam.example", ""); !errors.Is(err, errs.Forbidden) {
				t.Errorf("an agent blocks: %v", err)
			}
			return channel.Block(t.Context(), tx, admin, "Spam.Example", "publicité")
		})
		before := dbtest.Count(t, p.d, "ticket")
		r := p.in(mail(1, "x@news.spam.example", "Promo", "", "Achetez"))
		if r.Outcome != intake.Quarantined || dbtest.Count(t, p.d, "ticket") != before {
			t.Fatalf("%+v", r)
		}
		if again := p.in(mail(1, "x@news.spam.example", "Promo", "", "Achetez")); again.Outcome != intake.Quarantined || again.Envelope != r.Envelope {
			t.Errorf("the same again: %+v", again)
		}
		p.has(r.Envelope, "from", "blocked")
		if _, err := intake.Release(t.Context(), p.d, p.store, paul, r.Envelope, options); !errors.Is(err, errs.Forbidden) {
			t.Errorf("an agent releases: %v", err)
		}
		out, err := intake.Release(t.Context(), p.d, p.store, admin, r.Envelope, options)
		if err != nil || out.Outcome != intake.Opened {
			t.Errorf("released: %+v, %v", out, err)
		}
		if _, err := intake.Release(t.Context(), p.d, p.store, admin, r.Envelope, options); !errors.Is(err, errs.Conflict) {
			t.Errorf("released twice: %v", err)
		}
		p.write(func(tx *db.Tx) error { return channel.Unblock(t.Context(), tx, admin, "spam.example") })
		if r := p.in(mail(2, "x@news.spam.example", "Promo 2", "", "Achetez")); r.Outcome != intake.Opened {
			t.Errorf("unblocked: %+v", r)
		}
	})
}

func TestTwoMachinesDoNotFillTheQueues(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		var last intake.Result
		at := *p.now
		for n := range 80 {
			*p.now = at // all in one hour
			last = p.in(mail(n, "robot@ailleurs.example", fmt.Sprint("Alarme ", n), "", "Encore"))
		}
		if n := dbtest.Count(t, p.d, "ticket"); n != 60 || last.Outcome != intake.Quarantined {
			t.Errorf("%d tickets, the last mail %+v", n, last)
		}
		p.has(last.Envelope, "from", "fuse")
		if n := p.alerts(channel.MailHeld); n != 1 {
			t.Errorf("administrators are told %d times", n)
		}
		if r := p.in(mail(100, "ann@exemple.fr", "VPN", "", "Il se coupe")); r.Outcome != intake.Opened {
			t.Errorf("somebody else: %+v", r)
		}
	})
}

func TestFuse(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		p.write(func(tx *db.Tx) error {
			return setting.Set(t.Context(), tx, admin, channel.FuseKey, channel.Fuse{Hour: 6, Day: 8, Same: 3, Exempt: []string{"alarmes.example"}})
		})
		n := 0
		send := func(from, subject string, every time.Duration, times int) (taken int) {
			t.Helper()
			for range times {
				n++
				*p.now = p.now.Add(every - time.Minute) // in goes a minute on
				if r := p.in(mail(n, from, subject, "", fmt.Sprint("Encore ", n))); r.Outcome == intake.Opened {
					taken++
				}
			}
			return taken
		}
		for name, c := range map[string]struct {
			from, subject string
			every         time.Duration
			times, taken  int
		}{
			"each hour a few":        {"a@x.example", "", 20 * time.Minute, 8, 8},
			"more than a day's":      {"b@x.example", "", 20 * time.Minute, 10, 8},
			"more than an hour's":    {"c@x.example", "", time.Minute, 8, 6},
			"one subject":            {"d@x.example", "Disque plein", time.Minute, 5, 3},
			"spared":                 {"e@nord.alarmes.example", "Disque plein", time.Minute, 12, 12},
			"colleagues of the desk": {"paul@exemple.fr", "Disque plein", time.Minute, 12, 12},
		} {
			taken := 0
			for i := range c.times {
				subject, from := c.subject, c.from
				if subject == "" {
					subject = fmt.Sprint("Sujet ", i)
				}
				if i%2 == 1 { // one sender, however they write it
					from = strings.ToUpper(from)
				}
				taken += send(from, subject, c.every, 1)
			}
			if taken != c.taken {
				t.Errorf("%s: %d taken, want %d", name, taken, c.taken)
			}
		}
		if n := p.alerts(channel.MailHeld); n != 3 {
			t.Errorf("administrators are told %d times, want once for each sender", n)
		}
	})
}

// alerts counts the events of a kind.
func (p post) alerts(kind string) (n int) {
	p.t.Helper()
	err := p.d.Read(p.t.Context(), func(tx *db.Tx) error {
		return tx.QueryRowContext(p.t.Context(), "SELECT count(*) FROM event WHERE kind = $1", kind).Scan(&n)
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

func TestAnAlarmIsNewsAndNotAcknowledged(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		for n, head := range []string{"Auto-Submitted: auto-generated\r\n", "X-Auto-Response-Suppress: All\r\n"} {
			r := p.in(mail(n, "supervision@exemple.fr", fmt.Sprint("Disque plein ", n), head, "/var est plein."))
			if r.Outcome != intake.Opened {
				t.Errorf("%q: %+v", head, r)
			}
			p.has(r.Envelope, "from", "quiet", "no_thread", "opened")
		}
		r := p.in(mail(7, "no-reply@exemple.fr", "Rapport", "", "Tout va bien."))
		p.has(r.Envelope, "from", "quiet", "no_thread", "opened")
		if r := p.in(mail(8, "ann@exemple.fr", "Absente", "Auto-Submitted: auto-replied\r\n", "De retour lundi.")); r.Outcome != intake.Ignored {
			t.Errorf("an absence: %+v", r)
		}
	})
}

func TestHardBounceMarksTheAddress(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		bounce := func(n int, status string) string {
			return fmt.Sprintf("From: MAILER-DAEMON@mx.example\r\nTo: aide@exemple.fr\r\nSubject: Undelivered Mail Returned to Sender\r\nMessage-ID: <b%d@mx.example>\r\n"+
				"MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"+
				"Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; gone%d@exemple.fr\r\nAction: failed\r\nStatus: %s\r\nDiagnostic-Code: smtp; 550 %s no\r\n--b--\r\n", n, n, status, status)
		}
		hard, soft := p.in(bounce(1, "5.1.1")), p.in(bounce(2, "4.2.2"))
		if hard.Outcome != intake.Ignored || soft.Outcome != intake.Ignored {
			t.Errorf("%+v, %+v", hard, soft)
		}
		var dead []channel.Address
		if err := p.d.Read(t.Context(), func(tx *db.Tx) (err error) { dead, err = channel.DeadAddresses(t.Context(), tx, admin, 10); return err }); err != nil {
			t.Fatal(err)
		}
		if len(dead) != 1 || dead[0].Address != "gone1@exemple.fr" {
			t.Errorf("dead: %+v", dead)
		}
	})
}

// cursed hands out what makes the parser panic, until it is healed.
type cursed struct {
	blob.Store
	healed bool
}

type curse struct{ io.ReadSeekCloser }

func (curse) Read([]byte) (int, error) { panic("a fault of ours") }

func (c *cursed) Open(ctx context.Context, hash string) (io.ReadSeekCloser, error) {
	f, err := c.Store.Open(ctx, hash)
	if err != nil || c.healed {
		return f, err
	}
	return curse{f}, nil
}

func TestPoisonIsParkedAndReplayed(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		store := &cursed{Store: p.store}
		r, err := intake.Deliver(t.Context(), p.d, store, strings.NewReader(mail(1, "ann@exemple.fr", "VPN", "", "Il se coupe")), options)
		if err != nil || r.Outcome != intake.Parked || !strings.Contains(r.Reason, "a fault of ours") {
			t.Fatalf("%+v, %v", r, err)
		}
		store.healed = true
		again, err := intake.Again(t.Context(), p.d, store, admin, r.Envelope, options)
		if err != nil || again.Outcome != intake.Opened {
			t.Errorf("after the fix: %+v, %v", again, err)
		}
		if e, _ := p.trail(r.Envelope); e.State == channel.Parked {
			t.Errorf("the parked message stays %s beside its ticket", e.State)
		}
	})
}

func BenchmarkDeliver(b *testing.B) {
	picture := make([]byte, 12<<10)
	for i := range picture {
		picture[i] = byte(rand.IntN(256))
	}
	file := base64.StdEncoding.EncodeToString(picture)
	for _, engine := range []db.Engine{db.SQLite, db.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			d := dbtest.Open(b, engine, dbtest.Options{Seed: cast, Reacts: react.Readers})
			store, err := blob.OpenDir(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			var n atomic.Int64
			b.SetParallelism(4)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					n := n.Add(1)
					raw := fmt.Sprintf("From: p%d@exemple.fr\r\nTo: aide@exemple.fr\r\nSubject: Demande %d\r\nMessage-ID: <%d@exemple.fr>\r\nDate: Thu, 12 Mar 2026 09:44:00 +0100\r\n"+
						"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n--b\r\nContent-Type: image/png; name=a.png\r\n"+
						"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=a.png\r\n\r\n%d%s\r\n--b--\r\n", n, n, n, strings.Repeat("Une ligne de texte.\r\n", 100), n+1000, file)
					r, err := intake.Deliver(b.Context(), d, store, strings.NewReader(raw), options)
					if err != nil || r.Outcome != intake.Opened {
						b.Errorf("%+v, %v", r, err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
		})
	}
}
