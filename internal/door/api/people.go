package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/text"
	"entraide/internal/domain/identity"
)

type personJSON struct {
	ID         string      `json:"id"`
	Email      *string     `json:"email" example:"camille.martin@exemple.fr"`
	Login      *string     `json:"login" example:"cmartin"`
	ExternalID *string     `json:"external_id"`
	Name       string      `json:"name" example:"Camille Martin"`
	GivenName  *string     `json:"given_name"`
	Lang       *string     `json:"lang" enum:"fr,en" doc:"null = as the browser says."`
	Zone       *string     `json:"zone" example:"Europe/Paris" doc:"null = the organisation's."`
	Title      *string     `json:"title" example:"Gestionnaire de paie"`
	Department *string     `json:"department"`
	Site       *string     `json:"site"`
	Phone      *string     `json:"phone"`
	Mobile     *string     `json:"mobile"`
	Manager    *string     `json:"manager" doc:"Id."`
	Roles      []auth.Role `json:"roles" nullable:"false" doc:"requester is implied and not told."`
	VIP        bool        `json:"vip"`
	Active     bool        `json:"active"`
	External   bool        `json:"external" doc:"Known by mail only."`
	Away       *awayJSON   `json:"away" doc:"null = no absence."`
	CreatedAt  time.Time   `json:"created_at"`
	UpdatedAt  time.Time   `json:"updated_at"`
	Version    int64       `json:"version"`
}

type awayJSON struct {
	From   *time.Time `json:"from"`
	Until  *time.Time `json:"until"`
	Note   string     `json:"note"`
	Deputy *string    `json:"deputy" doc:"Id of who stands in."`
}

func showPerson(p identity.Person) personJSON {
	j := personJSON{ID: p.ID, Email: textOrNull(p.Email), Login: textOrNull(p.Login), ExternalID: textOrNull(p.ExternalID), Name: p.Name,
		GivenName: textOrNull(p.GivenName), Lang: textOrNull(p.Lang), Zone: textOrNull(p.Zone), Title: textOrNull(p.Title),
		Department: textOrNull(p.Department), Site: textOrNull(p.Site), Phone: textOrNull(p.Phone), Mobile: textOrNull(p.Mobile),
		Manager: textOrNull(p.ManagerID), Roles: p.Roles, VIP: p.VIP, Active: p.Active, External: p.External,
		CreatedAt: p.Created.UTC(), UpdatedAt: p.Updated.UTC(), Version: p.Version}
	if j.Roles == nil {
		j.Roles = []auth.Role{}
	}
	if !p.Away.Until.IsZero() {
		j.Away = &awayJSON{orNull(p.Away.From), orNull(p.Away.Until), p.Away.Note, textOrNull(p.Away.DeputyID)}
	}
	return j
}

// meJSON is who calls and what they may.
type meJSON struct {
	Person personJSON  `json:"person"`
	Roles  []auth.Role `json:"roles" nullable:"false"`
	Teams  []string    `json:"teams" nullable:"false" doc:"Ids of the teams worked in."`
	Leads  []string    `json:"leads" nullable:"false" doc:"Ids of the teams led."`
	Scopes []string    `json:"scopes" doc:"Of the token; null for a session, which may everything."`
}

type peopleIn struct {
	Paged
	Q      string `query:"q" required:"false" maxLength:"200" example:"mart" doc:"Beginnings of words of the name, of the address or the login."`
	Email  string `query:"email" required:"false" maxLength:"254" doc:"Exactly this address."`
	Role   string `query:"role" required:"false" enum:"requester,agent,lead,knowledge,maker,admin" doc:"requester = those without any other role."`
	Team   string `query:"team" required:"false" maxLength:"40" doc:"Id."`
	Group  string `query:"group" required:"false" maxLength:"40" doc:"Id."`
	Active string `query:"active" required:"false" enum:"true,false,any" doc:"true unless given."`
}

type personIn struct {
	ID string `path:"id" maxLength:"254" doc:"me, an id or a mail address."`
}

// PersonFields are what a person can be given.
type PersonFields struct {
	Email      *string      `json:"email,omitempty" maxLength:"254" example:"camille.martin@exemple.fr"`
	Login      *string      `json:"login,omitempty" maxLength:"100"`
	ExternalID *string      `json:"external_id,omitempty" maxLength:"100"`
	GivenName  *string      `json:"given_name,omitempty" maxLength:"100"`
	Lang       *string      `json:"lang,omitempty" enum:"fr,en,"`
	Zone       *string      `json:"zone,omitempty" maxLength:"60" example:"Europe/Paris"`
	Title      *string      `json:"title,omitempty" maxLength:"200"`
	Department *string      `json:"department,omitempty" maxLength:"200"`
	Site       *string      `json:"site,omitempty" maxLength:"200"`
	Phone      *string      `json:"phone,omitempty" maxLength:"40"`
	Mobile     *string      `json:"mobile,omitempty" maxLength:"40"`
	Manager    *string      `json:"manager,omitempty" maxLength:"254" doc:"Id or mail address; \"\" = none."`
	VIP        *bool        `json:"vip,omitempty"`
	Roles      *[]auth.Role `json:"roles,omitempty" enum:"requester,agent,lead,knowledge,maker,admin"`
}

func (f PersonFields) into(p *identity.Person) {
	for _, v := range []struct {
		from *string
		to   *string
	}{{f.Email, &p.Email}, {f.Login, &p.Login}, {f.ExternalID, &p.ExternalID}, {f.GivenName, &p.GivenName}, {f.Lang, &p.Lang},
		{f.Zone, &p.Zone}, {f.Title, &p.Title}, {f.Department, &p.Department}, {f.Site, &p.Site}, {f.Phone, &p.Phone},
		{f.Mobile, &p.Mobile}, {f.Manager, &p.ManagerID}} {
		if v.from != nil {
			*v.to = *v.from
		}
	}
	if f.VIP != nil {
		p.VIP = *f.VIP
	}
}

type newPersonIn struct {
	Keyed
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"200" example:"Camille Martin"`
		PersonFields
	}
}

type changePersonIn struct {
	ID   string `path:"id" maxLength:"254" doc:"me, an id or a mail address."`
	Body struct {
		Version int64   `json:"version,omitempty" minimum:"1" doc:"As you read it; 409 when it has changed since."`
		Name    *string `json:"name,omitempty" maxLength:"200"`
		Active  *bool   `json:"active,omitempty" doc:"false takes all access away."`
		PersonFields
	}
}

// someone finds a person by "me", id or mail address.
func someone(ctx context.Context, tx *db.Tx, a auth.Actor, who string) (identity.Person, error) {
	switch {
	case who == "me":
		return identity.Find(ctx, tx, a, a.ID)
	case strings.Contains(who, "@"):
		return identity.FindByEmail(ctx, tx, a, who)
	}
	return identity.Find(ctx, tx, a, who)
}

func (s *server) peopleRoutes() {
	get(s, s.op(http.MethodGet, "/people", "list-people", "people:read", "people"), listPeople)
	get(s, s.op(http.MethodGet, "/people/picker", "pick-people", "people:read", "people"), pickPeople)
	get(s, s.op(http.MethodGet, "/people/me", "get-me", "people:read", "people"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, _ *struct{}) (meJSON, error) {
			p, err := identity.Find(ctx, tx, a, a.ID)
			me := meJSON{showPerson(p), a.Roles, a.Teams, a.LeadOf, a.Scopes}
			if me.Roles == nil {
				me.Roles = []auth.Role{}
			}
			if me.Teams == nil {
				me.Teams = []string{}
			}
			if me.Leads == nil {
				me.Leads = []string{}
			}
			return me, err
		})
	get(s, s.op(http.MethodGet, "/people/{id}", "get-person", "people:read", "people"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *personIn) (personJSON, error) {
			p, err := someone(ctx, tx, a, in.ID)
			return showPerson(p), err
		})
	create := s.op(http.MethodPost, "/people", "create-person", "people:write", "people")
	create.DefaultStatus = http.StatusCreated
	act[newPersonIn, personJSON](s, create, func(ctx context.Context, tx *db.Tx, a auth.Actor, in *newPersonIn) (reply, error) {
		p := identity.Person{Name: in.Body.Name}
		if err := in.Body.manager(ctx, tx, a); err != nil {
			return reply{}, err
		}
		in.Body.into(&p)
		if in.Body.Roles != nil {
			p.Roles = *in.Body.Roles
		}
		p, err := identity.Create(ctx, tx, a, p)
		return reply{status: http.StatusCreated, value: showPerson(p), header: map[string]string{"ETag": etag(p.Version), "Location": prefix + "/people/" + p.ID}}, err
	})
	act[changePersonIn, personJSON](s, s.op(http.MethodPatch, "/people/{id}", "update-person", "people:write", "people"), changePerson)
}

// manager turns a mail address of a manager into an id.
func (f *PersonFields) manager(ctx context.Context, tx *db.Tx, a auth.Actor) error {
	if f.Manager == nil || *f.Manager == "" {
		return nil
	}
	id, err := person(ctx, tx, a, *f.Manager, "manager")
	f.Manager = &id
	return err
}

func listPeople(ctx context.Context, tx *db.Tx, a auth.Actor, in *peopleIn) (out list[personJSON], err error) {
	if in.Email != "" {
		p, err := identity.FindByEmail(ctx, tx, a, in.Email)
		if ok := err == nil; ok {
			return page([]personJSON{showPerson(p)}, ""), nil
		}
		return page[personJSON](nil, ""), ignoreNotFound(err)
	}
	all, next, err := identity.List(ctx, tx, a, identity.Filter{Query: in.Q, Role: auth.Role(in.Role), TeamID: in.Team, GroupID: in.Group,
		Inactive: in.Active == "false", Everyone: in.Active == "any", Limit: in.Limit, After: in.Cursor})
	items := make([]personJSON, len(all))
	for i, p := range all {
		items[i] = showPerson(p)
	}
	return page(items, next), err
}

type pickIn struct {
	Q     string `query:"q" required:"false" maxLength:"200" example:"mart" doc:"Beginnings of words of the name, of the address or the login."`
	Limit int    `query:"limit" required:"false" minimum:"1" maximum:"50" example:"10" doc:"People told; 10 unless given."`
}

// pickJSON is somebody to choose while typing.
type pickJSON struct {
	ID         string  `json:"id"`
	Name       string  `json:"name" example:"Camille Martin"`
	Email      *string `json:"email" example:"camille.martin@exemple.fr"`
	Title      *string `json:"title" example:"Gestionnaire de paie"`
	Department *string `json:"department"`
	Site       *string `json:"site"`
	External   bool    `json:"external" doc:"Known by mail only."`
	Away       bool    `json:"away" doc:"Out of office now."`
	Mention    string  `json:"mention" example:"@[Camille Martin](person:01JD8Z5K3M9Q2W4E6R8T0Y1U2I)" doc:"Put it into the body of a message to mention them."`
}

// pickPeople offers active people while somebody types: for choosing a requester, an assignee, a watcher, and for
// mentions. It has one page.
func pickPeople(ctx context.Context, tx *db.Tx, a auth.Actor, in *pickIn) (out list[pickJSON], err error) {
	if in.Limit == 0 {
		in.Limit = 10
	}
	all, err := identity.Search(ctx, tx, a, in.Q, in.Limit)
	items := make([]pickJSON, len(all))
	for i, p := range all {
		label := strings.NewReplacer("[", "(", "]", ")").Replace(text.Excerpt(p.Name, 100))
		items[i] = pickJSON{p.ID, p.Name, textOrNull(p.Email), textOrNull(p.Title), textOrNull(p.Department), textOrNull(p.Site),
			p.External, p.Away.At(tx.Now), "@[" + label + "](person:" + p.ID + ")"}
	}
	return page(items, ""), err
}

// changePerson applies everything asked for in one transaction. Fields are people's own or an administrator's, roles
// and activity an administrator's: the room says which.
func changePerson(ctx context.Context, tx *db.Tx, a auth.Actor, in *changePersonIn) (reply, error) {
	p, err := someone(ctx, tx, a, in.ID)
	if err != nil {
		return reply{}, err
	}
	b := in.Body
	if err := b.manager(ctx, tx, a); err != nil {
		return reply{}, err
	}
	p, err = identity.Update(ctx, tx, a, p.ID, b.Version, func(p *identity.Person) {
		if b.Name != nil {
			p.Name = *b.Name
		}
		b.into(p)
	})
	if err == nil && b.Roles != nil {
		p, err = identity.SetRoles(ctx, tx, a, p.ID, *b.Roles)
	}
	if err == nil && b.Active != nil && *b.Active != p.Active {
		if *b.Active {
			p, err = identity.Activate(ctx, tx, a, p.ID)
		} else {
			p, err = identity.Deactivate(ctx, tx, a, p.ID)
		}
	}
	return reply{value: showPerson(p), header: map[string]string{"ETag": etag(p.Version)}}, err
}

type groupJSON struct {
	ID      string `json:"id"`
	Code    string `json:"code" example:"all-staff"`
	Name    string `json:"name" example:"Tout le personnel"`
	People  int    `json:"people" doc:"How many, active or not."`
	Version int64  `json:"version"`
}

func showGroup(g identity.Group) groupJSON {
	return groupJSON{g.ID, g.Code, g.Name, g.People, g.Version}
}

type newGroupIn struct {
	Keyed
	Body struct {
		Code string `json:"code" minLength:"1" maxLength:"100" example:"all-staff" doc:"Unique, without blanks; it never changes."`
		Name string `json:"name" minLength:"1" maxLength:"200" example:"Tout le personnel"`
	}
}

type groupMembersIn struct {
	ID string `path:"id" maxLength:"40"`
	Paged
}

type addMemberIn struct {
	Keyed
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Person string `json:"person" minLength:"1" maxLength:"254" doc:"Id or mail address."`
	}
}

type removeMemberIn struct {
	ID     string `path:"id" maxLength:"40"`
	Person string `path:"person" maxLength:"254" doc:"Id or mail address."`
}

func (s *server) groupRoutes() {
	get(s, s.op(http.MethodGet, "/groups", "list-groups", "people:read", "people"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *Paged) (out list[groupJSON], err error) {
			all, err := identity.ListGroups(ctx, tx, a)
			items := make([]groupJSON, len(all))
			for i, g := range all {
				items[i] = showGroup(g)
			}
			return window(items, func(g groupJSON) string { return g.ID }, *in), err
		})
	create := s.op(http.MethodPost, "/groups", "create-group", "people:write", "people")
	create.DefaultStatus = http.StatusCreated
	act[newGroupIn, groupJSON](s, create, func(ctx context.Context, tx *db.Tx, a auth.Actor, in *newGroupIn) (reply, error) {
		g, err := identity.CreateGroup(ctx, tx, a, identity.Group{Code: in.Body.Code, Name: in.Body.Name})
		return reply{status: http.StatusCreated, value: showGroup(g), header: map[string]string{"Location": prefix + "/groups/" + g.ID}}, err
	})
	get(s, s.op(http.MethodGet, "/groups/{id}/members", "list-members", "people:read", "people"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *groupMembersIn) (out list[personJSON], err error) {
			if _, err := identity.FindGroup(ctx, tx, a, in.ID); err != nil {
				return out, err
			}
			return listPeople(ctx, tx, a, &peopleIn{Paged: in.Paged, Group: in.ID, Active: "any"})
		})
	do(s, s.op(http.MethodPost, "/groups/{id}/members", "add-member", "people:write", "people"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *addMemberIn) error {
			id, err := person(ctx, tx, a, in.Body.Person, "person")
			if err != nil {
				return err
			}
			return identity.AddToGroup(ctx, tx, a, in.ID, id)
		})
	do(s, s.op(http.MethodDelete, "/groups/{id}/members/{person}", "remove-member", "people:write", "people"),
		func(ctx context.Context, tx *db.Tx, a auth.Actor, in *removeMemberIn) error {
			p, err := someone(ctx, tx, a, in.Person)
			if err != nil {
				return err
			}
			return identity.RemoveFromGroup(ctx, tx, a, in.ID, p.ID)
		})
}

func ignoreNotFound(err error) error {
	if errors.Is(err, errs.NotFound) {
		return nil
	}
	return err
}
