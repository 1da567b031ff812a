package ui

import (
	"maps"

	"github.com/a-h/templ"
)

func (b Btn) class() string {
	class := "btn"
	switch b.Kind {
	case Primary:
		class += " btn-primary"
	case Ghost:
		class += " btn-ghost"
	case Danger:
		class += " btn-danger"
	case Help:
		class += " btn-help"
	default:
		class += " btn-plain"
	}
	switch b.Size {
	case "sm":
		class += " btn-sm"
	case "lg":
		class += " btn-lg"
	}
	if b.Wide {
		class += " w-full"
	}
	return class
}

// kindOf is the type attribute; a button that only opens a dialog must not send its form.
func (b Btn) kindOf() string {
	switch {
	case b.Type != "":
		return b.Type
	case b.Dialog != "":
		return "button"
	default:
		return "submit"
	}
}

// attrs gathers what is set, and Attrs.
func (b Btn) attrs() templ.Attributes {
	out := templ.Attributes{}
	for name, value := range map[string]string{
		"name": b.Name, "value": b.Value, "form": b.Form, "data-key": b.Key,
		"aria-pressed": b.Pressed, "data-dialog": b.Dialog, "aria-keyshortcuts": b.Key,
	} {
		if value != "" {
			out[name] = value
		}
	}
	maps.Copy(out, b.Attrs)
	return out
}
