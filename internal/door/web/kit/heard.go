package kit

import (
	"context"
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"sync"

	"entraide/internal/base/db"
)

// maxHeard is how many topics are remembered; with their names about 2 MB.
const maxHeard = 20_000

// heard remembers when topics were last named, in steps of its own. A page carries the step at which it was read, so
// that its stream, which begins later, can tell what changed in between. The steps are this process's: a page that was
// read elsewhere, or before the program started again, is told that everything changed.
type heard struct {
	name string // of this process
	sub  *db.Subscription

	mu    sync.Mutex
	step  int64
	last  map[string]int64
	floor int64 // what was named before is forgotten
}

// remember listens until ctx ends.
func remember(ctx context.Context, d *db.DB) *heard {
	h := &heard{name: rand.Text(), sub: d.Listen(func(string) bool { return true }), last: make(map[string]int64)}
	go func() {
		defer h.sub.Close()
		for {
			select {
			case <-ctx.Done():
				return
			case <-h.sub.C:
				h.mark()
			}
		}
	}()
	return h
}

// mark takes in what was named until now and returns the step.
func (h *heard) mark() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.takeIn()
	return h.name + "." + strconv.FormatInt(h.step, 10)
}

func (h *heard) takeIn() {
	for _, t := range h.sub.Take() {
		h.step++
		if t == db.Everything { // signals of other processes may have been missed
			clear(h.last)
			h.floor = h.step
			continue
		}
		h.last[t] = h.step
	}
	if len(h.last) <= maxHeard {
		return
	}
	steps := make([]int64, 0, len(h.last))
	for _, s := range h.last {
		steps = append(steps, s)
	}
	slices.Sort(steps)
	h.floor = steps[len(steps)/2]
	for t, s := range h.last {
		if s <= h.floor {
			delete(h.last, t)
		}
	}
}

// since returns those of topics that were named after the mark; all of them for a mark that says nothing here.
func (h *heard) since(mark string, topics []string) []string {
	name, number, _ := strings.Cut(mark, ".")
	step, err := strconv.ParseInt(number, 10, 64)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.takeIn()
	if err != nil || name != h.name || step < h.floor || step > h.step {
		return topics
	}
	var out []string
	for _, t := range topics {
		if h.last[t] > step {
			out = append(out, t)
		}
	}
	return out
}

type markKey struct{}

// Missed returns those of topics that were named since the page that carries mark was read. The caller listens
// already, so that nothing falls between. "" is a page without a mark: it missed nothing that it could tell.
func (k *Kit) Missed(mark string, topics []string) []string {
	if mark == "" || k.heard == nil {
		return nil
	}
	return k.heard.since(mark, topics)
}
