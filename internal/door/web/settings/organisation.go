package settings

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"unicode/utf8"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/setting"
	"entraide/internal/base/text"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
)

func (p pages) organisation(w http.ResponseWriter, r *http.Request) error {
	var v page.Organisation
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, _ auth.Actor) error {
		org, err := setting.Get(ctx, tx, identity.OrganisationKey, identity.Organisation{})
		if err != nil {
			return err
		}
		policy, err := setting.Get(ctx, tx, ticket.PolicyKey, ticket.DefaultPolicy())
		v.Name, v.Reopen, v.Undo = org.Name, strconv.Itoa(policy.ReopenDays), strconv.Itoa(policy.UndoSeconds)
		return err
	})
	if err != nil {
		return err
	}
	return p.showOrganisation(w, r, http.StatusOK, v)
}

func (p pages) showOrganisation(w http.ResponseWriter, r *http.Request, status int, v page.Organisation) error {
	s, err := p.shell(w, r, i18n.T(r.Context(), "settings.organisation"), "organisation")
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.OrganisationPage(s, v))
}

// within reads a number between 0 and most of a form field.
func within(r *http.Request, field string, most int, wrong *[]errs.Field) int {
	n, err := strconv.Atoi(text.Line(r.PostFormValue(field)))
	if err != nil || n < 0 || n > most {
		*wrong = append(*wrong, errs.Field{Name: field, Key: "settings.within", Args: []any{"max", most}})
	}
	return n
}

func (p pages) saveOrganisation(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	v := page.Organisation{Name: r.PostFormValue("name"), Reopen: r.PostFormValue("reopen"), Undo: r.PostFormValue("undo")}
	var wrong []errs.Field
	name := text.Line(v.Name)
	if name == "" || utf8.RuneCountInString(name) > 200 {
		wrong = append(wrong, errs.Field{Name: "name", Key: "ticket.name_length", Args: []any{"max", 200}})
	}
	policy := ticket.Policy{ReopenDays: within(r, "reopen", 365, &wrong), UndoSeconds: within(r, "undo", 60, &wrong)}
	err := errs.InvalidFields(wrong)
	if err == nil {
		err = p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			if err := setting.Set(ctx, tx, a, identity.OrganisationKey, identity.Organisation{Name: name}); err != nil {
				return err
			}
			return setting.Set(ctx, tx, a, ticket.PolicyKey, policy)
		})
	}
	if errors.Is(err, errs.Invalid) {
		v.Mistakes = ui.MistakesOf(r.Context(), err)
		return p.showOrganisation(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	return p.done(w, r, organisationPath, "settings.saved")
}
