package api

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"entraide/internal/base/errs"
	"entraide/internal/base/obs"
)

// problem is a refusal on its way out: RFC 9457, with what is wrong field by field.
type problem struct {
	Type    string    `json:"type" example:"about:blank" doc:"Kind of problem; the status says enough."`
	Title   string    `json:"title" example:"Saisie refusée" doc:"What the status means, in the caller's language."`
	Status  int       `json:"status" example:"422" doc:"HTTP status."`
	Detail  string    `json:"detail,omitempty" doc:"What happened and what to do, in the caller's language."`
	Request string    `json:"request_id,omitempty" doc:"Quote it to an administrator: the journal has the same id."`
	Errors  []mistake `json:"errors,omitempty" nullable:"false" doc:"What is wrong, input by input."`
	Current any       `json:"current,omitempty" doc:"On 409 and 412: the record as it is now."`
	Yours   any       `json:"yours,omitempty" doc:"On 409 and 412: what was sent."`

	key   string // of Detail, until translated
	args  []any
	stale bool          // Current is to be filled
	after time.Duration // Retry-After
}

// mistake is one input that cannot be accepted.
type mistake struct {
	Location string `json:"location" example:"body.subject" doc:"Where: body.…, query.…, path.… or header.…"`
	Message  string `json:"message" example:"Écrivez une phrase qui dit de quoi il s’agit." doc:"What is wrong and the remedy, in the caller's language."`
	Value    any    `json:"value,omitempty" doc:"What was sent there, shortened; never a secret."`
}

// Error is for the journal.
func (p *problem) Error() string { return strconv.Itoa(p.Status) + " " + p.key }

// GetStatus tells huma the status.
func (p *problem) GetStatus() int { return p.Status }

// ContentType tells huma the type.
func (p *problem) ContentType(string) string { return "application/problem+json" }

func problemOf(status int, key string, args ...any) *problem {
	return &problem{Status: status, key: key, args: args}
}

func unauthorised(key string) error { return problemOf(http.StatusUnauthorized, key) }

func tooMany(wait time.Duration) error {
	p := problemOf(http.StatusTooManyRequests, "api.too_many")
	p.after = wait
	return p
}

// sizeArg is an argument written as a size in the reader's language.
type sizeArg int64

// fault turns an error of a room into a problem in the caller's language.
func (s *server) fault(c *call, err error) *problem {
	var p *problem
	if !errors.As(err, &p) {
		p = s.classify(c, err)
	}
	for i, a := range p.args {
		if n, ok := a.(sizeArg); ok {
			p.args[i] = c.loc.Size(int64(n))
		}
	}
	if p.stale {
		s.compare(c, p)
	}
	p.Type = "about:blank"
	p.Title = c.loc.T("api.title." + strconv.Itoa(p.Status))
	if p.Detail == "" && p.key != "" {
		p.Detail = c.loc.T(p.key, p.args...)
	}
	p.Request = obs.RequestID(c.r.Context())
	h := c.w.Header()
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="entraide"`)
	}
	if p.after > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.after.Seconds()))))
	}
	return p
}

func (s *server) classify(c *call, err error) *problem {
	ctx := c.r.Context()
	p := &problem{}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		p.Status, p.key, p.args = http.StatusRequestEntityTooLarge, "api.too_large", []any{"limit", sizeArg(large.Limit)}
	case errors.Is(err, errs.NotFound):
		p.Status, p.key = http.StatusNotFound, "api.not_found"
	case errors.Is(err, errs.Forbidden):
		p.Status, p.key = http.StatusForbidden, "api.forbidden"
	case errors.Is(err, errs.Conflict):
		p.Status, p.key = http.StatusConflict, "api.conflict"
	case errors.Is(err, errs.Invalid):
		p.Status, p.key = http.StatusUnprocessableEntity, "api.invalid"
		for _, f := range errs.Fields(err) {
			where := c.locate(f.Name)
			p.Errors = append(p.Errors, mistake{where, c.loc.T(f.Key, f.Args...), c.sent(where)})
		}
	case errors.Is(err, errs.Unavailable):
		p.Status, p.key, p.after = http.StatusServiceUnavailable, "api.unavailable", 5*time.Second
		s.Log.WarnContext(ctx, "api unavailable", "path", c.r.URL.Path, "error", err)
	case ctx.Err() != nil:
		p.Status, p.key = http.StatusServiceUnavailable, "api.unavailable"
	default:
		p.Status, p.key = http.StatusInternalServerError, "api.internal"
		p.args = []any{"id", obs.RequestID(ctx)}
		s.Log.ErrorContext(ctx, "api failed", "method", c.r.Method, "path", c.r.URL.Path, "error", err)
	}
	if key, args, ok := errs.Reason(err); ok {
		p.key, p.args = key, args
		p.stale = key == "ticket.stale"
	}
	return p
}

// locate says where a field of a room was sent.
func (c *call) locate(field string) string {
	if field == "cursor" || c.body == nil {
		return "query." + field
	}
	return "body." + field
}

// refuse writes a problem without huma.
func (s *server) refuse(c *call, err error) {
	p := s.fault(c, err)
	b, err := json.Marshal(p)
	if err != nil { // plain fields only
		panic(err)
	}
	c.w.Header().Set("Content-Type", "application/problem+json")
	c.w.WriteHeader(p.Status)
	_, _ = c.w.Write(append(b, '\n')) // the caller has gone: nobody to tell
}

// nothing answers what no operation serves: 405 where another method would do, else 404.
func (s *server) nothing(w http.ResponseWriter, r *http.Request) {
	c := callOf(r.Context())
	var allow []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		probe := r.Clone(r.Context())
		probe.Method = m
		if _, pattern := s.mux.Handler(probe); pattern != "/api/" {
			allow = append(allow, m)
		}
	}
	if len(allow) > 0 {
		w.Header().Set("Allow", strings.Join(allow, ", "))
		s.refuse(c, problemOf(http.StatusMethodNotAllowed, "api.method", "methods", strings.Join(allow, ", ")))
		return
	}
	s.refuse(c, problemOf(http.StatusNotFound, "api.no_such_address"))
}
