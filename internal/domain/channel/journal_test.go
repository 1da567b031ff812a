package channel_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/domain/channel"
)

func TestJournal(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		write(t, d, func(tx *db.Tx) error {
			for _, in := range []channel.Incoming{
				{MessageID: "1@a", Sender: "Ann@Example.org", Recipient: "aide@x.fr", Subject: "100% du disque", Key: "1", MailboxID: "box"},
				{MessageID: "2@a", Sender: "bob@example.com", Recipient: "aide@x.fr", Subject: "Le VPN tombe", Key: "2"},
				{MessageID: "3@a", Sender: "ann@example.org", Recipient: "paie@x.fr", Subject: "VPN encore", Key: "3", MailboxID: "box"},
			} {
				if _, _, err := channel.Receive(ctx, tx, self, in); err != nil {
					return err
				}
			}
			_, _, err := channel.Post(ctx, tx, self, channel.Outgoing{MessageID: "1@a", Recipient: "ann@example.org", Subject: "Re: 100 du disque", Key: "o"}, time.Time{})
			return err
		})
		now := d.Now()
		for name, try := range map[string]struct {
			f    channel.Filter
			want []string // keys, newest first
		}{
			"all":                   {channel.Filter{}, []string{"o", "3", "2", "1"}},
			"out":                   {channel.Filter{Direction: channel.Out}, []string{"o"}},
			"waiting":               {channel.Filter{State: channel.Waiting}, []string{"o"}},
			"a mailbox":             {channel.Filter{MailboxID: "box"}, []string{"3", "1"}},
			"an address, any case":  {channel.Filter{Address: "ANN@example.org"}, []string{"o", "3", "1"}},
			"a part of an address":  {channel.Filter{Address: "@example.com"}, []string{"2"}},
			"a word":                {channel.Filter{Word: "vpn"}, []string{"3", "2"}},
			"two words":             {channel.Filter{Word: "tombe vpn"}, []string{"2"}},
			"a percent is a letter": {channel.Filter{Word: "100%"}, []string{"1"}},
			"before today":          {channel.Filter{Until: now.Add(-24 * time.Hour)}, nil},
			"since an hour":         {channel.Filter{From: now.Add(-time.Hour), Until: now.Add(time.Hour), Word: "encore"}, []string{"3"}},
			"everything at once": {channel.Filter{Direction: channel.In, State: channel.Received, MailboxID: "box", Address: "ann", Word: "vpn", From: now.Add(-time.Hour)},
				[]string{"3"}},
		} {
			for _, size := range []int{0, 1} { // in one page, and page by page
				f := try.f
				f.Limit = size
				var got []string
				for {
					var list []channel.Envelope
					var next string
					err := d.Read(ctx, func(tx *db.Tx) (err error) {
						list, next, err = channel.Journal(ctx, tx, admin, f)
						return err
					})
					if err != nil {
						t.Fatal(err)
					}
					for _, e := range list {
						got = append(got, e.Key)
					}
					if f.Before = next; next == "" {
						break
					}
				}
				if !slices.Equal(got, try.want) {
					t.Errorf("%s, %d a page: %v, want %v", name, size, got, try.want)
				}
			}
		}
		err := d.Read(ctx, func(tx *db.Tx) error {
			in, err := channel.Copies(ctx, tx, admin, channel.In, "1@a")
			if err != nil || len(in) != 1 || in[0].Key != "1" {
				t.Errorf("copies %v, %v", in, err)
			}
			if none, err := channel.Copies(ctx, tx, admin, channel.In, ""); err != nil || len(none) > 0 {
				t.Errorf("mails without id are copies of each other: %v, %v", none, err)
			}
			_, _, err = channel.Journal(ctx, tx, agent, channel.Filter{})
			return err
		})
		if !errors.Is(err, errs.Forbidden) {
			t.Errorf("an agent reads the journal: %v", err)
		}
	})
}

func TestPassed(t *testing.T) {
	good, bad := channel.Check{OK: true}, channel.Check{}
	for want, list := range map[bool][][]channel.Check{true: {{good}, {good, good}}, false: {nil, {bad}, {good, bad}}} {
		for _, checks := range list {
			if channel.Passed(checks) != want {
				t.Errorf("%v passed: %v", checks, !want)
			}
		}
	}
}
