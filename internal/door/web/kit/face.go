package kit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/identity"
	"entraide/internal/door/web/ui"
)

// Faces gives people their pictures, whatever their number in one statement.
func Faces(ctx context.Context, tx *db.Tx, a auth.Actor, people ...*ui.Person) error {
	var ids []string
	for _, p := range people {
		if p.ID != "" {
			ids = append(ids, p.ID)
		}
	}
	hashes, err := identity.Avatars(ctx, tx, a, ids)
	for _, p := range people {
		p.Image = ui.PhotoPath(p.ID, hashes[p.ID])
	}
	return err
}

const (
	maxPhoto  = 10 << 20 // bytes of what is sent
	photoSide = 256      // pixels of what is kept: the largest avatar on a dense screen
)

// StorePhoto reads one picture of a form, keeps the square in its middle and returns its hash.
// Errors: errs.Invalid about the field "file".
func (k *Kit) StorePhoto(r *http.Request, part *multipart.Part) (hash string, err error) {
	data, err := io.ReadAll(io.LimitReader(part, maxPhoto+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("photo: %w", err)
	case len(data) == 0:
		return "", errs.InvalidField("file", "web.photo.none")
	case len(data) > maxPhoto:
		return "", errs.InvalidField("file", "web.photo.too_large", "max", i18n.From(r.Context()).Size(maxPhoto))
	}
	small, err := k.Thumbs.Square(r.Context(), bytes.NewReader(data), photoSide)
	switch {
	case errors.Is(err, blob.ErrTooLarge):
		return "", errs.InvalidField("file", "web.photo.too_wide", "max", blob.MaxPixels/1_000_000)
	case errors.Is(err, blob.ErrNotImage):
		return "", errs.InvalidField("file", "web.photo.wrong")
	case err != nil:
		return "", fmt.Errorf("photo: %w", err)
	}
	ref, err := k.Blobs.Put(r.Context(), bytes.NewReader(small.Data), 0)
	return ref.Hash, err
}

// PhotoPart finds the picture of a form, which is sent alone.
// Errors: errs.Invalid.
func (k *Kit) PhotoPart(w http.ResponseWriter, r *http.Request) (*multipart.Part, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxPhoto*4)
	mr, err := r.MultipartReader()
	if err != nil {
		return nil, fmt.Errorf("photo: %w: %w", errs.InvalidField("file", "web.photo.none"), err)
	}
	for {
		part, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, errs.InvalidField("file", "web.photo.none")
		}
		if err != nil {
			return nil, fmt.Errorf("photo: %w: %w", errs.Because(errs.Invalid, "web.problem.invalid.text"), err)
		}
		if part.FormName() == "file" {
			return part, nil
		}
	}
}
