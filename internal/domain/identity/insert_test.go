package identity_test

import (
	"context"
	"errors"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/domain/identity"
)

func TestInsertFills(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		h := identity.NewHasher(1)
		stored, err := h.Hash(t.Context(), good)
		if err != nil {
			t.Fatal(err)
		}
		ada := add(t, d, "Ada Admin", auth.Admin)
		insert := func(a auth.Actor, p identity.Person, stored string) (made identity.Person, err error) {
			return made, try(t, d, func(ctx context.Context, tx *db.Tx) (err error) {
				made, err = identity.Insert(ctx, tx, a, p, stored)
				return err
			})
		}
		anna := identity.Person{Name: " Anna  Colin", Email: "anna@exemple.test", ManagerID: ada.ID, Active: true, Roles: []auth.Role{auth.Lead, auth.Requester}}
		made, err := insert(machine, anna, stored)
		if err != nil || made.Name != "Anna Colin" || made.Version != 1 || !made.HasPassword {
			t.Fatalf("%+v %v", made, err)
		}
		if id, err := identity.SignIn(t.Context(), d, h, "ANNA@exemple.test", good, ""); err != nil || id != made.ID {
			t.Errorf("signs in: %v", err)
		}
		if a := actor(t, d, made); !a.Is(auth.Lead) || a.Admin() {
			t.Errorf("%+v", a)
		}
		if got := kinds(t, d, "person/"+made.ID); len(got) != 1 || got[0] != "person.created" {
			t.Errorf("events %v", got)
		}
		left, err := insert(machine, identity.Person{Name: "Luc Parti"}, "")
		if err != nil || left.Active || left.HasPassword {
			t.Errorf("somebody who left: %+v %v", left, err)
		}
		for name, c := range map[string]struct {
			a      auth.Actor
			p      identity.Person
			stored string
			want   string
		}{
			"taken":        {machine, identity.Person{Name: "Other", Email: "Anna@Exemple.test"}, "", "email identity.email.taken"},
			"no name":      {machine, identity.Person{}, "", "name identity.name.missing"},
			"unknown role": {machine, identity.Person{Name: "Bo", Roles: []auth.Role{"king"}}, "", "roles identity.role_unknown"},
			"plain text":   {machine, identity.Person{Name: "Bo"}, good, ""},
		} {
			if _, err := insert(c.a, c.p, c.stored); err == nil || keys(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := insert(actor(t, d, ada), identity.Person{Name: "Bo"}, ""); !errors.Is(err, errs.Forbidden) {
			t.Errorf("an administrator: %v", err)
		}
		if n := dbtest.Count(t, d, "person"); n != 3 {
			t.Errorf("%d people", n)
		}
	})
}

func TestParticipants(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		anna := add(t, d, "Anna Colin")
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			_, err := identity.Deactivate(ctx, tx, machine, anna.ID)
			return err
		})
		ensure := func(a auth.Actor, email, name string) (p identity.Person, err error) {
			err = try(t, d, func(ctx context.Context, tx *db.Tx) error {
				p, err = identity.EnsureParticipant(ctx, tx, a, email, name)
				return err
			})
			return p, err
		}
		if p, err := ensure(machine, "ANNA.colin@exemple.test", "Somebody"); err != nil || p.ID != anna.ID || p.Active || p.External || p.Name != "Anna Colin" {
			t.Errorf("a former colleague writes: %+v %v", p, err)
		}
		guest, err := ensure(machine, "Zoé@Dehors.test", "  Zoé\r\nBcc: x ")
		if err != nil || !guest.External || guest.Name != "Zoé Bcc: x" || guest.Email != "Zoé@Dehors.test" {
			t.Errorf("a new one: %+v %v", guest, err)
		}
		if p, err := ensure(machine, "zoé@dehors.TEST", ""); err != nil || p.ID != guest.ID {
			t.Errorf("the same again: %+v %v", p, err)
		}
		if p, err := ensure(machine, "sav@dehors.test", " "); err != nil || p.Name != "sav" {
			t.Errorf("without a name: %+v %v", p, err)
		}
		if _, err := ensure(machine, "pas une adresse", "x"); !errors.Is(err, errs.Invalid) {
			t.Errorf("no address: %v", err)
		}
		if _, err := ensure(actor(t, d, guest), "x@dehors.test", "x"); !errors.Is(err, errs.Forbidden) {
			t.Errorf("a participant makes another: %v", err)
		}
	})
}
