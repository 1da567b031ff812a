package ui

import (
	"context"
	"strconv"
	"strings"

	"entraide/internal/base/i18n"
)

// Kind of a status: a colour, an icon and a word, never the colour alone.
type Kind string

// Kinds of status. The labels of the first seven are in the catalogue.
const (
	New       Kind = "new"
	Open      Kind = "open"
	Pending   Kind = "pending"
	Resolved  Kind = "resolved"
	Closed    Kind = "closed"
	Cancelled Kind = "cancelled"
	Late      Kind = "late"
	Up        Kind = "up"   // a service that works
	Slow      Kind = "slow" // a service that works badly
	Down      Kind = "down" // a service that does not work, a failed run
)

// icon is the lucide name of k.
func (k Kind) icon() string {
	switch k {
	case New:
		return "circle-dot"
	case Pending:
		return "circle-pause"
	case Resolved, Up:
		return "circle-check"
	case Closed:
		return "archive"
	case Cancelled:
		return "ban"
	case Late:
		return "alarm-clock"
	case Slow:
		return "gauge"
	case Down:
		return "circle-x"
	default:
		return "circle-dashed"
	}
}

// class is the colour of k.
func (k Kind) class() string {
	switch k {
	case New:
		return "st-new"
	case Pending, Slow:
		return "st-pending"
	case Resolved, Up:
		return "st-resolved"
	case Closed, Cancelled:
		return "st-closed"
	case Late, Down:
		return "st-late"
	default:
		return "st-open"
	}
}

// label is text, or the word of the catalogue for k.
func (k Kind) label(ctx context.Context, text string) string {
	if text != "" {
		return text
	}
	switch k {
	case New, Pending, Resolved, Closed, Cancelled, Late, Up, Slow, Down:
		return i18n.T(ctx, "ui.status."+string(k))
	default:
		return i18n.T(ctx, "ui.status.open")
	}
}

// priorityIcon is the lucide name of a priority: the way its arrows point says how much it presses.
func priorityIcon(n int) string {
	switch {
	case n <= 1:
		return "chevrons-up"
	case n == 2:
		return "chevron-up"
	case n == 3:
		return "equal"
	case n == 4:
		return "chevron-down"
	default:
		return "chevrons-down"
	}
}

// PriorityWord is the word for a priority from 1 to 5: "Haute".
func PriorityWord(l i18n.Loc, n int) string {
	return l.T("ui.priority." + strconv.Itoa(min(max(n, 1), 5)))
}

// PriorityName is a priority in words with its rank: "Priorité 2, haute".
func PriorityName(l i18n.Loc, n int) string {
	return l.T("ui.priority.named", "n", n, "word", strings.ToLower(PriorityWord(l, n)))
}
