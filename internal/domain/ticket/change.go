package ticket

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/text"
)

// Patch changes properties; nil leaves one as it is.
type Patch struct {
	Version     int64 // as the author saw it; 0 = whatever is there
	Subject     *string
	Kind        *Kind
	Impact      *int
	Urgency     *int
	Priority    *int // by hand, against the matrix
	CategoryID  *string
	RequesterID *string
	Tags        *[]string
	Fields      map[string]any // only the keys to change; nil values clear
}

// Update applies p and appends ticket.changed with every difference; nothing happens when there is none.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict when p.Version is old, errs.Invalid naming each wrong field.
func Update(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string, p Patch) (Ticket, error) {
	t, err := worked(ctx, tx, a, ticketID, p.Version)
	if err != nil {
		return t, err
	}
	before := t
	wrong, err := t.apply(ctx, tx, p)
	if err != nil {
		return t, err
	}
	if err := errs.InvalidFields(wrong); err != nil {
		return before, fmt.Errorf("change %s: %w", before.Reference(), err)
	}
	changes, err := differences(ctx, tx, before, t)
	if err != nil {
		return t, err
	}
	if p.Tags != nil {
		c, err := changeTags(ctx, tx, t.ID, *p.Tags)
		if err != nil {
			return t, err
		}
		changes = append(changes, c...)
	}
	if len(changes) == 0 {
		return t, nil
	}
	if err := saveAnd(ctx, tx, a, &t, event.Event{Kind: "ticket.changed", Internal: true, Data: event.Data{Changes: changes}}); err != nil {
		return t, err
	}
	if t.RequesterID != before.RequesterID { // asking takes the place of being in copy
		if _, err := tx.ExecContext(ctx, "DELETE FROM watcher WHERE ticket_id = $1 AND person_id = $2", t.ID, t.RequesterID); err != nil {
			return t, err
		}
	}
	return Find(ctx, tx, auth.System("change"), t.ID)
}

func (t *Ticket) apply(ctx context.Context, tx *db.Tx, p Patch) (wrong []errs.Field, err error) {
	if p.Subject != nil {
		t.Subject = text.Line(*p.Subject)
		wrong = append(wrong, checkSubject(t.Subject)...)
	}
	if p.Kind != nil && *p.Kind != t.Kind {
		if p.Kind.series() != t.Kind.series() || *p.Kind != Incident && *p.Kind != Request {
			wrong = append(wrong, errs.Field{Name: "type", Key: "ticket.kind_unknown"})
		}
		t.Kind = *p.Kind
	}
	f, err := t.applyScale(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	wrong = append(wrong, f...)
	chosen := p.CategoryID != nil && *p.CategoryID != t.CategoryID
	if chosen {
		t.CategoryID = text.Clean(*p.CategoryID)
	}
	var path []string
	if chosen || p.Fields != nil {
		if path, f, err = checkCategory(ctx, tx, t.CategoryID, chosen); err != nil {
			return nil, err
		}
		wrong = append(wrong, f...)
	}
	if p.RequesterID != nil {
		t.RequesterID = text.Clean(*p.RequesterID)
		if f, err = checkPerson(ctx, tx, t.RequesterID, "requester"); err != nil {
			return nil, err
		}
		wrong = append(wrong, f...)
	}
	if p.Fields != nil {
		if f, err = t.applyFields(ctx, tx, path, p.Fields); err != nil {
			return nil, err
		}
		wrong = append(wrong, f...)
	}
	return wrong, nil
}

// applyFields changes the custom fields of changes alone: what else is wrong or missing on the ticket, because the
// form was changed since, is no hindrance.
func (t *Ticket) applyFields(ctx context.Context, tx *db.Tx, path []string, changes map[string]any) ([]errs.Field, error) {
	clean, f, err := checkFields(ctx, tx, t.Kind, path, changes)
	if err != nil {
		return nil, err
	}
	values := maps.Clone(t.Fields)
	if values == nil {
		values = make(map[string]any)
	}
	var wrong []errs.Field
	cleared := map[string]bool{}
	for k := range changes {
		cleared["fields."+k] = changes[k] == nil
		if v, ok := clean[k]; ok {
			values[k] = v
		} else {
			delete(values, k)
		}
	}
	for _, one := range f {
		given, touched := cleared[one.Name]
		_, had := t.Fields[strings.TrimPrefix(one.Name, "fields.")]
		switch {
		case one.Key == missingField && !touched: // it was missing before
		case one.Key == "form.error.unknown" && given && had: // the form no longer asks; let it be cleared
		default:
			wrong = append(wrong, one)
		}
	}
	t.Fields = values
	return wrong, nil
}

func (t *Ticket) applyScale(ctx context.Context, tx *db.Tx, p Patch) (wrong []errs.Field, err error) {
	if p.Impact != nil {
		t.Impact = *p.Impact
	}
	if p.Urgency != nil {
		t.Urgency = *p.Urgency
	}
	if wrong = checkScale(t.Impact, t.Urgency); wrong != nil {
		return wrong, nil
	}
	switch {
	case p.Priority != nil:
		t.Priority = *p.Priority
		if t.Priority < 1 || t.Priority > 4 {
			wrong = []errs.Field{{Name: "priority", Key: "ticket.scale"}}
		}
	case p.Impact != nil || p.Urgency != nil:
		t.Priority, err = priority(ctx, tx, t.Impact, t.Urgency)
	}
	return wrong, err
}

// differences lists what changed between two states of a ticket, in words that stay true.
func differences(ctx context.Context, tx *db.Tx, from, to Ticket) ([]event.Change, error) {
	var out []event.Change
	add := func(field, a, b string) {
		if a != b {
			out = append(out, event.Change{Field: field, From: a, To: b})
		}
	}
	add("subject", from.Subject, to.Subject)
	add("kind", string(from.Kind), string(to.Kind))
	add("impact", strconv.Itoa(from.Impact), strconv.Itoa(to.Impact))
	add("urgency", strconv.Itoa(from.Urgency), strconv.Itoa(to.Urgency))
	add("priority", strconv.Itoa(from.Priority), strconv.Itoa(to.Priority))
	add("category", from.CategoryID, to.CategoryID)
	if from.RequesterID != to.RequesterID {
		var name string
		if err := tx.QueryRowContext(ctx, "SELECT name FROM person WHERE id = $1", to.RequesterID).Scan(&name); err != nil {
			return nil, err
		}
		add("requester", from.Requester, name)
	}
	keys := maps.Clone(from.Fields)
	if keys == nil {
		keys = to.Fields
	}
	maps.Copy(keys, to.Fields)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		add("fields."+k, word(from.Fields[k]), word(to.Fields[k]))
	}
	return out, nil
}

func word(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// MaxTags of one ticket.
const MaxTags = 30

func cleanTags(tags []string) ([]string, error) {
	var out []string
	for _, t := range tags {
		t = strings.ToLower(text.Line(t))
		if utf8.RuneCountInString(t) > 60 {
			return nil, errs.InvalidField("tags", "ticket.tag_long", "max", 60)
		}
		if t != "" && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	if len(out) > MaxTags {
		return nil, errs.InvalidField("tags", "ticket.tags_many", "max", MaxTags)
	}
	return out, nil
}

// Tags returns the tags of a ticket, sorted.
func Tags(ctx context.Context, tx *db.Tx, t Ticket) ([]string, error) {
	return db.Strings(ctx, tx, "SELECT tag FROM ticket_tag WHERE ticket_id = $1 ORDER BY tag", t.ID)
}

// TagsOf returns the tags of many tickets by ticket id, sorted, in one statement.
func TagsOf(ctx context.Context, tx *db.Tx, all []Ticket) (map[string][]string, error) {
	out := make(map[string][]string)
	if len(all) == 0 {
		return out, nil
	}
	list := make([]string, len(all))
	for i, t := range all {
		list[i] = t.ID
	}
	type pair struct{ ticket, tag string }
	rows, err := db.All(ctx, tx, func(r db.Row, p *pair) error { return r.Scan(&p.ticket, &p.tag) },
		"SELECT ticket_id, tag FROM ticket_tag WHERE "+tx.In("ticket_id", 1)+" ORDER BY ticket_id, tag", db.List(list))
	for _, p := range rows {
		out[p.ticket] = append(out[p.ticket], p.tag)
	}
	return out, err
}

func setTags(ctx context.Context, tx *db.Tx, ticketID string, tags []string) error {
	if len(tags) == 0 {
		return nil
	}
	_, err := changeTags(ctx, tx, ticketID, tags)
	return err
}

func changeTags(ctx context.Context, tx *db.Tx, ticketID string, tags []string) ([]event.Change, error) {
	want, err := cleanTags(tags)
	if err != nil {
		return nil, err
	}
	have, err := db.Strings(ctx, tx, "SELECT tag FROM ticket_tag WHERE ticket_id = $1 ORDER BY tag", ticketID)
	if err != nil {
		return nil, err
	}
	slices.Sort(want)
	if slices.Equal(have, want) {
		return nil, nil
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM ticket_tag WHERE ticket_id = $1", ticketID); err != nil {
		return nil, err
	}
	for _, tag := range want {
		if _, err := tx.ExecContext(ctx, "INSERT INTO ticket_tag (ticket_id, tag) VALUES ($1, $2)", ticketID, tag); err != nil {
			return nil, err
		}
	}
	return []event.Change{{Field: "tags", From: strings.Join(have, ", "), To: strings.Join(want, ", ")}}, nil
}

// KnownTags returns up to limit tags in use that begin with prefix.
func KnownTags(ctx context.Context, tx *db.Tx, a auth.Actor, prefix string, limit int) ([]string, error) {
	if !a.Agent() {
		return nil, fmt.Errorf("tags: %w", errs.Forbidden)
	}
	like := strings.TrimPrefix(db.LikePattern(strings.ToLower(text.Line(prefix))), "%")
	return db.Strings(ctx, tx, `SELECT DISTINCT tag FROM ticket_tag WHERE tag LIKE $1 ESCAPE '\' ORDER BY tag LIMIT $2`, like, limit)
}
