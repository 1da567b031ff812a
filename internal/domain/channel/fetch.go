package channel

import (
	"context"
	"fmt"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
)

// Fetch is how far the fetching of a mailbox got.
type Fetch struct {
	Position string    // where to go on, in the words of who fetches; "" = nothing was fetched yet
	Fetched  int64     // messages, ever
	Checked  time.Time // last success; zero = none yet
	Error    string    // why the last try failed, see Why; "" = it did not
	ErrorAt  time.Time
}

// Why writes the error as people read it.
func (f Fetch) Why(l i18n.Loc) string { return Envelope{Reason: f.Error}.Why(l) }

// NewsTopic is the signal that a mailbox has news on its server; who fetches it looks at once.
func NewsTopic(mailboxID string) string { return "mailbox/" + mailboxID }

// GraphState is what the states are sealed for by which we know notifications of Microsoft Graph; what is sealed is the
// mailbox's id.
const GraphState = "graph notification"

const fetchColumns = "position, fetched, checked_at, error, error_at"

func scanFetch(r db.Row, f *Fetch) error {
	return r.Scan(&f.Position, &f.Fetched, db.Millis(&f.Checked), &f.Error, db.Millis(&f.ErrorAt))
}

// Hold gives the mailbox to holder until a moment and returns how far fetching got; ok is false while another process
// holds it. The holder prolongs it the same way.
// Errors: errs.Forbidden unless a is the machine.
func Hold(ctx context.Context, tx *db.Tx, a auth.Actor, mailboxID, holder string, until time.Time) (f Fetch, ok bool, err error) {
	if err := mayHandle(a); err != nil {
		return f, false, err
	}
	n, err := tx.Exec(ctx, `INSERT INTO mailbox_fetch (mailbox_id, holder, held_until) VALUES ($1, $2, $3)
		ON CONFLICT (mailbox_id) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
		WHERE mailbox_fetch.holder = excluded.holder OR mailbox_fetch.held_until < $4`, mailboxID, holder, db.Ms(until), db.Ms(tx.Now))
	if err != nil || n == 0 {
		return f, false, err
	}
	f, err = db.One(ctx, tx, scanFetch, "SELECT "+fetchColumns+" FROM mailbox_fetch WHERE mailbox_id = $1", mailboxID)
	return f, err == nil, err
}

// LetGo ends the hold of holder, so that another process need not wait for its end.
// Errors: errs.Forbidden unless a is the machine.
func LetGo(ctx context.Context, tx *db.Tx, a auth.Actor, mailboxID, holder string) error {
	if err := mayHandle(a); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE mailbox_fetch SET held_until = 0 WHERE mailbox_id = $1 AND holder = $2", mailboxID, holder)
	return err
}

// NoteFetch says that the mailbox was read up to position, with n more messages. ok is false, and nothing is written, when
// holder holds the mailbox no more.
// Errors: errs.Forbidden unless a is the machine.
func NoteFetch(ctx context.Context, tx *db.Tx, a auth.Actor, mailboxID, holder, position string, n int) (ok bool, err error) {
	if err := mayHandle(a); err != nil {
		return false, err
	}
	tx.Signal("envelopes")
	rows, err := tx.Exec(ctx, "UPDATE mailbox_fetch SET position = $1, fetched = fetched + $2, checked_at = $3, error = '', error_at = 0 WHERE mailbox_id = $4 AND holder = $5",
		position, n, db.Ms(tx.Now), mailboxID, holder)
	return rows == 1, err
}

// FetchFailed says why the mailbox cannot be read now; reason is made by Because.
// Errors: errs.Forbidden unless a is the machine.
func FetchFailed(ctx context.Context, tx *db.Tx, a auth.Actor, mailboxID, reason string) error {
	if err := mayHandle(a); err != nil {
		return err
	}
	tx.Signal("envelopes")
	_, err := tx.ExecContext(ctx, "UPDATE mailbox_fetch SET error = $1, error_at = $2 WHERE mailbox_id = $3", text.Excerpt(reason, maxReason), db.Ms(tx.Now), mailboxID)
	return err
}

// Fetches returns how far each mailbox got, by mailbox id.
// Errors: errs.Forbidden unless a is an administrator.
func Fetches(ctx context.Context, tx *db.Tx, a auth.Actor) (map[string]Fetch, error) {
	if err := MayLook(a); err != nil {
		return nil, err
	}
	type row struct {
		id string
		Fetch
	}
	rows, err := db.All(ctx, tx, func(r db.Row, x *row) error {
		return r.Scan(&x.id, &x.Position, &x.Fetched, db.Millis(&x.Checked), &x.Error, db.Millis(&x.ErrorAt))
	}, "SELECT mailbox_id, "+fetchColumns+" FROM mailbox_fetch")
	if err != nil {
		return nil, fmt.Errorf("fetches: %w", err)
	}
	out := make(map[string]Fetch, len(rows))
	for _, r := range rows {
		out[r.id] = r.Fetch
	}
	return out, nil
}
