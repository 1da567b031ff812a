// Package auth says who acts. Whether they may is said by the rooms.
package auth

import (
	"context"
	"slices"
	"time"
)

// Role is what a person is for the organisation. Everybody is a requester.
type Role string

// The roles, as in the contract.
const (
	Requester Role = "requester" // asks
	Agent     Role = "agent"     // works tickets of their teams
	Lead      Role = "lead"      // an agent who also answers for a team
	Knowledge Role = "knowledge" // publishes articles
	Maker     Role = "maker"     // designs forms and flows
	Admin     Role = "admin"     // everything
)

// Roles lists all roles in the order in which pages show them.
func Roles() []Role { return []Role{Requester, Agent, Lead, Knowledge, Maker, Admin} }

// Actor is who does something: a person, an API token of a person, or the machine itself.
// It is loaded afresh for each request. The zero Actor is nobody: it sees nothing and may nothing.
type Actor struct {
	ID       string   // person id; "" for the machine and for nobody
	Name     string   // as shown on timelines
	Email    string   // lower case
	Roles    []Role   // without the implied Requester
	Teams    []string // ids of the teams they work in
	LeadOf   []string // ids of the teams they lead, a subset of Teams
	Scopes   []string // of the API token used; nil = a session, everything the roles allow
	Lang     string   // "fr", "en"; "" = as the browser says
	Zone     string   // IANA name; "" = the organisation's
	Reason   string   // why the machine acts; non-empty only for System
	Session  string   // id of the session or token that was shown
	Internal bool     // the machine: may everything
}

// System returns the machine acting on its own account; reason is written in the log ("mail intake").
func System(reason string) Actor { return Actor{Name: reason, Reason: reason, Internal: true} }

// Is reports whether a has role r. Admins have every role; leads are agents; everyone known is a requester.
func (a Actor) Is(r Role) bool {
	if a.Internal || slices.Contains(a.Roles, Admin) || slices.Contains(a.Roles, r) {
		return true
	}
	switch r {
	case Requester:
		return a.ID != ""
	case Agent:
		return slices.Contains(a.Roles, Lead)
	}
	return false
}

// Admin reports whether a may administer everything.
func (a Actor) Admin() bool { return a.Is(Admin) }

// Agent reports whether a works tickets at all.
func (a Actor) Agent() bool { return a.Is(Agent) }

// Works reports whether a may act on what belongs to team.
func (a Actor) Works(team string) bool {
	return a.Admin() || a.Agent() && team != "" && slices.Contains(a.Teams, team)
}

// Leads reports whether a answers for team.
func (a Actor) Leads(team string) bool {
	return a.Admin() || a.Is(Lead) && team != "" && slices.Contains(a.LeadOf, team)
}

// Known reports whether a is somebody who signed in, or the machine.
func (a Actor) Known() bool { return a.ID != "" || a.Internal }

// Scoped reports whether the credential a came with allows scope ("tickets:write").
// A session allows everything; a token allows its scopes, "tickets" standing for both of read and write.
func (a Actor) Scoped(scope string) bool {
	if a.Scopes == nil {
		return true
	}
	for _, s := range a.Scopes {
		if s == "*" || s == scope || len(scope) > len(s) && scope[:len(s)] == s && scope[len(s)] == ':' {
			return true
		}
	}
	return false
}

// Location returns the actor's time zone, Europe/Paris when unset or unknown.
func (a Actor) Location() *time.Location {
	if a.Zone != "" {
		if l, err := time.LoadLocation(a.Zone); err == nil {
			return l
		}
	}
	l, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		return time.UTC
	}
	return l
}

type key struct{}

// With returns a context that carries a.
func With(ctx context.Context, a Actor) context.Context { return context.WithValue(ctx, key{}, a) }

// From returns the actor of the context, nobody when there is none.
func From(ctx context.Context) Actor {
	a, _ := ctx.Value(key{}).(Actor)
	return a
}
