package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/domain/ticket"
)

type viewJSON struct {
	ID      string     `json:"id" example:"unassigned" doc:"Of a saved view; or a built-in one; or queue- and a queue's id."`
	Name    string     `json:"name"`
	Kind    string     `json:"kind" enum:"built_in,queue,personal,team"`
	Team    *string    `json:"team" doc:"Id of the team it belongs to."`
	Filter  filterJSON `json:"filter"`
	Count   *int       `json:"count" doc:"Tickets in it now, 1000 at most (then there are more). Not told when a view is created or changed."`
	Version int64      `json:"version"`
}

// filterJSON chooses tickets; every field narrows.
type filterJSON struct {
	Q            string   `json:"q,omitempty" maxLength:"200"`
	Status       []string `json:"status,omitempty" nullable:"false" enum:"new,open,pending,resolved,closed,cancelled"`
	Active       bool     `json:"active,omitempty" doc:"new, open or pending"`
	Type         []string `json:"type,omitempty" nullable:"false" enum:"incident,request,problem"`
	Queues       []string `json:"queues,omitempty" nullable:"false" maxItems:"100" doc:"Ids or names."`
	Level        int      `json:"level,omitempty" minimum:"1" maximum:"3"`
	Assignee     string   `json:"assignee,omitempty" maxLength:"254" doc:"me, none, a mail address or an id."`
	Requester    string   `json:"requester,omitempty" maxLength:"254" doc:"me, a mail address or an id."`
	Categories   []string `json:"categories,omitempty" nullable:"false" maxItems:"200" doc:"Ids or paths; these alone."`
	Priority     int      `json:"priority,omitempty" minimum:"1" maximum:"4" doc:"This or higher."`
	Tag          string   `json:"tag,omitempty" maxLength:"60"`
	MyTeams      bool     `json:"my_teams,omitempty" doc:"In queues of the caller's teams."`
	Mentioned    bool     `json:"mentioned,omitempty" doc:"The caller is."`
	Watched      bool     `json:"watched,omitempty" doc:"By the caller."`
	Due          string   `json:"due,omitempty" enum:"soon,late" doc:"The next promised moment is over (late), or at most two hours away (soon)."`
	ResolvedDays int      `json:"resolved_days,omitempty" minimum:"1" maximum:"3650" doc:"Resolved within so many days."`
}

func showFilter(f ticket.Filter) filterJSON {
	j := filterJSON{Q: f.Q, Active: f.Active, Queues: f.Queues, Level: f.Level, Assignee: f.Assignee, Requester: f.Requester,
		Categories: f.Categories, Priority: f.Priority, Tag: f.Tag, MyTeams: f.MyTeams, Mentioned: f.Mentioned, Watched: f.Watched, Due: string(f.Due), ResolvedDays: f.ResolvedDays}
	for _, v := range f.Statuses {
		j.Status = append(j.Status, string(v))
	}
	for _, v := range f.Kinds {
		j.Type = append(j.Type, string(v))
	}
	return j
}

// filter reads a filter, with names turned into ids.
func (s *server) filter(ctx context.Context, tx *db.Tx, a auth.Actor, j filterJSON) (ticket.Filter, error) {
	f := ticket.Filter{Q: j.Q, Active: j.Active, Level: j.Level, Assignee: j.Assignee, Priority: j.Priority, Tag: j.Tag, MyTeams: j.MyTeams,
		Mentioned: j.Mentioned, Watched: j.Watched, Due: ticket.Due(j.Due), ResolvedDays: j.ResolvedDays}
	for _, v := range j.Status {
		f.Statuses = append(f.Statuses, ticket.Status(v))
	}
	for _, v := range j.Type {
		f.Kinds = append(f.Kinds, ticket.Kind(v))
	}
	for _, v := range j.Queues {
		id, err := s.queue(ctx, tx, a, v)
		if err != nil {
			return f, renamed(err, map[string]string{"queue": "filter.queues"})
		}
		f.Queues = append(f.Queues, id)
	}
	for _, v := range j.Categories {
		id, err := s.category(ctx, tx, v)
		if err != nil {
			return f, renamed(err, map[string]string{"category": "filter.categories"})
		}
		f.Categories = append(f.Categories, id)
	}
	var err error
	if f.Assignee != "" && f.Assignee != "me" && f.Assignee != "none" {
		if f.Assignee, err = person(ctx, tx, a, f.Assignee, "filter.assignee"); err != nil {
			return f, err
		}
	}
	if j.Requester != "" {
		f.Requester, err = person(ctx, tx, a, j.Requester, "filter.requester")
	}
	return f, err
}

func showView(c *call, v ticket.View) viewJSON {
	j := viewJSON{ID: v.ID, Name: v.Name, Kind: "built_in", Filter: showFilter(v.Filter), Version: v.Version}
	switch {
	case strings.HasPrefix(v.ID, "queue-"):
		j.Kind, j.Team = "queue", textOrNull(v.TeamID)
	case v.OwnerID != "":
		j.Kind = "personal"
	case v.TeamID != "":
		j.Kind, j.Team = "team", textOrNull(v.TeamID)
	default:
		j.Name = c.loc.T("api.view." + v.ID)
	}
	return j
}

// agents refuses those who do not work tickets.
func agents(a auth.Actor) error {
	if !a.Agent() {
		return errs.Because(errs.Forbidden, "ticket.agents_only")
	}
	return nil
}

// views returns the built-in views, those of the active queues and the saved ones.
func views(ctx context.Context, tx *db.Tx, a auth.Actor) ([]ticket.View, error) {
	if err := agents(a); err != nil {
		return nil, err
	}
	all := ticket.BuiltIn()
	queues, err := ticket.Queues(ctx, tx, a)
	if err != nil {
		return nil, err
	}
	for _, q := range queues {
		if q.Active {
			all = append(all, ticket.OfQueue(q))
		}
	}
	saved, err := ticket.Views(ctx, tx, a)
	return append(all, saved...), err
}

type newViewIn struct {
	Keyed
	Body struct {
		Name   string     `json:"name" minLength:"1" maxLength:"60" example:"VPN en attente"`
		Team   string     `json:"team,omitempty" maxLength:"40" doc:"Id of a team the caller leads; personal unless given."`
		Filter filterJSON `json:"filter"`
	}
}

type changeViewIn struct {
	ID    string `path:"id" maxLength:"60" doc:"Of a saved view."`
	Match string `header:"If-Match" required:"false" maxLength:"200" doc:"ETag of the view as you read it; 412 when it has changed since."`
	Body  struct {
		Version int64       `json:"version,omitempty" minimum:"1" doc:"As you read it; 409 when it has changed since."`
		Name    *string     `json:"name,omitempty" maxLength:"60"`
		Team    *string     `json:"team,omitempty" maxLength:"40" doc:"Id of a team the caller leads; \"\" = personal."`
		Filter  *filterJSON `json:"filter,omitempty" doc:"All of it."`
	}
}

// changeView changes what is given of a saved view.
func (s *server) changeView(ctx context.Context, tx *db.Tx, a auth.Actor, in *changeViewIn) (reply, error) {
	if err := agents(a); err != nil {
		return reply{}, err
	}
	v, err := ticket.FindView(ctx, tx, a, in.ID)
	if err != nil {
		return reply{}, err
	}
	if in.Match != "" && !holds(in.Match, v.Version) {
		return reply{}, problemOf(http.StatusPreconditionFailed, "ticket.settings_stale")
	}
	b := in.Body
	if b.Version != 0 && b.Version != v.Version {
		return reply{}, problemOf(http.StatusConflict, "ticket.settings_stale")
	}
	if b.Name != nil {
		v.Name = *b.Name
	}
	if b.Team != nil {
		v.TeamID = *b.Team
	}
	if b.Filter != nil {
		if v.Filter, err = s.filter(ctx, tx, a, *b.Filter); err != nil {
			return reply{}, err
		}
	}
	v, err = ticket.SaveView(ctx, tx, a, v)
	return reply{value: showView(callOf(ctx), v), header: map[string]string{"ETag": etag(v.Version)}}, err
}

type viewIn struct {
	ID string `path:"id" maxLength:"60" example:"unassigned"`
}

type viewTicketsIn struct {
	ID string `path:"id" maxLength:"60" example:"unassigned"`
	Paged
	Sort string `query:"sort" required:"false" enum:"updated,created,priority,oldest"`
}

func (s *server) viewRoutes() {
	get(s, s.op(http.MethodGet, "/views", "list-views", "tickets:read", "views"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *Paged) (out list[viewJSON], err error) {
			all, err := views(ctx, tx, a)
			if err != nil {
				return out, err
			}
			filters := make([]ticket.Filter, len(all))
			for i, v := range all {
				filters[i] = v.Filter
			}
			counts, err := ticket.Counts(ctx, tx, a, filters)
			if err != nil {
				return out, err
			}
			items := make([]viewJSON, len(all))
			for i, v := range all {
				items[i] = showView(callOf(ctx), v)
				items[i].Count = &counts[i]
			}
			if in.Limit == 0 {
				in.Limit = 200
			}
			return window(items, func(v viewJSON) string { return v.ID }, *in), nil
		})
	create := s.op(http.MethodPost, "/views", "create-view", "tickets:write", "views")
	create.DefaultStatus = http.StatusCreated
	act[newViewIn, viewJSON](s, create, func(ctx context.Context, tx *db.Tx, a auth.Actor, in *newViewIn) (reply, error) {
		if err := agents(a); err != nil {
			return reply{}, err
		}
		f, err := s.filter(ctx, tx, a, in.Body.Filter)
		if err != nil {
			return reply{}, err
		}
		v, err := ticket.SaveView(ctx, tx, a, ticket.View{Name: in.Body.Name, TeamID: in.Body.Team, Filter: f})
		return reply{status: http.StatusCreated, value: showView(callOf(ctx), v), header: map[string]string{"Location": prefix + "/views/" + v.ID}}, err
	})
	act[changeViewIn, viewJSON](s, s.op(http.MethodPatch, "/views/{id}", "update-view", "tickets:write", "views"), s.changeView)
	do(s, s.op(http.MethodDelete, "/views/{id}", "delete-view", "tickets:write", "views"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *viewIn) error {
			return ticket.DeleteView(ctx, tx, a, in.ID)
		})
	get(s, s.op(http.MethodGet, "/views/{id}/tickets", "view-tickets", "tickets:read", "views"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *viewTicketsIn) (out list[ticketJSON], err error) {
			all, err := views(ctx, tx, a)
			if err != nil {
				return out, err
			}
			i := slices.IndexFunc(all, func(v ticket.View) bool { return v.ID == in.ID })
			if i < 0 {
				return out, errs.NotFound
			}
			return s.page(ctx, tx, a, all[i].Filter, ticket.Page{Sort: ticket.Sort(in.Sort), Limit: in.Limit, Cursor: in.Cursor})
		})
}
