// Package i18n holds every text people read, in French and in English, and writes dates, numbers and sizes the way
// readers of each language expect. The catalogues are embedded JSON files, one per area and language; they are
// parsed once, and French typography (no-break spaces, « », ’) is applied while parsing.
package i18n

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Lang is a language the product speaks: FR or EN. The zero value means French.
type Lang string

// The two languages. Every key exists in both.
const (
	FR Lang = "fr"
	EN Lang = "en"
)

// Langs lists the languages, French first.
func Langs() []Lang { return []Lang{FR, EN} }

// Loc is how one reader wants texts: language and time zone. It is a value; the zero Loc is French, Europe/Paris.
type Loc struct {
	Lang Lang
	Zone *time.Location // nil = Europe/Paris
}

// New makes a Loc from stored names. An unknown language means French, an unknown or empty zone Europe/Paris.
func New(lang, zone string) Loc {
	l := Loc{Lang: FR}
	if Lang(lang) == EN {
		l.Lang = EN
	}
	if zone != "" {
		if z, err := time.LoadLocation(zone); err == nil {
			l.Zone = z
		}
	}
	return l
}

// Key is an argument that is itself a catalogue key: T("x", "state", i18n.Key("ticket.state.open")) translates both.
type Key string

// T returns the text of key with its {placeholders} filled from args, which are name, value pairs:
// l.T("desk.sent", "ref", "INC-1042"). Integers are written as quantities (1 234), so pass years and references as
// strings. A key nobody wrote is returned as it is; in a test binary it panics, as does a missing or odd argument.
func (l Loc) T(key string, args ...any) string {
	t, ok := l.table().texts[key]
	if !ok {
		return complain(key, "key "+key+" is in no catalogue")
	}
	if t.parts == nil {
		return t.raw
	}
	return l.fill(key, t, args)
}

// N returns the text of key+".one" or key+".other", whichever n asks for: French says one for 0 and 1, English only
// for 1. {n} is filled with the formatted n; args fill the other placeholders. Missing keys behave as in T.
func (l Loc) N(key string, n int64, args ...any) string {
	p, ok := l.table().plurals[key]
	if !ok {
		return complain(key, "plural key "+key+" is in no catalogue")
	}
	t := p.other
	if n == 1 || n == -1 || n == 0 && l.Lang != EN {
		t = p.one
	}
	if t.parts == nil {
		return t.raw
	}
	return l.fill(key, t, append([]any{"n", n}, args...))
}

// Has reports whether key is a text or a plural of the catalogues. Use it for keys that come from data.
func Has(key string) bool {
	_, text := Loc{}.table().texts[key]
	_, plural := Loc{}.table().plurals[key]
	return text || plural
}

// T is From(ctx).T, for templates.
func T(ctx context.Context, key string, args ...any) string { return From(ctx).T(key, args...) }

// N is From(ctx).N, for templates.
func N(ctx context.Context, key string, n int64, args ...any) string {
	return From(ctx).N(key, n, args...)
}

type ctxKey struct{}

// With returns a context that carries l.
func With(ctx context.Context, l Loc) context.Context { return context.WithValue(ctx, ctxKey{}, l) }

// From returns the Loc that ctx carries, or the zero Loc (French, Paris).
func From(ctx context.Context) Loc {
	l, _ := ctx.Value(ctxKey{}).(Loc)
	return l
}

// fill writes t with its placeholders replaced.
func (l Loc) fill(key string, t text, args []any) string {
	var b strings.Builder
	b.Grow(len(t.raw) + 16*len(args))
	for _, p := range t.parts {
		if p.name == "" {
			b.WriteString(p.literal)
			continue
		}
		v, ok := lookup(p.name, args)
		if !ok {
			b.WriteString(complain("{"+p.name+"}", "key "+key+": no argument for {"+p.name+"}"))
			continue
		}
		b.WriteString(l.value(v))
	}
	return b.String()
}

func lookup(name string, args []any) (any, bool) {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == name {
			return args[i+1], true
		}
	}
	return nil, false
}

// value writes one argument.
func (l Loc) value(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case Key:
		return l.T(string(v))
	case int:
		return l.Number(int64(v))
	case int64:
		return l.Number(v)
	case int32:
		return l.Number(int64(v))
	case float64:
		return l.Decimal(v, -1)
	case time.Duration:
		return l.Duration(v)
	case time.Time:
		return l.DateTime(v)
	}
	return fmt.Sprint(v)
}

// complain panics in a test binary, so that a missing text never passes unseen; elsewhere it returns shown.
func complain(shown, why string) string {
	if testing.Testing() {
		panic("i18n: " + why)
	}
	return shown
}
