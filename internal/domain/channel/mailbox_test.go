package channel_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/seal"
	"entraide/internal/domain/channel"
)

func TestMailbox(t *testing.T) {
	k, err := seal.New(bytes.Repeat([]byte{3}, seal.Size))
	if err != nil {
		t.Fatal(err)
	}
	admin, agent := auth.Actor{ID: "h", Roles: []auth.Role{auth.Admin}}, auth.Actor{ID: "y", Roles: []auth.Role{auth.Agent}}
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		save := func(a auth.Actor, m channel.Mailbox, s *channel.Secrets) (channel.Mailbox, error) {
			err := d.Write(t.Context(), func(tx *db.Tx) (err error) {
				m, err = channel.SaveMailbox(t.Context(), tx, a, k, m, s)
				return err
			})
			return m, err
		}
		find := func(id string) (m channel.Mailbox) {
			t.Helper()
			err := d.Read(t.Context(), func(tx *db.Tx) (err error) { m, err = channel.FindMailbox(t.Context(), tx, admin, id); return err })
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		box := channel.Mailbox{Name: "Support", Address: " Aide@Exemple.FR ", Aliases: []string{"SOS@exemple.fr", ""}, Active: true, Standard: true,
			In: channel.Inbound{Way: channel.IMAP, Host: "imap.exemple.fr", User: "aide"}}
		if _, err := save(agent, box, nil); !errors.Is(err, errs.Forbidden) {
			t.Errorf("an agent saves a mailbox: %v", err)
		}
		first, err := save(admin, box, &channel.Secrets{Password: "tr0ubadour"})
		if err != nil {
			t.Fatal(err)
		}
		got := find(first.ID)
		if got.Address != "aide@exemple.fr" || strings.Join(got.Addresses(), " ") != "aide@exemple.fr sos@exemple.fr" || got.In != box.In || got.Version != 1 {
			t.Errorf("stored %+v", got)
		}
		if strings.Contains(got.Sealed, "tr0ubadour") {
			t.Error("the password stands in the database")
		}
		got.Name = "Assistance"
		if got, err = save(admin, got, nil); err != nil {
			t.Fatal(err)
		}
		if s, err := find(first.ID).Secrets(k); err != nil || s.Password != "tr0ubadour" {
			t.Errorf("secrets after a change without any: %v", err)
		}
		if _, err := save(admin, first, nil); !errors.Is(err, errs.Conflict) {
			t.Errorf("a stale version: %v", err)
		}
		second, err := save(admin, channel.Mailbox{Name: "RH", Address: "rh@exemple.fr", Standard: true}, nil)
		if err != nil || find(first.ID).Standard {
			t.Errorf("two standard mailboxes: %v", err)
		}
		for field, m := range map[string]channel.Mailbox{
			"name":     {Address: "x@exemple.fr"},
			"address":  {Name: "X", Address: "sos@exemple.fr"}, // an alias of the first
			"aliases":  {Name: "X", Address: "x@exemple.fr", Aliases: []string{"nobody"}},
			"in_host":  {Name: "X", Address: "x@exemple.fr", In: channel.Inbound{Way: channel.IMAP}},
			"out_port": {Name: "X", Address: "x@exemple.fr", Out: channel.Outbound{Port: 70000}},
			"move_to":  {Name: "X", Address: "x@exemple.fr", In: channel.Inbound{After: channel.AfterMove}},
			"selector": {Name: "X", Address: "x@exemple.fr", Out: channel.Outbound{Domain: "exemple.fr"}},
		} {
			if _, err := save(admin, m, nil); len(errs.Fields(err)) != 1 || errs.Fields(err)[0].Name != field {
				t.Errorf("%s: %v", field, err)
			}
		}
		err = d.Write(t.Context(), func(tx *db.Tx) error { return channel.DropMailbox(t.Context(), tx, admin, second.ID) })
		if n := dbtest.Count(t, d, "mailbox"); err != nil || n != 1 {
			t.Errorf("%d mailboxes after one was dropped, %v", n, err)
		}
	})
}
