package settings

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/identity"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
	"entraide/internal/usecase/access"
)

func (p pages) mountPeople() {
	p.Route(kit.Admins, "GET "+peoplePath, p.people)
	p.Route(kit.Admins, "GET "+peoplePath+"/new", p.newPerson)
	p.Route(kit.Admins, "POST "+peoplePath, p.createPerson)
	p.Route(kit.Admins, "GET "+peoplePath+"/{id}", p.person)
	p.Route(kit.Admins, "POST "+peoplePath+"/{id}", p.savePerson)
	p.Route(kit.Admins, "POST "+peoplePath+"/{id}/roles", p.saveRoles)
	p.Route(kit.Admins, "POST "+peoplePath+"/{id}/active", p.setActive)
	p.Route(kit.Admins, "POST "+peoplePath+"/{id}/invite", p.invite)
}

func (p pages) people(w http.ResponseWriter, r *http.Request) error {
	l, q := i18n.From(r.Context()), r.URL.Query()
	v := page.People{Query: q.Get("q"), Role: q.Get("role"), Inactive: q.Get("inactive") != "", Roles: page.RoleOptions(l)}
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		list, next, err := identity.List(ctx, tx, a, identity.Filter{Query: v.Query, Role: auth.Role(v.Role), Inactive: v.Inactive, After: q.Get("after")})
		for _, x := range list {
			roles := ""
			for _, role := range x.Roles {
				if roles != "" {
					roles += ", "
				}
				roles += l.T(identity.RoleKey(role))
			}
			v.List = append(v.List, page.PersonLine{Name: x.Name, Href: peoplePath + "/" + x.ID, Email: x.Email, Title: x.Title, Roles: roles})
		}
		if next != "" {
			more := url.Values{"q": {v.Query}, "role": {v.Role}, "after": {next}}
			if v.Inactive {
				more.Set("inactive", "on")
			}
			v.Next = peoplePath + "?" + more.Encode()
		}
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.shell(w, r, l.T("settings.people"), "people")
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.PeoplePage(s, v))
}

func (p pages) newPerson(w http.ResponseWriter, r *http.Request) error {
	return p.showPerson(w, r, http.StatusOK, page.Person{Invite: true})
}

func (p pages) showPerson(w http.ResponseWriter, r *http.Request, status int, v page.Person) error {
	title := v.Name
	if v.ID == "" {
		title = i18n.T(r.Context(), "settings.person.new")
	}
	s, err := p.shell(w, r, title, "people")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.PersonPage(s, title, v))
}

// fill writes what was typed into a person.
func fill(r *http.Request, x *identity.Person) {
	for field, to := range map[string]*string{"name": &x.Name, "given_name": &x.GivenName, "email": &x.Email, "login": &x.Login,
		"title": &x.Title, "department": &x.Department, "site": &x.Site, "phone": &x.Phone, "mobile": &x.Mobile, "lang": &x.Lang} {
		*to = r.PostFormValue(field)
	}
	x.VIP = r.PostFormValue("vip") != ""
}

func shown(l i18n.Loc, x identity.Person) page.Person {
	v := page.Person{ID: x.ID, Name: x.Name, GivenName: x.GivenName, Email: x.Email, Login: x.Login, Title: x.Title, Department: x.Department,
		Site: x.Site, Phone: x.Phone, Mobile: x.Mobile, Lang: x.Lang, Active: x.Active, External: x.External, HasPassword: x.HasPassword, VIP: x.VIP, Version: x.Version}
	for _, role := range auth.Roles()[1:] {
		on := false
		for _, has := range x.Roles {
			on = on || has == role
		}
		v.Roles = append(v.Roles, page.Role{Value: string(role), Label: l.T(identity.RoleKey(role)), On: on})
	}
	return v
}

func (p pages) createPerson(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	var x identity.Person
	fill(r, &x)
	typed, invite, token := x, r.PostFormValue("invite") != "", ""
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if x, err = identity.Create(ctx, tx, a, typed); err != nil || !invite {
			return err
		}
		if x.Email == "" {
			return errs.InvalidField("email", "settings.person.invite.where")
		}
		token, err = access.Invite(ctx, tx, a, p.Config.BaseURL, x)
		return err
	})
	if errors.Is(err, errs.Invalid) {
		typed.ID = ""
		v := shown(i18n.From(r.Context()), typed)
		v.Mistakes, v.Invite = ui.MistakesOf(r.Context(), err), invite
		return p.showPerson(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	if token != "" { // the link is shown this once, so there is no other page to go to
		return p.invited(w, r, x, token)
	}
	return p.done(w, r, peoplePath+"/"+x.ID, "settings.person.created")
}

// invited shows a person with the link of the invitation that was just made.
func (p pages) invited(w http.ResponseWriter, r *http.Request, x identity.Person, token string) error {
	v := shown(i18n.From(r.Context()), x)
	v.Link = p.Config.BaseURL + access.Path + token
	return p.showPerson(w, r, http.StatusOK, v)
}

func (p pages) find(r *http.Request) (x identity.Person, err error) {
	err = p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		x, err = identity.Find(ctx, tx, a, r.PathValue("id"))
		return err
	})
	return x, err
}

func (p pages) person(w http.ResponseWriter, r *http.Request) error {
	x, err := p.find(r)
	if err != nil {
		return err
	}
	return p.showPerson(w, r, http.StatusOK, shown(i18n.From(r.Context()), x))
}

func (p pages) savePerson(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	ctx, id := r.Context(), r.PathValue("id")
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		_, err := identity.Update(ctx, tx, a, id, versionOf(r), func(x *identity.Person) { fill(r, x) })
		return err
	})
	if status, yes := refused(err); yes {
		x, found := p.find(r)
		if found != nil {
			return found
		}
		fill(r, &x) // what was typed stays; saving again is then about the version in force
		v := shown(i18n.From(ctx), x)
		v.Mistakes, v.Changed = ui.MistakesOf(ctx, err), status == http.StatusConflict
		return p.showPerson(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return p.done(w, r, peoplePath+"/"+id, "settings.saved")
}

func (p pages) saveRoles(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	var roles []auth.Role
	for _, role := range r.PostForm["role"] {
		roles = append(roles, auth.Role(role))
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		_, err := identity.SetRoles(ctx, tx, a, r.PathValue("id"), roles)
		return err
	})
	if err != nil {
		return err
	}
	return p.done(w, r, peoplePath+"/"+r.PathValue("id"), "settings.saved")
}

func (p pages) setActive(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	change, key := identity.Deactivate, "settings.person.deactivated"
	if r.PostFormValue("on") == "1" {
		change, key = identity.Activate, "settings.person.activated"
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		_, err := change(ctx, tx, a, r.PathValue("id"))
		return err
	})
	if err != nil {
		return err
	}
	return p.done(w, r, peoplePath+"/"+r.PathValue("id"), key)
}

func (p pages) invite(w http.ResponseWriter, r *http.Request) error {
	var token string
	var x identity.Person
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if x, err = identity.Find(ctx, tx, a, r.PathValue("id")); err != nil {
			return err
		}
		token, err = access.Invite(ctx, tx, a, p.Config.BaseURL, x)
		return err
	})
	if err != nil {
		return err
	}
	return p.invited(w, r, x, token)
}
