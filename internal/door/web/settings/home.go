package settings

import (
	"context"
	"net/http"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/event"
	"entraide/internal/base/i18n"
	"entraide/internal/base/job"
	"entraide/internal/base/setting"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/form"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
)

// overview is the first page: what needs attention, every section with its state, and a search over all of them.
func (p pages) overview(w http.ResponseWriter, r *http.Request) error {
	l := i18n.From(r.Context())
	v := page.Overview{NoMail: p.Config.SMTP.Host == "", Query: r.URL.Query().Get("q"), Badges: make(map[string]page.Badge)}
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		v.Lead = !a.Admin()
		if err := teamBadges(ctx, tx, a, &v); err != nil || v.Lead {
			return err
		}
		if err := centreBadges(ctx, tx, a, &v); err != nil {
			return err
		}
		return workBadges(ctx, tx, a, &v)
	})
	if err != nil {
		return err
	}
	v.Hits = page.Search(r.Context(), v.Query, v.Badges)
	if kit.Fragment(r) {
		return kit.Render(w, r, http.StatusOK, page.Sections(v))
	}
	s, err := p.shell(w, r, l.T("settings.overview"), "overview")
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.OverviewPage(s, v))
}

// teamBadges counts what leads look after too.
func teamBadges(ctx context.Context, tx *db.Tx, a auth.Actor, v *page.Overview) error {
	l := i18n.From(ctx)
	teams, err := identity.ListTeams(ctx, tx, a)
	if err != nil {
		return err
	}
	led := 0
	for _, t := range teams {
		if !t.Active || t.MayManage(a) != nil {
			continue
		}
		if led++; len(t.Members) == 0 {
			v.Empty = append(v.Empty, t.Name)
		}
	}
	v.Badges["teams"] = page.Badge{Text: l.N("settings.badge.teams", int64(led))}
	replies, err := ticket.CannedReplies(ctx, tx, a, "")
	if err != nil {
		return err
	}
	v.Badges["replies"] = page.Badge{Text: l.N("settings.replies.count", int64(len(replies)))}
	views, err := ticket.Views(ctx, tx, a)
	n := 0
	for _, x := range views {
		if x.TeamID != "" && a.Leads(x.TeamID) {
			n++
		}
	}
	v.Badges["views"] = page.Badge{Text: l.N("settings.badge.views", int64(n))}
	return err
}

// centreBadges counts what the centre is made of.
func centreBadges(ctx context.Context, tx *db.Tx, a auth.Actor, v *page.Overview) error {
	l := i18n.From(ctx)
	org, err := setting.Get(ctx, tx, identity.OrganisationKey, identity.Organisation{})
	if err != nil {
		return err
	}
	v.NoName = org.Name == ""
	v.Badges["organisation"] = page.Badge{Text: org.Name}
	groups, err := identity.ListGroups(ctx, tx, a)
	if err != nil {
		return err
	}
	v.Badges["groups"] = page.Badge{Text: l.N("settings.badge.groups", int64(len(groups)))}
	tree, err := ticket.Categories(ctx, tx)
	if err != nil {
		return err
	}
	v.Badges["categories"] = page.Badge{Text: l.N("settings.badge.categories", int64(len(tree)))}
	fields, err := form.All(ctx, tx, a)
	asked := int64(0)
	for _, f := range fields {
		if f.Active {
			asked++
		}
	}
	v.Badges["fields"] = page.Badge{Text: l.N("settings.badge.fields", asked)}
	return err
}

// workBadges counts what goes wrong in the background.
func workBadges(ctx context.Context, tx *db.Tx, a auth.Actor, v *page.Overview) error {
	l := i18n.From(ctx)
	counts, err := job.Counts(ctx, tx)
	if err != nil {
		return err
	}
	v.Dead, v.Waiting = counts[job.Dead], counts[job.Waiting]
	stuck, err := event.Troubles(ctx, tx, most)
	if err != nil {
		return err
	}
	v.Stuck = int64(len(stuck))
	mails, err := channel.Troubles(ctx, tx, a, most)
	v.Mails = int64(len(mails))
	if bad := v.Dead + v.Stuck; bad > 0 {
		v.Badges["work"] = page.Badge{Text: l.N("settings.badge.work", bad), Bad: true}
	}
	switch {
	case v.Mails > 0:
		v.Badges["mail"] = page.Badge{Text: l.N("settings.mails", v.Mails), Bad: true}
	case v.NoMail:
		v.Badges["mail"] = page.Badge{Text: l.T("settings.badge.mail")}
	}
	return err
}
