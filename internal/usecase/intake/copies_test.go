package intake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"entraide/internal/base/db"
	"entraide/internal/base/event"
	"entraide/internal/base/setting"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/intake"
	"entraide/internal/usecase/react"
	"entraide/internal/usecase/recipients"

	"entraide/internal/base/db/dbtest"
)

// followers returns the addresses of those who follow a ticket, in order.
func (p post) followers(ref string) string {
	p.t.Helper()
	tk, _ := p.see(ref)
	var list []string
	err := p.d.Read(p.t.Context(), func(tx *db.Tx) error {
		watchers, err := ticket.Watchers(p.t.Context(), tx, tk)
		for _, w := range watchers {
			list = append(list, strings.ToLower(w.Email))
		}
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func copied(n int, from, to, head string) string {
	return strings.Replace(mail(n, from, "Écran", head, fmt.Sprint("Il est noir ", n)), "To: aide@exemple.fr", "To: "+to, 1)
}

func TestPeopleInCopyFollow(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		p.in(mail(1, "carl@ailleurs.example", "Autre chose", "", "Bonjour")) // makes Carl known
		const everybody = "Aide <aide@exemple.fr>, Paul <PAUL@exemple.fr>, tous@exemple.fr\r\nCc: carl@ailleurs.example, parti@exemple.fr, Ann@exemple.fr, noreply@exemple.fr, pas une adresse"
		for i, c := range []struct {
			who  intake.Copies
			want string
		}{
			{"", "carl@ailleurs.example paul@exemple.fr"},
			{intake.CopyNone, ""},
			{intake.CopyAll, "carl@ailleurs.example paul@exemple.fr tous@exemple.fr"},
		} {
			if c.who != "" {
				p.write(func(tx *db.Tx) error { return setting.Set(t.Context(), tx, admin, intake.CopiesKey, c.who) })
			}
			r := p.in(copied(10+i, "ann@exemple.fr", everybody, ""))
			if got := p.followers(r.Ref); got != c.want || r.Outcome != intake.Opened {
				t.Errorf("%q: %q follow, want %q", c.who, got, c.want)
			}
		}
	})
}

// TestTheManagersAnswerJoins is the case of a manager in copy whose "approved" became another ticket.
func TestTheManagersAnswerJoins(t *testing.T) {
	each(t, func(t *testing.T, p post) {
		p.in(mail(1, "carl@ailleurs.example", "Autre chose", "", "Bonjour"))
		first := p.in(copied(2, "ann@exemple.fr", "aide@exemple.fr\r\nCc: carl@ailleurs.example", ""))
		r := p.in(mail(3, "carl@ailleurs.example", "RE: Écran", answering("2@exemple.fr"), "Approuvé"))
		if r.Outcome != intake.Replied || r.Ref != first.Ref {
			t.Errorf("the manager's answer: %+v", r)
		}
		// Whoever only reads along does not decide who else does; whoever asked does.
		p.in(mail(4, "dora@ailleurs.example", "Autre", "", "Bonjour"))
		p.in(copied(5, "carl@ailleurs.example", "aide@exemple.fr\r\nCc: dora@ailleurs.example", answering("2@exemple.fr")))
		if got := p.followers(first.Ref); got != "carl@ailleurs.example" {
			t.Errorf("after Carl's: %q", got)
		}
		p.in(copied(6, "ann@exemple.fr", "aide@exemple.fr\r\nCc: dora@ailleurs.example", answering("2@exemple.fr")))
		if got := p.followers(first.Ref); got != "carl@ailleurs.example dora@ailleurs.example" {
			t.Errorf("after Ann's: %q", got)
		}
	})
}

// TestNobodyGetsAMailTwice holds that a mail which went to somebody directly is not sent to them once more by us.
func TestNobodyGetsAMailTwice(t *testing.T) {
	place := recipients.Place{Base: "https://aide.exemple.fr"}
	reader := recipients.Teller{Place: func() recipients.Place { return place }}.Reader()
	dbtest.EachWith(t, dbtest.Options{Seed: cast, Reacts: react.Readers}, func(t *testing.T, d *db.DB) {
		p := house(t, d)
		p.in(mail(1, "carl@ailleurs.example", "Autre chose", "", "Bonjour"))
		p.in(copied(2, "ann@exemple.fr", "aide@exemple.fr\r\nCc: carl@ailleurs.example", ""))
		p.in(copied(3, "ann@exemple.fr", "aide@exemple.fr\r\nCc: carl@ailleurs.example", answering("2@exemple.fr")))
		p.in(mail(4, "ann@exemple.fr", "x", answering("2@exemple.fr"), "Sans Carl"))
		for _, e := range p.events() {
			if err := d.Write(t.Context(), func(tx *db.Tx) error { return reader.React(t.Context(), tx, e) }); err != nil {
				t.Fatal(err)
			}
		}
		got := map[string]int{}
		err := d.Read(t.Context(), func(tx *db.Tx) error {
			list, err := db.All(t.Context(), tx, func(r db.Row, s *[2]string) error { return r.Scan(&s[0], &s[1]) },
				"SELECT recipient, subject FROM envelope WHERE direction = 'out' AND subject LIKE '%cran%'")
			for _, e := range list {
				got[strings.ToLower(e[0])]++
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if got["carl@ailleurs.example"] != 1 || got["ann@exemple.fr"] != 1 {
			t.Errorf("mails: %v, want one to Carl, of what he had not, and Ann's acknowledgement", got)
		}
	})
}

// events returns the log, oldest first.
func (p post) events() (list []event.Event) {
	p.t.Helper()
	err := p.d.Read(p.t.Context(), func(tx *db.Tx) (err error) { list, err = event.Since(p.t.Context(), tx, "", 1000); return err })
	if err != nil {
		p.t.Fatal(err)
	}
	return list
}

func TestForwardOnBehalf(t *testing.T) {
	const forwarded = "Il n'a rien compris, vois avec lui\r\n\r\n---------- Forwarded message ---------\r\nDe : Carl Dubois <Carl@ailleurs.example>\r\nDate: jeu. 12 mars 2026\r\nSubject: Badge\r\nTo: <paul@exemple.fr>\r\n\r\nMon badge ne marche plus."
	each(t, func(t *testing.T, p post) {
		r := p.in(mail(1, "paul@exemple.fr", "TR: Badge", "", forwarded))
		tk, said := p.see(r.Ref)
		if tk.Requester != "Carl Dubois" || tk.Subject != "Badge" || len(said) != 2 {
			t.Fatalf("%+v, %d messages", tk, len(said))
		}
		if said[0].Body != "Mon badge ne marche plus." || said[0].HTML != "" || said[0].Author != "Carl Dubois" || said[0].Visibility != ticket.Public {
			t.Errorf("what Carl wrote: %+v", said[0])
		}
		if said[1].Visibility != ticket.Internal || !strings.Contains(said[1].Body, "Il n'a rien compris") || !strings.Contains(said[1].Body, "Paul Vasseur") {
			t.Errorf("what Paul wrote: %+v", said[1])
		}
		p.has(r.Envelope, "from", "no_thread", "behalf", "opened")
		// His own answer joins.
		if next := p.in(mail(2, "carl@ailleurs.example", "RE: ["+r.Reference+"] Badge", "", "Alors ?")); next.Ref != r.Ref {
			t.Errorf("Carl's answer: %+v", next)
		}
		// Who is no agent asks for themselves, whatever they forward; so does whoever forwards our own mail.
		other := p.in(mail(3, "ann@exemple.fr", "TR: Badge", "", forwarded))
		if tk, _ := p.see(other.Ref); tk.RequesterID != "ann" {
			t.Errorf("Ann's forward is %s's", tk.Requester)
		}
		ours := p.in(mail(4, "paul@exemple.fr", "TR: Badge", "", strings.Replace(forwarded, "Carl@ailleurs.example", "aide@exemple.fr", 1)))
		if tk, _ := p.see(ours.Ref); tk.RequesterID != "paul" {
			t.Errorf("our own mail forwarded is %s's", tk.Requester)
		}
		if e, _ := p.trail(r.Envelope); e.State != channel.Done {
			t.Errorf("%s", e.State)
		}
	})
}

// The same when the mail is attached as a file; of several nobody can tell which is meant.
func TestForwardAsAttachment(t *testing.T) {
	part := func(from string) string {
		return "--x\r\nContent-Type: message/rfc822\r\n\r\nFrom: Carl Dubois <" + from + ">\r\nTo: paul@exemple.fr\r\nSubject: Badge\r\n\r\nMon badge ne marche plus.\r\n"
	}
	forward := func(n int, from string, parts ...string) string {
		return fmt.Sprintf("From: <%s>\r\nTo: aide@exemple.fr\r\nMessage-ID: <att%d@x>\r\nSubject: TR: Badge\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"+
			"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nVois avec lui.\r\n%s--x--\r\n", from, n, strings.Join(parts, ""))
	}
	each(t, func(t *testing.T, p post) {
		r := p.in(forward(1, "paul@exemple.fr", part("carl@ailleurs.example")))
		tk, said := p.see(r.Ref)
		if tk.Requester != "Carl Dubois" || len(said) != 2 || said[0].Body != "Mon badge ne marche plus." || len(said[0].Attachments) != 1 ||
			said[1].Visibility != ticket.Internal || !strings.Contains(said[1].Body, "Vois avec lui") {
			t.Errorf("%s asks, %+v", tk.Requester, said)
		}
		for n, raw := range []string{forward(2, "paul@exemple.fr", part("carl@ailleurs.example"), part("dora@ailleurs.example")), forward(3, "paul@exemple.fr", part("aide@exemple.fr")), forward(4, "paul@exemple.fr", part(""))} {
			if tk, _ := p.see(p.in(raw).Ref); tk.RequesterID != "paul" {
				t.Errorf("case %d is %s's", n, tk.Requester)
			}
		}
		if tk, _ := p.see(p.in(forward(5, "ann@exemple.fr", part("carl@ailleurs.example"))).Ref); tk.RequesterID != "ann" {
			t.Errorf("Ann's forward is %s's", tk.Requester)
		}
	})
}
