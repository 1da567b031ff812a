package draft_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/domain/draft"
)

const people = `
	INSERT INTO person (id, name, name_fold, created_at, updated_at) VALUES ('ann', 'Ann', 'ann', 0, 0);
	INSERT INTO person (id, name, name_fold, created_at, updated_at) VALUES ('bob', 'Bob', 'bob', 0, 0);`

var ann, bob = auth.Actor{ID: "ann"}, auth.Actor{ID: "bob", Roles: []auth.Role{auth.Admin}}

// desk is the two or three calls that every test makes.
type desk struct {
	t *testing.T
	d *db.DB
}

func (k desk) save(a auth.Actor, key, body string, seen int64) (got draft.Draft, err error) {
	err = k.d.Write(k.t.Context(), func(tx *db.Tx) error {
		got, err = draft.Save(k.t.Context(), tx, a, key, json.RawMessage(body), seen)
		return err
	})
	return got, err
}

func (k desk) get(a auth.Actor, key string) (got draft.Draft, err error) {
	err = k.d.Read(k.t.Context(), func(tx *db.Tx) error { got, err = draft.Get(k.t.Context(), tx, a, key); return err })
	return got, err
}

func (k desk) discard(a auth.Actor, key string) {
	k.t.Helper()
	err := k.d.Write(k.t.Context(), func(tx *db.Tx) error { return draft.Delete(k.t.Context(), tx, a, key) })
	if err != nil {
		k.t.Fatal(err)
	}
}

func TestTwoTabs(t *testing.T) {
	dbtest.Each(t, people, func(t *testing.T, d *db.DB) {
		k := desk{t, d}
		first, err := k.save(ann, "ticket/T1/public", `{"body": "Bonjour"}`, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.save(ann, "ticket/T1/public", `{"body":"autre onglet"}`, 0); !errors.Is(err, errs.Conflict) {
			t.Errorf("a second tab that knew of no draft: %v", err)
		}
		second, err := k.save(ann, "ticket/T1/public", `{"body":"Bonjour Paul"}`, first.Version)
		if err != nil || second.Version == first.Version {
			t.Fatalf("second save = %+v, %v", second, err)
		}
		if _, err := k.save(ann, "ticket/T1/public", `{"body":"vieux"}`, first.Version); !errors.Is(err, errs.Conflict) {
			t.Errorf("a tab that fell behind: %v", err)
		}
		got, err := k.get(ann, "ticket/T1/public")
		if err != nil || string(got.Body) != `{"body":"Bonjour Paul"}` || got.Version != second.Version {
			t.Errorf("stored = %s, %v", got.Body, err)
		}
		k.discard(ann, "ticket/T1/public")
		if _, err := k.save(ann, "ticket/T1/public", `{"body":"trop tard"}`, second.Version); !errors.Is(err, errs.Conflict) {
			t.Errorf("a tab that did not see it sent: %v", err)
		}
	})
}

func TestVersionsAreNotGivenTwice(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	dbtest.EachWith(t, dbtest.Options{Seed: people, Now: func() time.Time { now = now.Add(time.Second); return now }}, func(t *testing.T, d *db.DB) {
		k := desk{t, d}
		old, err := k.save(ann, "ticket/new", `{}`, 0)
		if err != nil {
			t.Fatal(err)
		}
		k.discard(ann, "ticket/new")
		if _, err := k.save(ann, "ticket/new", `{"subject":"nouveau"}`, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := k.save(ann, "ticket/new", `{}`, old.Version); !errors.Is(err, errs.Conflict) {
			t.Errorf("the old tab overwrote the new draft: %v", err)
		}
	})
}

func TestDraftsAreOnesOwn(t *testing.T) {
	dbtest.Each(t, people, func(t *testing.T, d *db.DB) {
		k := desk{t, d}
		if _, err := k.save(ann, "ticket/new", `{"subject":"secret"}`, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := k.get(bob, "ticket/new"); !errors.Is(err, errs.NotFound) {
			t.Errorf("an administrator reads it: %v", err)
		}
		k.discard(bob, "ticket/new")
		if _, err := k.get(ann, "ticket/new"); err != nil {
			t.Errorf("after another one discarded theirs: %v", err)
		}
		for _, nobody := range []auth.Actor{{}, auth.System("test")} {
			if _, err := k.save(nobody, "ticket/new", `{}`, 0); !errors.Is(err, errs.Forbidden) {
				t.Errorf("nobody saves: %v", err)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	dbtest.Each(t, people, func(t *testing.T, d *db.DB) {
		k := desk{t, d}
		for name, c := range map[string]struct{ key, body, field string }{
			"no key":      {"", `{}`, "key"},
			"odd key":     {"ticket/../x y", `{}`, "key"},
			"no JSON":     {"ticket/new", `{"a"`, "body"},
			"not a form":  {"ticket/new", `["a"]`, "body"},
			"far too big": {"ticket/new", `{"body":"` + strings.Repeat("a", draft.MaxBody) + `"}`, "body"},
		} {
			_, err := k.save(ann, c.key, c.body, 0)
			if f := errs.Fields(err); len(f) != 1 || f[0].Name != c.field {
				t.Errorf("%s: %v", name, err)
			}
		}
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			for i := range draft.MaxKept {
				if _, err := draft.Save(t.Context(), tx, ann, fmt.Sprintf("ticket/T%d", i), json.RawMessage(`{}`), 0); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.save(ann, "ticket/onemore", `{}`, 0); !errors.Is(err, errs.Conflict) {
			t.Errorf("one draft too many: %v", err)
		}
	})
}

func TestListAndPurge(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	dbtest.EachWith(t, dbtest.Options{Seed: people, Now: func() time.Time { return now }}, func(t *testing.T, d *db.DB) {
		k := desk{t, d}
		for _, key := range []string{"ticket/A/public", "ticket/B/public", "article/C"} {
			if _, err := k.save(ann, key, `{}`, 0); err != nil {
				t.Fatal(err)
			}
			now = now.Add(20 * 24 * time.Hour)
		}
		list := func(prefix string) string {
			var keys []string
			err := d.Read(t.Context(), func(tx *db.Tx) error {
				drafts, err := draft.List(t.Context(), tx, ann, prefix)
				for _, d := range drafts {
					keys = append(keys, d.Key)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return strings.Join(keys, " ")
		}
		if got := list("ticket/"); got != "ticket/B/public ticket/A/public" {
			t.Errorf("drafts of tickets = %s", got)
		}
		purge := func(a auth.Actor) (n int64, err error) {
			err = d.Write(t.Context(), func(tx *db.Tx) error { n, err = draft.Purge(t.Context(), tx, a); return err })
			return n, err
		}
		if _, err := purge(bob); !errors.Is(err, errs.Forbidden) {
			t.Errorf("a person purges: %v", err)
		}
		if n, err := purge(auth.System("draft.purge")); n != 2 || err != nil {
			t.Errorf("purged %d, %v; want the two older than 30 days", n, err)
		}
		if got := list(""); got != "article/C" {
			t.Errorf("left = %s", got)
		}
	})
}
