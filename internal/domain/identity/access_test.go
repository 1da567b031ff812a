package identity_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/domain/identity"
)

// clock is a time that tests move.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// timed runs f on both engines with a clock to move.
func timed(t *testing.T, f func(t *testing.T, d *db.DB, c *clock)) {
	t.Helper()
	for _, e := range []db.Engine{db.SQLite, db.Postgres} {
		t.Run(string(e), func(t *testing.T) {
			c := newClock()
			f(t, dbtest.Open(t, e, dbtest.Options{Now: c.now}), c)
		})
	}
}

func open(t *testing.T, d *db.DB, p identity.Person) (token string, s identity.Session) {
	t.Helper()
	write(t, d, func(ctx context.Context, tx *db.Tx) (err error) {
		token, s, err = identity.OpenSession(ctx, tx, p.ID, "Firefox", "192.0.2.7", 30*24*time.Hour)
		return err
	})
	return token, s
}

func ofSession(t *testing.T, d *db.DB, token string) (a auth.Actor, s identity.Session, err error) {
	t.Helper()
	err = d.Read(t.Context(), func(tx *db.Tx) error {
		a, s, err = identity.ActorOfSession(t.Context(), tx, token, 12*time.Hour, 7*24*time.Hour)
		return err
	})
	return a, s, err
}

func TestSessionsEnd(t *testing.T) {
	timed(t, func(t *testing.T, d *db.DB, c *clock) {
		anna := add(t, d, "Anna Colin", auth.Agent)
		token, s := open(t, d, anna)
		ctx, n := db.Counting(t.Context())
		err := d.Read(ctx, func(tx *db.Tx) error {
			a, _, err := identity.ActorOfSession(ctx, tx, token, 0, 0)
			if a.ID != anna.ID || a.Session != s.ID || a.Scopes != nil || !a.Agent() {
				t.Errorf("actor %+v", a)
			}
			return err
		})
		if err != nil || n.Load() != 1 {
			t.Errorf("%d statements: %v", n.Load(), err)
		}
		if _, _, err := ofSession(t, d, token+"x"); !errors.Is(err, errs.NotFound) {
			t.Errorf("an invented token: %v", err)
		}
		for range 14 { // used every 12 hours it lasts seven days, not longer
			c.advance(12 * time.Hour)
			if _, s, err = ofSession(t, d, token); err != nil {
				t.Fatalf("ended early at %v: %v", c.now(), err)
			}
			write(t, d, func(ctx context.Context, tx *db.Tx) error { return identity.TouchSession(ctx, tx, s.ID) })
		}
		c.advance(time.Minute)
		if _, _, err := ofSession(t, d, token); !errors.Is(err, errs.NotFound) {
			t.Errorf("older than the maximum: %v", err)
		}
		token, _ = open(t, d, anna)
		c.advance(12*time.Hour + time.Second)
		if _, _, err := ofSession(t, d, token); !errors.Is(err, errs.NotFound) {
			t.Errorf("idle for too long: %v", err)
		}
		c.advance(31 * 24 * time.Hour)
		write(t, d, identity.Sweep)
		if n := dbtest.Count(t, d, "session"); n != 0 {
			t.Errorf("%d sessions swept past", n)
		}
	})
}

func TestTouchWritesSeldom(t *testing.T) {
	timed(t, func(t *testing.T, d *db.DB, c *clock) {
		anna := add(t, d, "Anna Colin")
		token, s := open(t, d, anna)
		for _, step := range []struct {
			after time.Duration
			stale bool
		}{{4 * time.Minute, false}, {time.Minute, true}, {4 * time.Minute, false}} {
			c.advance(step.after)
			before := c.now()
			if s.Stale(before) != step.stale {
				t.Errorf("stale = %v at %v, seen %v", !step.stale, before, s.Seen)
			}
			write(t, d, func(ctx context.Context, tx *db.Tx) error { return identity.TouchSession(ctx, tx, s.ID) })
			var err error
			if _, s, err = ofSession(t, d, token); err != nil || s.Seen.Equal(before) != step.stale {
				t.Errorf("seen %v at %v: %v", s.Seen, before, err)
			}
		}
	})
}

func TestWhoseSessions(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		anna, bob, ada := add(t, d, "Anna Colin"), add(t, d, "Bob Dupin", auth.Agent), add(t, d, "Ada Admin", auth.Admin)
		tokenA, _ := open(t, d, anna)
		_, here := open(t, d, anna)
		limited, colleague := actor(t, d, anna), actor(t, d, bob)
		limited.Scopes = []string{"tickets"}
		for name, c := range map[string]struct {
			a    auth.Actor
			list error
			end  error
		}{
			"colleague": {colleague, errs.Forbidden, errs.NotFound},
			"nobody":    {auth.Actor{}, errs.Forbidden, errs.NotFound},
			"own token": {limited, errs.Forbidden, errs.NotFound},
			"self":      {actor(t, d, anna), nil, nil},
			"admin":     {actor(t, d, ada), nil, nil},
		} {
			_, s := open(t, d, anna)
			err := try(t, d, func(ctx context.Context, tx *db.Tx) error {
				_, err := identity.ListSessions(ctx, tx, c.a, anna.ID)
				return err
			})
			if !errors.Is(err, c.list) {
				t.Errorf("%s lists: %v", name, err)
			}
			err = try(t, d, func(ctx context.Context, tx *db.Tx) error { return identity.RevokeSession(ctx, tx, c.a, s.ID) })
			if !errors.Is(err, c.end) {
				t.Errorf("%s revokes: %v", name, err)
			}
		}
		err := try(t, d, func(ctx context.Context, tx *db.Tx) error {
			return identity.RevokeAll(ctx, tx, colleague, anna.ID, "")
		})
		if !errors.Is(err, errs.Forbidden) {
			t.Errorf("a colleague revokes all: %v", err)
		}
		me := actor(t, d, anna)
		write(t, d, func(ctx context.Context, tx *db.Tx) error { return identity.RevokeAll(ctx, tx, me, anna.ID, here.ID) })
		if _, _, err := ofSession(t, d, tokenA); !errors.Is(err, errs.NotFound) {
			t.Errorf("revoked and still good: %v", err)
		}
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			left, err := identity.ListSessions(ctx, tx, me, anna.ID)
			if len(left) != 1 || left[0].ID != here.ID {
				t.Errorf("left: %+v", left)
			}
			return err
		})
	})
}

func TestTokens(t *testing.T) {
	timed(t, func(t *testing.T, d *db.DB, c *clock) {
		anna, bob, ada := add(t, d, "Anna Colin", auth.Agent), add(t, d, "Bob Dupin", auth.Agent), add(t, d, "Ada Admin", auth.Admin)
		issue := func(a auth.Actor, name string, scopes []string, expires time.Time) (secret string, err error) {
			err = try(t, d, func(ctx context.Context, tx *db.Tx) error {
				secret, _, err = identity.IssueToken(ctx, tx, a, anna.ID, name, scopes, expires)
				return err
			})
			return secret, err
		}
		me, colleague, all := actor(t, d, anna), actor(t, d, bob), []string{"*"}
		limited := me
		limited.Scopes = []string{"tickets", "people:write"}
		for name, c := range map[string]struct {
			a       auth.Actor
			label   string
			scopes  []string
			expires time.Time
			want    error
		}{
			"self":          {me, "a", all, time.Time{}, nil},
			"admin":         {actor(t, d, ada), "a", all, time.Time{}, nil},
			"machine":       {machine, "a", all, time.Time{}, nil},
			"colleague":     {colleague, "a", all, time.Time{}, errs.Forbidden},
			"limited token": {limited, "a", all, time.Time{}, errs.Forbidden},
			"no name":       {me, " ", all, time.Time{}, errs.Invalid},
			"no scope":      {me, "a", nil, time.Time{}, errs.Invalid},
			"unknown scope": {me, "a", []string{"tickets:burn"}, time.Time{}, errs.Invalid},
			"past":          {me, "a", all, d.Now(), errs.Invalid},
		} {
			if _, err := issue(c.a, c.label, c.scopes, c.expires); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		secret, err := issue(me, "nuit", []string{"tickets:read"}, c.now().Add(time.Hour))
		if err != nil || !strings.HasPrefix(secret, "ent_") {
			t.Fatal(secret, err)
		}
		use := func() (a auth.Actor, tok identity.Token, err error) {
			err = d.Read(t.Context(), func(tx *db.Tx) error {
				a, tok, err = identity.ActorOfToken(t.Context(), tx, secret)
				return err
			})
			return a, tok, err
		}
		a, tok, err := use()
		if err != nil || a.ID != anna.ID || !a.Scoped("tickets:read") || a.Scoped("tickets:write") || !tok.Stale(c.now()) {
			t.Errorf("%+v %v", a, err)
		}
		write(t, d, func(ctx context.Context, tx *db.Tx) error { return identity.TouchToken(ctx, tx, tok.ID) })
		if _, tok, err = use(); err != nil || tok.Stale(c.now()) || !tok.Used.Equal(c.now()) {
			t.Errorf("touched: %+v %v", tok, err)
		}
		c.advance(time.Hour)
		if _, _, err = use(); !errors.Is(err, errs.NotFound) {
			t.Errorf("expired: %v", err)
		}
		if err := try(t, d, func(ctx context.Context, tx *db.Tx) error {
			return identity.RevokeToken(ctx, tx, colleague, tok.ID)
		}); !errors.Is(err, errs.NotFound) {
			t.Errorf("a colleague revokes: %v", err)
		}
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			if err := identity.RevokeToken(ctx, tx, me, tok.ID); err != nil {
				return err
			}
			list, err := identity.ListTokens(ctx, tx, me, anna.ID)
			if len(list) != 3 || slices.ContainsFunc(list, func(x identity.Token) bool { return x.ID == tok.ID }) {
				t.Errorf("left: %+v", list)
			}
			return err
		})
		everybody := func(a auth.Actor, typed, before string) (list []identity.OwnedToken, next string, err error) {
			err = d.Read(t.Context(), func(tx *db.Tx) error {
				list, next, err = identity.AllTokens(t.Context(), tx, a, typed, before)
				return err
			})
			return list, next, err
		}
		for i := range 60 {
			if _, err := issue(machine, "n"+strconv.Itoa(i), all, time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		page, next, err := everybody(actor(t, d, ada), "col", "")
		if err != nil || len(page) != 50 || next == "" || page[0].Owner != "Anna Colin" || page[0].Name != "n59" || page[0].Over(c.now()) {
			t.Errorf("a page of tokens: %d, next %q: %v", len(page), next, err)
		}
		if page, next, err = everybody(actor(t, d, ada), "", next); err != nil || len(page) != 13 || next != "" {
			t.Errorf("the rest: %d, next %q: %v", len(page), next, err)
		}
		if page, _, err = everybody(actor(t, d, ada), "dupin", ""); err != nil || len(page) > 0 {
			t.Errorf("Bob's tokens: %+v %v", page, err)
		}
		narrow := actor(t, d, ada)
		narrow.Scopes = []string{"admin"}
		for _, a := range []auth.Actor{me, narrow, {}} {
			if _, _, err := everybody(a, "", ""); !errors.Is(err, errs.Forbidden) {
				t.Errorf("%s lists everybody's tokens: %v", a.Name, err)
			}
		}
		var stored string
		err = d.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRowContext(t.Context(), "SELECT string_agg(data, ' ') || (SELECT string_agg(token_hash, ' ') FROM api_token) FROM event").Scan(&stored)
		})
		if err != nil || strings.Contains(stored, "ent_") {
			t.Errorf("a secret in the tables: %v", err)
		}
	})
}
