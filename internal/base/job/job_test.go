package job_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/job"
	"entraide/internal/base/obs"
)

func insert(t *testing.T, d *db.DB, n job.New) {
	t.Helper()
	if err := d.Write(t.Context(), func(tx *db.Tx) error { return job.Insert(t.Context(), tx, n) }); err != nil {
		t.Fatal(err)
	}
}

// list returns the jobs of a state.
func list(t *testing.T, d *db.DB, s job.State) (jobs []job.Job) {
	t.Helper()
	err := d.Read(t.Context(), func(tx *db.Tx) (err error) { jobs, err = job.List(t.Context(), tx, s, 100); return err })
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

func TestInsertKeepsWhatWasPromised(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := obs.WithCause(t.Context(), "request-1")
		at := d.Now().Add(time.Hour)
		var j job.Job
		err := d.Write(ctx, func(tx *db.Tx) (err error) {
			if err := job.Insert(ctx, tx, job.New{Kind: "mail.send", Key: "k", Payload: map[string]int{"n": 1}, At: at}); err != nil {
				return err
			}
			j, err = job.Find(ctx, tx, "mail.send", "k")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		var payload map[string]int
		if err := j.Decode(&payload); err != nil || payload["n"] != 1 {
			t.Errorf("payload %v, %v", payload, err)
		}
		if j.State != job.Ready || !j.RunAt.Equal(at) || j.Cause != "request-1" || j.Attempts != 0 || j.Created.IsZero() {
			t.Errorf("%+v", j)
		}
		if err := (job.Job{Kind: "x", Payload: []byte("{")}).Decode(&payload); err == nil {
			t.Error("half a payload decoded")
		}
	})
}

func TestKeyIsUniquePerKind(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		for _, n := range []job.New{
			{Kind: "a", Key: "k", Payload: "first"}, {Kind: "a", Key: "k", Payload: "second"},
			{Kind: "a", Key: "l"}, {Kind: "b", Key: "k"}, {Kind: "a"}, {Kind: "a"},
		} {
			insert(t, d, n)
		}
		if n := dbtest.Count(t, d, "job"); n != 5 {
			t.Errorf("%d jobs, want 5", n)
		}
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			j, err := job.Find(t.Context(), tx, "a", "k")
			if string(j.Payload) != `"first"` {
				t.Errorf("payload %s", j.Payload)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestPromiseOfAFailedTransactionIsNone(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			return errors.Join(job.Insert(t.Context(), tx, job.New{Kind: "a"}), errs.Conflict)
		})
		if !errors.Is(err, errs.Conflict) || dbtest.Count(t, d, "job") != 0 {
			t.Errorf("%v, %d jobs", err, dbtest.Count(t, d, "job"))
		}
	})
}

func TestCancel(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		insert(t, d, job.New{Kind: "a", Key: "k"})
		insert(t, d, job.New{Kind: "a"})
		for key, want := range map[string]bool{"k": true, "other": false, "": false} {
			err := d.Write(ctx, func(tx *db.Tx) error {
				done, err := job.Cancel(ctx, tx, "a", key)
				if done != want {
					t.Errorf("cancel %q = %v", key, done)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
		err := d.Read(ctx, func(tx *db.Tx) error { _, err := job.Find(ctx, tx, "a", "k"); return err })
		if !errors.Is(err, errs.NotFound) || dbtest.Count(t, d, "job") != 1 {
			t.Errorf("%v, %d jobs", err, dbtest.Count(t, d, "job"))
		}
	})
}

// run starts a runner and returns what stops it and waits for it.
func run(t *testing.T, d *db.DB, handlers map[string]job.Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- job.Runner{DB: d, Handlers: handlers}.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestRunOutcomes(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		begun := make(chan string, 20)
		outcome := func(err error) job.Handler {
			return job.Handler{Run: func(ctx context.Context, j job.Job) error {
				begun <- j.Kind
				return err
			}}
		}
		kinds := map[string]job.Handler{
			"fine":   outcome(nil),
			"fails":  outcome(errors.New("smtp: password=hunter2 refused\x00\xff")),
			"waits":  outcome(job.Wait("no SMTP server is configured")),
			"final":  outcome(job.Final(errors.New("no such mailbox"))),
			"panics": {Run: func(context.Context, job.Job) error { begun <- "panics"; panic("nil map") }},
			"once":   {Attempts: 1, Run: outcome(errors.New("gave up")).Run},
		}
		for kind := range kinds {
			insert(t, d, job.New{Kind: kind})
		}
		insert(t, d, job.New{Kind: "of a newer version"})
		insert(t, d, job.New{Kind: "fine", At: d.Now().Add(time.Hour)})
		stop := run(t, d, kinds)
		for range kinds {
			<-begun
		}
		until(t, d, func(n map[job.State]int64) bool { return n[job.Ready] == 3 && n[job.Waiting] == 2 && n[job.Dead] == 2 })
		stop()
		text := func(s job.State) string {
			var all []string
			for _, j := range list(t, d, s) {
				all = append(all, j.Kind+": "+j.Error)
			}
			return strings.Join(all, "\n")
		}
		for s, want := range map[job.State][]string{
			job.Ready:   {"fails: smtp", "panics: panic: nil map", "fine: "},
			job.Waiting: {"waits: no SMTP server is configured", "of a newer version: this version knows no"},
			job.Dead:    {"final: no such mailbox", "once: gave up"},
		} {
			for _, w := range want {
				if got := text(s); !strings.Contains(got, w) {
					t.Errorf("%s: %q lacks %q", s, got, w)
				}
			}
		}
		for _, j := range append(list(t, d, job.Waiting), list(t, d, job.Dead)...) {
			if want := map[string]int{"final": 1, "once": 1}[j.Kind]; j.Attempts != want {
				t.Errorf("%s: %d attempts, want %d", j.Kind, j.Attempts, want)
			}
		}
	})
}

// until waits for the counts of jobs to be as wanted.
func until(t *testing.T, d *db.DB, ok func(map[job.State]int64) bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		var n map[job.State]int64
		err := d.Read(t.Context(), func(tx *db.Tx) (err error) { n, err = job.Counts(t.Context(), tx); return err })
		if err != nil {
			t.Fatal(err)
		}
		if ok(n) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("counts stay %v", n)
		}
	}
}

func TestReleaseRetryDrop(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		ready := make(chan struct{})
		done := make(chan string, 10)
		h := func(first error) job.Handler {
			return job.Handler{Run: func(_ context.Context, j job.Job) error {
				select {
				case <-ready:
					done <- j.Kind
					return nil
				default:
					return first
				}
			}}
		}
		defer run(t, d, map[string]job.Handler{"waits": h(job.Wait("set it up")), "dies": h(job.Final(errors.New("no"))), "stays": h(job.Final(errors.New("no")))})()
		for _, kind := range []string{"waits", "dies", "stays"} {
			insert(t, d, job.New{Kind: kind, Key: "k"})
		}
		until(t, d, func(n map[job.State]int64) bool { return n[job.Waiting] == 1 && n[job.Dead] == 2 })
		close(ready)
		write := func(f func(tx *db.Tx) error) {
			t.Helper()
			if err := d.Write(ctx, f); err != nil {
				t.Fatal(err)
			}
		}
		write(func(tx *db.Tx) error {
			n, err := job.Release(ctx, tx, "waits")
			if n != 1 {
				t.Errorf("released %d", n)
			}
			return err
		})
		if kind := <-done; kind != "waits" {
			t.Errorf("did %s", kind)
		}
		write(func(tx *db.Tx) error {
			for _, kind := range []string{"dies", "stays"} {
				j, err := job.Find(ctx, tx, kind, "k")
				if err != nil {
					return err
				}
				if kind == "dies" {
					err = job.Retry(ctx, tx, j.ID)
				} else {
					err = job.Drop(ctx, tx, j.ID)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if kind := <-done; kind != "dies" {
			t.Errorf("did %s", kind)
		}
		until(t, d, func(n map[job.State]int64) bool { return len(n) == 0 })
		for name, f := range map[string]func(context.Context, *db.Tx, string) error{"Retry": job.Retry, "Drop": job.Drop} {
			if err := d.Write(ctx, func(tx *db.Tx) error { return f(ctx, tx, "gone") }); !errors.Is(err, errs.NotFound) {
				t.Errorf("%s of a job that is gone: %v", name, err)
			}
		}
	})
}

// The last effect of a job and its end are one transaction.
func TestDone(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		second := make(chan error, 1)
		defer run(t, d, map[string]job.Handler{"a": {Run: func(ctx context.Context, j job.Job) error {
			effect := func(tx *db.Tx) error {
				_, err := tx.ExecContext(ctx, "INSERT INTO setting (key, value, updated_at, updated_by) VALUES ('done', '1', 0, '')")
				return errors.Join(err, job.Done(ctx, tx, j))
			}
			err := d.Write(ctx, effect)
			second <- d.Write(ctx, func(tx *db.Tx) error { return job.Done(ctx, tx, j) })
			return err
		}}})()
		insert(t, d, job.New{Kind: "a"})
		if err := <-second; !errors.Is(err, job.ErrLost) {
			t.Errorf("done twice: %v", err)
		}
		if dbtest.Count(t, d, "job") != 0 || dbtest.Count(t, d, "setting") != 1 {
			t.Errorf("%d jobs, %d effects", dbtest.Count(t, d, "job"), dbtest.Count(t, d, "setting"))
		}
	})
}

// Stopping waits for the attempt under way, which is not cancelled, and stores how it went.
func TestStopWaitsForTheAttempt(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		begun, finish := make(chan struct{}), make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		r := job.Runner{DB: d, Workers: 1, Handlers: map[string]job.Handler{"a": {Run: func(ctx context.Context, _ job.Job) error {
			close(begun)
			<-finish
			return ctx.Err()
		}}}}
		go func() { ended <- r.Run(ctx) }()
		insert(t, d, job.New{Kind: "a"})
		<-begun
		insert(t, d, job.New{Kind: "a", Key: "next"})
		cancel()
		select {
		case err := <-ended:
			t.Fatalf("ended before the attempt: %v", err)
		case <-time.After(50 * time.Millisecond): // long enough to see a runner that does not wait
		}
		close(finish)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		left := list(t, d, job.Ready)
		if len(left) != 1 || left[0].Key != "next" || dbtest.Count(t, d, "job") != 1 {
			t.Errorf("left %+v", left)
		}
	})
}
