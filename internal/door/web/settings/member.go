package settings

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/identity"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
)

func (p pages) mountMembers() {
	const member = teamsPath + "/{id}/members/{person}"
	p.Route(kit.Leads, "GET "+member, func(w http.ResponseWriter, r *http.Request) error {
		return p.showMember(w, r, http.StatusOK, func(*page.MemberView) {})
	})
	p.Route(kit.Leads, "POST "+member, p.changeMember)
	p.Route(kit.Leads, "POST "+member+"/away", p.saveAway)
}

// memberLine is a member in the list of their team.
func memberLine(ctx context.Context, tx *db.Tx, t identity.Team, m identity.Member) page.Member {
	l := i18n.From(ctx)
	x := page.Member{Person: ui.Person{ID: m.PersonID, Name: m.Name, Href: teamsPath + "/" + t.ID + "/members/" + m.PersonID}, Leads: m.Leads}
	switch {
	case !m.Active:
		x.State = l.T("settings.member.gone")
	case m.Away.At(tx.Now):
		x.State = l.T("settings.member.away", "date", l.Date(m.Away.Until.Add(-time.Second)))
	case m.Away.Until.After(tx.Now):
		x.State = l.T("settings.member.leaves", "date", l.Date(m.Away.From))
	}
	return x
}

// joining says what adding x to a team of a brings about.
func joining(l i18n.Loc, a auth.Actor, x identity.Person, f *page.Found) {
	switch {
	case x.External:
		f.Never, f.Note = true, l.T("identity.team.outside", "name", x.Name)
	case x.Is(auth.Agent):
	case a.Admin():
		f.Note = l.T("settings.member.becomes")
	default:
		f.Never, f.Note = true, l.T("identity.team.needs.agent", "name", x.Name)
	}
}

func (p pages) addMember(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return identity.SetMember(ctx, tx, a, r.PathValue("id"), r.PostFormValue("person"), r.PostFormValue("leads") != "")
	})
	if why, args, ok := errs.Reason(err); ok && errors.Is(err, errs.Forbidden) {
		err = errs.InvalidField("person", why, args...) // about whom was chosen, and there is a remedy
	}
	if errors.Is(err, errs.Invalid) {
		return p.showTeam(w, r, http.StatusUnprocessableEntity, func(v *page.Team) {
			v.Picker.Wrong = ui.MistakesOf(r.Context(), err).Of("person")
		})
	}
	if err != nil {
		return err
	}
	return p.done(w, r, teamsPath+"/"+r.PathValue("id"), "settings.pick.added")
}

func (p pages) changeMember(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	team, person, key := r.PathValue("id"), r.PathValue("person"), "settings.saved"
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		switch r.PostFormValue("do") {
		case "remove":
			key = "settings.removed"
			return identity.RemoveMember(ctx, tx, a, team, person)
		case "lead":
			return identity.SetMember(ctx, tx, a, team, person, true)
		case "member":
			return identity.SetMember(ctx, tx, a, team, person, false)
		default:
			return errs.Invalid
		}
	})
	if err != nil {
		return err
	}
	if key == "settings.removed" && !auth.From(r.Context()).Admin() && person == auth.From(r.Context()).ID {
		return p.done(w, r, teamsPath, key) // who took themself out sees the team no more
	}
	return p.done(w, r, teamsPath+"/"+team, key)
}

// day writes a time as date fields do, in the reader's zone; "" for none.
func day(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(time.DateOnly)
}

// showMember shows a member of a team with their absence; typed puts what was refused in its place.
func (p pages) showMember(w http.ResponseWriter, r *http.Request, status int, typed func(*page.MemberView)) error {
	var v page.MemberView
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		t, err := identity.FindTeam(ctx, tx, a, r.PathValue("id"))
		if err != nil {
			return err
		}
		if err := t.MayManage(a); err != nil {
			return err
		}
		i := slices.IndexFunc(t.Members, func(m identity.Member) bool { return m.PersonID == r.PathValue("person") })
		if i < 0 {
			return fmt.Errorf("member: %w", errs.NotFound)
		}
		m := t.Members[i]
		v = page.MemberView{Team: t.Name, TeamHref: teamsPath + "/" + t.ID, Member: memberLine(ctx, tx, t, m), Admin: a.Admin(), Note: m.Away.Note, Deputy: m.Away.DeputyID,
			From: day(m.Away.From, a.Location()), Deputies: []ui.Option{{Label: i18n.T(ctx, "settings.away.nobody")}}}
		if !m.Away.Until.IsZero() {
			v.Until = day(m.Away.Until.Add(-time.Second), a.Location()) // the last day, while the room keeps the first one back
		}
		for _, other := range t.Members {
			if other.PersonID != m.PersonID && other.Active {
				v.Deputies = append(v.Deputies, ui.Option{Value: other.PersonID, Label: other.Name})
			}
		}
		if v.Deputy != "" && !slices.ContainsFunc(v.Deputies, func(o ui.Option) bool { return o.Value == v.Deputy }) {
			other, err := identity.Find(ctx, tx, a, v.Deputy)
			if err != nil {
				return err
			}
			v.Deputies = append(v.Deputies, ui.Option{Value: other.ID, Label: other.Name})
		}
		x, err := identity.Find(ctx, tx, a, m.PersonID)
		if err != nil {
			return err
		}
		v.Detail = line(x).Detail
		return nil
	})
	if err != nil {
		return err
	}
	typed(&v)
	s, err := p.shell(w, r, v.Name, "teams")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.MemberPage(s, v))
}

// typedAway reads an absence as dates, the last one included. Errors: errs.Invalid.
func typedAway(r *http.Request, zone *time.Location) (identity.Away, error) {
	w := identity.Away{Note: r.PostFormValue("note"), DeputyID: r.PostFormValue("deputy")}
	var wrong []errs.Field
	for _, d := range []struct {
		field string
		to    *time.Time
		plus  int
	}{{"from", &w.From, 0}, {"until", &w.Until, 1}} {
		typed := r.PostFormValue(d.field)
		if typed == "" {
			continue
		}
		t, err := time.ParseInLocation(time.DateOnly, typed, zone)
		if err != nil {
			wrong = append(wrong, errs.Field{Name: d.field, Key: "settings.away.date"})
		}
		*d.to = t.AddDate(0, 0, d.plus)
	}
	if len(wrong) == 0 && w.Until.IsZero() && !w.From.IsZero() {
		wrong = append(wrong, errs.Field{Name: "until", Key: "settings.away.until.missing"})
	}
	return w, errs.InvalidFields(wrong)
}

func (p pages) saveAway(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		t, err := identity.FindTeam(ctx, tx, a, r.PathValue("id"))
		if err != nil {
			return err
		}
		if err := t.MayManage(a); err != nil {
			return err
		}
		away := identity.Away{}
		if r.PostFormValue("do") != "back" {
			if away, err = typedAway(r, a.Location()); err != nil {
				return err
			}
		}
		if away.Until.IsZero() {
			away = identity.Away{}
		}
		_, err = identity.SetAway(ctx, tx, a, r.PathValue("person"), away)
		return err
	})
	if errors.Is(err, errs.Invalid) {
		return p.showMember(w, r, http.StatusUnprocessableEntity, func(v *page.MemberView) {
			v.From, v.Until, v.Note, v.Deputy = r.PostFormValue("from"), r.PostFormValue("until"), r.PostFormValue("note"), r.PostFormValue("deputy")
			v.Mistakes = ui.MistakesOf(r.Context(), err)
		})
	}
	if err != nil {
		return err
	}
	return p.done(w, r, teamsPath+"/"+r.PathValue("id"), "settings.away.saved")
}
