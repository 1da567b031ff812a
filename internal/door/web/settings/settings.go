// Package settings is where administrators shape the support centre: people, teams and queues, delays, and what goes on
// in the background.
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
	"entraide/internal/domain/identity"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
)

type pages struct{ *kit.Kit }

// Paths of the settings.
const (
	peoplePath       = ui.SettingsPath + "/people"
	teamsPath        = ui.SettingsPath + "/teams"
	workPath         = ui.SettingsPath + "/work"
	mailPath         = ui.SettingsPath + "/mail"
	organisationPath = ui.SettingsPath + "/organisation"
)

// most is how many troubles a page shows: who has more mends the first ones first.
const most = 100

// Mount registers the pages of the settings.
func Mount(k *kit.Kit) {
	p := pages{k}
	p.Route(kit.Admins, "GET "+ui.SettingsPath, p.overview)
	p.mountPeople()
	p.mountTeams()
	p.mountWork()
	p.mountMail()
	p.mountCategories()
	p.Route(kit.Admins, "GET "+organisationPath, p.organisation)
	p.Route(kit.Admins, "POST "+organisationPath, p.saveOrganisation)
}

// shell is the frame of a settings page with its side navigation.
func (p pages) shell(w http.ResponseWriter, r *http.Request, title, active string) (ui.Shell, error) {
	s, err := p.Shell(w, r, title, active)
	s.Side = page.Side(r.Context())
	return s, err
}

// done ends a successful action with what was done in words.
func (p pages) done(w http.ResponseWriter, r *http.Request, path, key string) error {
	return p.Done(w, r, path, ui.Flash{Text: i18n.T(r.Context(), key)})
}

func (p pages) overview(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v := page.Overview{NoMail: p.Config.SMTP.Host == ""}
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		org, err := setting.Get(ctx, tx, identity.OrganisationKey, identity.Organisation{})
		if err != nil {
			return err
		}
		v.NoName = org.Name == ""
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
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.shell(w, r, i18n.T(ctx, "settings.overview"), "overview")
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.OverviewPage(s, v))
}
