package settings

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
	"entraide/internal/usecase/intake"
)

// retryMail sends a mail again, or takes a message in once more.
func (p post) retryMail(w http.ResponseWriter, r *http.Request) error {
	e, err := p.envelope(r)
	if err != nil {
		return err
	}
	path := journalPath + "/" + e.ID
	if e.Direction == channel.Out {
		err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error { return channel.Retry(ctx, tx, a, e.ID) })
		if err != nil {
			return err
		}
		return p.done(w, r, path, "settings.retried")
	}
	way := intake.Again
	if e.State == channel.Quarantined {
		way = intake.Release
	}
	got, err := way(r.Context(), p.DB, p.Blobs, auth.From(r.Context()), e.ID, intake.Configured(p.Config))
	if err != nil {
		return err
	}
	return p.Done(w, r, path, ui.Flash{Text: i18n.T(r.Context(), "mailpage.taken."+string(got.Outcome), "ref", got.Reference)})
}

// belongs merges the ticket that a message opened into the one an administrator names.
func (p post) belongs(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	e, err := p.envelope(r)
	if err != nil {
		return err
	}
	ref := strings.ToUpper(strings.TrimSpace(r.PostForm.Get("ref")))
	var into ticket.Ticket
	err = p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		id, ok := strings.CutPrefix(e.Ref, "ticket/")
		if !ok {
			return errs.Conflict
		}
		into, err = ticket.Find(ctx, tx, a, ref)
		if errors.Is(err, errs.NotFound) || ref == "" {
			return errs.InvalidField("ref", "mailpage.belongs.unknown")
		}
		if err == nil {
			into, err = ticket.Merge(ctx, tx, a, id, into.ID)
		}
		return err
	})
	if errors.Is(err, errs.Invalid) {
		return p.showMessage(w, r, http.StatusUnprocessableEntity, page.Message{Belongs: ref, Mistakes: ui.MistakesOf(r.Context(), err)})
	}
	if err != nil {
		return err
	}
	return p.Done(w, r, journalPath+"/"+e.ID, ui.Flash{Text: i18n.T(r.Context(), "mailpage.belongs.done", "ref", into.Reference())})
}
