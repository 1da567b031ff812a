package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHours(t *testing.T) {
	file := filepath.Join(t.TempDir(), "calendars.json")
	if err := os.WriteFile(file, []byte(`{"paris":{"tz":"Europe/Paris","hours":{"mon":[["09:00","12:30"],["13:30","18:00"]]},"holidays":{"country":"FR","region":"57"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	out := must(t, 0, `{"id":1,"calendar":"paris","op":"add","start":"2026-03-30T10:00:00Z","minutes":60}
not json

{"id":"x","calendar":"berlin","op":"open","start":"2026-03-30T10:00:00Z"}
{"id":"y","calendar":"paris","op":"open","start":"2026-03-30T07:00:00Z"}
`, "hours", "--calendars="+file)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 4 || lines[0] != `{"id":1,"end":"2026-03-30T12:00:00Z"}` || !strings.HasPrefix(lines[1], `{"id":null,"error":"`) ||
		!strings.HasPrefix(lines[2], `{"id":"x","error":"calendar: `) || lines[3] != `{"id":"y","open":true}` {
		t.Errorf("answers:\n%s", out)
	}
	must(t, 2, "", "hours")
	must(t, 1, "", "hours", "--calendars="+file+".not")
	if err := os.WriteFile(file, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, 1, "", "hours", "--calendars="+file)
}
