package settings

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
)

const viewsPath = ui.SettingsPath + "/views"

func (p pages) mountViews() {
	p.Route(kit.Leads, "GET "+viewsPath, func(w http.ResponseWriter, r *http.Request) error {
		return p.showViews(w, r, http.StatusOK, func(*page.Views) {})
	})
	p.Route(kit.Leads, "POST "+viewsPath, p.createView)
	p.Route(kit.Leads, "POST "+viewsPath+"/{id}", p.saveView)
	p.Route(kit.Leads, "POST "+viewsPath+"/{id}/delete", p.deleteView)
}

// showViews shows the views of the teams that one leads; typed puts what was refused in its place.
func (p pages) showViews(w http.ResponseWriter, r *http.Request, status int, typed func(*page.Views)) error {
	l := i18n.From(r.Context())
	var v page.Views
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		teams, err := identity.ListTeams(ctx, tx, a)
		if err != nil {
			return err
		}
		queues, err := ticket.Queues(ctx, tx, a)
		if err != nil {
			return err
		}
		saved, err := ticket.Views(ctx, tx, a)
		names := make(map[string]string)
		v.Queues = []ui.Option{{Label: l.T("settings.view.queue.all")}}
		for _, q := range queues {
			names[q.ID] = q.Name
		}
		for _, t := range teams {
			if !t.Active || t.MayManage(a) != nil {
				continue
			}
			one := page.TeamViews{ID: t.ID, Name: t.Name}
			for _, x := range saved {
				if x.TeamID == t.ID {
					one.List = append(one.List, page.View{ID: x.ID, Name: x.Name, Position: strconv.Itoa(x.Position), Version: x.Version, Href: "/desk/views/" + x.ID, Words: inWords(l, x.Filter, names)})
				}
			}
			if len(one.List) > 0 {
				v.Teams = append(v.Teams, one)
			}
			v.Choices = append(v.Choices, ui.Option{Value: t.ID, Label: t.Name})
			for _, q := range queues {
				if q.TeamID == t.ID && q.Active {
					v.Queues = append(v.Queues, ui.Option{Value: q.ID, Label: q.Name, Group: t.Name})
				}
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	v.Assignees = []ui.Option{{Label: l.T("settings.view.assignee.any")}, {Value: "none", Label: l.T("settings.view.assignee.none")}, {Value: "me", Label: l.T("settings.view.assignee.me")}}
	v.Statuses = []ui.Option{{Value: "active", Label: l.T("settings.view.status.active")}, {Value: "pending", Label: l.T("settings.view.status.pending")}, {Value: "resolved", Label: l.T("settings.view.status.resolved")}}
	v.Ranks = []ui.Option{{Label: l.T("settings.view.priority.any")}}
	for n := 1; n <= 3; n++ {
		v.Ranks = append(v.Ranks, ui.Option{Value: strconv.Itoa(n), Label: l.T("settings.view.priority.from", "n", n)})
	}
	v.New.Status = "active"
	typed(&v)
	s, err := p.shell(w, r, l.T("settings.views"), "views")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.ViewsPage(s, v))
}

// inWords says what a filter shows; queues are names by id.
func inWords(l i18n.Loc, f ticket.Filter, queues map[string]string) string {
	var words []string
	for _, id := range f.Queues {
		if queues[id] != "" {
			words = append(words, queues[id])
		}
	}
	for _, k := range f.Kinds {
		words = append(words, l.T("ticket.kind."+string(k)))
	}
	for _, s := range f.Statuses {
		words = append(words, l.T("ticket.status."+string(s)))
	}
	if f.Active && len(f.Statuses) == 0 {
		words = append(words, l.T("settings.view.status.active"))
	}
	if f.Due != "" {
		words = append(words, l.T("settings.view.due."+string(f.Due)))
	}
	if f.ResolvedDays > 0 {
		words = append(words, l.T("settings.view.status.resolved"))
	}
	switch f.Assignee {
	case "none":
		words = append(words, l.T("settings.view.assignee.none"))
	case "me":
		words = append(words, l.T("settings.view.assignee.me"))
	}
	if f.Priority > 0 {
		words = append(words, l.T("settings.view.priority.from", "n", f.Priority))
	}
	if f.Level > 0 {
		words = append(words, l.T("settings.team.lead.text", "level", f.Level))
	}
	if f.Tag != "" {
		words = append(words, "#"+f.Tag)
	}
	if f.Q != "" {
		words = append(words, "« "+f.Q+" »")
	}
	return strings.Join(words, " · ")
}

func (p pages) createView(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	n := page.NewView{Team: r.PostFormValue("team"), Name: r.PostFormValue("name"), Queue: r.PostFormValue("queue"), Assignee: r.PostFormValue("assignee"),
		Status: r.PostFormValue("status"), Priority: r.PostFormValue("priority")}
	f := ticket.Filter{Priority: kit.Int(n.Priority)}
	switch n.Status {
	case "pending":
		f.Active, f.Statuses = true, []ticket.Status{ticket.Pending}
	case "resolved":
		f.ResolvedDays = 7
	default:
		f.Active = true
	}
	if n.Assignee == "me" || n.Assignee == "none" {
		f.Assignee = n.Assignee
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		if n.Team == "" || !a.Leads(n.Team) {
			return errs.InvalidField("team", "settings.reply.team.yours")
		}
		queues, err := ticket.Queues(ctx, tx, a)
		if err != nil {
			return err
		}
		for _, q := range queues {
			if q.Active && q.TeamID == n.Team && (n.Queue == "" || q.ID == n.Queue) {
				f.Queues = append(f.Queues, q.ID)
			}
		}
		if len(f.Queues) == 0 {
			return errs.InvalidField("queue", "settings.view.queue.none")
		}
		views, err := ticket.Views(ctx, tx, a)
		if err != nil {
			return err
		}
		last := 0
		for _, x := range views {
			if x.TeamID == n.Team {
				last = max(last, x.Position+1)
			}
		}
		_, err = ticket.SaveView(ctx, tx, a, ticket.View{Name: n.Name, TeamID: n.Team, Filter: f, Position: last})
		return err
	})
	if errors.Is(err, errs.Invalid) {
		n.Mistakes = ui.MistakesOf(r.Context(), err)
		return p.showViews(w, r, http.StatusUnprocessableEntity, func(v *page.Views) { v.New = n })
	}
	if err != nil {
		return err
	}
	return p.done(w, r, viewsPath, "settings.view.saved")
}

func (p pages) saveView(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	var wrong []errs.Field
	position := within(r, "position", 1000, &wrong)
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		x, err := ticket.FindView(ctx, tx, a, r.PathValue("id"))
		if err != nil {
			return err
		}
		if err := errs.InvalidFields(wrong); err != nil {
			return err
		}
		x.Name, x.Position, x.Version = r.PostFormValue("name"), position, versionOf(r)
		_, err = ticket.SaveView(ctx, tx, a, x)
		return err
	})
	if status, yes := refused(err); yes {
		return p.showViews(w, r, status, func(v *page.Views) {
			for t := range v.Teams {
				for i := range v.Teams[t].List {
					if x := &v.Teams[t].List[i]; x.ID == r.PathValue("id") {
						x.Name, x.Position = r.PostFormValue("name"), r.PostFormValue("position")
						x.Mistakes, x.Changed = ui.MistakesOf(r.Context(), err), status == http.StatusConflict
					}
				}
			}
		})
	}
	if err != nil {
		return err
	}
	return p.done(w, r, viewsPath, "settings.view.saved")
}

func (p pages) deleteView(w http.ResponseWriter, r *http.Request) error {
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return ticket.DeleteView(ctx, tx, a, r.PathValue("id"))
	})
	if err != nil {
		return err
	}
	return p.done(w, r, viewsPath, "settings.view.deleted")
}
