package channel

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
)

// FuseKey is the setting that holds the Fuse.
const FuseKey = "mail.fuse"

// Fuse is how much one sender may write before their mail waits for a person's eye: two machines that answer each
// other would fill every queue before anybody looks.
type Fuse struct {
	Hour   int      `json:"hour"`   // mails in an hour
	Day    int      `json:"day"`    // mails in a day
	Same   int      `json:"same"`   // mails with one subject in an hour
	Exempt []string `json:"exempt"` // "alarms@example.org" or "example.org" with its subdomains, lower case: never held back
}

// DefaultFuse holds until somebody chooses. A person with a bad day stays far below.
func DefaultFuse() Fuse { return Fuse{Hour: 60, Day: 300, Same: 20} }

// maxFuse bounds what may be chosen, and with it what each mail counts.
const maxFuse = 5000

// Check returns f in its stored form.
// Errors: errs.Invalid (hour, day, same, exempt).
func (f Fuse) Check() (Fuse, error) {
	for _, n := range []struct {
		name  string
		value int
	}{{"hour", f.Hour}, {"day", f.Day}, {"same", f.Same}} {
		if n.value < 1 || n.value > maxFuse {
			return f, errs.InvalidField(n.name, "mail.fuse.number", "max", maxFuse)
		}
	}
	if f.Day < f.Hour {
		return f, errs.InvalidField("day", "mail.fuse.day")
	}
	var list []string
	for _, line := range f.Exempt {
		pattern, ok := patternOf(line)
		if !ok {
			return f, errs.InvalidField("exempt", "mail.block.pattern")
		}
		if !slices.Contains(list, pattern) {
			list = append(list, pattern)
		}
	}
	f.Exempt = list
	return f, nil
}

// Spares reports whether sender is never held back.
func (f Fuse) Spares(sender string) bool {
	return slices.ContainsFunc(namesOf(sender), func(n string) bool { return slices.Contains(f.Exempt, n) })
}

// Pace is how much came from one sender, the present mail included; counted no further than a Fuse asks.
type Pace struct {
	Hour, Day, Same int
	Held            int // of Day, held back by the fuse
}

// Blown reports whether p is more than f lets through.
func (f Fuse) Blown(p Pace) bool { return p.Hour > f.Hour || p.Day > f.Day || p.Same > f.Same }

// PaceOf counts what came from sender lately, and with this subject.
// Errors: errs.Forbidden unless a is the machine.
func PaceOf(ctx context.Context, tx *db.Tx, a auth.Actor, f Fuse, sender, subject string) (p Pace, err error) {
	if err := mayHandle(a); err != nil {
		return p, err
	}
	hour := db.Ms(tx.Now.Add(-time.Hour))
	err = db.First(ctx, tx, `SELECT count(*) FILTER (WHERE x.at > $1), count(*), count(*) FILTER (WHERE x.at > $2 AND x.subject = $3),
			count(*) FILTER (WHERE x.reason = $4)
		FROM (SELECT at, subject, reason FROM envelope WHERE direction = 'in' AND sender = $5 AND at > $6 ORDER BY at DESC LIMIT $7) x`,
		[]any{hour, hour, subject, ReasonFuse, key(sender), db.Ms(tx.Now.Add(-24 * time.Hour)), f.Day + 1}, &p.Hour, &p.Day, &p.Same, &p.Held)
	if err != nil {
		return p, fmt.Errorf("pace of %s: %w", sender, err)
	}
	return p, nil
}

// ReasonFuse is the reason of what the fuse holds back.
const ReasonFuse = "mail.reason.fuse"

// namesOf returns what a pattern for sender may be: the address, its domain, and the domains above.
func namesOf(sender string) []string {
	names := []string{key(sender)}
	_, host, _ := strings.Cut(names[0], "@")
	for host != "" && len(names) < 12 {
		names = append(names, host)
		_, host, _ = strings.Cut(host, ".")
	}
	return names
}

// patternOf reads an address or a domain as people write them.
func patternOf(s string) (string, bool) {
	pattern := strings.TrimPrefix(key(s), "@")
	return pattern, (plainAddress(pattern) || plainAddress("someone@"+pattern)) && strings.Contains(pattern, ".")
}
