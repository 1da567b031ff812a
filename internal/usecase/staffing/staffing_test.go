package staffing_test

import (
	"context"
	"errors"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/staffing"
)

var machine = auth.System("test")

func write(t *testing.T, d *db.DB, f func(ctx context.Context, tx *db.Tx) error) error {
	t.Helper()
	return d.Write(t.Context(), func(tx *db.Tx) error { return f(t.Context(), tx) })
}

func TestTeamAndItsQueues(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		var net, bare identity.Team
		err := write(t, d, func(ctx context.Context, tx *db.Tx) (err error) {
			if net, err = staffing.CreateTeam(ctx, tx, machine, identity.Team{Name: " Réseau ", Level: 2}, true); err != nil {
				return err
			}
			if bare, err = staffing.CreateTeam(ctx, tx, machine, identity.Team{Name: "Poste", Level: 1}, false); err != nil {
				return err
			}
			_, err = ticket.SaveQueue(ctx, tx, machine, ticket.Queue{Name: "Wifi", TeamID: net.ID, Private: true, Position: 7})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		levels := func(team string) map[string]int {
			out := map[string]int{}
			err := d.Read(t.Context(), func(tx *db.Tx) error {
				queues, err := staffing.Queues(t.Context(), tx, machine, team)
				for _, q := range queues {
					out[q.Name] = q.Level
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		if got := levels(bare.ID); len(got) > 0 {
			t.Errorf("queues nobody asked for: %v", got)
		}
		change := func(a auth.Actor, version int64, level int) error {
			return write(t, d, func(ctx context.Context, tx *db.Tx) error {
				_, err := staffing.ChangeTeam(ctx, tx, a, net.ID, version, func(t *identity.Team) { t.Level = level })
				return err
			})
		}
		for name, c := range map[string]struct {
			a       auth.Actor
			version int64
			level   int
			want    error
		}{
			"agent":      {auth.Actor{ID: "x", Roles: []auth.Role{auth.Agent}}, 0, 3, errs.Forbidden},
			"stale":      {machine, 9, 3, errs.Conflict},
			"level four": {machine, 1, 4, errs.Invalid},
		} {
			if err := change(c.a, c.version, c.level); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
			if got := levels(net.ID); got["Réseau"] != 2 || got["Wifi"] != 2 || len(got) != 2 {
				t.Errorf("%s: levels %v", name, got)
			}
		}
		if err := change(machine, 1, 3); err != nil {
			t.Fatal(err)
		}
		if got := levels(net.ID); got["Réseau"] != 3 || got["Wifi"] != 3 {
			t.Errorf("levels after the change: %v", got)
		}
	})
}
