package settings

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/setting"
	"entraide/internal/domain/channel"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
	"entraide/internal/usecase/intake"
)

const rulesPath = mailPath + "/rules"

// rules shows what holds for every mail that comes in.
func (p post) rules(w http.ResponseWriter, r *http.Request) error {
	var v page.MailRules
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, _ auth.Actor) error {
		copies, err := setting.Get(ctx, tx, intake.CopiesKey, intake.CopyKnown)
		if err != nil {
			return err
		}
		f, err := setting.Get(ctx, tx, channel.FuseKey, channel.DefaultFuse())
		v = page.MailRules{Copies: string(copies), Hour: strconv.Itoa(f.Hour), Day: strconv.Itoa(f.Day), Same: strconv.Itoa(f.Same),
			Exempt: strings.Join(f.Exempt, "\n")}
		return err
	})
	if err != nil {
		return err
	}
	return p.showRules(w, r, http.StatusOK, v)
}

func (p post) showRules(w http.ResponseWriter, r *http.Request, status int, v page.MailRules) error {
	s, err := p.mailShell(w, r, i18n.T(r.Context(), "mailpage.rules"))
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.MailRulesPage(s, v))
}

func (p post) saveRules(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	f := r.PostForm
	v := page.MailRules{Copies: f.Get("copies"), Hour: f.Get("hour"), Day: f.Get("day"), Same: f.Get("same"), Exempt: f.Get("exempt")}
	copies, wrong := intake.CheckCopies(v.Copies)
	fuse, blown := channel.Fuse{Hour: number(v.Hour), Day: number(v.Day), Same: number(v.Same), Exempt: strings.Fields(v.Exempt)}.Check()
	err := errs.InvalidFields(append(errs.Fields(wrong), errs.Fields(blown)...))
	if err == nil {
		err = p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			if err := setting.Set(ctx, tx, a, intake.CopiesKey, copies); err != nil {
				return err
			}
			return setting.Set(ctx, tx, a, channel.FuseKey, fuse)
		})
	}
	if errors.Is(err, errs.Invalid) {
		v.Mistakes = ui.MistakesOf(r.Context(), err)
		return p.showRules(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	return p.done(w, r, rulesPath, "settings.saved")
}

// number reads a whole number as it is typed; what is none is -1, which whoever checks it refuses.
func number(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		return -1
	}
	return n
}
