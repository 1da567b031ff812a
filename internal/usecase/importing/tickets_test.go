package importing_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/importing"
)

var admin = auth.System("test")

// office is a database with teams and queues, and what an import told.
type office struct {
	*testing.T
	d   *db.DB
	im  importing.Tickets
	bad []map[string]any
}

func each(t *testing.T, f func(o *office)) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		o := &office{T: t, d: d}
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			if _, err := identity.Seed(t.Context(), tx, admin, [3]string{"Accueil", "Réseaux", "Éditeurs"}); err != nil {
				return err
			}
			return ticket.Seed(t.Context(), tx)
		})
		if err != nil {
			t.Fatal(err)
		}
		blobs, err := blob.OpenDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		o.im = importing.Tickets{DB: d, Blobs: blobs, Base: t.TempDir(), Progress: func(int) {}, Refuse: func(b importing.Bad) error {
			o.bad = append(o.bad, b.In(i18n.Loc{Lang: i18n.EN}))
			return nil
		}}
		f(o)
	})
}

// line is one record with what every one needs, and changes.
func line(changes map[string]any) string {
	m := map[string]any{"external_id": "old-1", "subject": "Imprimante", "body": "Bourrage", "created_at": "2024-03-01T08:00:00Z",
		"requester": map[string]string{"email": "Zoe@Old.example", "name": "Zoé Petit"}}
	for k, v := range changes {
		m[k] = v
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b) + "\n"
}

func (o *office) run(lines ...string) importing.Report {
	o.Helper()
	o.bad = nil
	rep, err := o.im.Run(o.Context(), admin, strings.NewReader(strings.Join(lines, "")))
	if err != nil {
		o.Fatal(err)
	}
	return rep
}

func TestATicketComesWithItsPast(t *testing.T) {
	each(t, func(o *office) {
		past := line(map[string]any{"status": "resolved", "resolved_at": "2024-03-02T09:00:00Z", "queue": "Ancienne file", "category": []string{"Poste", "Imprimante"},
			"tags": []string{"Vieux"}, "messages": []any{
				map[string]any{"author": "Agent Ancien", "at": "2024-03-01T09:00:00Z", "body": "Éteignez, rallumez."},
				map[string]any{"author": "Agent Ancien", "at": "2024-03-01T09:01:00Z", "body": " \u200b"}, // a source's empty comment
			}})
		dry := o.im
		o.im.DryRun = true
		if rep := o.run(past); rep.Imported != 1 || len(rep.Made["people"]) != 2 || dbtest.Count(t, o.d, "ticket")+dbtest.Count(t, o.d, "person") != 0 {
			o.Errorf("dry run: %+v", rep)
		}
		o.im = dry
		rep := o.run(past, past)
		if rep.Imported != 1 || rep.Skipped != 1 || rep.Failed != 0 || len(rep.Made["people"]) != 2 || len(rep.Made["queues"]) != 1 || len(rep.Made["categories"]) != 2 {
			o.Errorf("%+v", rep)
		}
		err := o.d.Read(t.Context(), func(tx *db.Tx) error {
			p, err := identity.FindByEmail(t.Context(), tx, admin, "zoe@old.example")
			if err != nil || p.Active || !p.External || p.Name != "Zoé Petit" {
				o.Errorf("%+v, %v", p, err)
			}
			all, _, err := ticket.List(t.Context(), tx, admin, ticket.Filter{ExternalID: "old-1"}, ticket.Page{})
			if err != nil || len(all) != 1 || all[0].Status != ticket.Resolved || all[0].Messages != 2 || all[0].RequesterID != p.ID || all[0].RespondedAt.IsZero() {
				o.Errorf("%+v, %v", all, err)
			}
			return err
		})
		if err != nil {
			o.Fatal(err)
		}
		if n := dbtest.Count(t, o.d, "event_todo"); n != 0 {
			o.Errorf("%d to-dos: somebody would be told", n)
		}
	})
}

func TestWrongValuesAreRefusedByName(t *testing.T) {
	each(t, func(o *office) {
		for field, value := range map[string]any{"type": "bug", "status": "done", "channel": "fax", "impact": 7, "urgency": -1, "level": 9, "subject": "\u200b"} {
			rep := o.run(line(map[string]any{field: value, "external_id": "x-" + field}), line(map[string]any{"external_id": "good-" + field}))
			if rep.Failed != 1 || rep.Imported != 1 || len(o.bad) != 1 || o.bad[0]["line"] != 1 || o.bad[0]["external_id"] != "x-"+field {
				o.Errorf("%s: %+v, %v", field, rep, o.bad)
				continue
			}
			why := o.bad[0]["why"].([]string)
			if !slices.ContainsFunc(why, func(s string) bool { return strings.HasPrefix(s, field+": ") }) {
				o.Errorf("%s: %v", field, why)
			}
			if field == "status" && why[0] != "status: “done” does not exist: give one of new, open, pending, resolved, closed, cancelled." {
				o.Errorf("no remedy: %s", why[0])
			}
		}
		rep := o.run("{\"external_id\":\n", line(map[string]any{"created_at": "", "external_id": "undated"}), line(map[string]any{"requester": nil, "external_id": "nobody"}))
		if rep.Failed != 3 {
			o.Errorf("%+v %v", rep, o.bad)
		}
		if n := dbtest.Count(t, o.d, "person"); n != 1 {
			o.Errorf("%d people: a refused line made some", n)
		}
	})
}

func TestOnlyAdministratorsImport(t *testing.T) {
	each(t, func(o *office) {
		_, err := o.im.Run(context.WithoutCancel(t.Context()), auth.Actor{ID: "ann", Roles: []auth.Role{auth.Lead}}, strings.NewReader(line(nil)))
		if !errors.Is(err, errs.Forbidden) {
			o.Errorf("error = %v", err)
		}
	})
}
