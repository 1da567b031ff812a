package identity

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

const (
	triesPerAccount = 5
	triesPerAddress = 50
	// pause is how long an account or address waits after too many tries; tries further apart are forgotten.
	pause = 15 * time.Minute
)

// account is what signing in needs to know of a person. The zero account is nobody's.
type account struct {
	id, password string
	active       bool
}

// key names the counter of an account, whichever way its person was named; of what was typed when there is none.
func (c account) key(typed string) string {
	switch {
	case c.id != "":
		return "mail:" + c.id
	case len(typed) > maxMail:
		return "mail:" + id.Hash(typed)
	}
	return "mail:" + typed
}

// addressKey names the counter of a network address; an IPv6 network of 64 bits is one customer.
func addressKey(address string) string {
	if ip, err := netip.ParseAddr(address); err == nil {
		ip = ip.Unmap().WithZone("")
		if ip.Is6() {
			if net, err := ip.Prefix(64); err == nil {
				return "address:" + net.String()
			}
		}
		return "address:" + ip.String()
	}
	return "address:" + address
}

// SignIn checks an address or login with a password and returns the person's id. Five tries for an account, known or
// not, and fifty wrong ones from a network address are followed by a pause of a quarter of an hour. A try is counted
// before the password is checked, so that tries at the same time do not escape; success forgets those of the account.
// Errors: errs.Forbidden with a reason for the person (errs.Reason), the same whether the account exists or not.
func SignIn(ctx context.Context, d *db.DB, h *Hasher, who, password, address string) (string, error) {
	who = emailKey(text.Line(who))
	return try{who: who, password: password, address: address}.check(ctx, d, h)
}

// try is one password given for an account, which is named by id, or by who when somebody typed it.
type try struct{ id, who, password, address string }

func (t try) check(ctx context.Context, d *db.DB, h *Hasher) (string, error) {
	var acc account
	var key string
	var tries int
	err := d.Write(ctx, func(tx *db.Tx) (err error) {
		if acc, err = findAccount(ctx, tx, t); err != nil {
			return err
		}
		key = acc.key(t.who)
		if err := blocked(ctx, tx, key, addressKey(t.address)); err != nil {
			return err
		}
		tries, err = countTry(ctx, tx, key, triesPerAccount)
		if err == nil && tries > triesPerAccount { // another one at the same time took the last try
			err = paused(pause)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	stored, password := acc.password, t.password
	if !acc.active || len(password) > maxPassword*4 { // is never right, and takes as long
		stored, password = "", ""
	}
	right, err := h.Verify(ctx, stored, password)
	if err != nil {
		return "", err
	}
	if right {
		return acc.id, d.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, "DELETE FROM sign_in_failure WHERE key = $1", key)
			return err
		})
	}
	if err := d.Write(ctx, func(tx *db.Tx) error { return wrong(ctx, tx, acc, t.address, tries) }); err != nil {
		return "", err
	}
	return "", refusal(tries)
}

// refusal tells how many tries are left after a wrong one.
func refusal(tries int) error {
	switch left := triesPerAccount - tries; left {
	case 0:
		return paused(pause)
	case 1:
		return errs.Because(errs.Forbidden, "identity.signin.last")
	default:
		return errs.Because(errs.Forbidden, "identity.signin.wrong", "tries", left)
	}
}

// paused tells how long to wait, in whole minutes.
func paused(left time.Duration) error {
	minutes := int((left + time.Minute - 1) / time.Minute)
	if minutes <= 1 {
		return errs.Because(errs.Forbidden, "identity.signin.soon")
	}
	return errs.Because(errs.Forbidden, "identity.signin.paused", "minutes", minutes)
}

// wrong counts a wrong try for the network address and tells the log when a pause begins.
func wrong(ctx context.Context, tx *db.Tx, acc account, address string, tries int) error {
	n, err := 0, error(nil)
	if address != "" {
		if n, err = countTry(ctx, tx, addressKey(address), triesPerAddress); err != nil {
			return err
		}
	}
	machine := auth.System("sign-in")
	if tries == triesPerAccount && acc.id != "" {
		if err := emit(ctx, tx, machine, "person.signed_in_failed_pause", acc.id, event.Data{Person: acc.id,
			Extra: map[string]string{"address": address}}); err != nil {
			return err
		}
	}
	if n == triesPerAddress {
		_, err = event.Emit(ctx, tx, machine, event.Event{Kind: "person.signed_in_failed_pause", Ref: "address/" + address,
			Data: event.Data{Extra: map[string]string{"address": address}}})
	}
	return err
}

func findAccount(ctx context.Context, tx *db.Tx, t try) (account, error) {
	where, arg := "id = $1", t.id
	if t.id == "" {
		where, arg = "$1 <> '' AND (email_key = $1 OR login = $1) ORDER BY CASE WHEN email_key = $1 THEN 0 ELSE 1 END LIMIT 1", t.who
	}
	c, err := db.One(ctx, tx, func(r db.Row, c *account) error { return r.Scan(&c.id, &c.password, &c.active) },
		"SELECT id, password, active FROM person WHERE "+where, arg)
	if errors.Is(err, errs.NotFound) {
		return account{}, nil
	}
	return c, err
}

// blocked returns the refusal when one of the counters is in its pause.
func blocked(ctx context.Context, tx *db.Tx, keys ...string) error {
	var until sql.NullInt64
	err := tx.QueryRowContext(ctx, "SELECT max(blocked_until) FROM sign_in_failure WHERE "+tx.In("key", 1), db.List(keys)).Scan(&until)
	if err == nil && until.Int64 > db.Ms(tx.Now) {
		err = paused(db.Time(until.Int64).Sub(tx.Now))
	}
	return err
}

// countTry adds one to a counter and returns it; the limit-th try begins a pause. Tries before a pause that is over,
// or that began longer ago than one, do not count.
func countTry(ctx context.Context, tx *db.Tx, key string, limit int) (n int, err error) {
	now, forget := db.Ms(tx.Now), db.Ms(tx.Now.Add(-pause))
	err = tx.QueryRowContext(ctx, `
		INSERT INTO sign_in_failure (key, failures, first_at) VALUES ($1, 1, $2)
		ON CONFLICT (key) DO UPDATE SET
			failures = CASE WHEN sign_in_failure.first_at <= $3 AND sign_in_failure.blocked_until <= $4 THEN 1 ELSE sign_in_failure.failures + 1 END,
			first_at = CASE WHEN sign_in_failure.first_at <= $3 AND sign_in_failure.blocked_until <= $4 THEN excluded.first_at ELSE sign_in_failure.first_at END
		RETURNING failures`, key, now, forget, now).Scan(&n)
	if err == nil && n == limit {
		_, err = tx.Exec(ctx, "UPDATE sign_in_failure SET blocked_until = $1 WHERE key = $2", db.Ms(tx.Now.Add(pause)), key)
	}
	if err != nil {
		return n, fmt.Errorf("count sign-in try: %w", err)
	}
	return n, nil
}

// Sweep deletes what is over: sessions, one-time links, counters of sign-in tries. A cron job calls it.
func Sweep(ctx context.Context, tx *db.Tx) error {
	now, old := db.Ms(tx.Now), db.Ms(tx.Now.Add(-pause))
	if _, err := tx.Exec(ctx, "DELETE FROM session WHERE expires_at <= $1", now); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM one_time_link WHERE expires_at <= $1", now); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "DELETE FROM sign_in_failure WHERE first_at <= $1 AND blocked_until <= $2", old, now)
	return err
}
