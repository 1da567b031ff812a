package mailout_test

import (
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
)

const cast = `
	INSERT INTO team (id, name, level, created_at) VALUES ('team1', 'Niveau 1', 1, 0);
	INSERT INTO queue (id, name, team_id, level, created_at) VALUES ('q1', 'Niveau 1', 'team1', 1, 0);
	INSERT INTO person (id, name, email, email_key, name_fold, lang, active, external, created_at, updated_at) VALUES
		('helene', 'Hélène', 'helene@exemple.fr', 'helene@exemple.fr', 'helene', 'fr', TRUE, FALSE, 0, 0),
		('paul', 'Paul', 'paul@exemple.fr', 'paul@exemple.fr', 'paul', 'fr', TRUE, FALSE, 0, 0);
	INSERT INTO priority_rule (impact, urgency, priority) VALUES (3, 3, 3);`

// What the desk said and did not arrive is written on the ticket, once, where the requester does not read it; a failed
// mail about such a note brings forth no other.
func TestTheDeskLearnsWhatDidNotArrive(t *testing.T) {
	helene := auth.Actor{ID: "helene", Name: "Hélène"}
	paul := auth.Actor{ID: "paul", Name: "Paul", Roles: []auth.Role{auth.Agent}, Teams: []string{"team1"}}
	dbtest.Each(t, cast, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		var tk ticket.Ticket
		var said, noted, asked ticket.Message
		err := d.Write(ctx, func(tx *db.Tx) (err error) {
			if tk, err = ticket.OpenTicket(ctx, tx, helene, ticket.Draft{Subject: "VPN", Channel: ticket.Portal, Message: ticket.Draught{Body: "?"}}); err != nil {
				return err
			}
			say := ticket.Say{Draught: ticket.Draught{Body: "Bonjour"}}
			if said, err = ticket.Reply(ctx, tx, paul, tk.ID, say); err != nil {
				return err
			}
			if noted, err = ticket.Note(ctx, tx, paul, tk.ID, say); err != nil {
				return err
			}
			asked, err = ticket.Reply(ctx, tx, helene, tk.ID, say)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		never := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "not wanted"}
		c, _ := start(t, &server{refuse: map[string][]*smtp.SMTPError{"a@x.fr": {never, never, never, never}}}, false)
		for _, m := range []struct{ message, exchange string }{{said.ID, ""}, {noted.ID, ""}, {asked.ID, ""}, {noted.ID, "x"}} {
			run(t, sender(d, c), post(t, d, func(o *channel.Outgoing) {
				o.Recipient, o.Ref, o.Message, o.Exchange = "a@x.fr", tk.Ref(), m.message, m.exchange
			}), channel.Failed)
		}
		err = d.Read(ctx, func(tx *db.Tx) error {
			all, err := ticket.Conversation(ctx, tx, paul, tk)
			var told []ticket.Message
			for _, m := range all {
				if strings.Contains(m.Body, "n’est pas arrivé") && strings.Contains(m.Body, "550 5.7.1 not wanted") {
					told = append(told, m)
				}
			}
			if len(told) != 2 || told[0].Visibility != ticket.Internal || len(all) != 6 {
				t.Errorf("%d of %d messages tell: %+v", len(told), len(all), told)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}
