package identity_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/domain/identity"
)

func TestSearchAndPages(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		for _, n := range []string{"Hélène Œuvrard", "Jean-Pierre Du Bois", "Bo 100%", "Pierre Martin", "Élodie Martin", "Zoe Pierrot"} {
			add(t, d, n)
		}
		names := func(list []identity.Person) (out []string) {
			for _, p := range list {
				out = append(out, p.Name)
			}
			return out
		}
		for typed, want := range map[string][]string{
			"helene":      {"Hélène Œuvrard"},
			"oeuv hel":    {"Hélène Œuvrard"},
			"PIERR":       {"Pierre Martin", "Jean-Pierre Du Bois", "Zoe Pierrot"},
			"@élodie":     {"Élodie Martin"},
			"artin":       nil,
			"%":           nil,
			"100":         {"Bo 100%"},
			"zoe.pierrot": {"Zoe Pierrot"},
			"zoe_pierrot": {"Zoe Pierrot"},
			"\x00":        {"Bo 100%", "Élodie Martin", "Hélène Œuvrard", "Jean-Pierre Du Bois", "Pierre Martin", "Zoe Pierrot"},
		} {
			err := d.Read(t.Context(), func(tx *db.Tx) error {
				got, err := identity.Search(t.Context(), tx, machine, typed, 10)
				if !slices.Equal(names(got), want) {
					t.Errorf("%q finds %v", typed, names(got))
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
		err := d.Read(t.Context(), func(tx *db.Tx) error {
			var all []string
			after, pages := "", 0
			for pages == 0 || after != "" {
				page, next, err := identity.List(t.Context(), tx, machine, identity.Filter{Limit: 2, After: after})
				if err != nil {
					return err
				}
				all, after, pages = append(all, names(page)...), next, pages+1
			}
			if pages != 3 || !slices.Equal(all, []string{"Bo 100%", "Élodie Martin", "Hélène Œuvrard", "Jean-Pierre Du Bois", "Pierre Martin", "Zoe Pierrot"}) {
				t.Errorf("%d pages: %v", pages, all)
			}
			_, _, err := identity.List(t.Context(), tx, machine, identity.Filter{After: "§"})
			if !errors.Is(err, errs.Invalid) {
				t.Errorf("an invented cursor: %v", err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestListFilters(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		guy, lea, anna := add(t, d, "Guy Agent", auth.Agent), add(t, d, "Lea Lead", auth.Lead), add(t, d, "Anna Colin")
		var team identity.Team
		var group identity.Group
		write(t, d, func(ctx context.Context, tx *db.Tx) (err error) {
			if team, err = identity.CreateTeam(ctx, tx, machine, identity.Team{Name: "Réseau", Level: 2}); err != nil {
				return err
			}
			if err = identity.SetMember(ctx, tx, machine, team.ID, guy.ID, false); err != nil {
				return err
			}
			if group, err = identity.CreateGroup(ctx, tx, machine, identity.Group{Code: "Secours", Name: "Secouristes"}); err != nil {
				return err
			}
			if err = identity.AddToGroup(ctx, tx, machine, group.ID, anna.ID); err != nil {
				return err
			}
			_, err = identity.Deactivate(ctx, tx, machine, lea.ID)
			return err
		})
		for name, c := range map[string]struct {
			f    identity.Filter
			want []string
		}{
			"zero":       {identity.Filter{}, []string{anna.ID, guy.ID}},
			"inactive":   {identity.Filter{Inactive: true}, []string{lea.ID}},
			"role":       {identity.Filter{Role: auth.Lead, Everyone: true}, []string{lea.ID}},
			"requesters": {identity.Filter{Role: auth.Requester}, []string{anna.ID}},
			"team":       {identity.Filter{TeamID: team.ID}, []string{guy.ID}},
			"group":      {identity.Filter{GroupID: group.ID, Query: "col"}, []string{anna.ID}},
			"none":       {identity.Filter{GroupID: group.ID, Query: "guy"}, nil},
		} {
			err := d.Read(t.Context(), func(tx *db.Tx) error {
				page, next, err := identity.List(t.Context(), tx, machine, c.f)
				var ids []string
				for _, p := range page {
					ids = append(ids, p.ID)
				}
				if !slices.Equal(ids, c.want) || next != "" {
					t.Errorf("%s: %v, next %q", name, page, next)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
}
