package mailout

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"entraide/internal/domain/channel"
)

const (
	atOnce   = 3                // connections to one account; Microsoft 365 takes no more
	idleFor  = 5 * time.Second  // a connection is kept for the next mail of a burst
	perLine  = 50               // mails by one connection; servers end longer ones
	downFor  = 10 * time.Second // a server that could not be reached is left alone
	patience = 2 * time.Second  // a mail waits for its turn here; for longer, its job comes back
)

// pool holds a line for each account of each server.
type pool struct {
	mu    sync.Mutex
	lines map[string]*line
}

func newPool() *pool { return &pool{lines: map[string]*line{}} }

func (p *pool) line(r route) *line {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := r.key()
	l := p.lines[k]
	if l == nil {
		l = &line{turns: make(chan struct{}, atOnce), limit: rate.NewLimiter(rate.Inf, 1)}
		if r.rate > 0 {
			l.limit = rate.NewLimiter(rate.Every(time.Minute/time.Duration(r.rate)), 5)
		}
		p.lines[k] = l
	}
	return l
}

// line is the way to one account: its open connections, its pace, and whether it is out of order.
type line struct {
	turns chan struct{}
	limit *rate.Limiter
	mu    sync.Mutex
	idle  []*session
	down  error // of the last connection; nil = it worked
	until time.Time
}

// rest returns how long the next mail has to wait for its turn, 0 when it is now or soon: then the turn is taken.
func (l *line) rest() time.Duration {
	turn := l.limit.Reserve()
	wait := turn.Delay()
	if wait <= patience {
		return 0
	}
	turn.Cancel()
	return wait
}

// send hands m over, by a connection that is open already if there is one. Errors: failure.
func (l *line) send(ctx context.Context, s Sender, r route, m parcel) error {
	select {
	case l.turns <- struct{}{}:
		defer func() { <-l.turns }()
	case <-ctx.Done():
		return failure{connecting, ctx.Err()}
	}
	if r.way == channel.Graph {
		return sendGraph(ctx, s, r, m)
	}
	x, err := l.session(ctx, s, r)
	if err != nil {
		return err
	}
	err = x.send(ctx, m)
	var f failure
	if err == nil || errors.As(err, &f) && (f.stage == naming || f.stage == addressing || f.stage == answering) {
		l.keep(x)
	} else {
		_ = x.client.Close()
	}
	return err
}

// session returns a connection that works.
func (l *line) session(ctx context.Context, s Sender, r route) (*session, error) {
	for {
		x := l.take()
		if x == nil {
			break
		}
		if x.client.Reset() == nil {
			return x, nil
		}
		_ = x.client.Close() // ended by the server meanwhile: nothing was lost
	}
	l.mu.Lock()
	down, until := l.down, l.until
	l.mu.Unlock()
	if down != nil && time.Now().Before(until) {
		return nil, down
	}
	x, err := dial(ctx, s, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down, l.until = err, time.Now().Add(downFor)
	return x, err
}

func (l *line) take() *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.idle) - 1
	if n < 0 {
		return nil
	}
	x := l.idle[n]
	l.idle = l.idle[:n]
	return x
}

// keep leaves x open for the next mail, for a moment.
func (l *line) keep(x *session) {
	if x.mails >= perLine {
		x.close()
		return
	}
	l.mu.Lock()
	l.idle = append(l.idle, x)
	l.mu.Unlock()
	used := x.mails
	time.AfterFunc(idleFor, func() {
		l.mu.Lock()
		for i, o := range l.idle {
			if o == x && x.mails == used {
				l.idle = append(l.idle[:i:i], l.idle[i+1:]...)
				l.mu.Unlock()
				x.close()
				return
			}
		}
		l.mu.Unlock()
	})
}
