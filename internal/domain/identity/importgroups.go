package identity

import (
	"context"
	"fmt"
	"io"
	"slices"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
)

// membership is one line of a file of groups.
type membership struct {
	line         int
	group, name  string
	personID, as string // "" when the line only names the group
}

// ImportGroups creates groups and adds people to them from a CSV file with the columns code, name and member (id, login
// or mail), one member a line. It removes nobody. Report counts memberships.
// Errors: as ImportPeople.
func ImportGroups(ctx context.Context, d *db.DB, a auth.Actor, r io.Reader, o ImportOptions) (Report, error) {
	if err := MayAdminister(a); err != nil {
		return Report{}, err
	}
	t, err := openTable(r)
	if err != nil {
		return Report{}, err
	}
	if !t.has("code") {
		return Report{}, errs.InvalidField("file", "identity.import.groups")
	}
	var p *plan
	held := map[string]bool{}
	groups := map[string]string{} // ids by code
	err = d.Read(ctx, func(tx *db.Tx) (err error) {
		if p, err = newPlan(ctx, tx, o); err != nil {
			return err
		}
		all, err := ListGroups(ctx, tx, a)
		if err != nil {
			return err
		}
		for _, g := range all {
			groups[g.Code] = g.ID
		}
		pairs, err := db.Strings(ctx, tx, "SELECT g.code || ' ' || m.person_id FROM group_member m JOIN people_group g ON g.id = m.group_id")
		for _, s := range pairs {
			held[s] = true
		}
		return err
	})
	if err != nil {
		return Report{}, err
	}
	var todo []membership
	err = t.each(func(l line) {
		if m, ok := p.membership(l, held, groups); ok {
			todo = append(todo, m)
		}
	}, func(b Bad) { p.report.Failed = append(p.report.Failed, b) })
	if err != nil || o.DryRun {
		return *p.report, err
	}
	return *p.report, storeMemberships(ctx, d, a, todo, groups, o)
}

// membership plans a line; ok is false when there is nothing to write.
func (p *plan) membership(l line, held map[string]bool, groups map[string]string) (m membership, ok bool) {
	g := Group{Code: l.get("code"), Name: firstOf(l.get("name"), l.get("code"))}
	g.clean()
	bad := func(key string, args ...any) {
		p.report.Failed = append(p.report.Failed, Bad{Line: l.number, ID: g.Code, Key: key, Args: args})
	}
	if f := errs.Fields(g.Validate()); len(f) > 0 {
		bad(f[0].Key, f[0].Args...)
		return m, false
	}
	m = membership{line: l.number, group: g.Code, name: g.Name, as: l.get("member")}
	if m.as == "" {
		return m, groups[g.Code] == ""
	}
	x := p.named(m.as)
	if x == nil {
		bad("identity.import.member", "member", m.as)
		return m, false
	}
	m.personID = x.ID
	pair := g.Code + " " + x.ID
	if held[pair] {
		p.report.Skipped++
		return m, false
	}
	held[pair] = true
	p.report.Imported++
	return m, true
}

func storeMemberships(ctx context.Context, d *db.DB, a auth.Actor, todo []membership, groups map[string]string, o ImportOptions) error {
	done := 0
	for batch := range slices.Chunk(todo, importBatch) {
		made := map[string]string{}
		err := d.Write(ctx, func(tx *db.Tx) error {
			clear(made)
			for _, m := range batch {
				groupID := firstOf(groups[m.group], made[m.group])
				if groupID == "" {
					g, err := CreateGroup(ctx, tx, a, Group{Code: m.group, Name: m.name})
					if err != nil {
						return fmt.Errorf("import line %d: %w", m.line, err)
					}
					groupID, made[m.group] = g.ID, g.ID
				}
				if m.personID == "" {
					continue
				}
				if err := AddToGroup(ctx, tx, a, groupID, m.personID); err != nil {
					return fmt.Errorf("import line %d: %w", m.line, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for code, groupID := range made {
			groups[code] = groupID
		}
		done += len(batch)
		if o.Progress != nil {
			o.Progress(done, len(todo))
		}
	}
	return nil
}
