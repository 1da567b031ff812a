package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"entraide/internal/base/auth"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
)

// call is what the gate learned about a request.
type call struct {
	actor  auth.Actor
	loc    i18n.Loc
	secret string // the token shown; "" = a session
	r      *http.Request
	w      http.ResponseWriter
	body   *bytes.Buffer // what was read of the body; nil for requests without one and for files
	file   string        // hash and name of an uploaded file
}

type callKey struct{}

// callOf returns the call of a request that passed the gate.
func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// bodies are reused: most are a few hundred bytes.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const keepBody = 64 << 10 // larger buffers are left to the collector

// gate finds out who calls and refuses what is not worth looking at. Documentation is for everybody.
func (s *server) gate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, loc: i18n.Loc{Lang: i18n.Match("", r.Header.Get("Accept-Language"))}}
		ctx := context.WithValue(r.Context(), callKey{}, c)
		h := w.Header()
		if !strings.HasPrefix(r.URL.Path, prefix+"/") {
			if auth.From(ctx).Known() {
				c.loc = i18n.From(ctx)
			}
			c.r = r.WithContext(ctx)
			next.ServeHTTP(w, c.r)
			return
		}
		h.Set("Cache-Control", "no-store")
		h.Add("Vary", "Authorization, Accept-Language")
		err := s.identify(ctx, c, r)
		h.Set("Content-Language", string(c.loc.Lang))
		ctx = i18n.With(auth.With(ctx, c.actor), c.loc)
		c.r = r.WithContext(ctx)
		if err == nil {
			err = s.admit(c, w)
		}
		if err != nil {
			s.refuse(c, err)
			return
		}
		if c.body != nil {
			defer func() {
				if c.body.Cap() <= keepBody {
					c.body.Reset()
					bodies.Put(c.body)
				}
			}()
		}
		next.ServeHTTP(w, c.r)
	})
}

// identify reads the token, or takes over the session that the pages' middleware found. Programs are answered in the
// language they ask for, people in that of their profile.
func (s *server) identify(ctx context.Context, c *call, r *http.Request) error {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme == "" {
		if a := auth.From(ctx); a.Known() {
			c.actor, c.loc = a, i18n.From(ctx)
			if err := s.foreign.Check(r); err != nil {
				return problemOf(http.StatusForbidden, "api.cross_origin")
			}
			return nil
		}
		return unauthorised("api.sign_in")
	}
	if !strings.EqualFold(scheme, "Bearer") {
		return unauthorised("api.scheme")
	}
	c.secret = strings.TrimSpace(secret)
	a, err := s.tokens.actor(ctx, c.secret)
	if errors.Is(err, errs.NotFound) {
		return unauthorised("api.token_unknown")
	}
	if err != nil {
		return err
	}
	lang := c.loc.Lang
	if r.Header.Get("Accept-Language") == "" {
		lang = i18n.Match(a.Lang, "")
	}
	c.actor, c.loc = a, i18n.New(string(lang), a.Zone)
	return nil
}

// admit refuses floods, bodies over the limit and addresses that no database would take.
func (s *server) admit(c *call, w http.ResponseWriter) error {
	r := c.r
	if wait := s.limiter.wait(c.actor.Session+c.actor.ID, r); wait > 0 {
		return tooMany(wait)
	}
	query, err := unescape(r.URL.RawQuery)
	if err != nil || !plain(r.URL.Path) || !plain(query) {
		return problemOf(http.StatusBadRequest, "api.address")
	}
	if err := c.gather(); err != nil {
		return err
	}
	limit := int64(s.Config.Limits.Body)
	upload := r.Method == http.MethodPost && r.URL.Path == prefix+"/attachments"
	if upload {
		limit = int64(s.Config.Limits.Upload) + formOverhead
	}
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close") // nobody reads the rest
		return s.tooLarge(upload)
	}
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	// One byte more than huma allows, so that it is huma that notices and answers.
	r.Body = http.MaxBytesReader(w, r.Body, limit+1)
	if !upload {
		c.body = bodies.Get().(*bytes.Buffer)
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, c.body), r.Body}
	}
	return nil
}

// lists are the parameters that take several values, with commas or repeated.
var lists = []string{"status", "type"}

// gather joins the values of repeated parameters; of those that take one value huma would read the first in silence.
func (c *call) gather() error {
	if !strings.Contains(c.r.URL.RawQuery, "&") {
		return nil
	}
	query, repeated := c.r.URL.Query(), false
	for name, values := range query {
		if len(values) < 2 {
			continue
		}
		if !slices.Contains(lists, name) {
			return &problem{Status: http.StatusUnprocessableEntity, key: "api.invalid",
				Errors: []mistake{{Location: "query." + name, Message: c.loc.T("api.rule.once")}}}
		}
		query[name], repeated = []string{strings.Join(values, ",")}, true
	}
	if repeated {
		address := *c.r.URL // shared with the middlewares outside
		address.RawQuery = query.Encode()
		c.r.URL = &address
	}
	return nil
}

func (s *server) tooLarge(upload bool) error {
	limit := int64(s.Config.Limits.Body)
	if upload {
		limit = int64(s.Config.Limits.Upload)
	}
	return problemOf(http.StatusRequestEntityTooLarge, "api.too_large", "limit", sizeArg(limit))
}

// plain reports whether s can be compared with stored texts at all.
func plain(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
