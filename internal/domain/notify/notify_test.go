package notify_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/notify"
)

var (
	ann  = auth.Actor{ID: "ann"}
	bob  = auth.Actor{ID: "bob", Roles: []auth.Role{auth.Agent}}
	self = auth.System("test")
)

// people is who is told, for both engines.
const people = `
	INSERT INTO person (id, name, name_fold, created_at, updated_at) VALUES ('ann', 'Ann', 'ann', 0, 0);
	INSERT INTO person (id, name, name_fold, created_at, updated_at) VALUES ('bob', 'Bob', 'bob', 0, 0);`

func write(t *testing.T, d *db.DB, f func(tx *db.Tx) error) {
	t.Helper()
	if err := d.Write(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, d *db.DB, person, event, ref string) {
	t.Helper()
	write(t, d, func(tx *db.Tx) error {
		return notify.Put(t.Context(), tx, self, notify.Item{Person: person, News: "own.replied", Ref: ref, EventID: event,
			Title: "[INC-1042] Le VPN\nse coupe", Actor: "Paul", Excerpt: strings.Repeat("mot ", 200), At: tx.Now})
	})
}

func list(t *testing.T, d *db.DB, a auth.Actor, p notify.Page) (items []notify.Item, next string) {
	t.Helper()
	err := d.Read(t.Context(), func(tx *db.Tx) (err error) { items, next, err = notify.List(t.Context(), tx, a, p); return err })
	if err != nil {
		t.Fatal(err)
	}
	return items, next
}

func unread(t *testing.T, d *db.DB, a auth.Actor) (n int64) {
	t.Helper()
	err := d.Read(t.Context(), func(tx *db.Tx) (err error) { n, err = notify.Unread(t.Context(), tx, a); return err })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestInboxPages(t *testing.T) {
	dbtest.Each(t, people, func(t *testing.T, d *db.DB) {
		for i := range 7 {
			put(t, d, "ann", fmt.Sprintf("e%d", i), "ticket/T")
		}
		put(t, d, "ann", "e3", "ticket/T") // the same event again
		put(t, d, "bob", "e3", "ticket/T")
		var seen []string
		for next, pages := "", 0; pages == 0 || next != ""; pages++ {
			var items []notify.Item
			items, next = list(t, d, ann, notify.Page{Before: next, Limit: 3})
			for _, i := range items {
				seen = append(seen, i.EventID)
			}
			if pages > 3 {
				t.Fatal("pages do not end")
			}
		}
		if got := strings.Join(seen, " "); got != "e6 e5 e4 e3 e2 e1 e0" {
			t.Errorf("listed %s", got)
		}
		items, _ := list(t, d, bob, notify.Page{})
		if len(items) != 1 || items[0].Title != "[INC-1042] Le VPN se coupe" || len([]rune(items[0].Excerpt)) > 200 || !items[0].ReadAt.IsZero() {
			t.Errorf("bob's = %+v", items)
		}
	})
}

func TestMarkRead(t *testing.T) {
	dbtest.Each(t, people, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		for i, ref := range []string{"ticket/A", "ticket/A", "ticket/B", "ticket/C"} {
			put(t, d, "ann", fmt.Sprintf("e%d", i), ref)
		}
		put(t, d, "bob", "e0", "ticket/A")
		bobs, _ := list(t, d, bob, notify.Page{})
		err := d.Write(ctx, func(tx *db.Tx) error { return notify.MarkRead(ctx, tx, ann, bobs[0].ID) })
		if !errors.Is(err, errs.NotFound) {
			t.Errorf("ann reads bob's: %v", err)
		}
		sub := d.Listen(func(topic string) bool { return topic == "inbox/ann" })
		defer sub.Close()
		write(t, d, func(tx *db.Tx) error { return notify.MarkRefRead(ctx, tx, ann, "ticket/A") })
		if n := unread(t, d, ann); n != 2 {
			t.Errorf("%d unread after opening A, want 2", n)
		}
		if len(sub.Take()) == 0 {
			t.Error("pages were not told")
		}
		write(t, d, func(tx *db.Tx) error { return notify.MarkRefRead(ctx, tx, ann, "ticket/A") })
		if len(sub.Take()) != 0 {
			t.Error("pages were told of nothing")
		}
		left, _ := list(t, d, ann, notify.Page{UnreadOnly: true})
		for range 2 {
			write(t, d, func(tx *db.Tx) error { return notify.MarkRead(ctx, tx, ann, left[0].ID) })
		}
		if left, _ = list(t, d, ann, notify.Page{UnreadOnly: true}); len(left) != 1 || left[0].Ref != "ticket/B" {
			t.Errorf("left = %+v", left)
		}
		write(t, d, func(tx *db.Tx) error { return notify.MarkAllRead(ctx, tx, ann) })
		if unread(t, d, ann) != 0 || unread(t, d, bob) != 1 {
			t.Error("all of ann's, none of bob's should be read")
		}
	})
}

func TestPreferences(t *testing.T) {
	dbtest.Each(t, people, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		of := func(a auth.Actor) (p []notify.Preference) {
			err := d.Read(ctx, func(tx *db.Tx) (err error) { p, err = notify.Preferences(ctx, tx, a); return err })
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		if got := of(ann); len(got) != 3 || got[0] != (notify.Preference{Topic: notify.Own, Mail: notify.Now, Inbox: true}) {
			t.Errorf("a requester's = %+v", got)
		}
		if got := of(bob); len(got) != 10 {
			t.Errorf("an agent has %d topics, want 10", len(got))
		}
		for range 2 { // twice: stored and stored again
			write(t, d, func(tx *db.Tx) error {
				return notify.SavePreferences(ctx, tx, bob, []notify.Preference{{Topic: notify.Watched, Mail: notify.Digest}})
			})
		}
		want := notify.Preference{Topic: notify.Watched, Mail: notify.Digest, Inbox: false}
		if !slices.Contains(of(bob), want) || slices.Contains(of(ann), want) {
			t.Errorf("bob's = %+v, ann's = %+v", of(bob), of(ann))
		}
		for name, bad := range map[string]notify.Preference{"topic": {Topic: "weather", Mail: notify.Now}, "mail.own": {Topic: notify.Own, Mail: "often"}} {
			err := d.Write(ctx, func(tx *db.Tx) error { return notify.SavePreferences(ctx, tx, bob, []notify.Preference{bad}) })
			if f := errs.Fields(err); len(f) != 1 || f[0].Name != name {
				t.Errorf("%s: %v", name, err)
			}
		}
		rhythm := notify.Rhythm{QuietFrom: 1200, QuietUntil: 400, DigestAt: 500}
		write(t, d, func(tx *db.Tx) error { return notify.SaveRhythm(ctx, tx, bob, rhythm) })
		err := d.Read(ctx, func(tx *db.Tx) error {
			c, err := notify.ChoicesOf(ctx, tx, self, []string{"ann", "bob"})
			if c.For("bob", notify.Watched, true) != want || c.For("ann", notify.Watched, false).Mail != notify.Now || c.For("carl", notify.Watched, true).Mail != notify.Never {
				t.Errorf("choices = %+v", c)
			}
			if c.Rhythm("bob") != rhythm || c.Rhythm("ann") != notify.DefaultRhythm() {
				t.Errorf("rhythms = %+v", c)
			}
			if _, err := notify.ChoicesOf(ctx, tx, bob, []string{"ann"}); !errors.Is(err, errs.Forbidden) {
				t.Errorf("bob reads ann's choices: %v", err)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestDigest(t *testing.T) {
	dbtest.Each(t, people, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		at := time.UnixMilli(1_700_000_000_000).UTC()
		write(t, d, func(tx *db.Tx) error {
			for _, i := range []notify.Item{
				{Person: "ann", EventID: "e2", News: "own.replied", At: at.Add(time.Hour)}, {Person: "ann", EventID: "e1", News: "own.resolved", At: at},
				{Person: "ann", EventID: "e1", News: "own.resolved", At: at}, {Person: "bob", EventID: "e1", News: "rating.bad", At: at},
			} {
				if err := notify.AddToDigest(ctx, tx, self, i); err != nil {
					return err
				}
			}
			waiting, err := notify.DigestsWaiting(ctx, tx, self)
			if len(waiting) != 2 || waiting[0] != (notify.Waiting{Person: "ann", Since: at}) {
				t.Errorf("waiting = %+v", waiting)
			}
			if err != nil {
				return err
			}
			items, err := notify.TakeDigest(ctx, tx, self, "ann")
			if len(items) != 2 || items[0].EventID != "e1" || items[1].EventID != "e2" {
				t.Errorf("taken = %+v", items)
			}
			if err != nil {
				return err
			}
			items, err = notify.TakeDigest(ctx, tx, self, "ann")
			if len(items) != 0 {
				t.Errorf("taken twice: %+v", items)
			}
			return err
		})
		if n := dbtest.Count(t, d, "digest_item"); n != 1 {
			t.Errorf("%d left, want bob's", n)
		}
	})
}

func TestPurge(t *testing.T) {
	now := time.Now().Add(100 * 24 * time.Hour) // ids are made by the real clock
	dbtest.EachWith(t, dbtest.Options{Seed: people, Now: func() time.Time { return now }}, func(t *testing.T, d *db.DB) {
		real := now
		t.Cleanup(func() { now = real })
		now = now.Add(-100 * 24 * time.Hour)
		put(t, d, "ann", "e1", "ticket/A")
		put(t, d, "ann", "e2", "ticket/B")
		write(t, d, func(tx *db.Tx) error { return notify.MarkRefRead(t.Context(), tx, ann, "ticket/A") })
		purge := func(want int64) {
			t.Helper()
			write(t, d, func(tx *db.Tx) error {
				n, err := notify.Purge(t.Context(), tx, self)
				if n != want {
					t.Errorf("purged %d, want %d", n, want)
				}
				return err
			})
		}
		purge(0)
		now = now.Add(100 * 24 * time.Hour)
		purge(1)
		now = now.Add(300 * 24 * time.Hour)
		purge(1)
	})
}

func TestEveryNewsHasItsSentence(t *testing.T) {
	topics := notify.AllTopics()
	n := 0
	for _, key := range i18n.Keys(i18n.FR) {
		news, ok := strings.CutPrefix(key, "notify.news.")
		if !ok {
			continue
		}
		n++
		if !slices.Contains(topics, notify.News(news).Topic()) {
			t.Errorf("%s belongs to no topic", key)
		}
		for _, l := range i18n.Langs() {
			if notify.News(news).Line(i18n.Loc{Lang: l}, "Paul") == "Paul" {
				t.Errorf("no sentence for %s", key)
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d sentences", n)
	}
	for _, topic := range topics {
		if topic.Label(i18n.Loc{}) == "" {
			t.Errorf("%s has no label", topic)
		}
	}
	if got := notify.News("own.reopened").Line(i18n.Loc{Lang: i18n.EN}, ""); got != "Entraide reopened your request" {
		t.Errorf("got %q", got)
	}
}
