package desk

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/desk"
	"entraide/internal/door/web/ui"
)

// list is a view without a ticket open, or one of its parts when script asks for it.
func (d *desk) list(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	q := readQuery(v)
	q.view = r.PathValue("view")
	var f frame
	err := d.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		f, err = readFrame(ctx, tx, a, q, v.Get("on"))
		return err
	})
	if errors.Is(err, errs.Invalid) && q.cursor != "" { // of another order, or of an old link: the list from its top
		q.cursor = ""
		return kit.Redirect(w, r, link(viewPath(q.view), q.values(false)))
	}
	if err != nil {
		return err
	}
	if kit.Fragment(r) {
		if v.Get("part") == "views" {
			return kit.Render(w, r, http.StatusOK, page.Views(f.Frame))
		}
		return kit.Render(w, r, http.StatusOK, page.Rows(f.Frame))
	}
	s, err := d.DeskShell(w, r, f.Title, "desk")
	if err != nil {
		return err
	}
	s.Topics = append(s.Topics, f.topics...)
	return kit.Render(w, r, http.StatusOK, page.List(s, f.Frame))
}

// saveView keeps what the list shows now under a name.
func (d *desk) saveView(w http.ResponseWriter, r *http.Request) error {
	if err := d.Form(w, r); err != nil {
		return err
	}
	q := readQuery(r.PostForm)
	q.view, q.cursor = r.URL.Query().Get("view"), ""
	var saved ticket.View
	err := d.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		f, err := readFrame(ctx, tx, a, q, "")
		if err != nil {
			return err
		}
		saved, err = ticket.SaveView(ctx, tx, a, ticket.View{Name: r.PostForm.Get("name"), TeamID: r.PostForm.Get("team"), Filter: f.filter})
		return err
	})
	if err != nil {
		return err
	}
	path := viewPath(saved.ID)
	if q.sort != "" {
		path = link(path, url.Values{"sort": {q.sort}})
	}
	return d.Done(w, r, path, ui.Flash{Text: i18n.T(r.Context(), "desk.view.saved")})
}

func (d *desk) dropView(w http.ResponseWriter, r *http.Request) error {
	err := d.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return ticket.DeleteView(ctx, tx, a, r.PathValue("view"))
	})
	if err != nil {
		return err
	}
	return d.Done(w, r, viewPath("mine"), ui.Flash{Text: i18n.T(r.Context(), "desk.view.dropped")})
}
