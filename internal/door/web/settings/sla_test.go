package settings_test

import (
	"net/url"
	"strings"
	"testing"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/domain/calendar"
	"entraide/internal/domain/sla"
)

func TestPromises(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, agent browser) {
		const list, newCalendar, newPolicy = "/settings/sla", "/settings/sla/calendars/new", "/settings/sla/policies/new"
		has(t, admin.do(200, list, nil), newCalendar)
		agent.do(403, list, nil)
		has(t, admin.do(200, newCalendar, nil), "09:00-12:30, 13:30-18:00")
		form := url.Values{"name": {"Bureau"}, "tz": {"Europe/Paris"}, "hours.mon": {"09:00-12:30, 13:30-18:00"}, "country": {"FR"}, "region": {"57"}, "days": {"2026-12-24\n2026-08-03 2026-08-14"}}
		for field, bad := range map[string]string{"name": "", "tz": "Mars/Olympus", "hours.mon": "09:00-12:30, 12:00-18:00", "hours.tue": "neuf heures"} {
			f := url.Values{}
			for k, v := range form {
				f[k] = v
			}
			f.Set(field, bad)
			has(t, admin.do(422, newCalendar, f), `href="#f-`+field)
		}
		empty := url.Values{"name": {"Fermé"}, "tz": {"Europe/Paris"}}
		admin.do(422, newCalendar, empty)
		agent.do(403, newCalendar, form)
		trial := url.Values{"start": {"2026-03-16T17:40"}, "minutes": {"1h30"}}
		for k, v := range form {
			trial[k] = v
		}
		has(t, admin.do(200, "/settings/sla/calendars/new/trial", trial), "10:10") // Monday to Monday: twenty minutes, then the rest
		trial.Set("minutes", "beaucoup")
		has(t, admin.do(422, "/settings/sla/calendars/new/trial", trial), `href="#f-minutes`)
		if n := dbtest.Count(t, d, "calendar"); n != 0 {
			t.Errorf("%d calendars after refused forms and trials", n)
		}
		admin.do(303, newCalendar, form)
		var c calendar.Stored
		var p sla.Policy
		read := func() {
			t.Helper()
			err := d.Read(t.Context(), func(tx *db.Tx) error {
				all, err := calendar.List(t.Context(), tx)
				if err == nil && len(all) > 0 {
					c = all[0]
				}
				if err != nil {
					return err
				}
				policies, err := sla.Policies(t.Context(), tx)
				if len(policies) > 0 {
					p = policies[0]
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		read()
		if len(c.Spec.Holidays) != 3 || len(c.Spec.Hours["mon"]) != 2 {
			t.Errorf("stored %+v", c.Spec)
		}
		has(t, admin.do(200, "/settings/sla/calendars/"+c.ID, nil), "2026-08-03 2026-08-14")
		has(t, admin.do(200, newPolicy, nil), "Bureau")
		policy := url.Values{"name": {"Standard"}, "calendar": {c.ID}, "active": {"on"}, "warn": {"75"}, "waits": {"requester"}, "leads": {"late"}, "kinds": {"incident"}, "vip": {"on"}, "site": {"Lyon"}, "first.1": {"30"}, "resolution.1": {"4h"}, "resolution.3": {"1h30"}}
		for field, bad := range map[string]string{"name": " ", "calendar": "none", "warn": "200", "first.1": "dix", "resolution.1": "15", "leads": "always"} {
			f := url.Values{}
			for k, v := range policy {
				f[k] = v
			}
			f.Set(field, bad)
			if field == "resolution.1" {
				field = "first.1" // the answer would come after the resolution
			}
			has(t, admin.do(422, newPolicy, f), `href="#f-`+field)
		}
		policy.Set("warn", "souvent")
		has(t, admin.do(422, newPolicy, policy), `href="#f-warn`)
		policy.Set("warn", "75")
		admin.do(422, newPolicy, url.Values{"name": {"Rien"}, "calendar": {c.ID}})
		agent.do(403, newPolicy, policy)
		admin.do(303, newPolicy, policy)
		read()
		if p.Targets[1] != (sla.Target{First: 30, Resolution: 240}) || p.Targets[3].Resolution != 90 || !p.Active || strings.Join(p.Waits, "") != "requester" || p.Leads != sla.Late || !p.Fits.VIP || strings.Join(p.Fits.Sites, "") != "Lyon" {
			t.Errorf("stored %+v", p)
		}
		has(t, admin.do(200, list, nil), "Bureau · most urgent: answer in 30 min, resolution in 4 h<")
		page := admin.do(200, "/settings/sla/policies/"+p.ID, nil)
		has(t, page, `value="4h"`)
		has(t, page, `value="1h30"`)
		has(t, page, `<option value="Lyon" selected`) // also while nobody is there
		if n := dbtest.Count(t, d, "job WHERE kind = 'sla.anew'"); n != 2 {
			t.Errorf("%d promises to count anew", n)
		}
		admin.do(409, "/settings/sla/calendars/"+c.ID+"/removal", url.Values{}) // a policy counts by it
		policy.Set("version", "9")
		admin.do(409, "/settings/sla/policies/"+p.ID, policy)
		agent.do(403, "/settings/sla/policies/"+p.ID+"/removal", url.Values{})
		admin.do(303, "/settings/sla/policies/"+p.ID+"/removal", url.Values{})
		admin.do(303, "/settings/sla/calendars/"+c.ID+"/removal", url.Values{})
		admin.do(404, "/settings/sla/calendars/"+c.ID, nil)
		admin.do(404, "/settings/sla/policies/"+p.ID, nil)
	})
}
