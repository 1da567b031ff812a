package settings

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
)

// newBox offers the providers, then the form with what is known of the one chosen.
func (p post) newBox(w http.ResponseWriter, r *http.Request) error {
	x, ok := presetOf(r.URL.Query().Get("preset"))
	if !ok {
		v := page.Presets{}
		for _, x := range presets() {
			v.Keys = append(v.Keys, x.key)
		}
		s, err := p.mailShell(w, r, i18n.T(r.Context(), "mailpage.box.new"))
		if err != nil {
			return err
		}
		return kit.Render(w, r, http.StatusOK, page.PresetsPage(s, v))
	}
	form := formOf(channel.Mailbox{Active: true, In: x.in, Out: x.out}, channel.Secrets{Provider: x.provider})
	form.Set("preset", x.key)
	return p.showBox(w, r, http.StatusOK, page.Box{Form: form})
}

// stored reads a mailbox and its secrets. Secrets that cannot be opened any more are told and count as none.
func (p post) stored(r *http.Request, id string) (m channel.Mailbox, s channel.Secrets, locked bool, err error) {
	if id == "" {
		return m, s, false, nil
	}
	err = p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
		m, err = channel.FindMailbox(ctx, tx, a, id)
		return err
	})
	if err != nil {
		return m, s, false, err
	}
	s, sealed := m.Secrets(p.Seal)
	if sealed != nil {
		return m, channel.Secrets{}, true, nil
	}
	return m, s, false, nil
}

func (p post) box(w http.ResponseWriter, r *http.Request) error {
	m, s, _, err := p.stored(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	return p.showBox(w, r, http.StatusOK, page.Box{Form: formOf(m, s)})
}

// showBox draws the form of the mailbox that r names with v.Form in it.
func (p post) showBox(w http.ResponseWriter, r *http.Request, status int, v page.Box) error {
	m, s, locked, err := p.stored(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	l := i18n.From(r.Context())
	v.ID, v.Title, v.Version, v.Locked = m.ID, m.Name, m.Version, locked
	if m.ID == "" {
		v.Title = l.T("mailpage.box.new")
	}
	v.Has = map[string]bool{"password": s.Password != "", "send_password": s.SendPassword != "", "client_secret": s.ClientSecret != "", "dkim_key": s.DKIMKey != ""}
	v.Connected, v.CanTest, v.Redirect, v.To = s.RefreshToken != "", p.Test != nil, p.Config.BaseURL+consentPath, auth.From(r.Context()).Email
	if x, ok := presetOf(v.Form.Get("preset")); ok {
		v.Preset, v.Steps = x.key, x.steps
	} else if x, ok := presetOf(guess(m)); ok {
		v.Preset, v.Steps = x.key, x.steps
	}
	if s.DKIMKey != "" && m.Out.Selector != "" {
		if record, err := dkimPublic(s.DKIMKey); err == nil {
			v.Record, v.RecordName = record, m.Out.Selector+"._domainkey."+m.Out.Domain
		}
	}
	v.Signatures = map[string]string{"fr": text.Markdown(v.Form.Get("signature_fr")), "en": text.Markdown(v.Form.Get("signature_en"))}
	err = p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		queues, err := ticket.Queues(ctx, tx, a)
		v.Queues = []ui.Option{{Label: l.T("mailpage.box.queue.usual")}}
		for _, q := range queues {
			if q.Active || q.ID == m.QueueID {
				v.Queues = append(v.Queues, ui.Option{Value: q.ID, Label: q.Name})
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	allowForms(w.Header(), consentOrigins(s)) // the form that asks for consent ends at the provider's
	sh, err := p.mailShell(w, r, v.Title)
	if err != nil {
		return err
	}
	return kit.Render(w, r, status, page.BoxPage(sh, v))
}

// allowForms lets the forms of this one page end at other origins.
func allowForms(h http.Header, origins []string) {
	const own = "form-action 'self'"
	if csp := h.Get("Content-Security-Policy"); csp != "" {
		h.Set("Content-Security-Policy", strings.Replace(csp, own, own+" "+strings.Join(origins, " "), 1))
	}
}

// saveBox stores the mailbox as typed; with do=key also a new key to sign with, and with do=connect it goes on to the
// provider, where a person consents; with do=disconnect that consent is forgotten.
func (p post) saveBox(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	m, s, _, err := p.stored(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	before := s
	m.Version = versionOf(r)
	err = readBox(r.PostForm, &m, &s)
	if err == nil && r.PostForm.Get("do") == "key" {
		err = freshKey(&m, &s)
	}
	if err == nil && r.PostForm.Get("do") == "connect" {
		err = mayConsent(s)
	}
	if r.PostForm.Get("do") == "disconnect" {
		s.RefreshToken = ""
	}
	if err == nil {
		secrets := &s
		if m.ID != "" && s == before {
			secrets = nil // nothing to seal anew
		}
		err = p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) (err error) {
			saved, err := channel.SaveMailbox(ctx, tx, a, p.Seal, m, secrets)
			if err == nil {
				m.ID = saved.ID
			}
			return err
		})
	}
	if status, yes := refused(err); yes {
		v := page.Box{Form: withoutSecrets(r.PostForm), Mistakes: ui.MistakesOf(r.Context(), err), Changed: status == http.StatusConflict}
		return p.showBox(w, r, status, v)
	}
	if err != nil {
		return err
	}
	path := boxesPath + "/" + m.ID
	if r.PostForm.Get("do") == "connect" {
		return p.askConsent(w, r, m.ID)
	}
	switch r.PostForm.Get("do") {
	case "key":
		path += "#dkim"
	case "disconnect":
		return p.done(w, r, path, "mailpage.consent.dropped")
	}
	return p.done(w, r, path, "mailpage.box.saved")
}

// freshKey gives a mailbox a new key, and a selector and domain where none are typed.
func freshKey(m *channel.Mailbox, s *channel.Secrets) (err error) {
	if m.Out.Selector == "" {
		m.Out.Selector = "entraide"
	}
	if m.Out.Domain == "" {
		_, m.Out.Domain, _ = strings.Cut(m.Address, "@")
	}
	s.DKIMKey, err = dkimKey()
	return err
}

func (p post) dropBox(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	if r.PostForm.Get("sure") == "" {
		return errs.InvalidField("sure", "mailpage.box.drop.unsure")
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return channel.DropMailbox(ctx, tx, a, r.PathValue("id"))
	})
	if err != nil {
		return err
	}
	return p.done(w, r, mailPath, "mailpage.box.dropped")
}

// signature shows a signature as mails show it, while one types.
func (p post) signature(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	for _, lang := range []string{"fr", "en"} {
		if q.Has("signature_" + lang) {
			return kit.Render(w, r, http.StatusOK, page.Signature(lang, text.Markdown(q.Get("signature_"+lang))))
		}
	}
	return errs.NotFound
}

// tryBox tries the mailbox as it is typed, without saving it. Secrets left empty are those stored.
func (p post) tryBox(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	if p.Test == nil {
		return errs.NotFound
	}
	id := r.PostForm.Get("id")
	m, s, _, err := p.stored(r, id)
	if err != nil {
		return err
	}
	v := page.Box{Form: withoutSecrets(r.PostForm)}
	err = readBox(r.PostForm, &m, &s)
	to := strings.TrimSpace(r.PostForm.Get("to"))
	if err == nil && to == "" {
		to = auth.From(r.Context()).Email
	}
	switch {
	case errors.Is(err, errs.Invalid):
		v.Mistakes = ui.MistakesOf(r.Context(), err)
	case err != nil:
		return err
	default:
		v.Trial = trial(i18n.From(r.Context()), p.Test(r.Context(), m, s, to))
		v.Retype = typedSecret(r.PostForm)
	}
	if kit.Fragment(r) {
		return kit.Render(w, r, http.StatusOK, page.TrialResult(v))
	}
	r.SetPathValue("id", id)
	status := http.StatusOK
	if len(v.Mistakes) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return p.showBox(w, r, status, v)
}

func typedSecret(f url.Values) bool {
	for _, name := range secretFields {
		if f.Get(name) != "" {
			return true
		}
	}
	return false
}

// trial puts what a test found into words.
func trial(l i18n.Loc, checks []channel.Check) *page.Trial {
	t := page.Trial{Passed: channel.Passed(checks)}
	for _, c := range checks {
		line := page.TrialLine{OK: c.OK, Title: c.Key, Detail: c.Detail}
		if i18n.Has(c.Key) {
			line.Title = l.T(c.Key, c.Words()...)
		}
		t.Lines = append(t.Lines, line)
	}
	return &t
}
