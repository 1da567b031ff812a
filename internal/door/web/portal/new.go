package portal

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
	"entraide/internal/domain/draft"
	"entraide/internal/domain/form"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/portal"
	"entraide/internal/door/web/ui"
)

// kindOf is the type asked for; an incident unless it is a request.
func kindOf(s string) string {
	if s == string(ticket.Request) {
		return s
	}
	return string(ticket.Incident)
}

// newRequest shows the form, filled with the draft that was left, if any.
func (p portal) newRequest(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	asked := text.Line(q.Get("subject"))
	in := inputs{"type": {q.Get("type")}, "subject": {asked}, "category": {q.Get("category")}}
	var restored, fresh string
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		before, d, err := typedBefore(ctx, tx, a, page.NewDraft)
		if err != nil || before == nil {
			return err
		}
		l := i18n.From(ctx)
		restored = l.When(d.Updated, tx.Now)
		if asked != before.get("subject") {
			fresh = asked
		}
		if t := q.Get("type"); t != "" {
			before["type"] = []string{t}
		}
		in = before
		return nil
	})
	if err != nil {
		return err
	}
	v, err := p.form(r, in)
	if err != nil {
		return err
	}
	v.Once, v.Restored, v.Fresh = id.New(), restored, fresh
	return p.showForm(w, r, http.StatusOK, v)
}

func (p portal) showForm(w http.ResponseWriter, r *http.Request, status int, v page.NewView) error {
	s, err := p.Shell(w, r, i18n.T(r.Context(), "portal.new."+v.Kind+".crumb"), "")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.New(s, v))
}

// form fills the view with what was typed.
func (p portal) form(r *http.Request, in inputs) (page.NewView, error) {
	v := page.NewView{Kind: kindOf(in.get("type")), Once: in.get("once"), Subject: in.get("subject"), Body: in.get("body"), Impact: in.get("impact")}
	if v.Impact == "" {
		v.Impact = "partly"
	}
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if v.Files, err = uploads(ctx, tx, a, in["attachment"]); err != nil {
			return err
		}
		_, left, err := typedBefore(ctx, tx, a, page.NewDraft)
		if err != nil {
			return err
		}
		v.DraftVersion = left.Version
		v.Questions, err = questionsOf(ctx, tx, in)
		return err
	})
	return v, err
}

// questionsOf finds what the form asks about the category chosen in it.
func questionsOf(ctx context.Context, tx *db.Tx, in inputs) (page.Questions, error) {
	q := page.Questions{Category: in.get("category"), Values: make(map[string][]string)}
	for key, v := range form.FromForm(in) {
		q.Values[key], _ = v.([]string)
	}
	tree, err := ticket.Categories(ctx, tx)
	if err != nil {
		return q, err
	}
	l := i18n.From(ctx)
	lang := string(l.Lang)
	path := tree.Path(chosen(tree, in))
	if len(path) > 0 {
		q.Category = path[0].ID // a draft or a link may name a deeper one
	}
	ids := make([]string, len(path))
	for i, c := range path {
		ids[i] = c.ID
	}
	if len(path) > 1 {
		q.Sub = path[len(path)-1].ID
	}
	for _, c := range tree {
		if !c.Active {
			continue
		}
		up := tree.Path(c.ID)
		switch {
		case c.ParentID == "":
			q.Top = append(q.Top, ui.Option{Value: c.ID, Label: c.Name(lang)})
		case up[0].ID == q.Category:
			label := c.Name(lang)
			if len(up) > 2 {
				label = up[len(up)-2].Name(lang) + " › " + label
			}
			q.Subs = append(q.Subs, ui.Option{Value: c.ID, Label: label})
		}
	}
	if len(q.Top) > 0 {
		q.Top = append(q.Top, ui.Option{Value: "", Label: l.T("portal.new.category.none")})
	}
	if len(q.Subs) > 0 {
		q.Subs = append([]ui.Option{{Label: l.T("portal.new.sub.none")}}, q.Subs...)
	}
	q.Fields, err = form.For(ctx, tx, kindOf(in.get("type")), ids)
	return q, err
}

// chosen is the category of a form: the deeper choice if it lies under the first one.
func chosen(tree ticket.Tree, in inputs) string {
	top, sub := in.get("category"), in.get("sub")
	if path := tree.Path(sub); len(path) > 1 && path[0].ID == top {
		return sub
	}
	return top
}

// questions answers a change of category: with the questions alone for script, with the whole form, nothing sent and
// nothing refused, for a browser without.
func (p portal) questions(w http.ResponseWriter, r *http.Request) error {
	values, files, err := p.MultipartForm(w, r)
	if err != nil {
		return err
	}
	in := inputs(values)
	in["attachment"] = files
	v, err := p.form(r, in)
	if err != nil {
		return err
	}
	if kit.Fragment(r) {
		return kit.Render(w, r, http.StatusOK, page.QuestionsOf(v.Questions))
	}
	return p.showForm(w, r, http.StatusOK, v)
}

var onceShape = regexp.MustCompile(`^[0-9A-Z]{26}$`)

// urgencies are what the answers to "does it stop you from working?" mean.
var urgencies = map[string]int{"no": 4, "partly": 3, "yes": 1}

// send opens the request. Sent twice, it is opened once.
func (p portal) send(w http.ResponseWriter, r *http.Request) error {
	values, files, failed := p.MultipartForm(w, r)
	if failed != nil && !errors.Is(failed, errs.Invalid) || values == nil {
		return failed
	}
	in := inputs(values)
	if failed != nil { // one file was refused: what was typed and the other files are kept
		files = append(in["attachment"], files...)
	}
	in["attachment"] = files
	if !onceShape.MatchString(in.get("once")) {
		in["once"] = []string{id.New()}
	}
	var t ticket.Ticket
	err := failed
	if err == nil {
		t, err = p.open(r, in)
	}
	if err == nil {
		l := i18n.From(r.Context())
		return p.Done(w, r, address(t), ui.Flash{Text: l.T("portal.sent", "ref", t.Reference())})
	}
	if !errors.Is(err, errs.Invalid) {
		return err
	}
	v, shown := p.form(r, in)
	if shown != nil {
		return shown
	}
	v.Mistakes = mistakes(r.Context(), err)
	v.Wrong = v.Mistakes
	return p.showForm(w, r, http.StatusUnprocessableEntity, v)
}

// mistakes names the fields as the form does.
func mistakes(ctx context.Context, err error) ui.Mistakes {
	all := ui.MistakesOf(ctx, err)
	for i := range all {
		if all[i].Name == "file" {
			all[i].Name = "attachments"
		}
	}
	return all
}

func (p portal) open(r *http.Request, in inputs) (t ticket.Ticket, err error) {
	err = p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		tree, err := ticket.Categories(ctx, tx)
		if err != nil {
			return err
		}
		d := ticket.Draft{Kind: ticket.Kind(kindOf(in.get("type"))), Subject: in.get("subject"), RequesterID: a.ID, Channel: ticket.Portal,
			CategoryID: chosen(tree, in), ExternalID: once(a, in), Fields: form.FromForm(in),
			Message: ticket.Draught{Body: strings.TrimSpace(in.get("body")), Attachments: in["attachment"]}}
		if d.Kind == ticket.Incident {
			d.Urgency = urgencies[in.get("impact")]
		}
		if t, err = ticket.OpenTicket(ctx, tx, a, d); err != nil && !errors.Is(err, ticket.ErrKnown) {
			return err
		}
		return draft.Delete(ctx, tx, a, page.NewDraft)
	})
	if err == nil || errors.Is(err, errs.Invalid) {
		return t, err
	}
	// Two copies of the form at the same moment: the one that lost finds the request of the one that won.
	var twin ticket.Ticket
	if p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		found, _, err := ticket.List(ctx, tx, a, ticket.Filter{ExternalID: once(a, in)}, ticket.Page{Limit: 1})
		if err == nil && len(found) == 1 {
			twin = found[0]
		}
		return err
	}) == nil && twin.ID != "" {
		return twin, nil
	}
	return t, err
}

// once names the form that was sent; it carries the person, so that nobody meets somebody else's request.
func once(a auth.Actor, in inputs) string { return "portal:" + a.ID + ":" + in.get("once") }
