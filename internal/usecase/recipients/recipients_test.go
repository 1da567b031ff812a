package recipients_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/event"
	"entraide/internal/base/job"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/notify"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/recipients"
)

// cast: helene asks, in French; john asks, in English, and cannot sign in; gone has left. paul, lea and marc work at
// level 1, sara at level 2; paul is away from noon on the second day and lea stands in.
const cast = `
	INSERT INTO team (id, name, level, created_at) VALUES ('team1', 'Niveau 1', 1, 0), ('team2', 'Réseau', 2, 0);
	INSERT INTO queue (id, name, team_id, level, created_at) VALUES ('q1', 'Niveau 1', 'team1', 1, 0), ('q2', 'Réseau', 'team2', 2, 0);
	INSERT INTO person (id, name, email, email_key, name_fold, lang, active, external, created_at, updated_at) VALUES
		('helene', 'Hélène Roux', 'helene@exemple.fr', 'helene@exemple.fr', 'helene roux', 'fr', TRUE, FALSE, 0, 0),
		('john', 'John Smith', 'john@example.org', 'john@example.org', 'john smith', 'en', TRUE, TRUE, 0, 0),
		('gone', 'Parti', 'gone@exemple.fr', 'gone@exemple.fr', 'parti', 'fr', FALSE, FALSE, 0, 0),
		('paul', 'Paul Vasseur', 'paul@exemple.fr', 'paul@exemple.fr', 'paul vasseur', 'fr', TRUE, FALSE, 0, 0),
		('lea', 'Léa Morin', 'lea@exemple.fr', 'lea@exemple.fr', 'lea morin', 'fr', TRUE, FALSE, 0, 0),
		('marc', 'Marc Petit', 'marc@exemple.fr', 'marc@exemple.fr', 'marc petit', 'fr', TRUE, FALSE, 0, 0),
		('sara', 'Sara Diallo', 'sara@exemple.fr', 'sara@exemple.fr', 'sara diallo', 'fr', TRUE, FALSE, 0, 0);
	INSERT INTO person_role (person_id, role) VALUES ('paul', 'agent'), ('lea', 'agent'), ('marc', 'lead'), ('sara', 'agent'), ('gone', 'agent');
	INSERT INTO team_member (person_id, team_id, leads) VALUES ('paul', 'team1', FALSE), ('lea', 'team1', FALSE), ('marc', 'team1', TRUE), ('sara', 'team2', FALSE), ('gone', 'team1', FALSE);
	INSERT INTO priority_rule (impact, urgency, priority) VALUES (3, 3, 3);`

var (
	helene = auth.Actor{ID: "helene", Name: "Hélène Roux"}
	john   = auth.Actor{ID: "john", Name: "John Smith"}
	paul   = auth.Actor{ID: "paul", Name: "Paul Vasseur", Roles: []auth.Role{auth.Agent}, Teams: []string{"team1"}}
	lea    = auth.Actor{ID: "lea", Name: "Léa Morin", Roles: []auth.Role{auth.Agent}, Teams: []string{"team1"}}
	marc   = auth.Actor{ID: "marc", Name: "Marc Petit", Roles: []auth.Role{auth.Lead}, Teams: []string{"team1"}, LeadOf: []string{"team1"}}
	sara   = auth.Actor{ID: "sara", Name: "Sara Diallo", Roles: []auth.Role{auth.Agent}, Teams: []string{"team2"}}
	admin  = auth.Actor{ID: "ad", Roles: []auth.Role{auth.Admin}}
)

// house is a database whose events are told.
type house struct {
	t      *testing.T
	d      *db.DB
	now    *time.Time
	teller recipients.Teller
}

func each(t *testing.T, f func(t *testing.T, h house)) {
	now := time.Date(2026, 3, 12, 8, 44, 0, 0, time.UTC)
	o := dbtest.Options{Seed: cast, Now: func() time.Time { return now }, Reacts: func(kind string) []string {
		if slices.Contains(recipients.Kinds(), kind) {
			return []string{recipients.Reader}
		}
		return nil
	}}
	dbtest.EachWith(t, o, func(t *testing.T, d *db.DB) {
		now = time.Date(2026, 3, 12, 8, 44, 0, 0, time.UTC)
		place := recipients.Place{Base: "https://aide.exemple.fr"}
		f(t, house{t, d, &now, recipients.Teller{Place: func() recipients.Place { return place }}})
	})
}

// do runs f, a minute later than what was before, and tells what follows.
func (h house) do(f func(tx *db.Tx) error) {
	h.t.Helper()
	*h.now = h.now.Add(time.Minute)
	if err := h.d.Write(h.t.Context(), f); err != nil {
		h.t.Fatal(err)
	}
	h.drain()
}

func (h house) drain() {
	h.t.Helper()
	r := h.teller.Reader()
	for {
		n, err := r.Drain(h.t.Context(), h.d)
		if err != nil {
			h.t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	err := h.d.Read(h.t.Context(), func(tx *db.Tx) error {
		stuck, err := event.Troubles(h.t.Context(), tx, 10)
		for _, s := range stuck {
			h.t.Errorf("%s: %s", s.Event.Kind, s.Error)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h house) open(by auth.Actor, d ticket.Draft) (t ticket.Ticket) {
	h.t.Helper()
	if d.Subject == "" {
		d.Subject = "Le VPN se coupe"
	}
	if d.Channel == "" {
		d.Channel = ticket.Portal
	}
	if d.Message.Body == "" {
		d.Message.Body = "Il se coupe **toutes** les heures."
	}
	h.do(func(tx *db.Tx) (err error) { t, err = ticket.OpenTicket(h.t.Context(), tx, by, d); return err })
	return t
}

// mails returns what was promised since the last call, oldest first.
func (h house) mails(seen *string) (list []channel.Envelope) {
	h.t.Helper()
	err := h.d.Read(h.t.Context(), func(tx *db.Tx) error {
		heads, _, err := channel.List(h.t.Context(), tx, admin, channel.Page{Direction: channel.Out, Limit: 200})
		slices.Reverse(heads)
		for _, e := range heads {
			if e.ID <= *seen {
				continue
			}
			*seen = e.ID
			full, err := channel.Find(h.t.Context(), tx, admin, e.ID)
			if err != nil {
				return err
			}
			list = append(list, full)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func addresses(list []channel.Envelope) string {
	var to []string
	for _, e := range list {
		to = append(to, strings.SplitN(e.Recipient, "@", 2)[0])
	}
	slices.Sort(to)
	return strings.Join(to, " ")
}

// inbox returns the news of a person, newest first.
func (h house) inbox(a auth.Actor) string {
	h.t.Helper()
	var news []string
	err := h.d.Read(h.t.Context(), func(tx *db.Tx) error {
		items, _, err := notify.List(h.t.Context(), tx, a, notify.Page{})
		for _, i := range items {
			news = append(news, string(i.News))
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.Join(news, " ")
}

func (h house) jobAt(e channel.Envelope) (at time.Time) {
	h.t.Helper()
	err := h.d.Read(h.t.Context(), func(tx *db.Tx) error {
		j, err := job.Find(h.t.Context(), tx, channel.JobSend, e.ID)
		at = j.RunAt
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return at
}

func TestTheLifeOfARequestIsTold(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		ctx, seen := t.Context(), ""
		tk := h.open(helene, ticket.Draft{Watchers: []string{"john", "gone"}})
		got := h.mails(&seen)
		if addresses(got) != "helene john" || h.inbox(helene) != "" || h.inbox(paul) != "queue.created" || h.inbox(sara) != "" {
			t.Fatalf("opened: mails to %s; inboxes %q %q %q", addresses(got), h.inbox(helene), h.inbox(paul), h.inbox(sara))
		}
		i := slices.IndexFunc(got, func(e channel.Envelope) bool { return strings.HasPrefix(e.Recipient, "helene") })
		ack := got[i]
		if ack.Subject != "["+tk.Reference()+"] Le VPN se coupe" || ack.Content.Auto != "auto-generated" || !strings.Contains(ack.Content.Text, "Nous avons bien reçu") ||
			strings.Contains(ack.Content.Text, "toutes") || channel.RecordOf(ack.MessageID) != tk.ID || ack.Ref != tk.Ref() || !h.jobAt(ack).Equal(*h.now) {
			t.Errorf("acknowledgement = %+v", ack)
		}
		if copied := got[1-i]; !strings.Contains(copied.Content.Text, "made you follow") || strings.Contains(copied.Content.HTML, "https://") || copied.Content.Unsubscribe != "" {
			t.Errorf("to an outsider: %s", copied.Content.Text)
		}

		h.do(func(tx *db.Tx) error { _, err := ticket.Assign(ctx, tx, marc, tk.ID, "paul", 0); return err })
		if got := h.mails(&seen); addresses(got) != "paul" || got[0].Content.Auto != "auto-generated" || h.inbox(paul) != "assigned.assigned queue.created" {
			t.Errorf("assigned: mails to %s, inbox %s", addresses(got), h.inbox(paul))
		}

		h.do(func(tx *db.Tx) error {
			if _, err := ticket.Reply(ctx, tx, paul, tk.ID, ticket.Say{Draught: ticket.Draught{Body: "Quel poste ?"}}); err != nil {
				return err
			}
			_, err := ticket.Pend(ctx, tx, paul, tk.ID, ticket.OnRequester, time.Time{}, 0)
			return err
		})
		got = h.mails(&seen)
		if addresses(got) != "helene john" || h.inbox(helene) != "own.pending" {
			t.Fatalf("asked back: mails to %s, inbox %s", addresses(got), h.inbox(helene))
		}
		i = slices.IndexFunc(got, func(e channel.Envelope) bool { return strings.HasPrefix(e.Recipient, "helene") })
		if c := got[i].Content; c.InReplyTo != ack.MessageID || !slices.Equal(c.References, []string{ack.MessageID}) || c.Auto != "" ||
			c.FromName != "Paul Vasseur · Entraide" || !strings.Contains(c.Text, "Quel poste") {
			t.Errorf("asked back: %+v", c)
		}

		h.do(func(tx *db.Tx) error {
			_, err := ticket.Reply(ctx, tx, helene, tk.ID, ticket.Say{Draught: ticket.Draught{Body: "Le 12"}, Channel: ticket.Mail})
			return err
		})
		if got := h.mails(&seen); addresses(got) != "john paul" || !strings.HasPrefix(h.inbox(paul), "activity.replied") {
			t.Errorf("answered: mails to %s, inbox %s", addresses(got), h.inbox(paul))
		}

		h.do(func(tx *db.Tx) error {
			_, err := ticket.Resolve(ctx, tx, paul, tk.ID, ticket.Resolution{Body: "Certificat renouvelé."})
			return err
		})
		got = h.mails(&seen)
		if addresses(got) != "helene john" || !strings.HasPrefix(h.inbox(helene), "own.resolved") || !strings.Contains(got[0].Content.Text+got[1].Content.Text, "?rate=good#rating") {
			t.Errorf("resolved: mails to %s, inbox %s", addresses(got), h.inbox(helene))
		}

		h.do(func(tx *db.Tx) error {
			return ticket.Rate(ctx, tx, helene, tk.ID, ticket.Rating{Score: "bad", Comment: "Trop long"})
		})
		if got := h.mails(&seen); len(got) != 0 || !strings.HasPrefix(h.inbox(paul), "rating.bad") || dbtest.Count(t, h.d, "digest_item") != 1 {
			t.Errorf("rated: mails to %s, inbox %s", addresses(got), h.inbox(paul))
		}
	})
}

func TestTellingTwiceTellsOnce(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		tk := h.open(john, ticket.Draft{Channel: ticket.Mail})
		mails, items := dbtest.Count(t, h.d, "envelope"), dbtest.Count(t, h.d, "inbox_item")
		h.do(func(tx *db.Tx) error {
			all, err := event.Of(t.Context(), tx, tk.Ref(), true)
			for _, e := range all {
				if err := h.teller.React(t.Context(), tx, e); err != nil {
					return err
				}
			}
			return err
		})
		if m, i := dbtest.Count(t, h.d, "envelope"), dbtest.Count(t, h.d, "inbox_item"); m != mails || i != items || m != 1 {
			t.Errorf("%d mails then %d, %d items then %d", mails, m, items, i)
		}
		seen := ""
		if got := h.mails(&seen); got[0].Content.Auto != "auto-replied" || !strings.Contains(got[0].Content.Text, "We have received") {
			t.Errorf("acknowledged with %+v", got[0].Content)
		}
	})
}

func TestInternalThingsStayInside(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		ctx, seen := t.Context(), ""
		tk := h.open(helene, ticket.Draft{Watchers: []string{"john", "sara"}})
		h.mails(&seen)
		h.do(func(tx *db.Tx) error {
			_, err := ticket.Note(ctx, tx, paul, tk.ID, ticket.Say{Draught: ticket.Draught{Body: "Voir @[Léa](person:lea) et @[John](person:john) : SECRET"}})
			return err
		})
		got := h.mails(&seen)
		if addresses(got) != "lea" || !strings.Contains(got[0].Content.Text, "SECRET") || !strings.HasPrefix(h.inbox(sara), "watched.noted") {
			t.Errorf("noted: mails to %s, inbox of sara %s", addresses(got), h.inbox(sara))
		}
		h.do(func(tx *db.Tx) error {
			_, _, err := ticket.Escalate(ctx, tx, paul, tk.ID, ticket.Pass{Level: 2, Reason: "SECRET", Handover: ticket.Handover{Tried: "SECRET", Known: "x", Asked: "y"}})
			return err
		})
		if got := h.mails(&seen); len(got) != 0 || h.inbox(helene) != "own.level" || !strings.HasPrefix(h.inbox(sara), "escalated.escalated") {
			t.Errorf("escalated: mails to %s, inboxes %q, %q", addresses(got), h.inbox(helene), h.inbox(sara))
		}
		err := h.d.Read(ctx, func(tx *db.Tx) error {
			items, _, err := notify.List(ctx, tx, helene, notify.Page{})
			if !strings.HasPrefix(items[0].Excerpt, "Votre demande passe au niveau 2.") {
				t.Errorf("the requester reads %q", items[0].Excerpt)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		h.do(func(tx *db.Tx) error {
			_, err := ticket.CallLead(ctx, tx, admin, tk.ID, "SECRET")
			return ignoreNoLead(err)
		})
	})
}

// ignoreNoLead: team 2 has no lead, which ends the call without a trace.
func ignoreNoLead(err error) error {
	if err != nil && strings.Contains(err.Error(), "no_lead") {
		return nil
	}
	return err
}

func TestALeadIsCalled(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		seen := ""
		tk := h.open(helene, ticket.Draft{})
		h.mails(&seen)
		h.do(func(tx *db.Tx) error {
			_, err := ticket.CallLead(t.Context(), tx, paul, tk.ID, "Le directeur attend")
			return err
		})
		got := h.mails(&seen)
		if addresses(got) != "marc" || !strings.Contains(got[0].Content.Text, "Le directeur attend") || h.inbox(helene) != "" {
			t.Errorf("mails to %s, the requester's inbox %q", addresses(got), h.inbox(helene))
		}
	})
}

func TestMergeIsToldOnce(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		seen := ""
		into := h.open(john, ticket.Draft{Subject: "Panne générale"})
		gone := h.open(helene, ticket.Draft{})
		h.mails(&seen)
		h.do(func(tx *db.Tx) error { _, err := ticket.Merge(t.Context(), tx, paul, gone.ID, into.ID); return err })
		got := h.mails(&seen)
		if addresses(got) != "helene" || !strings.Contains(got[0].Content.Text, into.Reference()) || h.inbox(helene) != "own.merged" {
			t.Errorf("mails to %s, inbox %s", addresses(got), h.inbox(helene))
		}
	})
}

func TestAReplyIsToldOnceItLeaves(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		ctx, seen := t.Context(), ""
		tk := h.open(helene, ticket.Draft{})
		h.mails(&seen)
		var kept, undone ticket.Message
		h.do(func(tx *db.Tx) (err error) {
			if kept, err = ticket.Reply(ctx, tx, paul, tk.ID, ticket.Say{Hold: true, Draught: ticket.Draught{Body: "gardée"}}); err != nil {
				return err
			}
			undone, err = ticket.Reply(ctx, tx, paul, tk.ID, ticket.Say{Hold: true, Draught: ticket.Draught{Body: "retirée"}})
			return err
		})
		if got := h.mails(&seen); len(got) != 0 {
			t.Errorf("told while held: %s", addresses(got))
		}
		h.do(func(tx *db.Tx) error { _, err := ticket.Undo(ctx, tx, paul, undone.ID); return err })
		for _, m := range []ticket.Message{undone, kept} {
			h.do(func(tx *db.Tx) error { return ticket.Release(ctx, tx, m.ID) })
		}
		if got := h.mails(&seen); addresses(got) != "helene" || !strings.Contains(got[0].Content.Text, "gardée") {
			t.Errorf("told after it left: %+v", got)
		}
	})
}

func TestDeputiesAndLeavers(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		seen := ""
		h.do(func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), "UPDATE person SET out_from = $1, out_until = $2, deputy_id = 'lea' WHERE id = 'paul'",
				db.Ms(h.now.Add(-time.Hour)), db.Ms(h.now.Add(time.Hour)))
			return err
		})
		tk := h.open(helene, ticket.Draft{})
		h.mails(&seen)
		h.do(func(tx *db.Tx) error { _, err := ticket.Assign(t.Context(), tx, marc, tk.ID, "paul", 0); return err })
		if got := h.mails(&seen); addresses(got) != "paul" || !strings.HasPrefix(h.inbox(lea), "assigned.deputy") {
			t.Errorf("mails to %s, the deputy's inbox %s", addresses(got), h.inbox(lea))
		}
		if got := h.inbox(auth.Actor{ID: "gone"}); got != "" {
			t.Errorf("who left is told %s", got)
		}
	})
}

func TestChoicesAndHours(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		ctx, seen := t.Context(), ""
		h.do(func(tx *db.Tx) error {
			if err := notify.SaveRhythm(ctx, tx, helene, notify.Rhythm{QuietFrom: 9 * 60, QuietUntil: 14 * 60, DigestAt: 480}); err != nil {
				return err
			}
			return notify.SavePreferences(ctx, tx, paul, []notify.Preference{{Topic: notify.Activity, Mail: notify.Digest}, {Topic: notify.NewQueue, Mail: notify.Never}})
		})
		tk := h.open(helene, ticket.Draft{})
		got := h.mails(&seen)
		if want := time.Date(2026, 3, 12, 13, 0, 0, 0, time.UTC); len(got) != 1 || !h.jobAt(got[0]).Equal(want) {
			t.Errorf("%d mails, the first at %s, want %s", len(got), h.jobAt(got[0]), want)
		}
		if h.inbox(paul) != "" || h.inbox(lea) != "queue.created" {
			t.Errorf("inboxes %q, %q", h.inbox(paul), h.inbox(lea))
		}
		h.do(func(tx *db.Tx) error { _, err := ticket.Take(ctx, tx, paul, tk.ID); return err })
		for _, body := range []string{"un", "deux"} {
			h.do(func(tx *db.Tx) error {
				_, err := ticket.Reply(ctx, tx, helene, tk.ID, ticket.Say{Draught: ticket.Draught{Body: body}})
				return err
			})
		}
		run := h.teller.DigestHandler(h.d).Run
		for i, at := range []time.Time{*h.now, time.Date(2026, 3, 13, 6, 59, 0, 0, time.UTC), time.Date(2026, 3, 13, 7, 0, 0, 0, time.UTC), time.Date(2026, 3, 13, 7, 5, 0, 0, time.UTC)} {
			*h.now = at
			if err := run(ctx, job.Job{}); err != nil {
				t.Fatal(err)
			}
			got := h.mails(&seen)
			if want := i == 2; (len(got) == 1) != want {
				t.Fatalf("at %s: %d digests", at, len(got))
			}
			if len(got) == 1 && (got[0].Recipient != "paul@exemple.fr" || !strings.Contains(got[0].Content.Text, "2 nouvelles") || !strings.Contains(got[0].Content.Text, "deux")) {
				t.Errorf("digest = %s", got[0].Content.Text)
			}
		}
	})
}
