package api

import (
	"context"
	"net/http"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
)

type queueJSON struct {
	ID      string    `json:"id"`
	Name    string    `json:"name" example:"Support de proximité"`
	Level   int       `json:"level" example:"1"`
	Team    namedJSON `json:"team" doc:"Who works it."`
	Private bool      `json:"private" doc:"Read by its team only."`
	Active  bool      `json:"active"`
	Version int64     `json:"version"`
}

type categoryJSON struct {
	ID      string   `json:"id"`
	Parent  *string  `json:"parent" doc:"Id; null = top."`
	NameFR  string   `json:"name_fr" example:"Réseau et VPN"`
	NameEN  string   `json:"name_en" example:"Network and VPN"`
	Path    []string `json:"path" nullable:"false" doc:"Names from the top, in the caller's language."`
	Queue   *string  `json:"queue" doc:"Id of the queue where its tickets start; null = as above it."`
	Active  bool     `json:"active"`
	Version int64    `json:"version"`
}

type teamJSON struct {
	ID          string       `json:"id"`
	Name        string       `json:"name" example:"Réseaux"`
	Level       int          `json:"level" example:"2"`
	Description string       `json:"description"`
	Active      bool         `json:"active"`
	Members     []memberJSON `json:"members" nullable:"false" doc:"Empty for those who only see the directory."`
	Version     int64        `json:"version"`
}

type memberJSON struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Leads bool   `json:"leads"`
	Away  bool   `json:"away" doc:"Out of office now."`
}

// deskRoutes are those of what shapes the desk; it is read here and changed in the settings.
func (s *server) deskRoutes() {
	get(s, s.op(http.MethodGet, "/queues", "list-queues", "tickets:read", "desk"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *Paged) (out list[queueJSON], err error) {
			all, err := ticket.Queues(ctx, tx, a)
			items := make([]queueJSON, len(all))
			for i, q := range all {
				items[i] = queueJSON{q.ID, q.Name, q.Level, namedJSON{q.TeamID, q.Team}, q.Private, q.Active, q.Version}
			}
			return window(items, func(q queueJSON) string { return q.ID }, *in), err
		})
	get(s, s.op(http.MethodGet, "/categories", "list-categories", "tickets:read", "desk"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *Paged) (out list[categoryJSON], err error) {
			tree, err := s.categories.get(ctx, tx, ticket.Categories)
			if err != nil {
				return out, err
			}
			lang := string(callOf(ctx).loc.Lang)
			items := make([]categoryJSON, len(tree))
			for i, c := range tree {
				items[i] = categoryJSON{c.ID, textOrNull(c.ParentID), c.NameFR, c.NameEN, nil, textOrNull(c.QueueID), c.Active, c.Version}
				for _, p := range tree.Path(c.ID) {
					items[i].Path = append(items[i].Path, p.Name(lang))
				}
			}
			return window(items, func(c categoryJSON) string { return c.ID }, *in), nil
		})
	get(s, s.op(http.MethodGet, "/teams", "list-teams", "people:read", "people"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *Paged) (out list[teamJSON], err error) {
			all, err := identity.ListTeams(ctx, tx, a)
			items := make([]teamJSON, len(all))
			for i, t := range all {
				items[i] = teamJSON{t.ID, t.Name, t.Level, t.Description, t.Active, []memberJSON{}, t.Version}
				for _, m := range t.Members {
					items[i].Members = append(items[i].Members, memberJSON{m.PersonID, m.Name, m.Leads, m.Away.At(tx.Now)})
				}
			}
			return window(items, func(t teamJSON) string { return t.ID }, *in), err
		})
}
