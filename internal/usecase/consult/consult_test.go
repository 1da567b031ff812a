package consult_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/notify"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/consult"
	"entraide/internal/usecase/recipients"
)

// cast: helene asks, jean follows, paul works at the first level, sara at another.
const cast = `
	INSERT INTO team (id, name, level, created_at) VALUES ('team1', 'Niveau 1', 1, 0), ('team2', 'Réseau', 2, 0);
	INSERT INTO queue (id, name, team_id, level, created_at) VALUES ('q1', 'Niveau 1', 'team1', 1, 0);
	INSERT INTO person (id, name, email, email_key, name_fold, lang, active, external, created_at, updated_at) VALUES
		('helene', 'Hélène Roux', 'helene@exemple.fr', 'helene@exemple.fr', 'helene roux', 'fr', TRUE, FALSE, 0, 0),
		('jean', 'Jean Roux', 'jean@exemple.fr', 'jean@exemple.fr', 'jean roux', 'fr', TRUE, FALSE, 0, 0),
		('paul', 'Paul Vasseur', 'paul@exemple.fr', 'paul@exemple.fr', 'paul vasseur', 'fr', TRUE, FALSE, 0, 0);
	INSERT INTO person_role (person_id, role) VALUES ('paul', 'agent');
	INSERT INTO team_member (person_id, team_id, leads) VALUES ('paul', 'team1', FALSE);
	INSERT INTO priority_rule (impact, urgency, priority) VALUES (3, 3, 3);
	INSERT INTO mailbox (id, name, address, outbound, active, standard, created_at, updated_at) VALUES
		('box', 'Aide', 'aide@exemple.fr', '{"plus":true}', TRUE, TRUE, 0, 0);`

var (
	place  = recipients.Place{Base: "https://aide.exemple.fr"}
	helene = auth.Actor{ID: "helene", Name: "Hélène Roux"}
	jean   = auth.Actor{ID: "jean", Name: "Jean Roux"}
	paul   = auth.Actor{ID: "paul", Name: "Paul Vasseur", Roles: []auth.Role{auth.Agent}, Teams: []string{"team1"}}
	sara   = auth.Actor{ID: "sara", Name: "Sara Diallo", Roles: []auth.Role{auth.Agent}, Teams: []string{"team2"}}
	admin  = auth.Actor{ID: "ad", Roles: []auth.Role{auth.Admin}}
)

func each(t *testing.T, f func(t *testing.T, d *db.DB, tk ticket.Ticket)) {
	o := dbtest.Options{Seed: cast, Reacts: func(kind string) []string {
		if slices.Contains(recipients.Kinds(), kind) {
			return []string{recipients.Reader}
		}
		return nil
	}}
	dbtest.EachWith(t, o, func(t *testing.T, d *db.DB) {
		var tk ticket.Ticket
		write(t, d, func(tx *db.Tx) (err error) {
			tk, err = ticket.OpenTicket(t.Context(), tx, helene, ticket.Draft{Subject: "Imprimante", Channel: ticket.Portal, Watchers: []string{"jean"},
				Message: ticket.Draught{Body: "La machine du 2e ne répond plus."}})
			if err != nil {
				return err
			}
			_, err = ticket.Note(t.Context(), tx, paul, tk.ID, ticket.Say{Draught: ticket.Draught{Body: "CLÉ SECRÈTE du contrat"}})
			return err
		})
		f(t, d, tk)
	})
}

func write(t *testing.T, d *db.DB, f func(tx *db.Tx) error) {
	t.Helper()
	if err := d.Write(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// tell lets the teller react to all that happened.
func tell(t *testing.T, d *db.DB) {
	t.Helper()
	r := recipients.Teller{Place: func() recipients.Place { return place }}.Reader()
	for {
		n, err := r.Drain(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

func ask(t *testing.T, d *db.DB, a auth.Actor, q consult.Question) (m ticket.Message, err error) {
	t.Helper()
	err = d.Write(t.Context(), func(tx *db.Tx) (err error) { m, err = consult.Ask(t.Context(), tx, a, place, q); return err })
	return m, err
}

// mails returns what went out to address, with content.
func mails(t *testing.T, d *db.DB, address string) (list []channel.Envelope) {
	t.Helper()
	err := d.Read(t.Context(), func(tx *db.Tx) error {
		all, _, err := channel.List(t.Context(), tx, admin, channel.Page{Direction: channel.Out, Limit: 200})
		for _, e := range all {
			if e.Recipient != address {
				continue
			}
			if e, err = channel.Find(t.Context(), tx, admin, e.ID); err != nil {
				return err
			}
			list = append(list, e)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestAThirdPartyIsAsked(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, tk ticket.Ticket) {
		ctx := t.Context()
		note, err := ask(t, d, paul, consult.Question{TicketID: tk.ID, Address: "Sam@Fournisseur.fr", Name: "Sam Keller", Body: "Quand passez-vous ?", Wait: true})
		if err != nil {
			t.Fatal(err)
		}
		tell(t, d)
		got := mails(t, d, "sam@fournisseur.fr")
		if len(got) != 1 {
			t.Fatalf("%d mails to the third party", len(got))
		}
		e := got[0]
		if e.Exchange == "" || e.Message != note.ID || e.MailboxID != "box" || !strings.HasPrefix(e.Content.ReplyTo, "aide+x.") || channel.RecordOf(e.MessageID) != "" ||
			e.Content.Auto != "" || e.Content.FromName != "Paul Vasseur · Entraide" || !strings.Contains(e.Content.Text, "Quand passez-vous") {
			t.Errorf("mail = %+v", e)
		}
		for _, secret := range []string{"SECRÈTE", "ne répond plus", "https://aide.exemple.fr", "helene@"} {
			if strings.Contains(e.Content.Text+e.Content.HTML, secret) {
				t.Errorf("the third party reads %q", secret)
			}
		}
		err = d.Read(ctx, func(tx *db.Tx) error {
			x, err := channel.FindExchange(ctx, tx, auth.System("t"), []string{e.MessageID}, nil)
			y, err2 := channel.FindExchange(ctx, tx, auth.System("t"), nil, []string{e.Content.ReplyTo})
			if x.Ref != tk.Ref() || x != y || x.ActorID != "paul" {
				t.Errorf("answers lead to %+v and %+v", x, y)
			}
			all, err3 := channel.DeliveryOf(ctx, tx, paul, []string{note.ID})
			if all[note.ID].State != channel.DeliveryWaiting || all[note.ID].Address != "sam@fournisseur.fr" {
				t.Errorf("delivery %+v", all[note.ID])
			}
			now, err4 := ticket.Find(ctx, tx, paul, tk.ID)
			if now.Status != ticket.Pending || now.PendingOn != ticket.OnThirdParty {
				t.Errorf("ticket is %s on %s", now.Status, now.PendingOn)
			}
			return errors.Join(err, err2, err3, err4)
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// Whoever asked, and whoever follows, sees nothing of it anywhere.
func TestTheRequesterLearnsNothing(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, tk ticket.Ticket) {
		ctx := t.Context()
		tell(t, d)
		before := len(mails(t, d, "helene@exemple.fr")) + len(mails(t, d, "jean@exemple.fr"))
		if _, err := ask(t, d, paul, consult.Question{TicketID: tk.ID, Address: "sam@fournisseur.fr", Body: "Quand passez-vous ?"}); err != nil {
			t.Fatal(err)
		}
		tell(t, d)
		if n := len(mails(t, d, "helene@exemple.fr")) + len(mails(t, d, "jean@exemple.fr")); n != before {
			t.Errorf("%d new mails", n-before)
		}
		for _, who := range []auth.Actor{helene, jean} {
			err := d.Read(ctx, func(tx *db.Tx) error {
				own, err := ticket.Find(ctx, tx, who, tk.ID)
				if err != nil {
					return err
				}
				said, err := ticket.Conversation(ctx, tx, who, own)
				if err != nil || len(said) != 1 {
					t.Errorf("%s reads %d messages, %v", who.ID, len(said), err)
				}
				line, err := ticket.Timeline(ctx, tx, who, own)
				if err != nil || slices.ContainsFunc(line, func(e event.Event) bool { return e.Internal || e.Kind == "ticket.noted" }) {
					t.Errorf("%s sees %+v, %v", who.ID, line, err)
				}
				items, _, err := notify.List(ctx, tx, who, notify.Page{})
				if slices.ContainsFunc(items, func(i notify.Item) bool { return strings.Contains(i.Excerpt, "passez") }) {
					t.Errorf("%s's inbox tells of it", who.ID)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
			err = d.Read(ctx, func(tx *db.Tx) error { _, err := channel.Exchanges(ctx, tx, who, tk.Ref()); return err })
			if !errors.Is(err, errs.Forbidden) {
				t.Errorf("%s lists exchanges: %v", who.ID, err)
			}
		}
		public, err := events(t, d, tk)
		if err != nil || slices.ContainsFunc(public, func(e event.Event) bool { return e.Kind == "ticket.noted" }) {
			t.Errorf("public events %+v, %v", public, err)
		}
	})
}

func events(t *testing.T, d *db.DB, tk ticket.Ticket) (list []event.Event, err error) {
	err = d.Read(t.Context(), func(tx *db.Tx) (err error) { list, err = event.Of(t.Context(), tx, tk.Ref(), false); return err })
	return list, err
}

func TestWhatIsChosenIsQuoted(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, tk ticket.Ticket) {
		var all []ticket.Message
		write(t, d, func(tx *db.Tx) (err error) { all, err = ticket.Conversation(t.Context(), tx, paul, tk); return err })
		for _, quote := range [][]string{{all[0].ID}, {all[0].ID, all[1].ID}} {
			if _, err := ask(t, d, paul, consult.Question{TicketID: tk.ID, Address: "sam@fournisseur.fr", Body: "?", Quote: quote}); err != nil {
				t.Fatal(err)
			}
		}
		got := mails(t, d, "sam@fournisseur.fr")
		both, one := got[0].Content.Text, got[1].Content.Text
		if !strings.Contains(one, "> La machine du 2e") || strings.Contains(one, "SECRÈTE") || !strings.Contains(both, "SECRÈTE") {
			t.Errorf("one quote:\n%s\ntwo quotes:\n%s", one, both)
		}
		if got[0].Content.InReplyTo != got[1].MessageID {
			t.Error("the second question does not follow the first")
		}
	})
}

func TestWhoMayAskWhom(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, tk ticket.Ticket) {
		var big ticket.Attachment
		write(t, d, func(tx *db.Tx) (err error) {
			big, err = ticket.Upload(t.Context(), tx, paul, ticket.Attachment{Hash: strings.Repeat("a", 64), Name: "big.iso", Size: 11 << 20})
			if err != nil {
				return err
			}
			_, err = channel.NoteBounce(t.Context(), tx, auth.System("t"), "dead@x.fr", "5.1.1", "no such user")
			return err
		})
		for name, c := range map[string]struct {
			by    auth.Actor
			q     consult.Question
			want  error
			field string
		}{
			"the requester":      {helene, consult.Question{Address: "s@f.fr", Body: "?"}, errs.Forbidden, ""},
			"a stranger":         {auth.Actor{ID: "x"}, consult.Question{Address: "s@f.fr", Body: "?"}, errs.NotFound, ""},
			"an agent elsewhere": {sara, consult.Question{Address: "s@f.fr", Body: "?"}, errs.Forbidden, ""},
			"our own address":    {paul, consult.Question{Address: "aide+x@exemple.fr", Body: "?"}, errs.Invalid, "address"},
			"who asked":          {paul, consult.Question{Address: "Helene@exemple.fr", Body: "?"}, errs.Invalid, "address"},
			"a dead address":     {paul, consult.Question{Address: "dead@x.fr", Body: "?"}, errs.Invalid, "address"},
			"no address":         {paul, consult.Question{Address: "sam", Body: "?"}, errs.Invalid, "address"},
			"nothing":            {paul, consult.Question{Address: "s@f.fr", Body: " "}, errs.Invalid, "body"},
			"too heavy":          {paul, consult.Question{Address: "s@f.fr", Body: "?", Uploads: []string{big.ID}}, errs.Invalid, "attachments"},
			"a foreign file":     {paul, consult.Question{Address: "s@f.fr", Body: "?", Files: []string{big.ID}}, errs.Invalid, "attachments"},
			"a foreign message":  {paul, consult.Question{Address: "s@f.fr", Body: "?", Quote: []string{"x"}}, errs.Invalid, "quote"},
		} {
			c.q.TicketID = tk.ID
			_, err := ask(t, d, c.by, c.q)
			f := errs.Fields(err)
			if !errors.Is(err, c.want) || c.field != "" && (len(f) != 1 || f[0].Name != c.field) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := dbtest.Count(t, d, "exchange"); n != 0 {
			t.Errorf("%d exchanges begun", n)
		}
	})
}

func TestFilesGoAlong(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, tk ticket.Ticket) {
		var f ticket.Attachment
		write(t, d, func(tx *db.Tx) (err error) {
			f, err = ticket.Upload(t.Context(), tx, paul, ticket.Attachment{Hash: strings.Repeat("b", 64), Name: "plan.png", ContentType: "image/png", Size: 100})
			return err
		})
		if _, err := ask(t, d, paul, consult.Question{TicketID: tk.ID, Address: "s@f.fr", Body: "Voir ![plan](/attachments/" + f.ID + ")", Uploads: []string{f.ID}}); err != nil {
			t.Fatal(err)
		}
		e := mails(t, d, "s@f.fr")[0]
		if len(e.Content.Files) != 1 || e.Content.Files[0].ContentID == "" || !strings.Contains(e.Content.HTML, `src="cid:`+e.Content.Files[0].ContentID+`"`) || e.At.After(time.Now().Add(time.Hour)) {
			t.Errorf("files %+v in\n%s", e.Content.Files, e.Content.HTML)
		}
	})
}
