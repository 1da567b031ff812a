package job

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
)

// clock is a time that only the test moves.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time { return time.UnixMilli(c.ms.Load()) }

func (c *clock) forward(d time.Duration) { c.ms.Add(d.Milliseconds()) }

func eachClock(t *testing.T, f func(t *testing.T, d *db.DB, c *clock)) {
	t.Helper()
	for _, e := range []db.Engine{db.SQLite, db.Postgres} {
		t.Run(string(e), func(t *testing.T) {
			c := new(clock)
			c.ms.Store(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).UnixMilli())
			f(t, dbtest.Open(t, e, dbtest.Options{Now: c.now}), c)
		})
	}
}

func put(t *testing.T, d *db.DB, n New) {
	t.Helper()
	if err := d.Write(t.Context(), func(tx *db.Tx) error { return Insert(t.Context(), tx, n) }); err != nil {
		t.Fatal(err)
	}
}

func take(t *testing.T, d *db.DB, limit int) (jobs []Job) {
	t.Helper()
	err := d.Write(t.Context(), func(tx *db.Tx) (err error) { jobs, err = claim(t.Context(), tx, limit); return err })
	if err != nil {
		t.Error(err)
	}
	return jobs
}

func end(t *testing.T, d *db.DB, h Handler, j Job, outcome error) {
	t.Helper()
	if err := d.Write(t.Context(), func(tx *db.Tx) error { return record(t.Context(), tx, h, j, outcome) }); err != nil {
		t.Error(err)
	}
}

func only(t *testing.T, d *db.DB) (j Job) {
	t.Helper()
	err := d.Read(t.Context(), func(tx *db.Tx) (err error) {
		j, err = db.One(t.Context(), tx, scan, "SELECT "+columns+" FROM job")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestClaimsOfManyWorkers(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		const jobs, workers, batch = 500, 8, 7
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			for i := range jobs {
				if err := Insert(t.Context(), tx, New{Kind: "a", Key: fmt.Sprint(i)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var times [jobs]atomic.Int64
		var left atomic.Int64
		left.Store(jobs)
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for left.Load() > 0 && !t.Failed() {
					got := take(t, d, batch)
					if len(got) > batch {
						t.Errorf("claimed %d at once", len(got))
					}
					for _, j := range got {
						var i int
						if _, err := fmt.Sscan(j.Key, &i); err != nil {
							t.Error(err)
						}
						times[i].Add(1)
						end(t, d, Handler{}, j, nil)
						left.Add(-1)
					}
				}
			})
		}
		all.Wait()
		for i := range times {
			if n := times[i].Load(); n != 1 {
				t.Errorf("job %d ran %d times", i, n)
			}
		}
		if n := dbtest.Count(t, d, "job"); n != 0 {
			t.Errorf("%d jobs left", n)
		}
	})
}

func TestClaimsInOrderAndNotBefore(t *testing.T) {
	eachClock(t, func(t *testing.T, d *db.DB, c *clock) {
		put(t, d, New{Kind: "later", At: c.now().Add(time.Minute)})
		put(t, d, New{Kind: "second"})
		put(t, d, New{Kind: "first", At: c.now().Add(-time.Minute)})
		for _, want := range []string{"first", "second", ""} {
			got := ""
			for _, j := range take(t, d, 1) {
				got = j.Kind
				end(t, d, Handler{}, j, nil)
			}
			if got != want {
				t.Errorf("claimed %q, want %q", got, want)
			}
		}
		c.forward(time.Minute)
		if n := len(take(t, d, 5)); n != 1 {
			t.Errorf("claimed %d when due", n)
		}
	})
}

func TestBackOff(t *testing.T) {
	eachClock(t, func(t *testing.T, d *db.DB, c *clock) {
		put(t, d, New{Kind: "a"})
		h := Handler{Attempts: 9}
		for i, seconds := range []int{4, 16, 64, 256, 1024, 4096, 14400, 14400} {
			jobs := take(t, d, 1)
			if len(jobs) != 1 {
				t.Fatalf("attempt %d: nothing claimed", i+1)
			}
			end(t, d, h, jobs[0], errors.New("refused"))
			j := only(t, d)
			wait, least := j.RunAt.Sub(c.now()), time.Duration(seconds)*time.Second
			if j.State != Ready || j.Attempts != i+1 || wait < least || wait > least*5/4+time.Millisecond {
				t.Errorf("attempt %d: %s, %d attempts, waits %v, want %v and up to a quarter more", i+1, j.State, j.Attempts, wait, least)
			}
			c.forward(wait - time.Millisecond)
			if len(take(t, d, 1)) != 0 {
				t.Errorf("attempt %d came early", i+2)
			}
			c.forward(time.Millisecond)
		}
		end(t, d, h, take(t, d, 1)[0], errors.New("refused"))
		if j := only(t, d); j.State != Dead || j.Attempts != 9 || j.Error != "refused" {
			t.Errorf("after the last attempt: %+v", j)
		}
	})
}

func TestWaitingIsLookedAtAgain(t *testing.T) {
	eachClock(t, func(t *testing.T, d *db.DB, c *clock) {
		put(t, d, New{Kind: "a"})
		for range 3 {
			jobs := take(t, d, 1)
			if len(jobs) != 1 {
				t.Fatal("nothing claimed")
			}
			end(t, d, Handler{Attempts: 1}, jobs[0], fmt.Errorf("send: %w", Wait("no server")))
			if j := only(t, d); j.State != Waiting || j.Attempts != 0 {
				t.Errorf("%+v", j)
			}
			c.forward(waitRecheck - time.Millisecond)
			if len(take(t, d, 1)) != 0 {
				t.Error("came early")
			}
			c.forward(time.Millisecond)
		}
	})
}

// A worker that lost its lease must not touch the job of the one that took it over.
func TestLeaseRunsOut(t *testing.T) {
	eachClock(t, func(t *testing.T, d *db.DB, c *clock) {
		put(t, d, New{Kind: "a"})
		slow := take(t, d, 1)[0]
		c.forward(lease)
		if len(take(t, d, 1)) != 0 {
			t.Fatal("taken over within the lease")
		}
		c.forward(time.Millisecond)
		taken := take(t, d, 1)
		if len(taken) != 1 || taken[0].Attempts != 1 || taken[0].Error != cutShort {
			t.Fatalf("taken over: %+v", taken)
		}
		end(t, d, Handler{}, slow, errors.New("refused"))
		end(t, d, Handler{}, slow, nil)
		end(t, d, Handler{Every: "@daily"}, slow, Wait("nothing"))
		if j := only(t, d); j.State != Running || j.owner != taken[0].owner {
			t.Errorf("the slow worker changed the job: %+v", j)
		}
		err := d.Write(t.Context(), func(tx *db.Tx) error { return Done(t.Context(), tx, slow) })
		if !errors.Is(err, ErrLost) {
			t.Errorf("done by the slow worker: %v", err)
		}
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return Done(t.Context(), tx, taken[0]) }); err != nil {
			t.Errorf("done by the other: %v", err)
		}
	})
}

// A job that ends the process each time is dead in the end, and runs no more.
func TestCrashesAreCounted(t *testing.T) {
	eachClock(t, func(t *testing.T, d *db.DB, c *clock) {
		ran := 0
		r := Runner{DB: d, Handlers: map[string]Handler{"a": {Attempts: 3, Run: func(context.Context, Job) error { ran++; return nil }}}}
		put(t, d, New{Kind: "a"})
		for range 3 {
			take(t, d, 1) // and the process ends
			c.forward(lease + time.Millisecond)
		}
		r.attempt(t.Context(), take(t, d, 1)[0])
		if j := only(t, d); ran != 0 || j.State != Dead || j.Error != cutShort {
			t.Errorf("ran %d times, %+v", ran, j)
		}
	})
}

func TestRecoveryAfterACrash(t *testing.T) {
	eachClock(t, func(t *testing.T, d *db.DB, _ *clock) {
		put(t, d, New{Kind: "a"})
		take(t, d, 1)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		ran := make(chan struct{})
		ended := make(chan error, 1)
		r := Runner{DB: d, Handlers: map[string]Handler{"a": {Run: func(context.Context, Job) error { close(ran); return nil }}}}
		if err := r.recover(ctx); err != nil {
			t.Fatal(err)
		}
		if want := map[db.Engine]State{db.SQLite: Ready, db.Postgres: Running}[d.Engine]; only(t, d).State != want {
			t.Fatalf("after the start: %s, want %s", only(t, d).State, want)
		}
		if d.Engine == db.Postgres {
			return // another replica may be at it: its lease decides
		}
		go func() { ended <- r.Run(ctx) }()
		<-ran
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A job longer than its lease keeps it. Time here is the bubble's, which moves only when everybody waits.
func TestLongJobKeepsItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := dbtest.Open(t, db.SQLite, dbtest.Options{})
		ctx, stop := context.WithCancel(t.Context())
		var runs atomic.Int64
		done := make(chan error, 20) // room for runs that should not be
		ended := make(chan error, 1)
		r := Runner{DB: d, Handlers: map[string]Handler{"a": {Timeout: time.Hour, Run: func(ctx context.Context, _ Job) error {
			runs.Add(1)
			select {
			case <-time.After(10 * lease):
			case <-ctx.Done():
			}
			done <- ctx.Err()
			return ctx.Err()
		}}}}
		put(t, d, New{Kind: "a"})
		go func() { ended <- r.Run(ctx) }()
		if err := <-done; err != nil || runs.Load() != 1 {
			t.Errorf("%v after %d runs", err, runs.Load())
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestTimeoutEndsTheAttempt(t *testing.T) {
	eachClock(t, func(t *testing.T, d *db.DB, _ *clock) {
		put(t, d, New{Kind: "a"})
		h := Handler{Timeout: time.Millisecond, Run: func(ctx context.Context, _ Job) error { <-ctx.Done(); return ctx.Err() }}
		Runner{DB: d, Handlers: map[string]Handler{"a": h}}.attempt(t.Context(), take(t, d, 1)[0])
		if j := only(t, d); j.State != Ready || j.Attempts != 1 || j.Error != context.DeadlineExceeded.Error() {
			t.Errorf("%+v", j)
		}
	})
}

func TestSchedule(t *testing.T) {
	eachClock(t, func(t *testing.T, d *db.DB, c *clock) {
		h := Handler{Every: "*/5 * * * *", Attempts: 1}
		plan := func(every string) {
			t.Helper()
			h.Every = every
			if err := (Runner{DB: d, Handlers: map[string]Handler{"tick": h}}).schedule(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		nextIn := func(want time.Duration) {
			t.Helper()
			if j := only(t, d); j.State != Ready || j.RunAt.Sub(c.now()) != want {
				t.Fatalf("%s, next in %v, want %v", j.State, j.RunAt.Sub(c.now()), want)
			}
		}
		plan("@monthly")
		plan("*/5 * * * *") // of a new version
		nextIn(5 * time.Minute)
		plan("*/5 * * * *") // at each start
		nextIn(5 * time.Minute)
		c.forward(7 * time.Minute)
		end(t, d, h, take(t, d, 1)[0], nil)
		nextIn(3 * time.Minute)
		c.forward(3 * time.Minute)
		for range 20 { // it fails for long and is not given up
			end(t, d, h, take(t, d, 1)[0], Final(errors.New("no")))
			c.forward(only(t, d).RunAt.Sub(c.now()))
		}
		j := take(t, d, 1)[0]
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return Done(t.Context(), tx, j) }); err != nil {
			t.Fatal(err)
		}
		end(t, d, h, j, nil)
		if j := only(t, d); j.State != Ready || j.Attempts != 0 || j.Error != "" || !j.RunAt.After(c.now()) {
			t.Errorf("after Done: %+v", j)
		}
		bad := Runner{DB: d, Handlers: map[string]Handler{"never": {Every: "every day"}}}
		if err := bad.schedule(t.Context()); err == nil {
			t.Error("a schedule nobody can read was accepted")
		}
	})
}
