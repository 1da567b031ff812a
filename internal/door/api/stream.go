package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/id"
)

// How a stream behaves.
const (
	heartbeat  = 15 * time.Second // a comment, so that nobody on the way thinks it dead
	gather     = 200 * time.Millisecond
	streamLife = 15 * time.Minute // then the client comes back, with its rights looked at afresh
	slowest    = 10 * time.Second // a client that takes longer for one write is gone
	// On PostgreSQL a slow transaction commits an earlier id later: what is that recent is looked at again.
	lookBack = 3 * time.Second
)

type streamIn struct {
	Last  string `header:"Last-Event-ID" required:"false" maxLength:"40" doc:"Id of the last event you have: what came since is told first."`
	After string `query:"after" required:"false" maxLength:"40" doc:"The same, for clients that set no headers."`
}

func (s *server) streamRoute() {
	o := s.op(http.MethodGet, "/events/stream", "stream-events", "events:read", "events")
	o.Description += " Server-sent events: `id` and `event` (the kind) and `data` (an event as in the list). A comment every 15 seconds; the server ends a stream after 15 minutes or when it stops: come back with Last-Event-ID."
	o.Responses = map[string]*huma.Response{"200": {Description: "The stream.", Content: map[string]*huma.MediaType{
		"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	huma.Register(s.api, o, func(ctx context.Context, in *streamIn) (*file, error) {
		after := in.Last
		if after == "" {
			after = in.After
		}
		return &file{func(h huma.Context) {
			_, w := humago.Unwrap(h)
			f := &stream{s: s, c: callOf(ctx), w: w, rc: http.NewResponseController(w), after: after, sent: make(map[string]time.Time)}
			if err := f.run(ctx); err != nil && ctx.Err() == nil {
				s.Log.InfoContext(ctx, "event stream ended", "error", err)
			}
		}}, nil
	})
}

// stream is one client that listens.
type stream struct {
	s     *server
	c     *call
	w     http.ResponseWriter
	rc    *http.ResponseController
	after string               // where reading goes on
	sent  map[string]time.Time // recent events told already
}

func (f *stream) run(ctx context.Context) error {
	// Listening comes first, so that nothing falls between the first look and the first wait.
	sub := f.s.DB.Listen(func(topic string) bool { return !strings.HasPrefix(topic, "todo/") })
	defer sub.Close()
	if f.after == "" {
		f.after = id.New() // sorts after everything that happened before
	}
	h := f.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	f.w.WriteHeader(http.StatusOK)
	if err := f.write(": \n\n"); err != nil {
		return err
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	end := time.NewTimer(streamLife)
	defer end.Stop()
	for {
		sub.Take()
		if err := f.tell(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-f.s.Drain.Done():
			return nil
		case <-end.C:
			return nil
		case <-beat.C:
			if err := f.stillAllowed(ctx); err != nil {
				return err
			}
			if err := f.write(": \n\n"); err != nil {
				return err
			}
			continue
		case <-sub.C:
		}
		pause := time.NewTimer(gather) // a burst is told at once
		select {
		case <-ctx.Done():
		case <-f.s.Drain.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

// stillAllowed asks again for whom the token acts. Sessions are looked at when the client comes back.
func (f *stream) stillAllowed(ctx context.Context) error {
	if f.c.secret == "" {
		return nil
	}
	a, err := f.s.tokens.actor(ctx, f.c.secret)
	if err == nil && !a.Scoped("events:read") {
		err = errs.Forbidden
	}
	f.c.actor = a
	return err
}

// tell sends what happened since the last look.
func (f *stream) tell(ctx context.Context) error {
	for {
		var out []event.Event
		var n int
		err := f.s.DB.Read(ctx, func(tx *db.Tx) error {
			log, err := event.Since(ctx, tx, f.from(tx.Now), 200)
			n = len(log)
			if err != nil {
				return err
			}
			sight, err := sightOf(ctx, tx, f.c.actor, log)
			if err != nil {
				return err
			}
			for _, e := range log {
				f.after = max(f.after, e.ID)
				if _, told := f.sent[e.ID]; told {
					continue
				}
				f.sent[e.ID] = e.At
				if sight.sees(e) {
					out = append(out, e)
				}
			}
			f.forget(tx.Now)
			return nil
		})
		if err != nil {
			return err
		}
		for _, e := range out {
			b, err := json.Marshal(showEvent(e))
			if err != nil {
				return err
			}
			if err := f.write(fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", e.ID, e.Kind, b)); err != nil {
				return err
			}
		}
		if n < 200 {
			return nil
		}
	}
}

// from is where to read on: on PostgreSQL a little earlier than the last event, unless a backlog is being read.
func (f *stream) from(now time.Time) string {
	if back := id.At(now.Add(-lookBack))[:10]; f.s.DB.Engine == db.Postgres && back < f.after && len(f.sent) < 200 {
		return max(back, f.first())
	}
	return f.after
}

// first is the earliest event remembered as told: nothing before the client's own beginning is told.
func (f *stream) first() string {
	first := f.after
	for id := range f.sent {
		first = min(first, id)
	}
	return first
}

func (f *stream) forget(now time.Time) {
	for id, at := range f.sent {
		if now.Sub(at) > 2*lookBack {
			delete(f.sent, id)
		}
	}
}

func (f *stream) write(s string) error {
	if err := f.rc.SetWriteDeadline(time.Now().Add(slowest)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := f.w.Write([]byte(s)); err != nil {
		return err
	}
	return f.rc.Flush()
}
