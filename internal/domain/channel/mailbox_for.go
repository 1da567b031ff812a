package channel

import (
	"context"
	"fmt"
	"slices"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
)

// MailboxFor returns the mailbox that writes about a record of a queue: the one it came by, else the one whose queue
// it is, else the standard one; only active ones. ok is false when there is none: the mail server of the configuration
// sends under its own address then.
// Errors: errs.Forbidden unless a is the machine or an administrator.
func MailboxFor(ctx context.Context, tx *db.Tx, a auth.Actor, queueID, cameBy string) (m Mailbox, ok bool, err error) {
	if err := MayLook(a); err != nil {
		return m, false, err
	}
	all, err := db.All(ctx, tx, scanMailbox, "SELECT "+mailboxColumns+" FROM mailbox WHERE active AND (id = $1 OR queue_id = $2 OR standard) ORDER BY address",
		cameBy, queueID)
	if err != nil {
		return m, false, fmt.Errorf("mailbox of queue %s: %w", queueID, err)
	}
	for _, fits := range []func(Mailbox) bool{
		func(m Mailbox) bool { return m.ID == cameBy },
		func(m Mailbox) bool { return queueID != "" && m.QueueID == queueID },
		func(m Mailbox) bool { return m.Standard },
	} {
		if i := slices.IndexFunc(all, fits); i >= 0 {
			return all[i], true, nil
		}
	}
	return m, false, nil
}

// CameBy returns the id of the mailbox by which the first mail of ref came in; "" when none did.
// Errors: errs.Forbidden unless a is the machine.
func CameBy(ctx context.Context, tx *db.Tx, a auth.Actor, ref string) (string, error) {
	if err := mayHandle(a); err != nil {
		return "", err
	}
	ids, err := db.Strings(ctx, tx, `SELECT mailbox_id FROM envelope WHERE ref = $1 AND direction = 'in' AND mailbox_id <> '' AND exchange = ''
		ORDER BY at, id LIMIT 1`, ref)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	return ids[0], nil
}
