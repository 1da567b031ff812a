package auth_test

import (
	"testing"

	"entraide/internal/base/auth"
)

func TestIs(t *testing.T) {
	for name, c := range map[string]struct {
		a    auth.Actor
		want map[auth.Role]bool
	}{
		"nobody":    {auth.Actor{}, map[auth.Role]bool{auth.Requester: false, auth.Agent: false, auth.Admin: false}},
		"requester": {auth.Actor{ID: "x"}, map[auth.Role]bool{auth.Requester: true, auth.Agent: false, auth.Admin: false}},
		"lead":      {auth.Actor{ID: "x", Roles: []auth.Role{auth.Lead}}, map[auth.Role]bool{auth.Agent: true, auth.Lead: true, auth.Admin: false}},
		"agent":     {auth.Actor{ID: "x", Roles: []auth.Role{auth.Agent}}, map[auth.Role]bool{auth.Agent: true, auth.Lead: false, auth.Maker: false}},
		"admin":     {auth.Actor{ID: "x", Roles: []auth.Role{auth.Admin}}, map[auth.Role]bool{auth.Agent: true, auth.Maker: true, auth.Admin: true}},
		"machine":   {auth.System("test"), map[auth.Role]bool{auth.Admin: true}},
	} {
		for r, want := range c.want {
			if got := c.a.Is(r); got != want {
				t.Errorf("%s: Is(%s) = %v", name, r, got)
			}
		}
	}
}

func TestWorksNeedsRoleAndTeam(t *testing.T) {
	agent := auth.Actor{ID: "a", Roles: []auth.Role{auth.Agent}, Teams: []string{"t1"}}
	former := auth.Actor{ID: "a", Teams: []string{"t1"}}
	if !agent.Works("t1") || agent.Works("t2") || agent.Works("") || former.Works("t1") {
		t.Error("membership and role are both needed")
	}
}

func TestScoped(t *testing.T) {
	tok := auth.Actor{Scopes: []string{"tickets:read", "people"}}
	for scope, want := range map[string]bool{"tickets:read": true, "tickets:write": false, "people:write": true, "peoples:read": false} {
		if tok.Scoped(scope) != want {
			t.Errorf("Scoped(%s) = %v", scope, !want)
		}
	}
	if !(auth.Actor{}).Scoped("tickets:write") || (auth.Actor{Scopes: []string{}}).Scoped("tickets:read") {
		t.Error("nil scopes = session, empty scopes = nothing")
	}
}
