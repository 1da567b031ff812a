package desk

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/draft"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/desk"
	"entraide/internal/door/web/ui"
)

func excerpt(s string) string { return text.Excerpt(s, 240) }

// say adds a reply or a note, and resolves or waits with it when asked to.
func (d *desk) say(w http.ResponseWriter, r *http.Request) error {
	values, files, err := d.MultipartForm(w, r)
	form := url.Values(values)
	if err == nil {
		form["attachment"] = files
		clean(form)
		err = d.send(w, r, form)
		if err == nil {
			return nil
		}
	}
	if values == nil || !errors.Is(err, errs.Invalid) && !errors.Is(err, errs.Conflict) {
		return err
	}
	p := kit.ProblemOf(r.Context(), err)
	return d.show(w, r, p.Status, page.Form{Name: "messages", Values: form, Text: p.Text})
}

func (d *desk) send(w http.ResponseWriter, r *http.Request, form url.Values) error {
	var sent ticket.Message
	var t ticket.Ticket
	err := d.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if t, err = ticket.Find(ctx, tx, a, r.PathValue("ref")); err != nil {
			return err
		}
		if again, err := kit.Twice(ctx, tx, a, form.Get("once"), form.Get("kind")+"\n"+form.Get("text")); err != nil || again {
			return err
		}
		sent, err = speak(ctx, tx, a, t, form)
		for _, kind := range []string{reply, note} {
			if err == nil {
				err = draft.Delete(ctx, tx, a, draftKey(t.ID, kind))
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	l := i18n.From(r.Context())
	f := ui.Flash{Text: l.T("desk.sent." + doneBy(form.Get("kind"), form.Get("then")))}
	if !sent.HeldUntil.IsZero() {
		f.Undo = undoPath(sent.ID, r.URL.Query())
	}
	return d.Done(w, r, here(t.Reference(), r.URL.Query()), f)
}

// doneBy names what was done, for the confirmation.
func doneBy(kind, then string) string {
	switch {
	case kind == note:
		return "note"
	case then == "resolve":
		return "resolved"
	case then == "wait":
		return "waiting"
	default:
		return "reply"
	}
}

// speak writes what the composer holds: a note, a reply, or a reply that resolves or that waits for an answer.
func speak(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, form url.Values) (m ticket.Message, err error) {
	body := form.Get("text")
	if strings.TrimSpace(body) == "" {
		body = ""
	}
	s := ticket.Say{Draught: ticket.Draught{Body: body, Attachments: form["attachment"]}, Seen: form.Get("seen")}
	switch {
	case form.Get("kind") == note:
		return ticket.Note(ctx, tx, a, t.ID, s)
	case form.Get("then") == "resolve": // one message and one piece of news, not two
		if err := crossed(ctx, tx, a, t, s.Seen); err != nil {
			return m, err
		}
		if s.Body == "" {
			return m, errs.InvalidField("body", "ticket.body_missing")
		}
		_, err = ticket.Resolve(ctx, tx, a, t.ID, ticket.Resolution{Body: s.Body, Attachments: s.Attachments})
		return m, err
	case form.Get("then") == "wait":
		if m, err = ticket.Reply(ctx, tx, a, t.ID, s); err != nil {
			return m, err
		}
		_, err = ticket.Pend(ctx, tx, a, t.ID, ticket.OnRequester, time.Time{}, 0)
		return m, err
	}
	s.Hold = true
	return ticket.Reply(ctx, tx, a, t.ID, s)
}

// crossed refuses a last word when others said something since the message that its author saw last.
func crossed(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, seen string) error {
	if seen == "" {
		return nil
	}
	all, err := ticket.Conversation(ctx, tx, a, t)
	for _, m := range all {
		if m.ID > seen && m.Visibility == ticket.Public && m.AuthorID != a.ID {
			return errs.Because(errs.Conflict, "ticket.crossed", "ref", t.Reference())
		}
	}
	return err
}

// takeBack takes a held reply back and offers its text again.
func (d *desk) takeBack(w http.ResponseWriter, r *http.Request) error {
	var t ticket.Ticket
	err := d.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		m, err := ticket.Undo(ctx, tx, a, r.PathValue("id"))
		if err != nil {
			return err
		}
		if t, err = ticket.Find(ctx, tx, a, m.TicketID); err != nil {
			return err
		}
		k := kept{Text: m.Body}
		for _, f := range m.Attachments {
			k.Files = append(k.Files, f.ID)
		}
		_, err = saveDraft(ctx, tx, a, t.ID, reply, k)
		return err
	})
	if err != nil {
		return err
	}
	// Also script follows: the text comes back only with the page.
	if err := d.SetFlash(w, ui.Flash{Text: i18n.T(r.Context(), "desk.undone"), Icon: "undo-2"}); err != nil {
		return err
	}
	http.Redirect(w, r, here(t.Reference(), r.URL.Query()), http.StatusSeeOther)
	return nil
}

// undoPath is where a held reply is taken back.
func undoPath(messageID string, v url.Values) string {
	return link("/desk/messages/"+messageID+"/undo", readQuery(v).values(true))
}

// raw sends the mail as it came in.
func (d *desk) raw(w http.ResponseWriter, r *http.Request) error {
	var m ticket.Message
	err := d.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if m, err = ticket.FindMessage(ctx, tx, a, r.PathValue("id")); err != nil {
			return err
		}
		t, err := ticket.Find(ctx, tx, a, m.TicketID)
		if err != nil {
			return err
		}
		return t.MayNote(a)
	})
	if err != nil {
		return err
	}
	if m.Raw == "" {
		return errs.NotFound
	}
	f, err := d.Blobs.Open(r.Context(), m.Raw)
	if errors.Is(err, blob.ErrNotFound) {
		return errs.NotFound
	}
	if err != nil {
		return err
	}
	defer f.Close()
	blob.Headers(w, m.ID+".eml", "message/rfc822", false)
	http.ServeContent(w, r, "", m.CreatedAt, f)
	return nil
}
