package settings

import (
	"context"
	"net/http"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/channel"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
)

func (p pages) mountMail() {
	p.Route(kit.Admins, "GET "+mailPath, p.mail)
	p.Route(kit.Admins, "POST "+mailPath+"/{id}/retry", p.retryMail)
}

func (p pages) mail(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	l, c := i18n.From(ctx), p.Config.SMTP
	v := page.Mail{Host: c.Host, Port: c.Port, User: c.User, TLS: c.TLS, From: c.From, Password: c.Password.Reveal() != ""}
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		troubles, err := channel.Troubles(ctx, tx, a, most)
		if err != nil {
			return err
		}
		line := func(e channel.Envelope) page.Trouble {
			who := e.Recipient
			if e.Direction == channel.In {
				who = e.Sender
			}
			return page.Trouble{ID: e.ID, What: e.Subject, Reader: who, State: l.T("settings.mail." + string(e.State)), Why: e.Why(l),
				When: l.When(e.At, tx.Now), Bad: e.State == channel.Failed || e.State == channel.Parked,
				Again: e.Direction == channel.Out && (e.State == channel.Failed || e.State == channel.Waiting)}
		}
		for _, e := range troubles {
			v.Troubles = append(v.Troubles, line(e))
		}
		list, next, err := channel.List(ctx, tx, a, channel.Page{Before: r.URL.Query().Get("before")})
		for _, e := range list {
			v.List = append(v.List, line(e))
		}
		if next != "" {
			v.Next = mailPath + "?before=" + next
		}
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.shell(w, r, l.T("settings.mail"), "mail")
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.MailPage(s, v))
}

func (p pages) retryMail(w http.ResponseWriter, r *http.Request) error {
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		return channel.Retry(ctx, tx, a, r.PathValue("id"))
	})
	if err != nil {
		return err
	}
	return p.done(w, r, mailPath, "settings.retried")
}
