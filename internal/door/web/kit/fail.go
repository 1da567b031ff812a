package kit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"github.com/a-h/templ"

	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/id"
	"entraide/internal/base/obs"
	"entraide/internal/door/web/ui"
)

var (
	errSignIn = errors.New("not signed in")
	errTooBig = errors.New("request too large")
	errBroken = errors.New("panic")
)

// Problem is how an error looks to a person.
type Problem struct {
	Status int
	Title  string
	Text   string // what happened, what is kept, what to do
	Icon   string
}

// ProblemOf turns an error into words. Unknown errors show the request's id, which the log explains.
func ProblemOf(ctx context.Context, err error) Problem {
	p := Problem{Status: http.StatusInternalServerError, Icon: "circle-x"}
	key := "internal"
	var big *http.MaxBytesError
	switch {
	case errors.Is(err, errSignIn):
		p.Status, p.Icon, key = http.StatusUnauthorized, "log-in", "sign_in"
	case errors.Is(err, errs.NotFound):
		p.Status, p.Icon, key = http.StatusNotFound, "search-x", "not_found"
	case errors.Is(err, errs.Forbidden):
		p.Status, p.Icon, key = http.StatusForbidden, "lock", "forbidden"
	case errors.Is(err, errs.Conflict):
		p.Status, p.Icon, key = http.StatusConflict, "git-merge", "conflict"
	case errors.Is(err, errs.Invalid):
		p.Status, p.Icon, key = http.StatusUnprocessableEntity, "circle-alert", "invalid"
	case errors.As(err, &big), errors.Is(err, errTooBig):
		p.Status, p.Icon, key = http.StatusRequestEntityTooLarge, "file-x", "too_large"
	case errors.Is(err, errs.Unavailable):
		p.Status, p.Icon, key = http.StatusServiceUnavailable, "plug-zap", "unavailable"
	}
	p.Title = i18n.T(ctx, "web.problem."+key+".title")
	switch key {
	case "internal":
		p.Text = i18n.T(ctx, "web.problem.internal.text", "id", obs.RequestID(ctx))
	default:
		p.Text = i18n.T(ctx, "web.problem."+key+".text")
	}
	if why, args, ok := errs.Reason(err); ok {
		p.Text = i18n.T(ctx, why, args...)
	} else if f := errs.Fields(err); len(f) > 0 {
		p.Text = i18n.T(ctx, f[0].Key, f[0].Args...)
	}
	return p
}

// Fail answers with an error: a page; a toast when script asked, which leaves the page as it is; the sign-in page for
// who is not signed in, with what they typed so that nothing is lost.
func (k *Kit) Fail(w http.ResponseWriter, r *http.Request, err error) {
	ctx := r.Context()
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return // nobody listens any more
	}
	p := ProblemOf(ctx, err)
	if p.Status == http.StatusInternalServerError || errors.Is(err, errs.Unavailable) {
		slog.ErrorContext(ctx, "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if p.Status == http.StatusUnauthorized && r.Method == http.MethodGet && !Fragment(r) {
		http.Redirect(w, r, ui.SignInPath+"?back="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	if err := k.answer(w, r, p); err != nil {
		slog.WarnContext(ctx, "error page not sent", "error", err)
	}
}

// Broken answers a request whose handler panicked, which is logged already, like any other fault of ours.
func (k *Kit) Broken(w http.ResponseWriter, r *http.Request, _ string) {
	if err := k.answer(w, r, ProblemOf(r.Context(), errBroken)); err != nil {
		slog.WarnContext(r.Context(), "error page not sent", "error", err)
	}
}

func (k *Kit) answer(w http.ResponseWriter, r *http.Request, p Problem) error {
	if Fragment(r) {
		if err := ui.SetToast(w.Header(), ui.Flash{Text: p.Text, Icon: p.Icon}); err != nil {
			return err
		}
		w.WriteHeader(p.Status)
		return nil
	}
	if r.Header.Get("Accept") == "application/json" || r.Header.Get("X-Entraide-Script") != "" {
		http.Error(w, p.Text, p.Status)
		return nil
	}
	s, err := k.Shell(w, r, p.Title, "")
	if err != nil { // the database is away: say so without it
		slog.ErrorContext(r.Context(), "shell of an error page", "error", err)
		s = ui.Shell{Title: p.Title, Path: ui.HomePath}
	}
	texts := typed(r)
	page := ui.ErrorPage(s, p.Icon, p.Title, p.Text)
	if p.Status == http.StatusUnauthorized || len(texts) > 0 {
		page = kept(s, p, texts)
	}
	way := wayOut(Local(refererPath(r), ""))
	if p.Status == http.StatusUnauthorized {
		way = signIn(Local(refererPath(r), ui.HomePath))
	}
	ctx := templ.WithChildren(r.Context(), way)
	return Render(w, r.WithContext(ctx), p.Status, page)
}

func refererPath(r *http.Request) string {
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host != r.Host {
		return ""
	}
	return u.RequestURI()
}

// typed returns the longer texts of a form that failed, so that they can be copied; not the names of records, which a form
// carries unseen, nor secrets.
func typed(r *http.Request) []string {
	values := r.PostForm
	if values == nil {
		if mr, err := r.MultipartReader(); err == nil {
			values = textsOf(mr)
		} else if r.ParseForm() == nil {
			values = r.PostForm
		}
	}
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if secret.MatchString(name) {
			continue
		}
		for _, v := range values[name] {
			if len(v) > 20 && !id.Valid(v) && len(texts) < 10 {
				texts = append(texts, v)
			}
		}
	}
	return texts
}

// secret matches the names of fields that are never shown again.
var secret = regexp.MustCompile(`password|secret|token|key|once`)

// textsOf reads the texts in front of the first file: nothing that a stranger uploads is taken in.
func textsOf(mr *multipart.Reader) url.Values {
	values := make(url.Values)
	for room := int64(1 << 20); room > 0; {
		part, err := mr.NextPart()
		if err != nil || part.FileName() != "" {
			break
		}
		b, err := io.ReadAll(io.LimitReader(part, room))
		if err != nil {
			break
		}
		room -= int64(len(b)) + 1
		values.Add(part.FormName(), string(b))
	}
	return values
}

// Int reads a whole number from a form; 0 when it is not one.
func Int(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// Form reads a form of at most the configured size.
// Errors: one that Fail shows as too large, errs.Invalid.
func (k *Kit) Form(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, int64(k.Config.Limits.Body))
	if err := r.ParseForm(); err != nil {
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			return err
		}
		return fmt.Errorf("form: %w: %w", errs.Because(errs.Invalid, "web.problem.invalid.text"), err)
	}
	return nil
}
