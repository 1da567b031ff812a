package sla

import (
	"context"
	"fmt"
	"slices"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/domain/calendar"
)

// Metric is what a clock measures.
type Metric string

// The metrics.
const (
	First      Metric = "first"      // until the desk answers
	Next       Metric = "next"       // until it answers again
	Resolution Metric = "resolution" // until it is resolved
)

// Clock is one promise about one record, as it stands.
type Clock struct {
	Ref      string // "ticket/…"
	Metric   Metric
	PolicyID string
	Minutes  int // promised
	Started  time.Time
	Pauses   []calendar.Pause // during which it stood still; a last To of zero is still going on
	Due      time.Time        // zero = it stands still
	Met      time.Time        // zero = not yet
	Warned   time.Time
	Breached time.Time
	Alarm    time.Time // the next moment at which somebody is told; zero = none
}

// Facts are what happened to a record, as far as its clocks care.
type Facts struct {
	Ref      string
	Started  time.Time
	Answered time.Time        // the desk's first answer; zero = none yet
	Asked    time.Time        // the requester's first word that is not answered since; zero = none
	Ended    time.Time        // it is resolved, or over; zero = it is not
	Waits    []Wait           // in order
	Closed   []calendar.Pause // times during which it was over, before it was reopened
}

// Wait is a time during which a record waited.
type Wait struct {
	On       string    // pending reason
	From, To time.Time // To zero = it still does
}

// Work works out the clocks of a record from nothing but its policy, calendar and facts. p promises for priority.
// Errors: errs.Invalid when a deadline lies beyond what calendars know.
func Work(p Policy, c *calendar.Calendar, priority int, f Facts) ([]Clock, error) {
	t := p.Targets[priority]
	var out []Clock
	for _, m := range []struct {
		metric  Metric
		minutes int
		started time.Time
		met     time.Time
		pauses  []calendar.Pause
	}{
		{First, t.First, f.Started, earliest(f.Answered, f.Ended), p.pauses(f, false)},
		{Next, t.Next, f.Asked, f.Ended, p.pauses(f, false)},
		{Resolution, t.Resolution, f.Started, f.Ended, p.pauses(f, true)},
	} {
		if m.minutes == 0 || m.started.IsZero() {
			continue
		}
		k := Clock{Ref: f.Ref, Metric: m.metric, PolicyID: p.ID, Minutes: m.minutes, Started: m.started, Pauses: until(m.pauses, m.met), Met: m.met}
		if err := k.count(p, c); err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

// until leaves out what comes after a promise was met: it moves its deadline no more.
func until(pauses []calendar.Pause, met time.Time) []calendar.Pause {
	if met.IsZero() {
		return pauses
	}
	var out []calendar.Pause
	for _, p := range pauses {
		if !p.From.Before(met) {
			continue
		}
		if p.To.IsZero() || p.To.After(met) {
			p.To = met
		}
		out = append(out, p)
	}
	return out
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// pauses are the times during which clocks of p stand still.
func (p Policy) pauses(f Facts, over bool) []calendar.Pause {
	var out []calendar.Pause
	for _, w := range f.Waits {
		if slices.Contains(p.Waits, w.On) {
			out = append(out, calendar.Pause{From: w.From, To: w.To})
		}
	}
	if over {
		out = append(out, f.Closed...)
	}
	slices.SortFunc(out, func(a, b calendar.Pause) int { return a.From.Compare(b.From) })
	return out
}

// Standing reports whether k stands still.
func (k Clock) Standing() bool {
	return k.Met.IsZero() && len(k.Pauses) > 0 && k.Pauses[len(k.Pauses)-1].To.IsZero()
}

// count works out Due and Alarm.
func (k *Clock) count(p Policy, c *calendar.Calendar) error {
	k.Due, k.Alarm = time.Time{}, time.Time{}
	if k.Standing() {
		return nil
	}
	var err error
	if k.Due, err = c.AddPaused(k.Started, time.Duration(k.Minutes)*time.Minute, k.Pauses); err != nil {
		return fmt.Errorf("%s of %s: %w", k.Metric, k.Ref, err)
	}
	if !k.Met.IsZero() {
		return nil
	}
	k.Alarm = k.Due
	if p.Warn > 0 && k.Warned.IsZero() {
		k.Alarm, err = c.AddPaused(k.Started, time.Duration(k.Minutes)*time.Minute*time.Duration(p.Warn)/100, k.Pauses)
	}
	if !k.Breached.IsZero() {
		k.Alarm = time.Time{}
	}
	return err
}

const clockColumns = "ref, metric, policy_id, minutes, started_at, pauses, due_at, met_at, warned_at, breached_at, alarm_at"

// span is a pause as it is stored.
type span [2]int64

func scanClock(r db.Row, k *Clock) error {
	var pauses []span
	err := r.Scan(&k.Ref, &k.Metric, &k.PolicyID, &k.Minutes, db.Millis(&k.Started), db.JSON(&pauses), db.Millis(&k.Due), db.Millis(&k.Met),
		db.Millis(&k.Warned), db.Millis(&k.Breached), db.Millis(&k.Alarm))
	for _, s := range pauses {
		p := calendar.Pause{From: time.UnixMilli(s[0]).UTC()}
		if s[1] > 0 {
			p.To = time.UnixMilli(s[1]).UTC()
		}
		k.Pauses = append(k.Pauses, p)
	}
	return err
}

func (k Clock) spans() (out []span) {
	for _, p := range k.Pauses {
		s := span{p.From.UnixMilli()}
		if !p.To.IsZero() {
			s[1] = p.To.UnixMilli()
		}
		out = append(out, s)
	}
	return out
}

// mayHandle guards what only the machine does.
func mayHandle(a auth.Actor) error {
	if !a.Internal {
		return fmt.Errorf("clocks: %w", errs.Forbidden)
	}
	return nil
}

// Clocks returns the clocks of a record. Whether a may see the record is for the caller to decide.
// Errors: errs.Forbidden unless a is an agent.
func Clocks(ctx context.Context, tx *db.Tx, a auth.Actor, ref string) ([]Clock, error) {
	if !a.Agent() {
		return nil, fmt.Errorf("clocks: %w", errs.Forbidden)
	}
	return db.All(ctx, tx, scanClock, "SELECT "+clockColumns+" FROM sla_clock WHERE ref = $1 ORDER BY metric", ref)
}

// Set stores the clocks of a record as they were worked out; others of it are forgotten. Who was told already is not told
// again, unless the deadline moved behind the present.
// Errors: errs.Forbidden unless a is the machine.
func Set(ctx context.Context, tx *db.Tx, a auth.Actor, ref string, p Policy, c *calendar.Calendar, clocks []Clock) error {
	if err := mayHandle(a); err != nil {
		return err
	}
	old, err := Clocks(ctx, tx, a, ref)
	if err != nil {
		return err
	}
	for _, o := range old {
		if !slices.ContainsFunc(clocks, func(k Clock) bool { return k.Metric == o.Metric }) {
			if err := tx.ExecOne(ctx, "DELETE FROM sla_clock WHERE ref = $1 AND metric = $2", ref, o.Metric); err != nil {
				return err
			}
		}
	}
	for _, k := range clocks {
		if i := slices.IndexFunc(old, func(o Clock) bool { return o.Metric == k.Metric && o.Started.Equal(k.Started) }); i >= 0 {
			k.Warned, k.Breached = old[i].Warned, old[i].Breached
			if err := k.retell(p, c, tx.Now); err != nil {
				return err
			}
		}
		if err := store(ctx, tx, k); err != nil {
			return err
		}
	}
	return nil
}

// retell forgets what was told of a moment that lies ahead again.
func (k *Clock) retell(p Policy, c *calendar.Calendar, now time.Time) error {
	if k.Due.After(now) {
		k.Breached = time.Time{}
	}
	fresh := *k
	fresh.Warned = time.Time{}
	if err := fresh.count(p, c); err != nil {
		return err
	}
	if fresh.Alarm.After(now) && fresh.Alarm.Before(fresh.Due) {
		k.Warned = time.Time{}
	}
	return k.count(p, c)
}

func store(ctx context.Context, tx *db.Tx, k Clock) error {
	spans := k.spans()
	_, err := tx.ExecContext(ctx, `INSERT INTO sla_clock (`+clockColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (ref, metric) DO UPDATE SET policy_id = excluded.policy_id, minutes = excluded.minutes, started_at = excluded.started_at,
			pauses = excluded.pauses, due_at = excluded.due_at, met_at = excluded.met_at, warned_at = excluded.warned_at,
			breached_at = excluded.breached_at, alarm_at = excluded.alarm_at`,
		k.Ref, k.Metric, k.PolicyID, k.Minutes, db.Ms(k.Started), db.JSON(&spans), db.Ms(k.Due), db.Ms(k.Met), db.Ms(k.Warned), db.Ms(k.Breached), db.Ms(k.Alarm))
	if err != nil {
		return fmt.Errorf("clock of %s: %w", k.Ref, err)
	}
	return nil
}

// Drop forgets the clocks of a record: nothing is promised about it.
// Errors: errs.Forbidden unless a is the machine.
func Drop(ctx context.Context, tx *db.Tx, a auth.Actor, ref string) error {
	if err := mayHandle(a); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "DELETE FROM sla_clock WHERE ref = $1", ref)
	return err
}

// Told is an alarm that went off.
type Told struct {
	Clock
	Breach bool // else a warning
}

// perRing is how many alarms go off in one transaction.
const perRing = 200

// Ring takes the alarms whose moment has come, marks them and returns them; each goes off once. It returns none when
// nothing is due.
// Errors: errs.Forbidden unless a is the machine.
func Ring(ctx context.Context, tx *db.Tx, a auth.Actor) ([]Told, error) {
	if err := mayHandle(a); err != nil {
		return nil, err
	}
	now := db.Ms(tx.Now)
	due, err := db.All(ctx, tx, scanClock, "SELECT "+clockColumns+" FROM sla_clock WHERE alarm_at > 0 AND alarm_at <= $1 ORDER BY alarm_at LIMIT $2", now, perRing)
	if err != nil {
		return nil, err
	}
	var out []Told
	for _, k := range due {
		breach := !k.Due.IsZero() && !k.Due.After(tx.Now)
		q, args := "UPDATE sla_clock SET warned_at = $1, alarm_at = due_at WHERE ref = $2 AND metric = $3 AND alarm_at = $4", []any{now, k.Ref, k.Metric, db.Ms(k.Alarm)}
		if breach {
			q = "UPDATE sla_clock SET breached_at = $1, alarm_at = 0 WHERE ref = $2 AND metric = $3 AND alarm_at = $4"
		}
		n, err := tx.Exec(ctx, q, args...)
		if err != nil {
			return nil, fmt.Errorf("alarm of %s: %w", k.Ref, err)
		}
		if n == 1 {
			out = append(out, Told{k, breach})
		}
	}
	return out, nil
}
