package settings

import (
	"context"
	"net/http"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/event"
	"entraide/internal/base/i18n"
	"entraide/internal/base/job"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
)

func (p pages) mountWork() {
	p.Route(kit.Admins, "GET "+workPath, p.work)
	p.Route(kit.Admins, "POST "+workPath+"/{id}/retry", p.retryJob)
	p.Route(kit.Admins, "POST "+workPath+"/{id}/drop", p.dropJob)
	p.Route(kit.Admins, "POST "+workPath+"/events/{id}/retry", p.retryEvent)
}

func (p pages) work(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	l := i18n.From(ctx)
	var v page.Work
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, _ auth.Actor) error {
		counts, err := job.Counts(ctx, tx)
		if err != nil {
			return err
		}
		for _, s := range []job.State{job.Ready, job.Running, job.Waiting, job.Dead} {
			v.Counts = append(v.Counts, page.Count{Label: l.T("settings.job." + string(s)), N: l.Number(counts[s])})
		}
		for _, s := range []job.State{job.Dead, job.Waiting} {
			list, err := job.List(ctx, tx, s, most)
			if err != nil {
				return err
			}
			for _, j := range list {
				v.Jobs = append(v.Jobs, page.Trouble{ID: j.ID, What: j.Kind, State: l.T("settings.job." + string(s)), Why: j.Error,
					When: l.When(j.Updated, tx.Now), Bad: s == job.Dead})
			}
		}
		stuck, err := event.Troubles(ctx, tx, most)
		for _, e := range stuck {
			v.Events = append(v.Events, page.Trouble{ID: e.Event.ID, Reader: e.Reader, What: e.Event.Kind, Why: e.Error,
				State: l.N("settings.attempts", int64(e.Attempts)), When: l.When(e.NextAt, tx.Now)})
		}
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.shell(w, r, l.T("settings.work"), "work")
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.WorkPage(s, v))
}

func (p pages) retryJob(w http.ResponseWriter, r *http.Request) error {
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, _ auth.Actor) error { return job.Retry(ctx, tx, r.PathValue("id")) })
	if err != nil {
		return err
	}
	return p.done(w, r, workPath, "settings.retried")
}

func (p pages) dropJob(w http.ResponseWriter, r *http.Request) error {
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, _ auth.Actor) error { return job.Drop(ctx, tx, r.PathValue("id")) })
	if err != nil {
		return err
	}
	return p.done(w, r, workPath, "settings.dropped")
}

func (p pages) retryEvent(w http.ResponseWriter, r *http.Request) error {
	if err := p.Form(w, r); err != nil {
		return err
	}
	err := p.Write(r, func(ctx context.Context, tx *db.Tx, _ auth.Actor) error {
		return event.RetryNow(ctx, tx, r.PostFormValue("reader"), r.PathValue("id"))
	})
	if err != nil {
		return err
	}
	return p.done(w, r, workPath, "settings.retried")
}
