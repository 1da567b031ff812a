package front

import (
	"context"
	"net/http"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/notify"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/front"
	"entraide/internal/door/web/ui"
	"entraide/internal/usecase/recipients"
)

func (p pages) mountInbox() {
	p.Route(kit.SignedIn, "GET "+ui.NotificationsPath, p.inbox)
	p.Route(kit.SignedIn, "POST "+ui.NotificationsPath+"/read", p.readAll)
	p.Route(kit.SignedIn, "POST "+ui.NotificationsPath+"/{id}/read", p.readOne)
	p.Route(kit.SignedIn, "GET "+ui.BellPath, p.bell)
}

func (p pages) inbox(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	l, now := i18n.From(ctx), p.DB.Now()
	v := page.Inbox{UnreadOnly: r.FormValue("unread") == "1"}
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		items, next, err := notify.List(ctx, tx, a, notify.Page{Before: r.FormValue("before"), UnreadOnly: v.UnreadOnly})
		for _, i := range items {
			v.Items = append(v.Items, page.News{ID: i.ID, Line: i.News.Line(l, i.Actor), Title: i.Title, Excerpt: i.Excerpt,
				When: l.When(i.At, now), Href: recipients.Place{}.Item(i), Unread: i.ReadAt.IsZero()})
		}
		v.Next = next
		v.Person = a.ID
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.Shell(w, r, i18n.T(ctx, "front.inbox.title"), "notifications")
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.Notifications(s, v))
}

func (p pages) readAll(w http.ResponseWriter, r *http.Request) error {
	if err := p.Write(r, notify.MarkAllRead); err != nil {
		return err
	}
	return kit.Redirect(w, r, ui.NotificationsPath)
}

// readOne marks an item read and goes where it leads.
func (p pages) readOne(w http.ResponseWriter, r *http.Request) error {
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return notify.MarkRead(ctx, tx, a, r.PathValue("id"))
	})
	if err != nil {
		return err
	}
	return kit.Redirect(w, r, kit.Local(r.FormValue("to"), ui.NotificationsPath))
}

func (p pages) bell(w http.ResponseWriter, r *http.Request) error {
	var n int64
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		n, err = notify.Unread(ctx, tx, a)
		return err
	})
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, ui.Bell(auth.From(r.Context()).ID, n))
}
