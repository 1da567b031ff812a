package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/domain/ticket"
)

// formOverhead is what a multipart form may add to the file in it.
const formOverhead = 64 << 10

type attachmentJSON struct {
	ID          string `json:"id" doc:"For attachments of a message or a new ticket."`
	Name        string `json:"name" example:"capture.png"`
	ContentType string `json:"content_type" example:"image/png" doc:"By its content, not by its name."`
	Size        int64  `json:"size" example:"48211" doc:"Bytes."`
	URL         string `json:"url" doc:"Path of its content."`
}

func showAttachment(f ticket.Attachment) attachmentJSON {
	return attachmentJSON{f.ID, f.Name, f.ContentType, f.Size, prefix + "/attachments/" + f.ID}
}

func (s *server) attachmentRoutes() {
	up := s.op(http.MethodPost, "/attachments", "upload-attachment", "tickets:write", "attachments")
	up.DefaultStatus, up.MaxBodyBytes = http.StatusCreated, int64(s.Config.Limits.Upload)
	up.Description += fmt.Sprintf(" One file in the field `file`, %d bytes at most; forgotten after a day unless a message takes it.", up.MaxBodyBytes)
	form := &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: &huma.Schema{
		Type: huma.TypeObject, Required: []string{"file"}, Properties: map[string]*huma.Schema{
			"file": {Type: huma.TypeString, Format: "binary", Extensions: map[string]any{"maxLength": up.MaxBodyBytes}}}}}}}
	huma.Register(s.api, up, func(ctx context.Context, _ *Keyed) (*answer[attachmentJSON], error) {
		r, err := s.upload(ctx)
		if err != nil {
			return nil, s.fault(callOf(ctx), err)
		}
		out := &answer[attachmentJSON]{Status: r.status, Location: r.header["Location"], Body: payload[attachmentJSON]{r.value, r.body}}
		if r.again {
			out.Replayed = "true"
		}
		return out, nil
	})
	s.api.OpenAPI().Paths[up.Path].Post.RequestBody = form // only now: else huma reads and checks the form as JSON
	down := s.op(http.MethodGet, "/attachments/{id}", "get-attachment", "tickets:read", "attachments")
	down.Responses = map[string]*huma.Response{"200": {Description: "The file.", Content: map[string]*huma.MediaType{
		"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}}
	huma.Register(s.api, down, s.download)
}

// upload stores the first file of the form and records it.
func (s *server) upload(ctx context.Context) (reply, error) {
	c := callOf(ctx)
	form, err := c.r.MultipartReader()
	if err != nil {
		return reply{}, problemOf(http.StatusUnsupportedMediaType, "api.no_form")
	}
	var part *multipart.Part
	for {
		if part, err = form.NextPart(); errors.Is(err, io.EOF) {
			return reply{}, errs.InvalidField("file", "api.no_file")
		} else if err != nil {
			return reply{}, s.broken(err)
		}
		if part.FormName() == "file" && part.FileName() != "" {
			break
		}
	}
	head := make([]byte, blob.SniffLength)
	n, err := io.ReadFull(part, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return reply{}, s.broken(err)
	}
	if n == 0 {
		return reply{}, errs.InvalidField("file", "api.empty_file")
	}
	ref, err := s.Blobs.Put(ctx, io.MultiReader(bytes.NewReader(head[:n]), part), int64(s.Config.Limits.Upload))
	if err != nil {
		return reply{}, s.broken(err)
	}
	name := blob.SafeName(part.FileName())
	c.file = ref.Hash + " " + name
	return s.write(ctx, func(ctx context.Context, tx *db.Tx, c *call) (reply, error) {
		f, err := ticket.Upload(ctx, tx, c.actor, ticket.Attachment{Hash: ref.Hash, Size: ref.Size, Name: name, ContentType: blob.Sniff(name, head[:n])})
		j := showAttachment(f)
		return reply{status: http.StatusCreated, value: j, header: map[string]string{"Location": j.URL}}, err
	})
}

// broken says why a file did not come through.
func (s *server) broken(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, blob.ErrTooLarge), errors.As(err, &large):
		return s.tooLarge(true)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, multipart.ErrMessageTooLarge):
		return problemOf(http.StatusBadRequest, "api.interrupted")
	}
	return fmt.Errorf("upload: %w", err)
}

type attachmentIn struct {
	ID string `path:"id" maxLength:"40"`
}

// file is the output of download.
type file struct{ Body func(huma.Context) }

// download hands a file out; ranges work.
func (s *server) download(ctx context.Context, in *attachmentIn) (*file, error) {
	c := callOf(ctx)
	var f ticket.Attachment
	err := s.DB.Read(ctx, func(tx *db.Tx) (err error) {
		f, err = ticket.FindAttachment(ctx, tx, c.actor, in.ID)
		return err
	})
	if err != nil {
		return nil, s.fault(c, err)
	}
	content, err := s.Blobs.Open(ctx, f.Hash)
	if err != nil {
		return nil, s.fault(c, fmt.Errorf("attachment %s: %w", f.ID, err))
	}
	return &file{func(h huma.Context) {
		r, w := humago.Unwrap(h)
		blob.Headers(w, f.Name, f.ContentType, false)
		w.Header().Set("ETag", `"`+f.Hash+`"`)
		http.ServeContent(w, r, "", f.CreatedAt, content)
		if err := content.Close(); err != nil {
			s.Log.WarnContext(ctx, "attachment not closed", "error", err)
		}
	}}, nil
}
