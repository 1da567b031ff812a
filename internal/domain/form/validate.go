package form

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"entraide/internal/base/errs"
	"entraide/internal/base/text"
)

// prefix begins the names of field values in forms and in errors.
const prefix = "fields."

// FromForm picks the inputs named "fields.<key>" out of a submitted form, as Validate takes them.
func FromForm(inputs map[string][]string) map[string]any {
	values := map[string]any{}
	for name, list := range inputs {
		if key, ok := strings.CutPrefix(name, prefix); ok && key != "" {
			values[key] = list
		}
	}
	return values
}

// Validate reads values against the fields of a form and returns them normalised: see the kinds for the types. A value
// comes as JSON gives it or as forms do (text or list of texts; "on" for a ticked box). Fields left empty are absent
// from the result. Each error is named "fields.<key>", those of the fields in their order, then those of unknown keys.
func Validate(fields []Field, values map[string]any) (map[string]any, []errs.Field) {
	out := map[string]any{}
	var bad []errs.Field
	known := map[string]bool{}
	for _, f := range fields {
		known[f.Key] = true
		v, wrong := f.read(values[f.Key])
		switch {
		case wrong != nil:
			wrong.Name = prefix + f.Key
			bad = append(bad, *wrong)
		case v != nil:
			out[f.Key] = v
		case f.Required:
			bad = append(bad, errs.Field{Name: prefix + f.Key, Key: "form.error.required"})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !known[key] {
			bad = append(bad, errs.Field{Name: prefix + text.Excerpt(key, 60), Key: "form.error.unknown", Args: []any{"key", text.Excerpt(key, 60)}})
		}
	}
	return out, bad
}

// read normalises one value; nil, nil when there is none.
func (f Field) read(value any) (any, *errs.Field) {
	list, ok := texts(value)
	switch {
	case !ok:
		return nil, &errs.Field{Key: "form.error.shape." + string(f.Kind)}
	case len(list) == 0:
		return nil, nil
	case f.Kind == Choices:
		return f.readChoices(list)
	case len(list) > 1:
		if f.Kind != Boolean { // a hidden "off" before the box is a habit of forms: the last one counts
			return nil, &errs.Field{Key: "form.error.single"}
		}
	}
	s := list[len(list)-1]
	switch f.Kind {
	case Text:
		return bounded(text.Line(s), MaxText)
	case Long:
		return bounded(strings.TrimSpace(text.Clean(s)), MaxLong)
	case Number:
		return readNumber(s)
	case Date:
		return readDate(s)
	case Choice:
		if !f.offers(s) {
			return nil, &errs.Field{Key: "form.error.choice", Args: []any{"value", text.Excerpt(s, 60)}}
		}
		return s, nil
	case Boolean:
		return readBool(s)
	}
	return nil, &errs.Field{Key: "form.error.kind"}
}

// texts flattens a value into the texts that it consists of, without empty ones; ok is false for objects.
func texts(value any) (list []string, ok bool) {
	var items []any
	switch v := value.(type) {
	case nil:
		return nil, true
	case []string:
		for _, s := range v {
			items = append(items, s)
		}
	case []any:
		items = v
	default:
		items = []any{v}
	}
	for _, item := range items {
		var s string
		switch v := item.(type) {
		case string:
			s = strings.TrimSpace(v)
		case bool:
			s = strconv.FormatBool(v)
		case float64:
			s = strconv.FormatFloat(v, 'g', -1, 64)
		case int:
			s = strconv.Itoa(v)
		case int64:
			s = strconv.FormatInt(v, 10)
		case json.Number:
			s = v.String()
		default:
			return nil, false
		}
		if s != "" {
			list = append(list, s)
		}
	}
	return list, true
}

func bounded(s string, limit int) (any, *errs.Field) {
	if n := utf8.RuneCountInString(s); n > limit {
		return nil, &errs.Field{Key: "form.error.too_long", Args: []any{"max", limit}}
	}
	if s == "" { // it held only what cleaning removes
		return nil, nil
	}
	return s, nil
}

// readNumber takes "1 234,5" as well as "1234.5". "1,234" is French for a little more than one: the comma is always
// the decimal one, because guessing would make two readers see two numbers.
func readNumber(s string) (any, *errs.Field) {
	compact := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '\u202f' {
			return -1
		}
		return r
	}, s)
	if strings.Count(compact, ",") == 1 && !strings.Contains(compact, ".") {
		compact = strings.Replace(compact, ",", ".", 1)
	}
	n, err := strconv.ParseFloat(strings.Replace(compact, "−", "-", 1), 64)
	if err != nil || math.IsNaN(n) || math.Abs(n) > maxNumber || strings.ContainsAny(compact, "xXpP_") {
		return nil, &errs.Field{Key: "form.error.shape.number"}
	}
	return n, nil
}

func readDate(s string) (any, *errs.Field) {
	for _, layout := range []string{time.DateOnly, "02/01/2006", "2/1/2006", "02.01.2006", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1900 && t.Year() <= 2200 {
			return t.Format(time.DateOnly), nil
		}
	}
	return nil, &errs.Field{Key: "form.error.shape.date"}
}

func readBool(s string) (any, *errs.Field) {
	switch strings.ToLower(s) {
	case "on", "true", "1", "yes", "oui":
		return true, nil
	case "off", "false", "0", "no", "non":
		return false, nil
	}
	return nil, &errs.Field{Key: "form.error.shape.boolean"}
}

func (f Field) offers(value string) bool {
	return slices.ContainsFunc(f.Options, func(o Option) bool { return o.Value == value })
}

func (f Field) readChoices(list []string) (any, *errs.Field) {
	for _, s := range list {
		if !f.offers(s) {
			return nil, &errs.Field{Key: "form.error.choice", Args: []any{"value", text.Excerpt(s, 60)}}
		}
	}
	var chosen []string
	for _, o := range f.Options {
		if slices.Contains(list, o.Value) {
			chosen = append(chosen, o.Value)
		}
	}
	return chosen, nil
}
