package settings

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
)

const categoriesPath = ui.SettingsPath + "/categories"

func (p pages) mountCategories() {
	p.Route(kit.Admins, "GET "+categoriesPath, func(w http.ResponseWriter, r *http.Request) error {
		return p.showCategories(w, r, http.StatusOK, page.Categories{})
	})
	p.Route(kit.Admins, "POST "+categoriesPath, p.saveCategory)
	p.Route(kit.Admins, "POST "+categoriesPath+"/priorities", p.savePriorities)
}

// showCategories shows the tree, the category that is open in it, and the matrix.
func (p pages) showCategories(w http.ResponseWriter, r *http.Request, status int, v page.Categories) error {
	ctx := r.Context()
	lang := string(i18n.From(ctx).Lang)
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		tree, err := ticket.Categories(ctx, tx)
		if err != nil {
			return err
		}
		queues, err := ticket.Destinations(ctx, tx, a)
		if err != nil {
			return err
		}
		v.Queues = []ui.Option{{Value: "", Label: i18n.T(ctx, "settings.category.queue.parent")}}
		names := make(map[string]string)
		for _, q := range queues {
			v.Queues = append(v.Queues, ui.Option{Value: q.ID, Label: q.Name})
			names[q.ID] = q.Name
		}
		v.Parents = []ui.Option{{Value: "", Label: i18n.T(ctx, "settings.category.top")}}
		for _, c := range tree {
			v.Parents = append(v.Parents, ui.Option{Value: c.ID, Label: tree.Title(c.ID, lang)})
			v.Lines = append(v.Lines, page.CategoryLine{ID: c.ID, Name: c.Name(lang), Depth: len(tree.Path(c.ID)), Queue: names[c.QueueID], Closed: !c.Active})
			if v.Mistakes == nil && !v.Changed && c.ID == r.FormValue("open") {
				v.Open = page.Category{ID: c.ID, NameFR: c.NameFR, NameEN: c.NameEN, Parent: c.ParentID, Queue: c.QueueID,
					Position: strconv.Itoa(c.Position), Active: c.Active, Version: strconv.FormatInt(c.Version, 10)}
			}
		}
		m, err := ticket.PriorityMatrix(ctx, tx)
		for i, row := range m {
			for u, priority := range row {
				v.Matrix[i][u] = strconv.Itoa(priority)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.shell(w, r, i18n.T(ctx, "settings.categories"), "categories")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.CategoriesPage(s, v))
}

func (p pages) saveCategory(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	version, err := strconv.ParseInt(r.PostFormValue("version"), 10, 64)
	if err != nil {
		version = 0 // a new one
	}
	c := ticket.Category{ID: r.PostFormValue("id"), NameFR: r.PostFormValue("name_fr"), NameEN: r.PostFormValue("name_en"), ParentID: r.PostFormValue("parent"),
		QueueID: r.PostFormValue("queue"), Position: kit.Int(r.PostFormValue("position")), Active: r.PostFormValue("active") != "", Version: version}
	err = p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		_, err := ticket.SaveCategory(ctx, tx, a, c)
		return err
	})
	v := page.Categories{Open: page.Category{ID: c.ID, NameFR: c.NameFR, NameEN: c.NameEN, Parent: c.ParentID, Queue: c.QueueID,
		Position: strconv.Itoa(c.Position), Active: c.Active, Version: r.PostFormValue("version")}}
	switch {
	case errors.Is(err, errs.Invalid):
		v.Mistakes = ui.MistakesOf(r.Context(), err)
		return p.showCategories(w, r, http.StatusUnprocessableEntity, v)
	case errors.Is(err, errs.Conflict):
		now, found := p.categoryNow(r, c.ID)
		if found != nil {
			return found
		}
		v.Changed, v.Open.Version = true, strconv.FormatInt(now.Version, 10) // saving again is about the one in force
		return p.showCategories(w, r, http.StatusConflict, v)
	case err != nil:
		return err
	}
	return p.done(w, r, categoriesPath, "settings.category.saved")
}

func (p pages) categoryNow(r *http.Request, categoryID string) (c ticket.Category, err error) {
	err = p.Read(r, func(ctx context.Context, tx *db.Tx, _ auth.Actor) error {
		tree, err := ticket.Categories(ctx, tx)
		if err != nil {
			return err
		}
		var ok bool
		if c, ok = tree.Find(categoryID); !ok {
			return fmt.Errorf("category %.40q: %w", categoryID, errs.NotFound)
		}
		return nil
	})
	return c, err
}

func (p pages) savePriorities(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	var m ticket.Matrix
	for i := range m {
		for u := range m[i] {
			m[i][u] = kit.Int(r.PostFormValue(fmt.Sprintf("priority.%d.%d", i+1, u+1)))
		}
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return ticket.SetPriorityMatrix(ctx, tx, a, m)
	})
	if errors.Is(err, errs.Invalid) {
		return p.showCategories(w, r, http.StatusUnprocessableEntity, page.Categories{Mistakes: ui.MistakesOf(r.Context(), err)})
	}
	if err != nil {
		return err
	}
	return p.done(w, r, categoriesPath, "settings.priorities.saved")
}
