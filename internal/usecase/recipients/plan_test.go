package recipients

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/event"
	"entraide/internal/domain/ticket"
)

// The cast: req asked; asg answers; in and out follow, one from inside the desk; t1 and t2 are the team with asg; dep
// stands in for asg; lead leads; old left.
func cast() facts {
	f := facts{
		ticket:   ticket.Ticket{ID: "T", Kind: ticket.Incident, Number: 1042, Status: ticket.Open, RequesterID: "req", AssigneeID: "asg"},
		watchers: []string{"in", "out", "old"}, team: []string{"asg", "t1", "t2"}, leads: []string{"lead"}, people: map[string]person{},
	}
	for _, p := range []person{
		{id: "req", sees: true}, {id: "out", sees: true}, {id: "in", agent: true, sees: true, internal: true},
		{id: "asg", agent: true, sees: true, internal: true}, {id: "t1", agent: true, sees: true, internal: true},
		{id: "t2", agent: true, sees: true, internal: true}, {id: "dep", agent: true, sees: true, internal: true},
		{id: "lead", agent: true, sees: true, internal: true}, {id: "far", agent: true, sees: true}, {id: "blind", agent: true},
	} {
		f.people[p.id] = p
	}
	return f
}

func ev(kind, actor string, d event.Data) event.Event {
	return event.Event{ID: "E", Kind: kind, Ref: "ticket/T", ActorID: actor, Data: d, Internal: kind == "ticket.noted"}
}

func TestPlan(t *testing.T) {
	extra := func(k, v string) event.Data { return event.Data{Extra: map[string]string{k: v}} }
	unassigned := func(f *facts) { f.ticket.AssigneeID = "" }
	internal := func(e event.Event) event.Event { e.Internal = true; return e }
	for name, c := range map[string]struct {
		change func(f *facts)
		events []event.Event
		want   string // "person news", ~ = inbox only, ! = acknowledgement
	}{
		"asked in person":                       {unassigned, []event.Event{ev("ticket.created", "req", event.Data{})}, "req own.created!, in watched.added, out watched.added, asg queue.created, t1 queue.created, t2 queue.created"},
		"asked on behalf, by one of the team":   {unassigned, []event.Event{ev("ticket.created", "t1", event.Data{})}, "req own.created, in watched.added, out watched.added, asg queue.created, t2 queue.created"},
		"opened for a colleague":                {nil, []event.Event{ev("ticket.created", "t1", event.Data{})}, "req own.created, in watched.added, out watched.added, asg assigned.assigned"},
		"the desk replies":                      {nil, []event.Event{ev("ticket.replied", "asg", event.Data{})}, "req own.replied, in watched.replied, out watched.replied"},
		"the requester replies":                 {nil, []event.Event{ev("ticket.replied", "req", event.Data{})}, "asg activity.replied, in watched.replied, out watched.replied"},
		"a watcher replies":                     {nil, []event.Event{ev("ticket.replied", "out", event.Data{})}, "req own.replied, asg activity.replied, in watched.replied"},
		"a note is for insiders":                {nil, []event.Event{ev("ticket.noted", "t1", event.Data{})}, "asg activity.noted, in watched.noted"},
		"a note on an agent's own request":      {func(f *facts) { f.ticket.RequesterID = "t2" }, []event.Event{ev("ticket.noted", "t1", event.Data{})}, "asg activity.noted, in watched.noted"},
		"mentioned in a note":                   {nil, []event.Event{internal(ev("ticket.mentioned", "asg", event.Data{Person: "t1"}))}, "t1 mention.mentioned"},
		"mentioned in a note one may not read":  {nil, []event.Event{internal(ev("ticket.mentioned", "asg", event.Data{Person: "far"}))}, ""},
		"mentioned in a reply":                  {nil, []event.Event{ev("ticket.mentioned", "asg", event.Data{Person: "far"})}, "far mention.mentioned"},
		"mentioned on a ticket one may not see": {nil, []event.Event{ev("ticket.mentioned", "asg", event.Data{Person: "blind"})}, ""},
		"given to somebody":                     {nil, []event.Event{ev("ticket.assigned", "t1", event.Data{Person: "asg"})}, "asg assigned.assigned"},
		"taken by oneself":                      {nil, []event.Event{ev("ticket.assigned", "asg", event.Data{Person: "asg"})}, ""},
		"given to somebody away":                {func(f *facts) { f.deputy = "dep" }, []event.Event{ev("ticket.assigned", "t1", event.Data{Person: "asg"})}, "asg assigned.assigned, dep assigned.deputy~"},
		"given up":                              {unassigned, []event.Event{ev("ticket.assigned", "asg", event.Data{})}, ""},
		"waits for the requester":               {nil, []event.Event{ev("ticket.pending", "asg", extra("on", "requester"))}, "req own.pending"},
		"waits for somebody else":               {nil, []event.Event{ev("ticket.pending", "asg", extra("on", "third_party"))}, ""},
		"handed over":                           {unassigned, []event.Event{ev("ticket.escalated", "x", extra("way", "up"))}, "req own.level~, asg escalated.escalated, t1 escalated.escalated, t2 escalated.escalated"},
		"handed over to somebody":               {nil, []event.Event{ev("ticket.escalated", "x", event.Data{Person: "asg", Extra: map[string]string{"way": "up"}})}, "req own.level~, asg escalated.escalated"},
		"brought before a lead":                 {nil, []event.Event{ev("ticket.escalated", "asg", event.Data{Person: "lead", Extra: map[string]string{"way": "lead"}})}, "lead lead.escalated"},
		"handed back":                           {unassigned, []event.Event{ev("ticket.returned", "x", extra("way", "back"))}, "req own.level~, asg escalated.returned, t1 escalated.returned, t2 escalated.returned"},
		"soon late":                             {nil, []event.Event{internal(ev("sla.warned", "", extra("metric", "first")))}, "asg late.warned"},
		"late, nobody's":                        {unassigned, []event.Event{internal(ev("sla.breached", "", extra("metric", "first")))}, "asg late.breached, t1 late.breached, t2 late.breached"},
		"late, for leads too":                   {nil, []event.Event{internal(ev("sla.breached", "", extra("leads", "told")))}, "asg late.breached, lead late.breached"},
		"late, and the lead has it":             {func(f *facts) { f.ticket.AssigneeID = "lead" }, []event.Event{internal(ev("sla.breached", "", extra("leads", "told")))}, "lead late.breached"},
		"resolved":                              {nil, []event.Event{ev("ticket.resolved", "asg", event.Data{})}, "req own.resolved, in watched.resolved, out watched.resolved"},
		"closed by the clock":                   {nil, []event.Event{ev("ticket.closed", "", event.Data{})}, ""},
		"reopened by the desk":                  {nil, []event.Event{ev("ticket.reopened", "t1", event.Data{})}, "req own.reopened, asg activity.reopened, in watched.reopened, out watched.reopened"},
		"cancelled by the requester":            {nil, []event.Event{ev("ticket.cancelled", "req", event.Data{})}, "asg activity.cancelled, in watched.cancelled, out watched.cancelled"},
		"merged":                                {nil, []event.Event{ev("ticket.merged", "asg", event.Data{Other: "ticket/S"})}, "req own.merged, in watched.merged, out watched.merged"},
		"rated badly":                           {nil, []event.Event{ev("ticket.rated", "req", extra("score", "bad"))}, "asg rating.bad"},
		"made to follow":                        {nil, []event.Event{ev("ticket.watched", "asg", event.Data{Person: "out"})}, "out watched.added"},
		"follows by oneself":                    {nil, []event.Event{ev("ticket.watched", "out", event.Data{Person: "out"})}, ""},
		"changed":                               {nil, []event.Event{ev("ticket.changed", "asg", event.Data{})}, ""},
		"a reply that resolves is one news":     {nil, []event.Event{ev("ticket.replied", "asg", event.Data{}), ev("ticket.resolved", "asg", event.Data{})}, "req own.resolved, in watched.resolved, out watched.resolved"},
		"a reply that asks is one news":         {nil, []event.Event{ev("ticket.pending", "asg", extra("on", "requester")), ev("ticket.replied", "asg", event.Data{})}, "req own.pending, in watched.replied, out watched.replied"},
		"a mention in a reply is one news":      {nil, []event.Event{ev("ticket.replied", "req", event.Data{}), ev("ticket.mentioned", "req", event.Data{Person: "asg"})}, "asg mention.mentioned, in watched.replied, out watched.replied"},
		"handed over and given in one go":       {nil, []event.Event{ev("ticket.escalated", "x", event.Data{Person: "asg", Extra: map[string]string{"way": "up"}}), ev("ticket.assigned", "x", event.Data{Person: "asg"})}, "req own.level~, asg assigned.assigned"},
		"the assignee asked":                    {func(f *facts) { f.ticket.RequesterID = "asg" }, []event.Event{ev("ticket.replied", "t1", event.Data{})}, "asg own.replied, in watched.replied, out watched.replied"},
	} {
		t.Run(name, func(t *testing.T) {
			f := cast()
			if c.change != nil {
				c.change(&f)
			}
			var got []string
			for _, x := range plan(c.events, f) {
				s := x.person + " " + string(x.news)
				if x.quiet {
					s += "~"
				}
				if x.ack {
					s += "!"
				}
				got = append(got, s)
			}
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("told\n%s\nwant\n%s", s, c.want)
			}
		})
	}
}

func TestNobodyOutsideHearsInternalThings(t *testing.T) {
	for _, kind := range Kinds() {
		for _, person := range []string{"req", "out", "far"} {
			e := ev(kind, "asg", event.Data{Person: person, Extra: map[string]string{"way": "up", "on": "requester", "score": "bad"}})
			e.Internal = true
			for _, x := range plan([]event.Event{e}, cast()) {
				if !slices.Contains([]string{"in", "asg", "t1", "t2"}, x.person) {
					t.Errorf("%s tells %s %s", kind, x.person, x.news)
				}
			}
		}
	}
}

func TestBundle(t *testing.T) {
	at := time.UnixMilli(1000)
	mk := func(i int, at time.Time, actor, cause, message string) event.Event {
		return event.Event{ID: fmt.Sprint(i), At: at, ActorID: actor, Cause: cause, Data: event.Data{Message: message}}
	}
	all := []event.Event{
		mk(0, at, "req", "c0", "m0"), mk(1, at, "asg", "c1", "m1"), mk(2, at, "asg", "c1", ""), mk(3, at.Add(9), "asg", "c2", "m1"), mk(4, at.Add(9), "", "", ""),
	}
	for i, want := range []string{"0", "1 2 3", "1 2", "1 3", "4"} {
		var got []string
		for _, e := range bundle(all[i], all) {
			got = append(got, e.ID)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("bundle of %d = %s, want %s", i, s, want)
		}
	}
}
