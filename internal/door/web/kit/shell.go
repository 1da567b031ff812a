package kit

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/base/setting"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/notify"
	"entraide/internal/door/web/ui"
)

// Shell builds what surrounds a page: who is signed in, where they can go, what waits for them. It takes the flash of
// the last action, so it is to be called once, for a page that is shown.
func (k *Kit) Shell(w http.ResponseWriter, r *http.Request, title, active string) (ui.Shell, error) {
	ctx := r.Context()
	a := auth.From(ctx)
	s := ui.Shell{Title: title, Active: active, Path: r.URL.RequestURI(), Flash: k.takeFlash(w, r)}
	s.Mark, _ = ctx.Value(markKey{}).(string)
	if r.Method != http.MethodGet {
		s.Path = ui.HomePath
	}
	if c, err := r.Cookie(themeCookie); err == nil && (c.Value == "light" || c.Value == "dark") {
		s.Theme = c.Value
	}
	err := k.DB.Read(ctx, func(tx *db.Tx) error {
		org, err := setting.Get(ctx, tx, identity.OrganisationKey, identity.Organisation{})
		if err != nil {
			return err
		}
		s.Org = org.Name
		if a.ID == "" {
			return nil
		}
		if s.Unread, err = notify.Unread(ctx, tx, a); err != nil {
			return err
		}
		s.Person = ui.Person{ID: a.ID, Name: a.Name, Href: ui.ProfilePath, Detail: a.Email}
		return Faces(ctx, tx, a, &s.Person)
	})
	if err != nil || a.ID == "" {
		return s, err
	}
	s.Nav, s.Tabs, s.Menu = places(ctx, a)
	return s, nil
}

func places(ctx context.Context, a auth.Actor) (nav, tabs, menu []ui.NavItem) {
	item := func(key, href, icon string) ui.NavItem {
		return ui.NavItem{Key: key, Label: i18n.T(ctx, "web.nav."+key), Href: href, Icon: icon}
	}
	home, mine := item("home", ui.HomePath, "house"), item("requests", "/requests", "inbox")
	nav = []ui.NavItem{home, mine}
	tab := func(i ui.NavItem) ui.NavItem { // a fifth of a phone is narrow
		i.Label = i18n.T(ctx, "web.tab."+i.Key)
		return i
	}
	tabs = []ui.NavItem{home, tab(mine), item("help", ui.NewRequestPath, "life-buoy"), tab(item("notifications", ui.NotificationsPath, "bell"))}
	menu = []ui.NavItem{mine} // the profile stands there always
	if a.Agent() {
		desk := item("desk", ui.DeskPath, "headset")
		nav, tabs, menu = append(nav, desk), append(tabs, desk), append(menu, desk)
	} else {
		tabs = append(tabs, tab(item("profile", ui.ProfilePath, "circle-user")))
	}
	if a.Is(auth.Lead) { // leads find their teams there
		settings := item("settings", ui.SettingsPath, "settings")
		settings.Apart = true
		menu = append(menu, settings)
	} else if a.Agent() {
		menu = append(menu, item("replies", ui.SettingsPath+"/replies", "reply"))
	}
	return nav, tabs, menu
}

// DeskShell is Shell with the desk's rail as navigation.
func (k *Kit) DeskShell(w http.ResponseWriter, r *http.Request, title, active string) (ui.Shell, error) {
	s, err := k.Shell(w, r, title, active)
	if err != nil {
		return s, err
	}
	ctx := r.Context()
	item := func(key, href, icon string) ui.NavItem {
		return ui.NavItem{Key: key, Label: i18n.T(ctx, "web.nav."+key), Href: href, Icon: icon}
	}
	s.Desk = true
	s.Nav = []ui.NavItem{item("desk", ui.DeskPath, "inbox"), item("call", "/desk/call", "phone-call")}
	portal := item("home", ui.HomePath, "house")
	portal.Apart = true
	s.Nav = append(s.Nav, portal)
	if auth.From(ctx).Is(auth.Lead) {
		s.Nav = append(s.Nav, item("settings", ui.SettingsPath, "settings"))
	}
	return s, nil
}

// SetFlash shows a message on the next page, after a redirect. Texts are those of catalogues, never what people typed.
func (k *Kit) SetFlash(w http.ResponseWriter, f ui.Flash) error {
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	k.cookie(w, flashCookie, base64.RawURLEncoding.EncodeToString(b), time.Minute, true)
	return nil
}

// Done ends a successful action: by a toast when script sent it, else by a flash and a redirect to path.
func (k *Kit) Done(w http.ResponseWriter, r *http.Request, path string, f ui.Flash) error {
	if err := k.SetFlash(w, f); err != nil {
		return err
	}
	return Redirect(w, r, path)
}

func (k *Kit) takeFlash(w http.ResponseWriter, r *http.Request) []ui.Flash {
	c, err := r.Cookie(flashCookie)
	if err != nil || c.Value == "" {
		return nil
	}
	k.cookie(w, flashCookie, "", -1, true)
	var f ui.Flash
	b, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || json.Unmarshal(b, &f) != nil {
		return nil // not ours
	}
	f.Undo = Local(f.Undo, "")
	return []ui.Flash{f}
}
