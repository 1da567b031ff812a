package event_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/obs"
	"entraide/internal/base/schema"
)

// clock is a time that only the test moves.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.ms.Store(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func (c *clock) now() time.Time           { return time.UnixMilli(c.ms.Load()) }
func (c *clock) forward(by time.Duration) { c.ms.Add(by.Milliseconds()) }

// reacts gives ticket events to two readers and the others to nobody.
func reacts(kind string) []string {
	if strings.HasPrefix(kind, "ticket.") {
		return []string{"index", "notify"}
	}
	return nil
}

var ann = auth.Actor{ID: "ann", Name: "Ann"}

func emit(t *testing.T, d *db.DB, kind, ref string) (e event.Event) {
	t.Helper()
	err := d.Write(t.Context(), func(tx *db.Tx) (err error) {
		e, err = event.Emit(t.Context(), tx, ann, event.Event{Kind: kind, Ref: ref})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// note is a consequence: a row whose key may exist once.
func note(ctx context.Context, tx *db.Tx, key string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO setting (key, value, updated_at, updated_by) VALUES ($1, '1', 0, '')", key)
	return err
}

func each(t *testing.T, f func(t *testing.T, d *db.DB, c *clock)) {
	t.Helper()
	c := newClock()
	dbtest.EachWith(t, dbtest.Options{Now: c.now, Reacts: reacts}, func(t *testing.T, d *db.DB) { f(t, d, c) })
}

func TestEmitLeavesOneToDoPerReader(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, c *clock) {
		heard := d.Listen(func(topic string) bool { return topic == "ticket/1" })
		defer heard.Close()
		ctx := obs.WithCause(t.Context(), "request-1")
		want := event.Data{Changes: []event.Change{{Field: "status", From: "new", To: "open"}}, Why: "dès l’ouverture", Extra: map[string]string{"a": "b"}}
		var sent, got event.Event
		err := d.Write(ctx, func(tx *db.Tx) (err error) {
			sent, err = event.Emit(ctx, tx, ann, event.Event{Kind: "ticket.opened", Ref: "ticket/1", Internal: true, Data: want})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		var backlog map[string]int64
		err = d.Read(ctx, func(tx *db.Tx) (err error) {
			if got, err = event.Get(ctx, tx, sent.ID); err != nil {
				return err
			}
			backlog, err = event.Backlog(ctx, tx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(backlog) != 2 || backlog["index"] != 1 || backlog["notify"] != 1 {
			t.Errorf("backlog = %v", backlog)
		}
		if got.Cause != "request-1" || got.ActorID != "ann" || got.Actor != "Ann" || !got.Internal || !got.At.Equal(c.now()) ||
			got.Data.Why != want.Why || len(got.Data.Changes) != 1 || got.Data.Changes[0] != want.Changes[0] || got.Data.Extra["a"] != "b" {
			t.Errorf("stored %+v", got)
		}
		if topics := heard.Take(); len(topics) != 1 {
			t.Errorf("heard %v", topics)
		}
		emit(t, d, "team.renamed", "team/1")
		if n := dbtest.Count(t, d, "event_todo"); n != 2 {
			t.Errorf("%d to-do rows after an event nobody reads", n)
		}
	})
}

func TestEventOfAFailedTransactionIsNone(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *clock) {
		heard := d.Listen(func(topic string) bool { return topic == "ticket/1" })
		defer heard.Close()
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			if _, err := event.Emit(t.Context(), tx, ann, event.Event{Kind: "ticket.opened", Ref: "ticket/1"}); err != nil {
				return err
			}
			return errs.Conflict
		})
		if !errors.Is(err, errs.Conflict) {
			t.Fatal(err)
		}
		for _, topic := range heard.Take() {
			if topic != db.Everything { // said once when the connection to other replicas stands
				t.Errorf("heard %q", topic)
			}
		}
		if n := dbtest.Count(t, d, "event") + dbtest.Count(t, d, "event_todo"); n != 0 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestRecordIsHistoryOnly(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, c *clock) {
		ctx := t.Context()
		emit(t, d, "ticket.opened", "ticket/1")
		old := c.now().AddDate(-3, 0, 0)
		err := d.Write(ctx, func(tx *db.Tx) error {
			for i, kind := range []string{"ticket.resolved", "ticket.created"} { // newest first, as some exports are
				e := event.Event{Kind: kind, Ref: "ticket/1", At: old.Add(-time.Duration(i) * time.Hour), Internal: i == 0, Cause: "import"}
				if _, err := event.Record(ctx, tx, auth.System("import"), e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := dbtest.Count(t, d, "event_todo"); n != 2 {
			t.Errorf("%d to-do rows, want those of the emitted event", n)
		}
		kinds := func(withInternal bool) string {
			var s []string
			err := d.Read(ctx, func(tx *db.Tx) error {
				all, err := event.Of(ctx, tx, "ticket/1", withInternal)
				for _, e := range all {
					s = append(s, e.Kind)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return strings.Join(s, " ")
		}
		if got := kinds(true); got != "ticket.created ticket.resolved ticket.opened" {
			t.Errorf("order: %s", got)
		}
		if got := kinds(false); got != "ticket.created ticket.opened" {
			t.Errorf("without internal events: %s", got)
		}
	})
}

func TestSincePagesThroughTheLog(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *clock) {
		for i := range 5 {
			emit(t, d, "ticket.changed", fmt.Sprint("ticket/", i))
		}
		var refs []string
		after := ""
		for {
			var page []event.Event
			err := d.Read(t.Context(), func(tx *db.Tx) (err error) {
				page, err = event.Since(t.Context(), tx, after, 2)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				refs = append(refs, e.Ref)
			}
			after = page[len(page)-1].ID
		}
		if got := strings.Join(refs, " "); got != "ticket/0 ticket/1 ticket/2 ticket/3 ticket/4" {
			t.Error(got)
		}
		err := d.Read(t.Context(), func(tx *db.Tx) error { _, err := event.Get(t.Context(), tx, "nothing"); return err })
		if !errors.Is(err, errs.NotFound) {
			t.Errorf("Get of nothing: %v", err)
		}
	})
}

func TestDrainReactsOnce(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *clock) {
		for i := range 3 {
			emit(t, d, "ticket.changed", fmt.Sprint("ticket/", i))
		}
		var seen []string
		r := event.Reader{Name: "index", React: func(ctx context.Context, tx *db.Tx, e event.Event) error {
			seen = append(seen, e.Ref)
			return note(ctx, tx, e.Ref)
		}}
		for i, want := range []int{3, 0} {
			if n, err := r.Drain(t.Context(), d); err != nil || n != want {
				t.Fatalf("drain %d took %d, %v", i, n, err)
			}
		}
		if got := strings.Join(seen, " "); got != "ticket/0 ticket/1 ticket/2" {
			t.Error(got)
		}
		if n := dbtest.Count(t, d, "event_todo"); n != 3 {
			t.Errorf("%d to-do rows, want the 3 of the other reader", n)
		}
	})
}

func TestPoisonIsAlone(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error":             func() error { return errors.New("no such thing\x00\xff") },
		"panic":             func() error { panic("no such thing") },
		"endless complaint": func() error { return errors.New("no such thing" + strings.Repeat("é", 1<<14)) },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, d *db.DB, c *clock) { poison(t, d, c, fail) })
		})
	}
}

func poison(t *testing.T, d *db.DB, c *clock, fail func() error) {
	ctx := t.Context()
	for _, ref := range []string{"ticket/a", "ticket/bad", "ticket/b"} {
		emit(t, d, "ticket.changed", ref)
	}
	tries, healed := 0, false
	r := event.Reader{Name: "index", React: func(ctx context.Context, tx *db.Tx, e event.Event) error {
		if err := note(ctx, tx, e.Ref); err != nil {
			return err
		}
		if e.Ref == "ticket/bad" && !healed {
			tries++
			return fail()
		}
		return nil
	}}
	drain := func(want int) {
		t.Helper()
		if n, err := r.Drain(ctx, d); err != nil || n != want {
			t.Fatalf("took %d, %v, want %d", n, err, want)
		}
	}
	drain(3)
	if n := dbtest.Count(t, d, "setting"); n != 2 {
		t.Fatalf("%d consequences, want those of the two good events", n)
	}
	before := tries
	drain(0) // not due yet
	wait := 2 * time.Second
	for range 14 {
		c.forward(wait - time.Millisecond)
		drain(0)
		c.forward(time.Millisecond)
		drain(1)
		wait = min(2*wait, time.Hour)
	}
	if tries == before {
		t.Error("never tried again")
	}
	var stuck []event.Stuck
	if err := d.Read(ctx, func(tx *db.Tx) (err error) { stuck, err = event.Troubles(ctx, tx, 10); return err }); err != nil {
		t.Fatal(err)
	}
	if len(stuck) != 1 || stuck[0].Event.Ref != "ticket/bad" || stuck[0].Reader != "index" || stuck[0].Attempts != 15 ||
		!strings.Contains(stuck[0].Error, "no such thing") || len(stuck[0].Error) > 5000 || !stuck[0].NextAt.Equal(c.now().Add(time.Hour)) {
		t.Fatalf("troubles = %.300v", stuck)
	}
	healed = true
	if err := d.Write(ctx, func(tx *db.Tx) error { return event.RetryNow(ctx, tx, "index", stuck[0].Event.ID) }); err != nil {
		t.Fatal(err)
	}
	drain(1)
	if n := dbtest.Count(t, d, "setting"); n != 3 {
		t.Errorf("%d consequences", n)
	}
	err := d.Write(ctx, func(tx *db.Tx) error { return event.RetryNow(ctx, tx, "index", stuck[0].Event.ID) })
	if !errors.Is(err, errs.NotFound) {
		t.Errorf("retry of what is done: %v", err)
	}
}

// A crash between reaction and deletion cannot be: both are one transaction. The cancelled context stands for it.
func TestReactionAndDeletionAreOne(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *clock) {
		emit(t, d, "ticket.changed", "ticket/1")
		ctx, crash := context.WithCancelCause(t.Context())
		crashed := errors.New("crashed")
		r := event.Reader{Name: "index", React: func(ctx context.Context, tx *db.Tx, e event.Event) error {
			if err := note(ctx, tx, e.Ref); err != nil {
				return err
			}
			crash(crashed)
			return crashed
		}}
		if _, err := r.Drain(ctx, d); err == nil {
			t.Fatal("no error")
		}
		if dbtest.Count(t, d, "setting") != 0 || dbtest.Count(t, d, "event_todo") != 2 {
			t.Fatal("half a reaction stayed")
		}
		r.React = func(ctx context.Context, tx *db.Tx, e event.Event) error { return note(ctx, tx, e.Ref) }
		if n, err := r.Drain(t.Context(), d); n != 1 || err != nil {
			t.Errorf("after the crash: %d, %v", n, err)
		}
	})
}

// open joins the database at url, as a replica does.
func open(t *testing.T, url string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), db.Options{URL: url, Reacts: reacts})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := schema.Migrate(t.Context(), d, nil); err != nil {
		t.Fatal(err)
	}
	return d
}

// Two replicas drain the same reader. The consequence is a row that may exist twice, so that a second one would show.
func TestTwoReplicasReactOnce(t *testing.T) {
	url := dbtest.URL(t, db.Postgres)
	replica := [2]*db.DB{open(t, url), open(t, url)}
	const events = 300
	for i := range events {
		emit(t, replica[i%2], "ticket.changed", fmt.Sprint("ticket/", i))
	}
	r := event.Reader{Name: "index", React: func(ctx context.Context, tx *db.Tx, e event.Event) error {
		_, err := event.Record(ctx, tx, ann, event.Event{Kind: "seen", Ref: e.Ref})
		return err
	}}
	var both sync.WaitGroup
	for _, d := range replica {
		both.Go(func() {
			for {
				n, err := r.Drain(t.Context(), d)
				if err != nil {
					t.Error(err)
				}
				if n == 0 || err != nil {
					return
				}
			}
		})
	}
	both.Wait()
	if n := dbtest.Count(t, replica[0], "event") - events; n != events {
		t.Errorf("%d consequences of %d events", n, events)
	}
	var stuck []event.Stuck
	err := replica[0].Read(t.Context(), func(tx *db.Tx) (err error) { stuck, err = event.Troubles(t.Context(), tx, 10); return err })
	if err != nil || len(stuck) != 0 {
		t.Errorf("troubles %v, %v: somebody reacted twice and was refused", stuck, err)
	}
}

// Run wakes by signal, and stops with its context.
func TestRun(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *clock) {
		ctx, stop := context.WithCancel(t.Context())
		seen := make(chan string, 10)
		after := func(ctx context.Context, tx *db.Tx, e event.Event) error {
			tx.AfterCommit(func() { seen <- e.Kind })
			return nil
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			event.Run(ctx, d, []event.Reader{{Name: "index", React: after}, {Name: "notify", React: after}})
		}()
		for _, kind := range []string{"ticket.created", "ticket.resolved"} {
			emit(t, d, kind, "ticket/1")
			for range 2 {
				if got := <-seen; got != kind {
					t.Fatalf("saw %s, want %s", got, kind)
				}
			}
		}
		stop()
		<-ended
		if n := dbtest.Count(t, d, "event_todo"); n != 0 {
			t.Errorf("%d to-do rows", n)
		}
	})
}

func TestRoom(t *testing.T) {
	for ref, want := range map[string]string{"ticket/01J": "ticket", "team": "team", "": ""} {
		if got := event.Room(ref); got != want {
			t.Errorf("Room(%q) = %q", ref, got)
		}
	}
}
