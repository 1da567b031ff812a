package ui

// StepState tells where a step stands on the thread.
type StepState string

// States of a step; the zero value is Next.
const (
	Next StepState = ""
	Done StepState = "done"
	Now  StepState = "now"
)

// Step is one dot of the thread that follows a request.
type Step struct {
	State  StepState
	Label  string
	Detail string // when and by whom
}

// miniDot is the class of the dot k of a short thread that stands at the dot at.
func miniDot(k, at int) string {
	switch {
	case k < at:
		return "on"
	case k == at:
		return "cur"
	default:
		return ""
	}
}
