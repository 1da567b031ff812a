package identity_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/domain/identity"
)

func makeTeam(t *testing.T, d *db.DB, name string, level int) (team identity.Team) {
	t.Helper()
	write(t, d, func(ctx context.Context, tx *db.Tx) (err error) {
		team, err = identity.CreateTeam(ctx, tx, machine, identity.Team{Name: name, Level: level})
		return err
	})
	return team
}

func TestSeedOnce(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		for round, want := range []int{3, 0} {
			write(t, d, func(ctx context.Context, tx *db.Tx) error {
				teams, err := identity.Seed(ctx, tx, machine, [3]string{"Accueil", "Proximité", "Experts"})
				if len(teams) != want || want == 3 && (teams[2].Level != 3 || teams[2].Name != "Experts") {
					t.Errorf("round %d: %+v", round, teams)
				}
				return err
			})
		}
		if n := dbtest.Count(t, d, "team"); n != 3 {
			t.Errorf("%d teams", n)
		}
	})
}

func TestWhoManagesTeams(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ada, lea, guy, anna := add(t, d, "Ada Admin", auth.Admin), add(t, d, "Lea Lead", auth.Lead), add(t, d, "Guy Agent", auth.Agent), add(t, d, "Anna Colin")
		hers, other := makeTeam(t, d, "Réseau", 2), makeTeam(t, d, "Poste", 1)
		luc, out := add(t, d, "Luc Parti"), identity.Person{}
		write(t, d, func(ctx context.Context, tx *db.Tx) (err error) {
			if out, err = identity.EnsureParticipant(ctx, tx, machine, "client@exemple.test", ""); err == nil {
				_, err = identity.Deactivate(ctx, tx, machine, luc.ID)
			}
			return err
		})
		limited := actor(t, d, ada)
		limited.Scopes = []string{"people:write"}
		set := func(a auth.Actor, team identity.Team, p identity.Person, leads bool) error {
			return try(t, d, func(ctx context.Context, tx *db.Tx) error {
				return identity.SetMember(ctx, tx, a, team.ID, p.ID, leads)
			})
		}
		if err := set(machine, hers, lea, true); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			a     auth.Actor
			team  identity.Team
			p     identity.Person
			leads bool
			want  error
		}{
			"admin":                {actor(t, d, ada), other, guy, false, nil},
			"lead, own team":       {actor(t, d, lea), hers, guy, false, nil},
			"lead, other team":     {actor(t, d, lea), other, guy, false, errs.Forbidden},
			"agent":                {actor(t, d, guy), hers, guy, false, errs.Forbidden},
			"requester":            {actor(t, d, anna), hers, guy, false, errs.Forbidden},
			"nobody":               {auth.Actor{}, hers, guy, false, errs.NotFound},
			"somebody who left":    {actor(t, d, ada), hers, luc, false, errs.Invalid},
			"a participant":        {actor(t, d, ada), hers, out, false, errs.Invalid},
			"limited, no new role": {limited, other, guy, false, nil},
			"limited, new role":    {limited, other, anna, false, errs.Forbidden},
			"lead, no agent yet":   {actor(t, d, lea), hers, anna, false, errs.Forbidden},
			"lead, no lead yet":    {actor(t, d, lea), hers, guy, true, errs.Forbidden},
		} {
			err := set(c.a, c.team, c.p, c.leads)
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
			if key, _, _ := errs.Reason(err); strings.HasSuffix(name, "yet") != (key != "") && !strings.HasSuffix(name, "new role") {
				t.Errorf("%s: the reason is %q", name, key)
			}
			update := func() error {
				return try(t, d, func(ctx context.Context, tx *db.Tx) error {
					_, err := identity.UpdateTeam(ctx, tx, c.a, c.team.ID, 0, func(t *identity.Team) { t.Description += "x" })
					return err
				})
			}
			if err := update(); (err == nil) != c.a.Admin() {
				t.Errorf("%s edits the team: %v", name, err)
			}
		}
		if roles := actor(t, d, anna).Roles; len(roles) > 0 {
			t.Errorf("Anna became %v", roles)
		}
		a := actor(t, d, lea)
		if !a.Leads(hers.ID) || a.Leads(other.ID) || !actor(t, d, guy).Works(hers.ID) {
			t.Errorf("%+v", a)
		}
		if err := try(t, d, func(ctx context.Context, tx *db.Tx) error { return identity.RemoveMember(ctx, tx, a, hers.ID, guy.ID) }); err != nil {
			t.Error(err)
		}
		want := []string{"team.created", "team.member", "team.member", "team.updated", "team.updated", "team.member"}
		if got := kinds(t, d, "team/"+hers.ID); len(got) != len(want) || got[0] != want[0] || got[len(got)-1] != "team.member" {
			t.Errorf("events %v", got)
		}
	})
}

func TestMembershipsGiveRoles(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ada, team := add(t, d, "Ada Lovelace", auth.Admin), makeTeam(t, d, "Réseau", 2)
		for name, c := range map[string]struct {
			had   []auth.Role
			leads bool
			want  []auth.Role
		}{
			"Anna Colin": {nil, false, []auth.Role{auth.Agent}},
			"Bo Colin":   {nil, true, []auth.Role{auth.Lead}},
			"Guy Agent":  {[]auth.Role{auth.Agent}, false, []auth.Role{auth.Agent}},
			"Eva Agent":  {[]auth.Role{auth.Agent, auth.Maker}, true, []auth.Role{auth.Agent, auth.Lead, auth.Maker}},
			"Max Lead":   {[]auth.Role{auth.Lead}, false, []auth.Role{auth.Lead}},
			"Ada Admin":  {[]auth.Role{auth.Admin}, false, []auth.Role{auth.Agent, auth.Admin}},
		} {
			p, by := add(t, d, name, c.had...), actor(t, d, ada)
			for range 2 { // the second time changes nothing
				write(t, d, func(ctx context.Context, tx *db.Tx) error {
					return identity.SetMember(ctx, tx, by, team.ID, p.ID, c.leads)
				})
			}
			a := actor(t, d, p)
			if !slices.Equal(a.Roles, c.want) || !a.Works(team.ID) || a.Leads(team.ID) != (c.leads || a.Admin()) {
				t.Errorf("%s: %+v", name, a)
			}
			told := slices.Contains(kinds(t, d, "person/"+p.ID), "person.roles")
			if told == slices.Equal(c.had, c.want) {
				t.Errorf("%s: roles told: %v", name, told)
			}
		}
	})
}

func TestRolesCarryMemberships(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		lea := add(t, d, "Lea Lead", auth.Lead)
		team := makeTeam(t, d, "Réseau", 2)
		step := func(roles ...auth.Role) auth.Actor {
			write(t, d, func(ctx context.Context, tx *db.Tx) error {
				_, err := identity.SetRoles(ctx, tx, machine, lea.ID, roles)
				return err
			})
			return actor(t, d, lea)
		}
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			return identity.SetMember(ctx, tx, machine, team.ID, lea.ID, true)
		})
		if a := step(auth.Agent, auth.Knowledge); !a.Works(team.ID) || len(a.LeadOf) > 0 || !a.Is(auth.Knowledge) {
			t.Errorf("as an agent: %+v", a)
		}
		if a := step(auth.Knowledge); len(a.Teams) > 0 {
			t.Errorf("no longer agent: %+v", a)
		}
		if got := kinds(t, d, "team/"+team.ID); !slices.Equal(got, []string{"team.created", "team.member", "team.member"}) {
			t.Errorf("events %v", got)
		}
	})
}

func TestTeamsShowMembersToAgents(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		guy, anna, ada := add(t, d, "Guy Agent", auth.Agent), add(t, d, "Anna Colin"), add(t, d, "Ada Admin", auth.Admin)
		two, one, off := makeTeam(t, d, "B", 2), makeTeam(t, d, "Z", 1), makeTeam(t, d, "Off", 1)
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			if _, err := identity.UpdateTeam(ctx, tx, machine, off.ID, off.Version, func(t *identity.Team) { t.Active = false }); err != nil {
				return err
			}
			if _, err := identity.UpdateTeam(ctx, tx, machine, off.ID, off.Version, func(t *identity.Team) { t.Name = "Late" }); !errors.Is(err, errs.Conflict) {
				t.Errorf("an old version: %v", err)
			}
			return identity.SetMember(ctx, tx, machine, two.ID, guy.ID, false)
		})
		for name, c := range map[string]struct {
			a       auth.Actor
			teams   []string
			members int
		}{
			"nobody":    {auth.Actor{}, nil, 0},
			"requester": {actor(t, d, anna), []string{one.ID, two.ID}, 0},
			"agent":     {actor(t, d, guy), []string{one.ID, two.ID}, 1},
			"admin":     {actor(t, d, ada), []string{off.ID, one.ID, two.ID}, 1},
		} {
			err := d.Read(t.Context(), func(tx *db.Tx) error {
				teams, err := identity.ListTeams(t.Context(), tx, c.a)
				var ids []string
				members := 0
				for _, x := range teams {
					ids, members = append(ids, x.ID), members+len(x.Members)
				}
				if !slices.Equal(ids, c.teams) || members != c.members {
					t.Errorf("%s: %+v", name, teams)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestGroups(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		anna, guy := add(t, d, "Anna Colin"), add(t, d, "Guy Agent", auth.Agent)
		var g identity.Group
		var guest identity.Person
		write(t, d, func(ctx context.Context, tx *db.Tx) (err error) {
			if guest, err = identity.EnsureParticipant(ctx, tx, machine, "g@dehors.test", ""); err != nil {
				return err
			}
			if g, err = identity.CreateGroup(ctx, tx, machine, identity.Group{Code: "SST", Name: "Secouristes"}); err != nil {
				return err
			}
			for range 2 {
				if err = identity.AddToGroup(ctx, tx, machine, g.ID, anna.ID); err != nil {
					return err
				}
			}
			return nil
		})
		me, agent, out := actor(t, d, anna), actor(t, d, guy), actor(t, d, guest)
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			for name, c := range map[string]struct {
				got, want error
			}{
				"agent creates":   {second(identity.CreateGroup(ctx, tx, agent, identity.Group{Code: "x", Name: "x"})), errs.Forbidden},
				"taken code":      {second(identity.CreateGroup(ctx, tx, machine, identity.Group{Code: "sst", Name: "x"})), errs.Invalid},
				"blank code":      {second(identity.CreateGroup(ctx, tx, machine, identity.Group{Code: "s t", Name: "x"})), errs.Invalid},
				"colleague finds": {second(identity.FindGroup(ctx, tx, me, g.ID)), nil},
				"guest finds":     {second(identity.FindGroup(ctx, tx, out, g.ID)), errs.NotFound},
				"own groups":      {second(identity.GroupsOf(ctx, tx, me, anna.ID)), nil},
				"others' groups":  {second(identity.GroupsOf(ctx, tx, me, guy.ID)), errs.Forbidden},
				"nobody's groups": {second(identity.GroupsOf(ctx, tx, auth.Actor{}, "")), errs.Forbidden},
				"agent adds":      {identity.AddToGroup(ctx, tx, agent, g.ID, guy.ID), errs.Forbidden},
				"agent removes":   {identity.RemoveFromGroup(ctx, tx, agent, g.ID, anna.ID), errs.Forbidden},
				"rename":          {second(identity.RenameGroup(ctx, tx, machine, g.ID, 1, "Sauveteurs")), nil},
				"late":            {second(identity.RenameGroup(ctx, tx, machine, g.ID, 99, "Autres")), errs.Conflict},
				"agent renames":   {second(identity.RenameGroup(ctx, tx, agent, g.ID, 0, "x")), errs.Forbidden},
			} {
				if !errors.Is(c.got, c.want) {
					t.Errorf("%s: %v", name, c.got)
				}
			}
			ids, err := identity.GroupsOf(ctx, tx, agent, anna.ID)
			if err != nil || !slices.Equal(ids, []string{g.ID}) {
				t.Errorf("groups of Anna: %v %v", ids, err)
			}
			if err := identity.RemoveFromGroup(ctx, tx, machine, g.ID, anna.ID); err != nil {
				return err
			}
			if err := identity.DeleteGroup(ctx, tx, agent, g.ID); !errors.Is(err, errs.Forbidden) {
				t.Errorf("an agent deletes: %v", err)
			}
			return identity.AddToGroup(ctx, tx, machine, g.ID, guy.ID)
		})
		write(t, d, func(ctx context.Context, tx *db.Tx) error { return identity.DeleteGroup(ctx, tx, machine, g.ID) })
		want := []string{"group.created", "group.member", "group.updated", "group.member", "group.member", "group.deleted"}
		if got := kinds(t, d, "group/"+g.ID); !slices.Equal(got, want) {
			t.Errorf("events %v", got)
		}
		if n := dbtest.Count(t, d, "group_member") + dbtest.Count(t, d, "people_group"); n != 0 {
			t.Errorf("%d rows of the group are left", n)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestAway(t *testing.T) {
	timed(t, func(t *testing.T, d *db.DB, c *clock) {
		anna, bob, cid, off := add(t, d, "Anna Colin"), add(t, d, "Bob Dupin"), add(t, d, "Cid Roy"), add(t, d, "Luc Parti")
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			_, err := identity.Deactivate(ctx, tx, machine, off.ID)
			return err
		})
		now := c.now()
		away := func(a auth.Actor, p identity.Person, w identity.Away) error {
			return try(t, d, func(ctx context.Context, tx *db.Tx) error {
				_, err := identity.SetAway(ctx, tx, a, p.ID, w)
				return err
			})
		}
		stand := func(p identity.Person) (id string) {
			write(t, d, func(ctx context.Context, tx *db.Tx) (err error) {
				id, err = identity.Standin(ctx, tx, p.ID)
				return err
			})
			return id
		}
		week := now.Add(7 * 24 * time.Hour)
		for name, c := range map[string]struct {
			a    auth.Actor
			w    identity.Away
			want string
		}{
			"backwards":       {actor(t, d, anna), identity.Away{From: week, Until: now}, "until identity.away.order"},
			"own deputy":      {actor(t, d, anna), identity.Away{Until: week, DeputyID: anna.ID}, "deputy identity.away.self"},
			"deputy has left": {actor(t, d, anna), identity.Away{Until: week, DeputyID: off.ID}, "deputy identity.away.deputy"},
		} {
			if err := away(c.a, anna, c.w); keys(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := away(actor(t, d, bob), anna, identity.Away{Until: week}); !errors.Is(err, errs.Forbidden) {
			t.Errorf("by a colleague: %v", err)
		}
		lea, guy, team := add(t, d, "Lea Lead", auth.Lead), add(t, d, "Guy Agent", auth.Agent), makeTeam(t, d, "Réseau", 2)
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			if err := identity.SetMember(ctx, tx, machine, team.ID, guy.ID, false); err != nil {
				return err
			}
			return identity.SetMember(ctx, tx, machine, team.ID, lea.ID, true)
		})
		lead := actor(t, d, lea)
		if err := away(lead, guy, identity.Away{Until: week}); err != nil {
			t.Errorf("by the lead: %v", err)
		}
		for who, by := range map[*identity.Person]auth.Actor{&anna: lead, &lea: actor(t, d, guy)} {
			if err := away(by, *who, identity.Away{Until: week}); !errors.Is(err, errs.Forbidden) {
				t.Errorf("%s by %s: %v", who.Name, by.Name, err)
			}
		}
		if err := try(t, d, func(ctx context.Context, tx *db.Tx) error {
			_, err := identity.Update(ctx, tx, lead, guy.ID, 0, func(p *identity.Person) { p.Phone = "02 40 12 34 56" })
			return err
		}); !errors.Is(err, errs.Forbidden) {
			t.Errorf("a lead changes more than the absence: %v", err)
		}
		if err := away(actor(t, d, anna), anna, identity.Away{From: now.Add(time.Hour), Until: week, DeputyID: bob.ID, Note: "En congé"}); err != nil {
			t.Fatal(err)
		}
		if got := stand(anna); got != anna.ID {
			t.Errorf("before leaving: %s", got)
		}
		c.advance(2 * time.Hour)
		if got := stand(anna); got != bob.ID {
			t.Errorf("away: %s", got)
		}
		if err := away(machine, bob, identity.Away{Until: week, DeputyID: cid.ID}); err != nil {
			t.Fatal(err)
		}
		if got := stand(anna); got != cid.ID {
			t.Errorf("the deputy is away too: %s", got)
		}
		if err := away(machine, cid, identity.Away{Until: week, DeputyID: anna.ID}); err != nil {
			t.Fatal(err)
		}
		if got := stand(anna); got != "" {
			t.Errorf("all three away: %s", got)
		}
		c.advance(8 * 24 * time.Hour)
		if got := stand(anna); got != anna.ID {
			t.Errorf("back: %s", got)
		}
	})
}
