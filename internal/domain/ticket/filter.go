package ticket

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/text"
)

// Filter chooses tickets. Every field narrows; the zero Filter chooses all that the actor may see.
type Filter struct {
	Q            string    `json:"q,omitempty"` // reference, or words that all stand in the subject
	Statuses     []Status  `json:"statuses,omitempty"`
	Active       bool      `json:"active,omitempty"` // new, open or pending
	Kinds        []Kind    `json:"kinds,omitempty"`
	Queues       []string  `json:"queues,omitempty"`
	Level        int       `json:"level,omitempty"`
	Assignee     string    `json:"assignee,omitempty"` // person id, "me" or "none"
	Requester    string    `json:"requester,omitempty"`
	Categories   []string  `json:"categories,omitempty"` // these alone; see Tree.Below
	Priority     int       `json:"priority,omitempty"`   // this or higher
	Tag          string    `json:"tag,omitempty"`
	MyTeams      bool      `json:"my_teams,omitempty"`      // in queues of the actor's teams
	Mentioned    bool      `json:"mentioned,omitempty"`     // the actor is
	Watched      bool      `json:"watched,omitempty"`       // by the actor
	ResolvedDays int       `json:"resolved_days,omitempty"` // resolved and so for at most this many days
	Due          Due       `json:"due,omitempty"`           // of active ones alone
	Site         string    `json:"site,omitempty"`          // of the requester
	UpdatedSince time.Time `json:"updated_since,omitzero"`
	ExternalID   string    `json:"external_id,omitempty"`
}

// Due says how close the next promised moment is.
type Due string

// The distances.
const (
	DueSoon Due = "soon" // late, or within SoonBefore
	DueLate Due = "late" // over
)

// SoonBefore is how long before a promised moment a ticket counts as soon late.
const SoonBefore = 2 * time.Hour

// nextDue is Ticket.NextDue as the index ticket_due has it; what is not promised comes last.
var nextDue = "(CASE WHEN t.responded_at = 0 AND t.due_response_at > 0 AND (t.due_resolution_at = 0 OR t.due_response_at < t.due_resolution_at) THEN t.due_response_at" +
	" WHEN t.due_resolution_at > 0 THEN t.due_resolution_at ELSE " + strconv.Itoa(neverDue) + " END)"

// byDue lets the indexes over nextDue be used.
const byDue = "t.active AND t.urgency > 0"

// neverDue is nextDue where nothing is promised, in ms: the index has it so.
const neverDue = 9_000_000_000_000_000

// Sort orders a list.
type Sort string

// The orders. Each ends with the id, so that pages never skip or repeat.
const (
	ByUpdated  Sort = "updated"  // latest change first
	ByCreated  Sort = "created"  // newest first
	ByPriority Sort = "priority" // most urgent first, then the longest untouched
	ByOldest   Sort = "oldest"   // longest untouched first
	ByDue      Sort = "due"      // what is promised soonest first; of active tickets alone
)

// Sorts lists all orders as pages offer them.
func Sorts() []Sort { return []Sort{ByUpdated, ByCreated, ByPriority, ByOldest, ByDue} }

// Sorts lists the orders that a list of f may have.
func (f Filter) Sorts() []Sort {
	if f.Active {
		return Sorts()
	}
	return slices.DeleteFunc(Sorts(), func(s Sort) bool { return s == ByDue })
}

// Page asks for part of a list.
type Page struct {
	Sort   Sort   // "" = ByUpdated
	Limit  int    // 0 = 50; at most 200
	Cursor string // "" = from the beginning; else what List returned
}

// where builds a condition and its arguments.
type where struct {
	tx    *db.Tx
	conds []string
	args  []any
	// latest is true when tickets are searched by words.
	latest bool
}

func (w *where) arg(v any) string {
	if s, ok := v.(string); ok {
		v = text.Clean(s) // PostgreSQL refuses what is not UTF-8, and zero bytes
	}
	w.args = append(w.args, v)
	return "$" + strconv.Itoa(len(w.args))
}

func (w *where) add(cond string) { w.conds = append(w.conds, cond) }

// oneOf adds "column is one of items".
func oneOf[T ~string](w *where, column string, items []T) {
	switch len(items) {
	case 0:
	case 1: // lets the planner use the column's own index
		w.add(column + " = " + w.arg(string(items[0])))
	default:
		clean := make([]string, len(items))
		for i, s := range items {
			clean[i] = text.Clean(string(s))
		}
		w.args = append(w.args, db.List(clean))
		w.add(w.tx.In(column, len(w.args)))
	}
}

// see adds "a may see it": what visible says, in the shape that the planner does best with for this actor and filter.
func (w *where) see(a auth.Actor, f Filter) {
	switch {
	case a.Admin(), a.ID != "" && f.Requester == a.ID: // everything, and everything of one's own
	case a.Agent():
		me := w.arg(a.ID)
		w.add("(NOT q.private OR EXISTS (SELECT 1 FROM team_member m WHERE m.team_id = q.team_id AND m.person_id = " + me + ") OR " + takesPart(me) + ")")
	default:
		w.add(takesPart(w.arg(a.ID)))
	}
}

// takesPart is the condition "me asked for t or is in copy". It gathers me's few tickets once, rather than looking at
// each of very many.
func takesPart(me string) string {
	return "t.id IN (SELECT x.id FROM ticket x WHERE x.requester_id = " + me +
		" UNION ALL SELECT w.ticket_id FROM watcher w WHERE w.person_id = " + me + ")"
}

func (w *where) filter(f Filter, a auth.Actor) {
	switch {
	case len(f.Statuses) == 1 && f.Statuses[0] == Pending: // as its index says it
		w.add("t.status = 'pending'")
	case f.Active:
		w.add("t.active")
		fallthrough
	default:
		oneOf(w, "t.status", f.Statuses)
	}
	if len(f.Kinds) == 1 && f.Kinds[0] == Problem { // as its index says it
		w.add("t.kind = 'problem'")
	} else {
		oneOf(w, "t.kind", f.Kinds)
	}
	oneOf(w, "t.queue_id", f.Queues)
	if f.Level != 0 {
		w.add("t.level = " + w.arg(f.Level))
	}
	switch f.Assignee {
	case "":
	case "me":
		w.add("t.assignee_id = " + w.arg(a.ID))
	case "none":
		w.add("t.assignee_id IS NULL")
	default:
		w.add("t.assignee_id = " + w.arg(f.Assignee))
	}
	if f.Requester != "" {
		w.add("t.requester_id = " + w.arg(f.Requester))
	}
	oneOf(w, "t.category_id", f.Categories)
	if f.Priority != 0 {
		w.add("t.priority <= " + w.arg(f.Priority))
	}
	if f.ExternalID != "" {
		w.add("t.external_id = " + w.arg(f.ExternalID))
	}
	if !f.UpdatedSince.IsZero() {
		w.add("t.updated_at >= " + w.arg(db.Ms(f.UpdatedSince)))
	}
	w.filterMore(f, a)
	w.search(f.Q)
}

func (w *where) filterMore(f Filter, a auth.Actor) {
	if f.Tag != "" {
		w.add("EXISTS (SELECT 1 FROM ticket_tag g WHERE g.ticket_id = t.id AND g.tag = " + w.arg(strings.ToLower(f.Tag)) + ")")
	}
	if f.MyTeams {
		w.add("t.queue_id IN (SELECT y.id FROM team_member z JOIN queue y ON y.team_id = z.team_id WHERE z.person_id = " + w.arg(a.ID) + ")")
	}
	if f.Mentioned {
		w.add("t.id IN (SELECT n.ticket_id FROM mention n WHERE n.person_id = " + w.arg(a.ID) + ")")
	}
	if f.Watched {
		w.add("t.id IN (SELECT z.ticket_id FROM watcher z WHERE z.person_id = " + w.arg(a.ID) + ")")
	}
	if f.ResolvedDays > 0 {
		w.add("t.status = 'resolved' AND t.resolved_at >= " + w.arg(db.Ms(w.tx.Now.AddDate(0, 0, -f.ResolvedDays))))
	}
	switch f.Due {
	case DueSoon:
		w.add(byDue + " AND " + nextDue + " <= " + w.arg(db.Ms(w.tx.Now.Add(SoonBefore))))
	case DueLate:
		w.add(byDue + " AND " + nextDue + " <= " + w.arg(db.Ms(w.tx.Now)))
	}
	if f.Site != "" {
		w.add("r.site = " + w.arg(f.Site))
	}
}

// fromLatest bounds how many of the latest tickets a search by words looks at, so that its cost does not grow with the
// history. It is read from the index ticket_updated alone, which holds the folded subject for this. Searching
// everything, by meaning, is the search room's.
const fromLatest = "FROM (SELECT id, updated_at, subject_fold FROM ticket ORDER BY updated_at DESC, id DESC LIMIT 20000) u"

func (w *where) search(q string) {
	if series, number, ok := ParseReference(q); ok {
		w.add("t.series = " + w.arg(series) + " AND t.number = " + w.arg(number))
		return
	}
	words := strings.Fields(text.Fold(text.Clean(q)))
	if len(words) == 0 {
		return
	}
	for _, word := range words[:min(len(words), 8)] {
		w.add("u.subject_fold LIKE " + w.arg(db.LikePattern(word)) + ` ESCAPE '\'`)
	}
	w.add("t.id = u.id")
	w.latest = true
}

// from is where ticket t comes from: the latest alone when words are searched, in their order.
func (w *where) from() string {
	if w.latest {
		return " " + fromLatest + " CROSS JOIN ticket t"
	}
	return " FROM ticket t"
}

func (w *where) String() string {
	if len(w.conds) == 0 {
		return " WHERE TRUE"
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}

type cursor struct {
	Sort Sort   `json:"s"`
	P    int    `json:"p,omitempty"`
	At   int64  `json:"a"`
	ID   string `json:"i"`
}

func (s Sort) order() string {
	switch s {
	case ByCreated:
		return "t.id DESC"
	case ByPriority:
		return "t.priority, t.updated_at, t.id"
	case ByOldest:
		return "t.updated_at, t.id"
	case ByDue:
		return nextDue + ", t.id"
	default:
		return "t.updated_at DESC, t.id DESC"
	}
}

// after adds "comes after the cursor in the order".
func (w *where) after(c cursor) {
	switch c.Sort {
	case ByCreated:
		w.add("t.id < " + w.arg(c.ID))
	case ByPriority:
		w.add("(t.priority, t.updated_at, t.id) > (" + w.arg(c.P) + ", " + w.arg(c.At) + ", " + w.arg(c.ID) + ")")
	case ByOldest:
		w.add("(t.updated_at, t.id) > (" + w.arg(c.At) + ", " + w.arg(c.ID) + ")")
	case ByDue:
		w.add("(" + nextDue + ", t.id) > (" + w.arg(c.At) + ", " + w.arg(c.ID) + ")")
	default:
		w.add("(t.updated_at, t.id) < (" + w.arg(c.At) + ", " + w.arg(c.ID) + ")")
	}
}

// List returns the tickets of a filter that a may see, in one query, and the cursor of the next page, "" at the end.
// Errors: errs.Invalid (sort, cursor).
func List(ctx context.Context, tx *db.Tx, a auth.Actor, f Filter, p Page) ([]Ticket, string, error) {
	q, args, err := listQuery(tx, a, f, &p)
	if err != nil {
		return nil, "", err
	}
	all, err := db.All(ctx, tx, scan, q, args...)
	if err != nil || len(all) <= p.Limit {
		return all, "", err
	}
	all = all[:p.Limit]
	last := all[p.Limit-1]
	at := db.Ms(last.UpdatedAt)
	if p.Sort == ByDue {
		if at = neverDue; !last.NextDue().IsZero() {
			at = db.Ms(last.NextDue())
		}
	}
	b, err := json.Marshal(cursor{p.Sort, last.Priority, at, last.ID})
	if err != nil {
		return nil, "", err
	}
	return all, base64.RawURLEncoding.EncodeToString(b), nil
}

// listQuery is the query of a page and one ticket more, with its arguments. It fills in the defaults of p.
func listQuery(tx *db.Tx, a auth.Actor, f Filter, p *Page) (string, []any, error) {
	if p.Limit <= 0 {
		p.Limit = 50
	}
	p.Limit = min(p.Limit, 200)
	if p.Sort == "" {
		p.Sort = ByUpdated
	}
	if !slices.Contains(Sorts(), p.Sort) {
		return "", nil, errs.InvalidField("sort", "ticket.sort_unknown")
	}
	if !slices.Contains(f.Sorts(), p.Sort) {
		return "", nil, errs.InvalidField("sort", "ticket.sort_due")
	}
	w := &where{tx: tx}
	w.see(a, f)
	w.filter(f, a)
	if p.Cursor != "" {
		b, err := base64.RawURLEncoding.DecodeString(p.Cursor)
		var c cursor
		if err != nil || json.Unmarshal(b, &c) != nil || c.Sort != p.Sort {
			return "", nil, errs.InvalidField("cursor", "ticket.cursor")
		}
		w.after(c)
	}
	if p.Sort == ByDue {
		w.add(byDue)
	}
	order := p.Sort.order()
	if w.latest && p.Sort == ByUpdated { // spares PostgreSQL sorting what it has in order
		order = "u.updated_at DESC, u.id DESC"
	}
	return "SELECT " + columns + w.from() + neighbours + w.String() + " ORDER BY " + order + " LIMIT " + w.arg(p.Limit+1), w.args, nil
}
