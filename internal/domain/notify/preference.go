package notify

import (
	"context"
	"fmt"
	"slices"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
)

func scanPreference(r db.Row, p *personal) error {
	return r.Scan(&p.person, &p.Topic, &p.Mail, &p.Inbox)
}

// personal is a stored choice and whose it is.
type personal struct {
	person string
	Preference
}

// Preferences returns a's choice for each topic that concerns a, defaults where a has not chosen.
func Preferences(ctx context.Context, tx *db.Tx, a auth.Actor) ([]Preference, error) {
	stored, err := db.All(ctx, tx, scanPreference, "SELECT person_id, kind, mail, inbox FROM notify_preference WHERE person_id = $1", a.ID)
	if err != nil {
		return nil, fmt.Errorf("preferences: %w", err)
	}
	var list []Preference
	for _, t := range Topics(a) {
		p := Default(t, a.Agent())
		if i := slices.IndexFunc(stored, func(s personal) bool { return s.Topic == t }); i >= 0 {
			p = stored[i].Preference
		}
		list = append(list, p)
	}
	return list, nil
}

// SavePreferences stores a's choices for the topics given; others stay.
// Errors: errs.Forbidden for nobody and the machine, errs.Invalid.
func SavePreferences(ctx context.Context, tx *db.Tx, a auth.Actor, list []Preference) error {
	if a.ID == "" {
		return fmt.Errorf("save preferences: %w", errs.Forbidden)
	}
	for _, p := range list {
		if !p.Topic.known() {
			return errs.InvalidField("topic", "notify.error.topic", "topic", string(p.Topic))
		}
		if p.Mail != Now && p.Mail != Digest && p.Mail != Never {
			return errs.InvalidField("mail."+string(p.Topic), "notify.error.mail")
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO notify_preference (person_id, kind, mail, inbox) VALUES ($1, $2, $3, $4)
			ON CONFLICT (person_id, kind) DO UPDATE SET mail = excluded.mail, inbox = excluded.inbox`, a.ID, p.Topic, p.Mail, p.Inbox)
		if err != nil {
			return fmt.Errorf("save preferences: %w", err)
		}
	}
	return nil
}

// Choices is what several people chose, read at once.
type Choices struct {
	stored  []personal
	rhythms map[string]Rhythm
}

// ChoicesOf reads the choices and rhythms of people by their ids.
// Errors: errs.Forbidden unless a is the machine: others' choices are none of a person's business.
func ChoicesOf(ctx context.Context, tx *db.Tx, a auth.Actor, people []string) (Choices, error) {
	c := Choices{rhythms: map[string]Rhythm{}}
	if !a.Internal {
		return c, fmt.Errorf("choices of others: %w", errs.Forbidden)
	}
	if len(people) == 0 {
		return c, nil
	}
	var err error
	list := db.List(people)
	c.stored, err = db.All(ctx, tx, scanPreference, "SELECT person_id, kind, mail, inbox FROM notify_preference WHERE "+tx.In("person_id", 1), list)
	if err != nil {
		return c, fmt.Errorf("choices: %w", err)
	}
	type row struct {
		person string
		Rhythm
	}
	rhythms, err := db.All(ctx, tx, func(r db.Row, x *row) error {
		return r.Scan(&x.person, &x.QuietFrom, &x.QuietUntil, &x.DigestAt)
	}, "SELECT person_id, quiet_from, quiet_until, digest_at FROM notify_rhythm WHERE "+tx.In("person_id", 1), list)
	if err != nil {
		return c, fmt.Errorf("choices: %w", err)
	}
	for _, r := range rhythms {
		c.rhythms[r.person] = r.Rhythm
	}
	return c, nil
}

// For returns what person wants for t; agent says which default holds.
func (c Choices) For(person string, t Topic, agent bool) Preference {
	for _, s := range c.stored {
		if s.person == person && s.Topic == t {
			return s.Preference
		}
	}
	return Default(t, agent)
}

// Rhythm returns the hours of person.
func (c Choices) Rhythm(person string) Rhythm {
	if r, ok := c.rhythms[person]; ok {
		return r
	}
	return DefaultRhythm()
}

// RhythmOf returns a's quiet hours and digest hour.
func RhythmOf(ctx context.Context, tx *db.Tx, a auth.Actor) (Rhythm, error) {
	c, err := ChoicesOf(ctx, tx, auth.System("own rhythm"), []string{a.ID})
	return c.Rhythm(a.ID), err
}

// SaveRhythm stores a's quiet hours and digest hour.
// Errors: errs.Forbidden for nobody and the machine, errs.Invalid.
func SaveRhythm(ctx context.Context, tx *db.Tx, a auth.Actor, r Rhythm) error {
	if a.ID == "" {
		return fmt.Errorf("save rhythm: %w", errs.Forbidden)
	}
	if err := r.check(); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO notify_rhythm (person_id, quiet_from, quiet_until, digest_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (person_id) DO UPDATE SET quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until, digest_at = excluded.digest_at`,
		a.ID, r.QuietFrom, r.QuietUntil, r.DigestAt)
	if err != nil {
		return fmt.Errorf("save rhythm: %w", err)
	}
	return nil
}
