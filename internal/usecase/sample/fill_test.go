package sample_test

import (
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/sample"
)

func TestFill(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		blobs, err := blob.OpenDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		p, err := sample.Make(sample.Options{Now: time.Now(), People: 80, Tickets: 150})
		if err != nil {
			t.Fatal(err)
		}
		f := sample.Filler{DB: d, Blobs: blobs, Hasher: identity.NewHasher(2)}
		if err := f.Fill(ctx, p); err != nil {
			t.Fatal(err)
		}
		if n := dbtest.Count(t, d, "ticket WHERE kind <> 'problem'"); n != len(p.Stories)+2 { // two came by mail
			t.Errorf("%d tickets, want %d and two that came by mail", n, len(p.Stories))
		}
		for state, want := range map[string]int{"done": 2, "quarantined": 1, "ignored": 2, "parked": 1} {
			if n := dbtest.Count(t, d, "envelope WHERE state = '"+state+"'"); n != want {
				t.Errorf("%d mails %s, want %d", n, state, want)
			}
		}
		if n := dbtest.Count(t, d, "event_todo"); n != 0 {
			t.Errorf("%d reactions wait; the past must not notify anybody", n)
		}
		for _, g := range p.Groups {
			if len(g.Members) == 0 {
				t.Errorf("nobody is in %s", g.Key)
			}
		}
		for table, want := range map[string]int{"people_group": len(p.Groups), "field": len(p.Questions)} {
			if n := dbtest.Count(t, d, table); n != want || n == 0 {
				t.Errorf("%d rows in %s, want %d", n, table, want)
			}
		}
		if n, links := dbtest.Count(t, d, "problem"), dbtest.Count(t, d, "ticket_link WHERE kind = 'caused_by'"); n == 0 || links < 2*n {
			t.Errorf("%d problems with %d incidents", n, links)
		}
		if n := dbtest.Count(t, d, "ticket WHERE fields LIKE '%poste%'"); n == 0 {
			t.Error("nobody answered the question about the computer")
		}
		for _, key := range p.Accounts {
			if _, err := identity.SignIn(ctx, d, identity.NewHasher(1), key, sample.Password, "127.0.0.1"); err != nil {
				t.Errorf("account %s: %v", key, err)
			}
		}
		open := 2 // that came by mail
		for _, s := range p.Stories {
			if s.Open() {
				open++
			}
		}
		err = d.Read(ctx, func(tx *db.Tx) error {
			n, err := ticket.Counts(ctx, tx, auth.System("test"), []ticket.Filter{{Active: true, Kinds: []ticket.Kind{ticket.Incident, ticket.Request}}})
			if err == nil && n[0] != open {
				t.Errorf("%d active tickets, want %d", n[0], open)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
