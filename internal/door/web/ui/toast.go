package ui

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// SetToast makes the page that sent an htmx request show f. It must be called before the header is written.
func SetToast(h http.Header, f Flash) error {
	body, err := json.Marshal(map[string]map[string]string{"toast": {"text": f.Text, "icon": f.Icon, "undo": f.Undo, "action": f.Action}})
	if err != nil {
		return fmt.Errorf("toast: %w", err)
	}
	h.Set("HX-Trigger", ascii(string(body)))
	return nil
}

// ascii escapes what a header cannot carry: browsers read header bytes as Latin-1.
func ascii(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		}
	}
	return b.String()
}
