package ticket

import (
	"context"
	"fmt"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
)

// LinkKind says what one ticket is to another.
type LinkKind string

// The kinds of links: "from is … of to".
const (
	Parent    LinkKind = "parent"    // from is the parent of to
	Duplicate LinkKind = "duplicate" // from is a duplicate of to
	Related   LinkKind = "related"   // both ways
	CausedBy  LinkKind = "caused_by" // from is caused by to
)

// Link is a ticket seen from another one.
type Link struct {
	Kind    LinkKind
	Outward bool // the ticket one looks from is the "from" side
	Other   Ticket
}

// Links returns the links of t to tickets that a may see, newest first.
func Links(ctx context.Context, tx *db.Tx, a auth.Actor, t Ticket) ([]Link, error) {
	scanLink := func(r db.Row, l *Link) error {
		return scan(prefixed{r, []any{&l.Kind, &l.Outward}}, &l.Other)
	}
	return db.All(ctx, tx, scanLink, "SELECT l.kind, l.from_id = $4, "+columns+` FROM ticket_link l
		JOIN ticket t ON t.id = CASE WHEN l.from_id = $4 THEN l.to_id ELSE l.from_id END
		JOIN queue q ON q.id = t.queue_id JOIN person r ON r.id = t.requester_id LEFT JOIN person s ON s.id = t.assignee_id
		WHERE `+visible(1)+" AND (l.from_id = $4 OR l.to_id = $4) ORDER BY l.at DESC", append(visibleArgs(a), t.ID)...)
}

// prefixed is a row whose first columns go elsewhere.
type prefixed struct {
	db.Row
	first []any
}

func (p prefixed) Scan(dest ...any) error { return p.Row.Scan(append(p.first, dest...)...) }

// above are the tickets from which a chain of links of one kind leads to ticket $1.
const above = `above (kind, id) AS (
	SELECT l.kind, l.from_id FROM ticket_link l WHERE l.to_id = $1 AND l.kind <> 'related'
	UNION SELECT l.kind, l.from_id FROM ticket_link l JOIN above a ON l.to_id = a.id AND l.kind = a.kind)`

// AddLink links two tickets that a may see and work one of. It appends ticket.linked to both; a second time does nothing.
// Errors: errs.NotFound, errs.Forbidden, errs.Invalid (kind, ticket; also for a link that makes a ticket its own parent,
// duplicate or cause by way of others).
func AddLink(ctx context.Context, tx *db.Tx, a auth.Actor, fromID, toID string, k LinkKind) error {
	from, to, err := pair(ctx, tx, a, fromID, toID)
	if err != nil {
		return err
	}
	switch k {
	case Parent, Duplicate, Related, CausedBy:
	default:
		return errs.InvalidField("kind", "ticket.link_kind")
	}
	if k == Related { // one row whichever side it was made from
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM ticket_link WHERE from_id = $1 AND to_id = $2 AND kind = 'related'",
			to.ID, from.ID).Scan(&n); err != nil || n > 0 {
			return err
		}
	}
	var circular bool
	err = db.First(ctx, tx, "WITH RECURSIVE "+above+" SELECT EXISTS (SELECT 1 FROM above a WHERE a.kind = $2 AND a.id = $3)",
		[]any{from.ID, string(k), to.ID}, &circular)
	if err != nil {
		return err
	}
	if circular {
		return errs.InvalidField("ticket", "ticket.link_circle", "ref", to.Reference())
	}
	n, err := tx.Exec(ctx, `INSERT INTO ticket_link (from_id, to_id, kind, created_by, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (from_id, to_id, kind) DO NOTHING`, from.ID, to.ID, k, a.ID, db.Ms(tx.Now))
	if err != nil || n == 0 {
		return err
	}
	return tellBoth(ctx, tx, a, "ticket.linked", from, to, k)
}

// RemoveLink takes a link away, whichever side it was made from. It appends ticket.unlinked to both.
// Errors: errs.NotFound, errs.Forbidden.
func RemoveLink(ctx context.Context, tx *db.Tx, a auth.Actor, fromID, toID string, k LinkKind) error {
	from, to, err := pair(ctx, tx, a, fromID, toID)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, "DELETE FROM ticket_link WHERE kind = $1 AND (from_id = $2 AND to_id = $3 OR from_id = $3 AND to_id = $2)", k, from.ID, to.ID)
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("link: %w", errs.NotFound)
	}
	return tellBoth(ctx, tx, a, "ticket.unlinked", from, to, k)
}

func pair(ctx context.Context, tx *db.Tx, a auth.Actor, fromID, toID string) (from, to Ticket, err error) {
	if from, err = Find(ctx, tx, a, fromID); err != nil {
		return from, to, err
	}
	if to, err = Find(ctx, tx, a, toID); err != nil {
		return from, to, err
	}
	switch {
	case from.ID == to.ID:
		err = errs.InvalidField("ticket", "ticket.itself")
	case !a.Works(from.TeamID) && !a.Works(to.TeamID):
		err = from.refuse(errs.Forbidden, "ticket.not_your_team")
	}
	return from, to, err
}

func tellBoth(ctx context.Context, tx *db.Tx, a auth.Actor, kind string, from, to Ticket, k LinkKind) error {
	for _, side := range [][2]Ticket{{from, to}, {to, from}} {
		_, err := event.Emit(ctx, tx, a, event.Event{Kind: kind, Ref: side[0].Ref(), Internal: true,
			Data: event.Data{Other: side[1].Ref(), Extra: map[string]string{"kind": string(k), "ref": side[1].Reference(), "subject": side[1].Subject}}})
		if err != nil {
			return err
		}
	}
	return nil
}
