package api

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// opt is an input that may be absent, null or a value: absent leaves as it is, null clears.
type opt[T any] struct {
	set bool // null or a value was sent
	v   T    // zero when null
}

// Schema documents an opt as a T that may be null.
func (opt[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), false, "")
	s.Nullable = true
	return &s
}

// UnmarshalJSON is called only when the input is there.
func (o *opt[T]) UnmarshalJSON(b []byte) error {
	o.set = true
	if string(b) == "null" {
		return nil
	}
	return json.Unmarshal(b, &o.v)
}

// window is the page of a list that was read whole because it is short by nature. The cursor is the id of the last item
// of the page before.
func window[T any](all []T, id func(T) string, p Paged) list[T] {
	start := 0
	for i, v := range all {
		if p.Cursor != "" && id(v) == p.Cursor {
			start = i + 1
		}
	}
	if p.Limit == 0 {
		p.Limit = 50
	}
	end := min(start+p.Limit, len(all))
	next := ""
	if end < len(all) {
		next = id(all[end-1])
	}
	return page(all[start:end], next)
}
