package promise_test

import (
	"fmt"
	"testing"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/domain/calendar"
	"entraide/internal/domain/sla"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/promise"
)

// BenchmarkAnew counts the clocks of 500 active tickets anew, as after a change of a calendar; it reports tickets a second.
func BenchmarkAnew(b *testing.B) {
	for _, e := range []db.Engine{db.SQLite, db.Postgres} {
		b.Run(string(e), func(b *testing.B) {
			d := dbtest.Open(b, e, dbtest.Options{Seed: cast})
			const tickets = 500
			err := d.Write(b.Context(), func(tx *db.Tx) error {
				c, err := calendar.Save(b.Context(), tx, admin, calendar.Stored{Name: "Bureau", Spec: calendar.Spec{Zone: "Europe/Paris",
					Hours: map[string][]calendar.Span{"mon": {{"09:00", "18:00"}}, "tue": {{"09:00", "18:00"}}}, Holidays: calendar.Holidays{{Country: "FR"}}}})
				if err != nil {
					return err
				}
				_, err = sla.SavePolicy(b.Context(), tx, admin, sla.Policy{Name: "Standard", Active: true, CalendarID: c.ID, Warn: 75, Targets: map[int]sla.Target{3: {First: 60, Resolution: 480}}})
				for n := 0; err == nil && n < tickets; n++ {
					_, err = ticket.OpenTicket(b.Context(), tx, ann, ticket.Draft{Subject: fmt.Sprint("VPN ", n), Channel: ticket.Portal, Message: ticket.Draught{Body: "Il se coupe"}})
				}
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
			n := 0
			began := time.Now()
			for b.Loop() {
				if err := promise.Anew(b.Context(), d); err != nil {
					b.Fatal(err)
				}
				n += tickets
			}
			b.ReportMetric(float64(n)/time.Since(began).Seconds(), "tickets/s")
		})
	}
}
