package ticket_test

import (
	"context"
	"fmt"

	"entraide/internal/base/db"
)

// fill makes n tickets of the people of the world with perTicket messages and one event each, inside the database:
// one in fifty is active, one in ten of ann's, spread over the queues.
func fill(ctx context.Context, tx *db.Tx, n, perTicket int) error {
	numbers := fmt.Sprintf("WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < %d)", n)
	if tx.Engine() == db.Postgres {
		numbers = fmt.Sprintf("WITH k (i) AS (SELECT generate_series(1, %d))", n)
	}
	id := func(prefix string) string {
		return "'" + prefix + "' || substr('000000000' || i, length('000000000' || i) - 8)"
	}
	if tx.Engine() == db.Postgres {
		id = func(prefix string) string { return "'" + prefix + "' || lpad(i::text, 9, '0')" }
	}
	base := noon.UnixMilli()
	statements := []string{
		"INSERT INTO ticket (id, series, number, kind, subject, subject_fold, status, active, impact, urgency, priority, queue_id, level, assignee_id, requester_id, channel, messages, resolved_at, created_at, updated_at) " +
			numbers + " SELECT " + id("t") + ", 'T', i + 1000000, 'incident', 'Imprimante du bureau numéro ' || i || ' en panne', 'imprimante du bureau numero ' || i || ' en panne', " +
			"CASE WHEN i % 50 = 0 THEN 'open' WHEN i % 50 = 1 THEN 'resolved' ELSE 'closed' END, i % 50 = 0, 3, 3, 1 + i % 4, " +
			"CASE i % 3 WHEN 0 THEN 'q1' WHEN 1 THEN 'q2' ELSE 'qp' END, 1, CASE WHEN i % 100 < 50 THEN 'paul' ELSE NULL END, " +
			fmt.Sprintf("CASE WHEN i %% 1000 = 0 THEN 'ann' ELSE 'ben' END, 'portal', %d, CASE WHEN i %% 50 = 0 THEN 0 ELSE %d - CAST(i AS BIGINT) * 60000 END, %d - CAST(i AS BIGINT) * 60000, %d - CAST(i AS BIGINT) * 60000 FROM k",
				perTicket, base, base, base),
		"INSERT INTO event (id, at, kind, ref, actor_id, actor, cause, internal, data) " + numbers + " SELECT " + id("e") +
			fmt.Sprintf(", %d, 'ticket.created', 'ticket/' || ", base) + id("t") + ", 'ben', 'Ben Roux', '', FALSE, '{}' FROM k",
	}
	for j := range perTicket {
		statements = append(statements, "INSERT INTO message (id, ticket_id, author_id, visibility, channel, by_agent, body, created_at) "+numbers+
			" SELECT "+id(fmt.Sprintf("m%02d", j))+", "+id("t")+fmt.Sprintf(", 'ben', 'public', 'portal', FALSE, 'Bonjour, l''imprimante ne répond plus depuis ce matin. Merci.', %d FROM k", base+int64(j)))
	}
	for _, s := range statements {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%.60s: %w", s, err)
		}
	}
	return nil
}
