package recipients_test

import (
	"slices"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
)

const boxes = `INSERT INTO mailbox (id, name, address, queue_id, outbound, look, active, standard, created_at, updated_at) VALUES
	('std', 'Aide', 'aide@exemple.fr', '', '{"plus":true}', '{"sender":"Support","signature_fr":"**{{agent}}**, {{queue}}","signature_en":"Yours, {{agent}}"}', TRUE, TRUE, 0, 0),
	('rh', 'RH', 'rh@exemple.fr', 'q2', '', '{}', TRUE, FALSE, 0, 0)`

func TestMailsOfAMailbox(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		ctx, seen := t.Context(), ""
		h.do(func(tx *db.Tx) error { _, err := tx.ExecContext(ctx, boxes); return err })
		tk := h.open(john, ticket.Draft{Channel: ticket.Mail, Message: ticket.Draught{Body: "It is *broken*"}})
		ack := h.mails(&seen)[0]
		if ack.MailboxID != "std" || !strings.HasPrefix(ack.Content.ReplyTo, "aide+t.") || ack.Content.FromName != "" || ack.Content.Unsubscribe != "" {
			t.Errorf("acknowledgement by %s, replies to %s", ack.MailboxID, ack.Content.ReplyTo)
		}
		var said ticket.Message
		h.do(func(tx *db.Tx) (err error) {
			said, err = ticket.Reply(ctx, tx, paul, tk.ID, ticket.Say{Draught: ticket.Draught{Body: "Try again"}})
			return err
		})
		got := h.mails(&seen)
		i := slices.IndexFunc(got, func(e channel.Envelope) bool { return strings.HasPrefix(e.Recipient, "john") })
		c := got[i].Content
		if c.FromName != "Paul Vasseur · Support" || got[i].Message != said.ID || !strings.Contains(c.Text, "Yours, Paul Vasseur") ||
			!strings.Contains(c.Text, "John Smith wrote:\n> It is broken") || !strings.Contains(c.HTML, "John Smith wrote:") {
			t.Errorf("reply: %+v", c)
		}
		err := h.d.Read(ctx, func(tx *db.Tx) error {
			target, err := channel.FindReply(ctx, tx, auth.System("t"), []string{c.ReplyTo})
			if target.Ref != tk.Ref() || target.Inside {
				t.Errorf("%s leads to %+v", c.ReplyTo, target)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		// A ticket that came by a mailbox is answered by it, wherever it goes.
		h.do(func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO envelope (id, direction, state, ref, mailbox_id, at) VALUES ('in', 'in', 'done', $1, 'rh', 1)", tk.Ref())
			return err
		})
		h.do(func(tx *db.Tx) error {
			_, err := ticket.Reply(ctx, tx, paul, tk.ID, ticket.Say{Draught: ticket.Draught{Body: "Now?"}})
			return err
		})
		for _, e := range h.mails(&seen) {
			if e.MailboxID != "rh" || e.Content.ReplyTo != "rh@exemple.fr" || !strings.Contains(e.Content.Text, "> Try again") {
				t.Errorf("by %s, replies to %s:\n%s", e.MailboxID, e.Content.ReplyTo, e.Content.Text)
			}
		}
	})
}

// Who cannot be reached is not written to, and the desk sees it.
func TestNobodyToWriteTo(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		ctx, seen := t.Context(), ""
		h.do(func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE person SET email = '', email_key = '' WHERE id = 'helene'")
			if err != nil {
				return err
			}
			_, err = channel.NoteBounce(ctx, tx, auth.System("t"), "john@example.org", "5.1.1", "no such user")
			return err
		})
		tk := h.open(helene, ticket.Draft{Watchers: []string{"john"}})
		h.mails(&seen)
		var said ticket.Message
		h.do(func(tx *db.Tx) (err error) {
			said, err = ticket.Reply(ctx, tx, paul, tk.ID, ticket.Say{Draught: ticket.Draught{Body: "Bonjour"}})
			return err
		})
		err := h.d.Read(ctx, func(tx *db.Tx) error {
			all, err := channel.DeliveryOf(ctx, tx, paul, []string{said.ID})
			d := all[said.ID]
			if d.State != channel.DeliveryFailed || d.Address != "john@example.org" || len(d.All) != 2 || d.All[1].State != channel.DeliveryNoAddress {
				t.Errorf("%+v", d)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if n := dbtest.Count(t, h.d, "job"); n != 0 {
			t.Errorf("%d mails leave", n)
		}
	})
}

// Addresses that say that nobody reads them are not acknowledged.
func TestNoAcknowledgementToNobody(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		seen := ""
		for _, address := range []string{"no-reply@example.org", "Ne-Pas-Repondre@example.org", "MAILER-DAEMON@example.org", "noreply+12@example.org"} {
			h.do(func(tx *db.Tx) error {
				_, err := tx.ExecContext(t.Context(), "UPDATE person SET email = $1, email_key = lower($1) WHERE id = 'john'", address)
				return err
			})
			h.open(john, ticket.Draft{Channel: ticket.Mail})
			if got := h.mails(&seen); len(got) != 0 {
				t.Errorf("%s is acknowledged", address)
			}
		}
	})
}

// A mail that was taken in with the decision not to acknowledge it is not acknowledged; its answer leaves all the same.
func TestQuietMailIsNotAcknowledged(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		ctx, seen := t.Context(), ""
		var tk ticket.Ticket
		h.do(func(tx *db.Tx) (err error) {
			tk, err = ticket.OpenTicket(ctx, tx, john, ticket.Draft{Subject: "Alert 512", Channel: ticket.Mail, Message: ticket.Draught{Body: "again"}})
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, `INSERT INTO envelope (id, direction, state, ref, at, trail) VALUES ('in', 'in', 'done', $1, 1, $2)`,
				tk.Ref(), db.JSON(&[]channel.Step{{Key: channel.StepQuiet}}))
			return err
		})
		if got := h.mails(&seen); len(got) != 0 {
			t.Errorf("acknowledged: %s", got[0].Content.Text)
		}
		h.do(func(tx *db.Tx) error {
			_, err := ticket.Reply(ctx, tx, paul, tk.ID, ticket.Say{Draught: ticket.Draught{Body: "Noted"}})
			return err
		})
		if got := h.mails(&seen); addresses(got) != "john" {
			t.Errorf("answer to %s", addresses(got))
		}
	})
}

// Who chose no language is written to in that of the mailbox; who did keeps theirs.
func TestStrangersReadTheMailboxsLanguage(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		seen := ""
		h.do(func(tx *db.Tx) error {
			if _, err := tx.ExecContext(t.Context(), boxes); err != nil {
				return err
			}
			if _, err := tx.ExecContext(t.Context(), "UPDATE mailbox SET lang = 'en'"); err != nil {
				return err
			}
			_, err := tx.ExecContext(t.Context(), "UPDATE person SET lang = '' WHERE id = 'john'")
			return err
		})
		for who, want := range map[*auth.Actor]string{&john: "We have received", &helene: "Nous avons bien reçu"} {
			h.open(*who, ticket.Draft{Channel: ticket.Mail})
			if got := h.mails(&seen); len(got) != 1 || !strings.Contains(got[0].Content.Text, want) {
				t.Errorf("%s: %s", who.ID, got[0].Content.Text)
			}
		}
	})
}
