// Package form is the one model of the fields that organisations add to their forms, and the one validator of what
// people, programs and mails fill in. Pages, API and intake ask it the same question and get the same answer.
//
// A field is never deleted, because old tickets still carry its values: it is set inactive. Its key and its kind never
// change.
package form

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"entraide/internal/base/auth"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
)

// Kind is what a field holds.
type Kind string

// The kinds, with the type of their normalised values.
const (
	Text    Kind = "text"    // string, one line, at most MaxText runes
	Long    Kind = "long"    // string, several lines, at most MaxLong runes
	Number  Kind = "number"  // float64
	Date    Kind = "date"    // string "2026-03-12"
	Choice  Kind = "choice"  // string, the value of one option
	Choices Kind = "choices" // []string, values of options in their order
	Boolean Kind = "boolean" // bool
)

// Bounds of what a field accepts.
const (
	MaxText    = 500   // runes
	MaxLong    = 20000 // runes
	maxLabel   = 120   // runes
	maxHelp    = 300   // runes
	maxOptions = 200
	maxNumber  = 1e15 // beyond it a float64 no longer counts every unit
)

// Kinds lists all kinds in the order in which pages offer them.
func Kinds() []Kind { return []Kind{Text, Long, Number, Date, Choice, Choices, Boolean} }

// Option is one thing to choose from.
type Option struct {
	Value string `json:"value"` // stored; never shown
	FR    string `json:"fr"`
	EN    string `json:"en"` // "" = as in French
}

// Label returns the words of the option in a language.
func (o Option) Label(l i18n.Lang) string { return pick(l, o.FR, o.EN) }

// Field is one question of a form.
type Field struct {
	ID         string
	Key        string // in JSON and in the API; never changes
	LabelFR    string
	LabelEN    string // "" = as in French
	HelpFR     string // one line that helps to answer; "" = none
	HelpEN     string // "" = as in French
	Kind       Kind   // never changes
	Options    []Option
	Required   bool
	TicketKind string // "incident", "request", "problem"; "" = every type
	CategoryID string // it and the categories below it; "" = every category
	Position   int    // order on the form
	Active     bool   // asked; an inactive field only labels old values
	Created    time.Time
	Version    int64 // grows by one at each save
}

// Label returns the question in a language.
func (f Field) Label(l i18n.Lang) string { return pick(l, f.LabelFR, f.LabelEN) }

// Help returns what helps to answer in a language; "" = nothing.
func (f Field) Help(l i18n.Lang) string { return pick(l, f.HelpFR, f.HelpEN) }

func pick(l i18n.Lang, fr, en string) string {
	if l == i18n.EN && en != "" || fr == "" {
		return en
	}
	return fr
}

// Show writes a stored value of f as people read it; "" for nothing, and the value itself where it no longer fits f.
func (f Field) Show(l i18n.Loc, value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case bool:
		if v {
			return l.T("form.yes")
		}
		return l.T("form.no")
	case float64:
		return l.Decimal(v, -1)
	case string:
		if t, err := time.Parse(time.DateOnly, v); f.Kind == Date && err == nil {
			return i18n.Loc{Lang: l.Lang, Zone: time.UTC}.Date(t)
		}
		return f.optionLabel(l.Lang, v)
	case []string:
		labels := make([]string, len(v))
		for i, s := range v {
			labels[i] = f.optionLabel(l.Lang, s)
		}
		return strings.Join(labels, ", ")
	case []any: // as JSON gives it back
		list := make([]string, len(v))
		for i, s := range v {
			list[i] = fmt.Sprint(s)
		}
		return f.Show(l, list)
	}
	return fmt.Sprint(value)
}

func (f Field) optionLabel(l i18n.Lang, value string) string {
	for _, o := range f.Options {
		if o.Value == value {
			return o.Label(l)
		}
	}
	return value
}

// MayManage returns nil if a may add and change fields.
// Errors: errs.Forbidden unless a is a maker or an administrator.
func MayManage(a auth.Actor) error {
	if !a.Is(auth.Maker) {
		return fmt.Errorf("manage fields: %w", errs.Forbidden)
	}
	return nil
}

var keyShape = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// check says what is wrong with the definition of f.
func (f Field) check() error {
	var bad []errs.Field
	wrong := func(name, key string, args ...any) {
		bad = append(bad, errs.Field{Name: name, Key: key, Args: args})
	}
	if !keyShape.MatchString(f.Key) {
		wrong("key", "form.error.key")
	}
	if f.LabelFR == "" {
		wrong("label_fr", "form.error.label_missing")
	}
	for name, label := range map[string]string{"label_fr": f.LabelFR, "label_en": f.LabelEN} {
		if utf8.RuneCountInString(label) > maxLabel {
			wrong(name, "form.error.too_long", "max", maxLabel)
		}
	}
	for name, help := range map[string]string{"help_fr": f.HelpFR, "help_en": f.HelpEN} {
		if utf8.RuneCountInString(help) > maxHelp {
			wrong(name, "form.error.too_long", "max", maxHelp)
		}
	}
	if !slices.Contains(Kinds(), f.Kind) {
		wrong("kind", "form.error.kind")
	}
	if !slices.Contains([]string{"", "incident", "request", "problem"}, f.TicketKind) {
		wrong("ticket_kind", "form.error.ticket_kind")
	}
	bad = append(bad, f.checkOptions()...)
	return errs.InvalidFields(bad)
}

func (f Field) checkOptions() []errs.Field {
	if f.Kind != Choice && f.Kind != Choices {
		if len(f.Options) > 0 {
			return []errs.Field{{Name: "options", Key: "form.error.options_unwanted"}}
		}
		return nil
	}
	if len(f.Options) == 0 {
		return []errs.Field{{Name: "options", Key: "form.error.options_missing"}}
	}
	if len(f.Options) > maxOptions {
		return []errs.Field{{Name: "options", Key: "form.error.options_many", Args: []any{"max", maxOptions}}}
	}
	var bad []errs.Field
	seen := map[string]bool{}
	for i, o := range f.Options {
		name := "options." + strconv.Itoa(i)
		switch {
		case o.Value == "" || o.FR == "":
			bad = append(bad, errs.Field{Name: name, Key: "form.error.option_empty"})
		case utf8.RuneCountInString(o.Value) > maxLabel || utf8.RuneCountInString(o.FR) > maxLabel || utf8.RuneCountInString(o.EN) > maxLabel:
			bad = append(bad, errs.Field{Name: name, Key: "form.error.too_long", Args: []any{"max", maxLabel}})
		case seen[o.Value]:
			bad = append(bad, errs.Field{Name: name, Key: "form.error.option_twice", Args: []any{"value", o.Value}})
		}
		seen[o.Value] = true
	}
	return bad
}
