package recipients

import (
	"slices"

	"entraide/internal/base/event"
	"entraide/internal/domain/notify"
	"entraide/internal/domain/ticket"
)

// told is one piece of news for one person.
type told struct {
	person string
	news   notify.News
	quiet  bool // inbox only, whatever the person chose for mail
	ack    bool // confirms to the requester what they did themselves: mail only
}

// topicRank orders topics for a person who is on a ticket in several ways: the nearest counts.
var topicRank = []notify.Topic{notify.Mention, notify.ToLead, notify.Assigned, notify.Own, notify.Late, notify.Activity, notify.Rating,
	notify.Escalated, notify.Watched, notify.NewQueue}

// newsRank orders what happened in one go: of a reply that also resolves, the resolution is the news.
var newsRank = []string{"resolved", "cancelled", "merged", "reopened", "pending", "mentioned", "replied", "noted", "created"}

// stronger reports whether a says more than b to the same person.
func stronger(a, b told) bool {
	if a.ack != b.ack {
		return b.ack
	}
	ta, tb := slices.Index(topicRank, a.news.Topic()), slices.Index(topicRank, b.news.Topic())
	if ta != tb {
		return ta < tb
	}
	return rank(a.news) < rank(b.news)
}

func rank(n notify.News) int {
	what := string(n)[len(n.Topic())+1:]
	if i := slices.Index(newsRank, what); i >= 0 {
		return i
	}
	return len(newsRank)
}

// plan says who is told what about events that happened in one go, one piece of news for each person, in the order in
// which people were met. Whoever caused an event is not told of it; nobody is told of what they may not see.
func plan(events []event.Event, f facts) []told {
	var list []told
	absorbed := slices.ContainsFunc(events, func(e event.Event) bool { return e.Kind == "ticket.absorbed" })
	for _, e := range events {
		if absorbed && e.Kind == "ticket.watched" {
			continue // of a merge, which is told on the ticket that ended
		}
		for _, t := range planOne(e, f) {
			p, known := f.people[t.person]
			if !known || !p.sees || t.person == e.ActorID && !t.ack {
				continue
			}
			if e.Internal && !p.internal {
				continue
			}
			if i := slices.IndexFunc(list, func(o told) bool { return o.person == t.person }); i < 0 {
				list = append(list, t)
			} else if stronger(t, list[i]) {
				list[i] = t
			}
		}
	}
	return list
}

// planOne lists who is concerned by one event, whoever caused it and whatever they may see.
func planOne(e event.Event, f facts) []told {
	t := f.ticket
	switch e.Kind {
	case "ticket.created":
		return created(e, f)
	case "ticket.replied":
		return around(f, "replied")
	case "ticket.noted":
		if e.Data.Extra[ticket.Quiet] != "" {
			return nil
		}
		return append(to(t.AssigneeID, "activity.noted"), insiders(f, "watched.noted")...)
	case "ticket.mentioned":
		return to(e.Data.Person, "mention.mentioned")
	case "ticket.assigned":
		list := to(e.Data.Person, "assigned.assigned")
		if e.Data.Person != "" && e.Data.Person == t.AssigneeID && f.deputy != "" && f.deputy != e.ActorID {
			list = append(list, told{person: f.deputy, news: "assigned.deputy", quiet: true})
		}
		return list
	case "ticket.pending":
		if t.PendingOn == ticket.OnRequester || e.Data.Extra["on"] == string(ticket.OnRequester) {
			return to(t.RequesterID, "own.pending")
		}
		return nil
	case "ticket.escalated", "ticket.returned":
		return handedOver(e, f)
	case "ticket.resolved":
		return around(f, "resolved")
	case "ticket.reopened":
		return around(f, "reopened")
	case "ticket.cancelled":
		return around(f, "cancelled")
	case "ticket.merged":
		return around(f, "merged")
	case "ticket.watched":
		return to(e.Data.Person, "watched.added")
	case "sla.warned":
		return late(e, f, "late.warned")
	case "sla.breached":
		return late(e, f, "late.breached")
	case "ticket.rated":
		return to(t.AssigneeID, notify.News("rating."+e.Data.Extra["score"]))
	}
	return nil
}

func to(person string, news notify.News) []told {
	if person == "" {
		return nil
	}
	return []told{{person: person, news: news}}
}

// around is what concerns everybody on the ticket: who asked, who answers, who follows.
func around(f facts, what string) []told {
	list := to(f.ticket.RequesterID, notify.News("own."+what))
	list = append(list, to(f.ticket.AssigneeID, notify.News("activity."+what))...)
	for _, w := range f.watchers {
		list = append(list, to(w, notify.News("watched."+what))...)
	}
	return list
}

// insiders is what concerns those who follow the ticket from inside the desk.
func insiders(f facts, news notify.News) []told {
	var list []told
	for _, w := range f.watchers {
		if f.people[w].internal {
			list = append(list, told{person: w, news: news})
		}
	}
	return list
}

// team is what concerns those who work the ticket's queue, as long as nobody has taken it.
func team(f facts, news notify.News) []told {
	if f.ticket.AssigneeID != "" {
		return nil
	}
	var list []told
	for _, m := range f.team {
		list = append(list, told{person: m, news: news})
	}
	return list
}

// late tells who answers for a deadline: whoever has the ticket, else the team whose queue it lies in; and the team's leads
// when the policy says so.
func late(e event.Event, f facts, news notify.News) []told {
	list := append(to(f.ticket.AssigneeID, news), team(f, news)...)
	if e.Data.Extra["leads"] != "" {
		for _, l := range f.leads {
			list = append(list, to(l, news)...)
		}
	}
	return list
}

func created(e event.Event, f facts) []told {
	t := f.ticket
	list := to(t.RequesterID, "own.created")
	list[0].ack = e.ActorID == t.RequesterID
	for _, w := range f.watchers {
		list = append(list, told{person: w, news: "watched.added"})
	}
	list = append(list, to(t.AssigneeID, "assigned.assigned")...)
	return append(list, team(f, "queue.created")...)
}

// handedOver tells the team that receives the ticket, and the requester in plain words and without any reason: those
// are the desk's. Bringing a ticket before a lead moves nothing that the requester could see.
func handedOver(e event.Event, f facts) []told {
	if e.Data.Extra["way"] == "lead" {
		return to(e.Data.Person, "lead.escalated")
	}
	list := []told{{person: f.ticket.RequesterID, news: "own.level", quiet: true}}
	news := notify.News("escalated.escalated")
	if e.Kind == "ticket.returned" {
		news = "escalated.returned"
	}
	if e.Data.Person != "" {
		list = append(list, to(e.Data.Person, news)...)
	}
	return append(list, team(f, news)...)
}

// bundle returns the events of all that happened in one go with e, oldest first: those of the same moment, hand and
// cause, and those that carry the same message. All events of one transaction are committed together, so whichever of
// them is looked at, the bundle is the same, and so is its first event, by which news is told once.
func bundle(e event.Event, all []event.Event) []event.Event {
	var list []event.Event
	for _, o := range all {
		together := o.At.Equal(e.At) && o.ActorID == e.ActorID && o.Actor == e.Actor && o.Cause == e.Cause
		same := e.Data.Message != "" && o.Data.Message == e.Data.Message
		if o.ID == e.ID || together || same {
			list = append(list, o)
		}
	}
	return list
}
