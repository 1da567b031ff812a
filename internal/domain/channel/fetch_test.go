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
	"entraide/internal/domain/channel"
)

func TestFetching(t *testing.T) {
	now := time.Date(2026, 3, 12, 8, 0, 0, 0, time.UTC)
	const boxes = `INSERT INTO mailbox (id, name, address, active, standard, created_at, updated_at) VALUES ('m', 'Aide', 'aide@exemple.fr', TRUE, FALSE, 0, 0)`
	dbtest.EachWith(t, dbtest.Options{Seed: boxes, Now: func() time.Time { return now }}, func(t *testing.T, d *db.DB) {
		now = time.Date(2026, 3, 12, 8, 0, 0, 0, time.UTC)
		ctx := t.Context()
		hold := func(holder string) (f channel.Fetch, ok bool) {
			t.Helper()
			write(t, d, func(tx *db.Tx) (err error) {
				f, ok, err = channel.Hold(ctx, tx, self, "m", holder, tx.Now.Add(2*time.Minute))
				return err
			})
			return f, ok
		}
		note := func(holder, position string, n int) (ok bool) {
			t.Helper()
			write(t, d, func(tx *db.Tx) (err error) {
				ok, err = channel.NoteFetch(ctx, tx, self, "m", holder, position, n)
				return err
			})
			return ok
		}
		if f, ok := hold("a"); !ok || f != (channel.Fetch{}) {
			t.Errorf("the first: %+v, %v", f, ok)
		}
		if _, ok := hold("b"); ok {
			t.Error("two hold one mailbox")
		}
		if !note("a", "p1", 3) || note("b", "p9", 9) {
			t.Error("the holder writes, nobody else does")
		}
		write(t, d, func(tx *db.Tx) error {
			return channel.FetchFailed(ctx, tx, self, "m", channel.Because("mail.reason.fetch_login", strings.Repeat("non ", 400)))
		})
		now = now.Add(time.Minute)
		if f, ok := hold("a"); !ok || f.Position != "p1" || f.Fetched != 3 || f.ErrorAt.IsZero() || !strings.Contains(f.Why(i18n.Loc{}), "non") {
			t.Errorf("prolonged: %+v, %v", f, ok)
		}
		now = now.Add(3 * time.Minute) // a died
		if f, ok := hold("b"); !ok || f.Position != "p1" {
			t.Errorf("taken over: %+v, %v", f, ok)
		}
		if note("a", "p0", 1) { // a was only slow: what it says counts no more
			t.Error("who lost the mailbox moves its position")
		}
		if !note("b", "p2", 1) {
			t.Error("b holds it")
		}
		write(t, d, func(tx *db.Tx) error { return channel.LetGo(ctx, tx, self, "m", "a") }) // of another: nothing
		if _, ok := hold("a"); ok {
			t.Error("a lets go of what b holds")
		}
		write(t, d, func(tx *db.Tx) error { return channel.LetGo(ctx, tx, self, "m", "b") })
		now = now.Add(time.Millisecond)
		f, ok := hold("a")
		if want := (channel.Fetch{Position: "p2", Fetched: 4, Checked: f.Checked}); !ok || f != want || f.Checked.IsZero() {
			t.Errorf("after b: %+v, %v", f, ok)
		}
		err := d.Write(ctx, func(tx *db.Tx) error {
			_, err := channel.NoteFetch(ctx, tx, auth.Actor{ID: "x", Roles: []auth.Role{auth.Admin}}, "m", "a", "p", 1)
			return err
		})
		if !errors.Is(err, errs.Forbidden) {
			t.Errorf("an administrator writes positions: %v", err)
		}
	})
}
