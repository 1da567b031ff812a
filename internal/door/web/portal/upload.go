package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	"entraide/internal/door/web/ui"
)

// thumbSide is the longer side of a small picture, in pixels: twice what the pages show.
const thumbSide = 160

// chip is a file as pages show it.
func chip(l i18n.Loc, f ticket.Attachment) ui.Attachment {
	c := ui.Attachment{ID: f.ID, Name: f.Name, Size: l.Size(f.Size), Href: "/attachments/" + f.ID}
	if f.Name != "thumb" { // the name at the end is what browsers save it under
		c.Href += "/" + url.PathEscape(f.Name)
	}
	if blob.Inline(f.ContentType) {
		c.Thumb = "/attachments/" + f.ID + "/thumb"
	}
	return c
}

// upload takes one file and answers with JSON {id, name, size, thumb}; refusals are plain text for the script to show.
func (p portal) upload(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, int64(p.Config.Limits.Upload)+1<<20)
	mr, err := r.MultipartReader()
	if err != nil {
		return p.refuse(w, r, fmt.Errorf("upload: %w: %w", errs.Because(errs.Invalid, "web.problem.invalid.text"), err))
	}
	for {
		part, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			return p.refuse(w, r, errs.InvalidField("file", "web.upload.empty"))
		}
		if err != nil {
			return p.refuse(w, r, fmt.Errorf("upload: %w: %w", errs.Because(errs.Invalid, "web.problem.invalid.text"), err))
		}
		if part.FormName() != "file" {
			continue
		}
		f, err := p.Store(r, part)
		if err != nil {
			return p.refuse(w, r, err)
		}
		c := chip(i18n.From(r.Context()), f)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		return json.NewEncoder(w).Encode(map[string]string{"id": c.ID, "name": c.Name, "size": c.Size, "thumb": c.Thumb})
	}
}

// refuse says in plain text why a file was not taken. Faults of ours are left to the kit, which logs them.
func (p portal) refuse(w http.ResponseWriter, r *http.Request, err error) error {
	problem := kit.ProblemOf(r.Context(), err)
	if problem.Status == http.StatusInternalServerError {
		return err
	}
	for _, f := range errs.Fields(err) {
		if f.Key == "web.upload.too_large" {
			problem.Status = http.StatusRequestEntityTooLarge
		}
	}
	http.Error(w, problem.Text, problem.Status)
	return nil
}

// find returns a file that the actor may read, and its bytes, which the caller closes.
func (p portal) find(r *http.Request) (f ticket.Attachment, content io.ReadSeekCloser, err error) {
	err = p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		f, err = ticket.FindAttachment(ctx, tx, a, r.PathValue("id"))
		return err
	})
	if err != nil {
		return f, nil, err
	}
	content, err = p.Blobs.Open(r.Context(), f.Hash)
	if errors.Is(err, blob.ErrNotFound) {
		err = fmt.Errorf("attachment %s: %w: %w", f.ID, errs.NotFound, err)
	}
	return f, content, err
}

// attachment hands a file out, in parts when asked so.
func (p portal) attachment(w http.ResponseWriter, r *http.Request) error {
	f, content, err := p.find(r)
	if err != nil {
		return err
	}
	defer content.Close()
	blob.Headers(w, f.Name, f.ContentType, true)
	keep(w, f.Hash)
	http.ServeContent(w, r, "", f.CreatedAt, content)
	return nil
}

// thumb hands the small picture of a file out.
func (p portal) thumb(w http.ResponseWriter, r *http.Request) error {
	f, content, err := p.find(r)
	if err != nil {
		return err
	}
	defer content.Close()
	if match := r.Header.Get("If-None-Match"); strings.Contains(match, f.Hash) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	t, err := p.Thumbs.Thumbnail(r.Context(), content, thumbSide)
	if errors.Is(err, blob.ErrNotImage) || errors.Is(err, blob.ErrTooLarge) {
		return fmt.Errorf("thumbnail of %s: %w: %w", f.ID, errs.NotFound, err)
	}
	if err != nil {
		return err
	}
	blob.Headers(w, f.Name, t.Type, true)
	keep(w, f.Hash+"-t")
	http.ServeContent(w, r, "", f.CreatedAt, bytes.NewReader(t.Data))
	return nil
}

// keep lets the reader's own browser hold a file: its bytes never change under its address, and its address is only
// given to those who may read it.
func keep(w http.ResponseWriter, tag string) {
	w.Header().Set("Cache-Control", "private, max-age=86400, immutable")
	w.Header().Set("ETag", `"`+tag+`"`)
}
