package settings

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/mime"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
)

func (p post) mountJournal() {
	p.Route(kit.Admins, "GET "+journalPath, p.journal)
	p.Route(kit.Admins, "GET "+journalPath+"/{id}", p.message)
	p.Route(kit.Admins, "GET "+journalPath+"/{id}/raw", p.rawMail)
	p.Route(kit.Admins, "GET "+journalPath+"/{id}/body", p.mailBody)
	p.Route(kit.Admins, "POST "+journalPath+"/{id}/retry", p.retryMail)
	p.Route(kit.Admins, "POST "+journalPath+"/{id}/release", p.retryMail)
	p.Route(kit.Admins, "POST "+journalPath+"/{id}/belongs", p.belongs)
}

// envelope reads the envelope that r names.
func (p post) envelope(r *http.Request) (e channel.Envelope, err error) {
	err = p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		e, err = channel.Find(ctx, tx, a, r.PathValue("id"))
		return err
	})
	return e, err
}

// maxHeaders bounds how much of a message's headers is shown, in bytes.
const maxHeaders = 64 << 10

// content is a message as it can be shown.
type content struct {
	mime.Message
	headers string
	lost    bool // the raw message is gone
}

// open reads the raw message of e. One that cannot be parsed still has its headers.
func (p post) open(r *http.Request, e channel.Envelope) (c content, err error) {
	if e.Hash == "" {
		c.lost = e.Direction == channel.In
		return c, nil
	}
	f, err := p.Blobs.Open(r.Context(), e.Hash)
	if errors.Is(err, blob.ErrNotFound) {
		return content{lost: true}, nil
	}
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	head := make([]byte, maxHeaders)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return c, err
	}
	c.headers = headersOf(string(head[:n]))
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return c, err
	}
	c.Message, err = mime.Parser{Limit: int64(p.Config.Limits.Mail), Host: config.Host(p.Config.BaseURL)}.Parse(f)
	if errors.Is(err, mime.ErrEmpty) {
		err = nil
	}
	return c, err
}

// headersOf is the part of a raw message before its first empty line.
func headersOf(raw string) string {
	raw = strings.ReplaceAll(raw, "\r\n", "\n")
	head, _, _ := strings.Cut(raw, "\n\n")
	return strings.ToValidUTF8(head, "\ufffd")
}

// message explains one message: who wrote, how it came, what was decided and why.
func (p post) message(w http.ResponseWriter, r *http.Request) error {
	return p.showMessage(w, r, http.StatusOK, page.Message{})
}

func (p post) showMessage(w http.ResponseWriter, r *http.Request, status int, v page.Message) error {
	e, err := p.envelope(r)
	if err != nil {
		return err
	}
	c, err := p.open(r, e)
	if err != nil { // the page still tells what is known
		slog.WarnContext(r.Context(), "message not read", "envelope", e.ID, "error", err)
		c.lost = true
	}
	l := i18n.From(r.Context())
	v.ID, v.Path, v.In, v.State, v.Why = e.ID, journalPath+"/"+e.ID, e.Direction == channel.In, badgeOf(l, e.State), e.Why(l)
	if v.Subject = e.Subject; v.Subject == "" {
		v.Subject = l.T("mailpage.subject.none")
	}
	v.Lost, v.Headers, v.Problems, v.Images = c.lost, c.headers, c.Problems, r.URL.Query().Get("images") != ""
	for _, a := range c.Attachments {
		v.Files = append(v.Files, page.MailFile{Name: a.Name, Kind: a.ContentType, Size: l.Size(a.Size)})
	}
	for _, s := range e.Trail {
		if i18n.Has(s.Key) {
			v.Trail = append(v.Trail, l.T(s.Key, s.Words()...))
		}
	}
	err = p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return p.place(ctx, tx, a, e, c, &v)
	})
	if err != nil {
		return err
	}
	s, err := p.mailShell(w, r, v.Subject)
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.MessagePage(s, v))
}

// place tells where a message came from, where it went, and what may be done with it.
func (p post) place(ctx context.Context, tx *db.Tx, a auth.Actor, e channel.Envelope, c content, v *page.Message) error {
	l := i18n.From(ctx)
	fact := func(key, text, href string) {
		if text != "" {
			v.Facts = append(v.Facts, ui.KV{Name: l.T("mailpage.fact." + key), Text: text, Href: href})
		}
	}
	from := e.Sender
	if c.From.Name != "" {
		from = c.From.Name + " <" + e.Sender + ">"
	}
	fact("from", from, "")
	fact("to", e.Recipient, "")
	fact("at", l.DateTime(e.At), "")
	fact("done", l.DateTime(e.DoneAt), "")
	way := l.T("mailpage.way." + string(e.Direction))
	if e.MailboxID != "" {
		boxes, err := channel.Mailboxes(ctx, tx, a)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(boxes, func(m channel.Mailbox) bool { return m.ID == e.MailboxID }); i >= 0 {
			fact("box", boxes[i].Name+" · "+boxes[i].Address, boxesPath+"/"+e.MailboxID)
			way = ""
		}
	}
	fact("box", way, "")
	if e.Size > 0 {
		fact("size", l.Size(e.Size), "")
	}
	fact("id", e.MessageID, "")
	v.Retry = e.Direction == channel.Out && (e.State == channel.Failed || e.State == channel.Waiting) || e.State == channel.Parked
	v.Release = e.State == channel.Quarantined
	v.HasBody = c.Text != "" || c.HTML != "" || e.Content.Text != "" || e.Content.HTML != ""
	v.HasRemote = strings.Contains(c.HTML, "remote-image")
	if e.Direction == channel.In {
		v.Sender = e.Sender
	}
	id, ok := strings.CutPrefix(e.Ref, "ticket/")
	if !ok {
		return nil
	}
	t, err := ticket.Find(ctx, tx, a, id)
	if errors.Is(err, errs.NotFound) {
		return nil
	}
	fact("ticket", t.Reference()+" · "+t.Subject, "/desk/tickets/"+t.Reference())
	v.Opened = err == nil && e.State == channel.Done && t.CreatedAt.Equal(e.DoneAt) && t.MergedInto == ""
	return err
}

// rawMail hands out the message as it came in.
func (p post) rawMail(w http.ResponseWriter, r *http.Request) error {
	e, err := p.envelope(r)
	if err != nil {
		return err
	}
	if e.Hash == "" {
		return errs.NotFound
	}
	f, err := p.Blobs.Open(r.Context(), e.Hash)
	if errors.Is(err, blob.ErrNotFound) {
		return errs.NotFound
	}
	if err != nil {
		return err
	}
	defer f.Close()
	blob.Headers(w, e.ID+".eml", "message/rfc822", false)
	http.ServeContent(w, r, "", e.At, f)
	return nil
}
