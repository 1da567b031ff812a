package identity

import (
	"context"
	"fmt"
	"io"
	"slices"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
)

// ImportOptions adjust an import. The zero ImportOptions imports.
type ImportOptions struct {
	DryRun      bool                  // only say what would be done
	Departments map[string]string     // names by code: codes become names, unknown ones are reported; nil = any text
	Progress    func(done, total int) // called after each batch; nil = not
}

// Report says what an import did.
type Report struct {
	Imported int   // new
	Updated  int   // changed
	Skipped  int   // already so
	Failed   []Bad // left out
	Warned   []Bad // taken, with something of the line left out or doubtful
}

// importBatch is how many people share a transaction: others get to write in between.
const importBatch = 200

// ImportPeople creates and updates people from a CSV file with a header in French or English: id, login, given name,
// surname or name, mail, title, department, manager (by id, login or mail), site, telephones, status, language.
// A line is about the person with the same id, else about one without id who has the same mail or login, so the same
// file twice changes nothing the second time. The file says who is active; roles, teams and passwords are not its
// business, and nobody is removed for not being in it. On an error what was committed stays; importing again goes on.
// Errors: errs.Forbidden, errs.Invalid without a usable header, errs.Conflict when somebody saved the same people meanwhile.
func ImportPeople(ctx context.Context, d *db.DB, a auth.Actor, r io.Reader, o ImportOptions) (Report, error) {
	if err := MayAdminister(a); err != nil {
		return Report{}, err
	}
	if err := mayGiveRoles(a); err != nil { // the file may be about administrators
		return Report{}, err
	}
	t, err := openTable(r)
	if err != nil {
		return Report{}, err
	}
	if !t.has("name", "given", "surname") {
		return Report{}, errs.InvalidField("file", "identity.import.columns")
	}
	var p *plan
	if err := d.Read(ctx, func(tx *db.Tx) (err error) {
		p, err = newPlan(ctx, tx, o)
		return err
	}); err != nil {
		return Report{}, err
	}
	if err := t.each(p.add, func(b Bad) { p.report.Failed = append(p.report.Failed, b) }); err != nil {
		return Report{}, err
	}
	if t.has("manager") {
		p.managers()
	}
	p.count()
	if o.DryRun {
		return *p.report, nil
	}
	return *p.report, p.apply(ctx, d, a)
}

func (p *plan) count() {
	for _, e := range p.entries {
		switch {
		case e.created():
			p.report.Imported++
		case e.changed() || e.before.ManagerID != e.after.ManagerID:
			p.report.Updated++
		default:
			p.report.Skipped++
		}
	}
	byLine := func(x, y Bad) int { return x.Line - y.Line }
	slices.SortStableFunc(p.report.Failed, byLine)
	slices.SortStableFunc(p.report.Warned, byLine)
}

// apply writes people first and their managers afterwards, since a manager may stand further down the file.
func (p *plan) apply(ctx context.Context, d *db.DB, a auth.Actor) error {
	done := 0
	for _, pass := range []func(context.Context, *db.Tx, auth.Actor, *entry) error{storeEntry, storeManager} {
		for batch := range slices.Chunk(p.entries, importBatch) {
			err := d.Write(ctx, func(tx *db.Tx) error {
				for _, e := range batch {
					if err := pass(ctx, tx, a, e); err != nil {
						return fmt.Errorf("import line %d: %w", e.line, err)
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			done += len(batch)
			if p.options.Progress != nil {
				p.options.Progress(done, 2*len(p.entries))
			}
		}
	}
	return nil
}

func storeEntry(ctx context.Context, tx *db.Tx, a auth.Actor, e *entry) error {
	x := *e.after
	x.ManagerID = e.before.ManagerID
	if e.created() {
		if err := insert(ctx, tx, &x, ""); err != nil {
			return err
		}
		return emit(ctx, tx, a, "person.created", x.ID, event.Data{Person: x.ID})
	}
	if !e.changed() {
		return nil
	}
	if err := save(ctx, tx, &x); err != nil {
		return err
	}
	if changes, _ := diff(e.before, x); len(changes) > 0 {
		if err := emit(ctx, tx, a, "person.updated", x.ID, event.Data{Person: x.ID, Changes: changes}); err != nil {
			return err
		}
	}
	switch {
	case e.before.Active && !x.Active:
		if x.Is(auth.Admin) {
			if err := keepAnAdmin(ctx, tx, x); err != nil {
				return err
			}
		}
		if err := lockOut(ctx, tx, x.ID); err != nil {
			return err
		}
		return emit(ctx, tx, a, "person.deactivated", x.ID, event.Data{Person: x.ID})
	case !e.before.Active && x.Active:
		return emit(ctx, tx, a, "person.activated", x.ID, event.Data{Person: x.ID})
	}
	return nil
}

func storeManager(ctx context.Context, tx *db.Tx, a auth.Actor, e *entry) error {
	from, to := e.before.ManagerID, e.after.ManagerID
	if from == to {
		return nil
	}
	if err := tx.ExecOne(ctx, "UPDATE person SET manager_id = NULLIF($1, ''), updated_at = $2, version = version + 1 WHERE id = $3",
		to, db.Ms(tx.Now), e.after.ID); err != nil {
		return err
	}
	return emit(ctx, tx, a, "person.updated", e.after.ID, event.Data{Person: e.after.ID,
		Changes: []event.Change{{Field: "manager", From: from, To: to}}})
}
