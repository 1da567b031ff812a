package api

import (
	"context"
	"strings"
	"sync"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/id"
	"entraide/internal/domain/identity"
)

// tokens remembers for a few seconds for whom a token acts: asking the database each time would cost as much as many
// answers. Whatever changes a person, a token or a team is heard of at once.
type tokens struct {
	d   Deps
	sub *db.Subscription

	mu    sync.Mutex
	known map[string]*tokenActor // by hash of the secret
	round int                    // grows when everything is forgotten
}

type tokenActor struct {
	actor auth.Actor
	token identity.Token
	until time.Time
}

const (
	tokenTrust  = 5 * time.Second
	tokensKept  = 10_000
	tokenPrefix = "ent_"
)

func newTokens(d Deps) *tokens {
	t := &tokens{d: d, known: make(map[string]*tokenActor)}
	t.sub = d.DB.Listen(func(topic string) bool {
		return strings.HasPrefix(topic, "person/") || strings.HasPrefix(topic, "team/")
	})
	context.AfterFunc(d.Drain, t.sub.Close)
	return t
}

// actor returns for whom a secret acts.
// Errors: errs.NotFound.
func (t *tokens) actor(ctx context.Context, secret string) (auth.Actor, error) {
	if !strings.HasPrefix(secret, tokenPrefix) || len(secret) > 200 {
		return auth.Actor{}, errs.NotFound
	}
	key, now := id.Hash(secret), t.d.DB.Now()
	found, round := t.look(key, now)
	if found == nil {
		found = &tokenActor{until: now.Add(tokenTrust)}
		err := t.d.DB.Read(ctx, func(tx *db.Tx) (err error) {
			found.actor, found.token, err = identity.ActorOfToken(ctx, tx, secret)
			return err
		})
		if err != nil {
			return auth.Actor{}, err
		}
		if end := found.token.Expires; !end.IsZero() && end.Before(found.until) {
			found.until = end
		}
		t.keep(ctx, key, found, round, now)
	}
	return found.actor, nil
}

func (t *tokens) look(key string, now time.Time) (*tokenActor, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.sub.Take()) > 0 || len(t.known) > tokensKept {
		clear(t.known)
		t.round++
	}
	if k := t.known[key]; k != nil && now.Before(k.until) {
		return k, t.round
	}
	return nil, t.round
}

// keep remembers what was read unless something changed meanwhile, and writes down that the token is in use.
func (t *tokens) keep(ctx context.Context, key string, k *tokenActor, round int, now time.Time) {
	t.mu.Lock()
	if round == t.round {
		t.known[key] = k
	}
	t.mu.Unlock()
	if !k.token.Stale(now) {
		return
	}
	err := t.d.DB.Write(ctx, func(tx *db.Tx) error { return identity.TouchToken(ctx, tx, k.token.ID) })
	if err != nil { // when it was used last is a convenience, no reason to refuse
		t.d.Log.WarnContext(ctx, "token not touched", "error", err)
	}
}
