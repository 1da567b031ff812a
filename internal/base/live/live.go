// Package live tells open pages the names of what changed, over server-sent events.
//
// A message is one line of JSON, {"topic":"ticket/01J…","seq":7}, of the browser's default event type. It carries no
// content: the page fetches what it shows through the ordinary handlers, so that there is nothing to leak and nothing
// to lose. A client that comes back (Last-Event-ID) is told all its topics once, since nobody kept what it missed.
package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"entraide/internal/base/errs"
)

// everything is the topic that stands for all of them, db.Everything; this package does not need the rest of db.
const everything = "*"

// The times of a stream. A proxy closes what is silent for long, hence the heartbeat; a client that takes no byte
// within the write time is gone; after its life a stream ends and the client comes back, asked for its rights again.
const (
	heartbeat = 15 * time.Second
	writeTime = 10 * time.Second
	life      = time.Hour
	retry     = "retry: 1000\n\n" // milliseconds after which a client comes back
)

// Streams are the open streams of this process.
type Streams struct {
	max   int64
	open  atomic.Int64
	drain context.Context
}

// New allows up to most streams at once. When drain ends, all streams end and tell their clients to come back.
func New(drain context.Context, most int) *Streams {
	return &Streams{max: int64(most), drain: drain}
}

// Open returns the number of open streams.
func (s *Streams) Open() int64 { return s.open.Load() }

// Source is where changes are heard: the fields of a db.Subscription that the caller opened for topics the reader may
// know, and closes.
type Source struct {
	C    <-chan struct{} // receives when there is something to take
	Take func() []string // what changed since, each topic once
}

// Options of one stream.
type Options struct {
	// Topics are all topics of the stream; they are told when signals may have been missed.
	Topics []string
	// Missed are those of Topics that changed since the page was read; they are told at once.
	Missed []string
	// Last is the request's header Last-Event-ID; "" = the page was just loaded.
	Last string
}

// Serve streams what src hears to w until ctx, the request's context, or the server ends.
// Errors: errs.Unavailable before anything was written when there are too many streams or the server is ending. Once
// the stream began there is no error to show: a client that goes away is no failure.
func (s *Streams) Serve(ctx context.Context, w http.ResponseWriter, src Source, o Options) error {
	if s.open.Add(1) > s.max {
		s.open.Add(-1)
		return fmt.Errorf("%d live streams are open: %w", s.max, errs.Unavailable)
	}
	defer s.open.Add(-1)
	if s.drain.Err() != nil {
		return fmt.Errorf("server ending: %w", errs.Unavailable)
	}
	ctx, cancel := context.WithTimeout(ctx, life)
	defer cancel()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy must not gather messages
	st := stream{w: w, rc: http.NewResponseController(w), topics: o.Topics}
	if n, err := strconv.ParseInt(o.Last, 10, 64); err == nil {
		st.seq = n
	}
	first := ": open\n\n" // the client knows at once that the stream stands
	if o.Last != "" {
		first = st.messages([]string{everything})
	} else if len(o.Missed) > 0 {
		first = st.messages(o.Missed)
	}
	err := st.write(first)
	if err == nil {
		err = st.follow(ctx, s.drain.Done(), src)
	}
	if err == nil && ctx.Err() != context.Canceled { // else nobody reads any more
		err = st.write(retry)
	}
	if err == nil {
		_ = st.rc.SetWriteDeadline(time.Time{}) // the connection may serve other requests
	}
	return nil
}

// stream is one client.
type stream struct {
	w      http.ResponseWriter
	rc     *http.ResponseController
	topics []string
	seq    int64
}

// follow writes what is heard until ctx or the server ends (nil) or the client takes no more (an error).
func (st *stream) follow(ctx context.Context, drain <-chan struct{}, src Source) error {
	beat := time.NewTimer(heartbeat)
	defer beat.Stop()
	for {
		text := ": beat\n\n"
		select {
		case <-ctx.Done():
			return nil
		case <-drain:
			return nil
		case <-src.C:
			text = st.messages(src.Take())
		case <-beat.C:
		}
		if text == "" {
			continue
		}
		if err := st.write(text); err != nil {
			return err
		}
		beat.Reset(heartbeat)
	}
}

// messages writes one message a topic.
func (st *stream) messages(topics []string) string {
	if slices.Contains(topics, everything) {
		topics = st.topics
	}
	var b []byte
	for _, t := range topics {
		st.seq++
		data, err := json.Marshal(struct {
			Topic string `json:"topic"`
			Seq   int64  `json:"seq"`
		}{t, st.seq})
		if err != nil { // a string and a number always marshal
			panic(err)
		}
		b = fmt.Appendf(b, "id: %d\ndata: %s\n\n", st.seq, data)
	}
	return string(b)
}

func (st *stream) write(text string) error {
	if err := st.rc.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := st.w.Write([]byte(text)); err != nil {
		return err
	}
	return st.rc.Flush()
}
