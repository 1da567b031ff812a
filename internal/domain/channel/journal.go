package channel

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
)

// Filter says which envelopes the journal lists. The zero value lists all.
type Filter struct {
	Direction Direction
	State     State
	MailboxID string
	Address   string    // of the sender or recipient, whole or a part
	Word      string    // that the subject holds
	From      time.Time // not before; zero = from the first
	Until     time.Time // before; zero = to the last
	Before    string    // Next of the page before; "" = from the newest
	Limit     int       // 1 to 200; 0 = 50
}

// where puts the filter into SQL.
func (f Filter) where() (sql string, args []any) {
	var all []string
	add := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(args)), 1)
		}
		all = append(all, condition)
	}
	before := f.Before
	if before == "" {
		before = "Z" // sorts after every id, which begins with a digit, in every collation
	}
	add("id < ?", before)
	if f.Direction != "" {
		add("direction = ?", f.Direction)
	}
	if f.State != "" {
		add("state = ?", f.State)
	}
	if f.MailboxID != "" {
		add("mailbox_id = ?", f.MailboxID)
	}
	if !f.From.IsZero() {
		add("at >= ?", db.Ms(f.From))
	}
	if !f.Until.IsZero() {
		add("at < ?", db.Ms(f.Until))
	}
	if s := strings.TrimSpace(strings.ToLower(f.Address)); s != "" {
		like := db.LikePattern(s)
		add(`(lower(sender) LIKE ? ESCAPE '\' OR lower(recipient) LIKE ? ESCAPE '\')`, like, like)
	}
	for _, w := range strings.Fields(strings.ToLower(f.Word)) {
		add(`lower(subject) LIKE ? ESCAPE '\'`, db.LikePattern(w))
	}
	return strings.Join(all, " AND "), args
}

// Journal returns the envelopes that f wants, newest first, without their content, and the Before of the next page,
// "" at the end.
// Errors: errs.Forbidden unless a is an administrator.
func Journal(ctx context.Context, tx *db.Tx, a auth.Actor, f Filter) (list []Envelope, next string, err error) {
	if err := MayLook(a); err != nil {
		return nil, "", err
	}
	if f.Limit <= 0 {
		f.Limit = 50
	}
	f.Limit = min(f.Limit, 200)
	where, args := f.where()
	args = append(args, f.Limit+1)
	list, err = db.All(ctx, tx, scanHead, "SELECT "+headColumns+" FROM envelope WHERE "+where+" ORDER BY id DESC LIMIT $"+strconv.Itoa(len(args)), args...)
	if err != nil {
		return nil, "", fmt.Errorf("journal: %w", err)
	}
	if len(list) > f.Limit {
		list = list[:f.Limit]
		next = list[f.Limit-1].ID
	}
	return list, next, nil
}

// Copies returns the envelopes of one direction that carry a Message-ID, oldest first, without their content: a mail
// that was sent to one of our own mailboxes comes back under its id.
// Errors: errs.Forbidden unless a is an administrator.
func Copies(ctx context.Context, tx *db.Tx, a auth.Actor, d Direction, messageID string) ([]Envelope, error) {
	if err := MayLook(a); err != nil || messageID == "" {
		return nil, err
	}
	return db.All(ctx, tx, scanHead, "SELECT "+headColumns+" FROM envelope WHERE message_id = $1 AND direction = $2 ORDER BY id", messageID, d)
}
