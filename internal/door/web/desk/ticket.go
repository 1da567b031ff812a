package desk

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/notify"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/desk"
	"entraide/internal/door/web/ui"
)

// ticket is the desk with a ticket open, or a part of it when script asks for it.
func (d *desk) ticket(w http.ResponseWriter, r *http.Request) error {
	return d.show(w, r, http.StatusOK, page.Form{Name: r.URL.Query().Get("form")})
}

// show draws the page of the ticket that r names, with a form that was refused or stands open.
func (d *desk) show(w http.ResponseWriter, r *http.Request, status int, f page.Form) error {
	var t page.Ticket
	var topics []string
	var unread int64
	err := d.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		c, err := readDossier(ctx, tx, a, r.PathValue("ref"), readQuery(r.URL.Query()))
		if err != nil {
			return err
		}
		if err := c.readUploads(ctx, tx, a, f.Values["attachment"]); err != nil {
			return err
		}
		topics = c.topics
		t = c.page(ctx, tx, a, f, r.URL.Query())
		if err := kit.Faces(ctx, tx, a, t.Faces()...); err != nil {
			return err
		}
		unread, err = notify.Unread(ctx, tx, a)
		return err
	})
	if err != nil {
		return err
	}
	if kit.Fragment(r) && r.Method == http.MethodGet {
		switch r.URL.Query().Get("part") {
		case "head":
			return kit.Render(w, r, status, page.Head(t))
		case "around":
			return kit.Render(w, r, status, page.Around(t))
		case "side":
			return kit.Render(w, r, status, page.Context(t))
		default:
			return kit.Render(w, r, status, page.Conversation(t))
		}
	}
	if unread > 0 {
		err := d.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			return notify.MarkRefRead(ctx, tx, a, "ticket/"+t.ID)
		})
		if err != nil {
			return err
		}
	}
	s, err := d.DeskShell(w, r, t.Ref+" · "+t.Subject, "desk")
	if err != nil {
		return err
	}
	s.Topics = append(s.Topics, topics...)
	if r.URL.Query().Get("images") != "" {
		allowImages(w.Header())
	}
	return kit.Render(w, r, status, page.Page(s, t))
}

// allowImages lets this one page load pictures from elsewhere: an agent asked to see those of a mail.
func allowImages(h http.Header) {
	const own = "img-src 'self'"
	if csp := h.Get("Content-Security-Policy"); csp != "" {
		h.Set("Content-Security-Policy", strings.Replace(csp, own, own+" https:", 1))
	}
}

// page puts a dossier into words.
func (d dossier) page(ctx context.Context, tx *db.Tx, a auth.Actor, f page.Form, v url.Values) page.Ticket {
	l, t := i18n.From(ctx), d.t
	path := "/desk/tickets/" + t.Reference()
	p := page.Ticket{Frame: d.Frame, ID: t.ID, Ref: t.Reference(), Subject: t.Subject, Path: path, Topic: t.Ref(), Level: t.Level,
		Priority: t.Priority, QueueID: t.QueueID, QueueName: t.QueueName, Version: strconv.FormatInt(t.Version, 10), Form: f}
	p.Status, p.Word = standing(l, t, tx.Now)
	live := readQuery(v).values(true)
	if v.Get("images") != "" {
		live.Set("images", "1")
	}
	p.Live = link(path, live)
	if t.AssigneeID != "" {
		p.Assignee = ui.Person{ID: t.AssigneeID, Name: t.Assignee}
	}
	if t.MergedInto != "" && d.into.ID != "" {
		p.Merged = d.linked(l, d.into, tx.Now)
	}
	for _, x := range d.present {
		p.Present = append(p.Present, page.Presence{Person: ui.Person{ID: x.PersonID, Name: x.Name}, Writing: x.Writing})
	}
	p.May = d.may(ctx, a, tx.Now)
	p.Items = d.talk(ctx, tx, a, v)
	for _, q := range d.asked {
		p.Asked = append(p.Asked, page.Asked{ID: q.envelope.ID, Sender: q.envelope.Sender, Ref: q.about.Reference(), Subject: q.about.Subject,
			Href: here(q.about.Reference(), v)})
	}
	p.Composer, p.Seen = d.composer(ctx, a, f, p), d.seen()
	d.offers(ctx, a, &p)
	p.States = states(l)
	p.Edit = d.editable(l, f)
	p.Side = d.side(ctx, tx, a)
	return p
}

// may says what the reader may do now. The rooms decide; this asks them so that no button leads to a refusal.
func (d dossier) may(ctx context.Context, a auth.Actor, now time.Time) page.Allowed {
	t := d.t
	m := page.Allowed{Work: t.MayWork(a) == nil, Resolve: t.MayResolve(a) == nil, Reopen: t.MayReopen(a, d.policy, now) == nil,
		Cancel: t.MayCancel(a) == nil, Reply: t.MayReply(a) == nil || t.MayNote(a) == nil}
	m.Resume = m.Work && (t.Status == ticket.New || t.Status == ticket.Pending)
	m.Take = m.Work && t.AssigneeID == "" && t.Status.Active()
	if err := t.MayWork(a); err != nil {
		if key, args, ok := errs.Reason(err); ok {
			m.Why = i18n.T(ctx, key, args...)
		}
	}
	for _, e := range d.escalations {
		if e.ToQueueID == t.QueueID && (e.Way == ticket.Up || e.Way == ticket.Across) {
			m.Return = m.Work
		}
	}
	return m
}

func (d dossier) linked(l i18n.Loc, t ticket.Ticket, now time.Time) page.Linked {
	kind, _ := standing(l, t, now)
	return page.Linked{Ref: t.Reference(), Subject: t.Subject, Href: "/desk/tickets/" + t.Reference() + "?" + d.Query, Status: kind}
}

// presence notes that the reader has the ticket open, and answers who else has.
func (d *desk) presence(w http.ResponseWriter, r *http.Request) error {
	var here []page.Presence
	err := d.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		t, err := ticket.Find(ctx, tx, a, r.PathValue("ref"))
		if err != nil {
			return err
		}
		writing, err := writes(ctx, tx, a, t.ID)
		if err != nil {
			return err
		}
		if err := ticket.Beat(ctx, tx, a, t.ID, writing); err != nil {
			return err
		}
		present, err := ticket.Present(ctx, tx, a, t)
		here = nil
		for _, x := range present {
			here = append(here, page.Presence{Person: ui.Person{ID: x.PersonID, Name: x.Name}, Writing: x.Writing})
		}
		if err != nil {
			return err
		}
		return kit.Faces(ctx, tx, a, page.Faces(here)...)
	})
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.Here(here))
}
