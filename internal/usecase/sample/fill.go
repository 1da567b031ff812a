package sample

import (
	"context"
	"fmt"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/setting"
	"entraide/internal/domain/form"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
)

// Password is what every account of the demonstration signs in with.
const Password = "bienvenue-chez-vous"

// Filler stores a plan in a fresh database.
type Filler struct {
	DB     *db.DB
	Blobs  blob.Store
	Hasher *identity.Hasher

	plan       Plan
	people     map[string]identity.Person
	teams      map[string]identity.Team
	queues     map[string]ticket.Queue
	categories map[string]string // id by key
	computers  map[string]string // number of the computer by person
}

// perCommit is how many stories share a transaction.
const perCommit = 200

const machine = "demonstration"

// Fill stores p: the organisation, then its year of tickets. It is for an empty database; nobody is notified.
func (f *Filler) Fill(ctx context.Context, p Plan) error {
	f.plan, f.people, f.teams = p, make(map[string]identity.Person), make(map[string]identity.Team)
	f.queues, f.categories, f.computers = make(map[string]ticket.Queue), make(map[string]string), make(map[string]string)
	if err := f.DB.Write(ctx, func(tx *db.Tx) error { return f.organisation(ctx, tx, auth.System(machine)) }); err != nil {
		return fmt.Errorf("sample: organisation: %w", err)
	}
	if err := f.accounts(ctx); err != nil {
		return fmt.Errorf("sample: accounts: %w", err)
	}
	for rest := p.Stories; len(rest) > 0; {
		part := rest[:min(perCommit, len(rest))]
		rest = rest[len(part):]
		if err := f.stories(ctx, part); err != nil {
			return err
		}
	}
	if err := f.problems(ctx); err != nil {
		return err
	}
	if err := f.post(ctx); err != nil {
		return fmt.Errorf("sample: mail: %w", err)
	}
	if err := f.promises(ctx); err != nil {
		return fmt.Errorf("sample: promises: %w", err)
	}
	return nil
}

func (f *Filler) organisation(ctx context.Context, tx *db.Tx, a auth.Actor) error {
	departments, sites, zones, tags := make(map[string]string), make(map[string]string), make(map[string]string), make(map[string]string)
	for _, d := range f.plan.Departments {
		departments[d.Code] = d.Name.FR
	}
	for _, s := range f.plan.Sites {
		sites[s.Code], zones[s.Code], tags[s.Code] = s.City, s.Zone, s.Tag
	}
	for i, p := range f.plan.People {
		f.computers[p.Key] = fmt.Sprintf("%s-%d", tags[p.Site], 1000+i*7)
		roles := []auth.Role{auth.Role(p.Role)}
		switch p.Role {
		case "requester":
			roles = nil
		case "lead":
			roles = []auth.Role{auth.Agent, auth.Lead}
		}
		made, err := identity.Create(ctx, tx, a, identity.Person{Email: p.Email, Login: p.Key, ExternalID: "demo-" + p.Key, Name: p.Name(),
			GivenName: p.Given, Lang: p.Lang, Zone: zones[p.Site], Title: p.Title, Department: departments[p.Department],
			Site: sites[p.Site], Phone: p.Phone, Mobile: p.Mobile, ManagerID: f.people[p.Manager].ID, Roles: roles})
		if err != nil {
			return fmt.Errorf("person %s: %w", p.Key, err)
		}
		f.people[p.Key] = made
		if p.AwayUntil.After(tx.Now) {
			if _, err := identity.SetAway(ctx, tx, a, made.ID, identity.Away{From: tx.Now.AddDate(0, 0, -2), Until: p.AwayUntil}); err != nil {
				return fmt.Errorf("away %s: %w", p.Key, err)
			}
		}
	}
	if err := setting.Set(ctx, tx, a, identity.OrganisationKey, identity.Organisation{Name: f.plan.Name}); err != nil {
		return err
	}
	if err := f.desk(ctx, tx, a); err != nil {
		return err
	}
	if err := f.around(ctx, tx, a); err != nil {
		return err
	}
	return f.habits(ctx, tx, a)
}

// desk stores teams, their queues and the categories.
func (f *Filler) desk(ctx context.Context, tx *db.Tx, a auth.Actor) error {
	for i, t := range f.plan.Teams {
		made, err := identity.CreateTeam(ctx, tx, a, identity.Team{Name: t.Name.FR, Level: t.Level})
		if err != nil {
			return fmt.Errorf("team %s: %w", t.Key, err)
		}
		f.teams[t.Key] = made
		for _, m := range append([]string{t.Lead}, t.Members...) {
			if err := identity.SetMember(ctx, tx, a, made.ID, f.people[m].ID, m == t.Lead); err != nil {
				return fmt.Errorf("team %s: %s: %w", t.Key, m, err)
			}
		}
		q, err := ticket.SaveQueue(ctx, tx, a, ticket.Queue{Name: t.Name.FR, TeamID: made.ID, Private: t.Private, Position: i})
		if err != nil {
			return fmt.Errorf("queue %s: %w", t.Key, err)
		}
		f.queues[t.Key] = q
	}
	for i, c := range f.plan.Categories {
		made, err := ticket.SaveCategory(ctx, tx, a, ticket.Category{ParentID: f.categories[c.Parent], NameFR: c.Name.FR, NameEN: c.Name.EN,
			QueueID: f.queues[c.Team].ID, Position: i})
		if err != nil {
			return fmt.Errorf("category %s: %w", c.Key, err)
		}
		f.categories[c.Key] = made.ID
	}
	return nil
}

// around stores groups and what is asked in some categories.
func (f *Filler) around(ctx context.Context, tx *db.Tx, a auth.Actor) error {
	for _, g := range f.plan.Groups {
		made, err := identity.CreateGroup(ctx, tx, a, identity.Group{Code: g.Key, Name: g.Name})
		if err != nil {
			return fmt.Errorf("group %s: %w", g.Key, err)
		}
		for _, m := range g.Members {
			if err := identity.AddToGroup(ctx, tx, a, made.ID, f.people[m].ID); err != nil {
				return fmt.Errorf("group %s: %s: %w", g.Key, m, err)
			}
		}
	}
	for _, q := range f.plan.Questions {
		field := form.Field{Key: q.Key, LabelFR: q.Label.FR, LabelEN: q.Label.EN, HelpFR: q.Help.FR, HelpEN: q.Help.EN, Kind: form.Kind(q.Kind),
			TicketKind: q.Type, CategoryID: f.categories[q.Category]}
		for _, o := range q.Options {
			field.Options = append(field.Options, form.Option{Value: o.Value, FR: o.Label.FR, EN: o.Label.EN})
		}
		if _, err := form.Create(ctx, tx, a, field); err != nil {
			return fmt.Errorf("question %s: %w", q.Key, err)
		}
	}
	return nil
}

// habits stores canned replies and saved views.
func (f *Filler) habits(ctx context.Context, tx *db.Tx, a auth.Actor) error {
	for _, r := range f.plan.Replies {
		for _, c := range []ticket.CannedReply{{Title: r.Title.FR, Body: r.Body.FR, Lang: "fr"}, {Title: r.Title.EN, Body: r.Body.EN, Lang: "en"}} {
			if _, err := ticket.SaveCannedReply(ctx, tx, a, c); err != nil {
				return fmt.Errorf("canned reply %s: %w", r.Key, err)
			}
		}
	}
	for i, v := range f.plan.Views {
		filter, ok := f.filter(v.Query)
		if !ok {
			continue // asks for what views cannot say yet
		}
		by := auth.Actor{ID: f.people[v.Owner].ID, Name: v.Owner, Roles: []auth.Role{auth.Admin}}
		if v.Team != "" {
			by = a
		}
		if _, err := ticket.SaveView(ctx, tx, by, ticket.View{Name: v.Name.FR, TeamID: f.teams[v.Team].ID, Filter: filter, Position: i}); err != nil {
			return fmt.Errorf("view %s: %w", v.Key, err)
		}
	}
	return nil
}

func (f *Filler) filter(query map[string]string) (ticket.Filter, bool) {
	var out ticket.Filter
	for word, value := range query {
		switch word {
		case "status":
			if value == "open" {
				out.Active = true
			} else {
				out.Statuses = []ticket.Status{ticket.Status(value)}
			}
		case "site":
			for _, s := range f.plan.Sites {
				if s.Code == value {
					out.Site = s.City
				}
			}
		case "priority":
			out.Priority = int(value[len(value)-1] - '0')
		case "tag":
			out.Tag = strings.ToLower(value)
		case "category":
			out.Categories = []string{f.categories[value]}
		case "pending", "department":
			// narrows further than a filter can; the view shows somewhat more
		default:
			return out, false
		}
	}
	return out, true
}

// accounts lets the people of the plan's accounts sign in.
func (f *Filler) accounts(ctx context.Context) error {
	for _, key := range f.plan.Accounts {
		var token string
		err := f.DB.Write(ctx, func(tx *db.Tx) (err error) {
			token, err = identity.Invite(ctx, tx, auth.System(machine), f.people[key].ID)
			return err
		})
		if err != nil {
			return err
		}
		if _, err := identity.UseLink(ctx, f.DB, f.Hasher, token, Password); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}
