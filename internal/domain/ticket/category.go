package ticket

import (
	"context"
	"errors"
	"slices"
	"unicode/utf8"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// Category is a node of the tree that says what tickets are about.
type Category struct {
	ID       string
	ParentID string // "" = top
	NameFR   string
	NameEN   string
	QueueID  string // where its tickets start; "" = as its parent
	Position int
	Active   bool
	Version  int64
}

// Name is the category's name in a language; French when lang is not "en".
func (c Category) Name(lang string) string {
	if lang == "en" {
		return c.NameEN
	}
	return c.NameFR
}

// Tree is all categories, each after its parent.
type Tree []Category

// Categories returns the tree, active and inactive. It is small: dozens of rows.
func Categories(ctx context.Context, tx *db.Tx) (Tree, error) {
	all, err := db.All(ctx, tx, func(r db.Row, c *Category) error {
		return r.Scan(&c.ID, &c.ParentID, &c.NameFR, &c.NameEN, &c.QueueID, &c.Position, &c.Active, &c.Version)
	}, `SELECT id, coalesce(parent_id, ''), name_fr, name_en, coalesce(queue_id, ''), position, active, version
		FROM category ORDER BY position, name_fr`)
	var t Tree
	var add func(parent string, depth int)
	add = func(parent string, depth int) {
		for _, c := range all {
			if c.ParentID == parent && depth < 20 {
				t = append(t, c)
				add(c.ID, depth+1)
			}
		}
	}
	add("", 0)
	return t, err
}

// Find returns a category of the tree.
func (t Tree) Find(categoryID string) (Category, bool) {
	i := slices.IndexFunc(t, func(c Category) bool { return c.ID == categoryID })
	if i < 0 {
		return Category{}, false
	}
	return t[i], true
}

// Path returns the category and those above it, the top first; nil when unknown.
func (t Tree) Path(categoryID string) []Category {
	var path []Category
	for c, ok := t.Find(categoryID); ok; c, ok = t.Find(c.ParentID) {
		path = append(path, c)
	}
	slices.Reverse(path)
	return path
}

// Title is the path in words: "Réseau et VPN › VPN"; "" when unknown.
func (t Tree) Title(categoryID, lang string) string {
	s := ""
	for _, c := range t.Path(categoryID) {
		if s != "" {
			s += " › "
		}
		s += c.Name(lang)
	}
	return s
}

// Below returns the ids of a category and all those under it.
func (t Tree) Below(categoryID string) []string {
	ids := []string{categoryID}
	for _, c := range t { // parents come first
		if c.ParentID != "" && slices.Contains(ids, c.ParentID) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// SaveCategory creates c when it has no id, else changes it at its version.
// Errors: errs.Forbidden, errs.Invalid (name_fr, name_en, parent, queue), errs.Conflict.
func SaveCategory(ctx context.Context, tx *db.Tx, a auth.Actor, c Category) (Category, error) {
	if err := MayAdminister(a); err != nil {
		return c, err
	}
	c.NameFR, c.NameEN = text.Line(c.NameFR), text.Line(c.NameEN)
	var wrong []errs.Field
	for _, n := range []struct{ field, value string }{{"name_fr", c.NameFR}, {"name_en", c.NameEN}} {
		if n.value == "" || utf8.RuneCountInString(n.value) > 200 {
			wrong = append(wrong, errs.Field{Name: n.field, Key: "ticket.name_length", Args: []any{"max", 200}})
		}
	}
	t, err := Categories(ctx, tx)
	if err != nil {
		return c, err
	}
	if c.ParentID != "" {
		if _, ok := t.Find(c.ParentID); !ok || c.ID != "" && slices.Contains(t.Below(c.ID), c.ParentID) {
			wrong = append(wrong, errs.Field{Name: "parent", Key: "ticket.category_parent"})
		}
	}
	if c.QueueID != "" {
		if _, err := FindQueue(ctx, tx, c.QueueID); errors.Is(err, errs.NotFound) {
			wrong = append(wrong, errs.Field{Name: "queue", Key: "ticket.queue_unknown"})
		} else if err != nil {
			return c, err
		}
	}
	if err := errs.InvalidFields(wrong); err != nil {
		return c, err
	}
	kind := "category.updated"
	if c.ID == "" {
		kind, c.ID, c.Version, c.Active = "category.created", id.New(), 1, true
		_, err = tx.ExecContext(ctx, `INSERT INTO category (id, parent_id, name_fr, name_en, queue_id, position, active, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, c.ID, db.Null(c.ParentID), c.NameFR, c.NameEN, db.Null(c.QueueID), c.Position, c.Active, db.Ms(tx.Now))
	} else {
		var n int64
		n, err = tx.Exec(ctx, `UPDATE category SET parent_id = $1, name_fr = $2, name_en = $3, queue_id = $4, position = $5,
			active = $6, version = version + 1 WHERE id = $7 AND version = $8`,
			db.Null(c.ParentID), c.NameFR, c.NameEN, db.Null(c.QueueID), c.Position, c.Active, c.ID, c.Version)
		if err == nil && n == 0 {
			return c, errs.Because(errs.Conflict, "ticket.settings_stale")
		}
		c.Version++
	}
	if err != nil {
		return c, err
	}
	_, err = event.Emit(ctx, tx, a, event.Event{Kind: kind, Ref: "category/" + c.ID, Internal: true})
	return c, err
}

func ignoreNotFound(err error) error {
	if errors.Is(err, errs.NotFound) {
		return nil
	}
	return err
}
