package notify

import (
	"context"
	"fmt"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// How long the inbox remembers, and how much of a message it shows.
const (
	keepRead   = 90 * 24 * time.Hour
	keepUnread = 365 * 24 * time.Hour
	maxExcerpt = 200 // runes
	maxPage    = 200
)

// Item is one piece of news for one person.
type Item struct {
	ID      string // sorts by time
	Person  string // id of who is told
	News    News
	Ref     string // "ticket/01J…", where it leads
	EventID string // the event that it tells of; told once to each person
	Title   string // reference and subject, as they were
	Actor   string // name of who did it; "" = the machine
	Excerpt string // first words of the message, or what happened in words, in the person's language
	At      time.Time
	ReadAt  time.Time // zero = unread
}

// inboxTopic names the signal that a person’s inbox changed; pages listen to it.
func inboxTopic(person string) string { return "inbox/" + person }

const itemColumns = "id, person_id, kind, ref, event_id, title, actor, excerpt, at, read_at"

func scanItem(r db.Row, i *Item) error {
	return r.Scan(&i.ID, &i.Person, &i.News, &i.Ref, &i.EventID, &i.Title, &i.Actor, &i.Excerpt, db.Millis(&i.At), db.Millis(&i.ReadAt))
}

// Put places i into its person's inbox, once for each event. ID is set here; Title and Excerpt are cut to fit.
// Errors: errs.Forbidden unless a is the machine.
func Put(ctx context.Context, tx *db.Tx, a auth.Actor, i Item) error {
	if !a.Internal {
		return fmt.Errorf("put into inbox: %w", errs.Forbidden)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO inbox_item (`+itemColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)
		ON CONFLICT (person_id, event_id) DO NOTHING`, id.New(), i.Person, i.News, i.Ref, i.EventID,
		text.Excerpt(i.Title, maxExcerpt), i.Actor, text.Excerpt(i.Excerpt, maxExcerpt), db.Ms(i.At))
	if err != nil {
		return fmt.Errorf("put into inbox: %w", err)
	}
	tx.Signal(inboxTopic(i.Person))
	return nil
}

// Page says which part of the inbox to list.
type Page struct {
	Before     string // id of the last item seen; "" = from the newest
	Limit      int    // 1 to 200; 0 = 30
	UnreadOnly bool
}

// List returns a's items, newest first, and the Before of the next page, "" at the end.
func List(ctx context.Context, tx *db.Tx, a auth.Actor, p Page) (items []Item, next string, err error) {
	if p.Limit <= 0 {
		p.Limit = 30
	}
	p.Limit = min(p.Limit, maxPage)
	if p.Before == "" {
		p.Before = "Z" // sorts after every id, which begins with a digit, in every collation
	}
	items, err = db.All(ctx, tx, scanItem, `SELECT `+itemColumns+` FROM inbox_item
		WHERE person_id = $1 AND id < $2 AND (read_at = 0 OR NOT $3) ORDER BY id DESC LIMIT $4`, a.ID, p.Before, p.UnreadOnly, p.Limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("inbox: %w", err)
	}
	if len(items) > p.Limit {
		items = items[:p.Limit]
		next = items[p.Limit-1].ID
	}
	return items, next, nil
}

// Unread returns how many items a has not read.
func Unread(ctx context.Context, tx *db.Tx, a auth.Actor) (int64, error) {
	var n int64
	err := tx.QueryRowContext(ctx, "SELECT count(*) FROM inbox_item WHERE person_id = $1 AND read_at = 0", a.ID).Scan(&n)
	return n, err
}

// MarkRead marks one of a's items read; one that is read already stays as it is.
// Errors: errs.NotFound, also for an item of somebody else.
func MarkRead(ctx context.Context, tx *db.Tx, a auth.Actor, itemID string) error {
	err := tx.ExecOne(ctx, "UPDATE inbox_item SET read_at = CASE WHEN read_at = 0 THEN $1 ELSE read_at END WHERE id = $2 AND person_id = $3",
		db.Ms(tx.Now), itemID, a.ID)
	if err != nil {
		return fmt.Errorf("mark read: %w", err)
	}
	tx.Signal(inboxTopic(a.ID))
	return nil
}

// MarkAllRead marks everything in a's inbox read.
func MarkAllRead(ctx context.Context, tx *db.Tx, a auth.Actor) error {
	return markMany(ctx, tx, a, "")
}

// MarkRefRead marks what tells of ref read: a opened it.
func MarkRefRead(ctx context.Context, tx *db.Tx, a auth.Actor, ref string) error {
	if ref == "" {
		return nil
	}
	return markMany(ctx, tx, a, ref)
}

func markMany(ctx context.Context, tx *db.Tx, a auth.Actor, ref string) error {
	n, err := tx.Exec(ctx, "UPDATE inbox_item SET read_at = $1 WHERE person_id = $2 AND read_at = 0 AND ($3 = '' OR ref = $3)", db.Ms(tx.Now), a.ID, ref)
	if err != nil {
		return fmt.Errorf("mark read: %w", err)
	}
	if n > 0 { // opening a page of which nothing was unread must not make pages reload
		tx.Signal(inboxTopic(a.ID))
	}
	return nil
}

// Purge forgets items read more than 90 days ago and unread ones after a year; it returns how many.
// Errors: errs.Forbidden unless a is the machine.
func Purge(ctx context.Context, tx *db.Tx, a auth.Actor) (int64, error) {
	if !a.Internal {
		return 0, fmt.Errorf("purge inbox: %w", errs.Forbidden)
	}
	return tx.Exec(ctx, "DELETE FROM inbox_item WHERE id < $1 AND (read_at > 0 AND read_at < $2 OR id < $3)",
		id.At(tx.Now.Add(-keepRead)), db.Ms(tx.Now.Add(-keepRead)), id.At(tx.Now.Add(-keepUnread)))
}
