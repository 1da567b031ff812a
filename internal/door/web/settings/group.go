package settings

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/identity"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
)

const groupsPath = ui.SettingsPath + "/groups"

func (p pages) mountGroups() {
	p.Route(kit.Admins, "GET "+groupsPath, func(w http.ResponseWriter, r *http.Request) error {
		return p.showGroups(w, r, http.StatusOK, page.Groups{})
	})
	p.Route(kit.Admins, "POST "+groupsPath, p.createGroup)
	p.Route(kit.Admins, "GET "+groupsPath+"/{id}", func(w http.ResponseWriter, r *http.Request) error {
		return p.showGroup(w, r, http.StatusOK, func(*page.Group) {})
	})
	p.Route(kit.Admins, "POST "+groupsPath+"/{id}", p.renameGroup)
	p.Route(kit.Admins, "POST "+groupsPath+"/{id}/delete", p.deleteGroup)
	p.Route(kit.Admins, "POST "+groupsPath+"/{id}/people", p.addToGroup)
	p.Route(kit.Admins, "POST "+groupsPath+"/{id}/people/{person}/remove", p.removeFromGroup)
}

func (p pages) showGroups(w http.ResponseWriter, r *http.Request, status int, v page.Groups) error {
	l := i18n.From(r.Context())
	v.Query = r.URL.Query().Get("q")
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		list, err := identity.ListGroups(ctx, tx, a)
		v.Any = len(list) > 0
		typed := text.Fold(v.Query)
		for _, g := range list {
			if strings.Contains(text.Fold(g.Name+"\n"+g.Code), typed) {
				v.List = append(v.List, page.GroupLine{Name: g.Name, Code: g.Code, Href: groupsPath + "/" + g.ID, People: l.N("settings.group.people", int64(g.People))})
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.shell(w, r, l.T("settings.groups"), "groups")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.GroupsPage(s, v))
}

// codeOf makes a group's code of its name when none was typed: "Secouristes de Nantes" is "secouristes-de-nantes".
func codeOf(name string) string {
	words := strings.FieldsFunc(text.Fold(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return strings.Join(words, "-")
}

func (p pages) createGroup(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	v := page.Groups{Name: r.PostFormValue("name"), Code: r.PostFormValue("code")}
	code := v.Code
	if strings.TrimSpace(code) == "" {
		code = codeOf(v.Name)
	}
	var made identity.Group
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		made, err = identity.CreateGroup(ctx, tx, a, identity.Group{Name: v.Name, Code: code})
		return err
	})
	if status, yes := refused(err); yes {
		v.Mistakes = ui.MistakesOf(r.Context(), err)
		return p.showGroups(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return p.done(w, r, groupsPath+"/"+made.ID, "settings.group.created")
}

// showGroup shows a group as it is; typed puts what was refused in its place.
func (p pages) showGroup(w http.ResponseWriter, r *http.Request, status int, typed func(*page.Group)) error {
	l, q := i18n.From(r.Context()), r.URL.Query()
	path := groupsPath + "/" + r.PathValue("id")
	v := page.Group{Picker: page.Picker{Path: path, Action: path + "/people", Query: q.Get("q")}}
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		g, err := identity.FindGroup(ctx, tx, a, r.PathValue("id"))
		if err != nil {
			return err
		}
		v.ID, v.Title, v.Name, v.Code, v.Version, v.Count = g.ID, g.Name, g.Name, g.Code, g.Version, l.N("settings.group.people", int64(g.People))
		in := make(map[string]bool)
		known, _, err := identity.List(ctx, tx, a, identity.Filter{GroupID: g.ID, Query: v.Picker.Query, Everyone: true, Limit: 200})
		if err != nil {
			return err
		}
		for _, x := range known {
			in[x.ID] = true
		}
		if err := pick(ctx, tx, a, &v.Picker, in, func(identity.Person, *page.Found) {}); err != nil || kit.Fragment(r) {
			return err
		}
		list, next, err := identity.List(ctx, tx, a, identity.Filter{GroupID: g.ID, Everyone: true, After: q.Get("after")})
		if err != nil {
			return err
		}
		faces := make([]*ui.Person, len(list))
		for _, x := range list {
			one := line(x)
			one.Href = peoplePath + "/" + x.ID
			v.People = append(v.People, one)
		}
		for i := range v.People {
			faces[i] = &v.People[i]
		}
		if next != "" {
			v.Next = path + "?" + url.Values{"after": {next}}.Encode()
		}
		return kit.Faces(ctx, tx, a, faces...)
	})
	if err != nil {
		return err
	}
	if kit.Fragment(r) {
		return kit.Render(w, r, http.StatusOK, page.PickerFound(v.Picker))
	}
	typed(&v)
	s, err := p.shell(w, r, v.Title, "groups")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.GroupPage(s, v))
}

func (p pages) renameGroup(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	name := r.PostFormValue("name")
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		_, err := identity.RenameGroup(ctx, tx, a, r.PathValue("id"), versionOf(r), name)
		return err
	})
	if status, yes := refused(err); yes {
		return p.showGroup(w, r, status, func(v *page.Group) {
			v.Name, v.Changed, v.Mistakes = name, status == http.StatusConflict, ui.MistakesOf(r.Context(), err)
		})
	}
	if err != nil {
		return err
	}
	return p.done(w, r, groupsPath+"/"+r.PathValue("id"), "settings.saved")
}

func (p pages) deleteGroup(w http.ResponseWriter, r *http.Request) error {
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return identity.DeleteGroup(ctx, tx, a, r.PathValue("id"))
	})
	if err != nil {
		return err
	}
	return p.done(w, r, groupsPath, "settings.group.deleted")
}

func (p pages) addToGroup(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return identity.AddToGroup(ctx, tx, a, r.PathValue("id"), r.PostFormValue("person"))
	})
	if err != nil {
		return err
	}
	return p.done(w, r, groupsPath+"/"+r.PathValue("id"), "settings.pick.added")
}

func (p pages) removeFromGroup(w http.ResponseWriter, r *http.Request) error {
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return identity.RemoveFromGroup(ctx, tx, a, r.PathValue("id"), r.PathValue("person"))
	})
	if err != nil {
		return err
	}
	return p.done(w, r, groupsPath+"/"+r.PathValue("id"), "settings.removed")
}
