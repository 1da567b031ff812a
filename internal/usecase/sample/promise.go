package sample

import (
	"context"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	hoursof "entraide/internal/domain/calendar"
	"entraide/internal/domain/sla"
	"entraide/internal/usecase/promise"
)

// promises stores working hours and what is promised in them, and lets the clocks of open tickets run.
func (f *Filler) promises(ctx context.Context) error {
	err := f.DB.Write(ctx, func(tx *db.Tx) error {
		a := auth.System(machine)
		hours := map[string][]hoursof.Span{}
		for _, d := range []string{"mon", "tue", "wed", "thu", "fri"} {
			hours[d] = []hoursof.Span{{"08:30", "12:30"}, {"13:30", "18:00"}}
		}
		c, err := hoursof.Save(ctx, tx, a, hoursof.Stored{Name: "Heures de bureau", Spec: hoursof.Spec{Zone: "Europe/Paris", Hours: hours, Holidays: hoursof.Holidays{{Country: "FR"}}}})
		if err != nil {
			return err
		}
		for i, p := range []sla.Policy{
			{Name: "Incidents", Fits: sla.Fits{Kinds: []string{"incident"}}, Warn: 75, Targets: map[int]sla.Target{
				1: {First: 30, Next: 60, Resolution: 240}, 2: {First: 60, Next: 240, Resolution: 480}, 3: {First: 240, Next: 480, Resolution: 1440}, 4: {First: 480, Next: 960, Resolution: 2880}}},
			{Name: "Demandes", Fits: sla.Fits{Kinds: []string{"request"}}, Warn: 80, Targets: map[int]sla.Target{
				1: {First: 120, Resolution: 960}, 2: {First: 240, Resolution: 1440}, 3: {First: 480, Resolution: 2400}, 4: {First: 960, Resolution: 4800}}},
		} {
			p.Active, p.CalendarID, p.Position, p.Waits = true, c.ID, i+1, []string{"requester", "third_party"}
			if _, err := sla.SavePolicy(ctx, tx, a, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return promise.Anew(ctx, f.DB)
}
