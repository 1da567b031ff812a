package kit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/ticket"
)

// Store keeps the bytes of one uploaded part and records it as the actor's upload.
// Errors: errs.Invalid when it is empty, larger than the configured limit, or cannot be kept now: the form comes back with
// what was typed, and may be sent without the file.
func (k *Kit) Store(r *http.Request, part *multipart.Part) (ticket.Attachment, error) {
	ctx := r.Context()
	head := make([]byte, blob.SniffLength)
	n, err := io.ReadFull(part, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return ticket.Attachment{}, fmt.Errorf("upload: %w", err)
	}
	head = head[:n]
	if n == 0 {
		return ticket.Attachment{}, errs.InvalidField("file", "web.upload.empty")
	}
	ref, err := k.Blobs.Put(ctx, io.MultiReader(bytes.NewReader(head), part), int64(k.Config.Limits.Upload))
	if errors.Is(err, blob.ErrTooLarge) {
		return ticket.Attachment{}, errs.InvalidField("file", "web.upload.too_large", "max", i18n.From(ctx).Size(int64(k.Config.Limits.Upload)))
	}
	if errors.Is(err, errs.Unavailable) {
		slog.ErrorContext(ctx, "file not kept", "error", err)
		return ticket.Attachment{}, errs.InvalidField("file", "web.upload.away")
	}
	if err != nil {
		return ticket.Attachment{}, fmt.Errorf("upload: %w", err)
	}
	name := blob.SafeName(part.FileName())
	f := ticket.Attachment{Hash: ref.Hash, Size: ref.Size, Name: name, ContentType: blob.Sniff(name, head)}
	err = k.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		f, err = ticket.Upload(ctx, tx, a, f)
		return err
	})
	return f, err
}

// MultipartForm reads a form that may carry files in fields named "file": it stores them and returns the values and
// the ids of the uploads, those named in hidden fields "attachment" included. It also reads ordinary forms.
func (k *Kit) MultipartForm(w http.ResponseWriter, r *http.Request) (map[string][]string, []string, error) {
	r.Body = http.MaxBytesReader(w, r.Body, int64(k.Config.Limits.Upload)*4+int64(k.Config.Limits.Body))
	mr, err := r.MultipartReader()
	if errors.Is(err, http.ErrNotMultipart) {
		if err := k.Form(w, r); err != nil {
			return nil, nil, err
		}
		return r.PostForm, r.PostForm["attachment"], nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("form: %w: %w", errs.Because(errs.Invalid, "web.problem.invalid.text"), err)
	}
	values := make(map[string][]string)
	r.PostForm = values // what was read so far, for the page of an error
	var stored []string
	room := int64(k.Config.Limits.Body)
	for {
		part, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			return values, append(values["attachment"], stored...), nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("form: %w", err)
		}
		if part.FormName() == "file" {
			if part.FileName() == "" {
				continue // the field was left empty
			}
			f, err := k.Store(r, part)
			if err != nil {
				return values, stored, err
			}
			stored = append(stored, f.ID)
			continue
		}
		b, err := io.ReadAll(io.LimitReader(part, room+1))
		if err != nil {
			return nil, nil, fmt.Errorf("form: %w", err)
		}
		if room -= int64(len(b)); room < 0 {
			return nil, nil, errTooBig
		}
		values[part.FormName()] = append(values[part.FormName()], string(b))
	}
}
