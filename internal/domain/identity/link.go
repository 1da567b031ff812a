package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// Purpose is what a one-time link is for.
type Purpose string

// The purposes.
const (
	ForBootstrap  Purpose = "bootstrap"  // creates the first administrator
	ForInvitation Purpose = "invitation" // chooses a first password
	ForReset      Purpose = "reset"      // chooses another password
)

// Link is a one-time link as its page shows it.
type Link struct {
	Purpose  Purpose
	PersonID string // "" for bootstrap
	Name     string
	Email    string
	Lang     string // the person's
	Expires  time.Time
}

// How long links are good, and how many resets one may ask for in the life of one.
const (
	bootstrapTTL  = 24 * time.Hour
	invitationTTL = 7 * 24 * time.Hour
	resetTTL      = time.Hour
	maxResets     = 3
)

func newLink(ctx context.Context, tx *db.Tx, purpose Purpose, personID string, ttl time.Duration) (string, error) {
	token := id.Token()
	_, err := tx.Exec(ctx, "INSERT INTO one_time_link (token_hash, purpose, person_id, created_at, expires_at) VALUES ($1, $2, NULLIF($3, ''), $4, $5)",
		id.Hash(token), string(purpose), personID, db.Ms(tx.Now), db.Ms(tx.Now.Add(ttl)))
	return token, err
}

// Bootstrap returns the token of a link that creates the first administrator, good for a day; "" when there is an
// active administrator. The program prints it at its start and nobody else ever sees it. Links printed by other starts
// stay good, because only hashes are kept and a replica must not end what another has just printed: the first one that
// is used ends them all.
func Bootstrap(ctx context.Context, tx *db.Tx) (string, error) {
	n, err := admins(ctx, tx, "")
	if err != nil || n > 0 {
		return "", err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM one_time_link WHERE purpose = 'bootstrap' AND expires_at <= $1", db.Ms(tx.Now)); err != nil {
		return "", err
	}
	return newLink(ctx, tx, ForBootstrap, "", bootstrapTTL)
}

// Invite returns the token of a link with which a person chooses their first password, good for seven days, and emits
// person.invited. Earlier invitations end.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict when they are not active or have no mail address.
func Invite(ctx context.Context, tx *db.Tx, a auth.Actor, personID string) (string, error) {
	p, err := administered(ctx, tx, a, personID)
	switch {
	case err != nil:
		return "", err
	case p.Is(auth.Admin) && mayGiveRoles(a) != nil:
		return "", mayGiveRoles(a)
	case !p.Active:
		return "", errs.Because(errs.Conflict, "identity.invite.inactive", "name", p.Name)
	case p.Email == "":
		return "", errs.Because(errs.Conflict, "identity.invite.nomail", "name", p.Name)
	}
	if _, err := tx.Exec(ctx, "DELETE FROM one_time_link WHERE person_id = $1 AND purpose = 'invitation'", p.ID); err != nil {
		return "", err
	}
	token, err := newLink(ctx, tx, ForInvitation, p.ID, invitationTTL)
	if err != nil {
		return "", err
	}
	return token, emit(ctx, tx, a, "person.invited", p.ID, event.Data{Person: p.ID})
}

// RequestReset returns the token of a link with which the active person with this address chooses another password,
// good for an hour, and whom to mail it to. The token is "" when nobody is to be mailed: no such person, nobody
// active, or three links in the last hour. Callers answer the same in every case.
func RequestReset(ctx context.Context, tx *db.Tx, email string) (string, Link, error) {
	p, err := FindByEmail(ctx, tx, auth.System("password reset"), email)
	if errors.Is(err, errs.NotFound) || err == nil && (!p.Active || p.External && !p.HasPassword) {
		return "", Link{}, nil
	}
	if err != nil {
		return "", Link{}, err
	}
	var n int
	err = tx.QueryRowContext(ctx, "SELECT count(*) FROM one_time_link WHERE person_id = $1 AND purpose = 'reset' AND created_at > $2",
		p.ID, db.Ms(tx.Now.Add(-resetTTL))).Scan(&n)
	if err != nil || n >= maxResets {
		return "", Link{}, err
	}
	token, err := newLink(ctx, tx, ForReset, p.ID, resetTTL)
	return token, Link{Purpose: ForReset, PersonID: p.ID, Name: p.Name, Email: p.Email, Lang: p.Lang, Expires: tx.Now.Add(resetTTL)}, err
}

// FindLink returns what an unused link is for.
// Errors: errs.NotFound with a reason when it is unknown, used or over, or its person not active; a bootstrap link is
// over as soon as there is an administrator.
func FindLink(ctx context.Context, tx *db.Tx, token string) (Link, error) {
	l, err := db.One(ctx, tx, func(r db.Row, l *Link) error {
		return r.Scan((*string)(&l.Purpose), &l.PersonID, db.Millis(&l.Expires), &l.Name, &l.Email, &l.Lang)
	}, `SELECT l.purpose, COALESCE(l.person_id, ''), l.expires_at, COALESCE(p.name, ''), COALESCE(p.email, ''), COALESCE(p.lang, '')
		FROM one_time_link l LEFT JOIN person p ON p.id = l.person_id
		WHERE l.token_hash = $1 AND l.used_at = 0 AND l.expires_at > $2 AND (l.person_id IS NULL OR p.active)`,
		id.Hash(token), db.Ms(tx.Now))
	if err == nil && l.Purpose == ForBootstrap {
		n := 0
		if n, err = admins(ctx, tx, ""); err == nil && n > 0 {
			err = errs.NotFound
		}
	}
	if errors.Is(err, errs.NotFound) {
		return Link{}, fmt.Errorf("one-time link: %w", errs.Because(errs.NotFound, "identity.link.over"))
	}
	return l, err
}

// spend uses a link up: of two at the same time, one gets errs.NotFound.
func spend(ctx context.Context, tx *db.Tx, token string) error {
	err := tx.ExecOne(ctx, "UPDATE one_time_link SET used_at = $1 WHERE token_hash = $2 AND used_at = 0 AND expires_at > $3",
		db.Ms(tx.Now), id.Hash(token), db.Ms(tx.Now))
	if errors.Is(err, errs.NotFound) {
		err = fmt.Errorf("one-time link: %w", errs.Because(errs.NotFound, "identity.link.over"))
	}
	return err
}

// spendBootstrap uses all links for the first administrator up, so that of two people at the same time, with the same
// link or with two, one gets errs.NotFound.
func spendBootstrap(ctx context.Context, tx *db.Tx, token string) error {
	spent, err := db.Strings(ctx, tx, "UPDATE one_time_link SET used_at = $1 WHERE purpose = 'bootstrap' AND used_at = 0 RETURNING token_hash", db.Ms(tx.Now))
	if err == nil && !slices.Contains(spent, id.Hash(token)) {
		err = fmt.Errorf("one-time link: %w", errs.Because(errs.NotFound, "identity.link.over"))
	}
	return err
}

// UseLink sets the password of the person that an invitation or reset was made for, ends their sessions and other
// links, forgets wrong tries, and emits person.password. It returns their id.
// Errors: errs.NotFound with a reason (see FindLink), errs.Invalid for a password that may not be chosen.
func UseLink(ctx context.Context, d *db.DB, h *Hasher, token, password string) (string, error) {
	var l Link
	err := d.Read(ctx, func(tx *db.Tx) (err error) {
		l, err = FindLink(ctx, tx, token)
		return err
	})
	if err == nil && l.PersonID == "" {
		err = errs.Because(errs.NotFound, "identity.link.over")
	}
	if err == nil {
		err = CheckPassword(password, l.Email, l.Name)
	}
	if err != nil {
		return "", err
	}
	stored, err := h.Hash(ctx, password)
	if err != nil {
		return "", err
	}
	return l.PersonID, d.Write(ctx, func(tx *db.Tx) error {
		if _, err := FindLink(ctx, tx, token); err != nil {
			return err
		}
		if err := spend(ctx, tx, token); err != nil {
			return err
		}
		a, err := LoadActor(ctx, tx, l.PersonID)
		if err != nil {
			return err
		}
		return storePassword(ctx, tx, a, l.PersonID, stored, "")
	})
}

// UseBootstrap creates the first administrator with p's name, address, language and zone and this password, and emits
// person.created and person.password.
// Errors: errs.NotFound with a reason (see FindLink), errs.Invalid.
func UseBootstrap(ctx context.Context, d *db.DB, h *Hasher, token string, p Person, password string) (Person, error) {
	err := d.Read(ctx, func(tx *db.Tx) error {
		l, err := FindLink(ctx, tx, token)
		if err == nil && l.Purpose != ForBootstrap {
			err = errs.Because(errs.NotFound, "identity.link.over")
		}
		return err
	})
	if err != nil {
		return Person{}, err
	}
	p = Person{Name: text.Line(p.Name), Email: text.Line(p.Email), Lang: p.Lang, Zone: p.Zone, Roles: []auth.Role{auth.Admin}}
	fields := errs.Fields(p.Validate())
	if p.Email == "" {
		fields = append(fields, errs.Field{Name: "email", Key: "identity.email.missing"})
	}
	fields = append(fields, errs.Fields(CheckPassword(password, p.Email, p.Name))...)
	if err := errs.InvalidFields(fields); err != nil {
		return Person{}, err
	}
	stored, err := h.Hash(ctx, password)
	if err != nil {
		return Person{}, err
	}
	err = d.Write(ctx, func(tx *db.Tx) error {
		if _, err := FindLink(ctx, tx, token); err != nil {
			return err
		}
		if err := spendBootstrap(ctx, tx, token); err != nil {
			return err
		}
		a := auth.System("first start")
		if p, err = create(ctx, tx, a, p); err != nil {
			return err
		}
		p.HasPassword = true
		return storePassword(ctx, tx, a, p.ID, stored, "")
	})
	return p, err
}
