package settings

import (
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"strings"

	"entraide/internal/base/blob"
	"entraide/internal/base/mime"
	"entraide/internal/base/text"
)

// bodyPolicy lets a message that is shown do nothing: no script, no form, no rights of ours, no address but those
// written into the document.
const bodyPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:%s; sandbox allow-popups allow-popups-to-escape-sandbox; frame-ancestors 'self'"

// bodyStyle makes a message readable: the message itself has no style left.
const bodyStyle = `<style>body{font:15px/1.6 system-ui,sans-serif;margin:1rem;color:#1c2422;background:#fff;overflow-wrap:anywhere}` +
	`img{max-width:100%;height:auto}pre{white-space:pre-wrap;font:inherit;margin:0}blockquote{margin:0 0 0 .5rem;padding-left:.75rem;border-left:2px solid #d3ccbd}</style>`

// maxPictures bounds the pictures written into a message that is shown, in bytes.
const maxPictures = 4 << 20

// mailBody is a message to read, for a frame without rights. Remote pictures are left out unless asked for.
func (p post) mailBody(w http.ResponseWriter, r *http.Request) error {
	e, err := p.envelope(r)
	if err != nil {
		return err
	}
	images := r.URL.Query().Get("images") != ""
	body := e.Content.HTML
	if body != "" {
		body = text.Sanitise(body, picture(nil, images))
	} else if e.Content.Text != "" {
		body = "<pre>" + html.EscapeString(e.Content.Text) + "</pre>"
	} else {
		c, err := p.open(r, e)
		if err != nil {
			return err
		}
		body = readable(c.Message, images)
	}
	remote := ""
	if images {
		remote = " https:"
	}
	return serveFrame(w, http.StatusOK, frame(e.Subject, body), remote)
}

// frame is a document for a frame without rights; body is harmless HTML.
func frame(title, body string) string {
	return `<!DOCTYPE html><html><head><meta charset="utf-8"><meta name="color-scheme" content="light"><title>` +
		html.EscapeString(title) + `</title>` + bodyStyle + `</head><body>` + body + `</body></html>`
}

// serveFrame answers with a document for a frame without rights; pictures come from the document itself and from
// sources, " https:" or none.
func serveFrame(w http.ResponseWriter, status int, document, sources string) error {
	h := w.Header()
	h.Set("Content-Security-Policy", fmt.Sprintf(bodyPolicy, sources))
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := w.Write([]byte(document))
	return err
}

// readable is the body of a message as harmless HTML.
func readable(m mime.Message, images bool) string {
	if m.HTML == "" {
		return "<pre>" + html.EscapeString(m.Text) + "</pre>"
	}
	return text.Sanitise(m.HTML, picture(m.Attachments, images))
}

// picture says what is shown for each picture of a message: its own, written into the page, and with remote those
// of others.
func picture(files []mime.Attachment, remote bool) func(string) string {
	room := maxPictures
	return func(u string) string {
		id, own := strings.CutPrefix(u, "cid:")
		if !own {
			if remote && strings.HasPrefix(u, "https://") {
				return u
			}
			return ""
		}
		for _, f := range files {
			if f.ContentID != id || len(f.Data) > room {
				continue
			}
			kind := blob.Sniff(f.Name, f.Data[:min(len(f.Data), blob.SniffLength)])
			if !blob.Inline(kind) {
				continue
			}
			room -= len(f.Data)
			return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(f.Data)
		}
		return ""
	}
}
