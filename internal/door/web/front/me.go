package front

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/notify"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/front"
	"entraide/internal/door/web/ui"
)

func (p pages) mountMe() {
	p.Route(kit.SignedIn, "GET "+ui.ProfilePath, p.me)
	p.Route(kit.SignedIn, "POST "+ui.ProfilePath, p.saveMe)
	p.Route(kit.SignedIn, "POST "+photoPath, p.savePhoto)
	p.Route(kit.SignedIn, "POST "+photoPath+"/removal", p.dropPhoto)
	p.Route(kit.SignedIn, "GET /people/{id}/photo", p.photo)
	p.Route(kit.SignedIn, "GET "+ui.ProfilePath+"/notifications", p.choices)
	p.Route(kit.SignedIn, "POST "+ui.ProfilePath+"/notifications", p.saveChoices)
	p.Route(kit.SignedIn, "POST "+ui.ProfilePath+"/away", p.saveAway)
	p.Route(kit.SignedIn, "GET "+ui.ProfilePath+"/security", p.security)
	p.Route(kit.SignedIn, "POST "+ui.ProfilePath+"/password", p.savePassword)
	p.Route(kit.SignedIn, "POST "+ui.ProfilePath+"/sessions/{id}/end", p.endSession)
	p.Route(kit.SignedIn, "POST "+ui.ProfilePath+"/tokens", p.makeToken)
	p.Route(kit.SignedIn, "POST "+ui.ProfilePath+"/tokens/{id}/revoke", p.dropToken)
}

// zones are those offered first; a person may type any other IANA name.
func zones() []string {
	return []string{"Europe/Paris", "Europe/London", "Europe/Brussels", "Europe/Zurich", "America/Montreal", "America/Guadeloupe",
		"America/Martinique", "America/Cayenne", "Indian/Reunion", "Indian/Mayotte", "Pacific/Noumea", "Pacific/Tahiti", "UTC"}
}

// mine loads the person who is signed in.
func (p pages) mine(r *http.Request) (me identity.Person, err error) {
	err = p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		me, err = identity.Find(ctx, tx, a, a.ID)
		return err
	})
	return me, err
}

func (p pages) me(w http.ResponseWriter, r *http.Request) error {
	me, err := p.mine(r)
	if err != nil {
		return err
	}
	return p.showMe(w, r, http.StatusOK, me, page.Me{})
}

// day is a date as date fields write it, in the person's zone; "" for none.
func day(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(time.DateOnly)
}

func (p pages) showMe(w http.ResponseWriter, r *http.Request, status int, me identity.Person, v page.Me) error {
	ctx := r.Context()
	zone := auth.From(ctx).Location()
	v.Name, v.Email, v.Lang, v.Zone, v.Phone, v.Mobile, v.GivenName, v.Theme = me.Name, me.Email, me.Lang, me.Zone, me.Phone, me.Mobile, me.GivenName, me.Theme
	v.Title, v.Version, v.Zones = me.Title, me.Version, zones()
	v.Person = ui.Person{ID: me.ID, Name: me.Name, Image: ui.PhotoPath(me.ID, me.Avatar)}
	if me.Zone != "" && !slices.Contains(v.Zones, me.Zone) {
		v.Zones = append(v.Zones, me.Zone)
	}
	if v.AwayMistakes == nil {
		v.AwayFrom, v.AwayNote = day(me.Away.From, zone), me.Away.Note
		if !me.Away.Until.IsZero() {
			v.AwayUntil = day(me.Away.Until.AddDate(0, 0, -1), zone) // shown as the last day
		}
		if me.Away.DeputyID != "" {
			err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
				d, err := identity.Find(ctx, tx, a, me.Away.DeputyID)
				v.Deputy = d.Email
				if errors.Is(err, errs.NotFound) {
					return nil
				}
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	s, err := p.Shell(w, r, i18n.T(ctx, "front.me.title"), "profile")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.Profile(s, v))
}

func (p pages) saveMe(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	version, err := strconv.ParseInt(r.PostFormValue("version"), 10, 64)
	if err != nil {
		version = 0
	}
	var typed identity.Person
	err = p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		typed, err = identity.Update(ctx, tx, a, a.ID, version, func(me *identity.Person) {
			me.GivenName, me.Lang, me.Zone, me.Theme = r.PostFormValue("given_name"), r.PostFormValue("lang"), r.PostFormValue("zone"), r.PostFormValue("theme")
			me.Phone, me.Mobile = r.PostFormValue("phone"), r.PostFormValue("mobile")
		})
		return err
	})
	if errors.Is(err, errs.Invalid) || errors.Is(err, errs.Conflict) {
		me, found := p.mine(r)
		if found != nil {
			return found
		}
		me.GivenName, me.Lang, me.Zone, me.Theme = r.PostFormValue("given_name"), r.PostFormValue("lang"), r.PostFormValue("zone"), r.PostFormValue("theme")
		me.Phone, me.Mobile = r.PostFormValue("phone"), r.PostFormValue("mobile")
		v := page.Me{Mistakes: ui.MistakesOf(r.Context(), err)}
		status := http.StatusUnprocessableEntity
		if errors.Is(err, errs.Conflict) {
			status, v.Changed = http.StatusConflict, true
		}
		return p.showMe(w, r, status, me, v)
	}
	if err != nil {
		return err
	}
	p.SetTheme(w, typed.Theme)
	return p.Done(w, r, ui.ProfilePath, ui.Flash{Text: i18n.New(typed.Lang, typed.Zone).T("front.saved")})
}

func (p pages) saveAway(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	ctx := r.Context()
	zone := auth.From(ctx).Location()
	v := page.Me{AwayFrom: r.PostFormValue("from"), AwayUntil: r.PostFormValue("until"), AwayNote: r.PostFormValue("note"), Deputy: r.PostFormValue("deputy")}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		away := identity.Away{Note: v.AwayNote}
		var wrong []errs.Field
		for _, d := range []struct {
			field, typed string
			to           *time.Time
			plus         int
		}{{"from", v.AwayFrom, &away.From, 0}, {"until", v.AwayUntil, &away.Until, 1}} {
			if d.typed == "" {
				continue
			}
			t, err := time.ParseInLocation(time.DateOnly, d.typed, zone)
			if err != nil {
				wrong = append(wrong, errs.Field{Name: d.field, Key: "front.away.date"})
			}
			*d.to = t.AddDate(0, 0, d.plus)
		}
		if v.Deputy != "" {
			d, err := identity.FindByEmail(ctx, tx, a, v.Deputy)
			if errors.Is(err, errs.NotFound) {
				wrong = append(wrong, errs.Field{Name: "deputy", Key: "front.away.nobody"})
			} else if err != nil {
				return err
			}
			away.DeputyID = d.ID
		}
		if err := errs.InvalidFields(wrong); err != nil {
			return err
		}
		if away.Until.IsZero() {
			away = identity.Away{}
		}
		_, err := identity.SetAway(ctx, tx, a, a.ID, away)
		return err
	})
	if errors.Is(err, errs.Invalid) {
		me, found := p.mine(r)
		if found != nil {
			return found
		}
		v.AwayMistakes = ui.MistakesOf(ctx, err)
		return p.showMe(w, r, http.StatusUnprocessableEntity, me, v)
	}
	if err != nil {
		return err
	}
	return p.Done(w, r, ui.ProfilePath, ui.Flash{Text: i18n.T(ctx, "front.saved")})
}

// clock is a minute of the day as time fields write it; "" for none.
func clock(minute int) string {
	if minute < 0 {
		return ""
	}
	return time.Date(2000, 1, 1, 0, minute, 0, 0, time.UTC).Format("15:04")
}

// minuteOf reads a time field; -1 for none or nonsense.
func minuteOf(s string) int {
	t, err := time.Parse("15:04", s)
	if err != nil {
		return -1
	}
	return t.Hour()*60 + t.Minute()
}

func (p pages) choices(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	l := i18n.From(ctx)
	var v page.Choices
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		list, err := notify.Preferences(ctx, tx, a)
		if err != nil {
			return err
		}
		for _, c := range list {
			v.Topics = append(v.Topics, page.Choice{Name: string(c.Topic), Label: c.Topic.Label(l), Mail: string(c.Mail), Inbox: c.Inbox})
		}
		rhythm, err := notify.RhythmOf(ctx, tx, a)
		v.QuietFrom, v.QuietUntil, v.DigestAt = clock(rhythm.QuietFrom), clock(rhythm.QuietUntil), clock(rhythm.DigestAt)
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.Shell(w, r, i18n.T(ctx, "front.choices.title"), "profile")
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.Preferences(s, v))
}

func (p pages) saveChoices(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		var list []notify.Preference
		for _, t := range notify.Topics(a) {
			if mail := r.PostFormValue("mail." + string(t)); mail != "" {
				list = append(list, notify.Preference{Topic: t, Mail: notify.Mail(mail), Inbox: r.PostFormValue("inbox."+string(t)) != ""})
			}
		}
		if err := notify.SavePreferences(ctx, tx, a, list); err != nil {
			return err
		}
		rhythm := notify.Rhythm{QuietFrom: minuteOf(r.PostFormValue("quiet_from")), QuietUntil: minuteOf(r.PostFormValue("quiet_until")),
			DigestAt: minuteOf(r.PostFormValue("digest_at"))}
		if rhythm.DigestAt < 0 {
			rhythm.DigestAt = notify.DefaultRhythm().DigestAt
		}
		if rhythm.QuietFrom < 0 || rhythm.QuietUntil < 0 {
			rhythm.QuietFrom, rhythm.QuietUntil = -1, -1 // half of it says nothing
		}
		return notify.SaveRhythm(ctx, tx, a, rhythm)
	})
	if err != nil {
		return err
	}
	return p.Done(w, r, ui.ProfilePath+"/notifications", ui.Flash{Text: i18n.T(r.Context(), "front.saved")})
}
