package intake_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/intake"
)

const cast = `
	INSERT INTO team (id, name, level, created_at) VALUES ('team1', 'Niveau 1', 1, 0);
	INSERT INTO queue (id, name, team_id, level, created_at) VALUES ('q1', 'Niveau 1', 'team1', 1, 0);
	INSERT INTO person (id, name, email, email_key, name_fold, lang, active, external, created_at, updated_at) VALUES
		('ann', 'Ann Roux', 'Ann@exemple.fr', 'ann@exemple.fr', 'ann roux', 'fr', TRUE, FALSE, 0, 0),
		('left', 'Parti', 'parti@exemple.fr', 'parti@exemple.fr', 'parti', 'fr', FALSE, FALSE, 0, 0),
		('paul', 'Paul Vasseur', 'paul@exemple.fr', 'paul@exemple.fr', 'paul vasseur', 'fr', TRUE, FALSE, 0, 0);
	INSERT INTO person_role (person_id, role) VALUES ('paul', 'agent'), ('left', 'admin');
	INSERT INTO team_member (person_id, team_id, leads) VALUES ('paul', 'team1', FALSE);
	INSERT INTO priority_rule (impact, urgency, priority) VALUES (3, 3, 3);`

var (
	paul  = auth.Actor{ID: "paul", Name: "Paul Vasseur", Roles: []auth.Role{auth.Agent}, Teams: []string{"team1"}}
	admin = auth.Actor{ID: "ad", Roles: []auth.Role{auth.Admin}}
	self  = auth.System("test")
)

// post is a house with a letter box.
type post struct {
	t     *testing.T
	d     *db.DB
	store blob.Store
	now   *time.Time
}

var options = intake.Options{Host: "aide.exemple.fr", Own: []string{"aide@exemple.fr"}}

func each(t *testing.T, f func(t *testing.T, p post)) {
	now := time.Date(2026, 3, 12, 8, 44, 0, 0, time.UTC)
	dbtest.EachWith(t, dbtest.Options{Seed: cast, Now: func() time.Time { return now }}, func(t *testing.T, d *db.DB) {
		now = time.Date(2026, 3, 12, 8, 44, 0, 0, time.UTC)
		store, err := blob.OpenDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		f(t, post{t, d, store, &now})
	})
}

// house makes a house of d, whose clock is the real one.
func house(t *testing.T, d *db.DB) post {
	t.Helper()
	store, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return post{t, d, store, new(time.Time)}
}

// in delivers a message, a minute after what was before.
func (p post) in(raw string) intake.Result {
	p.t.Helper()
	*p.now = p.now.Add(time.Minute)
	r, err := intake.Deliver(p.t.Context(), p.d, p.store, strings.NewReader(raw), options)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

func (p post) write(f func(tx *db.Tx) error) {
	p.t.Helper()
	*p.now = p.now.Add(time.Minute)
	if err := p.d.Write(p.t.Context(), f); err != nil {
		p.t.Fatal(err)
	}
}

// see returns a ticket with all its messages.
func (p post) see(ref string) (tk ticket.Ticket, said []ticket.Message) {
	p.t.Helper()
	err := p.d.Read(p.t.Context(), func(tx *db.Tx) (err error) {
		if tk, err = ticket.Find(p.t.Context(), tx, self, strings.TrimPrefix(ref, "ticket/")); err != nil {
			return err
		}
		said, err = ticket.Conversation(p.t.Context(), tx, self, tk)
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return tk, said
}

// mail writes a message; head holds further fields, each with its line end.
func mail(n int, from, subject, head, body string) string {
	return fmt.Sprintf("From: %s\r\nTo: aide@exemple.fr\r\nSubject: %s\r\nMessage-ID: <%d@exemple.fr>\r\nDate: Thu, 12 Mar 2026 09:44:00 +0100\r\n%s\r\n%s\r\n", from, subject, n, head, body)
}

func answering(id string) string { return "In-Reply-To: <" + id + ">\r\nReferences: <" + id + ">\r\n" }

func TestRealMails(t *testing.T) {
	files, err := filepath.Glob("../../base/mime/testdata/*.eml")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d mails, %v", len(files), err)
	}
	ignored := []string{"auto-ooo", "bounce-delayed", "bounce-exchange-fr", "bounce-exim", "bounce-postfix", "bounce-qmail", "bounce-delivered", "list", "loop", "loop-received"}
	parked := []string{"missing-everything", "no-header"}
	each(t, func(t *testing.T, p post) {
		for _, f := range files {
			raw, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(filepath.Base(f), ".eml")
			first := p.in(string(raw))
			want := intake.Opened
			switch {
			case contains(ignored, name):
				want = intake.Ignored
			case contains(parked, name):
				want = intake.Parked
			}
			if first.Outcome != want || first.Known || (first.Outcome == intake.Opened) != (first.Reference != "") {
				t.Errorf("%s: %+v, want %s", name, first, want)
			}
			again := p.in("Received: by another way\r\n" + string(raw))
			if again.Envelope != first.Envelope && !strings.Contains(string(raw[:min(len(raw), 200)]), "\x00") && !skipsFirstLine(name) {
				t.Errorf("%s: taken again as %+v", name, again)
			}
		}
		if n := dbtest.Count(t, p.d, "ticket"); n < 40 {
			t.Errorf("%d tickets", n)
		}
	})
}

// skipsFirstLine names the mails that are broken in their first lines, which a field in front repairs or breaks more.
func skipsFirstLine(name string) bool {
	return contains([]string{"first-line-indented", "first-line-junk", "mbox-line", "no-header", "bom-crlf", "missing-everything", "loop-received"}, name)
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

func TestANewMailOpensATicket(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		r := p.in(mail(1, "Ann <ANN@exemple.fr>", "RE: Le VPN se coupe", "", "Bonjour,\r\nil se coupe.\r\n-- \r\nAnn Roux\r\nComptabilité"))
		tk, said := p.see(r.Ref)
		if r.Outcome != intake.Opened || tk.RequesterID != "ann" || tk.Subject != "Le VPN se coupe" || tk.Channel != ticket.Mail || len(said) != 1 ||
			said[0].AuthorID != "ann" || said[0].Body != "Bonjour,\nil se coupe." || !strings.Contains(said[0].Quoted, "Comptabilité") || said[0].ByAgent {
			t.Errorf("%+v: %+v, %+v", r, tk, said)
		}
		f, err := p.store.Open(t.Context(), said[0].Raw)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil || !bytes.Contains(kept, []byte("ANN@exemple.fr")) {
			t.Errorf("kept %q, %v", kept, err)
		}
		stranger := p.in(mail(2, `"Smith, John" <john@example.org>`, "Help", "", "My screen is black"))
		if tk, _ := p.see(stranger.Ref); tk.Requester != "Smith, John" || tk.Email != "john@example.org" {
			t.Errorf("a stranger is %s <%s>", tk.Requester, tk.Email)
		}
		left := p.in(mail(3, "parti@exemple.fr", "Mon dossier", "", "Bonjour"))
		if tk, _ := p.see(left.Ref); tk.RequesterID != "left" {
			t.Errorf("who left asks as %s", tk.RequesterID)
		}
	})
}

func TestTheSameMailManyTimesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		raw := mail(1, "new@example.org", "VPN", "", "Bonjour")
		var mu sync.Mutex
		refs := map[string]int{}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				r, err := intake.Deliver(t.Context(), p.d, p.store, strings.NewReader(raw), options)
				mu.Lock()
				defer mu.Unlock()
				refs[string(r.Outcome)+" "+r.Ref+" "+r.Reference]++
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if len(refs) != 1 || dbtest.Count(t, p.d, "ticket") != 1 || dbtest.Count(t, p.d, "message") != 1 {
			t.Errorf("results %v", refs)
		}
	})
}

func TestAnswersFindTheirTicket(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		first := p.in(mail(1, "ann@exemple.fr", "VPN", "", "Bonjour"))
		tk, _ := p.see(first.Ref)
		ours := channel.ThreadID(tk.ID, "ancien.exemple.fr")
		for _, c := range []struct{ name, raw string }{ // in this order: later ones answer earlier ones
			{"her own first mail", mail(2, "ann@exemple.fr", "encore", answering("1@exemple.fr"), "Un détail")},
			{"a mail of ours", mail(3, "ann@exemple.fr", "RE: sans référence", answering(ours), "Un autre")},
			{"the subject", mail(4, "ann@exemple.fr", "RE: ["+tk.Reference()+"] VPN", "", "Encore un")},
			{"an agent, by mail", mail(5, "paul@exemple.fr", "RE: VPN", answering("4@exemple.fr"), "Redémarrez")},
			{"far up the thread", mail(6, "ann@exemple.fr", "x", "References: <1@exemple.fr> <unknown@x>\r\nIn-Reply-To: <unknown@x>\r\n", "Loin")},
			{"a reply to a reply", mail(7, "ann@exemple.fr", "x", answering("2@exemple.fr"), "Réponse")},
			{"more than one clue", mail(8, "ann@exemple.fr", "RE: INC-99999", answering("1@exemple.fr"), "Deux pistes")},
			{"quoted history goes", mail(9, "ann@exemple.fr", "x", answering("1@exemple.fr"), "Oui.\r\n\r\nLe 12 mars 2026 à 10:05, Aide <aide@exemple.fr> a écrit :\r\n> Est-ce que SECRET ?")},
		} {
			name, raw := c.name, c.raw
			r := p.in(raw)
			if r.Outcome != intake.Replied || r.Ref != first.Ref || r.Reference != tk.Reference() {
				t.Errorf("%s: %+v", name, r)
			}
			if again := p.in(raw); !again.Known || again.Outcome != intake.Replied || again.Ref != r.Ref {
				t.Errorf("%s, again: %+v", name, again)
			}
		}
		now, said := p.see(first.Ref)
		if len(said) != 9 || now.Status != ticket.Open {
			t.Errorf("%d messages, %s", len(said), now.Status)
		}
		for _, m := range said {
			if strings.Contains(m.Body, "SECRET") || m.Channel != ticket.Mail || m.ByAgent != (m.AuthorID == "paul") {
				t.Errorf("message %+v", m)
			}
		}
	})
}

func TestNobodyJoinsByGuessing(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		first := p.in(mail(1, "ann@exemple.fr", "Salaire", "", "Confidentiel"))
		for name, raw := range map[string]string{
			"by subject":   mail(2, "eve@example.org", "RE: ["+first.Reference+"] Salaire", "", "Et moi ?"),
			"by forwarded": mail(3, "eve@example.org", "TR: Salaire", answering("1@exemple.fr"), "Et moi ?"),
		} {
			r := p.in(raw)
			tk, said := p.see(r.Ref)
			if r.Outcome != intake.Opened || r.Ref == first.Ref || len(said) != 2 || said[1].Visibility != ticket.Internal || !strings.Contains(said[1].Body, first.Reference) {
				t.Errorf("%s: %+v, %+v", name, r, said)
			}
			err := p.d.Read(t.Context(), func(tx *db.Tx) error {
				links, err := ticket.Links(t.Context(), tx, self, tk)
				if len(links) != 1 || links[0].Other.Ref() != first.Ref || links[0].Kind != ticket.Related {
					t.Errorf("%s: links %+v", name, links)
				}
				eve, ferr := ticket.Conversation(t.Context(), tx, auth.Actor{ID: tk.RequesterID}, tk)
				if len(eve) != 1 {
					t.Errorf("%s: the sender reads %+v", name, eve)
				}
				return errors.Join(err, ferr)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		unknown := p.in(mail(4, "ann@exemple.fr", "INC-99999 ne marche pas", "", "Bonjour"))
		if tk, said := p.see(unknown.Ref); unknown.Outcome != intake.Opened || len(said) != 1 || tk.Subject != "INC-99999 ne marche pas" {
			t.Errorf("an unknown reference: %+v, %+v", unknown, said)
		}
	})
}

func TestAnswersAfterTheEnd(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		ctx := t.Context()
		end := func(n int) intake.Result {
			r := p.in(mail(n, "ann@exemple.fr", "VPN", "", "Bonjour"))
			p.write(func(tx *db.Tx) error {
				_, err := ticket.Resolve(ctx, tx, paul, strings.TrimPrefix(r.Ref, "ticket/"), ticket.Resolution{Body: "Fait."})
				return err
			})
			return r
		}
		soon := end(10)
		r := p.in(mail(11, "ann@exemple.fr", "x", answering("10@exemple.fr"), "Toujours pas"))
		if tk, _ := p.see(soon.Ref); r.Ref != soon.Ref || tk.Status != ticket.Open || tk.Reopened != 1 {
			t.Errorf("soon after: %+v, %s", r, tk.Status)
		}
		late := end(20)
		*p.now = p.now.AddDate(0, 0, 8)
		r = p.in(mail(21, "ann@exemple.fr", "RE: VPN", answering("20@exemple.fr"), "De nouveau"))
		tk, said := p.see(r.Ref)
		if r.Outcome != intake.Opened || r.Ref == late.Ref || len(said) != 2 || !strings.Contains(said[1].Body, late.Reference) || tk.RequesterID != "ann" {
			t.Errorf("too late: %+v, %+v", r, said)
		}
		if old, _ := p.see(late.Ref); old.Status != ticket.Resolved {
			t.Errorf("the old one is %s", old.Status)
		}
		p.write(func(tx *db.Tx) error { _, err := ticket.CloseOld(ctx, tx); return err })
		if r := p.in(mail(22, "ann@exemple.fr", "RE: VPN", answering("20@exemple.fr"), "Encore")); r.Outcome != intake.Opened {
			t.Errorf("after the closure: %+v", r)
		}
		if r := p.in(mail(23, "ann@exemple.fr", "x", answering("21@exemple.fr"), "Suite")); r.Outcome != intake.Replied || r.Ref != tk.Ref() {
			t.Errorf("to the new one: %+v", r)
		}
	})
}

func TestAnswersFollowAMerge(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		gone := p.in(mail(1, "ann@exemple.fr", "VPN", "", "Bonjour"))
		into := p.in(mail(2, "john@example.org", "VPN", "", "Hello"))
		p.write(func(tx *db.Tx) error {
			_, err := ticket.Merge(t.Context(), tx, paul, strings.TrimPrefix(gone.Ref, "ticket/"), strings.TrimPrefix(into.Ref, "ticket/"))
			return err
		})
		for n, raw := range []string{mail(3, "ann@exemple.fr", "x", answering("1@exemple.fr"), "Suite"), mail(4, "ann@exemple.fr", "RE: ["+gone.Reference+"]", "", "Suite 2")} {
			if r := p.in(raw); r.Outcome != intake.Replied || r.Ref != into.Ref || r.Reference != into.Reference {
				t.Errorf("%d: %+v", n, r)
			}
		}
	})
}

func TestMachinesAreNotAnswered(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		first := p.in(mail(1, "ann@exemple.fr", "VPN", "", "Bonjour"))
		before := dbtest.Count(t, p.d, "message")
		for name, c := range map[string]struct{ raw, reason string }{
			"absence": {mail(2, "ann@exemple.fr", "Absence", "Auto-Submitted: auto-replied\r\n"+answering("1@exemple.fr"), "Je suis en congé"), "mail.reason.auto: auto-submitted: auto-replied"},
			"list":    {mail(3, "list@example.org", "News", "List-Id: <n.example.org>\r\n", "Hello"), "mail.reason.auto: list-id"},
			"loop":    {mail(4, "x@example.org", "VPN", "X-Entraide-Loop: aide.exemple.fr\r\n", "Bonjour"), "mail.reason.loop"},
			"us":      {mail(5, "Aide <AIDE@exemple.fr>", "VPN", "", "Bonjour"), "mail.reason.loop: AIDE@exemple.fr"},
		} {
			r := p.in(c.raw)
			if r.Outcome != intake.Ignored || r.Reason != c.reason {
				t.Errorf("%s: %+v", name, r)
			}
			if again := p.in(c.raw); !again.Known || again.Outcome != intake.Ignored || again.Reason != r.Reason {
				t.Errorf("%s, again: %+v", name, again)
			}
		}
		if n := dbtest.Count(t, p.d, "message"); n != before || dbtest.Count(t, p.d, "ticket") != 1 {
			t.Errorf("%d messages, were %d", n, before)
		}
		if tk, _ := p.see(first.Ref); tk.Status != ticket.New {
			t.Errorf("the ticket is %s", tk.Status)
		}
	})
}

const bounced = "From: MAILER-DAEMON@mail.exemple.fr\r\nTo: aide@exemple.fr\r\nSubject: Undelivered Mail Returned to Sender\r\nMessage-ID: <b%d@mail.exemple.fr>\r\nAuto-Submitted: auto-replied\r\n" +
	"Content-Type: multipart/report; report-type=delivery-status; boundary=B\r\n\r\n--B\r\n\r\nI'm sorry\r\n--B\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mail\r\n\r\n" +
	"Final-Recipient: rfc822; ann@exemple.fr\r\nAction: %s\r\nStatus: %s\r\n\r\n--B\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <%s>\r\nSubject: VPN\r\n\r\nx\r\n--B--\r\n"

func TestABounceShowsOnTheTicket(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		first := p.in(mail(1, "ann@exemple.fr", "VPN", "", "Bonjour"))
		var e channel.Envelope
		p.write(func(tx *db.Tx) (err error) {
			o := channel.Outgoing{MessageID: channel.ThreadID(strings.TrimPrefix(first.Ref, "ticket/"), "aide.exemple.fr"), Recipient: "ann@exemple.fr", Ref: first.Ref, Key: "k"}
			if e, _, err = channel.Post(t.Context(), tx, self, o, time.Time{}); err != nil {
				return err
			}
			return channel.MarkSent(t.Context(), tx, self, e.ID, "aide@exemple.fr")
		})
		state := func() channel.Envelope {
			var got channel.Envelope
			p.write(func(tx *db.Tx) (err error) { got, err = channel.Find(t.Context(), tx, admin, e.ID); return err })
			return got
		}
		if r := p.in(fmt.Sprintf(bounced, 1, "delayed", "4.4.1", e.MessageID)); r.Outcome != intake.Ignored || state().State != channel.Sent {
			t.Errorf("late: %+v, %s", r, state().State)
		}
		r := p.in(fmt.Sprintf(bounced, 2, "failed", "5.1.1", e.MessageID))
		got := state()
		if r.Outcome != intake.Ignored || r.Ref != first.Ref || got.State != channel.Failed || !strings.Contains(got.Why(i18n.Loc{Lang: i18n.EN}), "could not be delivered. ann@exemple.fr 5.1.1") {
			t.Errorf("failed: %+v, %s %s", r, got.State, got.Reason)
		}
		if _, said := p.see(first.Ref); len(said) != 2 || said[1].Visibility != ticket.Internal || !strings.Contains(said[1].Body, "ann@exemple.fr") {
			t.Errorf("on the ticket: %+v", said)
		}
		if r := p.in(fmt.Sprintf(bounced, 3, "failed", "5.1.1", "foreign@x")); r.Outcome != intake.Ignored || r.Ref != "" {
			t.Errorf("of somebody else's mail: %+v", r)
		}
	})
}

func TestAttachments(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		raw, err := os.ReadFile("../../base/mime/testdata/related-images.eml")
		if err != nil {
			t.Fatal(err)
		}
		r := p.in(string(raw))
		_, said := p.see(r.Ref)
		files := said[0].Attachments
		if len(files) == 0 {
			t.Fatal("no attachment")
		}
		shown := 0
		for _, f := range files {
			if _, err := p.store.Stat(t.Context(), f.Hash); err != nil || f.Size == 0 || f.ContentType == "" {
				t.Errorf("%+v: %v", f, err)
			}
			if strings.Contains(said[0].HTML, "/attachments/"+f.ID) {
				shown++
			}
		}
		if shown == 0 || strings.Contains(said[0].HTML, "cid:") {
			t.Errorf("pictures are not shown: %s", said[0].HTML)
		}
		var b strings.Builder
		for i := range ticket.MaxAttachments + 2 {
			fmt.Fprintf(&b, "--B\r\nContent-Type: text/csv; name=f%d.csv\r\nContent-Disposition: attachment; filename=f%d.csv\r\n\r\n%d\r\n", i, i, i)
		}
		many := p.in(mail(9, "ann@exemple.fr", "Beaucoup", "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n", "--B\r\n\r\nVoici\r\n"+b.String()+"--B--"))
		_, said = p.see(many.Ref)
		if len(said) != 2 || len(said[0].Attachments) != ticket.MaxAttachments || !strings.HasPrefix(said[1].Body, "2 fichiers de plus") {
			t.Errorf("%d messages, %d files", len(said), len(said[0].Attachments))
		}
	})
}

func TestWhatTheRoomsRefuseIsParked(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		ctx := t.Context()
		r := p.in(mail(1, "a b@@exemple", "VPN", "", "Bonjour"))
		if r.Outcome != intake.Parked || r.Reason == "" || dbtest.Count(t, p.d, "ticket") != 0 || dbtest.Count(t, p.d, "envelope") != 1 {
			t.Errorf("an address that is none: %+v", r)
		}
		if again, err := intake.Again(ctx, p.d, p.store, admin, r.Envelope, options); err != nil || again.Outcome != intake.Parked || again.Envelope != r.Envelope {
			t.Errorf("again, with the obstacle: %+v, %v", again, err)
		}
		if _, err := intake.Again(ctx, p.d, p.store, paul, r.Envelope, options); !errors.Is(err, errs.Forbidden) {
			t.Errorf("an agent tries: %v", err)
		}
		done := p.in(mail(2, "ann@exemple.fr", "VPN", "", "Bonjour"))
		if _, err := intake.Again(ctx, p.d, p.store, admin, done.Envelope, options); !errors.Is(err, errs.Conflict) {
			t.Errorf("one that was taken: %v", err)
		}
		p.write(func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE envelope SET state = 'parked', ref = '' WHERE id = $1", done.Envelope)
			return err
		})
		if again, err := intake.Again(ctx, p.d, p.store, admin, done.Envelope, options); err != nil || again.Outcome != intake.Opened || again.Envelope != done.Envelope {
			t.Errorf("again, without the obstacle: %+v, %v", again, err)
		}
	})
}

func TestWhatMayPassIsNotDecided(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		active := func(yes bool) {
			p.write(func(tx *db.Tx) error {
				_, err := tx.ExecContext(t.Context(), "UPDATE queue SET active = $1", yes)
				return err
			})
		}
		active(false)
		raw := mail(1, "new@example.org", "VPN", "", "Bonjour")
		if _, err := intake.Deliver(t.Context(), p.d, p.store, strings.NewReader(raw), options); !errors.Is(err, errs.Unavailable) {
			t.Errorf("without a queue: %v", err)
		}
		if n := dbtest.Count(t, p.d, "envelope") + dbtest.Count(t, p.d, "event"); n != 0 {
			t.Errorf("%d rows are left of it", n)
		}
		active(true)
		if r := p.in(raw); r.Outcome != intake.Opened {
			t.Errorf("later: %+v", r)
		}
	})
}

// TestWhatIsNoMessage holds that nothing a server hands over vanishes: what can never become a ticket waits, with words.
func TestWhatIsNoMessage(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		small := options
		small.Limit = 1000
		cut := options
		cut.Whole = 90 << 20
		long := mail(1, "Ann@exemple.fr", "Plan", "", strings.Repeat("a", 2000))
		for _, c := range []struct {
			name, raw, reason, subject string
			o                          intake.Options
			size                       int64
		}{
			{"empty", " \r\n", "mail.reason.empty", "", options, 3},
			{"nothing at all", "", "mail.reason.empty", "", options, 0},
			{"too long", long, channel.ReasonTooLong, "Plan", small, 1001},
			{"too long to fetch", mail(2, "ann@exemple.fr", "Film", "", "début"), channel.ReasonTooLong, "Film", cut, 90 << 20},
		} {
			for range 2 { // the second time it is known
				r, err := intake.Deliver(t.Context(), p.d, p.store, strings.NewReader(c.raw), c.o)
				if err != nil || r.Outcome != intake.Parked {
					t.Fatalf("%s: %+v, %v", c.name, r, err)
				}
				e, _ := p.trail(r.Envelope)
				if e.State != channel.Parked || !strings.HasPrefix(e.Reason, c.reason) || e.Subject != c.subject || e.Size < c.size || e.Hash == "" {
					t.Errorf("%s: %+v", c.name, e)
				}
				if c.subject != "" && (e.Sender != "ann@exemple.fr" || strings.Contains(e.Why(i18n.Loc{}), "mail.")) {
					t.Errorf("%s: of %s, %s", c.name, e.Sender, e.Why(i18n.Loc{}))
				}
				if c.subject != "" {
					if _, err := intake.Again(t.Context(), p.d, p.store, admin, r.Envelope, options); !errors.Is(err, errs.Conflict) {
						t.Errorf("%s, again: %v", c.name, err)
					}
				}
			}
		}
		if n := dbtest.Count(t, p.d, "envelope"); n != 4 {
			t.Errorf("%d envelopes", n)
		}
		if n := dbtest.Count(t, p.d, "event"); n != 1 {
			t.Errorf("administrators are told %d times in one hour", n)
		}
	})
}

func TestForemost(t *testing.T) {
	for want, to := range map[string][]string{"": nil, "a@x": {"a@x", "b@x"}, "a+1@x": {"b@x", "a+1@x", "a+2@x"}} {
		if got := intake.Foremost(to); got != want {
			t.Errorf("%v: %q, want %q", to, got, want)
		}
	}
}
