package script_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/domain/script"
)

var (
	lead    = auth.Actor{ID: "nadia", Name: "Nadia", Roles: []auth.Role{auth.Agent, auth.Lead}}
	writer  = auth.Actor{ID: "thomas", Name: "Thomas", Roles: []auth.Role{auth.Knowledge}}
	agent   = auth.Actor{ID: "paul", Name: "Paul", Roles: []auth.Role{auth.Agent}}
	nobody  = auth.Actor{ID: "ann", Name: "Ann"}
	machine = auth.System("test")
)

type room struct {
	t *testing.T
	d *db.DB
}

func each(t *testing.T, f func(t *testing.T, k room)) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) { f(t, room{t, d}) })
}

func (k room) try(f func(ctx context.Context, tx *db.Tx) error) error {
	return k.d.Write(k.t.Context(), func(tx *db.Tx) error { return f(k.t.Context(), tx) })
}

func (k room) do(f func(ctx context.Context, tx *db.Tx) error) {
	k.t.Helper()
	if err := k.try(f); err != nil {
		k.t.Fatal(err)
	}
}

// published is a script in force.
func (k room) published() (s script.Script) {
	k.t.Helper()
	k.do(func(ctx context.Context, tx *db.Tx) (err error) {
		if s, err = script.Create(ctx, tx, lead, script.Script{Name: both("VPN instable"), Words: "anyconnect tunnel", Draft: vpn()}); err != nil {
			return err
		}
		s, err = script.Publish(ctx, tx, lead, s.ID, s.Version, "fr")
		return err
	})
	return s
}

func (k room) start(s script.Script, ref string) (r script.Run) {
	k.t.Helper()
	k.do(func(ctx context.Context, tx *db.Tx) (err error) {
		r, _, err = script.Start(ctx, tx, agent, s, ref, "")
		return err
	})
	return r
}

func (k room) step(r script.Run, tree script.Tree, typed string) script.Run {
	k.t.Helper()
	k.do(func(ctx context.Context, tx *db.Tx) (err error) {
		r, _, _, err = script.Step(ctx, tx, agent, r, tree, k.given(ctx, tx, r), r.Node, typed)
		return err
	})
	return r
}

// given are the answers of a run.
func (k room) given(ctx context.Context, tx *db.Tx, r script.Run) []script.Done {
	all, err := script.AnswersOf(ctx, tx, r)
	if err != nil {
		k.t.Error(err)
	}
	return all
}

func TestWhoSeesAndWrites(t *testing.T) {
	each(t, func(t *testing.T, k room) {
		var s script.Script
		for name, c := range map[string]struct {
			a    auth.Actor
			want error
		}{"a lead": {lead, nil}, "a contributor": {writer, nil}, "an agent": {agent, errs.Forbidden}, "a requester": {nobody, errs.Forbidden}} {
			err := k.try(func(ctx context.Context, tx *db.Tx) (err error) {
				made, err := script.Create(ctx, tx, c.a, script.Script{Name: both("VPN")})
				if err == nil {
					s = made
				}
				return err
			})
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		k.do(func(ctx context.Context, tx *db.Tx) error {
			for name, c := range map[string]struct {
				a    auth.Actor
				n    int
				find error
			}{"a lead": {lead, 2, nil}, "an agent sees no draft": {agent, 0, errs.NotFound}, "a requester": {nobody, 0, errs.NotFound}} {
				all, err := script.List(ctx, tx, c.a)
				if err != nil || len(all) != c.n {
					t.Errorf("%s: %d, %v", name, len(all), err)
				}
				if _, err := script.Find(ctx, tx, c.a, s.ID); !errors.Is(err, c.find) {
					t.Errorf("%s finds: %v", name, err)
				}
			}
			return nil
		})
		if p := k.published(); p.Revision != 1 {
			t.Errorf("revision %d", p.Revision)
		}
		k.do(func(ctx context.Context, tx *db.Tx) error {
			all, err := script.List(ctx, tx, agent)
			if len(all) != 1 {
				t.Errorf("an agent sees %d", len(all))
			}
			return err
		})
	})
}

func TestBadScriptsAreRefused(t *testing.T) {
	each(t, func(t *testing.T, k room) {
		for name, c := range map[string]struct {
			s    script.Script
			want []string
		}{
			"no name":         {script.Script{}, []string{"name_fr", "name_en"}},
			"half a lead":     {script.Script{Name: both("x"), Lead: script.Text{FR: "quand"}}, []string{"lead_en"}},
			"a name too long": {script.Script{Name: script.Text{FR: string(make([]rune, 0)) + fmt.Sprintf("%0130d", 1), EN: "x"}}, []string{"name_fr"}},
			"too many nodes":  {script.Script{Name: both("x"), Draft: make(script.Tree, script.MaxNodes+1)}, []string{"nodes"}},
		} {
			err := k.try(func(ctx context.Context, tx *db.Tx) error { _, err := script.Create(ctx, tx, lead, c.s); return err })
			var got []string
			for _, f := range errs.Fields(err) {
				got = append(got, f.Name)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestPublishing(t *testing.T) {
	each(t, func(t *testing.T, k room) {
		s := k.published()
		publish := func(version int64) error {
			return k.try(func(ctx context.Context, tx *db.Tx) error {
				_, err := script.Publish(ctx, tx, lead, s.ID, version, "fr")
				return err
			})
		}
		if err := publish(s.Version); !errors.Is(err, errs.Conflict) {
			t.Errorf("twice the same: %v", err)
		}
		broken := s
		broken.Draft = s.Draft.Without("done")
		k.do(func(ctx context.Context, tx *db.Tx) (err error) {
			broken, err = script.Save(ctx, tx, writer, broken)
			return err
		})
		if err := publish(broken.Version); !errors.Is(err, errs.Invalid) || errs.Fields(err)[0].Name != "nodes.router.choice.1.next" {
			t.Errorf("broken: %v", err)
		}
		if err := publish(s.Version); !errors.Is(err, errs.Conflict) {
			t.Errorf("stale: %v", err)
		}
		if err := k.try(func(ctx context.Context, tx *db.Tx) error { _, err := script.Save(ctx, tx, lead, s); return err }); !errors.Is(err, errs.Conflict) {
			t.Errorf("saved over somebody: %v", err)
		}
		// Who follows the script keeps the revision it began with.
		r := k.start(s, "ticket/t1")
		broken.Draft = vpn().Without("unlock").Put(script.Node{Key: "locked", Kind: script.Question, Title: both("Autre question"), Choices: []script.Choice{choice("yes", "Oui", "done"), choice("no", "Non", "version")}})
		k.do(func(ctx context.Context, tx *db.Tx) (err error) {
			if broken, err = script.Save(ctx, tx, lead, broken); err != nil {
				return err
			}
			broken, err = script.Publish(ctx, tx, lead, s.ID, broken.Version, "fr")
			return err
		})
		k.do(func(ctx context.Context, tx *db.Tx) error {
			rev, err := script.FindRevision(ctx, tx, broken, r.Revision)
			if n, _ := rev.Tree.Find("locked"); n.Title.FR != "Compte verrouillé ?" || broken.Revision != 2 {
				t.Errorf("revision %d asks %q", rev.Number, n.Title.FR)
			}
			all, err2 := script.Revisions(ctx, tx, broken)
			if len(all) != 2 || all[0].Number != 2 || all[0].ByID != lead.ID {
				t.Errorf("%+v", all)
			}
			return errors.Join(err, err2)
		})
		// Withdrawn, it is offered to nobody, but whoever follows it goes on.
		broken.Active = false
		k.do(func(ctx context.Context, tx *db.Tx) error { _, err := script.Save(ctx, tx, lead, broken); return err })
		err := k.try(func(ctx context.Context, tx *db.Tx) error {
			now, err := script.Find(ctx, tx, agent, s.ID)
			if err != nil {
				return err
			}
			_, _, err = script.Start(ctx, tx, agent, now, "ticket/t2", "")
			return err
		})
		if !errors.Is(err, errs.Conflict) {
			t.Errorf("withdrawn and begun: %v", err)
		}
		k.step(r, vpn(), "1")
	})
}

func TestRun(t *testing.T) {
	each(t, func(t *testing.T, k room) {
		s := k.published()
		tree := s.Draft
		r := k.start(s, "ticket/t1")
		if err := k.try(func(ctx context.Context, tx *db.Tx) error {
			_, _, err := script.Start(ctx, tx, agent, s, "ticket/t1", "")
			return err
		}); !errors.Is(err, errs.Conflict) {
			t.Errorf("two at once: %v", err)
		}
		first := r
		r = k.step(r, tree, "2")
		r = k.step(r, tree, "4,5")
		if r.Node != "router" || r.Answers != 3 {
			t.Errorf("at %s after %d", r.Node, r.Answers)
		}
		// A second press of the same key, and an answer to what was on the screen before.
		for _, old := range []script.Run{first, r} {
			err := k.try(func(ctx context.Context, tx *db.Tx) error {
				_, _, _, err := script.Step(ctx, tx, agent, old, tree, k.given(ctx, tx, old), "locked", "2")
				return err
			})
			if !errors.Is(err, errs.Conflict) {
				t.Errorf("pressed twice: %v", err)
			}
		}
		// What is stored is where it goes on, whatever became of the browser and of the program.
		k.do(func(ctx context.Context, tx *db.Tx) error {
			all, err := script.RunsOf(ctx, tx, agent, "ticket/t1")
			if err != nil || len(all) != 1 || all[0].Node != "router" {
				t.Errorf("%+v, %v", all, err)
			}
			given, err := script.AnswersOf(ctx, tx, r)
			if len(given) != 3 || given[1].Value != "4.5" || given[2].Node != "keep" || given[0].ByID != "paul" {
				t.Errorf("%+v", given)
			}
			return err
		})
		back := func() (g script.Given) {
			t.Helper()
			k.do(func(ctx context.Context, tx *db.Tx) (err error) {
				r, g, err = script.Back(ctx, tx, r, tree, k.given(ctx, tx, r))
				return err
			})
			return g
		}
		if g := back(); g.Node != "version" || r.Node != "version" || r.Answers != 1 {
			t.Errorf("back to %s, %+v", r.Node, r)
		}
		r = k.step(r, tree, "3")
		k.do(func(ctx context.Context, tx *db.Tx) (err error) {
			r, err = script.Finish(ctx, tx, agent, r, s, script.Request)
			return err
		})
		for name, f := range map[string]func(ctx context.Context, tx *db.Tx) error{
			"again": func(ctx context.Context, tx *db.Tx) error {
				_, err := script.Finish(ctx, tx, agent, r, s, script.Dropped)
				return err
			},
			"back": func(ctx context.Context, tx *db.Tx) error {
				_, _, err := script.Back(ctx, tx, r, tree, k.given(ctx, tx, r))
				return err
			},
			"answer": func(ctx context.Context, tx *db.Tx) error {
				_, _, _, err := script.Step(ctx, tx, agent, r, tree, k.given(ctx, tx, r), r.Node, "1")
				return err
			},
		} {
			if err := k.try(f); !errors.Is(err, errs.Conflict) {
				t.Errorf("over, %s: %v", name, err)
			}
		}
		k.start(s, "ticket/t1") // another one may begin
	})
}

// Of many who press at once, one is heard.
func TestPressedAtOnce(t *testing.T) {
	each(t, func(t *testing.T, k room) {
		s := k.published()
		r := k.start(s, "ticket/t1")
		var all sync.WaitGroup
		var mu sync.Mutex
		heard := 0
		for range 6 {
			all.Go(func() {
				err := k.try(func(ctx context.Context, tx *db.Tx) error {
					_, _, _, err := script.Step(ctx, tx, agent, r, s.Draft, k.given(ctx, tx, r), "locked", "1")
					return err
				})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					heard++
				} else if !errors.Is(err, errs.Conflict) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := dbtest.Count(t, k.d, "script_answer"); heard != 1 || n != 1 {
			t.Errorf("%d heard, %d stored", heard, n)
		}
	})
}

func TestCallIsSeenByItsAgent(t *testing.T) {
	each(t, func(t *testing.T, k room) {
		s := k.published()
		r := k.start(s, "")
		k.start(s, "") // and another line
		k.do(func(ctx context.Context, tx *db.Tx) error {
			mine, err := script.OfCalls(ctx, tx, agent)
			if len(mine) != 2 {
				t.Errorf("%d of mine", len(mine))
			}
			theirs, err2 := script.OfCalls(ctx, tx, lead)
			if _, err := script.FindRun(ctx, tx, lead, r.ID); len(theirs) > 0 || !errors.Is(err, errs.NotFound) {
				t.Errorf("somebody else sees it: %d, %v", len(theirs), err)
			}
			return errors.Join(err, err2)
		})
		k.do(func(ctx context.Context, tx *db.Tx) (err error) {
			r, err = script.Attach(ctx, tx, agent, r, s, "ticket/t9")
			return err
		})
		k.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := script.FindRun(ctx, tx, lead, r.ID)
			mine, err2 := script.OfCalls(ctx, tx, agent)
			if len(mine) != 1 {
				t.Errorf("%d left", len(mine))
			}
			return errors.Join(err, err2)
		})
		if err := k.try(func(ctx context.Context, tx *db.Tx) error {
			_, err := script.Attach(ctx, tx, agent, r, s, "ticket/t10")
			return err
		}); !errors.Is(err, errs.Conflict) {
			t.Errorf("twice: %v", err)
		}
	})
}

func TestMeasure(t *testing.T) {
	each(t, func(t *testing.T, k room) {
		s := k.published()
		end := func(r script.Run, state script.State) {
			k.do(func(ctx context.Context, tx *db.Tx) error {
				_, err := script.Finish(ctx, tx, agent, r, s, state)
				return err
			})
		}
		end(k.step(k.step(k.start(s, "ticket/1"), s.Draft, "1"), s.Draft, ""), script.Resolved) // unlock → done
		end(k.step(k.start(s, "ticket/2"), s.Draft, "2"), script.Dropped)                       // at version
		k.step(k.start(s, "ticket/3"), s.Draft, "2")                                            // under way at version
		k.do(func(ctx context.Context, tx *db.Tx) error {
			at := tx.Now.AddDate(0, 0, -3)
			return script.Record(ctx, tx, machine, script.Past{Run: script.Run{ID: "old", ScriptID: s.ID, Revision: 1, Ref: "ticket/4", PersonID: "paul",
				State: script.Running, Node: "locked", Started: at, Updated: at}})
		})
		k.do(func(ctx context.Context, tx *db.Tx) error {
			m, err := script.Measure(ctx, tx, agent, s, tx.Now.AddDate(0, 0, -30))
			if err != nil {
				return err
			}
			if m.Runs != 4 || m.Ended[script.Resolved] != 1 || m.Ended[script.Dropped] != 1 || m.Left != 1 || m.Under() != 1 {
				t.Errorf("%+v, %d under way", m, m.Under())
			}
			first, version, done := m.Nodes["locked"], m.Nodes["version"], m.Nodes["done"]
			if first.Reached != 4 || first.Passed != 3 || first.Stopped != 1 || first.Choices["yes"] != 1 || first.Choices["no"] != 2 || first.Resolved != 1 {
				t.Errorf("first: %+v", first)
			}
			if version.Reached != 2 || version.Stopped != 1 || done.Reached != 1 || done.Resolves() != 1 {
				t.Errorf("version %+v, done %+v", version, done)
			}
			recent, err := script.Measure(ctx, tx, lead, s, tx.Now.AddDate(0, 0, -1))
			if recent.Runs != 3 {
				t.Errorf("%d in a day", recent.Runs)
			}
			if _, err := script.Measure(ctx, tx, nobody, s, time.Time{}); !errors.Is(err, errs.Forbidden) {
				t.Errorf("a requester: %v", err)
			}
			return err
		})
	})
}

func TestFound(t *testing.T) {
	s := script.Script{Name: script.Text{FR: "Imprimante qui n'imprime pas", EN: "Printer that does not print"}, Words: "copieur toner bourrage papier"}
	for typed, want := range map[string]bool{"impri": true, "IMPRIMANTE": true, "printer": true, "bourrage": true, "imprimante vpn": false, "": false, "’": false} {
		if got := s.Fits(typed) > 0; got != want {
			t.Errorf("%q: %v", typed, got)
		}
	}
	for sentence, want := range map[string]bool{"L’imprimante du 2e est en panne": true, "Plus de toner": true, "VPN coupé": false, "Qui ne marche pas": false} {
		if got := s.Echoes(sentence) > 0; got != want {
			t.Errorf("%q: %v", sentence, got)
		}
	}
}
