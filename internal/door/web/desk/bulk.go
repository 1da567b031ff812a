package desk

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
	"entraide/internal/domain/draft"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	"entraide/internal/door/web/ui"
)

// inverse takes one change of a bulk action back.
type inverse struct {
	Ticket string    `json:"ticket"`
	Do     string    `json:"do"` // assign, priority, tags, resume, pend or reopen
	Text   string    `json:"text,omitempty"`
	Number int       `json:"number,omitempty"`
	Tags   []string  `json:"tags,omitempty"`
	At     time.Time `json:"at"`
}

// memory is what an undo needs, kept as a draft of who acted.
type memory struct {
	Until    time.Time `json:"until"`
	Inverses []inverse `json:"inverses"`
}

// Undo stays possible for an hour.
const (
	undoFor    = time.Hour
	undoPrefix = "undo/"
	maxBulk    = 200 // tickets at once
)

// bulk does one thing to the chosen tickets. Those that do not allow it are left as they are and counted.
func (d *desk) bulk(w http.ResponseWriter, r *http.Request) error {
	if err := d.Form(w, r); err != nil {
		return err
	}
	f := clean(r.PostForm)
	ids := slices.Compact(slices.Sorted(slices.Values(f["id"])))
	if len(ids) == 0 || len(ids) > maxBulk {
		return errs.Because(errs.Invalid, "desk.bulk.choose", "max", maxBulk)
	}
	var undo []inverse
	var left int
	key := ""
	err := d.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		key, left = "", 0
		if f.Get("action") == "merge" {
			undo, err = nil, mergeAll(ctx, tx, a, ids)
			return err
		}
		if undo, left, err = each(ctx, tx, a, ids, f); err != nil || len(undo) == 0 {
			return err
		}
		key, err = remember(ctx, tx, a, undo)
		return err
	})
	if err != nil {
		return err
	}
	l := i18n.From(r.Context())
	flash := ui.Flash{Text: l.N("desk.bulk.done", int64(len(ids)-left))}
	if left > 0 {
		flash = ui.Flash{Text: l.T("desk.bulk.some", "done", len(ids)-left, "left", left), Icon: "triangle-alert"}
	}
	q := readQuery(r.URL.Query())
	if key != "" {
		v := q.values(true)
		v.Set("key", key)
		flash.Undo = link("/desk/bulk/undo", v)
	}
	return d.Done(w, r, link(viewPath(q.view), q.values(false)), flash)
}

// refused reports whether err says that a ticket does not allow it, which is no fault.
func refused(err error) bool {
	return errors.Is(err, errs.Forbidden) || errors.Is(err, errs.Conflict) || errors.Is(err, errs.NotFound) || errors.Is(err, errs.Invalid)
}

// each does an action to each ticket; left counts those that refuse. When all refuse for one reason, that is the error.
func each(ctx context.Context, tx *db.Tx, a auth.Actor, ids []string, f url.Values) (undo []inverse, left int, err error) {
	var why error
	for _, ref := range ids {
		t, err := ticket.Find(ctx, tx, a, ref)
		if err == nil {
			var back inverse
			if back, err = once(ctx, tx, a, t, f); err == nil && back.Do != "" {
				undo = append(undo, back)
			}
		}
		if err != nil && !refused(err) {
			return nil, 0, err
		}
		if err != nil {
			left, why = left+1, err
		}
	}
	if left == len(ids) {
		return nil, left, why
	}
	return undo, left, nil
}

// once does an action to one ticket and returns what takes it back.
func once(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, f url.Values) (inverse, error) {
	name, arg, _ := strings.Cut(f.Get("action"), ":")
	back := inverse{Ticket: t.ID}
	switch name {
	case "take":
		back.Do, back.Text = "assign", t.AssigneeID
		_, err := ticket.Take(ctx, tx, a, t.ID)
		return back, err
	case "assign":
		back.Do, back.Text = "assign", t.AssigneeID
		_, err := ticket.Assign(ctx, tx, a, t.ID, f.Get("person"), 0)
		return back, err
	case "priority":
		back.Do, back.Number = "priority", t.Priority
		p, err := strconv.Atoi(arg)
		if err != nil {
			return back, errs.InvalidField("priority", "ticket.scale")
		}
		_, err = ticket.Update(ctx, tx, a, t.ID, ticket.Patch{Priority: &p})
		return back, err
	case "tag":
		was, err := ticket.Tags(ctx, tx, t)
		if err != nil {
			return back, err
		}
		if strings.TrimSpace(f.Get("tag")) == "" {
			return back, errs.InvalidField("tag", "desk.tag.missing")
		}
		back.Do, back.Tags = "tags", was
		list := append(slices.Clone(was), splitTags(f.Get("tag"))...)
		_, err = ticket.Update(ctx, tx, a, t.ID, ticket.Patch{Tags: &list})
		return back, err
	case "status":
		return setStatus(ctx, tx, a, t, arg)
	}
	return back, errs.InvalidField("action", "desk.bulk.unknown")
}

func setStatus(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, to string) (back inverse, err error) {
	back = inverse{Ticket: t.ID, Do: "resume"}
	if t.Status == ticket.Pending {
		back = inverse{Ticket: t.ID, Do: "pend", Text: string(t.PendingOn), At: t.PendingUntil}
	}
	switch ticket.Status(to) {
	case ticket.Open:
		if t.Status != ticket.Pending {
			back.Do = "" // a new ticket that is open cannot become new again
		}
		_, err = ticket.Resume(ctx, tx, a, t.ID, 0)
	case ticket.Pending:
		_, err = ticket.Pend(ctx, tx, a, t.ID, ticket.OnRequester, time.Time{}, 0)
	case ticket.Resolved:
		back = inverse{Ticket: t.ID, Do: "reopen", Text: t.AssigneeID} // resolving gives it to who does
		_, err = ticket.Resolve(ctx, tx, a, t.ID, ticket.Resolution{})
	default:
		err = errs.InvalidField("action", "desk.bulk.unknown")
	}
	return back, err
}

// mergeAll merges tickets into the oldest of them; ids are sorted by creation. It happens to all or to none.
func mergeAll(ctx context.Context, tx *db.Tx, a auth.Actor, ids []string) error {
	if len(ids) < 2 {
		return errs.Because(errs.Invalid, "desk.bulk.merge.two")
	}
	for _, gone := range ids[1:] {
		if _, err := ticket.Merge(ctx, tx, a, gone, ids[0]); err != nil {
			return err
		}
	}
	return nil
}

// remember keeps what takes a bulk action back and forgets what is too old, and returns the key.
func remember(ctx context.Context, tx *db.Tx, a auth.Actor, undo []inverse) (string, error) {
	old, err := draft.List(ctx, tx, a, undoPrefix)
	if err != nil {
		return "", err
	}
	for _, o := range old {
		if tx.Now.Sub(o.Updated) > undoFor {
			if err := draft.Delete(ctx, tx, a, o.Key); err != nil {
				return "", err
			}
		}
	}
	key := id.New()
	_, err = putDraft(ctx, tx, a, undoPrefix+key, memory{Until: tx.Now.Add(undoFor), Inverses: undo})
	return key, err
}

// undoBulk takes the last bulk action back, as far as the tickets still allow it.
func (d *desk) undoBulk(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r.URL.Query())
	key := undoPrefix + text.Clean(r.URL.Query().Get("key"))
	err := d.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		kept, err := draft.Get(ctx, tx, a, key)
		if err != nil {
			return err
		}
		var m memory
		if err := json.Unmarshal(kept.Body, &m); err != nil {
			return err
		}
		if tx.Now.After(m.Until) {
			return errs.Because(errs.Conflict, "desk.bulk.late")
		}
		for _, x := range m.Inverses {
			if err := x.run(ctx, tx, a); err != nil && !refused(err) {
				return err
			}
		}
		return draft.Delete(ctx, tx, a, key)
	})
	if err != nil {
		return err
	}
	if kit.Fragment(r) { // the page that asked reloads its live parts and says so
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return d.Done(w, r, link(viewPath(q.view), q.values(false)), ui.Flash{Text: i18n.T(r.Context(), "desk.bulk.undone"), Icon: "undo-2"})
}

func (x inverse) run(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
	switch x.Do {
	case "assign":
		_, err = ticket.Assign(ctx, tx, a, x.Ticket, x.Text, 0)
	case "priority":
		_, err = ticket.Update(ctx, tx, a, x.Ticket, ticket.Patch{Priority: &x.Number})
	case "tags":
		tags := append([]string{}, x.Tags...)
		_, err = ticket.Update(ctx, tx, a, x.Ticket, ticket.Patch{Tags: &tags})
	case "resume":
		_, err = ticket.Resume(ctx, tx, a, x.Ticket, 0)
	case "pend":
		_, err = ticket.Pend(ctx, tx, a, x.Ticket, ticket.PendingOn(x.Text), x.At, 0)
	case "reopen":
		if _, err = ticket.Reopen(ctx, tx, a, x.Ticket, ""); err == nil {
			_, err = ticket.Assign(ctx, tx, a, x.Ticket, x.Text, 0)
		}
	}
	return err
}
