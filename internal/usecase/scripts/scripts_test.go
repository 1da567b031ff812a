package scripts_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/form"
	"entraide/internal/domain/script"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/react"
	"entraide/internal/usecase/recipients"
	"entraide/internal/usecase/scripts"
)

const cast = `
	INSERT INTO team (id, name, level, created_at) VALUES ('team1', 'Niveau 1', 1, 0), ('team2', 'Réseau', 2, 0);
	INSERT INTO queue (id, name, team_id, level, created_at) VALUES ('q1', 'Niveau 1', 'team1', 1, 0), ('q2', 'Réseau', 'team2', 2, 0);
	INSERT INTO category (id, parent_id, name_fr, name_en, created_at) VALUES ('net', NULL, 'Réseau', 'Network', 0), ('vpn', 'net', 'VPN', 'VPN', 0);
	INSERT INTO person (id, name, email, email_key, name_fold, created_at, updated_at) VALUES
		('ann', 'Ann', 'ann@x.fr', 'ann@x.fr', 'ann', 0, 0), ('paul', 'Paul', 'paul@x.fr', 'paul@x.fr', 'paul', 0, 0),
		('nina', 'Nina', 'nina@x.fr', 'nina@x.fr', 'nina', 0, 0), ('lea', 'Lea', 'lea@x.fr', 'lea@x.fr', 'lea', 0, 0);
	INSERT INTO person_role (person_id, role) VALUES ('paul', 'agent'), ('nina', 'agent'), ('lea', 'lead');
	INSERT INTO team_member (person_id, team_id, leads) VALUES ('paul', 'team1', FALSE), ('nina', 'team2', FALSE), ('lea', 'team1', TRUE);
	INSERT INTO priority_rule (impact, urgency, priority) VALUES (3, 3, 3), (2, 3, 2);`

var (
	ann  = auth.Actor{ID: "ann", Name: "Ann"}
	paul = auth.Actor{ID: "paul", Name: "Paul", Roles: []auth.Role{auth.Agent}, Teams: []string{"team1"}}
	nina = auth.Actor{ID: "nina", Name: "Nina", Roles: []auth.Role{auth.Agent}, Teams: []string{"team2"}}
	lea  = auth.Actor{ID: "lea", Name: "Lea", Roles: []auth.Role{auth.Agent, auth.Lead}, Teams: []string{"team1"}, LeadOf: []string{"team1"}}
	self = auth.System("test")
)

func both(s string) script.Text { return script.Text{FR: s, EN: s + " (en)"} }

func choice(key, label, next string) script.Choice {
	return script.Choice{Key: key, Label: both(label), Next: next}
}

func tree() script.Tree {
	return script.Tree{
		{Key: "where", Kind: script.Question, Title: both("Au bureau aussi ?"), Choices: []script.Choice{choice("yes", "Oui", "tag"), choice("no", "Non", "version")}},
		{Key: "version", Kind: script.Question, Expects: script.AsText, Title: both("Quelle version ?"), Next: "keep"},
		{Key: "keep", Kind: script.Set, Title: both("Retenir la version"), Field: "fields.version", From: "version", Next: "box"},
		{Key: "box", Kind: script.Check, Title: both("Redémarrer la box"), Choices: []script.Choice{choice("ok", "Ça marche", "done"), choice("ko", "Rien ne change", "up")}},
		{Key: "tag", Kind: script.Set, Title: both("Marquer"), Field: "tag", Value: "vpn-bureau", Next: "grave"},
		{Key: "grave", Kind: script.Set, Title: both("Impact"), Field: "impact", Value: "2", Next: "up"},
		{Key: "done", Kind: script.Outcome, End: script.EndResolved, Title: both("Résolu"), Body: both("Bonjour {{requester.name}}, cela remarche.")},
		{Key: "up", Kind: script.Outcome, End: script.EndEscalate, Queue: "q2", Title: both("Passer au réseau"), Asked: both("Regarder le concentrateur.")},
	}
}

// desk is a level 1 with a script in force.
type desk struct {
	t *testing.T
	d *db.DB
	s script.Script
}

func each(t *testing.T, f func(t *testing.T, k desk)) {
	dbtest.EachWith(t, dbtest.Options{Seed: cast, Reacts: react.Readers}, func(t *testing.T, d *db.DB) {
		k := desk{t: t, d: d}
		k.do(func(ctx context.Context, tx *db.Tx) (err error) {
			if _, err = form.Create(ctx, tx, self, form.Field{Key: "version", LabelFR: "Version", Kind: form.Text}); err != nil {
				return err
			}
			if k.s, err = script.Create(ctx, tx, lea, script.Script{Name: both("VPN instable"), Categories: []string{"vpn"}, Draft: tree()}); err != nil {
				return err
			}
			k.s, err = scripts.Publish(ctx, tx, lea, k.s.ID, k.s.Version)
			return err
		})
		f(t, k)
	})
}

func (k desk) try(f func(ctx context.Context, tx *db.Tx) error) error {
	ctx := i18n.With(k.t.Context(), i18n.New("fr", ""))
	return k.d.Write(ctx, func(tx *db.Tx) error { return f(ctx, tx) })
}

func (k desk) do(f func(ctx context.Context, tx *db.Tx) error) {
	k.t.Helper()
	if err := k.try(f); err != nil {
		k.t.Fatal(err)
	}
}

func (k desk) incident(subject string) (t ticket.Ticket) {
	k.t.Helper()
	k.do(func(ctx context.Context, tx *db.Tx) (err error) {
		t, err = ticket.OpenTicket(ctx, tx, ann, ticket.Draft{Subject: subject, CategoryID: "vpn", Impact: 3, Urgency: 3, Channel: ticket.Portal, Message: ticket.Draught{Body: "Rien ne va."}})
		return err
	})
	return t
}

func (k desk) start(t ticket.Ticket) (p scripts.Progress) {
	k.t.Helper()
	k.do(func(ctx context.Context, tx *db.Tx) (err error) {
		p, err = scripts.Start(ctx, tx, paul, t.ID, k.s.ID)
		return err
	})
	return p
}

func (k desk) answer(p scripts.Progress, typed string) scripts.Progress {
	k.t.Helper()
	k.do(func(ctx context.Context, tx *db.Tx) (err error) {
		p, err = scripts.Answer(ctx, tx, paul, p.Run.ID, p.Run.Node, typed)
		return err
	})
	return p
}

// notes are the internal notes of a ticket, and the ticket.
func (k desk) notes(id string) (all []string, t ticket.Ticket) {
	k.t.Helper()
	k.do(func(ctx context.Context, tx *db.Tx) (err error) {
		if t, err = ticket.Find(ctx, tx, self, id); err != nil {
			return err
		}
		list, err := ticket.Conversation(ctx, tx, self, t)
		for _, m := range list {
			if m.Visibility == ticket.Internal {
				all = append(all, m.Author+": "+m.Body)
			}
		}
		return err
	})
	return all, t
}

// react lets the reader of scripts do what waits for it.
func (k desk) react(t ticket.Ticket) {
	k.t.Helper()
	k.do(func(ctx context.Context, tx *db.Tx) error {
		all, err := event.Of(ctx, tx, t.Ref(), true)
		for _, e := range all {
			if slices.Contains(scripts.Kinds(), e.Kind) {
				if err := scripts.Reader().React(ctx, tx, e); err != nil {
					return err
				}
			}
		}
		return err
	})
}

func TestAnswersAreWrittenOnTheTicket(t *testing.T) {
	each(t, func(t *testing.T, k desk) {
		x := k.incident("VPN coupé")
		p := k.start(x)
		p = k.answer(p, "2")
		p = k.answer(p, "4.2")
		p = k.answer(p, "2")
		notes, now := k.notes(x.ID)
		want := []string{"Paul: VPN instable · Au bureau aussi ? → Non", "Paul: VPN instable · Quelle version ? → 4.2", "Paul: VPN instable · Redémarrer la box → Rien ne change"}
		if !slices.Equal(notes, want) {
			t.Errorf("%q", notes)
		}
		if now.Fields["version"] != "4.2" {
			t.Errorf("fields %v", now.Fields)
		}
		k.do(func(ctx context.Context, tx *db.Tx) error {
			seen, err := event.Of(ctx, tx, x.Ref(), false)
			for _, e := range seen {
				if strings.HasPrefix(e.Kind, "script.") || e.Kind == "ticket.noted" {
					t.Errorf("the requester reads %s", e.Kind)
				}
			}
			// Closed and opened again, it is where it was.
			again, ok, err2 := scripts.Of(ctx, tx, nina, now)
			if n, _ := again.Node(); !ok || n.Key != "up" || len(again.Answers) != 4 {
				t.Errorf("%+v", again.Run)
			}
			return errors.Join(err, err2)
		})
		pass := p.Pass(i18n.New("fr", ""))
		if pass.QueueID != "q2" || pass.Reason != "Passer au réseau" || pass.Handover.Asked != "Regarder le concentrateur." ||
			!strings.Contains(pass.Handover.Tried, "Redémarrer la box → Rien ne change") || pass.Handover.Known != "- Au bureau aussi ? → Non\n- Quelle version ? → 4.2" {
			t.Errorf("%+v", pass)
		}
		// The handover that the form holds is accepted as it is, and ends the run.
		k.do(func(ctx context.Context, tx *db.Tx) error {
			_, _, err := ticket.Escalate(ctx, tx, paul, x.ID, pass)
			return err
		})
		k.react(x)
		k.state(x, script.Escalated)
	})
}

func (k desk) state(x ticket.Ticket, want script.State) {
	k.t.Helper()
	k.do(func(ctx context.Context, tx *db.Tx) error {
		p, _, err := scripts.Of(ctx, tx, self, x)
		if p.Run.State != want {
			k.t.Errorf("the run is %s, want %s", p.Run.State, want)
		}
		return err
	})
}

func TestStepsSetByThemselves(t *testing.T) {
	each(t, func(t *testing.T, k desk) {
		x := k.incident("VPN coupé")
		p := k.answer(k.start(x), "1")
		_, now := k.notes(x.ID)
		if n, _ := p.Node(); n.Key != "up" || now.Impact != 2 || now.Priority != 2 {
			t.Errorf("at %s, impact %d, priority %d", n.Key, now.Impact, now.Priority)
		}
		k.do(func(ctx context.Context, tx *db.Tx) error {
			tags, err := ticket.Tags(ctx, tx, now)
			if !slices.Equal(tags, []string{"vpn-bureau"}) {
				t.Errorf("tags %v", tags)
			}
			return err
		})
		// An agent of another team may note but not change: it is said, and the script goes on.
		y := k.incident("VPN coupé aussi")
		k.do(func(ctx context.Context, tx *db.Tx) error {
			p, err := scripts.Start(ctx, tx, nina, y.ID, k.s.ID)
			if err != nil {
				return err
			}
			p, err = scripts.Answer(ctx, tx, nina, p.Run.ID, "where", "1")
			if n, _ := p.Node(); n.Key != "up" {
				t.Errorf("stands at %s", n.Key)
			}
			return err
		})
		notes, now := k.notes(y.ID)
		if now.Impact != 3 || len(notes) != 3 || !strings.Contains(notes[1], "vpn-bureau\u00a0» n’a pas pu être inscrit") {
			t.Errorf("impact %d, notes %q", now.Impact, notes)
		}
	})
}

func TestEnds(t *testing.T) {
	each(t, func(t *testing.T, k desk) {
		x := k.incident("VPN coupé")
		p := k.answer(k.answer(k.answer(k.start(x), "2"), "4"), "1")
		n, _ := p.Node()
		if body := scripts.Body(n, "en", x, paul); body != "Bonjour Ann, cela remarche. (en)" {
			t.Errorf("%q", body)
		}
		k.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Resolve(ctx, tx, paul, x.ID, ticket.Resolution{Body: scripts.Body(n, "fr", x, paul)})
			return err
		})
		k.react(x)
		k.state(x, script.Resolved)
		if err := k.try(func(ctx context.Context, tx *db.Tx) error {
			_, err := scripts.Start(ctx, tx, paul, x.ID, k.s.ID)
			return err
		}); !errors.Is(err, errs.Conflict) {
			t.Errorf("on what is resolved: %v", err)
		}
		// Telling a lead moves nothing; cancelling gives up.
		y := k.incident("VPN lent")
		k.start(y)
		k.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.CallLead(ctx, tx, paul, y.ID, "Il crie.")
			return err
		})
		k.react(y)
		k.state(y, script.Running)
		k.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Cancel(ctx, tx, ann, y.ID, "Fini.")
			return err
		})
		k.react(y)
		k.state(y, script.Dropped)
	})
}

func TestBackAndDrop(t *testing.T) {
	each(t, func(t *testing.T, k desk) {
		x := k.incident("VPN coupé")
		p := k.answer(k.start(x), "2")
		k.do(func(ctx context.Context, tx *db.Tx) (err error) {
			p, err = scripts.Back(ctx, tx, paul, p.Run.ID)
			return err
		})
		if n, _ := p.Node(); n.Key != "where" || len(p.Answers) != 0 {
			t.Errorf("back at %s with %d answers", n.Key, len(p.Answers))
		}
		if err := k.try(func(ctx context.Context, tx *db.Tx) error {
			_, err := scripts.Back(ctx, tx, paul, p.Run.ID)
			return err
		}); !errors.Is(err, errs.Conflict) {
			t.Errorf("before the first: %v", err)
		}
		k.do(func(ctx context.Context, tx *db.Tx) (err error) {
			p, err = scripts.Drop(ctx, tx, paul, p.Run.ID)
			return err
		})
		k.state(x, script.Dropped)
		k.start(x)
		k.state(x, script.Running)
	})
}

func TestWhoFollows(t *testing.T) {
	each(t, func(t *testing.T, k desk) {
		x := k.incident("VPN coupé")
		if err := k.try(func(ctx context.Context, tx *db.Tx) error {
			_, err := scripts.Start(ctx, tx, ann, x.ID, k.s.ID)
			return err
		}); !errors.Is(err, errs.Forbidden) {
			t.Errorf("the requester begins: %v", err)
		}
		p := k.start(x)
		for name, f := range map[string]func(ctx context.Context, tx *db.Tx) error{
			"answers": func(ctx context.Context, tx *db.Tx) error {
				_, err := scripts.Answer(ctx, tx, ann, p.Run.ID, "where", "1")
				return err
			},
			"sees": func(ctx context.Context, tx *db.Tx) error {
				_, _, err := scripts.Find(ctx, tx, ann, p.Run.ID)
				return err
			},
			"drops": func(ctx context.Context, tx *db.Tx) error { _, err := scripts.Drop(ctx, tx, ann, p.Run.ID); return err },
		} {
			if err := k.try(f); !errors.Is(err, errs.NotFound) {
				t.Errorf("the requester %s: %v", name, err)
			}
		}
	})
}

// While the caller is on the line there is no ticket; what was answered comes onto it when there is one.
func TestCall(t *testing.T) {
	each(t, func(t *testing.T, k desk) {
		var p scripts.Progress
		k.do(func(ctx context.Context, tx *db.Tx) (err error) {
			p, err = scripts.Call(ctx, tx, paul, k.s.ID, "ann")
			return err
		})
		p = k.answer(k.answer(p, "2"), "4.1")
		k.do(func(ctx context.Context, tx *db.Tx) error {
			all, err := scripts.OfCalls(ctx, tx, paul)
			if len(all) != 1 || all[0].Run.CallerID != "ann" || all[0].Run.Node != "box" {
				t.Errorf("%+v", all)
			}
			return err
		})
		x := k.incident("VPN coupé")
		k.do(func(ctx context.Context, tx *db.Tx) error { return scripts.Adopt(ctx, tx, paul, p.Run.ID, x) })
		notes, now := k.notes(x.ID)
		if len(notes) != 2 || !strings.HasSuffix(notes[1], "Quelle version ? → 4.1") || now.Fields["version"] != "4.1" {
			t.Errorf("%q, %v", notes, now.Fields)
		}
		p.Run.Ref = x.Ref()
		k.answer(p, "2")
		if err := k.try(func(ctx context.Context, tx *db.Tx) error { return scripts.Adopt(ctx, tx, paul, p.Run.ID, x) }); !errors.Is(err, errs.Conflict) {
			t.Errorf("twice: %v", err)
		}
	})
}

func TestRequestEnd(t *testing.T) {
	each(t, func(t *testing.T, k desk) {
		s := k.s
		s.Draft = script.Tree{{Key: "end", Kind: script.Outcome, End: script.EndRequest, Category: "net", Title: both("C'est une demande")}}
		k.do(func(ctx context.Context, tx *db.Tx) (err error) {
			if s, err = script.Save(ctx, tx, lea, s); err != nil {
				return err
			}
			_, err = scripts.Publish(ctx, tx, lea, s.ID, s.Version)
			return err
		})
		x := k.incident("Un client VPN, s'il vous plaît")
		p := k.start(x)
		k.do(func(ctx context.Context, tx *db.Tx) (err error) {
			x, err = scripts.Turn(ctx, tx, paul, p.Run.ID)
			return err
		})
		if x.Kind != ticket.Request || x.CategoryID != "net" {
			t.Errorf("%s in %s", x.Kind, x.CategoryID)
		}
		k.state(x, script.Request)
	})
}

func TestOffers(t *testing.T) {
	each(t, func(t *testing.T, k desk) {
		k.do(func(ctx context.Context, tx *db.Tx) error {
			categories, err := ticket.Categories(ctx, tx)
			for name, c := range map[string]struct{ category, subject, why string }{
				"by category": {"vpn", "Rien ne va", "category"}, "by subject": {"net", "Mon vpn est instable", "subject"}, "none": {"net", "Souris cassée", ""},
			} {
				all, err := scripts.Offers(ctx, tx, paul, categories, c.category, c.subject)
				if err != nil {
					return err
				}
				why := ""
				if len(all) > 0 {
					why = all[0].Why
				}
				if why != c.why {
					t.Errorf("%s: %q", name, why)
				}
			}
			found, err2 := scripts.Search(ctx, tx, paul, "vpn")
			none, err3 := scripts.Search(ctx, tx, paul, "souris")
			if len(found) != 1 || len(none) != 0 {
				t.Errorf("%d found, %d for a mouse", len(found), len(none))
			}
			return errors.Join(err, err2, err3)
		})
	})
}

func TestPublishChecksWhatIsNamed(t *testing.T) {
	each(t, func(t *testing.T, k desk) {
		for name, c := range map[string]struct {
			n    script.Node
			want string
		}{
			"a queue":    {script.Node{Key: "up", Kind: script.Outcome, End: script.EndEscalate, Queue: "gone", Title: both("x"), Asked: both("y")}, "nodes.up.to"},
			"a category": {script.Node{Key: "up", Kind: script.Outcome, End: script.EndRequest, Category: "gone", Title: both("x")}, "nodes.up.category"},
			"a field":    {script.Node{Key: "keep", Kind: script.Set, Field: "fields.gone", From: "version", Title: both("x"), Next: "box"}, "nodes.keep.field"},
			"an impact":  {script.Node{Key: "grave", Kind: script.Set, Field: "impact", Value: "9", Title: both("x"), Next: "up"}, "nodes.grave.value"},
		} {
			s := k.s
			s.Draft = tree().Put(c.n)
			err := k.try(func(ctx context.Context, tx *db.Tx) (err error) {
				if s, err = script.Save(ctx, tx, lea, s); err != nil {
					return err
				}
				_, err = scripts.Publish(ctx, tx, lea, s.ID, s.Version)
				return err
			})
			if f := errs.Fields(err); len(f) != 1 || f[0].Name != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// Notes along the way tell nobody: an assignee would get one for each answer.
func TestNobodyIsToldOfEachAnswer(t *testing.T) {
	each(t, func(t *testing.T, k desk) {
		x := k.incident("VPN coupé")
		k.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Assign(ctx, tx, lea, x.ID, "lea", 0)
			return err
		})
		k.answer(k.start(x), "2")
		k.do(func(ctx context.Context, tx *db.Tx) error {
			all, err := event.Of(ctx, tx, x.Ref(), true)
			for _, e := range all {
				if e.Kind == "ticket.noted" && e.Data.Extra[ticket.Quiet] == "" {
					t.Errorf("%+v tells the assignee", e.Data)
				}
			}
			if !slices.Contains(recipients.Kinds(), "ticket.noted") {
				t.Error("nobody would be told of a note at all: nothing was tried")
			}
			return err
		})
	})
}
