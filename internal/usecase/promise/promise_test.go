package promise_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/domain/calendar"
	"entraide/internal/domain/sla"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/promise"
)

const cast = `
	INSERT INTO team (id, name, level, created_at) VALUES ('team1', 'Niveau 1', 1, 0);
	INSERT INTO queue (id, name, team_id, level, created_at) VALUES ('q1', 'Niveau 1', 'team1', 1, 0);
	INSERT INTO person (id, name, email, email_key, name_fold, created_at, updated_at) VALUES
		('ann', 'Ann', 'ann@x.fr', 'ann@x.fr', 'ann', 0, 0), ('paul', 'Paul', 'paul@x.fr', 'paul@x.fr', 'paul', 0, 0);
	INSERT INTO person_role (person_id, role) VALUES ('paul', 'agent');
	INSERT INTO team_member (person_id, team_id, leads) VALUES ('paul', 'team1', FALSE);
	INSERT INTO priority_rule (impact, urgency, priority) VALUES (1, 1, 1), (3, 3, 3);`

var (
	ann   = auth.Actor{ID: "ann", Name: "Ann"}
	paul  = auth.Actor{ID: "paul", Name: "Paul", Roles: []auth.Role{auth.Agent}, Teams: []string{"team1"}}
	admin = auth.Actor{ID: "ad", Roles: []auth.Role{auth.Admin}}
	self  = auth.System("test")
)

// house is a desk open from 9 to 12 and 14 to 18, Monday to Friday, in UTC, that promises an answer within an hour and a
// resolution within eight, of a day seven hours long.
type house struct {
	t      *testing.T
	d      *db.DB
	now    *time.Time
	policy sla.Policy
}

func each(t *testing.T, f func(t *testing.T, h *house)) {
	now := time.Date(2026, 3, 12, 10, 0, 0, 0, time.UTC) // a Thursday
	dbtest.EachWith(t, dbtest.Options{Seed: cast, Now: func() time.Time { return now }}, func(t *testing.T, d *db.DB) {
		now = time.Date(2026, 3, 12, 10, 0, 0, 0, time.UTC)
		h := &house{t: t, d: d, now: &now}
		hours := map[string][]calendar.Span{}
		for _, day := range []string{"mon", "tue", "wed", "thu", "fri"} {
			hours[day] = []calendar.Span{{"09:00", "12:00"}, {"14:00", "18:00"}}
		}
		h.write(func(tx *db.Tx) error {
			c, err := calendar.Save(t.Context(), tx, admin, calendar.Stored{Name: "Bureau", Spec: calendar.Spec{Zone: "UTC", Hours: hours}})
			if err != nil {
				return err
			}
			h.policy, err = sla.SavePolicy(t.Context(), tx, admin, sla.Policy{Name: "Standard", Active: true, CalendarID: c.ID, Waits: []string{"requester"}, Warn: 75,
				Targets: map[int]sla.Target{1: {First: 15, Resolution: 120}, 3: {First: 60, Next: 120, Resolution: 480}}})
			return err
		})
		f(t, h)
	})
}

func (h *house) write(f func(tx *db.Tx) error) {
	h.t.Helper()
	if err := h.d.Write(h.t.Context(), f); err != nil {
		h.t.Fatal(err)
	}
}

// at moves the clock to a moment of March 2026, does f, and works the clocks of the ticket out.
func (h *house) at(moment string, id *string, f func(tx *db.Tx) error) {
	h.t.Helper()
	at, err := time.Parse("2 15:04", moment)
	if err != nil {
		h.t.Fatal(err)
	}
	*h.now = time.Date(2026, 3, at.Day(), at.Hour(), at.Minute(), 0, 0, time.UTC)
	h.write(f)
	h.write(func(tx *db.Tx) error { return promise.Refresh(h.t.Context(), tx, *id) })
}

// due writes the deadlines of a ticket, and what its clocks tell.
func (h *house) due(id string) string {
	h.t.Helper()
	var out []string
	err := h.d.Read(h.t.Context(), func(tx *db.Tx) error {
		clocks, err := sla.Clocks(h.t.Context(), tx, self, "ticket/"+id)
		for _, k := range clocks {
			s := string(k.Metric) + " " + k.Due.Format("2 15:04")
			switch {
			case !k.Met.IsZero():
				s = string(k.Metric) + " met"
			case k.Standing():
				s = string(k.Metric) + " stands"
			}
			out = append(out, s)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.Join(out, ", ")
}

func (h *house) open(id *string) func(tx *db.Tx) error {
	return func(tx *db.Tx) error {
		t, err := ticket.OpenTicket(h.t.Context(), tx, ann, ticket.Draft{Subject: "VPN", Channel: ticket.Portal, Message: ticket.Draught{Body: "Il se coupe"}})
		*id = t.ID
		return err
	}
}

func TestALifeOfPromises(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var id string
		say := func(by auth.Actor, body string) func(tx *db.Tx) error {
			return func(tx *db.Tx) error {
				_, err := ticket.Reply(t.Context(), tx, by, id, ticket.Say{Draught: ticket.Draught{Body: body}})
				return err
			}
		}
		for _, step := range []struct {
			moment string
			do     func(tx *db.Tx) error
			want   string
		}{
			{"12 11:30", h.open(&id), "first 12 14:30, resolution 13 14:30"}, // half an hour before lunch, half after; 8 h = 30' + 4 h + 3 h + 30'
			{"12 14:10", say(paul, "Redémarrez"), "first met, resolution 13 14:30"},
			{"12 15:00", say(ann, "Toujours pareil"), "first met, next 12 17:00, resolution 13 14:30"},
			{"12 15:30", say(ann, "Alors ?"), "first met, next 12 17:00, resolution 13 14:30"}, // her first word counts
			{"12 16:00", say(paul, "Je regarde"), "first met, resolution 13 14:30"},
			{"12 16:00", func(tx *db.Tx) error {
				_, err := ticket.Pend(t.Context(), tx, paul, id, ticket.OnRequester, time.Time{}, 0)
				return err
			}, "first met, resolution stands"},
			{"13 16:00", say(ann, "Voici le numéro"), "first met, next 13 18:00, resolution 16 14:30"}, // seven worked hours later
			{"13 17:00", func(tx *db.Tx) error {
				_, err := ticket.Resolve(t.Context(), tx, paul, id, ticket.Resolution{Body: "Réparé"})
				return err
			}, "first met, resolution met"}, // it says so as well
		} {
			h.at(step.moment, &id, step.do)
			if got := h.due(id); got != step.want {
				t.Errorf("%s: %s, want %s", step.moment, got, step.want)
			}
		}
	})
}

// What is explained is what was counted: day by day, without lunch, nights, weekends and the time of waiting.
func TestExplain(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var id string
		h.at("12 11:30", &id, h.open(&id))
		h.at("12 16:00", &id, func(tx *db.Tx) error {
			_, err := ticket.Pend(t.Context(), tx, paul, id, ticket.OnRequester, time.Time{}, 0)
			return err
		})
		h.at("13 10:00", &id, func(tx *db.Tx) error {
			_, err := ticket.Reply(t.Context(), tx, ann, id, ticket.Say{Draught: ticket.Draught{Body: "Voici"}})
			return err
		})
		h.at("16 09:20", &id, func(*db.Tx) error { return nil })
		h.write(func(tx *db.Tx) error {
			x, err := ticket.Find(t.Context(), tx, self, id)
			if err != nil {
				return err
			}
			if _, err := promise.Explain(t.Context(), tx, ann, x); !errors.Is(err, errs.Forbidden) {
				t.Errorf("a requester: %v", err)
			}
			all, err := promise.Explain(t.Context(), tx, paul, x)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(all, func(e promise.Explained) bool { return e.Metric == sla.Resolution })
			var got []string
			for _, d := range all[i].Days {
				line := d.Date.Format("2") + ":"
				for _, p := range d.Parts {
					line += " " + p.From.Format("15:04") + "-" + p.To.Format("15:04")
					if p.Paused {
						line += " paused"
					}
				}
				got = append(got, line+" = "+d.Counted.String()+" of "+d.Total.String())
			}
			want := []string{"12: 11:30-12:00 14:00-16:00 16:00-18:00 paused = 2h30m0s of 2h30m0s",
				"13: 09:00-10:00 paused 10:00-12:00 14:00-18:00 = 6h0m0s of 8h30m0s", "16: 09:00-09:20 = 20m0s of 8h50m0s"}
			if !slices.Equal(got, want) || all[i].Used != 8*time.Hour+50*time.Minute || all[i].Left() != -50*time.Minute || all[i].Policy != "Standard" || all[i].Calendar != "Bureau" {
				t.Errorf("%s\n%+v", strings.Join(got, "\n"), all[i])
			}
			return nil
		})
	})
}

// ring lets alarms go off at a moment and returns what was told.
func (h *house) ring(moment string) string {
	h.t.Helper()
	at, err := time.Parse("2 15:04", moment)
	if err != nil {
		h.t.Fatal(err)
	}
	*h.now = time.Date(2026, 3, at.Day(), at.Hour(), at.Minute(), 0, 0, time.UTC)
	var before, after []event.Event
	log := func(to *[]event.Event) func(tx *db.Tx) error {
		return func(tx *db.Tx) (err error) { *to, err = event.Since(h.t.Context(), tx, "", 1000); return err }
	}
	h.write(log(&before))
	for n := 1; n > 0; {
		h.write(func(tx *db.Tx) (err error) { n, err = promise.Ring(h.t.Context(), tx); return err })
	}
	h.write(log(&after))
	var out []string
	for _, e := range after[len(before):] {
		out = append(out, strings.TrimPrefix(e.Kind, "sla.")+" "+e.Data.Extra["metric"])
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func TestAlarmsGoOffOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var id string
		h.at("12 09:00", &id, h.open(&id)) // first 10:00, warned at 9:45; resolution 13 10:00, warned after six hours
		for _, step := range []struct{ moment, want string }{
			{"12 09:44", ""}, {"12 09:45", "warned first"}, {"12 09:50", ""}, {"12 10:00", "breached first"}, {"12 10:01", ""}, {"12 23:00", "warned resolution"},
			{"13 10:30", "breached resolution"}, {"13 11:00", ""},
		} {
			if got := h.ring(step.moment); got != step.want {
				t.Errorf("%s: %q, want %q", step.moment, got, step.want)
			}
		}
		// A longer promise puts the deadline ahead again: the desk is told again when its time comes.
		h.policy.Targets[3] = sla.Target{First: 60, Resolution: 960}
		h.at("13 11:00", &id, func(tx *db.Tx) (err error) {
			h.policy, err = sla.SavePolicy(t.Context(), tx, admin, h.policy)
			return err
		})
		if got := h.due(id); got != "first 12 10:00, resolution 16 11:00" {
			t.Errorf("after the change: %s", got)
		}
		if got := h.ring("13 11:01"); got != "" {
			t.Errorf("told at once: %q", got)
		}
		if got := h.ring("16 12:00"); got != "breached resolution, warned resolution" && got != "breached resolution" {
			t.Errorf("told later: %q", got)
		}
	})
}

// The policy says of which alarms leads hear.
func TestLeadsAreTold(t *testing.T) {
	for leads, want := range map[sla.Leads]string{sla.Never: "", sla.Late: "breached", sla.Soon: "warned breached"} {
		each(t, func(t *testing.T, h *house) {
			h.policy.Leads = leads
			h.write(func(tx *db.Tx) (err error) {
				h.policy, err = sla.SavePolicy(t.Context(), tx, admin, h.policy)
				return err
			})
			var id string
			h.at("12 09:00", &id, h.open(&id))
			h.ring("12 09:45")
			h.ring("12 10:00")
			var got []string
			h.write(func(tx *db.Tx) error {
				all, err := event.Since(t.Context(), tx, "", 1000)
				for _, e := range all {
					if e.Data.Extra["leads"] != "" {
						got = append(got, strings.TrimPrefix(e.Kind, "sla."))
					}
				}
				return err
			})
			if strings.Join(got, " ") != want {
				t.Errorf("leads %q hear of %v, want %q", leads, got, want)
			}
		})
	}
	dbtest.Each(t, cast, func(t *testing.T, d *db.DB) {
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := sla.SavePolicy(t.Context(), tx, admin, sla.Policy{Name: "x", Leads: "always", Targets: map[int]sla.Target{1: {First: 1}}})
			return err
		})
		if !slices.ContainsFunc(errs.Fields(err), func(f errs.Field) bool { return f.Name == "leads" }) {
			t.Errorf("a moment of nowhere: %v", err)
		}
	})
}

func TestPriorityAndPolicyChangeCountAnew(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var id string
		h.at("12 09:00", &id, h.open(&id))
		h.at("12 09:05", &id, func(tx *db.Tx) error {
			one := 1
			_, err := ticket.Update(t.Context(), tx, paul, id, ticket.Patch{Impact: &one, Urgency: &one})
			return err
		})
		if got := h.due(id); got != "first 12 09:15, resolution 12 11:00" {
			t.Errorf("more urgent: %s", got)
		}
		h.write(func(tx *db.Tx) error { return sla.RemovePolicy(t.Context(), tx, admin, h.policy.ID) })
		h.write(func(tx *db.Tx) error { return promise.Changed(t.Context(), tx) })
		if err := promise.Anew(t.Context(), h.d); err != nil {
			t.Fatal(err)
		}
		if got := h.due(id); got != "" {
			t.Errorf("without a policy: %s", got)
		}
		h.write(func(tx *db.Tx) error {
			tk, err := ticket.Find(t.Context(), tx, self, id)
			if !tk.DueResponse.IsZero() || !tk.DueResolved.IsZero() {
				t.Errorf("the ticket keeps %s and %s", tk.DueResponse, tk.DueResolved)
			}
			return err
		})
		if n := dbtest.Count(t, h.d, "job"); n != 1 {
			t.Errorf("%d promises to count anew", n)
		}
	})
}

func TestReopenedCountsOn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var id string
		h.at("12 09:00", &id, h.open(&id)) // 480 minutes: 13 10:00
		h.at("12 10:00", &id, func(tx *db.Tx) error {
			_, err := ticket.Resolve(t.Context(), tx, paul, id, ticket.Resolution{Body: "Réparé"})
			return err
		})
		h.at("12 15:00", &id, func(tx *db.Tx) error { // two hours and one are not counted
			_, err := ticket.Reply(t.Context(), tx, ann, id, ticket.Say{Draught: ticket.Draught{Body: "Non"}})
			return err
		})
		if got := h.due(id); got != "first met, next 12 17:00, resolution 13 15:00" {
			t.Errorf("reopened: %s", got)
		}
	})
}

func TestWhoAsksCounts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.write(func(tx *db.Tx) error {
			if _, err := tx.Exec(t.Context(), "INSERT INTO people_group (id, code, name, created_at) VALUES ('g1', 'board', 'Direction', 0)"); err != nil {
				return err
			}
			p := h.policy
			p.ID, p.Version, p.Name, p.Position = "", 0, "Direction", -1
			p.Fits = sla.Fits{Groups: []string{"g1"}, Sites: []string{"Lyon"}, Departments: []string{"Siège"}, VIP: true}
			p.Targets = map[int]sla.Target{3: {First: 15, Resolution: 60}}
			_, err := sla.SavePolicy(t.Context(), tx, admin, p)
			return err
		})
		var id string
		h.at("12 10:00", &id, h.open(&id))
		for _, step := range []struct{ change, want string }{
			{"UPDATE person SET vip = TRUE WHERE id = 'ann'", "first 12 11:00, resolution 13 11:00"},
			{"UPDATE person SET site = 'Lyon' WHERE id = 'ann'", "first 12 11:00, resolution 13 11:00"},
			{"INSERT INTO group_member (person_id, group_id) VALUES ('ann', 'g1')", "first 12 11:00, resolution 13 11:00"},
			{"UPDATE person SET department = 'Siège' WHERE id = 'ann'", "first 12 10:15, resolution 12 11:00"},
			{"DELETE FROM group_member", "first 12 11:00, resolution 13 11:00"},
		} {
			h.at("12 10:05", &id, func(tx *db.Tx) error { _, err := tx.Exec(t.Context(), step.change); return err })
			if got := h.due(id); got != step.want {
				t.Errorf("%s: %s, want %s", step.change, got, step.want)
			}
		}
		h.write(func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), "INSERT INTO group_member (person_id, group_id) VALUES ('ann', 'g1')")
			return err
		})
		if err := promise.Anew(t.Context(), h.d); err != nil {
			t.Fatal(err)
		}
		if got, want := h.due(id), "first 12 10:15, resolution 12 11:00"; got != want {
			t.Errorf("counted anew: %s, want %s", got, want)
		}
	})
}
