package identity_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
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
		var stored string
		err = d.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRowContext(t.Context(), "SELECT string_agg(data, ' ') || (SELECT string_agg(token_hash, ' ') FROM api_token) FROM event").Scan(&stored)
		})
		if err != nil || strings.Contains(stored, "ent_") {
			t.Errorf("a secret in the tables: %v", err)
		}
	})
}

func TestCheckPassword(t *testing.T) {
	for password, want := range map[string]string{
		"brouette-lampe-oural":           "",
		"éléphant rose 7":                "",
		"ZX-81 spectrum!":                "",
		"court":                          "identity.password.short",
		"onze lettre":                    "identity.password.short",
		"motdepasse123":                  "identity.password.common",
		"MotDePasse2026!":                "identity.password.common",
		"P@ssw0rdP@ssw0rd":               "identity.password.common",
		"azertyuiop123":                  "identity.password.common",
		"bonjourbonjour":                 "identity.password.common",
		"soleil-doudou-75":               "identity.password.common",
		"123456789012":                   "identity.password.common",
		"aaaaaaaaaaaaaa":                 "identity.password.common",
		"j'aime HELENE beaucoup":         "identity.password.personal",
		"hduboismontagne":                "identity.password.personal",
		strings.Repeat("é7k.", 50) + "x": "identity.password.long",
	} {
		err := identity.CheckPassword(password, "HDubois@exemple.test", "Hélène Du Bois")
		got := ""
		if f := errs.Fields(err); len(f) == 1 && f[0].Name == "password" {
			got = f[0].Key
		}
		if got != want {
			t.Errorf("%q: %q, want %q", password, got, want)
		}
	}
}

const good, better = "brouette-lampe-oural", "girafe-moulin-zinc"

func TestHasher(t *testing.T) {
	h := identity.NewHasher(1)
	stored, err := h.Hash(t.Context(), good)
	if err != nil || !strings.HasPrefix(stored, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatal(stored, err)
	}
	other, err := h.Hash(t.Context(), good)
	if err != nil || other == stored {
		t.Error("two hashes of a password are equal")
	}
	for _, c := range []struct {
		stored, password string
		want, fails      bool
	}{{stored, good, true, false}, {stored, good + " ", false, false}, {"", "", false, false}, {"", good, false, false},
		{"x", good, false, true}, {"$argon2id$v=19$m=99999999,t=2,p=1$c2FsdHNhbHQ$" + strings.Repeat("A", 43), good, false, true}} {
		if ok, err := h.Verify(t.Context(), c.stored, c.password); ok != c.want || (err != nil) != c.fails {
			t.Errorf("%.30q with %q: %v %v", c.stored, c.password, ok, err)
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	failed := 0
	for range 20 { // a free slot may win against the end, but not each time
		if _, err := h.Verify(over, "", ""); errors.Is(err, context.Canceled) {
			failed++
		}
	}
	if failed == 0 {
		t.Error("the end of the request is not heeded")
	}
}

// withPassword stores a person who signs in with good.
func withPassword(t *testing.T, d *db.DB, h *identity.Hasher, name string, roles ...auth.Role) identity.Person {
	t.Helper()
	p := add(t, d, name, roles...)
	if err := identity.SetPassword(t.Context(), d, h, machine, p.ID, good); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSignInPauses(t *testing.T) {
	timed(t, func(t *testing.T, d *db.DB, c *clock) {
		h := identity.NewHasher(2)
		anna := withPassword(t, d, h, "Anna Colin")
		off := withPassword(t, d, h, "Luc Parti")
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			if _, err := identity.Update(ctx, tx, machine, anna.ID, 0, func(p *identity.Person) { p.Login = "acolin" }); err != nil {
				return err
			}
			_, err := identity.Deactivate(ctx, tx, machine, off.ID)
			return err
		})
		in := func(who, password string) string {
			got, err := identity.SignIn(t.Context(), d, h, who, password, "192.0.2.1")
			if err == nil {
				return got
			}
			if !errors.Is(err, errs.Forbidden) {
				t.Fatalf("%s: %v", who, err)
			}
			_, args, _ := errs.Reason(err)
			return fmt.Sprint(append([]any{strings.TrimPrefix(keys(err), "identity.signin.")}, args...)...)
		}
		for _, step := range []struct{ who, password, want string }{
			{"anna.colin@exemple.test", "wrong", "wrongtries4"},
			{"ACOLIN", good, anna.ID}, // forgets the one before
			{"anna.colin@exemple.test", "wrong", "wrongtries4"},
			{"acolin", "wrong", "wrongtries3"}, // one counter for both names
			{"Anna.Colin@exemple.test", "wrong", "wrongtries2"},
			{"acolin", "", "last"},
			{"acolin", "wrong", "pausedminutes15"},
			{"acolin", good, "pausedminutes15"}, // also the right one waits
			{"nobody@exemple.test", good, "wrongtries4"},
			{"nobody@exemple.test", good, "wrongtries3"},
			{"luc.parti@exemple.test", good, "wrongtries4"}, // as if they did not exist
			{"", "", "wrongtries4"},
		} {
			if got := in(step.who, step.password); got != step.want {
				t.Errorf("%s with %s: %s, want %s", step.who, step.password, got, step.want)
			}
		}
		c.advance(14*time.Minute + 30*time.Second)
		if got := in("acolin", good); got != "soon" {
			t.Errorf("half a minute early: %s", got)
		}
		c.advance(30 * time.Second)
		if got := in("acolin", "wrong"); got != "wrongtries4" {
			t.Errorf("after the pause: %s", got)
		}
		if got := in("acolin", good); got != anna.ID {
			t.Errorf("the right one: %s", got)
		}
		if got := kinds(t, d, "person/"+anna.ID); got[len(got)-1] != "person.signed_in_failed_pause" {
			t.Errorf("events %v", got)
		}
		c.advance(time.Hour)
		write(t, d, identity.Sweep)
		if n := dbtest.Count(t, d, "sign_in_failure"); n != 0 {
			t.Errorf("%d counters left", n)
		}
	})
}

func TestSignInTriesAtOnceDoNotEscape(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		h := identity.NewHasher(2)
		withPassword(t, d, h, "Anna Colin")
		var wg sync.WaitGroup
		var checked atomic.Int64
		for range 20 {
			wg.Go(func() {
				_, err := identity.SignIn(t.Context(), d, h, "anna.colin@exemple.test", "wrong", "")
				if key := keys(err); key == "identity.signin.wrong" || key == "identity.signin.last" {
					checked.Add(1)
				}
			})
		}
		wg.Wait()
		if checked.Load() != 4 { // the fifth answers with the pause
			t.Errorf("%d passwords were looked at and told", checked.Load())
		}
	})
}

func TestAddressPauses(t *testing.T) {
	timed(t, func(t *testing.T, d *db.DB, c *clock) {
		h := identity.NewHasher(2)
		anna := withPassword(t, d, h, "Anna Colin")
		for i := range 50 {
			_, err := identity.SignIn(t.Context(), d, h, fmt.Sprint("somebody", i), "wrong", "2001:db8::1")
			if keys(err) != "identity.signin.wrong" {
				t.Fatalf("try %d: %v", i, err)
			}
		}
		for address, want := range map[string]string{"2001:db8::ffff": "identity.signin.paused", "2001:db8:0:1::1": "", "192.0.2.1": ""} {
			id, err := identity.SignIn(t.Context(), d, h, anna.Email, good, address)
			if keys(err) != want || want == "" && id != anna.ID {
				t.Errorf("%s: %v", address, err)
			}
		}
		c.advance(15 * time.Minute)
		if _, err := identity.SignIn(t.Context(), d, h, anna.Email, good, "2001:db8::1"); err != nil {
			t.Errorf("after the pause: %v", err)
		}
	})
}

func TestChangePassword(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		h := identity.NewHasher(2)
		anna, ada := withPassword(t, d, h, "Anna Colin"), withPassword(t, d, h, "Ada Admin", auth.Admin)
		there, _ := open(t, d, anna)
		here, s := open(t, d, anna)
		me := actor(t, d, anna)
		me.Session = s.ID
		token := me
		token.Scopes = []string{"people:write"}
		for name, c := range map[string]struct {
			err  error
			want error
		}{
			"wrong old":         {identity.ChangePassword(t.Context(), d, h, me, "wrong", better), errs.Forbidden},
			"weak new":          {identity.ChangePassword(t.Context(), d, h, me, good, "annacolin123"), errs.Invalid},
			"limited token":     {identity.ChangePassword(t.Context(), d, h, token, good, better), errs.Forbidden},
			"nobody":            {identity.ChangePassword(t.Context(), d, h, auth.Actor{}, good, better), errs.Forbidden},
			"set by self":       {identity.SetPassword(t.Context(), d, h, me, anna.ID, better), errs.Forbidden},
			"set by colleague":  {identity.SetPassword(t.Context(), d, h, me, ada.ID, better), errs.Forbidden},
			"admin without old": {identity.SetPassword(t.Context(), d, h, actor(t, d, ada), ada.ID, better), errs.Forbidden},
			"set for nobody":    {identity.SetPassword(t.Context(), d, h, machine, "nobody", better), errs.NotFound},
		} {
			if !errors.Is(c.err, c.want) {
				t.Errorf("%s: %v", name, c.err)
			}
		}
		if err := identity.ChangePassword(t.Context(), d, h, me, good, better); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ofSession(t, d, here); err != nil {
			t.Errorf("this session ended: %v", err)
		}
		if _, _, err := ofSession(t, d, there); !errors.Is(err, errs.NotFound) {
			t.Errorf("the other session goes on: %v", err)
		}
		if _, err := identity.SignIn(t.Context(), d, h, anna.Email, good, ""); !errors.Is(err, errs.Forbidden) {
			t.Errorf("the old one still works: %v", err)
		}
		if err := identity.SetPassword(t.Context(), d, h, actor(t, d, ada), anna.ID, good); err != nil {
			t.Errorf("an administrator: %v", err)
		}
		if _, _, err := ofSession(t, d, here); !errors.Is(err, errs.NotFound) {
			t.Errorf("a password set by another ends all sessions: %v", err)
		}
	})
}
