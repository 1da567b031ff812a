package mime

import "testing"

func TestDate(t *testing.T) {
	const want = "2026-03-12T09:05:00Z"
	for _, s := range []string{
		"Thu, 12 Mar 2026 10:05:00 +0100", "12 Mar 2026 10:05 +0100", "Thu, 12 Mar 2026 09:05:00 GMT", "Thu, 12 Mar 2026 10:05:00 CET", "Thu, 12 Mar 2026 10:05:00 +0100 (CET)",
		"Thu, 12 Mar 26 10:05:00 +0100", "jeu., 12 mars 2026 10:05:00 +0100", "Jeu, 12 Mars 2026 à 10:05:00 +0100", "Thursday, March 12, 2026 10:05:00 +0100", "Thu Mar 12 09:05:00 2026",
		"2026-03-12T10:05:00+01:00", "2026-03-12T09:05:00Z", "2026-03-12 10:05:00 +0100", "12-Mar-2026 10:05:00 +0100", "12/03/2026 10:05:00 +0100", "Thu, 12 Mar 2026 10:05:00 GMT+1",
		"Thu, 12 Mar 2026 10.05.00 +0100", "Thu, 12 Mar 2026 05:05:00 EDT", "mar., 12 mars 2026 10:05:00 +0100", "Do, 12 März 2026 10:05:00 MEZ", "  Thu,  12  Mar  2026  10:05:00 +0100 ", "=?utf-8?Q?Thu,_12_Mar_2026_10:05:00_+0100?=",
		"Mar 12 2026 10:05:00 +0100", "12 Mar 2026 09:05:00",
	} {
		if got, ok := date(s); !ok || got.Format("2006-01-02T15:04:05Z07:00") != want {
			t.Errorf("date(%q) = %v, %v, want %s", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "hier", "Thu, 32 Mar 2026 10:05:00 +0100", "Thu, 12 Mar 0026 10:05:00 +0100", "12 Mar 9999 10:05:00 +0100", "\x00\xff"} {
		if got, ok := date(s); ok {
			t.Errorf("date(%q) = %v", s, got)
		}
	}
}
