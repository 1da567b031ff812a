package portal

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/id"
	"entraide/internal/base/setting"
	"entraide/internal/domain/form"
	"entraide/internal/domain/notify"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/portal"
	"entraide/internal/door/web/ui"
)

// again is what a refused form brings back to the page of a request.
type again struct {
	text    string   // of the reply
	files   []string // uploads of the reply
	wrong   string   // why the reply was refused
	notice  string   // why something else was refused
	score   string   // of the rating
	comment string
	unrated string // why the rating was refused
	edit    bool   // the rating is asked for again
	typed   bool   // text is what was typed, also when it is empty: no draft
}

// request shows one request, or the part of it that script asks for.
func (p portal) request(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	back := again{score: q.Get("score"), edit: strings.HasSuffix(r.URL.Path, "/rating")}
	if s := q.Get("rate"); s != "" {
		back.score, back.edit = s, true
	}
	return p.show(w, r, http.StatusOK, back)
}

func (p portal) show(w http.ResponseWriter, r *http.Request, status int, back again) error {
	var t ticket.Ticket
	var v page.RequestView
	var elsewhere string
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if t, err = ticket.Find(ctx, tx, a, r.PathValue("ref")); err != nil {
			return err
		}
		if elsewhere = canonical(r, t, a); elsewhere != "" {
			return nil
		}
		if v, err = view(ctx, tx, a, t, back); err != nil {
			return err
		}
		return kit.Faces(ctx, tx, a, v.Faces()...)
	})
	if err != nil {
		return err
	}
	if elsewhere != "" {
		return kit.Redirect(w, r, elsewhere)
	}
	if kit.Fragment(r) {
		switch r.URL.Query().Get("part") {
		case "head":
			return kit.Render(w, r, status, page.RequestHead(v))
		case "side":
			return kit.Render(w, r, status, page.RequestSide(v))
		default:
			return kit.Render(w, r, status, page.RequestTalk(v))
		}
	}
	if err := p.seen(r, t); err != nil {
		return err
	}
	s, err := p.Shell(w, r, t.Reference()+" · "+t.Subject, "requests")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.Request(s, v))
}

// canonical is where a page about t is to be read instead; "" when it is this one. Agents work on the desk on what
// others asked; an id or a reference of before a change of type leads to the reference of now.
func canonical(r *http.Request, t ticket.Ticket, a auth.Actor) string {
	switch {
	case r.Method != http.MethodGet:
		return ""
	case !t.Own(a) && t.AsAgent(a):
		return ui.DeskPath + "/tickets/" + t.Reference()
	case r.PathValue("ref") == t.Reference():
		return ""
	}
	to := address(t)
	if strings.HasSuffix(r.URL.Path, "/rating") {
		to += "/rating"
	}
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	return to
}

// seen marks what the inbox tells of t read. It writes only when something is unread.
func (p portal) seen(r *http.Request, t ticket.Ticket) error {
	var unread int64
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		unread, err = notify.Unread(ctx, tx, a)
		return err
	})
	if err != nil || unread == 0 {
		return err
	}
	return p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return notify.MarkRefRead(ctx, tx, a, t.Ref())
	})
}

// view gathers everything the page shows, in a number of statements that does not depend on the length of the story.
func view(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, back again) (page.RequestView, error) {
	l := i18n.From(ctx)
	policy, err := setting.Get(ctx, tx, ticket.PolicyKey, ticket.DefaultPolicy())
	if err != nil {
		return page.RequestView{}, err
	}
	v := page.RequestView{Ref: t.Reference(), Subject: t.Subject, Topic: t.Ref(), Kind: ui.Kind(t.Status), Notice: back.notice,
		State: state(l, t, tx.Now), Sent: sent(l, t, a, tx.Now)}
	v.CanReply = t.MayReply(a) == nil
	v.CanCancel = t.MayCancel(a) == nil && t.Own(a)
	v.CanReopen = t.MayReopen(a, policy, tx.Now) == nil
	v.CanWatch = v.CanReply && (t.Own(a) || t.AsAgent(a))
	s, err := tell(ctx, tx, a, t)
	if err != nil {
		return v, err
	}
	v.Entries, v.Seen = s.entries, s.last
	v.Steps = steps(l, t, s, policy, tx.Now)
	if t.AssigneeID != "" && t.Status.Active() || t.Status == ticket.Resolved {
		v.Follows = ui.Person{ID: t.AssigneeID, Name: t.Assignee}
	}
	if err := beside(ctx, tx, a, t, &v); err != nil {
		return v, err
	}
	if v.Rating, err = rating(ctx, tx, a, t, back); err != nil {
		return v, err
	}
	if t.MergedInto != "" {
		v.IsMerged = true
		into, err := ticket.Find(ctx, tx, a, t.MergedInto)
		if err != nil && !errors.Is(err, errs.NotFound) {
			return v, err
		}
		if err == nil {
			v.Merged = page.Known{Ref: into.Reference(), Subject: into.Subject, Href: address(into)}
		}
	}
	if v.CanReply {
		v.Reply, err = composer(ctx, tx, a, t, back)
	} else if back.wrong != "" { // closed or joined meanwhile: what was written is given back, to be used elsewhere
		v.Notice, v.Unsent = back.wrong, back.text
	}
	return v, err
}

// beside fills the facts and who is in copy.
func beside(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, v *page.RequestView) error {
	l := i18n.From(ctx)
	fact := func(key, text string) {
		if text != "" {
			v.Facts = append(v.Facts, ui.KV{Name: l.T("portal.brief." + key), Text: text})
		}
	}
	fact("ref", t.Reference())
	fact("kind", l.T("ticket.kind."+string(t.Kind)))
	tree, err := ticket.Categories(ctx, tx)
	if err != nil {
		return err
	}
	fact("category", tree.Title(t.CategoryID, string(l.Lang)))
	if !t.Own(a) {
		fact("by", t.Requester)
	}
	if t.Status.Active() && t.DueResolved.After(tx.Now) {
		fact("due", l.T("portal.step.before", "when", l.When(t.DueResolved, tx.Now)))
	}
	if len(t.Fields) > 0 {
		fields, err := form.All(ctx, tx, a)
		if err != nil {
			return err
		}
		for _, f := range fields {
			if text := f.Show(l, t.Fields[f.Key]); text != "" {
				v.Facts = append(v.Facts, ui.KV{Name: f.Label(l.Lang), Text: text})
			}
		}
	}
	watchers, err := ticket.Watchers(ctx, tx, t)
	for _, w := range watchers {
		v.Watchers = append(v.Watchers, page.Follower{Person: ui.Person{ID: w.PersonID, Name: w.Name}, CanDrop: v.CanWatch || w.PersonID == a.ID})
	}
	return err
}

func rating(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, back again) (page.RatingView, error) {
	v := page.RatingView{Show: t.MayRate(a) == nil, Edit: back.edit, Score: back.score, Comment: back.comment, Error: back.unrated}
	if !v.Show {
		return v, nil
	}
	given, ok, err := ticket.RatingOf(ctx, tx, t)
	if err != nil || !ok {
		return v, err
	}
	v.Given = true
	if v.Score == "" {
		v.Score = given.Score
	}
	if back.unrated == "" && v.Comment == "" {
		v.Comment = given.Comment
	}
	return v, nil
}

// composer is the reply, with the draft that was left.
func composer(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, back again) (ui.Composer, error) {
	l := i18n.From(ctx)
	key := replyDraft(t)
	c := ui.Composer{Action: address(t) + "/messages", Label: l.T("portal.reply"), Value: back.text, Error: back.wrong,
		DraftURL: page.DraftURL(key), Once: id.New(), UploadURL: page.UploadsPath, Note: l.T("portal.reply.note"), Attrs: page.ReplyAttrs()}
	if by := firstName(t.Assignee); by != "" {
		c.Label = l.T("portal.reply.to", "name", by)
	}
	if t.Status == ticket.Resolved {
		c.Note = l.T("portal.reply.reopens")
	}
	files := back.files
	in, left, err := typedBefore(ctx, tx, a, key)
	if err != nil {
		return c, err
	}
	c.DraftVersion = left.Version
	if !back.typed && in != nil {
		c.Value, files, c.DraftNote = in.get("text"), in["attachment"], l.T("portal.draft.restored")
	}
	c.Files, err = uploads(ctx, tx, a, files)
	return c, err
}

func replyDraft(t ticket.Ticket) string { return t.Ref() + "/public" }
