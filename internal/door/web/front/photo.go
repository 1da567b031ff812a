package front

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/identity"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/front"
	"entraide/internal/door/web/ui"
)

const photoPath = ui.ProfilePath + "/photo"

// savePhoto gives the person who is signed in the picture of the form.
func (p pages) savePhoto(w http.ResponseWriter, r *http.Request) error {
	part, err := p.PhotoPart(w, r)
	var hash string
	if err == nil {
		hash, err = p.StorePhoto(r, part)
	}
	if err == nil {
		err = p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			_, err := identity.SetAvatar(ctx, tx, a, a.ID, hash)
			return err
		})
	}
	if errors.Is(err, errs.Invalid) {
		me, found := p.mine(r)
		if found != nil {
			return found
		}
		return p.showMe(w, r, http.StatusUnprocessableEntity, me, page.Me{Photo: kit.ProblemOf(r.Context(), err).Text})
	}
	if err != nil {
		return err
	}
	return p.Done(w, r, ui.ProfilePath, ui.Flash{Text: i18n.T(r.Context(), "front.photo.saved")})
}

func (p pages) dropPhoto(w http.ResponseWriter, r *http.Request) error {
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		_, err := identity.SetAvatar(ctx, tx, a, a.ID, "")
		return err
	})
	if err != nil {
		return err
	}
	return p.Done(w, r, ui.ProfilePath, ui.Flash{Text: i18n.T(r.Context(), "front.photo.dropped")})
}

// photo hands a face out. An address that names the bytes may be kept for a year; any other is asked for again.
func (p pages) photo(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	var hash string
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		found, err := identity.Avatars(ctx, tx, a, []string{id})
		hash = found[id]
		return err
	})
	if err != nil {
		return err
	}
	if hash == "" {
		return fmt.Errorf("photo of %s: %w", id, errs.NotFound)
	}
	content, err := p.Blobs.Open(r.Context(), hash)
	if errors.Is(err, blob.ErrNotFound) {
		return fmt.Errorf("photo of %s: %w: %w", id, errs.NotFound, err)
	}
	if err != nil {
		return err
	}
	defer content.Close()
	data, err := io.ReadAll(content)
	if err != nil {
		return fmt.Errorf("photo of %s: %w", id, err)
	}
	blob.Headers(w, "photo", blob.Sniff("", data[:min(len(data), blob.SniffLength)]), true)
	keep := "private, no-cache"
	if v := r.URL.Query().Get("v"); len(v) >= 8 && strings.HasPrefix(hash, v) {
		keep = "private, max-age=31536000, immutable"
	}
	w.Header().Set("Cache-Control", keep)
	w.Header().Set("ETag", `"`+hash+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	return nil
}
