package settings_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
)

var machine = auth.System("test")

// write runs f in a transaction and fails the test on an error.
func write(t *testing.T, d *db.DB, f func(tx *db.Tx) error) {
	t.Helper()
	if err := d.Write(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// person stores somebody called name.
func person(t *testing.T, d *db.DB, name string, roles ...auth.Role) (x identity.Person) {
	t.Helper()
	write(t, d, func(tx *db.Tx) (err error) {
		x, err = identity.Create(t.Context(), tx, machine, identity.Person{Name: name, Email: strings.ToLower(name) + "@x.example", Lang: "en", Roles: roles})
		return err
	})
	return x
}

// signed is another browser on the server of b, in which x is signed in.
func signed(t *testing.T, b browser, x identity.Person) browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	other := browser{t, b.url, &http.Client{Jar: jar, CheckRedirect: b.c.CheckRedirect}}
	other.do(200, "/as/"+x.ID, nil)
	return other
}

// world is a team that Lea leads, with its queue, and one that she does not.
type world struct {
	lea       identity.Person
	net, desk identity.Team
	queue     ticket.Queue
	lead      browser
}

func teams(t *testing.T, d *db.DB, b browser) (w world) {
	t.Helper()
	w.lea = person(t, d, "Lea", auth.Lead)
	write(t, d, func(tx *db.Tx) (err error) {
		if w.net, err = identity.CreateTeam(t.Context(), tx, machine, identity.Team{Name: "Network", Level: 2}); err != nil {
			return err
		}
		if w.desk, err = identity.CreateTeam(t.Context(), tx, machine, identity.Team{Name: "Workplace", Level: 1}); err != nil {
			return err
		}
		if w.queue, err = ticket.SaveQueue(t.Context(), tx, machine, ticket.Queue{Name: "Wifi", TeamID: w.net.ID}); err != nil {
			return err
		}
		return identity.SetMember(t.Context(), tx, machine, w.net.ID, w.lea.ID, true)
	})
	w.lead = signed(t, b, w.lea)
	return w
}

func lacks(t *testing.T, page, text string) {
	t.Helper()
	if strings.Contains(page, text) {
		t.Errorf("the page has %q", text)
	}
}

func TestLeadsLookAfterTheirTeamsOnly(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, agent browser) {
		w := teams(t, d, admin)
		for _, path := range []string{"/people", "/people/new", "/groups", "/categories", "/fields", "/fields/new", "/organisation", "/work", "/tokens"} {
			w.lead.do(403, "/settings"+path, nil)
		}
		for _, path := range []string{"", "/teams", "/views"} {
			w.lead.do(200, "/settings"+path, nil)
			agent.do(403, "/settings"+path, nil)
		}
		for _, path := range []string{"/replies", "/replies/new"} { // agents keep their own
			w.lead.do(200, "/settings"+path, nil)
			lacks(t, agent.do(200, "/settings"+path, nil), `href="/settings/teams"`)
		}
		home := w.lead.do(200, "/settings", nil)
		has(t, home, `href="/settings/teams"`)
		lacks(t, home, `href="/settings/people"`)
		list := w.lead.do(200, "/settings/teams", nil)
		has(t, list, "Network")
		lacks(t, list, "Workplace")
		mine, other := "/settings/teams/"+w.net.ID, "/settings/teams/"+w.desk.ID
		w.lead.do(403, other, nil)
		w.lead.do(403, mine, url.Values{"name": {"Mine"}, "level": {"3"}, "version": {"1"}})
		w.lead.do(403, mine+"/queues", url.Values{"name": {"More"}, "position": {"1"}})
		w.lead.do(403, other+"/members", url.Values{"person": {w.lea.ID}})

		guy, anna := person(t, d, "Guy", auth.Agent), person(t, d, "Anna")
		page := w.lead.do(200, mine+"?q=anna", nil)
		has(t, page, "is not an agent")
		lacks(t, page, `value="`+anna.ID+`"`)
		has(t, w.lead.do(422, mine+"/members", url.Values{"person": {anna.ID}, "q": {"anna"}}), "Ask an administrator")
		w.lead.do(422, mine+"/members", url.Values{"person": {guy.ID}, "leads": {"1"}})
		has(t, w.lead.do(200, mine+"?q=guy", nil), `value="`+guy.ID+`"`)
		w.lead.do(303, mine+"/members", url.Values{"person": {guy.ID}})

		away := mine + "/members/" + guy.ID
		agent.do(403, away, nil)
		w.lead.do(404, mine+"/members/"+anna.ID, nil)
		day := func(n int) string { return d.Now().AddDate(0, 0, n).Format(time.DateOnly) }
		has(t, w.lead.do(422, away+"/away", url.Values{"from": {day(3)}, "until": {day(1)}, "note": {"Back soon"}}), "Back soon")
		w.lead.do(422, away+"/away", url.Values{"from": {"soon"}, "until": {day(1)}})
		w.lead.do(422, away+"/away", url.Values{"from": {day(1)}})
		w.lead.do(303, away+"/away", url.Values{"from": {day(-1)}, "until": {day(2)}, "deputy": {w.lea.ID}, "note": {"Leave"}})
		page = w.lead.do(200, away, nil)
		has(t, page, `value="`+day(2)+`"`)
		has(t, page, "Away until")
		w.lead.do(403, other+"/members/"+guy.ID+"/away", url.Values{"until": {day(2)}})
		w.lead.do(303, away+"/away", url.Values{"do": {"back"}})
		lacks(t, w.lead.do(200, away, nil), "Away until")
		w.lead.do(303, away, url.Values{"do": {"remove"}})
		w.lead.do(404, away, nil)
		if n := dbtest.Count(t, d, "team_member"); n != 1 {
			t.Errorf("%d members, want Lea alone", n)
		}
	})
}

func TestTeamAndItsQueue(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, _ browser) {
		w := teams(t, d, admin)
		anna := person(t, d, "Anna")
		path := "/settings/teams/" + w.net.ID
		level := func() (n int) {
			write(t, d, func(tx *db.Tx) error {
				q, err := ticket.FindQueue(t.Context(), tx, w.queue.ID)
				n = q.Level
				return err
			})
			return n
		}
		typed := url.Values{"name": {"Networks"}, "level": {"3"}, "active": {"on"}, "version": {"1"}}
		ask := admin.do(200, path, typed)
		has(t, ask, "Wifi")
		has(t, ask, `value="Networks"`)
		has(t, ask, `name="confirm" value="3"`)
		if level() != 2 {
			t.Error("the level changed before it was confirmed")
		}
		typed.Set("confirm", "1") // for another level than the one now typed
		has(t, admin.do(200, path, typed), `name="confirm" value="3"`)
		typed.Set("confirm", "3")
		admin.do(303, path, typed)
		if level() != 3 {
			t.Error("the queue did not follow its team")
		}
		has(t, admin.do(200, path+"?q=anna", nil), "Becomes an agent")
		admin.do(303, path+"/members", url.Values{"person": {anna.ID}, "leads": {"1"}})
		has(t, admin.do(200, path, nil), "Anna")
		admin.do(303, path+"/members/"+anna.ID, url.Values{"do": {"member"}})
		admin.do(404, path+"/members", url.Values{"person": {"nobody"}})
		has(t, admin.do(200, path+"?q=zzz", nil), "zzz")

		queues := dbtest.Count(t, d, "queue")
		has(t, admin.do(200, "/settings/teams", nil), `name="queue" checked`)
		admin.do(303, "/settings/teams", url.Values{"name": {"Mail"}, "level": {"2"}, "queue": {"on"}})
		admin.do(303, "/settings/teams", url.Values{"name": {"Bare"}, "level": {"2"}})
		if n := dbtest.Count(t, d, "queue") - queues; n != 1 {
			t.Errorf("%d queues for two teams, one of which asked for it", n)
		}
	})
}

func TestInvitationInTheFormOfANewPerson(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, _ browser) {
		has(t, admin.do(200, "/settings/people/new", nil), `name="invite" checked`)
		has(t, admin.do(422, "/settings/people", url.Values{"name": {"Eva"}, "invite": {"on"}}), `value="Eva"`)
		if n := dbtest.Count(t, d, "envelope"); n != 0 {
			t.Errorf("%d mails for nobody", n)
		}
		has(t, admin.do(200, "/settings/people", url.Values{"name": {"Eva"}, "email": {"eva@x.example"}, "invite": {"on"}}), "/welcome/")
		if n := dbtest.Count(t, d, "envelope"); n != 1 {
			t.Errorf("%d mails, want the invitation", n)
		}
		admin.do(303, "/settings/people", url.Values{"name": {"Max"}, "email": {"max@x.example"}})
		if n := dbtest.Count(t, d, "envelope"); n != 1 {
			t.Errorf("%d mails after somebody who was not invited", n)
		}
	})
}
