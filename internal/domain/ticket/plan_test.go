package ticket_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/domain/ticket"
)

// plan explains a query.
func plan(ctx context.Context, tx *db.Tx, q string, args []any) ([]string, error) {
	if tx.Engine() == db.Postgres {
		return db.Strings(ctx, tx, "EXPLAIN "+q, args...)
	}
	return db.All(ctx, tx, func(r db.Row, s *string) error {
		var id, parent, unused int
		return r.Scan(&id, &parent, &unused, s)
	}, "EXPLAIN QUERY PLAN "+q, args...)
}

// builtIn is every view of an agent: those of the desk and the queues.
func builtIn() (all []ticket.Filter) {
	for _, v := range ticket.BuiltIn() {
		all = append(all, v.Filter)
	}
	for _, q := range []string{"q1", "q2", "qp"} {
		all = append(all, ticket.OfQueue(ticket.Queue{ID: q}).Filter)
	}
	return all
}

func view(id string) ticket.View {
	all := ticket.BuiltIn()
	return all[slices.IndexFunc(all, func(v ticket.View) bool { return v.ID == id })]
}

func TestNoListReadsAWholeTable(t *testing.T) {
	type query struct {
		index string // that SQLite must use
		build func(tx *db.Tx) (string, []any)
	}
	list := func(a auth.Actor, f ticket.Filter, s ticket.Sort) func(tx *db.Tx) (string, []any) {
		return func(tx *db.Tx) (string, []any) {
			q, args, err := ticket.ListQuery(tx, a, f, &ticket.Page{Sort: s})
			if err != nil {
				t.Error(err)
			}
			return q, args
		}
	}
	text := func(q string, args ...any) func(*db.Tx) (string, []any) {
		return func(*db.Tx) (string, []any) { return q, args }
	}
	queries := map[string]query{
		"a queue":               {"ticket_queue", list(paul, ticket.OfQueue(ticket.Queue{ID: "q1"}).Filter, "")},
		"a queue, oldest first": {"ticket_queue", list(paul, ticket.OfQueue(ticket.Queue{ID: "q1"}).Filter, ticket.ByOldest)},
		"a queue, by priority":  {"ticket_queue_priority", list(paul, ticket.OfQueue(ticket.Queue{ID: "q1"}).Filter, ticket.ByPriority)},
		"mine":                  {"ticket_assignee", list(paul, ticket.Filter{Active: true, Assignee: "me"}, "")},
		"just resolved":         {"ticket_resolver", list(paul, ticket.Filter{ResolvedDays: 7, Assignee: "me"}, "")},
		"active":                {"ticket_active", list(paul, ticket.Filter{Active: true}, "")},
		"a requester's":         {"ticket_requester", list(ann, ticket.Filter{Requester: "ann"}, "")},
		"what a requester sees": {"ticket_requester", list(ann, ticket.Filter{}, "")},
		"active, for requester": {"ticket_requester", list(ann, ticket.Filter{Active: true}, "")},
		"of a requester":        {"ticket_requester", list(paul, ticket.Filter{Requester: "ann"}, "")},
		"mentioned":             {"n USING PRIMARY KEY (person_id=?)", list(paul, ticket.Filter{Active: true, Mentioned: true}, "")},
		"watched":               {"watcher_person", list(paul, ticket.Filter{Active: true, Watched: true}, "")},
		"by reference":          {"ticket_number", list(paul, ticket.Filter{Q: "INC-1000500"}, "")},
		"by words":              {"COVERING INDEX ticket_updated", list(paul, ticket.Filter{Q: "imprimante 77"}, "")},
		"counts":                {"ticket_queue", func(tx *db.Tx) (string, []any) { return ticket.CountsQuery(tx, paul, builtIn()) }},
		"counts of queues":      {"ticket_free", func(tx *db.Tx) (string, []any) { return ticket.LoadsQuery(paul, true) }},
		"mine that wait":        {"ticket_waiting", list(paul, view("pending").Filter, "")},
		"problems":              {"ticket_problem", list(paul, view("problems").Filter, "")},
		"count of problems": {"ticket_problem", func(tx *db.Tx) (string, []any) {
			return ticket.CountsQuery(tx, paul, []ticket.Filter{view("problems").Filter})
		}},
		"due soon":           {"ticket_queue_due (queue_id=? AND <expr><?)", list(paul, view("late").Filter, ticket.ByDue)},
		"a queue, due first": {"ticket_queue_due", list(paul, ticket.OfQueue(ticket.Queue{ID: "q1"}).Filter, ticket.ByDue)},
		"count of due soon": {"ticket_queue_due (queue_id=? AND <expr><?)", func(tx *db.Tx) (string, []any) {
			return ticket.CountsQuery(tx, paul, []ticket.Filter{view("late").Filter})
		}},
		"active, due first": {"ticket_due", list(paul, ticket.Filter{Active: true}, ticket.ByDue)},
		"conversation":      {"message_ticket", text(ticket.ConversationQuery, "t000000077", true, "paul")},
		"a ticket":          {"ticket", text("SELECT "+ticket.FindColumns+" WHERE t.id = $1", "t000000077")},
		"a history":         {"event_ref", text("SELECT id FROM event e WHERE e.ref = $1 ORDER BY e.id", "ticket/t000000077")},
	}
	each(t, func(h *house) {
		h.do(func(ctx context.Context, tx *db.Tx) error { return fill(ctx, tx, 20_000, 1) })
		check := func(name string, q query) {
			h.read(func(ctx context.Context, tx *db.Tx) error {
				text, args := q.build(tx)
				lines, err := plan(ctx, tx, text, args)
				if err != nil {
					return err
				}
				all := strings.Join(lines, "\n")
				for _, l := range lines {
					for _, table := range []string{"ticket", "message", "event"} {
						if strings.Contains(l, "Seq Scan on "+table+" ") || strings.HasSuffix(l, "Seq Scan on "+table) {
							h.Errorf("%s reads all of %s:\n%s", name, table, all)
						}
					}
					// A scan in the order of an index ends with the page; one without is of the table.
					if f := strings.Fields(l); len(f) > 1 && f[0] == "SCAN" && len(f[1]) == 1 && strings.Contains("tmexu", f[1]) && !strings.Contains(l, "USING") && !strings.Contains(all, "CO-ROUTINE u") {
						h.Errorf("%s: %s in\n%s", name, l, all)
					}
				}
				if tx.Engine() == db.SQLite && !strings.Contains(all, q.index) {
					h.Errorf("%s does not use %s:\n%s", name, q.index, all)
				}
				return nil
			})
		}
		if h.d.Engine == db.SQLite { // it may never have been analysed
			for name, q := range queries {
				check(name, q)
			}
		}
		h.do(func(ctx context.Context, tx *db.Tx) error { _, err := tx.ExecContext(ctx, "ANALYZE"); return err })
		for name, q := range queries {
			if h.d.Engine == db.SQLite || name != "by words" { // PostgreSQL rightly reads all when it is to look at all
				check(name, q)
			}
		}
	})
}
