package importing

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
)

// Tickets imports tickets.
type Tickets struct {
	DB       *db.DB
	Blobs    blob.Store
	Base     string            // directory that attachment paths are relative to
	DryRun   bool              // check, change nothing
	Refuse   func(Bad) error   // told of each refused item
	Progress func(done int)    // told now and then
	names    map[string]string // person ids by key
	queues   map[string]ticket.Queue
	tree     ticket.Tree
	made     map[string][]string // what was created inactive, by sort
}

// Report says what an import did.
type Report struct {
	Imported, Skipped, Failed int
	Unknown                   []string            // keys kept in the fields
	Made                      map[string][]string // created inactive: "people", "queues", "categories"
}

// Lines is the report in words, one line a fact; nothing when there is nothing to say.
func (r Report) Lines(l i18n.Loc) []string {
	var out []string
	if len(r.Unknown) > 0 {
		out = append(out, l.T("importing.unknown", "keys", strings.Join(r.Unknown, ", ")))
	}
	for _, sort := range slices.Sorted(maps.Keys(r.Made)) {
		out = append(out, l.T("importing.made."+sort, "count", len(r.Made[sort]), "names", strings.Join(r.Made[sort], ", ")))
	}
	return out
}

// maxLine bounds one ticket with its attachments.
const maxLine = 64 << 20

// errDry undoes the transaction of a dry run.
var errDry = errors.New("dry run")

// Run imports one ticket a line. Each is a transaction of its own, so one that is refused leaves the others alone and
// an import that is cut short keeps what it did.
// Errors: errs.Forbidden unless a administers, and what ends the whole import: a read error, a full disk.
func (t *Tickets) Run(ctx context.Context, a auth.Actor, in io.Reader) (Report, error) {
	rep := Report{Made: make(map[string][]string)}
	if !a.Admin() {
		return rep, fmt.Errorf("import tickets: %w", errs.Forbidden)
	}
	t.names, t.made = make(map[string]string), rep.Made
	if err := t.DB.Read(ctx, func(tx *db.Tx) error { return t.learn(ctx, tx, a) }); err != nil {
		return rep, err
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), []byte("\ufeff")))
		if len(line) == 0 {
			continue
		}
		rec, unknown, err := read(line)
		for _, k := range unknown {
			if !slices.Contains(rep.Unknown, k) {
				rep.Unknown = append(rep.Unknown, k)
			}
		}
		if err == nil {
			err = t.one(ctx, a, rec)
		}
		switch {
		case err == nil:
			rep.Imported++
		case errors.Is(err, ticket.ErrKnown):
			rep.Skipped++
		case refused(err):
			rep.Failed++
			if err := t.Refuse(Bad{n, rec.ExternalID, err}); err != nil {
				return rep, err
			}
		default:
			return rep, fmt.Errorf("line %d: %w", n, err)
		}
		if n%100 == 0 {
			t.Progress(n)
		}
	}
	return rep, lines.Err()
}

// learn reads the queues and categories there are.
func (t *Tickets) learn(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
	all, err := ticket.Queues(ctx, tx, a)
	if err != nil {
		return err
	}
	t.queues = make(map[string]ticket.Queue)
	for _, q := range all {
		t.queues[strings.ToLower(q.Name)] = q
	}
	t.tree, err = ticket.Categories(ctx, tx)
	return err
}

// one imports one record. What it learns on the way (ids of new people) holds only if it is committed.
func (t *Tickets) one(ctx context.Context, a auth.Actor, rec record) error {
	files, err := t.store(ctx, rec)
	if err != nil {
		return err
	}
	names, queues, tree, made := maps.Clone(t.names), maps.Clone(t.queues), slices.Clone(t.tree), maps.Clone(t.made)
	err = t.DB.Write(ctx, func(tx *db.Tx) error {
		im, err := t.compose(ctx, tx, a, rec, files)
		if err != nil {
			return err
		}
		if _, err := ticket.Import(ctx, tx, a, im); err != nil {
			return err
		}
		if t.DryRun {
			return errDry
		}
		return nil
	})
	if err != nil {
		t.names, t.queues, t.tree = names, queues, tree
		if !errors.Is(err, errDry) { // a dry run still tells what it would make
			maps.DeleteFunc(t.made, func(string, []string) bool { return true })
			maps.Copy(t.made, made)
		}
	}
	if errors.Is(err, errDry) {
		return nil
	}
	return err
}

// store keeps the bytes of all attachments, which is harmless when the record is refused later.
func (t *Tickets) store(ctx context.Context, rec record) (map[string]ticket.Attachment, error) {
	out := make(map[string]ticket.Attachment)
	for i, m := range rec.Messages {
		for j, f := range m.Attachments {
			field := fmt.Sprintf("messages.%d.attachments.%d", i, j)
			data, err := f.bytes()
			if f.Path != "" {
				if !filepath.IsLocal(f.Path) {
					return nil, errs.InvalidField(field, "importing.value", "value", f.Path)
				}
				data, err = os.ReadFile(filepath.Join(t.Base, f.Path))
			}
			if err != nil || f.Name == "" {
				return nil, errs.InvalidField(field, "importing.attachment", "name", f.Name)
			}
			if t.DryRun {
				continue
			}
			ref, err := t.Blobs.Put(ctx, bytes.NewReader(data), 0)
			if err != nil {
				return nil, err
			}
			out[fmt.Sprint(i, " ", j)] = ticket.Attachment{Hash: ref.Hash, Size: ref.Size, Name: f.Name, ContentType: blob.Sniff(f.Name, data)}
		}
	}
	return out, nil
}

// compose turns a record into a ticket with its past.
func (t *Tickets) compose(ctx context.Context, tx *db.Tx, a auth.Actor, rec record, files map[string]ticket.Attachment) (ticket.Imported, error) {
	im := ticket.Imported{Tags: rec.Tags, Ticket: ticket.Ticket{ExternalID: rec.ExternalID, Kind: ticket.Kind(rec.Type), Subject: rec.Subject,
		Status: ticket.Status(rec.Status), Impact: rec.Impact, Urgency: rec.Urgency, Priority: rec.Priority, Channel: ticket.Channel(rec.Channel),
		Fields: rec.Fields, CreatedAt: rec.CreatedAt.Time, ResolvedAt: rec.ResolvedAt.Time, ClosedAt: rec.ClosedAt.Time}}
	w := &im.Ticket
	if scale := func(n int) bool { return n >= 1 && n <= 4 }; w.Priority == 0 && scale(w.Impact) && scale(w.Urgency) {
		m, err := ticket.PriorityMatrix(ctx, tx)
		if err != nil {
			return im, err
		}
		w.Priority = m[w.Impact-1][w.Urgency-1]
	}
	if w.Status == ticket.Pending {
		w.PendingOn = ticket.OnThirdParty // the format does not say
	}
	q, err := t.queue(ctx, tx, a, rec.Queue, rec.Level)
	if err != nil {
		return im, err
	}
	w.QueueID, w.Level = q.ID, q.Level
	if rec.Level != 0 {
		w.Level = rec.Level
	}
	if w.RequesterID, err = t.person(ctx, tx, a, rec.Requester); err != nil {
		return im, err
	}
	if rec.Assignee != nil && rec.Assignee.key() != "" {
		if w.AssigneeID, err = t.person(ctx, tx, a, *rec.Assignee); err != nil {
			return im, err
		}
	}
	if w.CategoryID, err = t.category(ctx, tx, a, rec.Category); err != nil {
		return im, err
	}
	if err := t.messages(ctx, tx, a, rec, files, &im); err != nil {
		return im, err
	}
	return im, t.history(ctx, tx, a, rec, &im)
}

func (t *Tickets) messages(ctx context.Context, tx *db.Tx, a auth.Actor, rec record, files map[string]ticket.Attachment, im *ticket.Imported) error {
	if rec.Body != "" || len(rec.Messages) == 0 {
		body := rec.Body
		if text.Blank(body) {
			body = rec.Subject
		}
		im.Messages = append(im.Messages, ticket.ImportedMessage{Message: ticket.Message{AuthorID: im.Ticket.RequesterID, Visibility: ticket.Public,
			Channel: im.Ticket.Channel, Body: body, CreatedAt: rec.CreatedAt.Time}})
	}
	for i, m := range rec.Messages {
		if text.Blank(m.Body) && len(m.Attachments) == 0 { // sources keep such for changes of status
			continue
		}
		author := im.Ticket.RequesterID
		if m.Author.key() != "" {
			var err error
			if author, err = t.person(ctx, tx, a, m.Author); err != nil {
				return err
			}
		}
		at, v := m.At.Time, ticket.Public
		if at.IsZero() {
			at = rec.CreatedAt.Time
		}
		if m.Visibility == string(ticket.Internal) {
			v = ticket.Internal
		}
		out := ticket.ImportedMessage{Message: ticket.Message{AuthorID: author, Visibility: v, Channel: im.Ticket.Channel,
			ByAgent: author != im.Ticket.RequesterID, Body: m.Body, CreatedAt: at}}
		if out.ByAgent && v == ticket.Public && im.Ticket.RespondedAt.IsZero() {
			im.Ticket.RespondedAt = at
		}
		for j := range m.Attachments {
			if f, ok := files[fmt.Sprint(i, " ", j)]; ok {
				out.Files = append(out.Files, f)
			}
		}
		im.Messages = append(im.Messages, out)
	}
	slices.SortStableFunc(im.Messages, func(x, y ticket.ImportedMessage) int { return x.CreatedAt.Compare(y.CreatedAt) })
	return nil
}

// history turns the source's changes into events, with a first one for the opening.
func (t *Tickets) history(ctx context.Context, tx *db.Tx, a auth.Actor, rec record, im *ticket.Imported) error {
	im.Events = append(im.Events, event.Event{Kind: "ticket.created", At: rec.CreatedAt.Time, ActorID: im.Ticket.RequesterID, Actor: rec.Requester.label()})
	var last change
	for _, c := range rec.History {
		e := event.Event{Kind: "ticket.changed", At: c.At.Time, Actor: c.Actor.label()}
		if c.Actor.Email != "" {
			who, err := t.person(ctx, tx, a, c.Actor)
			if err != nil {
				return err
			}
			e.ActorID = who
		}
		add := func(field, from, to string) {
			if to != "" && to != from {
				e.Data.Changes = append(e.Data.Changes, event.Change{Field: field, From: from, To: to})
			}
		}
		add("status", last.State, c.State)
		add("queue", last.Queue, c.Queue)
		add("assignee", last.Assignee, c.Assignee)
		add("level", strings.Trim(string(last.Level), `"`), strings.Trim(string(c.Level), `"`))
		if c.Priority != 0 && c.Priority != last.Priority {
			add("priority", fmt.Sprint(last.Priority), fmt.Sprint(c.Priority))
		}
		if len(e.Data.Changes) > 0 {
			im.Events = append(im.Events, e)
		}
		last = c
	}
	return nil
}

func (p person) label() string {
	if p.Name != "" {
		return p.Name
	}
	return p.Email
}

// person finds somebody, or makes them inactive: an import gives nobody access.
func (t *Tickets) person(ctx context.Context, tx *db.Tx, a auth.Actor, p person) (string, error) {
	key := p.key()
	if known, ok := t.names[key]; ok {
		return known, nil
	}
	var found identity.Person
	var err error
	external := "import-" + strings.ToLower(key)
	if p.Email != "" {
		found, err = identity.FindByEmail(ctx, tx, a, p.Email)
	} else {
		found, err = identity.FindByExternalID(ctx, tx, a, external)
	}
	if errors.Is(err, errs.NotFound) {
		found, err = identity.Insert(ctx, tx, auth.System("import"), identity.Person{Email: p.Email, Name: p.label(), ExternalID: external, External: true}, "")
		if err == nil {
			t.made["people"] = append(t.made["people"], p.label())
		}
	}
	if err != nil {
		return "", err
	}
	t.names[key] = found.ID
	return found.ID, nil
}

// queue finds a queue by name, or makes it inactive for the first team of its level.
func (t *Tickets) queue(ctx context.Context, tx *db.Tx, a auth.Actor, name string, level int) (ticket.Queue, error) {
	if level == 0 {
		level = 1
	}
	if q, ok := t.queues[strings.ToLower(name)]; ok {
		return q, nil
	}
	teams, err := identity.ListTeams(ctx, tx, a)
	if err != nil {
		return ticket.Queue{}, err
	}
	i := slices.IndexFunc(teams, func(x identity.Team) bool { return x.Level == level && x.Active })
	if i < 0 {
		return ticket.Queue{}, errs.InvalidField("level", "ticket.level_without_queue")
	}
	if name == "" {
		for _, q := range t.queues {
			if q.TeamID == teams[i].ID && q.Active {
				return q, nil
			}
		}
		name = teams[i].Name
	}
	q, err := ticket.SaveQueue(ctx, tx, a, ticket.Queue{Name: name, TeamID: teams[i].ID, Position: len(t.queues)})
	if err != nil {
		return q, err
	}
	q.Active = false
	if q, err = ticket.SaveQueue(ctx, tx, a, q); err == nil {
		t.queues[strings.ToLower(name)] = q
		t.made["queues"] = append(t.made["queues"], name)
	}
	return q, err
}

// category finds a path of names in either language, or makes what is missing of it inactive.
func (t *Tickets) category(ctx context.Context, tx *db.Tx, a auth.Actor, path []string) (string, error) {
	parent := ""
	for _, name := range path {
		i := slices.IndexFunc(t.tree, func(c ticket.Category) bool {
			return c.ParentID == parent && (strings.EqualFold(c.NameFR, name) || strings.EqualFold(c.NameEN, name))
		})
		if i >= 0 {
			parent = t.tree[i].ID
			continue
		}
		c, err := ticket.SaveCategory(ctx, tx, a, ticket.Category{ParentID: parent, NameFR: name, NameEN: name, Position: len(t.tree)})
		if err != nil {
			return "", err
		}
		c.Active = false
		if c, err = ticket.SaveCategory(ctx, tx, a, c); err != nil {
			return "", err
		}
		t.tree = append(t.tree, c)
		t.made["categories"] = append(t.made["categories"], name)
		parent = c.ID
	}
	return parent, nil
}
