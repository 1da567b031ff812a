package desk

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/a-h/templ"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/id"
	"entraide/internal/domain/draft"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/desk"
	"entraide/internal/door/web/ui"
)

// Kinds of what the composer sends.
const (
	reply = "reply"
	note  = "note"
)

// kept is what a draft of the composer holds.
type kept struct {
	Text  string   `json:"text"`
	Files []string `json:"files,omitempty"` // ids of uploads
}

// draftKey is where the draft of a ticket is kept; kind "" is the beginning of both.
func draftKey(ticketID, kind string) string {
	switch kind {
	case reply:
		kind = string(ticket.Public)
	case note:
		kind = string(ticket.Internal)
	}
	return "ticket/" + ticketID + "/" + kind
}

// composer is the form that answers, with what was typed: just refused, or kept as a draft.
func (d dossier) composer(ctx context.Context, a auth.Actor, f page.Form, p page.Ticket) ui.Composer {
	l, t := i18n.From(ctx), d.t
	c := ui.Composer{ID: "reply", Action: p.Act("messages"), Label: l.T("desk.compose", "name", t.Requester), To: l.T("desk.compose.to", "name", t.Requester),
		Kind: reply, DraftURL: "/desk/drafts?ticket=" + t.ID, Once: id.New(), UploadURL: uploads, SuggestURL: p.Path + "/suggestions",
		Attrs: templ.Attributes{"id": "desk-composer"}}
	if n := len(d.watchers); n > 0 {
		c.To = l.N("desk.compose.copy", int64(n), "name", t.Requester)
	}
	c.Kinds = []ui.Option{{Value: note, Label: l.T("desk.note"), Key: "n"}}
	if t.MayReply(a) == nil {
		c.Kinds, c.MenuID = append([]ui.Option{{Value: reply, Label: l.T("desk.reply"), Key: "r"}}, c.Kinds...), "desk-send"
	} else {
		c.Kind = note
	}
	var k kept
	if len(d.drafts) > 0 {
		c.DraftVersion = d.drafts[0].Version
	}
	for _, x := range d.drafts {
		if json.Unmarshal(x.Body, &k) == nil && k.Text != "" {
			c.Value, c.DraftNote = k.Text, l.T("desk.draft.saved", "time", l.Time(x.Updated))
			if x.Key == draftKey(t.ID, note) {
				c.Kind = note
			}
			break
		}
	}
	if f.Name == "messages" {
		c.Value, c.Error, c.DraftNote = f.Values.Get("text"), f.Text, ""
		if f.Values.Get("kind") == note {
			c.Kind = note
		}
		k.Files = f.Values["attachment"]
	}
	for _, id := range k.Files {
		if f, ok := d.uploads[id]; ok {
			c.Files = append(c.Files, attached(l, f))
		}
	}
	return c
}

// readUploads reads the files that wait in the composer: of the kept draft and of a form that was just refused.
func (d *dossier) readUploads(ctx context.Context, tx *db.Tx, a auth.Actor, ids []string) error {
	for _, x := range d.drafts {
		var k kept
		if json.Unmarshal(x.Body, &k) == nil {
			ids = append(ids, k.Files...)
		}
	}
	d.uploads = map[string]ticket.Attachment{}
	for _, id := range ids[:min(len(ids), ticket.MaxAttachments)] {
		f, err := ticket.FindAttachment(ctx, tx, a, id)
		if errors.Is(err, errs.NotFound) {
			continue // forgotten after a day
		}
		if err != nil {
			return err
		}
		if f.MessageID == "" {
			d.uploads[id] = f
		}
	}
	return nil
}

// seen is the last public message that the page showed.
func (d dossier) seen() string {
	for i := len(d.messages) - 1; i >= 0; i-- {
		if d.messages[i].Visibility == ticket.Public && d.messages[i].HeldUntil.IsZero() {
			return d.messages[i].ID
		}
	}
	return ""
}

// saveDraft keeps what stands in the composer of a ticket under its kind, and nothing under the other: a note must
// not come back as a reply. It returns the draft as it stands then.
func saveDraft(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID, kind string, k kept) (draft.Draft, error) {
	other := note
	if kind == note {
		other = reply
	} else {
		kind = reply
	}
	if err := draft.Delete(ctx, tx, a, draftKey(ticketID, other)); err != nil {
		return draft.Draft{}, err
	}
	key := draftKey(ticketID, kind)
	if k.Text == "" && len(k.Files) == 0 {
		return draft.Draft{}, draft.Delete(ctx, tx, a, key)
	}
	return putDraft(ctx, tx, a, key, k)
}

// putDraft writes a draft over whatever stood there.
func putDraft(ctx context.Context, tx *db.Tx, a auth.Actor, key string, body any) (draft.Draft, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return draft.Draft{}, err
	}
	was, err := draft.Get(ctx, tx, a, key)
	if err != nil && !errors.Is(err, errs.NotFound) {
		return was, err
	}
	return draft.Save(ctx, tx, a, key, b, was.Version)
}

// keptNow returns the draft of the composer of a ticket as its form would show it; the zero Draft when there is none.
func keptNow(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string) (draft.Draft, url.Values, error) {
	list, err := draft.List(ctx, tx, a, draftKey(ticketID, ""))
	if err != nil || len(list) == 0 {
		return draft.Draft{}, nil, err
	}
	kind := reply
	if list[0].Key == draftKey(ticketID, note) {
		kind = note
	}
	var k kept
	err = json.Unmarshal(list[0].Body, &k)
	return list[0], url.Values{"kind": {kind}, "text": {k.Text}}, err
}

// writes reports whether a typed into the composer of a ticket in the last half minute.
func writes(ctx context.Context, tx *db.Tx, a auth.Actor, ticketID string) (bool, error) {
	list, err := draft.List(ctx, tx, a, draftKey(ticketID, ""))
	return len(list) > 0 && tx.Now.Sub(list[0].Updated) < 30*time.Second, err
}

// keep saves what is being typed, unless another tab changed the draft that the form knows.
func (d *desk) keep(w http.ResponseWriter, r *http.Request) error {
	values, files, err := d.MultipartForm(w, r)
	if err != nil {
		return err
	}
	form := url.Values(values)
	k := kept{Text: form.Get("text"), Files: files}
	var at time.Time
	var now draft.Draft
	var other url.Values
	knows := true
	err = d.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		t, err := ticket.Find(ctx, tx, a, r.URL.Query().Get("ticket"))
		if err != nil {
			return err
		}
		at = tx.Now
		if now, other, err = keptNow(ctx, tx, a, t.ID); err != nil {
			return err
		}
		if knows = kit.KnowsDraft(r, now); knows {
			if now, err = saveDraft(ctx, tx, a, t.ID, form.Get("kind"), k); err != nil {
				return err
			}
		}
		return ticket.Beat(ctx, tx, a, t.ID, k.Text != "")
	})
	if err != nil {
		return err
	}
	if !knows {
		return kit.DraftClash(w, r, now, other)
	}
	kit.DraftSaved(w, now.Version)
	if k.Text == "" && len(k.Files) == 0 {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	l := i18n.From(r.Context())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err = io.WriteString(w, l.T("desk.draft.saved", "time", l.Time(at)))
	return err
}
