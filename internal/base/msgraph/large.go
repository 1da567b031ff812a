package msgraph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// File is an attachment that travels beside its message.
type File struct {
	Name      string
	Type      string // "" = unknown
	ContentID string // of a picture that the HTML shows; "" = an attachment
	Data      []byte
}

// Sizes that Graph sets: from sessionFrom on a file goes up in pieces, of which each stays below 4 MB.
const (
	sessionFrom = 3_000_000
	piece       = 3 << 20
)

// NotSent is an error before the message was told to leave.
type NotSent struct{ error }

// Unwrap gives the error itself.
func (e NotSent) Unwrap() error { return e.error }

// SendLarge sends a message in MIME form with files that it does not contain itself: a draft is made of it, the files are
// put to it, then it leaves. A draft that did not get so far is removed.
// Sources: learn.microsoft.com/graph/api/user-post-messages (MIME format), graph/outlook-large-attachments,
// graph/api/message-send. Errors: NotSent; any other as of Send.
func (c Client) SendLarge(ctx context.Context, token, user string, raw []byte, files []File) error {
	id, err := c.draft(ctx, token, user, raw)
	if err != nil {
		return NotSent{err}
	}
	for _, f := range files {
		if err := c.attach(ctx, token, user, id, f); err != nil {
			end, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer stop()
			return NotSent{errors.Join(err, c.Delete(end, token, user, id))}
		}
	}
	r, err := c.call(ctx, http.MethodPost, c.message(user, id)+"/send", token, "", nil)
	if err != nil {
		return err
	}
	return drain(r)
}

func (c Client) draft(ctx context.Context, token, user string, raw []byte) (id string, err error) {
	r, err := c.call(ctx, http.MethodPost, c.mailbox(user)+"/messages", token, "text/plain", inBase64(raw))
	if err != nil {
		return "", err
	}
	var made named
	err = json.NewDecoder(r.Body).Decode(&made)
	if err = errors.Join(err, r.Body.Close()); err == nil && made.ID == "" {
		err = errors.New("no id")
	}
	if err != nil {
		return "", fmt.Errorf("draft of Microsoft Graph: %w", err)
	}
	return made.ID, nil
}

// attach puts a file to a draft, in one request or in pieces.
func (c Client) attach(ctx context.Context, token, user, id string, f File) error {
	at := c.message(user, id) + "/attachments"
	if len(f.Data) < sessionFrom {
		return c.do(ctx, http.MethodPost, at, token, map[string]any{"@odata.type": "#microsoft.graph.fileAttachment", "name": f.Name,
			"contentType": f.Type, "contentId": f.ContentID, "isInline": f.ContentID != "", "contentBytes": f.Data}, nil)
	}
	var session struct{ UploadURL string }
	err := c.do(ctx, http.MethodPost, at+"/createUploadSession", token, map[string]any{"AttachmentItem": map[string]any{"attachmentType": "file",
		"name": f.Name, "size": len(f.Data), "contentType": f.Type, "contentId": f.ContentID, "isInline": f.ContentID != ""}}, &session)
	if err != nil {
		return err
	}
	for from := 0; from < len(f.Data); from += piece {
		part := f.Data[from:min(from+piece, len(f.Data))]
		if err := c.put(ctx, session.UploadURL, part, fmt.Sprintf("bytes %d-%d/%d", from, from+len(part)-1, len(f.Data))); err != nil {
			return err
		}
	}
	return nil
}

// put sends one piece to the address of a session, which is its own secret: no token goes there.
func (c Client) put(ctx context.Context, address string, part []byte, span string) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodPut, address, bytes.NewReader(part))
	if err != nil {
		return errors.New("upload session without an address") // the error would show it
	}
	q.Header.Set("Content-Type", "application/octet-stream")
	q.Header.Set("Content-Range", span)
	r, err := c.client().Do(q)
	if err != nil {
		return fmt.Errorf("upload to Microsoft Graph: %w", unaddressed(err))
	}
	_, err = io.Copy(io.Discard, io.LimitReader(r.Body, 64<<10))
	if err = errors.Join(err, r.Body.Close()); err == nil && r.StatusCode >= 300 {
		err = Error{Status: r.StatusCode, Code: "upload", Words: span, After: retryAfter(r.Header)}
	}
	return err
}

// unaddressed takes the address out of an error: whoever knows it may write to the draft.
func unaddressed(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
