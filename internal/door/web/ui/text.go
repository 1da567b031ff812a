package ui

import (
	"context"
	"strconv"
	"strings"

	"entraide/internal/base/i18n"
)

// atMost99 is n for a small round badge: "99+" above 99.
func atMost99(n int64) string {
	if n > 99 {
		return "99+"
	}
	return strconv.FormatInt(n, 10)
}

// languageName is the name that a language gives itself; it is never translated.
func languageName(l i18n.Lang) string {
	if l == "en" {
		return "English"
	}
	return "Français"
}

// tabColumns spreads n items over the bottom bar.
func tabColumns(n int) string {
	switch n {
	case 1, 2:
		return "grid-cols-2!"
	case 3:
		return "grid-cols-3!"
	case 4:
		return "grid-cols-4!"
	default:
		return "grid-cols-5!"
	}
}

// keyName is a key of data-key as people read it: "E" for "e".
func keyName(key string) string { return strings.ToUpper(key) }

// send is the label of the composer's button.
func (c Composer) send(ctx context.Context) string {
	if c.Send != "" {
		return c.Send
	}
	return i18n.T(ctx, "ui.send")
}
