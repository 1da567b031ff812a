package channel_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/id"
	"entraide/internal/base/job"
	"entraide/internal/domain/channel"
)

var (
	self  = auth.System("test")
	admin = auth.Actor{ID: "ad", Roles: []auth.Role{auth.Admin}}
	agent = auth.Actor{ID: "ag", Roles: []auth.Role{auth.Agent}}
)

func write(t *testing.T, d *db.DB, f func(tx *db.Tx) error) {
	t.Helper()
	if err := d.Write(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func mail(key string) channel.Incoming {
	return channel.Incoming{MessageID: key + "@mail.example.org", Sender: "ann@example.org", Recipient: "aide@example.fr", Subject: "VPN", Key: key}
}

func TestTheSameMailComesInOnce(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		var mu sync.Mutex
		fresh, ids := 0, map[string]bool{}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					e, isNew, err := channel.Receive(t.Context(), tx, self, mail("m1"))
					mu.Lock()
					defer mu.Unlock()
					if ids[e.ID] = true; isNew {
						fresh++
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if fresh != 1 || len(ids) != 1 || dbtest.Count(t, d, "envelope") != 1 {
			t.Errorf("%d fresh, ids %v", fresh, ids)
		}
	})
}

func TestDecisions(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		var done, ignored, parked channel.Envelope
		write(t, d, func(tx *db.Tx) (err error) {
			for key, e := range map[string]*channel.Envelope{"a": &done, "b": &ignored, "c": &parked} {
				if *e, _, err = channel.Receive(ctx, tx, self, mail(key)); err != nil {
					return err
				}
			}
			return errors.Join(channel.MarkDone(ctx, tx, self, done.ID, "ticket/T1", "M1"),
				channel.Ignore(ctx, tx, self, ignored.ID, "an absence note", ""), channel.Park(ctx, tx, self, parked.ID, "no sender"))
		})
		err := d.Write(ctx, func(tx *db.Tx) error { return channel.Ignore(ctx, tx, self, done.ID, "changed my mind", "") })
		if !errors.Is(err, errs.NotFound) {
			t.Errorf("deciding twice: %v", err)
		}
		write(t, d, func(tx *db.Tx) error { return channel.MarkDone(ctx, tx, self, parked.ID, "ticket/T2", "M2") })
		err = d.Read(ctx, func(tx *db.Tx) error {
			e, err := channel.Find(ctx, tx, admin, done.ID)
			if e.State != channel.Done || e.Ref != "ticket/T1" || e.Message != "M1" || e.DoneAt.IsZero() {
				t.Errorf("done = %+v", e)
			}
			if _, err := channel.Find(ctx, tx, agent, done.ID); !errors.Is(err, errs.Forbidden) {
				t.Errorf("an agent looks: %v", err)
			}
			for _, c := range []struct {
				ids  []string
				want string
			}{
				{[]string{"x@y", "c@mail.example.org", "a@mail.example.org"}, "ticket/T2"},
				{[]string{"a@mail.example.org", "c@mail.example.org"}, "ticket/T1"},
				{[]string{"b@mail.example.org", ""}, ""},
				{nil, ""},
			} {
				if got, err := channel.FindThread(ctx, tx, self, c.ids); got.Ref != c.want || got.Ancestor || err != nil {
					t.Errorf("FindThread(%v) = %+v, %v", c.ids, got, err)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func out(key string) channel.Outgoing {
	return channel.Outgoing{MessageID: channel.ThreadID(id.New(), "aide.example.fr"), Recipient: "ann@example.org", Subject: "[INC-1] VPN",
		Ref: "ticket/T1", Key: key, Content: channel.Content{Text: "Bonjour", References: []string{"a@b", "c@d"}}}
}

func TestPostPromisesOnce(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		at := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
		var first channel.Envelope
		for i := range 2 {
			write(t, d, func(tx *db.Tx) error {
				e, fresh, err := channel.Post(ctx, tx, self, out("e1 ann"), at)
				if i == 0 {
					first = e
				}
				if fresh != (i == 0) || e.ID != first.ID || e.MessageID != first.MessageID {
					t.Errorf("post %d: fresh %v, %+v", i, fresh, e)
				}
				return err
			})
		}
		write(t, d, func(tx *db.Tx) error {
			j, err := job.Find(ctx, tx, channel.JobSend, first.ID)
			var p channel.Promise
			if err != nil || !j.RunAt.Equal(at) || j.Decode(&p) != nil || p.Envelope != first.ID {
				t.Errorf("job = %+v, %v", j, err)
			}
			e, err := channel.Find(ctx, tx, self, first.ID)
			if !slices.Equal(e.Content.References, []string{"a@b", "c@d"}) || e.State != channel.Waiting {
				t.Errorf("stored = %+v", e)
			}
			return err
		})
		for name, o := range map[string]channel.Outgoing{"key": {MessageID: "a@b", Recipient: "x@y"}, "recipient": {MessageID: "a@b", Key: "k"}} {
			err := d.Write(ctx, func(tx *db.Tx) error { _, _, err := channel.Post(ctx, tx, self, o, at); return err })
			if !errors.Is(err, errs.Invalid) {
				t.Errorf("without %s: %v", name, err)
			}
		}
		if n := dbtest.Count(t, d, "job"); n != 1 {
			t.Errorf("%d jobs, want 1", n)
		}
	})
}

func TestTroublesAndRetry(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		var e [4]channel.Envelope
		write(t, d, func(tx *db.Tx) (err error) {
			for i := range e {
				if e[i], _, err = channel.Post(ctx, tx, self, out(fmt.Sprint("k", i)), time.Time{}); err != nil {
					return err
				}
			}
			return errors.Join(channel.MarkSent(ctx, tx, self, e[0].ID, "aide@example.fr"), channel.MarkFailed(ctx, tx, self, e[1].ID, "550 no such user"),
				channel.Delay(ctx, tx, self, e[2].ID, "no mail server"))
		})
		troubles := func() string {
			var ids []string
			err := d.Read(ctx, func(tx *db.Tx) error {
				list, err := channel.Troubles(ctx, tx, admin, 50)
				for _, e := range list {
					ids = append(ids, e.Key+" "+e.Reason)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return strings.Join(ids, ", ")
		}
		if got := troubles(); got != "k2 no mail server, k1 550 no such user" {
			t.Errorf("troubles = %s", got)
		}
		write(t, d, func(tx *db.Tx) error { return channel.Retry(ctx, tx, admin, e[1].ID) })
		if got := troubles(); got != "k2 no mail server" {
			t.Errorf("after retry = %s", got)
		}
		for who, c := range map[string]struct {
			a    auth.Actor
			id   string
			want error
		}{"an agent": {agent, e[1].ID, errs.Forbidden}, "a sent one": {admin, e[0].ID, errs.NotFound}} {
			err := d.Write(ctx, func(tx *db.Tx) error { return channel.Retry(ctx, tx, c.a, c.id) })
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v", who, err)
			}
		}
		var ref string
		write(t, d, func(tx *db.Tx) (err error) {
			ref, err = channel.Bounced(ctx, tx, self, e[0].MessageID, "5.1.1 unknown user")
			return err
		})
		if got := troubles(); ref != "ticket/T1" || got != "k2 no mail server, k0 5.1.1 unknown user" {
			t.Errorf("after the bounce = %s of %s", got, ref)
		}
	})
}

func TestListPages(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		write(t, d, func(tx *db.Tx) error {
			for i := range 5 {
				if _, _, err := channel.Post(ctx, tx, self, out(fmt.Sprint("k", i)), time.Time{}); err != nil {
					return err
				}
			}
			_, _, err := channel.Receive(ctx, tx, self, mail("in"))
			return err
		})
		var keys []string
		p := channel.Page{Direction: channel.Out, Limit: 2}
		for i := 0; i == 0 || p.Before != ""; i++ {
			err := d.Read(ctx, func(tx *db.Tx) error {
				list, next, err := channel.List(ctx, tx, admin, p)
				for _, e := range list {
					keys = append(keys, e.Key)
				}
				p.Before = next
				return err
			})
			if err != nil || i > 5 {
				t.Fatal(i, err)
			}
		}
		if got := strings.Join(keys, " "); got != "k4 k3 k2 k1 k0" {
			t.Errorf("listed %s", got)
		}
	})
}

func TestThreadNamesOneCorrespondent(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		write(t, d, func(tx *db.Tx) error {
			e, _, err := channel.Receive(ctx, tx, self, mail("first"))
			if err != nil {
				return err
			}
			if err := channel.MarkDone(ctx, tx, self, e.ID, "ticket/T1", "M1"); err != nil {
				return err
			}
			for i := range 25 {
				o := out(fmt.Sprint("k", i))
				o.MessageID = fmt.Sprintf("o%d@x", i)
				if i == 3 {
					o.Recipient = "bob@example.org"
				}
				if _, _, err := channel.Post(ctx, tx, self, o, time.Time{}); err != nil {
					return err
				}
			}
			ids, err := channel.References(ctx, tx, self, "ticket/T1", "Ann@Example.org")
			if len(ids) != 20 || ids[0] != "first@mail.example.org" || ids[19] != "o24@x" || slices.Contains(ids, "o3@x") {
				t.Errorf("thread = %v", ids)
			}
			return err
		})
	})
}

func TestRecordOf(t *testing.T) {
	ticket := id.New()
	for in, want := range map[string]string{
		channel.ThreadID(ticket, "aide.example.fr"): ticket,
		"t." + ticket + ".x@aide.example.fr":        "",
		"t." + ticket + "@aide.example.fr":          "",
		"CAF=x.y.z@mail.gmail.com":                  "",
		"t.a.b@x":                                   "",
		"":                                          "",
	} {
		if got := channel.RecordOf(in); got != want {
			t.Errorf("RecordOf(%s) = %s, want %s", in, got, want)
		}
	}
}
