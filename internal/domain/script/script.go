package script

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// Script is a decision tree with its draft.
type Script struct {
	ID         string
	Name       Text
	Lead       Text     // when it helps, in a line
	Words      string   // by which it is found as well
	Categories []string // ids; tickets of these and of those below them are offered it
	Draft      Tree
	Revision   int  // in force; 0 = never published
	Active     bool // offered to technicians
	Created    time.Time
	Updated    time.Time
	Version    int64 // grows by one at each save
}

// Ref is how other rooms name the script.
func (s Script) Ref() string { return "script/" + s.ID }

// Revision is what was published once.
type Revision struct {
	Number int
	Tree   Tree
	ByID   string // who published it
	At     time.Time
}

// MayDesign returns nil if a may write scripts: leads, knowledge contributors, administrators.
// Errors: errs.Forbidden.
func MayDesign(a auth.Actor) error {
	if a.Is(auth.Lead) || a.Is(auth.Knowledge) {
		return nil
	}
	return fmt.Errorf("design scripts: %w", errs.Because(errs.Forbidden, "script.authors_only"))
}

const columns = "id, name_fr, name_en, lead_fr, lead_en, words, categories, draft, revision, active, created_at, updated_at, version"

func scan(r db.Row, s *Script) error {
	return r.Scan(&s.ID, &s.Name.FR, &s.Name.EN, &s.Lead.FR, &s.Lead.EN, &s.Words, db.JSON(&s.Categories), db.JSON(&s.Draft), &s.Revision, &s.Active,
		db.Millis(&s.Created), db.Millis(&s.Updated), &s.Version)
}

// List returns all scripts that a may see, by French name: authors see all, agents those that are offered.
func List(ctx context.Context, tx *db.Tx, a auth.Actor) ([]Script, error) {
	author := MayDesign(a) == nil
	if !author && !a.Agent() {
		return nil, nil
	}
	return db.All(ctx, tx, scan, "SELECT "+columns+" FROM script WHERE $1 OR active AND revision > 0 ORDER BY name_fr, id", author)
}

// Find returns one script that a may see. Agents also see one that is no longer offered: somebody may still follow it.
// Errors: errs.NotFound.
func Find(ctx context.Context, tx *db.Tx, a auth.Actor, scriptID string) (Script, error) {
	author := MayDesign(a) == nil
	if !author && !a.Agent() {
		return Script{}, fmt.Errorf("script: %w", errs.NotFound)
	}
	s, err := db.One(ctx, tx, scan, "SELECT "+columns+" FROM script WHERE id = $1 AND ($2 OR revision > 0)", text.Clean(scriptID), author)
	if err != nil {
		return s, fmt.Errorf("script %.40q: %w", scriptID, err)
	}
	return s, nil
}

// FindRevision returns what was published under a number. Whether a may see the script is settled by Find.
// Errors: errs.NotFound.
func FindRevision(ctx context.Context, tx *db.Tx, s Script, number int) (Revision, error) {
	r, err := db.One(ctx, tx, scanRevision, "SELECT number, tree, by_id, at FROM script_revision WHERE script_id = $1 AND number = $2", s.ID, number)
	if err != nil {
		return r, fmt.Errorf("script %s, revision %d: %w", s.ID, number, err)
	}
	return r, nil
}

func scanRevision(r db.Row, v *Revision) error {
	return r.Scan(&v.Number, db.JSON(&v.Tree), &v.ByID, db.Millis(&v.At))
}

// Revisions returns what was published, the latest first, at most 50.
func Revisions(ctx context.Context, tx *db.Tx, s Script) ([]Revision, error) {
	return db.All(ctx, tx, scanRevision, "SELECT number, tree, by_id, at FROM script_revision WHERE script_id = $1 ORDER BY number DESC LIMIT 50", s.ID)
}

func (s *Script) clean() {
	s.Name, s.Lead = Text{text.Line(s.Name.FR), text.Line(s.Name.EN)}, Text{text.Line(s.Lead.FR), text.Line(s.Lead.EN)}
	s.Words, s.Draft = text.Line(s.Words), s.Draft.clean()
	s.Categories = slices.DeleteFunc(slices.Clone(s.Categories), func(c string) bool { return strings.TrimSpace(c) == "" })
	slices.Sort(s.Categories)
	s.Categories = slices.Compact(s.Categories)
}

// maxTree bounds a tree as JSON, in bytes.
const maxTree = 400_000

func (s Script) check() error {
	var wrong []errs.Field
	bad := func(name, key string, args ...any) {
		wrong = append(wrong, errs.Field{Name: name, Key: key, Args: args})
	}
	for _, x := range []struct {
		name, text string
		limit      int
		needed     bool
	}{{"name_fr", s.Name.FR, 120, true}, {"name_en", s.Name.EN, 120, true}, {"lead_fr", s.Lead.FR, 300, s.Lead.EN != ""},
		{"lead_en", s.Lead.EN, 300, s.Lead.FR != ""}, {"words", s.Words, 500, false}} {
		switch {
		case x.text == "" && x.needed:
			bad(x.name, "script.name."+x.name[len(x.name)-2:])
		case utf8.RuneCountInString(x.text) > x.limit:
			bad(x.name, "script.too_long", "max", x.limit)
		}
	}
	if len(s.Draft) > MaxNodes {
		bad("nodes", "script.fault.many", "max", MaxNodes)
	}
	if b, err := json.Marshal(s.Draft); err != nil || len(b) > maxTree {
		bad("nodes", "script.fault.big")
	}
	return errs.InvalidFields(wrong)
}

// Create stores a new script, which nobody is offered before it is published. It appends script.created.
// Errors: errs.Forbidden, errs.Invalid (name_fr, name_en, lead_fr, lead_en, words, nodes).
func Create(ctx context.Context, tx *db.Tx, a auth.Actor, s Script) (Script, error) {
	if err := MayDesign(a); err != nil {
		return s, err
	}
	s.clean()
	if err := s.check(); err != nil {
		return s, err
	}
	s.ID, s.Created, s.Updated, s.Version, s.Revision, s.Active = id.New(), tx.Now, tx.Now, 1, 0, true
	_, err := tx.ExecContext(ctx, "INSERT INTO script ("+columns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)", s.ID, s.Name.FR, s.Name.EN,
		s.Lead.FR, s.Lead.EN, s.Words, db.JSON(s.Categories), db.JSON(s.Draft), s.Revision, s.Active, db.Ms(s.Created), db.Ms(s.Updated), s.Version)
	if err != nil {
		return s, fmt.Errorf("create script: %w", err)
	}
	return s, s.tell(ctx, tx, a, "script.created", nil)
}

// Save stores names, categories, whether it is offered, and the draft, over the version that s was read at. Drafts may be
// incomplete. It appends script.changed.
// Errors: errs.NotFound, errs.Forbidden, errs.Invalid as Create, errs.Conflict when somebody saved it in between.
func Save(ctx context.Context, tx *db.Tx, a auth.Actor, s Script) (Script, error) {
	if err := MayDesign(a); err != nil {
		return s, err
	}
	s.clean()
	if err := s.check(); err != nil {
		return s, err
	}
	if err := s.store(ctx, tx, a); err != nil {
		return s, err
	}
	s.Version, s.Updated = s.Version+1, tx.Now
	return s, s.tell(ctx, tx, a, "script.changed", nil)
}

func (s Script) store(ctx context.Context, tx *db.Tx, a auth.Actor) error {
	err := tx.ExecOne(ctx, `UPDATE script SET name_fr = $1, name_en = $2, lead_fr = $3, lead_en = $4, words = $5, categories = $6, draft = $7, active = $8,
		revision = $9, updated_at = $10, version = version + 1 WHERE id = $11 AND version = $12`, s.Name.FR, s.Name.EN, s.Lead.FR, s.Lead.EN, s.Words,
		db.JSON(s.Categories), db.JSON(s.Draft), s.Active, s.Revision, db.Ms(tx.Now), s.ID, s.Version)
	err = errs.Stale(err, func() error { _, err := Find(ctx, tx, a, s.ID); return err })
	if errors.Is(err, errs.Conflict) {
		return errs.Because(errs.Conflict, "script.stale")
	}
	return err
}

// Publish makes the draft of a script a new revision, the one in force from now on. It appends script.published.
// Errors: errs.NotFound, errs.Forbidden, errs.Conflict when somebody saved it in between or nothing changed since the last
// one, errs.Invalid naming each place (nodes.KEY.FIELD).
func Publish(ctx context.Context, tx *db.Tx, a auth.Actor, scriptID string, version int64, lang string) (Script, error) {
	if err := MayDesign(a); err != nil {
		return Script{}, err
	}
	s, err := Find(ctx, tx, a, scriptID)
	if err != nil {
		return s, err
	}
	if version != 0 && version != s.Version {
		return s, errs.Because(errs.Conflict, "script.stale")
	}
	if err := Errors(s.Draft.Check(lang)); err != nil {
		return s, err
	}
	if s.Revision > 0 {
		last, err := FindRevision(ctx, tx, s, s.Revision)
		if err != nil {
			return s, err
		}
		if same(last.Tree, s.Draft) {
			return s, errs.Because(errs.Conflict, "script.same")
		}
	}
	s.Revision++
	_, err = tx.ExecContext(ctx, "INSERT INTO script_revision (script_id, number, tree, by_id, at) VALUES ($1, $2, $3, $4, $5)", s.ID, s.Revision, db.JSON(s.Draft), a.ID, db.Ms(tx.Now))
	if db.IsUnique(err) {
		return s, errs.Because(errs.Conflict, "script.stale")
	}
	if err != nil {
		return s, fmt.Errorf("publish script %s: %w", s.ID, err)
	}
	if err := s.store(ctx, tx, a); err != nil {
		return s, err
	}
	s.Version, s.Updated = s.Version+1, tx.Now
	return s, s.tell(ctx, tx, a, "script.published", map[string]string{"revision": fmt.Sprint(s.Revision)})
}

// Changed reports whether the draft differs from a tree.
func (s Script) Changed(t Tree) bool { return !same(t, s.Draft) }

func same(a, b Tree) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && string(x) == string(y)
}

func (s Script) tell(ctx context.Context, tx *db.Tx, a auth.Actor, kind string, extra map[string]string) error {
	if extra == nil {
		extra = map[string]string{}
	}
	extra["name"] = s.Name.FR
	_, err := event.Emit(ctx, tx, a, event.Event{Kind: kind, Ref: s.Ref(), Internal: true, Data: event.Data{Extra: extra}})
	return err
}

// Fits says how well s fits what is typed: 0 = not at all. Every word typed begins a word of its names, leads or words.
func (s Script) Fits(typed string) int {
	words := text.Words(typed)
	if len(words) == 0 {
		return 0
	}
	names := text.Words(s.Name.FR + " " + s.Name.EN)
	rest := text.Words(strings.Join([]string{s.Lead.FR, s.Lead.EN, s.Words}, " "))
	score := 1
	for _, w := range words {
		begins := func(x string) bool { return strings.HasPrefix(x, w) }
		switch {
		case slices.ContainsFunc(names, begins):
			score++
		case !slices.ContainsFunc(rest, begins):
			return 0
		}
	}
	return score
}

// hollow are words that say nothing of what a sentence is about.
var hollow = strings.Fields("qui que quoi pas plus une les des est sont ses mon mes son pour avec dans sur par the not and for how its does that with from has non oui bonjour depuis matin hello please")

// Echoes counts the words of a sentence that name what s is about, short ones left out: to offer it for a subject.
func (s Script) Echoes(sentence string) (n int) {
	about := text.Words(s.Name.FR + " " + s.Name.EN + " " + s.Words)
	for _, w := range text.Words(sentence) {
		if len(w) >= 3 && !slices.Contains(hollow, w) && slices.ContainsFunc(about, func(x string) bool {
			return x == w || len(w) >= 4 && len(x) >= 4 && (strings.HasPrefix(x, w) || strings.HasPrefix(w, x))
		}) {
			n++
		}
	}
	return n
}
