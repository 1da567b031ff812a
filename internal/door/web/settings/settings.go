// Package settings is where administrators shape the support centre: people, teams and queues, forms, delays, and what
// goes on in the background; and where leads look after their teams.
package settings

import (
	"net/http"

	"entraide/internal/base/i18n"
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
	p.Route(kit.Leads, "GET "+ui.SettingsPath, p.overview)
	p.mountPeople()
	p.mountTeams()
	p.mountWork()
	p.mountCategories()
	p.mountFields()
	p.mountReplies()
	p.mountViews()
	p.mountGroups()
	p.mountPromises()
	p.mountTokens()
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
