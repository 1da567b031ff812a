package channel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/text"
)

// Blocked is a sender whose mail goes to quarantine.
type Blocked struct {
	Pattern string // "ann@example.org", or "example.org" with its subdomains; lower case
	Reason  string // in an administrator's words; "" = none given
	ActorID string
	At      time.Time
}

func scanBlocked(r db.Row, b *Blocked) error {
	return r.Scan(&b.Pattern, &b.Reason, &b.ActorID, db.Millis(&b.At))
}

// Blocks returns the blocked senders by pattern.
// Errors: errs.Forbidden unless a is an administrator.
func Blocks(ctx context.Context, tx *db.Tx, a auth.Actor) ([]Blocked, error) {
	if err := MayLook(a); err != nil {
		return nil, err
	}
	return db.All(ctx, tx, scanBlocked, "SELECT pattern, reason, actor_id, at FROM mail_block ORDER BY pattern")
}

// Block sends the mail of an address or a domain to quarantine from now on. Again, it changes the reason.
// Errors: errs.Forbidden unless a is an administrator, errs.Invalid (pattern).
func Block(ctx context.Context, tx *db.Tx, a auth.Actor, pattern, reason string) error {
	if err := MayLook(a); err != nil {
		return err
	}
	pattern, ok := patternOf(pattern)
	if !ok {
		return errs.InvalidField("pattern", "mail.block.pattern")
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO mail_block (pattern, reason, actor_id, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (pattern) DO UPDATE SET reason = excluded.reason`, pattern, text.Excerpt(text.Line(reason), maxReason), a.ID, db.Ms(tx.Now))
	return err
}

// Unblock lets the mail of a pattern in again. What waits in quarantine stays there.
// Errors: errs.Forbidden unless a is an administrator, errs.NotFound.
func Unblock(ctx context.Context, tx *db.Tx, a auth.Actor, pattern string) error {
	if err := MayLook(a); err != nil {
		return err
	}
	return tx.ExecOne(ctx, "DELETE FROM mail_block WHERE pattern = $1", key(pattern))
}

// IsBlocked returns the block that holds a sender's mail back; the zero Blocked if none does.
// Errors: errs.Forbidden unless a is the machine.
func IsBlocked(ctx context.Context, tx *db.Tx, a auth.Actor, sender string) (Blocked, error) {
	if err := mayHandle(a); err != nil {
		return Blocked{}, err
	}
	b, err := db.One(ctx, tx, scanBlocked, "SELECT pattern, reason, actor_id, at FROM mail_block WHERE "+tx.In("pattern", 1)+" ORDER BY length(pattern) DESC LIMIT 1", db.List(namesOf(sender)))
	if errors.Is(err, errs.NotFound) {
		return Blocked{}, nil
	}
	if err != nil {
		return b, fmt.Errorf("blocked senders: %w", err)
	}
	return b, nil
}
