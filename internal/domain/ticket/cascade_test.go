package ticket_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/job"
	"entraide/internal/domain/ticket"
)

const bilingual = `
	INSERT INTO team (id, name, level, created_at) VALUES ('team1', 'Niveau 1', 1, 0);
	INSERT INTO queue (id, name, team_id, level, created_at) VALUES ('q1', 'Niveau 1', 'team1', 1, 0);
	INSERT INTO person (id, name, email, email_key, name_fold, lang, created_at, updated_at) VALUES
		('ann', 'Ann', 'ann@x.fr', 'ann@x.fr', 'ann', 'fr', 0, 0), ('bob', 'Bob', 'bob@x.fr', 'bob@x.fr', 'bob', 'en', 0, 0),
		('nina', 'Nina', 'nina@x.fr', 'nina@x.fr', 'nina', 'fr', 0, 0);
	INSERT INTO priority_rule (impact, urgency, priority) VALUES (3, 3, 3);`

// TestEachReadsTheirLanguageOnce runs a cascade several times, also as a version before this package promised it.
func TestEachReadsTheirLanguageOnce(t *testing.T) {
	dbtest.Each(t, bilingual, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		var made []ticket.Ticket
		var jobs []job.Job
		do := func(f func(ctx context.Context, tx *db.Tx) error) {
			t.Helper()
			if err := d.Write(ctx, func(tx *db.Tx) error { return f(ctx, tx) }); err != nil {
				t.Fatal(err)
			}
		}
		do(func(ctx context.Context, tx *db.Tx) error {
			made = nil
			for _, by := range []auth.Actor{{ID: "ann", Name: "Ann"}, {ID: "bob", Name: "Bob"}} {
				x, err := ticket.OpenTicket(ctx, tx, by, ticket.Draft{Subject: "VPN", Channel: ticket.Portal, Message: ticket.Draught{Body: "Coupé."}})
				if err != nil {
					return err
				}
				made = append(made, x)
			}
			return errors.Join(
				ticket.StartCascade(ctx, tx, auth.Actor{ID: "nina", Name: "Nina"}, ticket.Cascade{Do: ticket.TellAll, Body: "On cherche.", English: "We are looking.", Tickets: []string{made[0].ID, "gone", made[1].ID}}),
				job.Insert(ctx, tx, job.New{Kind: ticket.JobCascadeBefore, Key: "old", Payload: json.RawMessage(
					`{"id":"old","do":"resolve","problem":"p","by":"nina","body":"Réparé.","incidents":["` + made[0].ID + `"]}`)}))
		})
		do(func(ctx context.Context, tx *db.Tx) (err error) {
			jobs, err = job.List(ctx, tx, job.Ready, 10)
			return err
		})
		if len(jobs) != 2 {
			t.Fatalf("%d jobs", len(jobs))
		}
		for _, kind := range []string{ticket.JobCascade, ticket.JobCascade, ticket.JobCascadeBefore, ticket.JobCascadeBefore, ticket.JobCascade} {
			for _, j := range jobs {
				if j.Kind == kind {
					if err := ticket.CascadeHandler(d).Run(ctx, j); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		for i, want := range [][]string{{"Coupé.", "On cherche.", "Réparé."}, {"Coupé.", "We are looking."}} {
			var said []string
			do(func(ctx context.Context, tx *db.Tx) error {
				list, err := ticket.Conversation(ctx, tx, auth.System("test"), made[i])
				said = nil
				for j, m := range list {
					said = append(said, m.Body)
					if j > 0 && m.Author != "Nina" {
						t.Errorf("said by %q", m.Author)
					}
				}
				return err
			})
			if len(said) != len(want) || said[len(said)-1] != want[len(want)-1] {
				t.Errorf("%q, want %q", said, want)
			}
		}
	})
}
