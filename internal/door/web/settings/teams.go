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
	"entraide/internal/usecase/staffing"
)

func (p pages) mountTeams() {
	p.Route(kit.Leads, "GET "+teamsPath, p.teams)
	p.Route(kit.Admins, "POST "+teamsPath, p.createTeam)
	p.Route(kit.Leads, "GET "+teamsPath+"/{id}", p.team)
	p.Route(kit.Admins, "POST "+teamsPath+"/{id}", p.saveTeam)
	p.Route(kit.Leads, "POST "+teamsPath+"/{id}/members", p.addMember)
	p.Route(kit.Admins, "POST "+teamsPath+"/{id}/queues", p.saveQueue)
	p.mountMembers()
}

func (p pages) teams(w http.ResponseWriter, r *http.Request) error {
	return p.showTeams(w, r, http.StatusOK, page.Teams{Level: "1", WithQueue: true})
}

func (p pages) showTeams(w http.ResponseWriter, r *http.Request, status int, v page.Teams) error {
	l := i18n.From(r.Context())
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		v.Admin = a.Admin()
		list, err := identity.ListTeams(ctx, tx, a)
		if err != nil {
			return err
		}
		queues, err := ticket.Queues(ctx, tx, a)
		for _, t := range list {
			if t.MayManage(a) != nil {
				continue
			}
			var names []string
			for _, q := range queues {
				if q.TeamID == t.ID && q.Active {
					names = append(names, q.Name)
				}
			}
			v.List = append(v.List, page.TeamLine{Name: t.Name, Href: teamsPath + "/" + t.ID, Level: t.Level, Active: t.Active,
				Members: l.N("settings.team.members", int64(len(t.Members))), Queues: strings.Join(names, ", ")})
		}
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.shell(w, r, l.T("settings.teams"), "teams")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.TeamsPage(s, v))
}

func (p pages) createTeam(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	v := page.Teams{Name: r.PostFormValue("name"), Level: r.PostFormValue("level"), WithQueue: r.PostFormValue("queue") != ""}
	var made identity.Team
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		made, err = staffing.CreateTeam(ctx, tx, a, identity.Team{Name: v.Name, Level: kit.Int(v.Level)}, v.WithQueue)
		return err
	})
	if errors.Is(err, errs.Invalid) {
		v.Mistakes = ui.MistakesOf(r.Context(), err)
		return p.showTeams(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	key := "settings.team.created"
	if v.WithQueue {
		key = "settings.team.created.queue"
	}
	return p.done(w, r, teamsPath+"/"+made.ID, key)
}

func (p pages) team(w http.ResponseWriter, r *http.Request) error {
	return p.showTeam(w, r, http.StatusOK, func(*page.Team) {})
}

// showTeam shows a team as it is to who manages it; typed puts what was refused in its place.
func (p pages) showTeam(w http.ResponseWriter, r *http.Request, status int, typed func(*page.Team)) error {
	var v page.Team
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		t, err := identity.FindTeam(ctx, tx, a, r.PathValue("id"))
		if err != nil {
			return err
		}
		if err := t.MayManage(a); err != nil {
			return err
		}
		path := teamsPath + "/" + t.ID
		v = page.Team{ID: t.ID, Title: t.Name, Name: t.Name, Level: strconv.Itoa(t.Level), Now: strconv.Itoa(t.Level), Description: t.Description, Active: t.Active, Version: t.Version, Admin: a.Admin(),
			Picker: page.Picker{Path: path, Action: path + "/members", Query: r.FormValue("q"), Lead: a.Admin()}}
		in := make(map[string]bool)
		for _, m := range t.Members {
			in[m.PersonID] = true
			v.Members = append(v.Members, memberLine(ctx, tx, t, m))
		}
		if err := pick(ctx, tx, a, &v.Picker, in, func(x identity.Person, f *page.Found) { joining(i18n.From(ctx), a, x, f) }); err != nil || kit.Fragment(r) {
			return err
		}
		faces := make([]*ui.Person, len(v.Members))
		for i := range v.Members {
			faces[i] = &v.Members[i].Person
		}
		if err := kit.Faces(ctx, tx, a, faces...); err != nil {
			return err
		}
		queues, err := staffing.Queues(ctx, tx, a, t.ID)
		for _, q := range queues {
			v.Queues = append(v.Queues, page.Queue{ID: q.ID, Name: q.Name, Position: strconv.Itoa(q.Position), Private: q.Private, Active: q.Active, Version: q.Version})
		}
		return err
	})
	if err != nil {
		return err
	}
	if kit.Fragment(r) {
		return kit.Render(w, r, http.StatusOK, page.PickerFound(v.Picker))
	}
	v.Queues = append(v.Queues, page.Queue{Active: true, Position: "0"}) // the form of a new one
	typed(&v)
	s, err := p.shell(w, r, v.Title, "teams")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.TeamPage(s, v))
}

// refused tells how to answer a save that did not happen.
func refused(err error) (status int, yes bool) {
	switch {
	case errors.Is(err, errs.Conflict):
		return http.StatusConflict, true
	case errors.Is(err, errs.Invalid):
		return http.StatusUnprocessableEntity, true
	}
	return 0, false
}

// versionOf is the version that the page showed; never 0, which would save over anything.
func versionOf(r *http.Request) int64 {
	version, err := strconv.ParseInt(r.PostFormValue("version"), 10, 64)
	if err != nil || version < 1 {
		return -1
	}
	return version
}

// errAsk stops a save that moves queues to another level until it is confirmed.
var errAsk = errors.New("confirm the level")

func (p pages) saveTeam(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	level := r.PostFormValue("level")
	typed := func(v *page.Team) {
		v.Name, v.Level, v.Description, v.Active = r.PostFormValue("name"), level, r.PostFormValue("description"), r.PostFormValue("active") != ""
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		was, err := identity.FindTeam(ctx, tx, a, r.PathValue("id"))
		if err != nil {
			return err
		}
		queues, err := staffing.Queues(ctx, tx, a, was.ID)
		if err != nil {
			return err
		}
		_, err = staffing.ChangeTeam(ctx, tx, a, was.ID, versionOf(r), func(t *identity.Team) {
			t.Name, t.Level, t.Description, t.Active = r.PostFormValue("name"), kit.Int(level), r.PostFormValue("description"), r.PostFormValue("active") != ""
		})
		if err == nil && kit.Int(level) != was.Level && len(queues) > 0 && r.PostFormValue("confirm") != level {
			return errAsk // what could be refused was not: only the person's word is missing
		}
		return err
	})
	if errors.Is(err, errAsk) {
		return p.showTeam(w, r, http.StatusOK, func(v *page.Team) {
			typed(v)
			v.Confirm = true
		})
	}
	if status, yes := refused(err); yes {
		return p.showTeam(w, r, status, func(v *page.Team) {
			typed(v)
			v.Changed, v.Mistakes = status == http.StatusConflict, ui.MistakesOf(r.Context(), err)
		})
	}
	if err != nil {
		return err
	}
	return p.done(w, r, teamsPath+"/"+r.PathValue("id"), "settings.saved")
}

func (p pages) saveQueue(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	q := ticket.Queue{ID: r.PostFormValue("queue"), Name: r.PostFormValue("name"), TeamID: r.PathValue("id"), Version: versionOf(r),
		Private: r.PostFormValue("private") != "", Active: r.PostFormValue("active") != ""}
	var wrong []errs.Field
	q.Position = within(r, "position", 1000, &wrong)
	err := errs.InvalidFields(wrong)
	if err == nil {
		err = p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			_, err := ticket.SaveQueue(ctx, tx, a, q)
			return err
		})
	}
	if status, yes := refused(err); yes {
		return p.showTeam(w, r, status, func(v *page.Team) {
			for i := range v.Queues {
				if x := &v.Queues[i]; x.ID == q.ID {
					x.Name, x.Position, x.Private = q.Name, r.PostFormValue("position"), q.Private
					x.Active = q.Active || q.ID == ""
					x.Mistakes, x.Changed = ui.MistakesOf(r.Context(), err), status == http.StatusConflict
				}
			}
		})
	}
	if err != nil {
		return err
	}
	return p.done(w, r, teamsPath+"/"+r.PathValue("id"), "settings.saved")
}
