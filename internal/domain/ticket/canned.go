package ticket

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// CannedReply is a text agents insert with "/".
type CannedReply struct {
	ID         string
	Title      string
	Body       string // Markdown with {{variables}}, see Fill
	Lang       string // "fr" or "en"
	TeamID     string // "" = every agent
	OwnerID    string // of a personal one, which nobody else sees; "" = a team's or everybody's
	CategoryID string // what it is about; "" = anything
	Version    int64
}

// MayKeepReplies returns nil if a may write canned replies of a team; "" = of everybody.
// Errors: errs.Forbidden.
func MayKeepReplies(a auth.Actor, teamID string) error {
	if a.Admin() || teamID != "" && a.Leads(teamID) {
		return nil
	}
	return fmt.Errorf("canned replies: %w", errs.Forbidden)
}

// MayKeep returns nil if a may write c: their own, else as MayKeepReplies.
// Errors: errs.Forbidden.
func (c CannedReply) MayKeep(a auth.Actor) error {
	if c.OwnerID == "" {
		return MayKeepReplies(a, c.TeamID)
	}
	if a.Agent() && c.OwnerID == a.ID {
		return nil
	}
	return fmt.Errorf("canned reply of somebody else: %w", errs.Forbidden)
}

// CannedReplies returns those that a may use whose title contains q, by title; the whole list when q is "".
func CannedReplies(ctx context.Context, tx *db.Tx, a auth.Actor, q string) ([]CannedReply, error) {
	if !a.Agent() {
		return nil, nil
	}
	all, err := db.All(ctx, tx, func(r db.Row, c *CannedReply) error {
		return r.Scan(&c.ID, &c.Title, &c.Body, &c.Lang, &c.TeamID, &c.OwnerID, &c.CategoryID, &c.Version)
	}, `SELECT c.id, c.title, c.body, c.lang, coalesce(c.team_id, ''), coalesce(c.owner_id, ''), coalesce(c.category_id, ''), c.version FROM canned_reply c
		WHERE c.owner_id = $1 OR c.owner_id IS NULL AND
			($2 OR c.team_id IS NULL OR EXISTS (SELECT 1 FROM team_member m WHERE m.team_id = c.team_id AND m.person_id = $1))
		ORDER BY c.title, c.id`, a.ID, a.Admin())
	if q = text.Fold(q); q == "" || err != nil {
		return all, err
	}
	var out []CannedReply
	for _, c := range all {
		if strings.Contains(text.Fold(c.Title), q) {
			out = append(out, c)
		}
	}
	return out, nil
}

// SaveCannedReply creates c when it has no id, else changes it at its version.
// Errors: errs.Forbidden, errs.Invalid (title, body, lang), errs.Conflict.
func SaveCannedReply(ctx context.Context, tx *db.Tx, a auth.Actor, c CannedReply) (CannedReply, error) {
	if err := c.MayKeep(a); err != nil {
		return c, err
	}
	c.Title, c.Body = text.Line(c.Title), text.Clean(c.Body)
	var wrong []errs.Field
	if c.Title == "" || utf8.RuneCountInString(c.Title) > 120 {
		wrong = append(wrong, errs.Field{Name: "title", Key: "ticket.name_length", Args: []any{"max", 120}})
	}
	wrong = append(wrong, checkBody("body", c.Body, "")...)
	if c.Lang != "fr" && c.Lang != "en" {
		wrong = append(wrong, errs.Field{Name: "lang", Key: "ticket.lang_unknown"})
	}
	if c.OwnerID != "" {
		c.TeamID = ""
	}
	if c.CategoryID != "" {
		tree, err := Categories(ctx, tx)
		if err != nil {
			return c, err
		}
		if _, ok := tree.Find(c.CategoryID); !ok {
			wrong = append(wrong, errs.Field{Name: "category", Key: "ticket.category_unknown"})
		}
	}
	if err := errs.InvalidFields(wrong); err != nil {
		return c, err
	}
	if c.ID == "" {
		c.ID, c.Version = id.New(), 1
		_, err := tx.ExecContext(ctx, "INSERT INTO canned_reply (id, title, body, lang, team_id, owner_id, category_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
			c.ID, c.Title, c.Body, c.Lang, db.Null(c.TeamID), db.Null(c.OwnerID), db.Null(c.CategoryID), db.Ms(tx.Now))
		return c, unknownTeam(err)
	}
	was, err := keptReply(ctx, tx, c.ID)
	if err != nil {
		return c, err
	}
	if err := was.MayKeep(a); err != nil {
		return c, err
	}
	n, err := tx.Exec(ctx, `UPDATE canned_reply SET title = $1, body = $2, lang = $3, team_id = $4, owner_id = $5, category_id = $6, version = version + 1
		WHERE id = $7 AND version = $8`, c.Title, c.Body, c.Lang, db.Null(c.TeamID), db.Null(c.OwnerID), db.Null(c.CategoryID), c.ID, c.Version)
	if err == nil && n == 0 {
		return c, errs.Because(errs.Conflict, "ticket.settings_stale")
	}
	c.Version++
	return c, unknownTeam(err)
}

// keptReply returns whose a canned reply is. Errors: errs.NotFound.
func keptReply(ctx context.Context, tx *db.Tx, replyID string) (CannedReply, error) {
	return db.One(ctx, tx, func(r db.Row, c *CannedReply) error { return r.Scan(&c.TeamID, &c.OwnerID) },
		"SELECT coalesce(team_id, ''), coalesce(owner_id, '') FROM canned_reply WHERE id = $1", replyID)
}

// DeleteCannedReply forgets a canned reply.
// Errors: errs.NotFound, errs.Forbidden.
func DeleteCannedReply(ctx context.Context, tx *db.Tx, a auth.Actor, replyID string) error {
	was, err := keptReply(ctx, tx, replyID)
	if err != nil {
		return err
	}
	if err := was.MayKeep(a); err != nil {
		return err
	}
	return tx.ExecOne(ctx, "DELETE FROM canned_reply WHERE id = $1", replyID)
}

// Fill replaces the variables of a canned reply: {{requester.name}}, {{requester.first_name}}, {{ticket.reference}},
// {{ticket.subject}}, {{agent.name}}, {{agent.first_name}}. Unknown ones stay, so that their author sees them.
func (c CannedReply) Fill(t Ticket, a auth.Actor) string {
	return strings.NewReplacer(
		"{{requester.name}}", t.Requester, "{{requester.first_name}}", text.FirstName(t.Requester),
		"{{ticket.reference}}", t.Reference(), "{{ticket.subject}}", t.Subject,
		"{{agent.name}}", a.Name, "{{agent.first_name}}", text.FirstName(a.Name),
	).Replace(c.Body)
}
