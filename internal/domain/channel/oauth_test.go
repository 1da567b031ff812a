package channel_test

import (
	"bytes"
	"errors"
	"testing"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/oauth"
	"entraide/internal/base/seal"
	"entraide/internal/domain/channel"
)

func TestKeepRefresh(t *testing.T) {
	key, err := seal.New(bytes.Repeat([]byte{1}, seal.Size))
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		var m channel.Mailbox
		write(t, d, func(tx *db.Tx) (err error) {
			m, err = channel.SaveMailbox(ctx, tx, machine, key, channel.Mailbox{Name: "Aide", Address: "aide@exemple.fr"}, &channel.Secrets{RefreshToken: "r1", DKIMKey: "k"})
			return err
		})
		keep := func(old, next string) {
			t.Helper()
			write(t, d, func(tx *db.Tx) error { return channel.KeepRefresh(ctx, tx, machine, key, m.ID, old, next) })
		}
		keep("r1", "r2")
		keep("r1", "r9") // late: another process was quicker
		write(t, d, func(tx *db.Tx) error {
			now, err := channel.FindMailbox(ctx, tx, machine, m.ID)
			if err != nil {
				return err
			}
			s, err := now.Secrets(key)
			if s.RefreshToken != "r2" || s.DKIMKey != "k" || now.Version != m.Version {
				t.Errorf("kept %q of version %d", s.RefreshToken, now.Version)
			}
			return err
		})
		err := d.Write(ctx, func(tx *db.Tx) error { return channel.KeepRefresh(ctx, tx, someAgent, key, m.ID, "r2", "r3") })
		if !errors.Is(err, errs.Forbidden) {
			t.Errorf("an agent: %v", err)
		}
	})
}

func TestAppOfAMailbox(t *testing.T) {
	m := channel.Mailbox{Address: "aide@exemple.fr"}
	s := channel.Secrets{Provider: oauth.Microsoft, ClientID: "id", RefreshToken: "r"}
	if a := m.App(s, channel.Graph, channel.Credentials); a.Own != "https://graph.microsoft.com/.default" || s.Refresh(channel.Credentials) != "" {
		t.Errorf("the application's own right: %+v", a)
	}
	if a := m.App(s, channel.IMAP, channel.OAuth); a.Own != "" || len(a.Scopes) != 3 || s.Refresh(channel.OAuth) != "r" {
		t.Errorf("a person's consent: %+v", a)
	}
	s.Provider = oauth.Google
	if a := m.App(s, channel.IMAP, channel.Credentials); a.Own != "" || a.Scopes[0] != "https://mail.google.com/" {
		t.Errorf("Google has no such right: %+v", a)
	}
}
