// Package sla is what is promised about records, and the clocks that run: which policy fits, how much of the time is
// used, when somebody must be told. A clock is worked out afresh from what happened to its record, so that it is right
// whatever came in between: a change of priority, of policy, of the calendar.
package sla

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
	"entraide/internal/domain/calendar"
)

// Policy is what is promised for some records.
type Policy struct {
	ID         string
	Name       string
	Position   int // the first that fits counts
	Active     bool
	CalendarID string
	Fits       Fits
	Targets    map[int]Target // by priority, 1 to 4; absent = nothing is promised
	Waits      []string       // pending reasons during which the clocks stand still
	Warn       int            // percent of the time at which the desk is warned; 0 = never
	Leads      Leads          // when the leads of the team are told as well
	Updated    time.Time
	Version    int64
}

// Leads says when those who lead a team are told of a deadline of its tickets, beside whoever works them.
type Leads string

// The moments. The zero Leads is never.
const (
	Never Leads = ""
	Late  Leads = "late" // when it is broken
	Soon  Leads = "soon" // with the warning too
)

// At reports whether leads are told of an alarm.
func (l Leads) At(breach bool) bool { return l == Soon || l == Late && breach }

// Fits says for which records a policy counts; what is empty asks for nothing.
type Fits struct {
	Kinds       []string `json:"kinds,omitempty"`       // "incident"
	Categories  []string `json:"categories,omitempty"`  // ids; those below count as well
	Queues      []string `json:"queues,omitempty"`      // ids
	Groups      []string `json:"groups,omitempty"`      // ids of groups that the requester is in
	Sites       []string `json:"sites,omitempty"`       // of the requester, as the directory writes them
	Departments []string `json:"departments,omitempty"` // likewise
	VIP         bool     `json:"vip,omitempty"`         // only requesters who are marked as such
}

// AsksRequester reports whether f looks at who asks.
func (f Fits) AsksRequester() bool { return f.VIP || len(f.Groups)+len(f.Sites)+len(f.Departments) > 0 }

// Target is how much working time may pass, in minutes; 0 = no promise.
type Target struct {
	First      int `json:"first,omitempty"`      // until the desk answers
	Next       int `json:"next,omitempty"`       // until it answers again
	Resolution int `json:"resolution,omitempty"` // until it is resolved
}

// Case is a record as far as policies look at it.
type Case struct {
	Kind     string
	Path     []string // ids of its category and those above
	QueueID  string
	Priority int
	Requester
}

// Requester is who asks, as far as policies look at them; it is needed only where one of them AsksRequester.
type Requester struct {
	Groups           []string // ids
	Site, Department string
	VIP              bool
}

// fits reports whether p counts for c.
func (p Policy) fits(c Case) bool {
	one := func(list []string, of ...string) bool {
		return len(list) == 0 || slices.ContainsFunc(of, func(s string) bool { return slices.Contains(list, s) })
	}
	return p.Active && one(p.Fits.Kinds, c.Kind) && one(p.Fits.Categories, c.Path...) && one(p.Fits.Queues, c.QueueID) &&
		one(p.Fits.Groups, c.Groups...) && one(p.Fits.Sites, c.Site) && one(p.Fits.Departments, c.Department) && (!p.Fits.VIP || c.VIP)
}

// Choose returns the first of the policies that fits c, in their order; ok is false when nothing is promised.
func Choose(all []Policy, c Case) (p Policy, ok bool) {
	for _, p := range all {
		if p.fits(c) {
			return p, true
		}
	}
	return Policy{}, false
}

const columns = "id, name, position, active, calendar_id, fits, targets, waits, warn, leads, updated_at, version"

func scan(r db.Row, p *Policy) error {
	return r.Scan(&p.ID, &p.Name, &p.Position, &p.Active, &p.CalendarID, db.JSON(&p.Fits), db.JSON(&p.Targets), db.JSON(&p.Waits), &p.Warn, &p.Leads, db.Millis(&p.Updated), &p.Version)
}

// Policies returns all policies in their order.
func Policies(ctx context.Context, tx *db.Tx) ([]Policy, error) {
	return db.All(ctx, tx, scan, "SELECT "+columns+" FROM sla_policy ORDER BY position, id")
}

// FindPolicy returns one policy. Errors: errs.NotFound.
func FindPolicy(ctx context.Context, tx *db.Tx, policyID string) (Policy, error) {
	p, err := db.One(ctx, tx, scan, "SELECT "+columns+" FROM sla_policy WHERE id = $1", text.Clean(policyID))
	if err != nil {
		return p, fmt.Errorf("policy %s: %w", policyID, err)
	}
	return p, nil
}

func mayChange(a auth.Actor) error {
	if !a.Admin() {
		return fmt.Errorf("policies: %w", errs.Forbidden)
	}
	return nil
}

// Bounds of what may be promised.
const (
	maxName    = 100
	maxMinutes = 366 * 24 * 60
)

// SavePolicy stores p: a new one when p.ID is empty, else a change of the version p.Version. The clocks that run by it
// are for the caller to count anew.
// Errors: errs.Forbidden unless a is an administrator, errs.Invalid (name, calendar, first.1, next.1, resolution.1, warn,
// targets), errs.NotFound, errs.Conflict when somebody saved it in between.
func SavePolicy(ctx context.Context, tx *db.Tx, a auth.Actor, p Policy) (Policy, error) {
	if err := mayChange(a); err != nil {
		return p, err
	}
	p.Name, p.Updated = text.Line(p.Name), tx.Now
	if err := p.check(ctx, tx); err != nil {
		return p, fmt.Errorf("policy: %w", err)
	}
	tx.Signal("policies")
	if p.ID == "" {
		p.ID, p.Version = id.New(), 1
		_, err := tx.ExecContext(ctx, "INSERT INTO sla_policy ("+columns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1)", p.ID, p.Name, p.Position, p.Active,
			p.CalendarID, db.JSON(&p.Fits), db.JSON(&p.Targets), db.JSON(&p.Waits), p.Warn, p.Leads, db.Ms(p.Updated))
		return p, err
	}
	err := tx.ExecOne(ctx, `UPDATE sla_policy SET name = $1, position = $2, active = $3, calendar_id = $4, fits = $5, targets = $6, waits = $7, warn = $8,
		leads = $9, updated_at = $10, version = version + 1 WHERE id = $11 AND version = $12`, p.Name, p.Position, p.Active, p.CalendarID, db.JSON(&p.Fits), db.JSON(&p.Targets),
		db.JSON(&p.Waits), p.Warn, p.Leads, db.Ms(p.Updated), p.ID, p.Version)
	if err := errs.Stale(err, func() error { _, err := FindPolicy(ctx, tx, p.ID); return err }); err != nil {
		return p, fmt.Errorf("policy %s: %w", p.ID, err)
	}
	p.Version++
	return p, nil
}

func (p *Policy) check(ctx context.Context, tx *db.Tx) error {
	var wrong []errs.Field
	say := func(bad bool, field, key string, args ...any) {
		if bad {
			wrong = append(wrong, errs.Field{Name: field, Key: key, Args: args})
		}
	}
	say(p.Name == "" || utf8.RuneCountInString(p.Name) > maxName, "name", "ticket.name_length", "max", maxName)
	say(p.Warn < 0 || p.Warn > 99, "warn", "sla.warn")
	say(p.Leads != Never && p.Leads != Late && p.Leads != Soon, "leads", "sla.leads")
	promised := false
	for priority := 1; priority <= 4; priority++ {
		t := p.Targets[priority]
		for _, x := range []struct {
			metric  Metric
			minutes int
		}{{First, t.First}, {Next, t.Next}, {Resolution, t.Resolution}} { // in the order of the form
			say(x.minutes < 0 || x.minutes > maxMinutes, fmt.Sprintf("%s.%d", x.metric, priority), "sla.minutes", "max", maxMinutes)
			promised = promised || x.minutes > 0
		}
		say(t.First > 0 && t.Resolution > 0 && t.First > t.Resolution, fmt.Sprintf("first.%d", priority), "sla.order")
	}
	say(!promised, "targets", "sla.nothing")
	_, err := calendar.Find(ctx, tx, p.CalendarID)
	if err != nil && !errors.Is(err, errs.NotFound) {
		return err
	}
	say(err != nil, "calendar", "sla.calendar")
	return errs.InvalidFields(wrong)
}

// RemovePolicy forgets a policy and the clocks that ran by it.
// Errors: errs.Forbidden unless a is an administrator, errs.NotFound.
func RemovePolicy(ctx context.Context, tx *db.Tx, a auth.Actor, policyID string) error {
	if err := mayChange(a); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM sla_clock WHERE policy_id = $1", text.Clean(policyID)); err != nil {
		return err
	}
	tx.Signal("policies")
	return tx.ExecOne(ctx, "DELETE FROM sla_policy WHERE id = $1", text.Clean(policyID))
}

// Uses returns how many policies count by a calendar.
func Uses(ctx context.Context, tx *db.Tx, calendarID string) (n int, err error) {
	err = db.First(ctx, tx, "SELECT count(*) FROM sla_policy WHERE calendar_id = $1", []any{text.Clean(calendarID)}, &n)
	return n, err
}
