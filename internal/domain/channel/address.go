package channel

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/text"
)

// Address is what mail servers taught us about an address that we sent to.
type Address struct {
	Address string    // lower case
	DeadAt  time.Time // of the refusal for good; zero = it works as far as we know
	Status  string    // of the last refusal, "5.1.1"; "" = none was given
	Words   string    // of the server that refused
	Soft    int64     // passing refusals since the last success
	Updated time.Time
}

// Hard reports whether a status of RFC 3463 ("5.1.1") says that the address will never work. A full mailbox, a mail
// that is too long, a server out of order and a refusal of what we wrote are not the address's fault.
func Hard(status string) bool {
	parts := strings.Split(status, ".")
	if len(parts) != 3 || parts[0] != "5" {
		return false
	}
	detail, err := strconv.Atoi(parts[2])
	if err != nil {
		return false
	}
	switch parts[1] {
	case "0":
		return detail == 0 // Exim and others say no more than "for good"
	case "1":
		return detail != 7 && detail != 8 // those two speak of the sender
	case "2":
		return detail == 1 // disabled
	case "4":
		return detail == 1 || detail == 4 // no such recipient or host
	}
	return false
}

const addressColumns = "address, dead_at, status, words, soft, updated_at"

func scanAddress(r db.Row, x *Address) error {
	return r.Scan(&x.Address, db.Millis(&x.DeadAt), &x.Status, &x.Words, &x.Soft, db.Millis(&x.Updated))
}

// Dead reports whether nothing is sent to address any more, and what its server said.
// Errors: errs.Forbidden unless a is an agent.
func Dead(ctx context.Context, tx *db.Tx, a auth.Actor, address string) (Address, bool, error) {
	if err := mayKnowAddresses(a); err != nil {
		return Address{}, false, err
	}
	x, err := db.One(ctx, tx, scanAddress, "SELECT "+addressColumns+" FROM mail_address WHERE address = $1", key(address))
	if errors.Is(err, errs.NotFound) {
		return Address{Address: key(address)}, false, nil
	}
	return x, !x.DeadAt.IsZero(), err
}

// NoteBounce writes down that a server refused address, with its status ("5.1.1", "4.2.2") and words. dead reports
// whether the address is dead from now on; see Hard.
// Errors: errs.Forbidden unless a is the machine.
func NoteBounce(ctx context.Context, tx *db.Tx, a auth.Actor, address, status, words string) (dead bool, err error) {
	if err := mayHandle(a); err != nil || key(address) == "" {
		return false, err
	}
	dead = Hard(status)
	x := Address{Soft: 1}
	if dead {
		x = Address{DeadAt: tx.Now}
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO mail_address (`+addressColumns+`) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (address) DO UPDATE SET status = excluded.status, words = excluded.words, updated_at = excluded.updated_at,
			soft = mail_address.soft + excluded.soft, dead_at = CASE WHEN mail_address.dead_at > 0 THEN mail_address.dead_at ELSE excluded.dead_at END`,
		key(address), db.Millis(&x.DeadAt), text.Excerpt(status, 20), text.Excerpt(words, maxReason), x.Soft, db.Ms(tx.Now))
	if err != nil {
		return false, fmt.Errorf("note bounce of %s: %w", address, err)
	}
	return dead, nil
}

// NoteTaken forgets the passing refusals of an address whose server took a mail.
// Errors: errs.Forbidden unless a is the machine.
func NoteTaken(ctx context.Context, tx *db.Tx, a auth.Actor, address string) error {
	if err := mayHandle(a); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE mail_address SET soft = 0, updated_at = $1 WHERE address = $2 AND soft > 0", db.Ms(tx.Now), key(address))
	return err
}

// Revive lets mail go to a dead address again: somebody knows that it works.
// Errors: errs.Forbidden unless a is an agent, errs.NotFound when it is not dead.
func Revive(ctx context.Context, tx *db.Tx, a auth.Actor, address string) error {
	if err := mayKnowAddresses(a); err != nil {
		return err
	}
	err := tx.ExecOne(ctx, "UPDATE mail_address SET dead_at = 0, soft = 0, updated_at = $1 WHERE address = $2 AND dead_at > 0", db.Ms(tx.Now), key(address))
	if err != nil {
		return fmt.Errorf("revive %s: %w", address, err)
	}
	tx.Signal("envelopes")
	return nil
}

// DeadAddresses returns up to limit dead addresses, the latest first.
// Errors: errs.Forbidden unless a is an agent.
func DeadAddresses(ctx context.Context, tx *db.Tx, a auth.Actor, limit int) ([]Address, error) {
	if err := mayKnowAddresses(a); err != nil {
		return nil, err
	}
	return db.All(ctx, tx, scanAddress, "SELECT "+addressColumns+" FROM mail_address WHERE dead_at > 0 ORDER BY dead_at DESC, address LIMIT $1", limit)
}

// key is the form under which an address is known.
func key(address string) string { return strings.ToLower(text.Line(address)) }

func mayKnowAddresses(a auth.Actor) error {
	if !a.Agent() {
		return fmt.Errorf("look at addresses: %w", errs.Forbidden)
	}
	return nil
}
