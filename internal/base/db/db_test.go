package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
)

func put(ctx context.Context, tx *db.Tx, key string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO setting (key, value, updated_at, updated_by) VALUES ($1, '1', $2, '')", key, db.Ms(tx.Now))
	return err
}

func TestWriteCommitsOrUndoes(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		told := 0
		boom := errors.New("boom")
		if err := d.Write(ctx, func(tx *db.Tx) error { tx.AfterCommit(func() { told++ }); return put(ctx, tx, "a") }); err != nil {
			t.Fatal(err)
		}
		err := d.Write(ctx, func(tx *db.Tx) error {
			tx.AfterCommit(func() { told += 100 })
			return errors.Join(put(ctx, tx, "b"), boom)
		})
		if !errors.Is(err, boom) {
			t.Fatalf("error = %v", err)
		}
		if n := dbtest.Count(t, d, "setting"); n != 1 || told != 1 {
			t.Errorf("%d rows, told %d", n, told)
		}
	})
}

// A failed neighbour, a panic, a Goexit and a cancelled context must not cost anybody else their write.
func TestNeighboursOfOneCommit(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		var wg sync.WaitGroup
		var good sync.Map
		for i := range 200 {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				defer func() { _ = recover() }()
				err := d.Write(ctx, func(tx *db.Tx) error {
					if err := put(ctx, tx, fmt.Sprint("k", i)); err != nil {
						return err
					}
					switch i % 10 {
					case 3:
						return errs.Conflict
					case 5:
						panic("five")
					case 7:
						runtime.Goexit()
					case 9: // violates the primary key
						return put(ctx, tx, fmt.Sprint("k", i))
					}
					return nil
				})
				if err == nil {
					good.Store(i, true)
				}
			})
		}
		wg.Wait()
		n := 0
		good.Range(func(k, _ any) bool {
			if m := k.(int) % 10; m == 3 || m == 5 || m == 7 || m == 9 {
				t.Errorf("write %v succeeded", k)
			}
			n++
			return true
		})
		if n != 120 || dbtest.Count(t, d, "setting") != 120 {
			t.Errorf("%d acknowledged, %d rows, want 120 of each", n, dbtest.Count(t, d, "setting"))
		}
	})
}

func TestReadIsOneInstantAndCannotWrite(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		count := func(tx *db.Tx) (n int, err error) {
			err = tx.QueryRowContext(ctx, "SELECT count(*) FROM setting").Scan(&n)
			return n, err
		}
		err := d.Read(ctx, func(tx *db.Tx) error {
			before, err := count(tx)
			if err != nil {
				return err
			}
			if err := d.Write(ctx, func(w *db.Tx) error { return put(ctx, w, "x") }); err != nil {
				return err
			}
			after, err := count(tx)
			if before != after {
				t.Errorf("saw %d, then %d", before, after)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Read(ctx, func(tx *db.Tx) error { return put(ctx, tx, "y") }); err == nil {
			t.Error("a read wrote")
		}
		if n := dbtest.Count(t, d, "setting"); n != 1 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestWriteAfterCloseFails(t *testing.T) {
	d, err := db.Open(t.Context(), db.Options{URL: filepath.Join(t.TempDir(), "x.db")})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.Write(t.Context(), func(*db.Tx) error { return nil }); !errors.Is(err, errs.Unavailable) {
		t.Errorf("error = %v", err)
	}
}

func TestOpenSaysWhatFails(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "no.db"), []byte("this is not a database, it is a text of some length"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, u := range []string{filepath.Join(dir, "no.db"), "postgres://nobody@127.0.0.1:1/none?connect_timeout=2"} {
		if _, err := db.Open(t.Context(), db.Options{URL: u}); !errors.Is(err, errs.Unavailable) {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestSignalsReachListenersAfterCommit(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		s := d.Listen(func(topic string) bool { return topic == "a" || topic == "b" })
		defer s.Close()
		fail := errors.New("no")
		_ = d.Write(ctx, func(tx *db.Tx) error { tx.Signal("b"); return fail }) // the failure is the point
		if err := d.Write(ctx, func(tx *db.Tx) error { tx.Signal("a"); tx.Signal("a"); tx.Signal("c"); return nil }); err != nil {
			t.Fatal(err)
		}
		for got := []string(nil); ; {
			select {
			case <-s.C:
			case <-time.After(10 * time.Second):
				t.Fatal("nothing heard")
			}
			for _, topic := range s.Take() {
				if topic != db.Everything { // a listener that just connected to the other replicas
					got = append(got, topic)
				}
			}
			if len(got) > 0 {
				if len(got) != 1 || got[0] != "a" {
					t.Errorf("heard %v", got)
				}
				return
			}
		}
	})
}

func TestReplicasHearEachOther(t *testing.T) {
	url := dbtest.URL(t, db.Postgres)
	open := func() *db.DB {
		d, err := db.Open(t.Context(), db.Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
		return d
	}
	a, b := open(), open()
	s := b.Listen(func(topic string) bool { return topic == "ticket/1" })
	defer s.Close()
	deadline := time.After(20 * time.Second)
	retry := time.NewTicker(50 * time.Millisecond) // b may not listen yet when a speaks first
	defer retry.Stop()
	for {
		if err := a.Write(t.Context(), func(tx *db.Tx) error { tx.Signal("ticket/1"); return nil }); err != nil {
			t.Fatal(err)
		}
		select {
		case <-s.C:
			for _, topic := range s.Take() {
				if topic == "ticket/1" {
					return
				}
			}
		case <-retry.C:
		case <-deadline:
			t.Fatal("the other replica heard nothing")
		}
	}
}

func TestFragments(t *testing.T) {
	dbtest.Each(t, "INSERT INTO setting (key, value, updated_at, updated_by) VALUES ('a', '{\"n\":3}', 1700000000123, ''), ('b%_\\', '', 0, '')", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		err := d.Write(ctx, func(tx *db.Tx) error {
			keys, err := db.Strings(ctx, tx, "SELECT key FROM setting WHERE "+tx.In("key", 1)+" ORDER BY key", db.List([]string{"a", "zz", "b%_\\"}))
			if err != nil || len(keys) != 2 {
				t.Errorf("In: %v %v", keys, err)
			}
			keys, err = db.Strings(ctx, tx, `SELECT key FROM setting WHERE key LIKE $1 ESCAPE '\'`, db.LikePattern("%_\\"))
			if err != nil || len(keys) != 1 || keys[0] != "b%_\\" {
				t.Errorf("LikePattern: %v %v", keys, err)
			}
			var at time.Time
			var v struct{ N int }
			if err := tx.QueryRowContext(ctx, "SELECT updated_at, value FROM setting WHERE key = 'a'").Scan(db.Millis(&at), db.JSON(&v)); err != nil {
				t.Error(err)
			}
			if at.UnixMilli() != 1700000000123 || v.N != 3 {
				t.Errorf("scanned %v %v", at, v)
			}
			one, err := tx.Next(ctx, "ticket")
			two, err2 := tx.Next(ctx, "ticket")
			if err != nil || err2 != nil || one != 1001 || two != 1002 {
				t.Errorf("Next: %d %d %v %v", one, two, err, err2)
			}
			keys, err = db.Strings(ctx, tx, "SELECT key FROM setting WHERE key = 'a'"+tx.SkipLocked())
			if err != nil || len(keys) != 1 {
				t.Errorf("SkipLocked: %v %v", keys, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = d.Write(ctx, func(tx *db.Tx) error { return put(ctx, tx, "a") })
		if !db.IsUnique(err) {
			t.Errorf("IsUnique(%v) = false", err)
		}
		err = d.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO person_role (person_id, role) VALUES ('nobody', 'agent')")
			return err
		})
		if !db.IsForeign(err) {
			t.Errorf("IsForeign(%v) = false", err)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	for _, e := range []db.Engine{db.SQLite, db.Postgres} {
		b.Run(string(e), func(b *testing.B) {
			d := dbtest.Open(b, e, dbtest.Options{})
			b.SetParallelism(4) // 8 clients on 2 cores
			var i sync.Mutex
			n := 0
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i.Lock()
					n++
					key := fmt.Sprint("k", n)
					i.Unlock()
					if err := d.Write(b.Context(), func(tx *db.Tx) error { return put(b.Context(), tx, key) }); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// Several processes begin with a new file at once: a mail server starts one command a message.
func TestManyOpenANewFile(t *testing.T) {
	for range 40 {
		path := filepath.Join(t.TempDir(), "entraide.db")
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				d, err := db.Open(t.Context(), db.Options{URL: path})
				if err != nil {
					t.Error(err)
					return
				}
				err = d.Write(t.Context(), func(tx *db.Tx) error {
					_, err := tx.ExecContext(t.Context(), "CREATE TABLE IF NOT EXISTS opened (at TEXT)")
					return err
				})
				if err := errors.Join(err, d.Close()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
}
