package obs

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"entraide/internal/base/id"
)

// HeaderRequest is where a request id comes in from a proxy and goes out to the caller.
const HeaderRequest = "X-Request-Id"

var sane = regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)

// Trace gives each request an id: the proxy's if it is a sane one, else a new one. The answer carries it too.
func Trace(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := r.Header.Get(HeaderRequest)
		if !sane.MatchString(s) {
			s = id.New()
		}
		w.Header().Set(HeaderRequest, s)
		next.ServeHTTP(w, r.WithContext(WithRequest(r.Context(), s)))
	})
}

// Route stands directly around the mux and reports the pattern it matched to the middlewares outside, which do not
// see it themselves once somebody in between has copied the request.
func Route(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p, ok := r.Context().Value(routeKey).(*string); ok {
			defer func() { *p = r.Pattern }() // deferred: a panicking handler is counted too
		}
		mux.ServeHTTP(w, r)
	})
}

// observe runs next and returns what it answered and on which route ("" if none matched).
func observe(next http.Handler, w http.ResponseWriter, r *http.Request, done func(*recorder, string)) {
	route, outer := r.Context().Value(routeKey).(*string)
	if !outer {
		route = new(string)
		r = r.WithContext(context.WithValue(r.Context(), routeKey, route))
	}
	rec := &recorder{ResponseWriter: w}
	defer func() {
		if *route == "" {
			*route = r.Pattern
		}
		done(rec, *route)
	}()
	next.ServeHTTP(rec, r)
}

// Access writes one line per request: info, or debug for the paths that quiet names (health checks, static files).
func Access(log *slog.Logger, quiet func(path string) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			observe(next, w, r, func(rec *recorder, route string) {
				level := slog.LevelInfo
				if quiet != nil && quiet(r.URL.Path) {
					level = slog.LevelDebug
				}
				log.LogAttrs(r.Context(), level, "request", slog.String("method", r.Method), slog.String("path", r.URL.Path),
					slog.String("route", route), slog.Int("status", rec.code()), slog.Int64("bytes", rec.bytes),
					slog.Float64("ms", float64(time.Since(start).Microseconds())/1000))
			})
		})
	}
}

// Recover logs a panic with its stack and lets answer write the error page, given the request id to show. If part of
// the answer has left already, the connection is cut instead, so that nobody takes half a page for a whole one.
func Recover(log *slog.Logger, answer func(w http.ResponseWriter, r *http.Request, requestID string)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := &recorder{ResponseWriter: w}
			defer func() {
				cause := recover()
				if cause == nil {
					return
				}
				if cause == http.ErrAbortHandler {
					panic(cause) // the handler asked for the cut
				}
				log.ErrorContext(r.Context(), "panic", "method", r.Method, "path", r.URL.Path, "cause_value", cause, "stack", string(debug.Stack()))
				if rec.status != 0 {
					panic(http.ErrAbortHandler)
				}
				answer(w, r, RequestID(r.Context()))
			}()
			next.ServeHTTP(rec, r)
		})
	}
}

// recorder remembers status and length. Unwrap keeps http.ResponseController working; Flush is there for handlers
// that test for http.Flusher.
type recorder struct {
	http.ResponseWriter
	status int // 0 = nothing written yet
	bytes  int64
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 { // 1xx are announcements
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

func (r *recorder) Flush() {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if f, ok := r.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// code is the status the client sees: a handler that writes nothing answers 200.
func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}
