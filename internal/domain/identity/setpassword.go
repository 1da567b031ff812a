package identity

import (
	"context"
	"fmt"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
)

// ChangePassword replaces a's own password, ends their other sessions and emits person.password. The old one is asked
// for, and wrong ones count as sign-in tries do.
// Errors: errs.Forbidden with a reason, errs.Invalid about the field "password".
func ChangePassword(ctx context.Context, d *db.DB, h *Hasher, a auth.Actor, old, password string) error {
	if err := mayKeys(a, a.ID); err != nil {
		return err
	}
	var p Person
	err := d.Read(ctx, func(tx *db.Tx) (err error) {
		p, err = Find(ctx, tx, a, a.ID)
		return err
	})
	if err == nil {
		err = CheckPassword(password, p.Email, p.Name)
	}
	if err != nil {
		return err
	}
	if _, err := (try{id: a.ID, password: old}).check(ctx, d, h); err != nil {
		return err
	}
	stored, err := h.Hash(ctx, password)
	if err != nil {
		return err
	}
	return d.Write(ctx, func(tx *db.Tx) error { return storePassword(ctx, tx, a, p.ID, stored, a.Session) })
}

// SetPassword gives a person a password without the old one, ends their sessions and emits person.password; for the
// command line and for administrators, not for their own.
// Errors: errs.NotFound, errs.Forbidden, errs.Invalid.
func SetPassword(ctx context.Context, d *db.DB, h *Hasher, a auth.Actor, personID, password string) error {
	if err := mayKeys(a, personID); err != nil || !a.Admin() || a.ID == personID {
		return fmt.Errorf("password of %s: %w", personID, errs.Forbidden)
	}
	var p Person
	err := d.Read(ctx, func(tx *db.Tx) (err error) {
		p, err = Find(ctx, tx, a, personID)
		return err
	})
	if err == nil {
		err = CheckPassword(password, p.Email, p.Name)
	}
	if err != nil {
		return err
	}
	stored, err := h.Hash(ctx, password)
	if err != nil {
		return err
	}
	return d.Write(ctx, func(tx *db.Tx) error { return storePassword(ctx, tx, a, personID, stored, "") })
}

// storePassword writes a new hash and takes away what the old password opened: sessions apart from keep, links that
// are not used, and counted tries.
func storePassword(ctx context.Context, tx *db.Tx, a auth.Actor, personID, stored, keep string) error {
	if err := tx.ExecOne(ctx, "UPDATE person SET password = $1, updated_at = $2, version = version + 1 WHERE id = $3",
		stored, db.Ms(tx.Now), personID); err != nil {
		return fmt.Errorf("password of %s: %w", personID, err)
	}
	if _, err := tx.Exec(ctx, "DELETE FROM one_time_link WHERE person_id = $1 AND used_at = 0", personID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM sign_in_failure WHERE key = $1", account{id: personID}.key("")); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM session WHERE person_id = $1 AND id <> $2", personID, keep); err != nil {
		return err
	}
	return emit(ctx, tx, a, "person.password", personID, event.Data{Person: personID})
}
