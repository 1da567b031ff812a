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

func (p pages) mountTeams() {
	p.Route(kit.Admins, "GET "+teamsPath, p.teams)
	p.Route(kit.Admins, "POST "+teamsPath, p.createTeam)
	p.Route(kit.Admins, "GET "+teamsPath+"/{id}", p.team)
	p.Route(kit.Admins, "POST "+teamsPath+"/{id}", p.saveTeam)
	p.Route(kit.Admins, "POST "+teamsPath+"/{id}/members", p.addMember)
	p.Route(kit.Admins, "POST "+teamsPath+"/{id}/members/{person}", p.changeMember)
	p.Route(kit.Admins, "POST "+teamsPath+"/{id}/queues", p.saveQueue)
}

func (p pages) teams(w http.ResponseWriter, r *http.Request) error {
	return p.showTeams(w, r, http.StatusOK, page.Teams{Level: "1"})
}

func (p pages) showTeams(w http.ResponseWriter, r *http.Request, status int, v page.Teams) error {
	l := i18n.From(r.Context())
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		list, err := identity.ListTeams(ctx, tx, a)
		if err != nil {
			return err
		}
		queues, err := ticket.Queues(ctx, tx, a)
		for _, t := range list {
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
	v := page.Teams{Name: r.PostFormValue("name"), Level: r.PostFormValue("level")}
	var made identity.Team
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		made, err = identity.CreateTeam(ctx, tx, a, identity.Team{Name: v.Name, Level: kit.Int(v.Level)})
		return err
	})
	if errors.Is(err, errs.Invalid) {
		v.Mistakes = ui.MistakesOf(r.Context(), err)
		return p.showTeams(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	return p.done(w, r, teamsPath+"/"+made.ID, "settings.team.created")
}

func (p pages) team(w http.ResponseWriter, r *http.Request) error {
	return p.showTeam(w, r, http.StatusOK, func(*page.Team) {})
}

// showTeam shows a team as it is; typed puts what was refused in its place.
func (p pages) showTeam(w http.ResponseWriter, r *http.Request, status int, typed func(*page.Team)) error {
	var v page.Team
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		t, err := identity.FindTeam(ctx, tx, a, r.PathValue("id"))
		if err != nil {
			return err
		}
		v = page.Team{ID: t.ID, Title: t.Name, Name: t.Name, Level: strconv.Itoa(t.Level), Description: t.Description, Active: t.Active, Version: t.Version}
		for _, m := range t.Members {
			v.Members = append(v.Members, page.Member{ID: m.PersonID, Name: m.Name, Leads: m.Leads})
		}
		queues, err := ticket.Queues(ctx, tx, a)
		for _, q := range queues {
			if q.TeamID == t.ID {
				v.Queues = append(v.Queues, page.Queue{ID: q.ID, Name: q.Name, Position: strconv.Itoa(q.Position), Private: q.Private, Active: q.Active, Version: q.Version})
			}
		}
		return err
	})
	if err != nil {
		return err
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

func (p pages) saveTeam(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		_, err := identity.UpdateTeam(ctx, tx, a, r.PathValue("id"), versionOf(r), func(t *identity.Team) {
			t.Name, t.Level, t.Description = r.PostFormValue("name"), kit.Int(r.PostFormValue("level")), r.PostFormValue("description")
			t.Active = r.PostFormValue("active") != ""
		})
		return err
	})
	if status, yes := refused(err); yes {
		return p.showTeam(w, r, status, func(v *page.Team) {
			v.Name, v.Level, v.Description = r.PostFormValue("name"), r.PostFormValue("level"), r.PostFormValue("description")
			v.Active, v.Changed, v.Mistakes = r.PostFormValue("active") != "", status == http.StatusConflict, ui.MistakesOf(r.Context(), err)
		})
	}
	if err != nil {
		return err
	}
	return p.done(w, r, teamsPath+"/"+r.PathValue("id"), "settings.saved")
}

// named finds the one active person whom an address or name means.
func named(ctx context.Context, tx *db.Tx, a auth.Actor, typed string) (identity.Person, error) {
	typed = strings.TrimSpace(typed)
	if typed == "" {
		return identity.Person{}, errs.InvalidField("who", "settings.team.nobody")
	}
	x, err := identity.FindByEmail(ctx, tx, a, typed)
	if err == nil || !errors.Is(err, errs.NotFound) {
		return x, err
	}
	list, err := identity.Search(ctx, tx, a, typed, 2)
	if err != nil {
		return x, err
	}
	switch len(list) {
	case 0:
		return x, errs.InvalidField("who", "settings.team.nobody")
	case 1:
		return list[0], nil
	default:
		return x, errs.InvalidField("who", "settings.team.several")
	}
}

func (p pages) addMember(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	who, leads := r.PostFormValue("who"), r.PostFormValue("leads") != ""
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		x, err := named(ctx, tx, a, who)
		if err != nil {
			return err
		}
		return identity.SetMember(ctx, tx, a, r.PathValue("id"), x.ID, leads)
	})
	if errors.Is(err, errs.Invalid) {
		return p.showTeam(w, r, http.StatusUnprocessableEntity, func(v *page.Team) {
			v.Who, v.MemberMistakes = who, ui.MistakesOf(r.Context(), err)
		})
	}
	if err != nil {
		return err
	}
	return p.done(w, r, teamsPath+"/"+r.PathValue("id"), "settings.saved")
}

func (p pages) changeMember(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	team, person := r.PathValue("id"), r.PathValue("person")
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		switch r.PostFormValue("do") {
		case "remove":
			return identity.RemoveMember(ctx, tx, a, team, person)
		case "lead":
			return identity.SetMember(ctx, tx, a, team, person, true)
		case "member":
			return identity.SetMember(ctx, tx, a, team, person, false)
		default:
			return errs.Invalid
		}
	})
	if err != nil {
		return err
	}
	return p.done(w, r, teamsPath+"/"+team, "settings.saved")
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
