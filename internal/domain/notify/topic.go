// Package notify is what people are told and how they chose to be told: the inbox, the choices per topic, quiet hours
// and the daily digest. Whom an event concerns is decided by the use case that calls this room.
package notify

import (
	"slices"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/i18n"
)

// Topic is a group of news that a person decides about in one go.
type Topic string

// The topics.
const (
	Own       Topic = "own"       // the requests I made
	Watched   Topic = "watched"   // the tickets I follow
	Assigned  Topic = "assigned"  // a ticket becomes mine
	Activity  Topic = "activity"  // something happens on a ticket that is mine
	Mention   Topic = "mention"   // somebody wrote @me
	NewQueue  Topic = "queue"     // a ticket arrives in a queue of my teams
	Escalated Topic = "escalated" // a ticket is handed over to my teams
	ToLead    Topic = "lead"      // a ticket is brought before me as the one who answers for the team
	Rating    Topic = "rating"    // a requester rates a ticket that is mine
	Late      Topic = "late"      // a deadline is near, or missed, on a ticket that is mine or nobody's
	System    Topic = "system"    // something waits for an administrator
)

// Mail says when a mail leaves.
type Mail string

// The choices.
const (
	Now    Mail = "now"    // at once, after quiet hours
	Digest Mail = "digest" // once a day, together
	Never  Mail = "never"
)

// Preference is what one person wants for one topic.
type Preference struct {
	Topic Topic
	Mail  Mail
	Inbox bool
}

type topicRow struct {
	topic     Topic
	of        auth.Role // whom it concerns; "" = everybody
	requester Mail
	agent     Mail
}

// topics holds what holds until somebody chooses. Agents live at the desk, so what they see there anyway is mailed
// seldom; requesters come by once a month, so they get mail.
var topics = []topicRow{
	{Own, "", Now, Now},
	{Watched, "", Now, Never},
	{Mention, "", Now, Now},
	{Assigned, auth.Agent, Now, Now},
	{Activity, auth.Agent, Now, Now},
	{NewQueue, auth.Agent, Never, Never},
	{Escalated, auth.Agent, Never, Never},
	{ToLead, auth.Agent, Now, Now},
	{Rating, auth.Agent, Digest, Digest},
	{Late, auth.Agent, Never, Never},
	{System, auth.Admin, Now, Now},
}

// Topics lists those that concern a, in the order in which pages show them.
func Topics(a auth.Actor) []Topic {
	var list []Topic
	for _, t := range topics {
		if t.of == "" || a.Is(t.of) {
			list = append(list, t.topic)
		}
	}
	return list
}

// Default returns what holds for t until a person chooses. The inbox is on for every topic.
func Default(t Topic, agent bool) Preference {
	for _, d := range topics {
		if d.topic == t && agent {
			return Preference{Topic: t, Mail: d.agent, Inbox: true}
		}
		if d.topic == t {
			return Preference{Topic: t, Mail: d.requester, Inbox: true}
		}
	}
	return Preference{Topic: t, Mail: Never, Inbox: true}
}

func (t Topic) known() bool {
	return slices.ContainsFunc(topics, func(r topicRow) bool { return r.topic == t })
}

// Label names the topic on the preferences page.
func (t Topic) Label(l i18n.Loc) string { return l.T("notify.topic." + string(t)) }

// News is one kind of news, "topic.what": "own.replied".
type News string

// Topic returns the group that n belongs to.
func (n News) Topic() Topic {
	t, _, _ := strings.Cut(string(n), ".")
	return Topic(t)
}

// Line says what happened in one sentence: « Paul Vasseur vous répond ». actor "" = the machine.
func (n News) Line(l i18n.Loc, actor string) string {
	if actor == "" {
		actor = l.T("notify.machine")
	}
	key := "notify.news." + string(n)
	if !i18n.Has(key) { // written by another version
		return actor
	}
	return l.T(key, "actor", actor)
}
