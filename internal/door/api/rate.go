package api

import (
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate bounds how often one token or session may call. The zero Rate allows 200 a second in bursts of 400, and 5,000
// in bursts of 10,000 to programs on the machine itself.
type Rate struct {
	PerSecond float64
	Burst     int
}

type limiter struct {
	rate  Rate
	local Rate

	mu    sync.Mutex
	known map[string]*rate.Limiter // by token or session, and whether it calls from the machine
}

const limitersKept = 10_000

func newLimiter(r Rate) *limiter {
	l := &limiter{rate: r, local: r, known: make(map[string]*rate.Limiter)}
	if r == (Rate{}) {
		l.rate, l.local = Rate{200, 400}, Rate{5000, 10_000}
	}
	return l
}

// wait returns how long a caller has to wait; zero = it may go on.
func (l *limiter) wait(key string, r *http.Request) time.Duration {
	bound := l.rate
	if loopback(r) {
		key, bound = "local "+key, l.local
	}
	l.mu.Lock()
	b := l.known[key]
	if b == nil {
		if len(l.known) >= limitersKept { // forgetting lets everybody burst once more
			clear(l.known)
		}
		b = rate.NewLimiter(rate.Limit(bound.PerSecond), bound.Burst)
		l.known[key] = b
	}
	l.mu.Unlock()
	if b.Allow() {
		return 0
	}
	return max(time.Second, time.Duration(float64(time.Second)/bound.PerSecond))
}

// loopback reports whether r comes from the machine itself and not through a proxy there.
func loopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
