package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

var missing = regexp.MustCompile(`^expected required property (.+) to be present$`)

// rules turns what huma says in English into keys; the groups of a pattern are the named arguments.
var rules = []struct {
	pattern *regexp.Regexp
	key     string
	args    []string
}{
	{missing, "api.rule.required", []string{"name"}},
	{regexp.MustCompile(`^required \w+ parameter is missing$`), "api.rule.missing", nil},
	{regexp.MustCompile(`^unexpected property$`), "api.rule.unexpected", nil},
	{regexp.MustCompile(`^unknown query parameter$`), "api.rule.unexpected", nil},
	{regexp.MustCompile(`^expected value to be one of "(.*)"$`), "api.rule.one_of", []string{"values"}},
	{regexp.MustCompile(`^expected length >= 1$`), "api.rule.empty", nil},
	{regexp.MustCompile(`^expected length >= (\d+)$`), "api.rule.short", []string{"min"}},
	{regexp.MustCompile(`^expected length <= (\d+)$`), "api.rule.long", []string{"max"}},
	{regexp.MustCompile(`^expected number >= (.+)$`), "api.rule.low", []string{"min"}},
	{regexp.MustCompile(`^expected number <= (.+)$`), "api.rule.high", []string{"max"}},
	{regexp.MustCompile(`^expected array length >= (\d+)$`), "api.rule.few", []string{"min"}},
	{regexp.MustCompile(`^expected array length <= (\d+)$`), "api.rule.many", []string{"max"}},
	{regexp.MustCompile(`date-time$|^invalid date/time`), "api.rule.time", nil},
	{regexp.MustCompile(`email: `), "api.rule.email", nil},
	{regexp.MustCompile(`^expected string to match pattern|^expected string to be `), "api.rule.pattern", nil},
	{regexp.MustCompile(`^expected boolean$|^invalid boolean`), "api.rule.boolean", nil},
	{regexp.MustCompile(`^expected integer$|^invalid integer`), "api.rule.integer", nil},
	{regexp.MustCompile(`^expected number$|^invalid float`), "api.rule.number", nil},
	{regexp.MustCompile(`^expected string$`), "api.rule.string", nil},
	{regexp.MustCompile(`^expected array$`), "api.rule.array", nil},
	{regexp.MustCompile(`^expected object$`), "api.rule.object", nil},
	{regexp.MustCompile(`^expected value to match`), "api.rule.shape", nil},
}

// Errors of unmarshal; their texts are keys.
var (
	errNotUTF8 = errors.New("api.not_utf8")
	errNUL     = errors.New("api.nul")
	errJSON    = errors.New("api.not_json")
)

// unmarshal is json.Unmarshal that refuses what encoding/json mends in silence.
func unmarshal(data []byte, v any) error {
	if !utf8.Valid(data) {
		return errNotUTF8
	}
	if strings.Contains(string(data), `\u0000`) {
		return errNUL
	}
	if err := json.Unmarshal(data, v); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return err
		}
		return errJSON
	}
	return nil
}

// translate replaces huma's own errors by problems in the caller's language.
func (s *server) translate(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	c := callOf(ctx.Context())
	p := &problem{Status: m.Status, key: "api.invalid"}
	switch m.Status {
	case http.StatusBadRequest:
		p.key = "api.bad_request"
		if len(m.Errors) == 0 {
			p.key = "api.no_body"
		}
	case http.StatusRequestEntityTooLarge:
		return s.fault(c, s.tooLarge(false)), nil
	case http.StatusUnsupportedMediaType:
		p.key = "api.media_type"
		return s.fault(c, p), nil
	case http.StatusRequestTimeout:
		p.key = "api.timeout"
	case http.StatusNotAcceptable:
		p.key = "api.not_acceptable"
	case http.StatusInternalServerError:
		p.Status, p.key = http.StatusBadRequest, "api.interrupted" // the body broke off: not our fault
		return s.fault(c, p), nil
	}
	for _, e := range m.Errors {
		where := e.Location
		if where == "" {
			where = "body"
		}
		value := e.Value
		if found := missing.FindStringSubmatch(e.Message); found != nil { // huma names what lacks the field, we the field
			where, value = where+"."+found[1], nil
		} else if e.Message == "unexpected property" { // huma shows the whole object instead
			value = c.sent(where)
		}
		p.Errors = append(p.Errors, mistake{where, c.rule(e.Message), shorten(where, value)})
	}
	return s.fault(c, p), nil
}

// rule is one of huma's messages in the caller's language.
func (c *call) rule(message string) string {
	if strings.HasPrefix(message, "api.") {
		return c.loc.T(message)
	}
	for _, r := range rules {
		found := r.pattern.FindStringSubmatch(message)
		if found == nil {
			continue
		}
		var args []any
		for i, name := range r.args {
			if n, err := strconv.Atoi(found[i+1]); err == nil {
				args = append(args, name, n)
			} else {
				args = append(args, name, found[i+1])
			}
		}
		return c.loc.T(r.key, args...)
	}
	return c.loc.T("api.rule.shape")
}

// sent returns what the caller sent at a location, shortened; nil when nothing.
func (c *call) sent(where string) any {
	room, path, _ := strings.Cut(where, ".")
	switch room {
	case "query":
		if v := c.r.URL.Query().Get(path); v != "" {
			return shorten(where, v)
		}
	case "body":
		var v any
		if c.body == nil || json.Unmarshal(c.body.Bytes(), &v) != nil {
			return nil
		}
		for _, step := range strings.Split(path, ".") {
			m, ok := v.(map[string]any)
			if !ok {
				return nil
			}
			v = m[step]
		}
		return shorten(where, v)
	}
	return nil
}

var secretField = regexp.MustCompile(`(?i)(password|secret|token|authorization)`)

const echoed = 100 // characters of a wrong value that are shown again

// shorten makes a value fit to be echoed: no secrets, no novels.
func shorten(where string, v any) any {
	if secretField.MatchString(where) || where == "body" {
		return nil
	}
	switch v := v.(type) {
	case string:
		if r := []rune(v); len(r) > echoed {
			return string(r[:echoed]) + "…"
		}
	case map[string]any, []any:
		b, err := json.Marshal(v)
		if err != nil || len(b) > 4*echoed || secretField.Match(b) {
			return nil
		}
	}
	return v
}

func unescape(query string) (string, error) { return url.QueryUnescape(query) }
