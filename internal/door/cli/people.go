package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/domain/identity"
)

type userCmd struct {
	Add      userAddCmd      `cmd:"" help:"Add a person."`
	List     userListCmd     `cmd:"" help:"List people."`
	Role     userRoleCmd     `cmd:"" help:"Set a person's roles."`
	Disable  userDisableCmd  `cmd:"" help:"Take a person's access away."`
	Password userPasswordCmd `cmd:"" help:"Set a password, or print a link to choose one."`
}

type userAddCmd struct {
	common
	Email         string `required:"" help:"Mail address."`
	Name          string `required:"" help:"Name as shown."`
	Role          string `default:"requester" enum:"requester,agent,lead,knowledge,maker,admin" help:"requester, agent, lead, knowledge, maker or admin."`
	Team          string `help:"Team by name or id; an agent without one joins level 1."`
	PasswordStdin bool   `help:"Read the password from standard input; else a link to choose one is printed."`
}

func (c userAddCmd) Run(r *run) error {
	return r.with(c.common, func(_ config.Config, d *db.DB, _ blob.Store) error {
		var roles []auth.Role
		if c.Role != string(auth.Requester) {
			roles = []auth.Role{auth.Role(c.Role)}
		}
		var p identity.Person
		err := d.Write(r.ctx, func(tx *db.Tx) (err error) {
			if p, err = identity.Create(r.ctx, tx, operator(), identity.Person{Email: c.Email, Name: c.Name, Roles: roles}); err != nil {
				return err
			}
			if c.Team == "" && c.Role != "agent" && c.Role != "lead" {
				return nil
			}
			t, err := r.team(tx, c.Team)
			if err != nil {
				return err
			}
			return identity.SetMember(r.ctx, tx, operator(), t.ID, p.ID, c.Role == "lead")
		})
		if err != nil {
			return err
		}
		return r.givePassword(d, p, c.PasswordStdin, c.JSON)
	})
}

// team finds a team by id or name; the first of level 1 without one.
func (r *run) team(tx *db.Tx, name string) (identity.Team, error) {
	teams, err := identity.ListTeams(r.ctx, tx, operator())
	if err != nil {
		return identity.Team{}, err
	}
	var known []string
	for _, t := range teams {
		if name == "" && t.Level == 1 && t.Active || t.ID == name || strings.EqualFold(t.Name, name) {
			return t, nil
		}
		known = append(known, t.Name)
	}
	return identity.Team{}, fmt.Errorf("no team %q; there are: %s", name, strings.Join(known, ", "))
}

// givePassword sets the password read from standard input, or prints a link to choose one.
func (r *run) givePassword(d *db.DB, p identity.Person, fromInput, asJSON bool) error {
	var token string
	err := d.Write(r.ctx, func(tx *db.Tx) (err error) {
		token, err = identity.Invite(r.ctx, tx, operator(), p.ID)
		return err
	})
	if err != nil {
		return err
	}
	path := "/welcome/" + token
	if fromInput {
		line, err := bufio.NewReader(r.In).ReadString('\n')
		if err != nil && line == "" {
			return fmt.Errorf("password from standard input: %w", err)
		}
		if _, err := identity.UseLink(r.ctx, d, identity.NewHasher(1), token, strings.TrimRight(line, "\r\n")); err != nil {
			return err
		}
		path = ""
	}
	if asJSON {
		return json.NewEncoder(r.Out).Encode(map[string]string{"id": p.ID, "email": p.Email, "link": path})
	}
	if path != "" {
		r.say("%s", r.loc.T("cli.user.link", "email", p.Email, "path", path))
		return nil
	}
	r.say("%s", r.loc.T("cli.user.ready", "email", p.Email))
	return nil
}

type userListCmd struct {
	common
	Query string `arg:"" optional:"" help:"Part of a name or address."`
}

func (c userListCmd) Run(r *run) error {
	return r.with(c.common, func(_ config.Config, d *db.DB, _ blob.Store) error {
		return d.Read(r.ctx, func(tx *db.Tx) error {
			f := identity.Filter{Query: c.Query, Everyone: true, Limit: 200}
			for {
				page, next, err := identity.List(r.ctx, tx, operator(), f)
				if err != nil {
					return err
				}
				for _, p := range page {
					if err := r.person(p, c.JSON); err != nil {
						return err
					}
				}
				if next == "" {
					return nil
				}
				f.After = next
			}
		})
	})
}

func (r *run) person(p identity.Person, asJSON bool) error {
	roles := []string{string(auth.Requester)}
	for _, x := range p.Roles {
		roles = append(roles, string(x))
	}
	if asJSON {
		return json.NewEncoder(r.Out).Encode(map[string]any{"id": p.ID, "email": p.Email, "name": p.Name, "roles": roles, "active": p.Active})
	}
	r.say("%-40s %-30s %s", p.Email, p.Name, strings.Join(roles, ","))
	return nil
}

// byEmail finds a person for a command.
func (r *run) byEmail(tx *db.Tx, email string) (identity.Person, error) {
	p, err := identity.FindByEmail(r.ctx, tx, operator(), email)
	if errors.Is(err, errs.NotFound) {
		return p, fmt.Errorf("nobody has the address %s", email)
	}
	return p, err
}

type userRoleCmd struct {
	common
	Email string   `arg:"" help:"Mail address."`
	Roles []string `arg:"" help:"All the roles the person shall have; requester = none else."`
}

func (c userRoleCmd) Run(r *run) error {
	return r.change(c.common, c.Email, "cli.user.roles", func(tx *db.Tx, p identity.Person) error {
		var roles []auth.Role
		for _, x := range c.Roles {
			for _, part := range strings.Split(x, ",") {
				if part != string(auth.Requester) {
					roles = append(roles, auth.Role(part))
				}
			}
		}
		_, err := identity.SetRoles(r.ctx, tx, operator(), p.ID, roles)
		return err
	})
}

type userDisableCmd struct {
	common
	Email string `arg:"" help:"Mail address."`
}

func (c userDisableCmd) Run(r *run) error {
	return r.change(c.common, c.Email, "cli.user.disabled", func(tx *db.Tx, p identity.Person) error {
		_, err := identity.Deactivate(r.ctx, tx, operator(), p.ID)
		return err
	})
}

// change does f to one person and says so.
func (r *run) change(c common, email, key string, f func(*db.Tx, identity.Person) error) error {
	return r.with(c, func(_ config.Config, d *db.DB, _ blob.Store) error {
		err := d.Write(r.ctx, func(tx *db.Tx) error {
			p, err := r.byEmail(tx, email)
			if err != nil {
				return err
			}
			return f(tx, p)
		})
		if err == nil {
			r.say("%s", r.loc.T(key, "email", email))
		}
		return err
	})
}

type userPasswordCmd struct {
	common
	Email         string `arg:"" help:"Mail address."`
	PasswordStdin bool   `help:"Read the password from standard input; else a link to choose one is printed."`
}

func (c userPasswordCmd) Run(r *run) error {
	return r.with(c.common, func(_ config.Config, d *db.DB, _ blob.Store) error {
		var p identity.Person
		err := d.Read(r.ctx, func(tx *db.Tx) (err error) { p, err = r.byEmail(tx, c.Email); return err })
		if err != nil {
			return err
		}
		return r.givePassword(d, p, c.PasswordStdin, c.JSON)
	})
}

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Create an API token and print it once, alone."`
}

type tokenCreateCmd struct {
	common
	User   string   `required:"" help:"Mail address of the person it acts for."`
	Name   string   `required:"" help:"What it is for."`
	Scopes []string `help:"What it may do (default: all the person may)."`
	Days   int      `help:"Days until it expires; 0 = never."`
}

func (c tokenCreateCmd) Run(r *run) error {
	return r.with(c.common, func(_ config.Config, d *db.DB, _ blob.Store) error {
		var secret string
		err := d.Write(r.ctx, func(tx *db.Tx) error {
			p, err := r.byEmail(tx, c.User)
			if err != nil {
				return err
			}
			scopes := c.Scopes
			if len(scopes) == 0 {
				scopes = []string{"*"}
			}
			var expires time.Time
			if c.Days > 0 {
				expires = tx.Now.AddDate(0, 0, c.Days)
			}
			secret, _, err = identity.IssueToken(r.ctx, tx, operator(), p.ID, c.Name, scopes, expires)
			return err
		})
		if err == nil {
			r.say("%s", secret)
		}
		return err
	})
}
