package identity

import (
	"context"
	"fmt"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// Session is a signed-in browser.
type Session struct {
	ID        string
	PersonID  string
	Created   time.Time
	Seen      time.Time // to within touchEvery
	Expires   time.Time
	UserAgent string // at most 300 characters
	Address   string
}

// touchEvery is how often a use is written down at most: seeing every request would make every read a write.
const touchEvery = 5 * time.Minute

// Stale reports whether TouchSession would write, so that doors need no transaction otherwise.
func (s Session) Stale(now time.Time) bool { return now.Sub(s.Seen) >= touchEvery }

// OpenSession signs a person in for ttl and returns the secret for the cookie, which is stored nowhere.
// Errors: errs.NotFound when they are not active.
func OpenSession(ctx context.Context, tx *db.Tx, personID, userAgent, address string, ttl time.Duration) (string, Session, error) {
	token := id.Token()
	s := Session{ID: id.New(), PersonID: personID, Created: tx.Now, Seen: tx.Now, Expires: tx.Now.Add(ttl),
		UserAgent: text.Excerpt(userAgent, 300), Address: address}
	err := tx.ExecOne(ctx, `
		INSERT INTO session (id, token_hash, person_id, created_at, seen_at, expires_at, user_agent, address)
		SELECT $1, $2, p.id, $3, $4, $5, $6, $7 FROM person p WHERE p.id = $8 AND p.active`,
		s.ID, id.Hash(token), db.Ms(s.Created), db.Ms(s.Seen), db.Ms(s.Expires), s.UserAgent, s.Address, personID)
	if err != nil {
		return "", Session{}, fmt.Errorf("open session of %s: %w", personID, err)
	}
	return token, s, nil
}

const sessionColumns = "s.id, s.person_id, s.created_at, s.seen_at, s.expires_at, s.user_agent, s.address"

func (s *Session) dest() []any {
	return []any{&s.ID, &s.PersonID, db.Millis(&s.Created), db.Millis(&s.Seen), db.Millis(&s.Expires), &s.UserAgent, &s.Address}
}

// ActorOfSession returns who holds the cookie token, in one statement. idle ends a session unused for that long, max one
// that old; 0 = never.
// Errors: errs.NotFound when it is unknown, over, or the person's who is no longer active.
func ActorOfSession(ctx context.Context, tx *db.Tx, token string, idle, max time.Duration) (auth.Actor, Session, error) {
	var s Session
	a, err := db.One(ctx, tx, func(r db.Row, a *auth.Actor) error { return scanActor(r, a, s.dest()...) },
		"SELECT "+actorColumns+", "+sessionColumns+` FROM session s JOIN person p ON p.id = s.person_id
		WHERE s.token_hash = $1 AND s.expires_at > $2 AND p.active`, id.Hash(token), db.Ms(tx.Now))
	if err != nil {
		return auth.Actor{}, Session{}, fmt.Errorf("session: %w", err)
	}
	if idle > 0 && tx.Now.Sub(s.Seen) > idle || max > 0 && tx.Now.Sub(s.Created) > max {
		return auth.Actor{}, Session{}, fmt.Errorf("session %s is over: %w", s.ID, errs.NotFound)
	}
	a.Session = s.ID
	return a, s, nil
}

// TouchSession writes down that a session is in use, at most once in five minutes.
func TouchSession(ctx context.Context, tx *db.Tx, sessionID string) error {
	_, err := tx.Exec(ctx, "UPDATE session SET seen_at = $1 WHERE id = $2 AND seen_at <= $3",
		db.Ms(tx.Now), sessionID, db.Ms(tx.Now.Add(-touchEvery)))
	return err
}

// mayKeys returns nil if a may see and remove the keys of a person: sessions and tokens. A limited token may not.
func mayKeys(a auth.Actor, personID string) error {
	if (a.Scopes == nil || a.Scoped("*")) && (a.Admin() || a.ID != "" && a.ID == personID) {
		return nil
	}
	return fmt.Errorf("keys of person %s: %w", personID, errs.Forbidden)
}

// ListSessions returns a person's sessions, the last used first.
// Errors: errs.Forbidden unless a is that person or an administrator.
func ListSessions(ctx context.Context, tx *db.Tx, a auth.Actor, personID string) ([]Session, error) {
	if err := mayKeys(a, personID); err != nil {
		return nil, err
	}
	return db.All(ctx, tx, func(r db.Row, s *Session) error { return r.Scan(s.dest()...) },
		"SELECT "+sessionColumns+" FROM session s WHERE s.person_id = $1 AND s.expires_at > $2 ORDER BY s.seen_at DESC, s.id DESC",
		personID, db.Ms(tx.Now))
}

// RevokeSession ends a session and emits session.revoked. Signing out is revoking one's own (auth.Actor.Session).
// Errors: errs.NotFound, also for one of somebody else unless a is an administrator.
func RevokeSession(ctx context.Context, tx *db.Tx, a auth.Actor, sessionID string) error {
	s, err := db.One(ctx, tx, func(r db.Row, s *Session) error { return r.Scan(s.dest()...) },
		"SELECT "+sessionColumns+" FROM session s WHERE s.id = $1", sessionID)
	if err == nil && mayKeys(a, s.PersonID) != nil {
		err = errs.NotFound
	}
	if err != nil {
		return fmt.Errorf("session %s: %w", sessionID, err)
	}
	if _, err := tx.Exec(ctx, "DELETE FROM session WHERE id = $1", sessionID); err != nil {
		return err
	}
	return emit(ctx, tx, a, "session.revoked", s.PersonID, event.Data{Person: s.PersonID, Extra: map[string]string{"session": s.ID}})
}

// RevokeAll ends a person's sessions apart from keep ("" = all) and emits session.revoked for each.
// Errors: errs.Forbidden unless a is that person or an administrator.
func RevokeAll(ctx context.Context, tx *db.Tx, a auth.Actor, personID, keep string) error {
	if err := mayKeys(a, personID); err != nil {
		return err
	}
	gone, err := db.Strings(ctx, tx, "DELETE FROM session WHERE person_id = $1 AND id <> $2 RETURNING id", personID, keep)
	if err != nil {
		return err
	}
	for _, s := range gone {
		if err := emit(ctx, tx, a, "session.revoked", personID, event.Data{Person: personID, Extra: map[string]string{"session": s}}); err != nil {
			return err
		}
	}
	return nil
}
