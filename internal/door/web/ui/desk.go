package ui

import (
	"context"

	"entraide/internal/base/i18n"
)

// class chooses the columns by the panes that are there.
func (d Desk) class() string {
	class := "desk-main"
	switch {
	case d.Queue != nil && d.Side != nil:
		class = "desk-full"
	case d.Queue != nil:
		class = "desk-list"
	case d.Views != nil:
		class = "desk-views"
	}
	if d.Queue != nil && d.Views == nil {
		class += " desk-noviews"
	}
	if d.OnPhone == "queue" {
		class += " desk-phone-queue"
	}
	return class
}

func (d Desk) label(ctx context.Context) string {
	if d.Label != "" {
		return d.Label
	}
	return i18n.T(ctx, "ui.queue")
}

func deskShell(s Shell) Shell {
	s.Desk = true
	return s
}
