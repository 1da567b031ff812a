package db

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Everything is the topic published when signals may have been missed: a listener looks at all it cares for.
const Everything = "*"

// Subscription hears topics. The same topic named twice before it is taken is heard once, so a slow listener
// costs no memory beyond the topics it cares for.
type Subscription struct {
	// C receives when there is something to take.
	C <-chan struct{}

	c       chan struct{}
	mu      sync.Mutex
	pending []string
	match   func(string) bool
	of      *signals
}

// Take returns the topics heard since the last call, each once, in the order in which they were first heard.
func (s *Subscription) Take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.pending
	s.pending = nil
	return t
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	delete(s.of.subs, s)
}

func (s *Subscription) hear(topics []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	heard := false
	for _, t := range topics {
		if (t == Everything || s.match(t)) && !slices.Contains(s.pending, t) {
			s.pending = append(s.pending, t)
			heard = true
		}
	}
	if heard {
		select {
		case s.c <- struct{}{}:
		default: // already told
		}
	}
}

type signals struct {
	mu   sync.Mutex
	subs map[*Subscription]struct{}
	out  map[string]struct{} // for other replicas; nil on SQLite
	wake chan struct{}
}

func newSignals() *signals {
	return &signals{subs: make(map[*Subscription]struct{}), wake: make(chan struct{}, 1)}
}

// Listen subscribes to the topics for which match is true. match must be quick.
func (d *DB) Listen(match func(topic string) bool) *Subscription {
	c := make(chan struct{}, 1)
	s := &Subscription{C: c, c: c, match: match, of: d.signals}
	d.signals.mu.Lock()
	defer d.signals.mu.Unlock()
	d.signals.subs[s] = struct{}{}
	return s
}

// publish tells local listeners at once and queues the topics for the other replicas.
func (s *signals) publish(topics []string) {
	if len(topics) == 0 {
		return
	}
	s.local(topics)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out == nil {
		return
	}
	for _, t := range topics {
		s.out[t] = struct{}{}
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *signals) local(topics []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub := range s.subs {
		sub.hear(topics)
	}
}

// takeOut returns up to limit queued topics; more is true when some remain.
func (s *signals) takeOut(limit int) (topics []string, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.out {
		if len(topics) == limit {
			return topics, true
		}
		topics = append(topics, t)
		delete(s.out, t)
	}
	return topics, false
}

// notice is the payload between replicas; PostgreSQL allows 8,000 bytes.
type notice struct {
	From   string   `json:"f"`
	Topics []string `json:"t"`
}

const topicsPerNotice = 80

// noticePause lets what many transactions tell travel together: one NOTIFY for each would cost a tenth of a busy server.
const noticePause = 15 * time.Millisecond

// bridge carries signals between replicas with LISTEN and NOTIFY until ctx ends.
func (d *DB) bridge(ctx context.Context, cfg *pgx.ConnConfig) {
	me := rand.Text()
	d.signals.mu.Lock()
	d.signals.out = make(map[string]struct{})
	d.signals.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { d.again(ctx, "listen", func() error { return d.hearReplicas(ctx, cfg, me) }) })
	both.Go(func() { d.again(ctx, "notify", func() error { return d.tellReplicas(ctx, me) }) })
	both.Wait()
}

// again runs f until ctx ends, with a pause after each failure: signals are a convenience, losing one for a second
// only makes readers poll.
func (d *DB) again(ctx context.Context, what string, f func() error) {
	for ctx.Err() == nil {
		if err := f(); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "signals between replicas interrupted", "what", what, "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
}

func (d *DB) hearReplicas(ctx context.Context, cfg *pgx.ConnConfig, me string) error {
	conn, err := pgx.ConnectConfig(ctx, cfg.Copy())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // ending anyway; the server notices
	if _, err := conn.Exec(ctx, "LISTEN entraide"); err != nil {
		return err
	}
	d.signals.local([]string{Everything})
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		var m notice
		if err := json.Unmarshal([]byte(n.Payload), &m); err != nil {
			return err
		}
		if m.From != me {
			d.signals.local(m.Topics)
		}
	}
}

// tellReplicas sends NOTIFY apart from the causing transactions: inside them it would make all commits of the
// server wait for one lock.
func (d *DB) tellReplicas(ctx context.Context, me string) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.signals.wake:
		}
		pause := time.NewTimer(noticePause)
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		}
		for more := true; more; {
			var topics []string
			if topics, more = d.signals.takeOut(topicsPerNotice); len(topics) == 0 {
				break
			}
			b, err := json.Marshal(notice{me, topics})
			if err != nil {
				return err
			}
			if _, err := d.pool.ExecContext(ctx, "SELECT pg_notify('entraide', $1)", string(b)); err != nil {
				return err
			}
		}
	}
}
