package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// Token is a key with which programs act for a person.
type Token struct {
	ID       string
	PersonID string
	Name     string // what it is for, at most 100 characters
	Scopes   []string
	Created  time.Time
	Used     time.Time // to within five minutes; zero = never
	Expires  time.Time // zero = never
}

// Stale reports whether TouchToken would write, so that doors need no transaction otherwise.
func (t Token) Stale(now time.Time) bool { return now.Sub(t.Used) >= touchEvery }

// tokenPrefix makes a leaked token easy to recognise.
const tokenPrefix = "ent_"

// Scopes lists what a token may be limited to; "*" is everything its person may.
func Scopes() []string {
	return []string{"*", "tickets", "tickets:read", "tickets:write", "people:read", "people:write", "events:read", "admin"}
}

// IssueToken makes a token for a person, returns its secret, which is stored nowhere, and emits token.issued.
// A zero expires is never.
// Errors: errs.Forbidden unless a is that person or an administrator, and for a limited token; errs.NotFound when the
// person is not active; errs.Invalid.
func IssueToken(ctx context.Context, tx *db.Tx, a auth.Actor, personID, name string, scopes []string, expires time.Time) (string, Token, error) {
	if err := mayKeys(a, personID); err != nil {
		return "", Token{}, err
	}
	t := Token{ID: id.New(), PersonID: personID, Name: text.Line(name), Scopes: scopes, Created: tx.Now, Expires: expires}
	if err := t.validate(tx.Now); err != nil {
		return "", Token{}, err
	}
	secret := tokenPrefix + id.Token()
	err := tx.ExecOne(ctx, `
		INSERT INTO api_token (id, token_hash, person_id, name, scopes, created_at, expires_at)
		SELECT $1, $2, p.id, $3, $4, $5, $6 FROM person p WHERE p.id = $7 AND p.active`,
		t.ID, id.Hash(secret), t.Name, db.JSON(t.Scopes), db.Ms(t.Created), db.Ms(t.Expires), personID)
	if err != nil {
		return "", Token{}, fmt.Errorf("token for %s: %w", personID, err)
	}
	return secret, t, emit(ctx, tx, a, "token.issued", personID, event.Data{Person: personID,
		Extra: map[string]string{"token": t.ID, "name": t.Name, "scopes": strings.Join(t.Scopes, " ")}})
}

func (t Token) validate(now time.Time) error {
	var f []errs.Field
	if t.Name == "" {
		f = append(f, errs.Field{Name: "name", Key: "identity.token.name"})
	}
	if len([]rune(t.Name)) > maxShort {
		f = append(f, errs.Field{Name: "name", Key: "identity.long", Args: []any{"max", maxShort}})
	}
	if len(t.Scopes) == 0 {
		f = append(f, errs.Field{Name: "scopes", Key: "identity.token.scopes"})
	}
	for _, s := range t.Scopes {
		if !slices.Contains(Scopes(), s) {
			f = append(f, errs.Field{Name: "scopes", Key: "identity.token.scope", Args: []any{"scope", s}})
		}
	}
	if !t.Expires.IsZero() && !t.Expires.After(now) {
		f = append(f, errs.Field{Name: "expires", Key: "identity.token.past"})
	}
	return errs.InvalidFields(f)
}

const tokenColumns = "t.id, t.person_id, t.name, t.scopes, t.created_at, t.used_at, t.expires_at"

func (t *Token) dest() []any {
	return []any{&t.ID, &t.PersonID, &t.Name, db.JSON(&t.Scopes), db.Millis(&t.Created), db.Millis(&t.Used), db.Millis(&t.Expires)}
}

// ActorOfToken returns for whom the token with this secret acts, limited to its scopes, in one statement.
// Errors: errs.NotFound when it is unknown, over, or the person's who is no longer active.
func ActorOfToken(ctx context.Context, tx *db.Tx, secret string) (auth.Actor, Token, error) {
	var t Token
	a, err := db.One(ctx, tx, func(r db.Row, a *auth.Actor) error { return scanActor(r, a, t.dest()...) },
		"SELECT "+actorColumns+", "+tokenColumns+` FROM api_token t JOIN person p ON p.id = t.person_id
		WHERE t.token_hash = $1 AND (t.expires_at = 0 OR t.expires_at > $2) AND p.active`, id.Hash(secret), db.Ms(tx.Now))
	if err != nil {
		return auth.Actor{}, Token{}, fmt.Errorf("token: %w", err)
	}
	a.Session, a.Scopes = t.ID, slices.Concat([]string{}, t.Scopes) // never nil: nil scopes are a session's
	return a, t, nil
}

// TouchToken writes down that a token is in use, at most once in five minutes.
func TouchToken(ctx context.Context, tx *db.Tx, tokenID string) error {
	_, err := tx.Exec(ctx, "UPDATE api_token SET used_at = $1 WHERE id = $2 AND used_at <= $3",
		db.Ms(tx.Now), tokenID, db.Ms(tx.Now.Add(-touchEvery)))
	return err
}

// ListTokens returns a person's tokens, the newest first, also those that are over.
// Errors: errs.Forbidden unless a is that person or an administrator.
func ListTokens(ctx context.Context, tx *db.Tx, a auth.Actor, personID string) ([]Token, error) {
	if err := mayKeys(a, personID); err != nil {
		return nil, err
	}
	return db.All(ctx, tx, func(r db.Row, t *Token) error { return r.Scan(t.dest()...) },
		"SELECT "+tokenColumns+" FROM api_token t WHERE t.person_id = $1 ORDER BY t.id DESC", personID)
}

// OwnedToken is a token with whom it acts for.
type OwnedToken struct {
	Token
	Owner string // name
	Email string
}

// Over reports whether the token no longer opens anything.
func (t Token) Over(now time.Time) bool { return !t.Expires.IsZero() && !t.Expires.After(now) }

// AllTokens returns a page of everybody's tokens, the newest first, also those that are over, and where the next page
// begins, "" at the end. typed narrows them to owners whose name, address or login it begins a word of, as in List.
// Errors: errs.Forbidden unless a is an administrator, and for a limited token.
func AllTokens(ctx context.Context, tx *db.Tx, a auth.Actor, typed, before string) (list []OwnedToken, next string, err error) {
	if err := mayKeys(a, ""); err != nil {
		return nil, "", err
	}
	q := &query{}
	q.and("TRUE")
	q.words(typed)
	if before != "" {
		q.and("t.id < " + q.arg(text.Line(before)))
	}
	limit := pageSize(0)
	list, err = db.All(ctx, tx, func(r db.Row, t *OwnedToken) error { return r.Scan(append(t.dest(), &t.Owner, &t.Email)...) },
		"SELECT "+tokenColumns+", p.name, p.email FROM api_token t JOIN person p ON p.id = t.person_id"+q.sql()+
			" ORDER BY t.id DESC LIMIT "+q.arg(limit+1), q.args...)
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].ID
	}
	return list, next, err
}

// RevokeToken deletes a token and emits token.revoked.
// Errors: errs.NotFound, also for one of somebody else unless a is an administrator.
func RevokeToken(ctx context.Context, tx *db.Tx, a auth.Actor, tokenID string) error {
	t, err := db.One(ctx, tx, func(r db.Row, t *Token) error { return r.Scan(t.dest()...) },
		"SELECT "+tokenColumns+" FROM api_token t WHERE t.id = $1", tokenID)
	if err == nil && mayKeys(a, t.PersonID) != nil {
		err = errs.NotFound
	}
	if err != nil {
		return fmt.Errorf("token %s: %w", tokenID, err)
	}
	if _, err := tx.Exec(ctx, "DELETE FROM api_token WHERE id = $1", tokenID); err != nil {
		return err
	}
	return emit(ctx, tx, a, "token.revoked", t.PersonID, event.Data{Person: t.PersonID,
		Extra: map[string]string{"token": t.ID, "name": t.Name}})
}
