package identity

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// emit tells the log what happened to a person.
func emit(ctx context.Context, tx *db.Tx, a auth.Actor, kind, personID string, d event.Data) error {
	_, err := event.Emit(ctx, tx, a, event.Event{Kind: kind, Ref: "person/" + personID, Data: d})
	return err
}

// administered returns a person that a is about to change as an administrator.
func administered(ctx context.Context, tx *db.Tx, a auth.Actor, personID string) (Person, error) {
	p, err := Find(ctx, tx, a, personID)
	if err != nil {
		return p, err
	}
	return p, MayAdminister(a)
}

// Create stores a new active person with p's fields and roles, and emits person.created. The id, the dates and the
// version are made here.
// Errors: errs.Forbidden, errs.Invalid.
func Create(ctx context.Context, tx *db.Tx, a auth.Actor, p Person) (Person, error) {
	if err := MayAdminister(a); err != nil {
		return Person{}, err
	}
	if len(p.Roles) > 0 {
		if err := mayGiveRoles(a); err != nil {
			return Person{}, err
		}
	}
	return create(ctx, tx, a, p)
}

func create(ctx context.Context, tx *db.Tx, a auth.Actor, p Person) (Person, error) {
	roles, err := checkRoles(p.Roles)
	if err != nil {
		return p, err
	}
	p.ID, p.Active, p.HasPassword, p.Roles = id.New(), true, false, nil
	p.clean()
	if err := p.Validate(); err != nil {
		return p, err
	}
	if err := checkOthers(ctx, tx, Person{}, p); err != nil {
		return p, err
	}
	if err := insert(ctx, tx, &p, ""); err != nil {
		return p, err
	}
	if err := addRoles(ctx, tx, &p, roles); err != nil {
		return p, err
	}
	return p, emit(ctx, tx, a, "person.created", p.ID, event.Data{Person: p.ID})
}

// Update lets edit change a person and emits person.updated with what changed. People change their own settings
// (see MayEdit), administrators every field but the id, the roles, the activity and the password, whose changes by edit
// are ignored. version is the one the page showed; 0 = whatever it is now.
// Errors: errs.NotFound, errs.Forbidden, errs.Invalid, errs.Conflict when somebody saved in between.
func Update(ctx context.Context, tx *db.Tx, a auth.Actor, personID string, version int64, edit func(*Person)) (Person, error) {
	before, err := Find(ctx, tx, a, personID)
	if err != nil {
		return before, err
	}
	if err := before.MayEdit(a); err != nil {
		return before, err
	}
	if version != 0 && version != before.Version {
		return before, fmt.Errorf("update person %s: %w", personID, errs.Because(errs.Conflict, "identity.conflict"))
	}
	return update(ctx, tx, a, before, edit)
}

// update stores what edit changes in the person before, whom a may edit.
func update(ctx context.Context, tx *db.Tx, a auth.Actor, before Person, edit func(*Person)) (Person, error) {
	p := before
	edit(&p)
	p.ID, p.Active, p.Roles, p.HasPassword = before.ID, before.Active, before.Roles, before.HasPassword
	p.Created, p.Version = before.Created, before.Version
	p.clean()
	changes, own := diff(before, p)
	if len(changes) == 0 {
		return before, nil
	}
	if !own && MayAdminister(a) != nil {
		return before, fmt.Errorf("update person %s: %w", before.ID, errs.Because(errs.Forbidden, "identity.notyours"))
	}
	if !own && before.Is(auth.Admin) { // who changes an administrator's address may have their next password
		if err := mayGiveRoles(a); err != nil {
			return before, err
		}
	}
	if err := p.Validate(); err != nil {
		return before, err
	}
	if err := checkOthers(ctx, tx, before, p); err != nil {
		return before, err
	}
	if err := save(ctx, tx, &p); err != nil {
		return before, err
	}
	return p, emit(ctx, tx, a, "person.updated", p.ID, event.Data{Person: p.ID, Changes: changes})
}

// diff lists the fields in which two states of a person differ; own says that all of them are a person's own to change.
func diff(before, p Person) (changes []event.Change, own bool) {
	own = true
	for _, f := range []struct {
		name     string
		from, to string
		own      bool
	}{
		{"email", before.Email, p.Email, false}, {"login", before.Login, p.Login, false},
		{"external_id", before.ExternalID, p.ExternalID, false}, {"name", before.Name, p.Name, false},
		{"given_name", before.GivenName, p.GivenName, true}, {"lang", before.Lang, p.Lang, true},
		{"zone", before.Zone, p.Zone, true}, {"title", before.Title, p.Title, false},
		{"department", before.Department, p.Department, false}, {"site", before.Site, p.Site, false},
		{"phone", before.Phone, p.Phone, true}, {"mobile", before.Mobile, p.Mobile, true},
		{"manager", before.ManagerID, p.ManagerID, false}, {"avatar", before.Avatar, p.Avatar, true},
		{"theme", before.Theme, p.Theme, true}, {"vip", strconv.FormatBool(before.VIP), strconv.FormatBool(p.VIP), false},
		{"external", strconv.FormatBool(before.External), strconv.FormatBool(p.External), false},
		{"away_from", day(before.Away.From), day(p.Away.From), true},
		{"away_until", day(before.Away.Until), day(p.Away.Until), true},
		{"away_note", before.Away.Note, p.Away.Note, true}, {"deputy", before.Away.DeputyID, p.Away.DeputyID, true},
	} {
		if f.from != f.to {
			changes = append(changes, event.Change{Field: f.name, From: f.from, To: f.to})
			own = own && f.own
		}
	}
	return changes, own
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// maxChain bounds how far up managers are followed.
const maxChain = 50

// checkOthers says what is wrong with the people that p names: a manager who does not exist or is below p, a deputy
// who is not an active colleague. Only what differs from before is looked at.
func checkOthers(ctx context.Context, tx *db.Tx, before, p Person) error {
	var f []errs.Field
	if p.ManagerID != "" && p.ManagerID != before.ManagerID {
		switch loop, err := above(ctx, tx, p.ManagerID, p.ID); {
		case errors.Is(err, errs.NotFound):
			f = append(f, errs.Field{Name: "manager", Key: "identity.manager.unknown"})
		case err != nil:
			return err
		case loop:
			f = append(f, errs.Field{Name: "manager", Key: "identity.manager.loop"})
		}
	}
	if p.Away.DeputyID != "" && p.Away.DeputyID != before.Away.DeputyID {
		n := 0
		err := tx.QueryRowContext(ctx, "SELECT count(*) FROM person WHERE id = $1 AND active AND NOT external", p.Away.DeputyID).Scan(&n)
		if err != nil {
			return err
		}
		if n == 0 {
			f = append(f, errs.Field{Name: "deputy", Key: "identity.away.deputy"})
		}
	}
	return errs.InvalidFields(f)
}

// above reports whether personID stands somewhere above the person from. Errors: errs.NotFound when from is nobody.
func above(ctx context.Context, tx *db.Tx, from, personID string) (bool, error) {
	chain, err := db.Strings(ctx, tx, `
		WITH RECURSIVE up (id, manager_id, step) AS (
			SELECT id, manager_id, 0 FROM person WHERE id = $1
			UNION ALL SELECT p.id, p.manager_id, u.step + 1 FROM person p JOIN up u ON p.id = u.manager_id WHERE u.step < $2)
		SELECT id FROM up`, from, maxChain)
	if err == nil && len(chain) == 0 {
		err = errs.NotFound
	}
	for _, c := range chain {
		if c == personID {
			return true, err
		}
	}
	return false, err
}

// Deactivate takes a person's access away, ends their sessions, deletes their tokens and links, and emits
// person.deactivated. What they wrote and asked stays. Nothing happens when they are not active.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict for the last administrator.
func Deactivate(ctx context.Context, tx *db.Tx, a auth.Actor, personID string) (Person, error) {
	p, err := administered(ctx, tx, a, personID)
	if err != nil || !p.Active {
		return p, err
	}
	if p.Is(auth.Admin) {
		if err := keepAnAdmin(ctx, tx, p); err != nil {
			return p, err
		}
	}
	p.Active = false
	if err := save(ctx, tx, &p); err != nil {
		return p, err
	}
	if err := lockOut(ctx, tx, p.ID); err != nil {
		return p, err
	}
	return p, emit(ctx, tx, a, "person.deactivated", p.ID, event.Data{Person: p.ID})
}

// lockOut removes every key a person holds apart from the password.
func lockOut(ctx context.Context, tx *db.Tx, personID string) error {
	for _, q := range []string{"DELETE FROM session WHERE person_id = $1", "DELETE FROM api_token WHERE person_id = $1",
		"DELETE FROM one_time_link WHERE person_id = $1"} {
		if _, err := tx.Exec(ctx, q, personID); err != nil {
			return err
		}
	}
	return nil
}

// Activate gives a person's access back and emits person.activated. Nothing happens when they are active.
// Errors: errs.NotFound, errs.Forbidden.
func Activate(ctx context.Context, tx *db.Tx, a auth.Actor, personID string) (Person, error) {
	p, err := administered(ctx, tx, a, personID)
	if err != nil || p.Active {
		return p, err
	}
	p.Active = true
	if err := save(ctx, tx, &p); err != nil {
		return p, err
	}
	return p, emit(ctx, tx, a, "person.activated", p.ID, event.Data{Person: p.ID})
}

// EnsureParticipant returns the person with a mail address, whatever its case and whether they are active, and stores
// an outside participant when there is nobody; name is used only then, "" = the part of the address before the @.
// Errors: errs.Forbidden unless a is the machine or an agent, errs.Invalid for what is no address.
func EnsureParticipant(ctx context.Context, tx *db.Tx, a auth.Actor, email, name string) (Person, error) {
	if !a.Agent() {
		return Person{}, fmt.Errorf("participant: %w", errs.Forbidden)
	}
	email = text.Line(email)
	p, err := FindByEmail(ctx, tx, a, email)
	if !errors.Is(err, errs.NotFound) {
		return p, err
	}
	name = text.Excerpt(name, maxName)
	if name == "" {
		name, _, _ = cutMail(email)
	}
	p, err = create(ctx, tx, a, Person{Email: email, Name: name, External: true})
	if len(errs.Fields(err)) == 1 && errs.Fields(err)[0].Key == "identity.email.taken" {
		return FindByEmail(ctx, tx, a, email) // somebody stored them between the two statements
	}
	return p, err
}
