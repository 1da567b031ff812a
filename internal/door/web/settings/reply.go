package settings

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
)

const repliesPath = ui.SettingsPath + "/replies"

// everybody is how the list is narrowed to the replies of no team.
const everybody = "all"

// myself is the choice of a reply that nobody else sees.
const myself = "me"

func (p pages) mountReplies() {
	p.Route(kit.Agents, "GET "+repliesPath, p.replies)
	p.Route(kit.Agents, "GET "+repliesPath+"/new", p.newReply)
	p.Route(kit.Agents, "POST "+repliesPath, p.saveReply)
	p.Route(kit.Agents, "POST "+repliesPath+"/preview", p.previewReply)
	p.Route(kit.Agents, "GET "+repliesPath+"/{id}", p.reply)
	p.Route(kit.Agents, "POST "+repliesPath+"/{id}", p.saveReply)
	p.Route(kit.Agents, "POST "+repliesPath+"/{id}/delete", p.deleteReply)
}

// langs are the languages in their own words.
var langs = []ui.Option{{Value: "fr", Label: "Français"}, {Value: "en", Label: "English"}}

func langName(lang string) string {
	for _, o := range langs {
		if o.Value == lang {
			return o.Label
		}
	}
	return lang
}

func (p pages) replies(w http.ResponseWriter, r *http.Request) error {
	l, q := i18n.From(r.Context()), r.URL.Query()
	v := page.Replies{Query: q.Get("q"), Team: q.Get("team"), Lang: q.Get("lang"), Langs: append([]ui.Option{{Label: l.T("settings.reply.lang.any")}}, langs...),
		Teams: []ui.Option{{Label: l.T("settings.reply.team.any")}, {Value: everybody, Label: l.T("settings.reply.everybody")}, {Value: myself, Label: l.T("settings.reply.myself")}}, Category: q.Get("category")}
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		teams, err := identity.ListTeams(ctx, tx, a)
		if err != nil {
			return err
		}
		names := make(map[string]string)
		for _, t := range teams {
			names[t.ID] = t.Name
			if a.Works(t.ID) {
				v.Teams = append(v.Teams, ui.Option{Value: t.ID, Label: t.Name})
			}
		}
		tree, err := ticket.Categories(ctx, tx)
		if err != nil {
			return err
		}
		v.Categories = branches(l, tree)
		all, err := ticket.CannedReplies(ctx, tx, a, "")
		v.Any = len(all) > 0
		typed := text.Fold(v.Query)
		for _, c := range all {
			if v.Lang != "" && c.Lang != v.Lang || v.Team != "" && scope(c) != v.Team || v.Category != "" && !slices.Contains(tree.Below(v.Category), c.CategoryID) ||
				!strings.Contains(text.Fold(c.Title+"\n"+c.Body), typed) {
				continue
			}
			v.List = append(v.List, page.ReplyLine{Title: c.Title, Href: repliesPath + "/" + c.ID, Excerpt: text.Excerpt(c.Body, 140), Team: names[c.TeamID], Mine: c.OwnerID != "",
				Category: tree.Title(c.CategoryID, string(l.Lang)), Lang: langName(c.Lang)})
		}
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.shell(w, r, l.T("settings.replies"), "replies")
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.RepliesPage(s, v))
}

// findReply returns a canned reply that a may use.
func findReply(ctx context.Context, tx *db.Tx, a auth.Actor, replyID string) (ticket.CannedReply, error) {
	all, err := ticket.CannedReplies(ctx, tx, a, "")
	if err != nil {
		return ticket.CannedReply{}, err
	}
	i := slices.IndexFunc(all, func(c ticket.CannedReply) bool { return c.ID == replyID })
	if i < 0 {
		return ticket.CannedReply{}, fmt.Errorf("canned reply %.40q: %w", replyID, errs.NotFound)
	}
	return all[i], nil
}

func shownReply(c ticket.CannedReply) page.Reply {
	return page.Reply{ID: c.ID, Title: c.Title, Body: c.Body, Lang: c.Lang, Team: scope(c), Category: c.CategoryID, Version: c.Version}
}

// scope is for whom c is as the form chooses it: a team's id, everybody or myself.
func scope(c ticket.CannedReply) string {
	switch {
	case c.OwnerID != "":
		return myself
	case c.TeamID == "":
		return everybody
	}
	return c.TeamID
}

// newReply shows an empty form, or with ?from= one that begins as a copy in the other language.
func (p pages) newReply(w http.ResponseWriter, r *http.Request) error {
	v := page.Reply{Lang: string(i18n.From(r.Context()).Lang)}
	if from := r.URL.Query().Get("from"); from != "" {
		err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			c, err := findReply(ctx, tx, a, from)
			v = shownReply(c)
			return err
		})
		if err != nil {
			return err
		}
		v.ID, v.Version = "", 0
		if v.Lang == "fr" {
			v.Lang = "en"
		} else {
			v.Lang = "fr"
		}
	}
	return p.showReply(w, r, http.StatusOK, v)
}

func (p pages) reply(w http.ResponseWriter, r *http.Request) error {
	var v page.Reply
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		c, err := findReply(ctx, tx, a, r.PathValue("id"))
		v = shownReply(c)
		v.Fixed = c.MayKeep(a) != nil
		return err
	})
	if err != nil {
		return err
	}
	return p.showReply(w, r, http.StatusOK, v)
}

func (p pages) showReply(w http.ResponseWriter, r *http.Request, status int, v page.Reply) error {
	l := i18n.From(r.Context())
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		tree, err := ticket.Categories(ctx, tx)
		if err != nil {
			return err
		}
		v.Categories = branches(l, tree)
		if ticket.MayKeepReplies(a, "") == nil {
			v.Teams = append(v.Teams, ui.Option{Value: everybody, Label: l.T("settings.reply.everybody")})
		}
		teams, err := identity.ListTeams(ctx, tx, a)
		for _, t := range teams {
			if ticket.MayKeepReplies(a, t.ID) == nil && (t.Active || t.ID == v.Team) {
				v.Teams = append(v.Teams, ui.Option{Value: t.ID, Label: t.Name})
			}
		}
		v.Teams = append(v.Teams, ui.Option{Value: myself, Label: l.T("settings.reply.myself")})
		return err
	})
	if err != nil {
		return err
	}
	v.Preview = preview(r.Context(), v.Body)
	title := v.Title
	if v.ID == "" || title == "" {
		title = l.T("settings.reply.new")
	}
	s, err := p.shell(w, r, title, "replies")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.ReplyPage(s, title, v, variables(r.Context())))
}

// sample is the ticket that previews are written for.
func sample(l i18n.Loc) ticket.Ticket {
	return ticket.Ticket{Kind: ticket.Incident, Number: 1042, Subject: l.T("settings.reply.sample.subject"), Requester: l.T("settings.reply.sample.who")}
}

// variables are what a canned reply fills in, each with its value in the preview.
func variables(ctx context.Context) (out []page.Variable) {
	t, a := sample(i18n.From(ctx)), auth.From(ctx)
	for _, name := range []string{"requester.name", "requester.first_name", "ticket.reference", "ticket.subject", "agent.name", "agent.first_name"} {
		name = "{{" + name + "}}"
		out = append(out, page.Variable{Name: name, Example: ticket.CannedReply{Body: name}.Fill(t, a)})
	}
	return out
}

var variable = regexp.MustCompile(`\{\{[^{}\n]{0,60}\}\}`)

func preview(ctx context.Context, body string) page.Preview {
	filled := ticket.CannedReply{Body: text.Clean(body)}.Fill(sample(i18n.From(ctx)), auth.From(ctx))
	unknown := variable.FindAllString(filled, 20)
	slices.Sort(unknown)
	return page.Preview{HTML: text.Markdown(filled), Unknown: slices.Compact(unknown)}
}

func (p pages) previewReply(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.ReplyPreview(preview(r.Context(), r.PostFormValue("body"))))
}

func (p pages) saveReply(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	c := ticket.CannedReply{ID: r.PathValue("id"), Title: r.PostFormValue("title"), Body: r.PostFormValue("body"), Lang: r.PostFormValue("lang"),
		CategoryID: r.PostFormValue("category"), Version: versionOf(r)}
	switch team := r.PostFormValue("team"); team {
	case myself:
		c.OwnerID = auth.From(r.Context()).ID
	case everybody:
	default:
		c.TeamID = team
	}
	v := shownReply(c)
	if r.PostFormValue("do") == "preview" {
		return p.showReply(w, r, http.StatusOK, v)
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		if c.ID != "" {
			if _, err := findReply(ctx, tx, a, c.ID); err != nil {
				return err
			}
		}
		if c.MayKeep(a) != nil {
			return errs.InvalidField("team", "settings.reply.team.yours")
		}
		_, err := ticket.SaveCannedReply(ctx, tx, a, c)
		return err
	})
	if status, yes := refused(err); yes {
		v.Mistakes = ui.MistakesOf(r.Context(), err)
		if status == http.StatusConflict {
			now, found := p.replyNow(r)
			if found != nil {
				return found
			}
			v.Changed, v.Version = true, now.Version // saving again is about the one in force
		}
		return p.showReply(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return p.done(w, r, repliesPath, "settings.reply.saved")
}

func (p pages) replyNow(r *http.Request) (c ticket.CannedReply, err error) {
	err = p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		c, err = findReply(ctx, tx, a, r.PathValue("id"))
		return err
	})
	return c, err
}

func (p pages) deleteReply(w http.ResponseWriter, r *http.Request) error {
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return ticket.DeleteCannedReply(ctx, tx, a, r.PathValue("id"))
	})
	if err != nil {
		return err
	}
	return p.done(w, r, repliesPath, "settings.reply.deleted")
}
