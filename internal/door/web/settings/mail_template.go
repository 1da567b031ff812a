package settings

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/setting"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
	"entraide/internal/usecase/recipients"
)

const (
	templatesPath = mailPath + "/templates"
	brandPath     = mailPath + "/brand"
)

func (p post) mountTemplates() {
	p.Route(kit.Admins, "GET "+templatesPath, p.templates)
	p.Route(kit.Admins, "POST "+brandPath, p.saveBrand)
	one := templatesPath + "/{kind}/{lang}"
	p.Route(kit.Admins, "GET "+one, p.template)
	p.Route(kit.Admins, "POST "+one, p.saveTemplate)
	p.Route(kit.Admins, "GET "+one+"/preview", p.previewTemplate)
	p.Route(kit.Admins, "POST "+one+"/preview", p.previewTemplate)
	p.Route(kit.Admins, "POST "+one+"/trial", p.tryTemplate)
	p.Route(kit.Admins, "POST "+one+"/restoration", p.restoreTemplate)
}

// templates lists the mails that are sent, with the organisation's looks.
func (p post) templates(w http.ResponseWriter, r *http.Request) error {
	var v page.MailLooks
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, _ auth.Actor) error {
		b, err := setting.Get(ctx, tx, recipients.BrandKey, recipients.Brand{})
		v.Name, v.Accent = b.Name, b.Accent
		return err
	})
	if err != nil {
		return err
	}
	return p.showTemplates(w, r, http.StatusOK, v)
}

func (p post) showTemplates(w http.ResponseWriter, r *http.Request, status int, v page.MailLooks) error {
	l := i18n.From(r.Context())
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, _ auth.Actor) error {
		all, err := recipients.LoadTemplates(ctx, tx)
		for _, kind := range recipients.TemplateKinds() {
			line := page.TemplateLine{Name: l.T(recipients.KindName(kind))}
			for _, lang := range i18n.Langs() {
				_, changed := all[kind][string(lang)]
				line.Langs = append(line.Langs, page.TemplateLang{Name: l.T("mailpage.lang." + string(lang)), Href: templatesPath + "/" + kind + "/" + string(lang), Changed: changed})
			}
			v.List = append(v.List, line)
		}
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.mailShell(w, r, l.T("mailpage.templates"))
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.MailLooksPage(s, v))
}

func (p post) saveBrand(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	v := page.MailLooks{Name: r.PostForm.Get("name"), Accent: r.PostForm.Get("accent")}
	b, err := recipients.Brand{Name: v.Name, Accent: v.Accent}.Check()
	if err == nil {
		err = p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			return setting.Set(ctx, tx, a, recipients.BrandKey, b)
		})
	}
	if errors.Is(err, errs.Invalid) {
		v.Mistakes = ui.MistakesOf(r.Context(), err)
		return p.showTemplates(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	return p.done(w, r, templatesPath, "settings.saved")
}

// named returns which template the address names. Errors: errs.NotFound.
func named(r *http.Request) (kind string, lang i18n.Lang, err error) {
	kind, lang = r.PathValue("kind"), i18n.Lang(r.PathValue("lang"))
	if !slices.Contains(recipients.TemplateKinds(), kind) || !slices.Contains(i18n.Langs(), lang) {
		return "", "", fmt.Errorf("template %q in %q: %w", kind, lang, errs.NotFound)
	}
	return kind, lang, nil
}

func (p post) template(w http.ResponseWriter, r *http.Request) error {
	kind, lang, err := named(r)
	if err != nil {
		return err
	}
	var v page.MailTemplate
	err = p.Read(r, func(ctx context.Context, tx *db.Tx, _ auth.Actor) error {
		all, err := recipients.LoadTemplates(ctx, tx)
		t := all.Of(kind, lang)
		v.Subject, v.Body = t.Subject, t.Body
		return err
	})
	if err != nil {
		return err
	}
	return p.showTemplate(w, r, http.StatusOK, v)
}

func (p post) showTemplate(w http.ResponseWriter, r *http.Request, status int, v page.MailTemplate) error {
	kind, lang, err := named(r)
	if err != nil {
		return err
	}
	l := i18n.From(r.Context())
	v.Title = l.T("mailpage.template.title", "kind", l.T(recipients.KindName(kind)), "lang", l.T("mailpage.lang."+string(lang)))
	v.Path, v.To = templatesPath+"/"+kind+"/"+string(lang), auth.From(r.Context()).Email
	for _, x := range recipients.Variables(kind) {
		if x.Block {
			v.Blocks = append(v.Blocks, page.TemplateVar{Name: x.Name, Text: l.T(x.Key)})
		} else {
			v.Vars = append(v.Vars, page.TemplateVar{Name: x.Name, Text: l.T(x.Key)})
		}
	}
	err = p.Read(r, func(ctx context.Context, tx *db.Tx, _ auth.Actor) error {
		all, err := recipients.LoadTemplates(ctx, tx)
		_, v.Changed = all[kind][string(lang)]
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.mailShell(w, r, v.Title)
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.MailTemplatePage(s, v))
}

// typed is the template of the form.
func typed(r *http.Request) recipients.Template {
	return recipients.Template{Subject: r.PostForm.Get("subject"), Body: strings.ReplaceAll(r.PostForm.Get("body"), "\r\n", "\n")}
}

// withTemplate does something with the typed template, then says done; the form is shown again when the template is wrong.
func (p post) withTemplate(w http.ResponseWriter, r *http.Request, do func(ctx context.Context, tx *db.Tx, a auth.Actor, kind string, lang i18n.Lang, t recipients.Template) error,
	done func(path string, v page.MailTemplate) error) error {
	kind, lang, err := named(r)
	if err != nil {
		return err
	}
	if err := p.Form(w, r); err != nil {
		return err
	}
	t := typed(r)
	v := page.MailTemplate{Subject: t.Subject, Body: t.Body}
	err = p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error { return do(ctx, tx, a, kind, lang, t) })
	if errors.Is(err, errs.Invalid) {
		v.Mistakes = ui.MistakesOf(r.Context(), err)
		return p.showTemplate(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	return done(templatesPath+"/"+kind+"/"+string(lang), v)
}

func (p post) saveTemplate(w http.ResponseWriter, r *http.Request) error {
	return p.withTemplate(w, r, recipients.SaveTemplate, func(path string, _ page.MailTemplate) error { return p.done(w, r, path, "settings.saved") })
}

// restoreTemplate forgets what was written: the product's own counts again.
func (p post) restoreTemplate(w http.ResponseWriter, r *http.Request) error {
	return p.withTemplate(w, r, func(ctx context.Context, tx *db.Tx, a auth.Actor, kind string, lang i18n.Lang, _ recipients.Template) error {
		return recipients.SaveTemplate(ctx, tx, a, kind, lang, recipients.Template{})
	}, func(path string, _ page.MailTemplate) error { return p.done(w, r, path, "mailpage.template.restored") })
}

// tryTemplate saves nothing and sends the typed template to whoever edits it.
func (p post) tryTemplate(w http.ResponseWriter, r *http.Request) error {
	teller := recipients.Teller{Place: func() recipients.Place { return recipients.Place{Base: p.Config.BaseURL} }}
	return p.withTemplate(w, r, func(ctx context.Context, tx *db.Tx, a auth.Actor, kind string, lang i18n.Lang, t recipients.Template) error {
		return teller.Trial(ctx, tx, a, kind, string(lang), t)
	}, func(_ string, v page.MailTemplate) error {
		v.Tried = i18n.T(r.Context(), "mailpage.template.tried", "to", auth.From(r.Context()).Email)
		return p.showTemplate(w, r, http.StatusOK, v) // what was typed stays
	})
}

// previewTemplate is the mail that a template makes, for a frame without rights; what is wrong stands in it in words.
func (p post) previewTemplate(w http.ResponseWriter, r *http.Request) error {
	kind, lang, err := named(r)
	if err != nil {
		return err
	}
	var t recipients.Template
	if r.Method == http.MethodPost {
		if err := p.Form(w, r); err != nil {
			return err
		}
		t = typed(r)
	}
	var subject, rich, plain string
	err = p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		if r.Method != http.MethodPost {
			all, err := recipients.LoadTemplates(ctx, tx)
			if err != nil {
				return err
			}
			t = all.Of(kind, lang)
		}
		subject, rich, plain, err = recipients.Preview(ctx, tx, a, kind, string(lang), t)
		return err
	})
	status := http.StatusOK
	switch {
	case errors.Is(err, errs.Invalid):
		status, rich = http.StatusUnprocessableEntity, frame(subject, words(r.Context(), err))
	case err != nil:
		return err
	case r.URL.Query().Get("as") == "text":
		rich = frame(subject, "<pre>"+html.EscapeString(subject+"\n\n"+plain)+"</pre>")
	}
	return serveFrame(w, status, rich, "")
}

// words lists what is wrong, for a frame.
func words(ctx context.Context, err error) string {
	var b strings.Builder
	for _, f := range errs.Fields(err) {
		b.WriteString("<p>" + html.EscapeString(i18n.T(ctx, f.Key, f.Args...)) + "</p>")
	}
	return b.String()
}
