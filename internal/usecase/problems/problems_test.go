package problems_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/job"
	"entraide/internal/domain/problem"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/problems"
)

const cast = `
	INSERT INTO team (id, name, level, created_at) VALUES ('team1', 'Niveau 1', 1, 0), ('team2', 'Réseau', 2, 0);
	INSERT INTO queue (id, name, team_id, level, created_at) VALUES ('q1', 'Niveau 1', 'team1', 1, 0), ('q2', 'Réseau', 'team2', 2, 0);
	INSERT INTO person (id, name, email, email_key, name_fold, created_at, updated_at) VALUES
		('ann', 'Ann', 'ann@x.fr', 'ann@x.fr', 'ann', 0, 0), ('ben', 'Ben', 'ben@x.fr', 'ben@x.fr', 'ben', 0, 0),
		('paul', 'Paul', 'paul@x.fr', 'paul@x.fr', 'paul', 0, 0), ('nina', 'Nina', 'nina@x.fr', 'nina@x.fr', 'nina', 0, 0);
	INSERT INTO person_role (person_id, role) VALUES ('paul', 'agent'), ('nina', 'agent');
	INSERT INTO team_member (person_id, team_id, leads) VALUES ('paul', 'team1', FALSE), ('nina', 'team2', FALSE);
	INSERT INTO priority_rule (impact, urgency, priority) VALUES (3, 3, 3), (2, 2, 2);`

var (
	ann  = auth.Actor{ID: "ann", Name: "Ann"}
	paul = auth.Actor{ID: "paul", Name: "Paul", Roles: []auth.Role{auth.Agent}, Teams: []string{"team1"}}
	nina = auth.Actor{ID: "nina", Name: "Nina", Roles: []auth.Role{auth.Agent}, Teams: []string{"team2"}}
	self = auth.System("test")
)

// desk is a desk of two levels.
type desk struct {
	t *testing.T
	d *db.DB
}

func each(t *testing.T, f func(t *testing.T, k desk)) {
	dbtest.Each(t, cast, func(t *testing.T, d *db.DB) { f(t, desk{t, d}) })
}

func (k desk) try(f func(ctx context.Context, tx *db.Tx) error) error {
	k.t.Helper()
	return k.d.Write(k.t.Context(), func(tx *db.Tx) error { return f(k.t.Context(), tx) })
}

func (k desk) do(f func(ctx context.Context, tx *db.Tx) error) {
	k.t.Helper()
	if err := k.try(f); err != nil {
		k.t.Fatal(err)
	}
}

func (k desk) incident(by auth.Actor, subject string) (t ticket.Ticket) {
	k.t.Helper()
	k.do(func(ctx context.Context, tx *db.Tx) (err error) {
		t, err = ticket.OpenTicket(ctx, tx, by, ticket.Draft{Subject: subject, Impact: 3, Urgency: 3, Channel: ticket.Portal, Message: ticket.Draught{Body: "Rien ne va."}})
		return err
	})
	return t
}

// problem opens a problem of the first incident and links the others to it.
func (k desk) problem(incidents ...ticket.Ticket) (p ticket.Ticket) {
	k.t.Helper()
	k.do(func(ctx context.Context, tx *db.Tx) (err error) {
		if p, err = problems.Open(ctx, tx, nina, incidents[0].ID, "Le concentrateur VPN sature"); err != nil {
			return err
		}
		for _, x := range incidents[1:] {
			if err := ticket.AddLink(ctx, tx, nina, x.ID, p.ID, ticket.CausedBy); err != nil {
				return err
			}
		}
		return nil
	})
	return p
}

// said are the public messages of a ticket after its first.
func (k desk) said(id string) (all []string, t ticket.Ticket) {
	k.t.Helper()
	k.do(func(ctx context.Context, tx *db.Tx) (err error) {
		if t, err = ticket.Find(ctx, tx, self, id); err != nil {
			return err
		}
		list, err := ticket.Conversation(ctx, tx, self, t)
		for _, m := range list[min(1, len(list)):] {
			if m.Visibility == ticket.Public {
				all = append(all, m.Author+": "+m.Body)
			}
		}
		return err
	})
	return all, t
}

// jobs are the cascades that wait.
func (k desk) jobs() (all []job.Job) {
	k.t.Helper()
	k.do(func(ctx context.Context, tx *db.Tx) error {
		list, err := job.List(ctx, tx, job.Ready, 100)
		all = slices.DeleteFunc(list, func(j job.Job) bool { return j.Kind != ticket.JobCascade })
		return err
	})
	return all
}

func TestOpen(t *testing.T) {
	each(t, func(t *testing.T, k desk) {
		one, two := k.incident(ann, "VPN coupé"), k.incident(ann, "VPN lent")
		p := k.problem(one, two)
		if p.Kind != ticket.Problem || p.QueueID != "q2" || p.Level != 2 || p.RequesterID != "nina" {
			t.Errorf("problem %+v", p)
		}
		k.do(func(ctx context.Context, tx *db.Tx) error {
			links, err := ticket.Links(ctx, tx, nina, p)
			if n := len(problems.Incidents(links)); n != 2 {
				t.Errorf("%d incidents", n)
			}
			of, ok, e := problems.Of(ctx, tx, paul, two)
			if !ok || of.ID != p.ID {
				t.Errorf("caused by %s", of.Reference())
			}
			return errors.Join(err, e)
		})
		for name, c := range map[string]struct {
			a       auth.Actor
			id      string
			subject string
			want    error
		}{
			"again": {nina, one.ID, "x", errs.Conflict}, "of a problem": {nina, p.ID, "x", errs.Conflict}, "by a requester": {ann, k.incident(ann, "Autre").ID, "x", errs.Forbidden},
			"without a subject": {nina, k.incident(ann, "Encore").ID, " ", errs.Invalid}, "of nothing": {nina, "none", "x", errs.NotFound},
		} {
			err := k.try(func(ctx context.Context, tx *db.Tx) error {
				_, err := problems.Open(ctx, tx, c.a, c.id, c.subject)
				return err
			})
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestWhatIsKnown(t *testing.T) {
	each(t, func(t *testing.T, k desk) {
		p := k.problem(k.incident(ann, "VPN coupé"))
		save := func(a auth.Actor, d problem.Dossier) error {
			return k.try(func(ctx context.Context, tx *db.Tx) error { _, err := problems.Save(ctx, tx, a, p.ID, d); return err })
		}
		if err := save(nina, problem.Dossier{State: problem.Suspected, Cause: "La table des sessions est pleine", Workaround: "Se reconnecter"}); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			a    auth.Actor
			d    problem.Dossier
			want error
		}{
			"stale": {nina, problem.Dossier{State: problem.Unknown}, errs.Conflict}, "no cause": {nina, problem.Dossier{State: problem.Known, Version: 1}, errs.Invalid},
			"a state of nowhere": {nina, problem.Dossier{State: "sure", Version: 1}, errs.Invalid}, "too long": {nina, problem.Dossier{Fix: strings.Repeat("é", 10_001), Version: 1}, errs.Invalid},
			"another team": {paul, problem.Dossier{Version: 1}, errs.Forbidden}, "a requester": {ann, problem.Dossier{Version: 1}, errs.NotFound},
		} {
			if err := save(c.a, c.d); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := save(nina, problem.Dossier{State: problem.Known, Cause: "La table des sessions est pleine", Workaround: "Se reconnecter", Version: 1}); err != nil {
			t.Fatal(err)
		}
		k.do(func(ctx context.Context, tx *db.Tx) error {
			d, err := problem.Find(ctx, tx, paul, p.Ref())
			if !d.Error() || d.Version != 2 || d.Updated.IsZero() {
				t.Errorf("%+v", d)
			}
			if _, err := problem.Find(ctx, tx, ann, p.Ref()); !errors.Is(err, errs.Forbidden) {
				t.Errorf("a requester reads it: %v", err)
			}
			return err
		})
	})
}

// TestTell tells everybody once, however often the job dies on the way.
func TestTell(t *testing.T) {
	each(t, func(t *testing.T, k desk) {
		var all []ticket.Ticket
		for i := range 5 {
			all = append(all, k.incident(ann, fmt.Sprint("VPN ", i)))
		}
		p := k.problem(all...)
		over := all[4]
		k.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Resolve(ctx, tx, self, over.ID, ticket.Resolution{})
			return err
		})
		tell := func(a auth.Actor, body string) error {
			return k.try(func(ctx context.Context, tx *db.Tx) error {
				_, err := problems.Tell(ctx, tx, a, p.ID, body)
				return err
			})
		}
		if err := errors.Join(tell(paul, "x")); !errors.Is(err, errs.Forbidden) {
			t.Errorf("another team: %v", err)
		}
		if err := tell(nina, " \n"); !errors.Is(err, errs.Invalid) {
			t.Errorf("nothing to say: %v", err)
		}
		if err := tell(nina, "Nous avons trouvé. **Reconnectez-vous**."); err != nil {
			t.Fatal(err)
		}
		jobs := k.jobs()
		if len(jobs) != 1 {
			t.Fatalf("%d jobs", len(jobs))
		}
		run := ticket.CascadeHandler(k.d).Run
		part := jobs[0] // as a process leaves it that dies after two
		var payload map[string]any
		if err := json.Unmarshal(part.Payload, &payload); err != nil {
			t.Fatal(err)
		}
		payload["incidents"] = payload["incidents"].([]any)[:2]
		part.Payload, _ = json.Marshal(payload)
		for _, j := range []job.Job{part, jobs[0], jobs[0]} {
			if err := run(t.Context(), j); err != nil {
				t.Fatal(err)
			}
		}
		for i, x := range all {
			said, now := k.said(x.ID)
			want := []string{"Nina: Nous avons trouvé. **Reconnectez-vous**."}
			if x.ID == over.ID {
				want = nil
			}
			if !slices.Equal(said, want) || x.ID != over.ID && now.Status != ticket.Open {
				t.Errorf("incident %d, %s: %q", i, now.Status, said)
			}
		}
	})
}

func TestTheEndOfAProblemEndsItsIncidents(t *testing.T) {
	each(t, func(t *testing.T, k desk) {
		one, two, three := k.incident(ann, "VPN 1"), k.incident(ann, "VPN 2"), k.incident(ann, "VPN 3")
		other := k.incident(ann, "Imprimante")
		p := k.problem(one, two, three)
		k.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := problems.Resolve(ctx, tx, nina, p.ID, ticket.Resolution{Body: "La table est agrandie."}, []string{one.ID, two.ID, other.ID})
			return err
		})
		for _, j := range k.jobs() {
			for range 2 {
				if err := ticket.CascadeHandler(k.d).Run(t.Context(), j); err != nil {
					t.Fatal(err)
				}
			}
		}
		for x, want := range map[string]ticket.Status{p.ID: ticket.Resolved, one.ID: ticket.Resolved, two.ID: ticket.Resolved, three.ID: ticket.New, other.ID: ticket.New} {
			said, now := k.said(x)
			if now.Status != want || now.Status == ticket.Resolved && len(said) != 1 || now.Status == ticket.New && len(said) != 0 {
				t.Errorf("%s is %s, want %s; %q", now.Subject, now.Status, want, said)
			}
		}
		// Without incidents to end there is no job; a problem that is over has nobody to tell.
		if err := k.try(func(ctx context.Context, tx *db.Tx) error {
			_, err := problems.Tell(ctx, tx, nina, other.ID, "x")
			return err
		}); !errors.Is(err, errs.Forbidden) {
			t.Errorf("of no problem, and not theirs: %v", err)
		}
	})
}

func TestAnIncidentThatComesBackAsksTheProblem(t *testing.T) {
	each(t, func(t *testing.T, k desk) {
		one := k.incident(ann, "VPN 1")
		p := k.problem(one)
		back := func() {
			k.do(func(ctx context.Context, tx *db.Tx) error {
				if _, err := ticket.Resolve(ctx, tx, self, one.ID, ticket.Resolution{}); err != nil {
					return err
				}
				if _, err := ticket.Reopen(ctx, tx, ann, one.ID, "Toujours pareil"); err != nil {
					return err
				}
				return problems.Reader().React(ctx, tx, event.Event{Kind: "ticket.reopened", Ref: one.Ref()})
			})
		}
		notes := func() (n int) {
			k.do(func(ctx context.Context, tx *db.Tx) error {
				x, err := ticket.Find(ctx, tx, self, p.ID)
				if err != nil {
					return err
				}
				list, err := ticket.Conversation(ctx, tx, self, x)
				for _, m := range list {
					if m.Visibility == ticket.Internal && strings.Contains(m.Body, one.Reference()) {
						n++
					}
				}
				return err
			})
			return n
		}
		if back(); notes() != 0 {
			t.Error("the problem is under way: there is nothing to ask")
		}
		k.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Resolve(ctx, tx, nina, p.ID, ticket.Resolution{})
			return err
		})
		if back(); notes() != 1 {
			t.Errorf("%d questions", notes())
		}
		k.do(func(ctx context.Context, tx *db.Tx) error { // of a ticket without a problem, and of something else
			other, err := ticket.OpenTicket(ctx, tx, ann, ticket.Draft{Subject: "x", Impact: 3, Urgency: 3, Channel: ticket.Portal, Message: ticket.Draught{Body: "x"}})
			return errors.Join(err, problems.Reader().React(ctx, tx, event.Event{Ref: other.Ref()}), problems.Reader().React(ctx, tx, event.Event{Ref: "ticket/gone"}),
				problems.Reader().React(ctx, tx, event.Event{Ref: "person/ann"}))
		})
	})
}
