package ui

import (
	"context"

	"github.com/a-h/templ"

	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
)

// Field is one question of a form. Every field component takes one and draws label, hint and error itself.
type Field struct {
	Name     string
	Label    string
	Hint     string // one line above the field
	Error    string // what is wrong and how to correct it; empty: nothing
	Value    string
	Optional bool   // adds "(facultatif)"
	ID       string // "" : "f-" + Name; set it when two forms of a page have the same name
	Kind     string // Input only: "text" (default), "email", "date", "number", "password", "search", "tel"…
	Holder   string // placeholder, an example
	Narrow   bool   // short answers: dates, numbers, phone
	Off      bool   // disabled
	Fixed    bool   // read only
	Quiet    bool   // the label is for screen readers only
	Rows     int    // Textarea only; zero: 4
	Good     string // what is right, in green below the field ("Ce nom est libre")
	Attrs    templ.Attributes
}

// Option is one choice of a Select, of radios or of cards.
type Option struct {
	Value string
	Label string
	Hint  string // second line; cards only
	Icon  string // lucide name; cards only
	Group string // Select only: title of the group it starts or continues
	Key   string // SegRadio only, on the desk: the key that chooses it ("n")
	Off   bool
}

// FieldError is a mistake of a form, as people read it.
type FieldError struct {
	Name string // of the field
	Text string
}

// Mistakes are the errors of a form.
type Mistakes []FieldError

// MistakesOf reads the fields that err refuses, in the language of ctx. It is empty if err is about none.
func MistakesOf(ctx context.Context, err error) Mistakes {
	var out Mistakes
	for _, f := range errs.Fields(err) {
		out = append(out, FieldError{Name: f.Name, Text: i18n.T(ctx, f.Key, f.Args...)})
	}
	return out
}

// Of is the error of the field name; empty if it has none.
func (m Mistakes) Of(name string) string {
	for _, e := range m {
		if e.Name == name {
			return e.Text
		}
	}
	return ""
}

func (f Field) id() string {
	if f.ID != "" {
		return f.ID
	}
	return "f-" + f.Name
}

// control are the attributes that every field control has.
func (f Field) control() templ.Attributes {
	out := templ.Attributes{"id": f.id(), "name": f.Name}
	if by := f.describedBy(); by != "" {
		out["aria-describedby"] = by
	}
	if f.Error != "" {
		out["aria-invalid"] = "true"
	}
	if f.Holder != "" {
		out["placeholder"] = f.Holder
	}
	if f.Off {
		out["disabled"] = true
	}
	if f.Fixed {
		out["readonly"] = true
	}
	if !f.Optional && !f.Off && !f.Fixed {
		out["aria-required"] = "true"
	}
	for k, v := range f.Attrs {
		out[k] = v
	}
	return out
}

// describedBy lists the ids of hint, error and praise.
func (f Field) describedBy() string {
	by := ""
	add := func(text, suffix string) {
		if text == "" {
			return
		}
		if by != "" {
			by += " "
		}
		by += f.id() + suffix
	}
	add(f.Hint, "-h")
	add(f.Error, "-e")
	add(f.Good, "-g")
	return by
}

func (f Field) kind() string {
	if f.Kind == "" {
		return "text"
	}
	return f.Kind
}

func (f Field) rows() int {
	if f.Rows == 0 {
		return 4
	}
	return f.Rows
}

// groups splits options where the group changes.
func groups(options []Option) [][]Option {
	var out [][]Option
	for k, o := range options {
		if k == 0 || options[k-1].Group != o.Group {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], o)
	}
	return out
}
