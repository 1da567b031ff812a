package portal

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/draft"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/portal"
	"entraide/internal/door/web/ui"
)

// inputs are a form as it is typed: values by field name.
type inputs map[string][]string

func (in inputs) get(name string) string {
	if v := in[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

// texts reports whether somebody wrote anything worth keeping.
func (in inputs) texts() bool {
	for name, values := range in {
		if name == "subject" || name == "body" || name == "text" || name == "attachment" || strings.HasPrefix(name, "fields.") {
			for _, v := range values {
				if strings.TrimSpace(v) != "" {
					return true
				}
			}
		}
	}
	return false
}

// saveDraft keeps a form as it is typed, and answers with the sentence that the form shows. An empty form forgets its
// draft. When another tab changed the draft that the form knows, nothing is kept and the form lets its reader choose.
func (p portal) saveDraft(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	key, in := r.URL.Query().Get("key"), inputs(r.PostForm)
	for _, own := range []string{"once", "seen"} { // of this page, not of what is typed
		delete(in, own)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	l := i18n.From(r.Context())
	var said string
	var other inputs
	var now draft.Draft
	knows := true
	err = p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if other, now, err = typedBefore(ctx, tx, a, key); err != nil {
			return err
		}
		if knows = kit.KnowsDraft(r, now); !knows {
			return nil
		}
		if !in.texts() {
			said, now.Version = l.T("portal.draft.empty"), 0
			return draft.Delete(ctx, tx, a, key)
		}
		now, err = draft.Save(ctx, tx, a, key, body, now.Version)
		said = l.T("portal.draft.saved", "time", l.Time(now.Updated))
		return err
	})
	if err != nil {
		return err
	}
	if !knows {
		return kit.DraftClash(w, r, now, other)
	}
	kit.DraftSaved(w, now.Version)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err = w.Write([]byte(said))
	return err
}

// discardDraft forgets the draft of the new request and begins afresh, with the subject just asked for, if any.
func (p portal) discardDraft(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return draft.Delete(ctx, tx, a, page.NewDraft)
	})
	if err != nil {
		return err
	}
	q := url.Values{"type": {kindOf(r.PostForm.Get("type"))}}
	if s := r.PostForm.Get("subject"); s != "" {
		q.Set("subject", s)
	}
	return kit.Redirect(w, r, ui.NewRequestPath+"?"+q.Encode())
}

// typedBefore returns the draft under key; nil when there is none.
func typedBefore(ctx context.Context, tx *db.Tx, a auth.Actor, key string) (inputs, draft.Draft, error) {
	d, err := draft.Get(ctx, tx, a, key)
	if errors.Is(err, errs.NotFound) {
		return nil, d, nil
	}
	if err != nil {
		return nil, d, err
	}
	var in inputs
	if err := json.Unmarshal(d.Body, &in); err != nil {
		return nil, d, nil // of a form that looked different; the next save replaces it
	}
	return in, d, nil
}

// uploads returns those of ids that are still uploads of the actor, as a form shows them.
func uploads(ctx context.Context, tx *db.Tx, a auth.Actor, ids []string) ([]ui.Attachment, error) {
	var out []ui.Attachment
	l := i18n.From(ctx)
	for i, id := range ids {
		if i == ticket.MaxAttachments {
			break
		}
		f, err := ticket.FindAttachment(ctx, tx, a, id)
		if errors.Is(err, errs.NotFound) || err == nil && f.MessageID != "" {
			continue // forgotten after a day, or sent meanwhile
		}
		if err != nil {
			return nil, err
		}
		out = append(out, chip(l, f))
	}
	return out, nil
}
