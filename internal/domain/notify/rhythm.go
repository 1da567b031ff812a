package notify

import (
	"time"

	"entraide/internal/base/errs"
)

// day is the number of minutes of a day on the clock.
const day = 24 * 60

// Rhythm is when a person wants to be left alone and when their digest comes, in minutes of their local day.
type Rhythm struct {
	QuietFrom  int // -1 = no quiet hours
	QuietUntil int // may lie on the next day; -1 = no quiet hours
	DigestAt   int
}

// DefaultRhythm has no quiet hours and a digest at 8 in the morning.
func DefaultRhythm() Rhythm { return Rhythm{QuietFrom: -1, QuietUntil: -1, DigestAt: 8 * 60} }

// Decision is what happens with one piece of news for one person.
type Decision struct {
	Inbox  bool
	Mail   Mail
	MailAt time.Time // when the mail or the digest leaves; zero for Never
}

// Decide applies a person's choices to news at now. Times are those of the clock in zone: quiet hours from 22:00 to
// 07:00 end at 07:00 on the wall also in the night when clocks change.
func Decide(p Preference, r Rhythm, now time.Time, zone *time.Location) Decision {
	d := Decision{Inbox: p.Inbox, Mail: p.Mail}
	switch p.Mail {
	case Now:
		d.MailAt = r.awake(now, zone)
	case Digest:
		d.MailAt = r.NextDigest(now, zone)
	default:
		d.Mail = Never
	}
	return d
}

// NextDigest returns when what happened at t is told: the first digest hour after it, or the end of the quiet hours
// that it falls into.
func (r Rhythm) NextDigest(t time.Time, zone *time.Location) time.Time {
	return r.awake(nextAt(t, r.DigestAt, zone), zone)
}

// awake returns t, or the end of the quiet hours around it.
func (r Rhythm) awake(t time.Time, zone *time.Location) time.Time {
	if !r.quiet(t.In(zone)) {
		return t.UTC()
	}
	return nextAt(t, r.QuietUntil, zone)
}

func (r Rhythm) quiet(local time.Time) bool {
	if r.QuietFrom < 0 || r.QuietUntil < 0 || r.QuietFrom == r.QuietUntil {
		return false
	}
	m := minute(local)
	if r.QuietFrom < r.QuietUntil {
		return r.QuietFrom <= m && m < r.QuietUntil
	}
	return m >= r.QuietFrom || m < r.QuietUntil
}

func minute(t time.Time) int { return t.Hour()*60 + t.Minute() }

// nextAt returns the first instant after t at which the clock in zone shows minute m of the day. An hour that the
// clock skips in spring counts as the instant of the skip; of an hour it shows twice, the first one after t counts.
func nextAt(t time.Time, m int, zone *time.Location) time.Time {
	local := t.In(zone)
	for d := 0; ; d++ {
		at := time.Date(local.Year(), local.Month(), local.Day()+d, m/60, m%60, 0, 0, zone)
		if minute(at) != m {
			at = skipped(at)
		} else if twin := at.Add(-time.Hour); minute(twin) == m {
			if twin.After(t) {
				at = twin
			}
		} else if twin := at.Add(time.Hour); minute(twin) == m && !at.After(t) {
			at = twin
		}
		if at.After(t) {
			return at.UTC()
		}
	}
}

// skipped returns the change of the clock next to at, which stands for a time that does not exist on that day; which
// side of the change time.Date chose is not promised.
func skipped(at time.Time) time.Time {
	start, end := at.ZoneBounds()
	if !start.IsZero() && at.Sub(start) < 3*time.Hour {
		return start
	}
	return end
}

func (r Rhythm) check() error {
	var bad []errs.Field
	inDay := func(m int) bool { return m >= 0 && m < day }
	if r.QuietFrom != -1 || r.QuietUntil != -1 {
		if !inDay(r.QuietFrom) {
			bad = append(bad, errs.Field{Name: "quiet_from", Key: "notify.error.hour"})
		}
		if !inDay(r.QuietUntil) || r.QuietFrom == r.QuietUntil {
			bad = append(bad, errs.Field{Name: "quiet_until", Key: "notify.error.hour"})
		}
	}
	if !inDay(r.DigestAt) {
		bad = append(bad, errs.Field{Name: "digest_at", Key: "notify.error.hour"})
	}
	return errs.InvalidFields(bad)
}
