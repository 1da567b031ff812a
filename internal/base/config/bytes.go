package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is a size in bytes. In text it is a number with an optional unit: "25 MiB", "500KB", "1048576".
type Bytes int64

// units from the longest suffix to the shortest, so that "MiB" is not read as "B".
var units = []struct {
	suffix string
	factor float64
}{
	{"gib", 1 << 30}, {"mib", 1 << 20}, {"kib", 1 << 10},
	{"gb", 1e9}, {"mb", 1e6}, {"kb", 1e3},
	{"go", 1e9}, {"mo", 1e6}, {"ko", 1e3},
	{"b", 1}, {"o", 1}, {"", 1},
}

// UnmarshalText reads a size.
func (b *Bytes) UnmarshalText(text []byte) error {
	s := strings.ToLower(strings.TrimSpace(string(text)))
	for _, u := range units {
		number, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || f < 0 || f*u.factor >= math.MaxInt64 || math.IsNaN(f) {
			break
		}
		*b = Bytes(f * u.factor)
		return nil
	}
	return fmt.Errorf("%q is not a size; write for example \"25 MiB\"", text)
}

// String writes the size in the largest binary unit that divides it.
func (b Bytes) String() string {
	for _, u := range []struct {
		name  string
		shift uint
	}{{"GiB", 30}, {"MiB", 20}, {"KiB", 10}} {
		if b != 0 && b%(1<<u.shift) == 0 {
			return fmt.Sprintf("%d %s", b>>u.shift, u.name)
		}
	}
	return fmt.Sprintf("%d B", int64(b))
}
