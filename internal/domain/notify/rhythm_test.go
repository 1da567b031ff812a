package notify_test

import (
	"testing"
	"time"

	"entraide/internal/base/errs"
	"entraide/internal/domain/notify"
)

func TestDecide(t *testing.T) {
	night := notify.Rhythm{QuietFrom: 22 * 60, QuietUntil: 7 * 60, DigestAt: 8 * 60}
	lunch := notify.Rhythm{QuietFrom: 12 * 60, QuietUntil: 13*60 + 30, DigestAt: 12*60 + 15}
	early := notify.Rhythm{QuietFrom: 22 * 60, QuietUntil: 2*60 + 30, DigestAt: 2*60 + 30}
	none := notify.DefaultRhythm()
	for name, c := range map[string]struct {
		mail   notify.Mail
		rhythm notify.Rhythm
		zone   string
		now    string
		want   string // "" = no mail
	}{
		"at once":                               {notify.Now, none, "Europe/Paris", "2026-03-12T09:44:00Z", "2026-03-12T09:44:00Z"},
		"never":                                 {notify.Never, none, "Europe/Paris", "2026-03-12T09:44:00Z", ""},
		"by day, with quiet nights":             {notify.Now, night, "Europe/Paris", "2026-03-12T09:44:00Z", "2026-03-12T09:44:00Z"},
		"before midnight waits for the morning": {notify.Now, night, "Europe/Paris", "2026-03-12T22:30:00Z", "2026-03-13T06:00:00Z"},
		"after midnight waits for the same morning":   {notify.Now, night, "Europe/Paris", "2026-03-13T02:00:00Z", "2026-03-13T06:00:00Z"},
		"the first quiet minute":                      {notify.Now, night, "Europe/Paris", "2026-03-12T21:00:00Z", "2026-03-13T06:00:00Z"},
		"the first loud minute":                       {notify.Now, night, "Europe/Paris", "2026-03-13T06:00:00Z", "2026-03-13T06:00:00Z"},
		"the zone is the person's":                    {notify.Now, night, "America/Cayenne", "2026-03-13T02:00:00Z", "2026-03-13T10:00:00Z"},
		"lunch":                                       {notify.Now, lunch, "Europe/Paris", "2026-03-12T11:10:00Z", "2026-03-12T12:30:00Z"},
		"the night of the skipped hour is shorter":    {notify.Now, night, "Europe/Paris", "2026-03-28T22:00:00Z", "2026-03-29T05:00:00Z"},
		"the night of the doubled hour is longer":     {notify.Now, night, "Europe/Paris", "2026-10-24T21:00:00Z", "2026-10-25T06:00:00Z"},
		"an end that the clock skips":                 {notify.Now, early, "Europe/Paris", "2026-03-28T23:00:00Z", "2026-03-29T01:00:00Z"},
		"an end that the clock shows twice, first":    {notify.Now, early, "Europe/Paris", "2026-10-24T23:50:00Z", "2026-10-25T00:30:00Z"},
		"an end that the clock shows twice, between":  {notify.Now, early, "Europe/Paris", "2026-10-25T01:10:00Z", "2026-10-25T01:30:00Z"},
		"digest of today":                             {notify.Digest, none, "Europe/Paris", "2026-03-12T05:00:00Z", "2026-03-12T07:00:00Z"},
		"digest of tomorrow":                          {notify.Digest, none, "Europe/Paris", "2026-03-12T07:00:00Z", "2026-03-13T07:00:00Z"},
		"digest over the change to summer time":       {notify.Digest, none, "Europe/Paris", "2026-03-28T12:00:00Z", "2026-03-29T06:00:00Z"},
		"digest at the end of the month":              {notify.Digest, none, "Europe/Paris", "2026-12-31T12:00:00Z", "2027-01-01T07:00:00Z"},
		"a digest hour inside quiet hours comes late": {notify.Digest, lunch, "Europe/Paris", "2026-03-12T09:00:00Z", "2026-03-12T12:30:00Z"},
		"a digest hour that the clock skips":          {notify.Digest, early, "Europe/Paris", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
		"a zone with half hours":                      {notify.Digest, none, "Asia/Kolkata", "2026-03-12T00:00:00Z", "2026-03-12T02:30:00Z"},
		"a choice of another version is no mail":      {"hourly", none, "Europe/Paris", "2026-03-12T09:44:00Z", ""},
	} {
		t.Run(name, func(t *testing.T) {
			zone, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			now, err := time.Parse(time.RFC3339, c.now)
			if err != nil {
				t.Fatal(err)
			}
			d := notify.Decide(notify.Preference{Mail: c.mail, Inbox: true}, c.rhythm, now, zone)
			got := ""
			if !d.MailAt.IsZero() {
				got = d.MailAt.Format(time.RFC3339)
			}
			if got != c.want || !d.Inbox || (d.Mail == notify.Never) != (c.want == "") {
				t.Errorf("Decide = %+v, want mail at %q", d, c.want)
			}
		})
	}
}

// Whatever the hour, a decision lies in the future, within two days, and outside quiet hours.
func TestDecideAroundTheYear(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []notify.Rhythm{
		{QuietFrom: 22 * 60, QuietUntil: 7 * 60, DigestAt: 8 * 60}, {QuietFrom: 2 * 60, QuietUntil: 3 * 60, DigestAt: 150},
		{QuietFrom: 5 * 60, QuietUntil: 4 * 60, DigestAt: 0}, {QuietFrom: -1, QuietUntil: -1, DigestAt: 1439},
	} {
		for now := time.Date(2026, 1, 1, 0, 7, 0, 0, time.UTC); now.Year() == 2026; now = now.Add(47 * time.Minute) {
			for _, m := range []notify.Mail{notify.Now, notify.Digest} {
				d := notify.Decide(notify.Preference{Mail: m}, r, now, zone)
				again := notify.Decide(notify.Preference{Mail: notify.Now}, r, d.MailAt, zone)
				if d.MailAt.Before(now) || d.MailAt.Sub(now) > 49*time.Hour || !again.MailAt.Equal(d.MailAt) {
					t.Fatalf("%+v %s at %s: %s, then %s", r, m, now, d.MailAt, again.MailAt)
				}
			}
		}
	}
}

func TestRhythmIsChecked(t *testing.T) {
	for name, c := range map[string]struct {
		r     notify.Rhythm
		field string
	}{
		"no quiet hours":  {notify.DefaultRhythm(), ""},
		"only a start":    {notify.Rhythm{QuietFrom: 60, QuietUntil: -1}, "quiet_until"},
		"a day too long":  {notify.Rhythm{QuietFrom: 1440, QuietUntil: 60}, "quiet_from"},
		"always quiet":    {notify.Rhythm{QuietFrom: 60, QuietUntil: 60}, "quiet_until"},
		"no digest hour":  {notify.Rhythm{QuietFrom: -1, QuietUntil: -1, DigestAt: -1}, "digest_at"},
		"over midnight":   {notify.Rhythm{QuietFrom: 1320, QuietUntil: 420, DigestAt: 480}, ""},
		"digest at 24:00": {notify.Rhythm{QuietFrom: -1, QuietUntil: -1, DigestAt: 1440}, "digest_at"},
	} {
		f := errs.Fields(notify.CheckRhythm(c.r))
		if c.field == "" && len(f) != 0 || c.field != "" && (len(f) != 1 || f[0].Name != c.field) {
			t.Errorf("%s: %v, want %q", name, f, c.field)
		}
	}
}
