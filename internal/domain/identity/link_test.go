package identity_test

import (
	"context"
	"errors"
	"slices"
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

func find(t *testing.T, d *db.DB, token string) (l identity.Link, err error) {
	t.Helper()
	err = d.Read(t.Context(), func(tx *db.Tx) error {
		l, err = identity.FindLink(t.Context(), tx, token)
		return err
	})
	return l, err
}

func TestBootstrapHappensOnce(t *testing.T) {
	timed(t, func(t *testing.T, d *db.DB, c *clock) {
		h := identity.NewHasher(2)
		boot := func() (token string) {
			write(t, d, func(ctx context.Context, tx *db.Tx) (err error) {
				token, err = identity.Bootstrap(ctx, tx)
				return err
			})
			return token
		}
		old := boot()
		c.advance(25 * time.Hour)
		if _, err := find(t, d, old); !errors.Is(err, errs.NotFound) {
			t.Errorf("a day later: %v", err)
		}
		two, one := boot(), boot() // a second replica starts
		if _, err := find(t, d, two); err != nil {
			t.Errorf("a start ended the link of another: %v", err)
		}
		if n := dbtest.Count(t, d, "one_time_link"); n != 2 {
			t.Errorf("%d links, want the two of today", n)
		}
		_, err := identity.UseBootstrap(t.Context(), d, h, one, identity.Person{Name: " ", Email: ""}, "court")
		if got := keys(err); got != "name identity.name.missing, email identity.email.missing, password identity.password.short" {
			t.Errorf("all problems at once: %s", got)
		}
		var wg sync.WaitGroup
		var made atomic.Int64
		for _, token := range []string{one, one, two} { // two people with the page open
			wg.Go(func() {
				_, err := identity.UseBootstrap(t.Context(), d, h, token, identity.Person{Name: "Ada Lovelace", Email: "ada@exemple.test", Lang: "en", VIP: true}, good)
				if err == nil {
					made.Add(1)
				}
			})
		}
		wg.Wait()
		if made.Load() != 1 || dbtest.Count(t, d, "person") != 1 {
			t.Fatalf("%d first administrators", made.Load())
		}
		id, err := identity.SignIn(t.Context(), d, h, "ada@exemple.test", good, "")
		if err != nil {
			t.Fatal(err)
		}
		if a := actor(t, d, identity.Person{ID: id}); !a.Admin() || a.Lang != "en" {
			t.Errorf("%+v", a)
		}
		if token := boot(); token != "" {
			t.Error("a link although there is an administrator")
		}
		if _, err := find(t, d, two); keys(err) != "identity.link.over" {
			t.Errorf("the second link: %v", err)
		}
	})
}

func TestInvite(t *testing.T) {
	timed(t, func(t *testing.T, d *db.DB, c *clock) {
		h := identity.NewHasher(2)
		anna, guy, ada := add(t, d, "Anna Colin"), add(t, d, "Guy Agent", auth.Agent), add(t, d, "Ada Admin", auth.Admin)
		invite := func(a auth.Actor, id string) (token string, err error) {
			err = try(t, d, func(ctx context.Context, tx *db.Tx) error {
				token, err = identity.Invite(ctx, tx, a, id)
				return err
			})
			return token, err
		}
		if _, err := invite(actor(t, d, guy), anna.ID); !errors.Is(err, errs.Forbidden) {
			t.Errorf("an agent invites: %v", err)
		}
		limited := actor(t, d, ada)
		limited.Scopes = []string{"people:write"}
		if _, err := invite(limited, ada.ID); !errors.Is(err, errs.Forbidden) {
			t.Errorf("a limited token gets an administrator's password: %v", err)
		}
		first, err := invite(limited, anna.ID)
		second, err2 := invite(machine, anna.ID)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if _, err := find(t, d, first); !errors.Is(err, errs.NotFound) {
			t.Errorf("the earlier invitation: %v", err)
		}
		l, err := find(t, d, second)
		if err != nil || l.Purpose != identity.ForInvitation || l.PersonID != anna.ID || l.Email != anna.Email {
			t.Errorf("%+v %v", l, err)
		}
		if _, err := identity.UseBootstrap(t.Context(), d, h, second, identity.Person{Name: "X", Email: "x@exemple.test"}, good); !errors.Is(err, errs.NotFound) {
			t.Errorf("an invitation makes an administrator: %v", err)
		}
		if _, err := identity.UseLink(t.Context(), d, h, second, "annacolin-annacolin"); !errors.Is(err, errs.Invalid) {
			t.Errorf("own name as a password: %v", err)
		}
		c.advance(7*24*time.Hour - time.Second)
		if id, err := identity.UseLink(t.Context(), d, h, second, good); err != nil || id != anna.ID {
			t.Errorf("used in time: %v", err)
		}
		if _, err := identity.UseLink(t.Context(), d, h, second, better); keys(err) != "identity.link.over" {
			t.Errorf("used twice: %v", err)
		}
		third, err := invite(machine, anna.ID)
		if err != nil {
			t.Fatal(err)
		}
		c.advance(7 * 24 * time.Hour)
		if _, err := identity.UseLink(t.Context(), d, h, third, better); keys(err) != "identity.link.over" {
			t.Errorf("too late: %v", err)
		}
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			if _, err := identity.Update(ctx, tx, machine, guy.ID, 0, func(p *identity.Person) { p.Email = "" }); err != nil {
				return err
			}
			_, err := identity.Deactivate(ctx, tx, machine, anna.ID)
			return err
		})
		for id, want := range map[string]string{anna.ID: "identity.invite.inactive", guy.ID: "identity.invite.nomail"} {
			if _, err := invite(machine, id); keys(err) != want || !errors.Is(err, errs.Conflict) {
				t.Errorf("%v, want %s", err, want)
			}
		}
	})
}

func TestReset(t *testing.T) {
	timed(t, func(t *testing.T, d *db.DB, c *clock) {
		h := identity.NewHasher(2)
		anna, gone := withPassword(t, d, h, "Anna Colin"), withPassword(t, d, h, "Luc Parti")
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			if _, err := identity.EnsureParticipant(ctx, tx, machine, "g@dehors.test", ""); err != nil {
				return err
			}
			_, err := identity.Deactivate(ctx, tx, machine, gone.ID)
			return err
		})
		ask := func(email string) (token string, l identity.Link) {
			write(t, d, func(ctx context.Context, tx *db.Tx) (err error) {
				token, l, err = identity.RequestReset(ctx, tx, email)
				return err
			})
			return token, l
		}
		for _, email := range []string{"nobody@exemple.test", gone.Email, "g@dehors.test", "", "\x00"} {
			if token, l := ask(email); token != "" || l.Email != "" {
				t.Errorf("%q gets a link", email)
			}
		}
		late, l := ask("ANNA.COLIN@exemple.test")
		if l.Email != anna.Email || l.PersonID != anna.ID {
			t.Errorf("%+v", l)
		}
		c.advance(time.Hour)
		if _, err := identity.UseLink(t.Context(), d, h, late, better); keys(err) != "identity.link.over" {
			t.Errorf("an hour later: %v", err)
		}
		first, _ := ask(anna.Email)
		second, _ := ask(anna.Email)
		third, _ := ask(anna.Email)
		if fourth, _ := ask(anna.Email); first == "" || second == "" || third == "" || fourth != "" {
			t.Error("three an hour, no more")
		}
		session, _ := open(t, d, anna)
		for range 5 { // locked out by somebody else's tries
			if _, err := identity.SignIn(t.Context(), d, h, anna.Email, "wrong", ""); err == nil {
				t.Fatal("signed in")
			}
		}
		if _, err := identity.UseLink(t.Context(), d, h, second, better); err != nil {
			t.Fatal(err)
		}
		if _, err := identity.SignIn(t.Context(), d, h, anna.Email, better, ""); err != nil {
			t.Errorf("the new password ends the pause: %v", err)
		}
		if _, _, err := ofSession(t, d, session); !errors.Is(err, errs.NotFound) {
			t.Errorf("the old session: %v", err)
		}
		if _, err := identity.UseLink(t.Context(), d, h, third, good); keys(err) != "identity.link.over" {
			t.Errorf("the other link: %v", err)
		}
		if got := kinds(t, d, "person/"+anna.ID); !slices.Equal(got, []string{"person.created", "person.password", "person.signed_in_failed_pause", "person.password"}) {
			t.Errorf("events %v", got)
		}
	})
}
