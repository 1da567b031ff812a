package once_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/once"
)

func TestARequestHasItsEffectOnce(t *testing.T) {
	var now atomic.Int64
	now.Store(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).UnixMilli())
	o := dbtest.Options{Now: func() time.Time { return time.UnixMilli(now.Load()) }}
	dbtest.EachWith(t, o, func(t *testing.T, d *db.DB) {
		boom := errors.New("boom")
		effects := 0
		send := func(k once.Key, fail error) (a once.Answer, again bool, err error) {
			err = d.Write(t.Context(), func(tx *db.Tx) error {
				if a, again, err = once.Begin(t.Context(), tx, k); err != nil || again {
					return err
				}
				if fail != nil {
					return fail
				}
				effects++
				return once.Finish(t.Context(), tx, k, once.Answer{Status: 201, Header: map[string]string{"ETag": `"1"`}, Body: `{"é":1}`})
			})
			return a, again, err
		}
		k := once.Key{Sender: "ann", Key: "order-1", Print: "p"}
		if _, _, err := send(k, boom); !errors.Is(err, boom) {
			t.Fatal(err)
		}
		for i := range 3 {
			a, again, err := send(k, nil)
			if err != nil || again != (i > 0) || effects != 1 {
				t.Fatalf("try %d: again %v, %d effects, %v", i, again, effects, err)
			}
			if again && (a.Status != 201 || a.Header["ETag"] != `"1"` || a.Body != `{"é":1}`) {
				t.Errorf("answer %+v", a)
			}
		}
		if _, _, err := send(once.Key{Sender: "ann", Key: "order-1", Print: "q"}, nil); !errors.Is(err, once.ErrOther) {
			t.Errorf("another request under the key: %v", err)
		}
		if _, again, err := send(once.Key{Sender: "ben", Key: "order-1", Print: "p"}, nil); again || err != nil || effects != 2 {
			t.Errorf("somebody else's key: %v, %v", again, err)
		}
		purge := func() {
			t.Helper()
			if err := d.Write(t.Context(), func(tx *db.Tx) error { return once.Purge(context.WithoutCancel(t.Context()), tx) }); err != nil {
				t.Fatal(err)
			}
		}
		if purge(); dbtest.Count(t, d, "idempotency") != 2 {
			t.Error("forgotten too early")
		}
		now.Add((once.Kept + time.Minute).Milliseconds())
		if purge(); dbtest.Count(t, d, "idempotency") != 0 {
			t.Error("remembered for ever")
		}
	})
}
