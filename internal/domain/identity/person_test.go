package identity_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/domain/identity"
)

var machine = auth.System("test")

// write runs f in a transaction and fails the test on an error.
func write(t *testing.T, d *db.DB, f func(ctx context.Context, tx *db.Tx) error) {
	t.Helper()
	if err := d.Write(t.Context(), func(tx *db.Tx) error { return f(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

// try runs f in a transaction and returns its error.
func try(t *testing.T, d *db.DB, f func(ctx context.Context, tx *db.Tx) error) error {
	t.Helper()
	return d.Write(t.Context(), func(tx *db.Tx) error { return f(t.Context(), tx) })
}

// add stores a person called name with an address made of it.
func add(t *testing.T, d *db.DB, name string, roles ...auth.Role) identity.Person {
	t.Helper()
	var p identity.Person
	write(t, d, func(ctx context.Context, tx *db.Tx) (err error) {
		p, err = identity.Create(ctx, tx, machine, identity.Person{Name: name, Roles: roles,
			Email: strings.ToLower(strings.ReplaceAll(name, " ", ".")) + "@exemple.test"})
		return err
	})
	return p
}

func actor(t *testing.T, d *db.DB, p identity.Person) (a auth.Actor) {
	t.Helper()
	write(t, d, func(ctx context.Context, tx *db.Tx) (err error) {
		a, err = identity.LoadActor(ctx, tx, p.ID)
		return err
	})
	return a
}

// kinds returns the kinds of the events of a record, oldest first.
func kinds(t *testing.T, d *db.DB, ref string) (out []string) {
	t.Helper()
	err := d.Read(t.Context(), func(tx *db.Tx) (err error) {
		out, err = db.Strings(t.Context(), tx, "SELECT kind FROM event WHERE ref = $1 ORDER BY id", ref)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// keys returns the catalogue keys of an Invalid error, or the reason of another one.
func keys(err error) string {
	if key, _, ok := errs.Reason(err); ok {
		return key
	}
	var s []string
	for _, f := range errs.Fields(err) {
		s = append(s, f.Name+" "+f.Key)
	}
	return strings.Join(s, ", ")
}

func TestWhoSeesWhom(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		admin, agent, anna, left := add(t, d, "Ada Admin", auth.Admin), add(t, d, "Guy Agent", auth.Agent), add(t, d, "Anna Colin"), add(t, d, "Luc Parti")
		var guest identity.Person
		write(t, d, func(ctx context.Context, tx *db.Tx) (err error) {
			if guest, err = identity.EnsureParticipant(ctx, tx, machine, "g@dehors.test", ""); err != nil {
				return err
			}
			_, err = identity.Deactivate(ctx, tx, machine, left.ID)
			return err
		})
		all := map[string]identity.Person{"admin": admin, "agent": agent, "anna": anna, "left": left, "guest": guest}
		for name, c := range map[string]struct {
			a    auth.Actor
			sees []string
		}{
			"nobody":  {auth.Actor{}, nil},
			"admin":   {actor(t, d, admin), []string{"admin", "agent", "anna", "guest", "left"}},
			"agent":   {actor(t, d, agent), []string{"admin", "agent", "anna", "guest", "left"}},
			"anna":    {actor(t, d, anna), []string{"admin", "agent", "anna"}},
			"guest":   {actor(t, d, guest), []string{"guest"}},
			"machine": {machine, []string{"admin", "agent", "anna", "guest", "left"}},
		} {
			ids := []string{}
			for who, p := range all {
				ids = append(ids, p.ID)
				err := d.Read(t.Context(), func(tx *db.Tx) error {
					_, err := identity.Find(t.Context(), tx, c.a, p.ID)
					return err
				})
				if want := slices.Contains(c.sees, who); (err == nil) != want || err != nil && !errors.Is(err, errs.NotFound) {
					t.Errorf("%s finds %s: %v", name, who, err)
				}
			}
			err := d.Read(t.Context(), func(tx *db.Tx) error {
				many, err := identity.FindMany(t.Context(), tx, c.a, append(ids, "nobody"))
				if err != nil || len(many) != len(c.sees) {
					t.Errorf("%s: FindMany gives %d of %d: %v", name, len(many), len(c.sees), err)
				}
				list, _, err := identity.List(t.Context(), tx, c.a, identity.Filter{Everyone: true})
				if err != nil || len(list) != len(c.sees) {
					t.Errorf("%s: List gives %d of %d: %v", name, len(list), len(c.sees), err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestColleaguesSeeOnlyTheDirectory(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		anna, bob, guy := add(t, d, "Anna Colin"), add(t, d, "Bob Dupin"), add(t, d, "Guy Agent", auth.Agent)
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			_, err := identity.Update(ctx, tx, machine, anna.ID, 0, func(p *identity.Person) { p.VIP, p.Theme, p.Phone = true, "dark", "01 02" })
			return err
		})
		for _, c := range []struct {
			who   identity.Person
			knows bool
		}{{anna, true}, {guy, true}, {bob, false}} {
			write(t, d, func(ctx context.Context, tx *db.Tx) error {
				a, err := identity.LoadActor(ctx, tx, c.who.ID)
				if err != nil {
					return err
				}
				p, err := identity.Find(ctx, tx, a, anna.ID)
				if p.VIP != c.knows || (p.Theme == "dark") != c.knows || p.Phone != "01 02" {
					t.Errorf("%s sees %+v", c.who.Name, p)
				}
				return err
			})
		}
	})
}

func TestEmailIsOneWhateverItsCase(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		p := add(t, d, "René Martin")
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			for typed, want := range map[string]error{"RENÉ.Martin@Exemple.test": nil, " rené.martin@exemple.test\x00": nil,
				"rene.martin@exemple.test": errs.NotFound, "": errs.NotFound} {
				got, err := identity.FindByEmail(ctx, tx, machine, typed)
				if !errors.Is(err, want) || want == nil && got.ID != p.ID {
					t.Errorf("%q finds %v: %v", typed, got.Name, err)
				}
			}
			return nil
		})
		err := try(t, d, func(ctx context.Context, tx *db.Tx) error {
			_, err := identity.Create(ctx, tx, machine, identity.Person{Name: "René Martin", Email: "René.MARTIN@exemple.test"})
			return err
		})
		if keys(err) != "email identity.email.taken" {
			t.Errorf("a second owner of the address: %v", err)
		}
		add(t, d, "Rene Martin") // a namesake with another address is welcome
		if n := dbtest.Count(t, d, "person"); n != 2 {
			t.Errorf("%d people", n)
		}
	})
}

func TestUpdateWhoMayWhat(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		admin, agent, anna := add(t, d, "Ada Admin", auth.Admin), add(t, d, "Guy Agent", auth.Agent), add(t, d, "Anna Colin")
		limited := actor(t, d, anna)
		limited.Scopes = []string{"tickets"}
		own := func(p *identity.Person) {
			p.Lang, p.Zone, p.Phone, p.GivenName, p.Theme = "en", "America/Montreal", "+1 514 555 0100 poste 3", "Annie", "dark"
		}
		title := func(p *identity.Person) { p.Title = "Directrice" }
		for name, c := range map[string]struct {
			a    auth.Actor
			edit func(*identity.Person)
			want error
		}{
			"self, own":        {actor(t, d, anna), own, nil},
			"self, title":      {actor(t, d, anna), title, errs.Forbidden},
			"self, limited":    {limited, own, errs.Forbidden},
			"agent, own":       {actor(t, d, agent), own, errs.Forbidden},
			"admin, title":     {actor(t, d, admin), title, nil},
			"admin, own":       {actor(t, d, admin), own, nil},
			"nobody":           {auth.Actor{}, own, errs.NotFound},
			"self, roles":      {actor(t, d, anna), func(p *identity.Person) { p.Roles = []auth.Role{auth.Admin} }, nil}, // ignored
			"admin, bad zone":  {actor(t, d, admin), func(p *identity.Person) { p.Zone = "Paris" }, errs.Invalid},
			"admin, no name":   {actor(t, d, admin), func(p *identity.Person) { p.Name = " " }, errs.Invalid},
			"admin, bad mail":  {actor(t, d, admin), func(p *identity.Person) { p.Email = "Anna <anna@exemple.test>" }, errs.Invalid},
			"admin, self boss": {actor(t, d, admin), func(p *identity.Person) { p.ManagerID = p.ID }, errs.Invalid},
			"admin, picture":   {actor(t, d, admin), func(p *identity.Person) { p.Avatar = "../../etc/passwd" }, errs.Invalid},
			"self, picture":    {actor(t, d, anna), func(p *identity.Person) { p.Avatar = strings.Repeat("0a", 32) }, nil},
			"admin, no boss":   {actor(t, d, admin), func(p *identity.Person) { p.ManagerID = "nobody" }, errs.Invalid},
		} {
			undo := errors.New("undo")
			err := try(t, d, func(ctx context.Context, tx *db.Tx) error {
				p, err := identity.Update(ctx, tx, c.a, anna.ID, 0, c.edit)
				if err == nil && len(p.Roles) > 0 {
					t.Errorf("%s: roles %v", name, p.Roles)
				}
				if err == nil {
					return undo
				}
				return err
			})
			if errors.Is(err, undo) {
				err = nil
			}
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
	})
}

func TestUpdateTellsOfConflictsAndChanges(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		anna := add(t, d, "Anna Colin")
		set := func(version int64, title string) error {
			return try(t, d, func(ctx context.Context, tx *db.Tx) error {
				_, err := identity.Update(ctx, tx, machine, anna.ID, version, func(p *identity.Person) { p.Title = title })
				return err
			})
		}
		if err := set(anna.Version, "Cheffe"); err != nil {
			t.Fatal(err)
		}
		if err := set(anna.Version, "Directrice"); !errors.Is(err, errs.Conflict) || keys(err) != "identity.conflict" {
			t.Errorf("an old version: %v", err)
		}
		if err := set(anna.Version+1, "Cheffe"); err != nil { // no change, no event
			t.Error(err)
		}
		if got := kinds(t, d, "person/"+anna.ID); !slices.Equal(got, []string{"person.created", "person.updated"}) {
			t.Errorf("events %v", got)
		}
	})
}

func TestManagersMakeNoLoop(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		a, b, c := add(t, d, "A A"), add(t, d, "B B"), add(t, d, "C C")
		boss := func(who, of identity.Person) error {
			return try(t, d, func(ctx context.Context, tx *db.Tx) error {
				_, err := identity.Update(ctx, tx, machine, who.ID, 0, func(p *identity.Person) { p.ManagerID = of.ID })
				return err
			})
		}
		if err := errors.Join(boss(a, b), boss(b, c)); err != nil {
			t.Fatal(err)
		}
		if err := boss(c, a); keys(err) != "manager identity.manager.loop" {
			t.Errorf("the third closes the circle: %v", err)
		}
	})
}

func TestRolesAndTheLastAdministrator(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ada, bea, guy := add(t, d, "Ada Admin", auth.Admin), add(t, d, "Bea Admin", auth.Admin), add(t, d, "Guy Agent", auth.Agent, auth.Lead)
		set := func(a auth.Actor, id string, roles ...auth.Role) error {
			return try(t, d, func(ctx context.Context, tx *db.Tx) error {
				_, err := identity.SetRoles(ctx, tx, a, id, roles)
				return err
			})
		}
		if err := set(actor(t, d, guy), guy.ID, auth.Admin); !errors.Is(err, errs.Forbidden) {
			t.Errorf("an agent makes themself administrator: %v", err)
		}
		if err := set(machine, guy.ID, "king"); keys(err) != "roles identity.role_unknown" {
			t.Errorf("unknown role: %v", err)
		}
		limited := actor(t, d, ada)
		limited.Scopes = []string{"people:write"}
		if err := set(limited, guy.ID, auth.Admin); !errors.Is(err, errs.Forbidden) {
			t.Errorf("a limited token makes an administrator: %v", err)
		}
		for p, want := range map[*identity.Person]error{&ada: errs.Forbidden, &guy: nil} { // the address gets the next password
			err := try(t, d, func(ctx context.Context, tx *db.Tx) error {
				_, err := identity.Update(ctx, tx, limited, p.ID, 0, func(p *identity.Person) { p.Email = "else@exemple.test" })
				return err
			})
			if !errors.Is(err, want) {
				t.Errorf("a limited token changes the address of %s: %v", p.Name, err)
			}
		}
		for name, roles := range map[string][]auth.Role{"plain": nil, "admin": {auth.Admin}} {
			err := try(t, d, func(ctx context.Context, tx *db.Tx) error {
				_, err := identity.Create(ctx, tx, limited, identity.Person{Name: name, Roles: roles})
				return err
			})
			if (err == nil) != (roles == nil) {
				t.Errorf("a limited token creates %s: %v", name, err)
			}
		}
		var wg sync.WaitGroup
		results := make([]error, 2) // both lose the role at once: one must stay
		for i, p := range []identity.Person{ada, bea} {
			wg.Go(func() { results[i] = set(machine, p.ID, auth.Requester) })
		}
		wg.Wait()
		if (results[0] == nil) == (results[1] == nil) {
			t.Fatalf("both removed or none: %v", results)
		}
		last := ada
		if results[0] == nil {
			last = bea
		}
		if err := set(actor(t, d, last), last.ID, auth.Agent); !errors.Is(err, errs.Conflict) || keys(err) != "identity.lastadmin" {
			t.Errorf("the last administrator resigns: %v", err)
		}
		err := try(t, d, func(ctx context.Context, tx *db.Tx) error {
			_, err := identity.Deactivate(ctx, tx, machine, last.ID)
			return err
		})
		if !errors.Is(err, errs.Conflict) {
			t.Errorf("the last administrator deactivated: %v", err)
		}
	})
}

func TestDeactivateLocksOut(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		anna := add(t, d, "Anna Colin")
		me := actor(t, d, anna)
		var session, secret string
		write(t, d, func(ctx context.Context, tx *db.Tx) (err error) {
			if session, _, err = identity.OpenSession(ctx, tx, anna.ID, "Firefox", "192.0.2.1", time.Hour); err != nil {
				return err
			}
			secret, _, err = identity.IssueToken(ctx, tx, me, anna.ID, "import", []string{"*"}, time.Time{})
			return err
		})
		if err := try(t, d, func(ctx context.Context, tx *db.Tx) error {
			_, err := identity.Deactivate(ctx, tx, me, anna.ID)
			return err
		}); !errors.Is(err, errs.Forbidden) {
			t.Errorf("anybody deactivates: %v", err)
		}
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			_, err := identity.Deactivate(ctx, tx, machine, anna.ID)
			return err
		})
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			_, err := identity.Activate(ctx, tx, machine, anna.ID)
			return err
		})
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			if _, _, err := identity.ActorOfSession(ctx, tx, session, 0, 0); !errors.Is(err, errs.NotFound) {
				t.Errorf("the session came back: %v", err)
			}
			if _, _, err := identity.ActorOfToken(ctx, tx, secret); !errors.Is(err, errs.NotFound) {
				t.Errorf("the token came back: %v", err)
			}
			return nil
		})
		want := []string{"person.created", "token.issued", "person.deactivated", "person.activated"}
		if got := kinds(t, d, "person/"+anna.ID); !slices.Equal(got, want) {
			t.Errorf("events %v", got)
		}
	})
}
