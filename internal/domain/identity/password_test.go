package identity_test

import (
	"context"
	"errors"
	"fmt"
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
