package identity

import (
	"context"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// entry is a person of the file: who they were, and who they are to be.
type entry struct {
	line    int
	before  Person // zero for somebody new
	after   *Person
	manager string // as the file names them
}

func (e *entry) created() bool { return e.before.ID == "" }

// changed reports whether anything but the manager is to be written.
func (e *entry) changed() bool {
	a := *e.after
	a.ManagerID = e.before.ManagerID
	changes, _ := diff(e.before, a)
	return len(changes) > 0 || e.before.Active != a.Active
}

// plan works out what an import does, in memory, so that a dry run and the import itself cannot differ.
type plan struct {
	options    ImportOptions
	report     *Report
	entries    []*entry
	of         map[string]*entry // by person id
	byID       map[string]*Person
	byExternal map[string]*Person
	byEmail    map[string]*Person
	byLogin    map[string]*Person
	admins     int // active ones
}

func newPlan(ctx context.Context, tx *db.Tx, o ImportOptions) (*plan, error) {
	p := &plan{options: o, report: &Report{}, of: map[string]*entry{}, byID: map[string]*Person{},
		byExternal: map[string]*Person{}, byEmail: map[string]*Person{}, byLogin: map[string]*Person{}}
	all, err := db.All(ctx, tx, scanPerson, "SELECT "+personColumns+" FROM person p")
	for i := range all {
		p.know(&all[i])
		if all[i].Active && all[i].Is(auth.Admin) {
			p.admins++
		}
	}
	return p, err
}

// know makes x the person of its id, source id, login and address.
func (p *plan) know(x *Person) {
	p.byID[x.ID] = x
	if x.ExternalID != "" {
		p.byExternal[x.ExternalID] = x
	}
	if x.Login != "" {
		p.byLogin[x.Login] = x
	}
	if x.Email != "" {
		p.byEmail[emailKey(x.Email)] = x
	}
}

// replace knows after in place of before, whose login and address are free from here on.
func (p *plan) replace(before Person, after *Person) {
	delete(p.byLogin, before.Login)
	delete(p.byEmail, emailKey(before.Email))
	p.know(after)
}

func (p *plan) warn(l line, key string, args ...any) {
	p.report.Warned = append(p.report.Warned, Bad{Line: l.number, ID: l.get("external"), Key: key, Args: args})
}

func (p *plan) fail(l line, key string, args ...any) {
	p.report.Failed = append(p.report.Failed, Bad{Line: l.number, ID: l.get("external"), Key: key, Args: args})
}

// match finds whom a line is about: by the source's id, or by address or login somebody who has no such id yet.
func (p *plan) match(l line) *Person {
	external := l.get("external")
	if x := p.byExternal[external]; external != "" && x != nil {
		return x
	}
	for _, x := range []*Person{p.byEmail[emailKey(l.get("mail"))], p.byLogin[strings.ToLower(l.get("login"))]} {
		if x != nil && (x.ExternalID == "" || external == "") {
			return x
		}
	}
	return nil
}

// add plans one line.
func (p *plan) add(l line) {
	if l.get("external") == "" && l.get("mail") == "" {
		p.fail(l, "identity.import.key")
		return
	}
	active, ok := activity(l.get("status"))
	if !ok {
		p.fail(l, "identity.import.status", "status", l.get("status"))
		return
	}
	e := &entry{line: l.number, manager: l.get("manager")}
	after := Person{ID: id.New(), Active: true, Lang: language(l.get("lang"))}
	if known := p.match(l); known != nil {
		if p.of[known.ID] != nil {
			p.fail(l, "identity.import.twice", "id", firstOf(l.get("external"), l.get("mail")))
			return
		}
		e.before, after = *known, *known
		after.External = false
	}
	p.fields(l, &after)
	p.unique(l, e.before, &after)
	if l.get("status") != "" {
		after.Active = active
	}
	if e.before.Active && !after.Active && e.before.Is(auth.Admin) {
		if p.admins == 1 {
			p.warn(l, "identity.import.lastadmin")
			after.Active = true
		} else {
			p.admins--
		}
	}
	after.clean()
	if f := errs.Fields(after.Validate()); len(f) > 0 {
		p.fail(l, f[0].Key, f[0].Args...)
		return
	}
	e.after = &after
	p.replace(e.before, e.after)
	p.of[after.ID] = e
	p.entries = append(p.entries, e)
}

// fields copies what the file says. A column that is absent changes nothing, and an empty one only empties function,
// department and site: the rest may have been completed here by the people themselves.
func (p *plan) fields(l line, x *Person) {
	if name := firstOf(l.get("name"), text.Line(l.get("given")+" "+l.get("surname"))); name != "" {
		x.Name = name
	}
	for column, field := range map[string]*string{"external": &x.ExternalID, "login": &x.Login, "given": &x.GivenName,
		"mail": &x.Email, "phone": &x.Phone, "mobile": &x.Mobile} {
		if value := l.get(column); value != "" {
			*field = value
		}
	}
	for column, field := range map[string]*string{"title": &x.Title, "dept": &x.Department, "site": &x.Site} {
		if _, present := l.at[column]; present {
			*field = l.get(column)
		}
	}
	x.Login = strings.ToLower(x.Login)
	if code := l.get("dept"); code != "" && p.options.Departments != nil {
		name, ok := p.options.Departments[code]
		if !ok {
			p.warn(l, "identity.import.department", "department", code)
			name = code
		}
		x.Department = name
	}
}

// unique takes back an address or login that is somebody else's already.
func (p *plan) unique(l line, before Person, x *Person) {
	if owner := p.byEmail[emailKey(x.Email)]; owner != nil && owner.ID != x.ID {
		p.warn(l, "identity.import.mail", "mail", x.Email, "who", owner.Name)
		x.Email = before.Email
	}
	if owner := p.byLogin[x.Login]; owner != nil && owner.ID != x.ID {
		p.warn(l, "identity.import.login", "login", x.Login, "who", owner.Name)
		x.Login = before.Login
	}
}

// managers resolves who is whose manager once everybody is known, and leaves out what would make a circle.
func (p *plan) managers() {
	at := func(e *entry, key string, args ...any) {
		p.report.Warned = append(p.report.Warned, Bad{Line: e.line, ID: e.after.ExternalID, Key: key, Args: args})
	}
	for _, e := range p.entries {
		e.after.ManagerID = ""
		if e.manager == "" {
			continue
		}
		switch boss := p.named(e.manager); {
		case boss == nil:
			at(e, "identity.import.manager", "manager", e.manager)
		case boss.ID == e.after.ID:
			at(e, "identity.import.manager_self")
		default:
			e.after.ManagerID = boss.ID
		}
	}
	var circle []*entry
	for _, e := range p.entries {
		if inCircle(p.byID, e.after) {
			circle = append(circle, e)
		}
	}
	for _, e := range circle {
		at(e, "identity.import.manager_loop", "manager", p.byID[e.after.ManagerID].Name)
		e.after.ManagerID = ""
	}
	for _, e := range p.entries {
		if boss := p.byID[e.after.ManagerID]; boss != nil && !boss.Active && e.after.Active {
			at(e, "identity.import.manager_left", "manager", boss.Name)
		}
	}
}

// named finds a person by the source's id, by login or by address.
func (p *plan) named(s string) *Person {
	for _, x := range []*Person{p.byExternal[s], p.byLogin[strings.ToLower(s)], p.byEmail[emailKey(s)]} {
		if x != nil {
			return x
		}
	}
	return nil
}

// inCircle reports whether going up from x leads back to x.
func inCircle(people map[string]*Person, x *Person) bool {
	seen := map[string]bool{}
	for up := people[x.ManagerID]; up != nil && !seen[up.ID]; up = people[up.ManagerID] {
		if up.ID == x.ID {
			return true
		}
		seen[up.ID] = true
	}
	return false
}

// activity reads a status; "" is active.
func activity(s string) (active, ok bool) {
	switch text.Fold(s) {
	case "", "active", "actif", "active(e)", "present", "true", "vrai", "1", "yes", "oui":
		return true, true
	case "left", "parti", "partie", "sorti", "inactive", "inactif", "planned", "prevu", "a venir", "disabled", "desactive", "false", "faux", "0", "no", "non":
		return false, true
	}
	return false, false
}

// language reads a language of the product out of "fr", "FR", "fr-CA", "français"; "" for others.
func language(s string) string {
	for _, lang := range []string{"fr", "en"} {
		if strings.HasPrefix(text.Fold(s), lang) {
			return lang
		}
	}
	return ""
}

func firstOf(s ...string) string {
	for _, x := range s {
		if x != "" {
			return x
		}
	}
	return ""
}
