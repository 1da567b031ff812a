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
	ID      string
	Title   string
	Body    string // Markdown with {{variables}}, see Fill
	Lang    string // "fr" or "en"
	TeamID  string // "" = every agent
	Version int64
}

// MayKeepReplies returns nil if a may write canned replies of a team; "" = of everybody.
// Errors: errs.Forbidden.
func MayKeepReplies(a auth.Actor, teamID string) error {
	if a.Admin() || teamID != "" && a.Leads(teamID) {
		return nil
	}
	return fmt.Errorf("canned replies: %w", errs.Forbidden)
}

// CannedReplies returns those that a may use whose title contains q, by title; the whole list when q is "".
func CannedReplies(ctx context.Context, tx *db.Tx, a auth.Actor, q string) ([]CannedReply, error) {
	if !a.Agent() {
		return nil, nil
	}
	all, err := db.All(ctx, tx, func(r db.Row, c *CannedReply) error {
		return r.Scan(&c.ID, &c.Title, &c.Body, &c.Lang, &c.TeamID, &c.Version)
	}, `SELECT c.id, c.title, c.body, c.lang, coalesce(c.team_id, ''), c.version FROM canned_reply c
		WHERE $1 OR c.team_id IS NULL OR EXISTS (SELECT 1 FROM team_member m WHERE m.team_id = c.team_id AND m.person_id = $2)
		ORDER BY c.title, c.id`, a.Admin(), a.ID)
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
	if err := MayKeepReplies(a, c.TeamID); err != nil {
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
	if err := errs.InvalidFields(wrong); err != nil {
		return c, err
	}
	if c.ID == "" {
		c.ID, c.Version = id.New(), 1
		_, err := tx.ExecContext(ctx, "INSERT INTO canned_reply (id, title, body, lang, team_id, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
			c.ID, c.Title, c.Body, c.Lang, db.Null(c.TeamID), db.Ms(tx.Now))
		return c, unknownTeam(err)
	}
	was, err := db.One(ctx, tx, func(r db.Row, s *string) error { return r.Scan(s) }, "SELECT coalesce(team_id, '') FROM canned_reply WHERE id = $1", c.ID)
	if err != nil {
		return c, err
	}
	if err := MayKeepReplies(a, was); err != nil {
		return c, err
	}
	n, err := tx.Exec(ctx, "UPDATE canned_reply SET title = $1, body = $2, lang = $3, team_id = $4, version = version + 1 WHERE id = $5 AND version = $6",
		c.Title, c.Body, c.Lang, db.Null(c.TeamID), c.ID, c.Version)
	if err == nil && n == 0 {
		return c, errs.Because(errs.Conflict, "ticket.settings_stale")
	}
	c.Version++
	return c, unknownTeam(err)
}

// DeleteCannedReply forgets a canned reply.
// Errors: errs.NotFound, errs.Forbidden.
func DeleteCannedReply(ctx context.Context, tx *db.Tx, a auth.Actor, replyID string) error {
	team, err := db.One(ctx, tx, func(r db.Row, s *string) error { return r.Scan(s) }, "SELECT coalesce(team_id, '') FROM canned_reply WHERE id = $1", replyID)
	if err != nil {
		return err
	}
	if err := MayKeepReplies(a, team); err != nil {
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
