package api

import (
	"context"
	"sync"
	"time"

	"entraide/internal/base/db"
)

// kept remembers what every answer about tickets needs and which hardly changes, until a topic tells of a change.
type kept[T any] struct {
	sub *db.Subscription

	mu    sync.Mutex
	value T
	until time.Time
	round int
}

const trust = 5 * time.Second // imports and other replicas make no signal

func newKept[T any](d Deps, topic func(string) bool) *kept[T] {
	k := &kept[T]{sub: d.DB.Listen(topic)}
	context.AfterFunc(d.Drain, k.sub.Close)
	return k
}

// get returns what is remembered, or reads it.
func (k *kept[T]) get(ctx context.Context, tx *db.Tx, read func(context.Context, *db.Tx) (T, error)) (T, error) {
	k.mu.Lock()
	if len(k.sub.Take()) > 0 {
		k.until = time.Time{}
		k.round++
	}
	value, round := k.value, k.round
	fresh := tx.Now.Before(k.until)
	k.mu.Unlock()
	if fresh {
		return value, nil
	}
	value, err := read(ctx, tx)
	if err != nil {
		return value, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if round == k.round {
		k.value, k.until = value, tx.Now.Add(trust)
	}
	return value, nil
}
