// Package obs lets people see what the program does: the journal (slog), request and cause ids that tie its lines
// together, Prometheus measures, and the answer to a panic.
//
// Order of the middlewares, from outside: Trace, Metrics.HTTP, Access, Recover, …, Route around the mux.
package obs

import (
	"context"
	"io"
	"log/slog"
	"regexp"
	"strings"
)

type key int

const (
	requestKey key = iota
	causeKey
	routeKey
)

// WithRequest returns a context whose journal lines carry id as "request".
func WithRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey, id)
}

// RequestID returns the request id of ctx, "" outside a request.
func RequestID(ctx context.Context) string {
	s, _ := ctx.Value(requestKey).(string)
	return s
}

// WithCause returns a context whose journal lines carry id as "cause": the event or job that led here.
func WithCause(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, causeKey, id)
}

// Cause returns the cause id of ctx, "" if nothing led here.
func Cause(ctx context.Context) string {
	s, _ := ctx.Value(causeKey).(string)
	return s
}

// Logger writes the journal to w. level is debug, info, warn or error (anything else means info), format is json or
// text. Each record carries the request and cause ids of its context; attributes that look like secrets are masked.
func Logger(w io.Writer, level, format string) *slog.Logger {
	var l slog.Level
	if l.UnmarshalText([]byte(level)) != nil {
		l = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: l, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return redactAttr(a) }}
	if format == "json" {
		return slog.New(handler{slog.NewJSONHandler(w, o)})
	}
	return slog.New(handler{slog.NewTextHandler(w, o)})
}

// handler adds the ids of the context to each record.
type handler struct{ slog.Handler }

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("request", id))
	}
	if id := Cause(ctx); id != "" {
		r.AddAttrs(slog.String("cause", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h handler) WithAttrs(a []slog.Attr) slog.Handler { return handler{h.Handler.WithAttrs(a)} }

func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }

const mask = "••••"

var (
	secretName   = regexp.MustCompile(`(?i)(?:^|[_.-])(?:password|passwd|secret|token|authorization|cookie|api_?key|private_?key|code_verifier|client_secret)$`)
	urlPassword  = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@]*:)[^\s/@]+@`)
	bearer       = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{16,}`)
	secretInText = regexp.MustCompile(`(?i)\b(password|passwd|token|secret|api_?key|access_token|client_secret)=[^\s&"']+`)
)

// Redact masks what looks like a secret in a free text: passwords in URLs, Authorization values, password=… pairs.
func Redact(s string) string {
	if !strings.ContainsAny(s, ":= ") {
		return s
	}
	s = urlPassword.ReplaceAllString(s, "${1}"+mask+"@")
	s = bearer.ReplaceAllString(s, "${1} "+mask)
	return secretInText.ReplaceAllString(s, "${1}="+mask)
}

func redactAttr(a slog.Attr) slog.Attr {
	if secretName.MatchString(a.Key) {
		if a.Value.Kind() != slog.KindString || a.Value.String() != "" {
			return slog.String(a.Key, mask)
		}
		return a
	}
	switch v := a.Value.Any().(type) {
	case string:
		if r := Redact(v); r != v {
			return slog.String(a.Key, r)
		}
	case error:
		return slog.String(a.Key, Redact(v.Error()))
	}
	return a
}
