package settings

import (
	"context"
	"errors"
	"net/http"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/channel"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
)

func (p post) mountBlocks() {
	p.Route(kit.Admins, "GET "+blocksPath, func(w http.ResponseWriter, r *http.Request) error {
		return p.blocks(w, r, http.StatusOK, page.Blocks{Pattern: r.URL.Query().Get("pattern")})
	})
	p.Route(kit.Admins, "POST "+blocksPath, p.block)
	p.Route(kit.Admins, "POST "+blocksPath+"/removal", p.unblock)
	p.Route(kit.Admins, "GET "+deadPath, p.dead)
	p.Route(kit.Admins, "POST "+deadPath+"/revival", p.revive)
}

// blocks is the list of blocked senders, with the form as it was typed.
func (p post) blocks(w http.ResponseWriter, r *http.Request, status int, v page.Blocks) error {
	l := i18n.From(r.Context())
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		list, err := channel.Blocks(ctx, tx, a)
		for _, b := range list {
			v.List = append(v.List, page.BlockLine{Pattern: b.Pattern, Reason: b.Reason, When: l.When(b.At, tx.Now)})
		}
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.mailShell(w, r, l.T("mailpage.blocks"))
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.BlocksPage(s, v))
}

func (p post) block(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	v := page.Blocks{Pattern: r.PostForm.Get("pattern"), Reason: r.PostForm.Get("reason")}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return channel.Block(ctx, tx, a, v.Pattern, v.Reason)
	})
	if errors.Is(err, errs.Invalid) {
		v.Mistakes = ui.MistakesOf(r.Context(), err)
		return p.blocks(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	return p.done(w, r, blocksPath, "mailpage.blocks.added")
}

func (p post) unblock(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return channel.Unblock(ctx, tx, a, r.PostForm.Get("pattern"))
	})
	if err != nil {
		return err
	}
	return p.done(w, r, blocksPath, "mailpage.blocks.removed")
}

// dead lists the addresses whose servers refused for good.
func (p post) dead(w http.ResponseWriter, r *http.Request) error {
	l := i18n.From(r.Context())
	var list []page.DeadLine
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		all, err := channel.DeadAddresses(ctx, tx, a, most)
		for _, d := range all {
			list = append(list, page.DeadLine{Address: d.Address, Status: d.Status, Words: d.Words, When: l.When(d.DeadAt, tx.Now)})
		}
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.mailShell(w, r, l.T("mailpage.dead"))
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.DeadPage(s, list))
}

func (p post) revive(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return channel.Revive(ctx, tx, a, r.PostForm.Get("address"))
	})
	if err != nil {
		return err
	}
	return p.done(w, r, deadPath, "mailpage.dead.revived")
}
