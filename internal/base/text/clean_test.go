package text_test

import (
	"testing"

	"entraide/internal/base/text"
)

func TestBlank(t *testing.T) {
	for _, s := range []string{"", " \t\r\n", "\u00a0\u202f\u2003\u3000", "\u200b\u200c\u200d\u2060\ufeff", "\u00ad\u034f\u061c", "\u115f\u3164\uffa0", "\u2800", "\ufe0f", "\U000e0041\U000e007f", "\x00\x07"} {
		if !text.Blank(s) {
			t.Errorf("%q shows something", s)
		}
	}
	for _, s := range []string{"a", " . ", "\u200bé", "é", "😀", "👩\u200d🔧", "\xff", "—"} {
		if text.Blank(s) {
			t.Errorf("%q shows nothing", s)
		}
	}
}
