package id_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"entraide/internal/base/id"
)

func TestNewSortsByCreation(t *testing.T) {
	made := make([]string, 20_000)
	for i := range made {
		made[i] = id.New()
		if !id.Valid(made[i]) {
			t.Fatalf("New made %q, which is not valid", made[i])
		}
	}
	if !slices.IsSorted(made) || len(slices.Compact(made)) != 20_000 {
		t.Error("identifiers are out of order or repeat")
	}
}

func TestNewIsUniqueAcrossGoroutines(t *testing.T) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[string]bool{}
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				s := id.New()
				mu.Lock()
				seen[s] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != 16_000 {
		t.Errorf("%d different identifiers, want 16000", len(seen))
	}
}

func TestAtSortsByTime(t *testing.T) {
	day := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	order := []string{id.At(time.Time{}), id.At(day), id.At(day.Add(time.Millisecond)), id.At(day.AddDate(100, 0, 0))}
	if !slices.IsSorted(order) {
		t.Errorf("out of order: %v", order)
	}
	if a, b := id.At(day), id.At(day); a[:10] != b[:10] || a == b {
		t.Errorf("same time gives %s and %s", a, b)
	}
	if got := id.At(time.UnixMilli(1469918176385)); got[:10] != "01ARYZ6S41" { // the known example of the ULID format
		t.Errorf("time part %s, want 01ARYZ6S41", got[:10])
	}
}

func TestValid(t *testing.T) {
	good := id.New()
	for s, want := range map[string]bool{
		good: true, "": false, good[1:]: false, strings.ToLower(good): false, good[:25] + "U": false,
		"8" + good[1:]: false, good[:25] + "é": false, strings.Repeat("Z", 26): false,
	} {
		if id.Valid(s) != want {
			t.Errorf("Valid(%q) = %v", s, !want)
		}
	}
}

func TestToken(t *testing.T) {
	a, b := id.Token(), id.Token()
	if a == b || len(a) != 43 || strings.ContainsAny(a, "+/=") {
		t.Errorf("tokens %q and %q", a, b)
	}
	if got := id.Hash("abc"); got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("Hash(abc) = %s", got)
	}
}
