package hook_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/seal"
	"entraide/internal/domain/channel"
	"entraide/internal/door/hook"
)

func TestGraph(t *testing.T) {
	key, err := seal.New(bytes.Repeat([]byte{1}, seal.Size))
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		h := hook.Hooks{DB: d, Key: key}.Handler()
		call := func(method, path, body string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
			return w
		}
		if w := call("POST", hook.GraphPath+"?validationToken=a%3Cb%3E", ""); w.Code != 200 || w.Body.String() != "a<b>" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
			t.Errorf("validation: %d %q %v", w.Code, w.Body, w.Header())
		}
		state, err := key.Seal([]byte("box"), channel.GraphState)
		if err != nil || len(state) > 128 {
			t.Fatalf("state of %d characters, Microsoft takes 128: %v", len(state), err)
		}
		sub := d.Listen(func(topic string) bool { return strings.HasPrefix(topic, channel.NewsTopic("")) })
		defer sub.Close()
		for name, c := range map[string]struct {
			method, body string
			status, told int
		}{
			"news":           {"POST", fmt.Sprintf(`{"value":[{"clientState":%q},{"clientState":"forged"}]}`, state), 202, 1},
			"a forged state": {"POST", `{"value":[{"clientState":"box"}]}`, 202, 0},
			"nothing":        {"POST", `{}`, 202, 0},
			"no JSON":        {"POST", `<x>`, 400, 0},
			"too long":       {"POST", `{"value":[{"clientState":"` + strings.Repeat("x", 300_000) + `"}]}`, 413, 0},
			"another method": {"GET", "", 405, 0},
		} {
			w := call(c.method, hook.GraphPath, c.body)
			told := sub.Take()
			if w.Code != c.status || len(told) != c.told || c.told == 1 && !slices.Contains(told, channel.NewsTopic("box")) {
				t.Errorf("%s: %d, told %v", name, w.Code, told)
			}
		}
		if w := call("POST", "/hooks/else", ""); w.Code != http.StatusNotFound {
			t.Errorf("another path: %d", w.Code)
		}
	})
}
