package sla_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/domain/calendar"
	"entraide/internal/domain/sla"
)

var (
	admin = auth.Actor{ID: "ad", Roles: []auth.Role{auth.Admin}}
	agent = auth.Actor{ID: "ag", Roles: []auth.Role{auth.Agent}}
)

func TestChoose(t *testing.T) {
	all := []sla.Policy{
		{ID: "off"},
		{ID: "vip", Active: true, Fits: sla.Fits{VIP: true, Kinds: []string{"incident"}}},
		{ID: "board", Active: true, Fits: sla.Fits{Groups: []string{"g1", "g2"}, Sites: []string{"Lyon"}}},
		{ID: "plant", Active: true, Fits: sla.Fits{Departments: []string{"Production"}}},
		{ID: "vpn", Active: true, Fits: sla.Fits{Categories: []string{"network"}, Kinds: []string{"incident"}}},
		{ID: "queue", Active: true, Fits: sla.Fits{Queues: []string{"q2"}}},
		{ID: "incidents", Active: true, Fits: sla.Fits{Kinds: []string{"incident"}}},
	}
	for name, c := range map[string]struct {
		about sla.Case
		want  string
	}{
		"who asks comes first":   {sla.Case{Kind: "incident", Path: []string{"network"}, Requester: sla.Requester{VIP: true}}, "vip"},
		"a group at its site":    {sla.Case{Kind: "request", Requester: sla.Requester{Groups: []string{"g0", "g2"}, Site: "Lyon"}}, "board"},
		"a group elsewhere":      {sla.Case{Kind: "request", Requester: sla.Requester{Groups: []string{"g2"}, Site: "Lille"}}, ""},
		"a department":           {sla.Case{Kind: "request", Requester: sla.Requester{Department: "Production"}}, "plant"},
		"below its category":     {sla.Case{Kind: "incident", Path: []string{"network", "vpn"}}, "vpn"},
		"the kind does not fit":  {sla.Case{Kind: "request", Path: []string{"network"}}, ""},
		"the queue comes before": {sla.Case{Kind: "incident", QueueID: "q2"}, "queue"},
		"everything else":        {sla.Case{Kind: "incident"}, "incidents"},
		"nothing is promised":    {sla.Case{Kind: "request"}, ""},
	} {
		if p, ok := sla.Choose(all, c.about); p.ID != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v", name, p.ID, ok)
		}
	}
}

func office(t *testing.T) *calendar.Calendar {
	t.Helper()
	hours := map[string][]calendar.Span{}
	for _, d := range []string{"mon", "tue", "wed", "thu", "fri"} {
		hours[d] = []calendar.Span{{"09:00", "12:00"}, {"14:00", "18:00"}}
	}
	c, err := calendar.Compile(calendar.Spec{Zone: "Europe/Paris", Hours: hours})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestWorkedTimeIsWhatIsPromised draws lives at random: up to each deadline exactly the promised time is worked, pauses
// apart, and a pause never brings a deadline nearer.
func TestWorkedTimeIsWhatIsPromised(t *testing.T) {
	c, r := office(t), rand.New(rand.NewPCG(1, 2))
	p := sla.Policy{ID: "p", Waits: []string{"requester"}, Warn: 75, Targets: map[int]sla.Target{1: {First: 60, Next: 120, Resolution: 600}}}
	for n := range 2000 {
		at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(60*24*60)) * time.Minute)
		f := sla.Facts{Ref: "ticket/T", Started: at}
		for range r.IntN(4) {
			at = at.Add(time.Duration(1+r.IntN(3000)) * time.Minute)
			w := sla.Wait{On: []string{"requester", "date"}[r.IntN(2)], From: at}
			at = at.Add(time.Duration(1+r.IntN(3000)) * time.Minute)
			w.To = at
			f.Waits = append(f.Waits, w)
		}
		clocks, err := sla.Work(p, c, 1, f)
		if err != nil || len(clocks) != 2 {
			t.Fatal(len(clocks), err)
		}
		plain, err := sla.Work(p, c, 1, sla.Facts{Ref: f.Ref, Started: f.Started})
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range clocks {
			worked, err := c.BetweenPaused(k.Started, k.Due, k.Pauses)
			if err != nil || worked != time.Duration(k.Minutes)*time.Minute {
				t.Fatalf("%d: %s worked until the deadline of %d minutes, %v", n, worked, k.Minutes, err)
			}
			if k.Due.Before(plain[i].Due) || !k.Alarm.Before(k.Due) {
				t.Fatalf("%d: due %s, without pauses %s, alarm %s", n, k.Due, plain[i].Due, k.Alarm)
			}
		}
	}
}

func TestSavePolicy(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		save := func(a auth.Actor, p sla.Policy) (sla.Policy, error) {
			err := d.Write(t.Context(), func(tx *db.Tx) (err error) { p, err = sla.SavePolicy(t.Context(), tx, a, p); return err })
			return p, err
		}
		var c calendar.Stored
		err := d.Write(t.Context(), func(tx *db.Tx) (err error) {
			c, err = calendar.Save(t.Context(), tx, admin, calendar.Stored{Name: "Bureau", Spec: calendar.Spec{Zone: "UTC", Hours: map[string][]calendar.Span{"mon": {{"09:00", "18:00"}}}}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		good := sla.Policy{Name: "Standard", Active: true, CalendarID: c.ID, Targets: map[int]sla.Target{1: {First: 30}}}
		for name, change := range map[string]func(p *sla.Policy){
			"name":     func(p *sla.Policy) { p.Name = " " },
			"calendar": func(p *sla.Policy) { p.CalendarID = "none" },
			"warn":     func(p *sla.Policy) { p.Warn = 100 },
			"targets":  func(p *sla.Policy) { p.Targets = nil },
			"first.1":  func(p *sla.Policy) { p.Targets = map[int]sla.Target{1: {First: -1, Resolution: 5}} },
			"next.2":   func(p *sla.Policy) { p.Targets = map[int]sla.Target{2: {Next: 1 << 30}} },
		} {
			bad := good
			change(&bad)
			if _, err := save(admin, bad); len(errs.Fields(err)) != 1 || errs.Fields(err)[0].Name != name {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := save(agent, good); !errors.Is(err, errs.Forbidden) {
			t.Errorf("an agent: %v", err)
		}
		p, err := save(admin, good)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := save(admin, p); err != nil {
			t.Error(err)
		}
		if _, err := save(admin, p); !errors.Is(err, errs.Conflict) {
			t.Errorf("a late form: %v", err)
		}
		err = d.Write(t.Context(), func(tx *db.Tx) error {
			if n, err := sla.Uses(t.Context(), tx, c.ID); n != 1 || err != nil {
				t.Errorf("%d uses, %v", n, err)
			}
			if _, err := sla.Ring(t.Context(), tx, admin); !errors.Is(err, errs.Forbidden) {
				t.Errorf("an administrator rings: %v", err)
			}
			return sla.RemovePolicy(t.Context(), tx, admin, p.ID)
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestWhatIsMetMovesNoMore(t *testing.T) {
	c := office(t)
	p := sla.Policy{ID: "p", Waits: []string{"requester"}, Targets: map[int]sla.Target{1: {First: 60, Resolution: 600}}}
	at := time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC)
	clocks, err := sla.Work(p, c, 1, sla.Facts{Ref: "ticket/T", Started: at, Answered: at.Add(20 * time.Minute), Waits: []sla.Wait{{On: "requester", From: at.Add(30 * time.Minute)}}})
	if err != nil || len(clocks) != 2 {
		t.Fatal(len(clocks), err)
	}
	if k := clocks[0]; !k.Due.Equal(at.Add(time.Hour)) || k.Met.IsZero() || !k.Alarm.IsZero() {
		t.Errorf("answered before it waits: %+v", k)
	}
	if k := clocks[1]; !k.Standing() || !k.Due.IsZero() {
		t.Errorf("what it waits for: %+v", k)
	}
}
