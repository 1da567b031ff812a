package channel_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/id"
	"entraide/internal/base/job"
	"entraide/internal/domain/channel"
)

var (
	machine   = auth.System("test")
	someAgent = auth.Actor{ID: "ag", Roles: []auth.Role{auth.Agent}}
	someone   = auth.Actor{ID: "re"}
)

func outgoing(address string) channel.Outgoing {
	return channel.Outgoing{MessageID: channel.ThreadID(id.New(), "h.fr"), Recipient: address, Key: id.New(), Subject: "s", Ref: "ticket/T", Message: "M"}
}

func TestHard(t *testing.T) {
	for status, want := range map[string]bool{
		"5.1.1": true, "5.1.10": true, "5.0.0": true, "5.2.1": true, "5.4.4": true, "5.4.1": true,
		"5.2.2": false, "5.7.1": false, "5.3.4": false, "5.1.8": false, "5.6.0": false, "4.1.1": false, "4.2.2": false, "": false, "5": false, "5.x.y": false,
	} {
		if got := channel.Hard(status); got != want {
			t.Errorf("Hard(%q) = %v", status, got)
		}
	}
}

func TestDeadAddresses(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		post := func(address string) (e channel.Envelope) {
			t.Helper()
			write(t, d, func(tx *db.Tx) (err error) {
				e, _, err = channel.Post(ctx, tx, machine, outgoing(address), time.Time{})
				return err
			})
			return e
		}
		for range 9 {
			write(t, d, func(tx *db.Tx) error {
				dead, err := channel.NoteBounce(ctx, tx, machine, "Full@Exemple.fr", "5.2.2", "mailbox full")
				if dead {
					t.Error("a full mailbox is not dead")
				}
				return err
			})
		}
		if e := post("full@exemple.fr"); e.State != channel.Waiting {
			t.Errorf("to a full mailbox: %s", e.State)
		}
		write(t, d, func(tx *db.Tx) error { return channel.NoteTaken(ctx, tx, machine, "full@exemple.fr") })
		write(t, d, func(tx *db.Tx) error {
			x, dead, err := channel.Dead(ctx, tx, someAgent, "full@exemple.fr")
			if dead || x.Soft != 0 {
				t.Errorf("after a success: %+v", x)
			}
			return err
		})

		write(t, d, func(tx *db.Tx) error {
			if _, err := channel.NoteBounce(ctx, tx, machine, "Gone@Exemple.fr ", "5.1.1", "550 no such user"); err != nil {
				return err
			}
			dead, err := channel.NoteBounce(ctx, tx, machine, "gone@exemple.fr", "4.4.7", "late")
			if dead {
				t.Error("a passing refusal is for good")
			}
			return err
		})
		e := post("GONE@exemple.fr")
		if e.State != channel.Failed || !strings.Contains(e.Why(i18n.Loc{}), "ne fonctionne plus") || !strings.Contains(e.Why(i18n.Loc{}), "late") {
			t.Errorf("to a dead address: %s, %s", e.State, e.Why(i18n.Loc{}))
		}
		err := d.Read(ctx, func(tx *db.Tx) error { _, err := job.Find(ctx, tx, channel.JobSend, e.ID); return err })
		if !errors.Is(err, errs.NotFound) {
			t.Errorf("a job sends it all the same: %v", err)
		}
		for who, c := range map[string]struct {
			by   auth.Actor
			want error
		}{"a requester": {someone, errs.Forbidden}, "an agent": {someAgent, nil}} {
			err := d.Write(ctx, func(tx *db.Tx) error {
				if _, err := channel.DeadAddresses(ctx, tx, c.by, 10); !errors.Is(err, c.want) {
					t.Errorf("%s lists: %v", who, err)
				}
				if err := channel.Revive(ctx, tx, c.by, "gone@exemple.fr"); !errors.Is(err, c.want) {
					t.Errorf("%s revives: %v", who, err)
				}
				return errs.Conflict // undone
			})
			if !errors.Is(err, errs.Conflict) {
				t.Error(err)
			}
		}
		write(t, d, func(tx *db.Tx) error { return channel.Revive(ctx, tx, someAgent, "gone@exemple.fr") })
		err = d.Write(ctx, func(tx *db.Tx) error { return channel.Revive(ctx, tx, someAgent, "gone@exemple.fr") })
		if e := post("gone@exemple.fr"); e.State != channel.Waiting || !errors.Is(err, errs.NotFound) {
			t.Errorf("revived: %s, again: %v", e.State, err)
		}
	})
}

func TestReplyAddresses(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx, record := t.Context(), id.New()
		box := channel.Mailbox{Address: "aide@exemple.fr", Out: channel.Outbound{Plus: true}}
		var ticket, note, exchange string
		write(t, d, func(tx *db.Tx) (err error) {
			if note, err = channel.ReplyTo(ctx, tx, machine, box, channel.ReplyNote, record); err != nil {
				return err
			}
			if ticket, err = channel.ReplyTo(ctx, tx, machine, box, channel.ReplyTicket, record); err != nil {
				return err
			}
			exchange, err = channel.ReplyTo(ctx, tx, someAgent, box, channel.ReplyExchange, record)
			return err
		})
		if !strings.HasPrefix(ticket, "aide+t.") || ticket == exchange {
			t.Fatalf("%s, %s", ticket, exchange)
		}
		local, _, _ := strings.Cut(ticket, "@")
		for name, c := range map[string]struct{ address, ref, exchange string }{
			"as written":           {ticket, "ticket/" + record, ""},
			"shouted":              {strings.ToUpper(ticket), "ticket/" + record, ""},
			"on another host":      {local + "@autre.fr", "ticket/" + record, ""},
			"of an exchange":       {exchange, "", record},
			"of a note":            {note, "ticket/" + record, ""},
			"another letter":       {strings.Replace(ticket, "+t.", "+x.", 1), "", ""},
			"a note made public":   {strings.Replace(note, "+n.", "+t.", 1), "", ""},
			"a guess":              {local[:len(local)-1] + "0@exemple.fr", "", ""},
			"another ticket":       {strings.Replace(ticket, strings.ToLower(record), strings.ToLower(id.New()), 1), "", ""},
			"the mailbox":          {"aide@exemple.fr", "", ""},
			"nothing":              {"", "", ""},
			"a check and no more":  {"aide+t.x.y@exemple.fr", "", ""},
			"somebody else's plus": {"aide+bonjour@exemple.fr", "", ""},
		} {
			write(t, d, func(tx *db.Tx) error {
				got, err := channel.FindReply(ctx, tx, machine, []string{"else@exemple.fr", c.address})
				if got.Ref != c.ref || got.Exchange != c.exchange || got.Inside != (name == "of a note") {
					t.Errorf("%s (%s): %+v", name, c.address, got)
				}
				return err
			})
		}
		write(t, d, func(tx *db.Tx) error {
			long := channel.Mailbox{Address: strings.Repeat("a", 40) + "@exemple.fr", Out: box.Out}
			for _, m := range []channel.Mailbox{{Address: "aide@exemple.fr"}, long} {
				if got, err := channel.ReplyTo(ctx, tx, machine, m, channel.ReplyTicket, record); got != m.Address || err != nil {
					t.Errorf("%s: %s, %v", m.Address, got, err)
				}
			}
			return nil
		})
	})
}

func TestMailboxFor(t *testing.T) {
	const boxes = `INSERT INTO mailbox (id, name, address, queue_id, active, standard, created_at, updated_at) VALUES
		('std', 'S', 'std@exemple.fr', '', TRUE, TRUE, 0, 0), ('rh', 'R', 'rh@exemple.fr', 'qrh', TRUE, FALSE, 0, 0),
		('off', 'O', 'off@exemple.fr', 'qoff', FALSE, FALSE, 0, 0), ('any', 'A', 'any@exemple.fr', '', TRUE, FALSE, 0, 0);`
	dbtest.Each(t, boxes, func(t *testing.T, d *db.DB) {
		for _, c := range []struct{ queue, cameBy, want string }{
			{"q", "", "std"}, {"", "", "std"}, {"qrh", "", "rh"}, {"qrh", "any", "any"}, {"qoff", "", "std"}, {"qrh", "off", "rh"}, {"q", "gone", "std"},
		} {
			write(t, d, func(tx *db.Tx) error {
				m, ok, err := channel.MailboxFor(t.Context(), tx, machine, c.queue, c.cameBy)
				if m.ID != c.want || !ok {
					t.Errorf("queue %q, came by %q: %q", c.queue, c.cameBy, m.ID)
				}
				return err
			})
		}
		write(t, d, func(tx *db.Tx) error {
			if _, err := tx.ExecContext(t.Context(), "UPDATE mailbox SET active = FALSE"); err != nil {
				return err
			}
			if _, ok, err := channel.MailboxFor(t.Context(), tx, machine, "qrh", "any"); ok || err != nil {
				t.Errorf("an inactive one: %v", err)
			}
			for i, by := range []string{"rh", "any"} {
				_, _, err := channel.Receive(t.Context(), tx, machine, channel.Incoming{Key: by, MailboxID: by})
				if err != nil {
					return err
				}
				_, err = tx.ExecContext(t.Context(), "UPDATE envelope SET ref = 'ticket/T', at = $1 WHERE key = $2", 100-i, by)
				if err != nil {
					return err
				}
			}
			if by, err := channel.CameBy(t.Context(), tx, machine, "ticket/T"); by != "any" || err != nil {
				t.Errorf("came by %q, %v", by, err)
			}
			return nil
		})
	})
}

func TestDeliveryOf(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		write(t, d, func(tx *db.Tx) error {
			for _, address := range []string{"sent@x.fr", "waits@x.fr", "back@x.fr"} {
				e, _, err := channel.Post(ctx, tx, machine, outgoing(address), time.Time{})
				if err == nil && address == "sent@x.fr" {
					err = channel.MarkSent(ctx, tx, machine, e.ID, "aide@x.fr")
				}
				if err == nil && address == "back@x.fr" {
					_, err = channel.Bounced(ctx, tx, machine, e.MessageID, channel.Because("mail.reason.bounce", "5.1.1 no such user"))
				}
				if err != nil {
					return err
				}
			}
			alone := outgoing("")
			alone.Message = "N"
			return channel.NoAddress(ctx, tx, machine, alone)
		})
		write(t, d, func(tx *db.Tx) error {
			if _, err := channel.Resend(ctx, tx, someone, "M"); !errors.Is(err, errs.Forbidden) {
				t.Errorf("a requester sends again: %v", err)
			}
			n, err := channel.Resend(ctx, tx, someAgent, "M")
			if err == nil {
				var all map[string]channel.Delivery
				if all, err = channel.DeliveryOf(ctx, tx, someAgent, []string{"M", "N", "else"}); n != 1 || all["M"].State != channel.DeliveryWaiting {
					t.Errorf("%d leave again, now %s", n, all["M"].State)
				}
			}
			if err == nil {
				_, err = tx.ExecContext(ctx, "UPDATE envelope SET state = 'failed', reason = 'mail.reason.bounce: 5.1.1 no such user' WHERE recipient = 'back@x.fr'")
			}
			return err
		})
		err := d.Read(ctx, func(tx *db.Tx) error {
			if _, err := channel.DeliveryOf(ctx, tx, someone, []string{"M"}); !errors.Is(err, errs.Forbidden) {
				t.Errorf("a requester: %v", err)
			}
			all, err := channel.DeliveryOf(ctx, tx, someAgent, []string{"M", "N", "else"})
			got := all["M"]
			if got.State != channel.DeliveryBounced || got.Address != "back@x.fr" || len(got.All) != 3 || got.All[1].State != channel.DeliveryWaiting ||
				got.All[2].State != channel.DeliverySent || !strings.Contains(got.Why(i18n.Loc{}), "no such user") {
				t.Errorf("%+v", got)
			}
			if n := all["N"]; n.State != channel.DeliveryNoAddress || !strings.Contains(n.Why(i18n.Loc{Lang: i18n.EN}), "no address") {
				t.Errorf("%+v", n)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestExchanges(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		var x channel.Exchange
		write(t, d, func(tx *db.Tx) (err error) {
			if _, err := channel.OpenExchange(ctx, tx, someone, "ticket/T", "s@fournisseur.fr", ""); !errors.Is(err, errs.Forbidden) {
				t.Errorf("a requester: %v", err)
			}
			if x, err = channel.OpenExchange(ctx, tx, someAgent, "ticket/T", "S@Fournisseur.fr", "Sam"); err != nil {
				return err
			}
			again, err := channel.OpenExchange(ctx, tx, machine, "ticket/T", "s@fournisseur.fr", "")
			if again != x {
				t.Errorf("again: %+v, first %+v", again, x)
			}
			return err
		})
		o := outgoing("s@fournisseur.fr")
		o.MessageID, o.Exchange = channel.ExchangeMessageID(x.ID, "h.fr"), x.ID
		write(t, d, func(tx *db.Tx) error {
			if channel.RecordOf(o.MessageID) != "" {
				t.Error("the id of an exchange's mail leads to the ticket")
			}
			if _, _, err := channel.Post(ctx, tx, machine, o, time.Time{}); err != nil {
				return err
			}
			if _, _, err := channel.Post(ctx, tx, machine, outgoing("re@x.fr"), time.Time{}); err != nil {
				return err
			}
			found, err := channel.FindExchange(ctx, tx, machine, []string{"else@x", o.MessageID}, []string{"aide@exemple.fr"})
			if found != x {
				t.Errorf("by the ids it cites: %+v", found)
			}
			if _, err := channel.FindExchange(ctx, tx, machine, []string{channel.ExchangeMessageID(x.ID, "h.fr")}, nil); !errors.Is(err, errs.NotFound) {
				t.Errorf("by an id that we never sent: %v", err)
			}
			if ref, err := channel.FindThread(ctx, tx, machine, []string{o.MessageID}); ref.Ref != "" || err != nil {
				t.Errorf("an exchange's mail leads to %v, %v", ref, err)
			}
			ids, err2 := channel.ExchangeThread(ctx, tx, someAgent, x.ID)
			if len(ids) != 1 || ids[0] != o.MessageID {
				t.Errorf("thread %v", ids)
			}
			return errors.Join(err, err2)
		})
	})
}

func TestAttempts(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		var e channel.Envelope
		write(t, d, func(tx *db.Tx) (err error) {
			e, _, err = channel.Post(ctx, tx, machine, outgoing("a@x.fr"), time.Time{})
			return err
		})
		begin := func(known channel.Attempt) (x channel.Attempt, err error) {
			err = d.Write(ctx, func(tx *db.Tx) (err error) { x, err = channel.Begin(ctx, tx, machine, e.ID, known); return err })
			return x, err
		}
		first, err := begin(channel.Attempt{})
		if err != nil || first.Doubts != 1 {
			t.Fatalf("%+v, %v", first, err)
		}
		if _, err := begin(channel.Attempt{}); !errors.Is(err, errs.Conflict) {
			t.Errorf("two at once: %v", err)
		}
		write(t, d, func(tx *db.Tx) error { return channel.Refused(ctx, tx, machine, e.ID) })
		if _, err := begin(channel.Attempt{}); err != nil {
			t.Errorf("after a clear no: %v", err)
		}
		write(t, d, func(tx *db.Tx) error { return channel.MarkSent(ctx, tx, machine, e.ID, "b@x.fr") })
		if _, err := begin(channel.Attempt{Doubts: 1}); !errors.Is(err, errs.Conflict) {
			t.Errorf("after it was sent: %v", err)
		}
	})
}
