package app_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"entraide/internal/base/mailtest"
)

// TestKilledInACascade resolves a problem with many incidents and kills the program again and again while they follow:
// each incident is resolved with its message or untouched, in the end all are, and each requester is told once.
func TestKilledInACascade(t *testing.T) {
	const incidents = 240
	dir := t.TempDir()
	bin := filepath.Join(dir, "entraide")
	build(t, bin)
	box, settings := startMailbox(t)
	p := &program{t: t, bin: bin, data: filepath.Join(dir, "data"), env: append(os.Environ(), settings...)}
	tokens := p.people()
	p.run("une phrase assez longue\n", "user", "add", "--email=ada@exemple.test", "--name=Ada", "--role=admin", "--password-stdin")
	tokens["ada"] = p.run("", "token", "create", "--user=ada@exemple.test", "--name=load")
	ask := func(who, method, path string, body, into any) {
		t.Helper()
		if code, err := callJSON(t.Context(), tokens[who], method, p.url+"/api/v1/"+path, body, into); err != nil || code >= 300 {
			t.Fatalf("%s %s: %d %v", method, path, code, err)
		}
	}
	p.start()
	var made struct{ ID string }
	var ids []string
	for i := range incidents {
		ask("eva", "POST", "tickets", map[string]any{"type": "incident", "subject": fmt.Sprint("VPN ", i), "body": "Coupé."}, &made)
		ids = append(ids, made.ID)
	}
	ask("ada", "POST", "tickets", map[string]any{"type": "problem", "subject": "Le concentrateur", "body": "Il sature."}, &made)
	problem := made.ID
	ask("ada", "POST", "problems/"+problem+"/incidents", map[string]any{"incidents": ids}, nil)
	const told = "Le concentrateur est remplacé."
	ask("ada", "POST", "problems/"+problem+"/resolution", map[string]any{"body": told}, nil)
	for range 6 {
		timer := time.NewTimer(time.Duration(rand.IntN(120)) * time.Millisecond)
		<-timer.C // the moment of the kill is the point of the test
		p.kill()
		p.start()
		for _, id := range ids { // done or untouched, at every moment
			status, n := resolved(t, p.url, tokens["ada"], id, told)
			if n > 1 || n == 1 && status != "resolved" {
				t.Fatalf("incident %s is %s and told %d times", id, status, n)
			}
		}
	}
	defer p.kill()
	mailtest.Eventually(t, "all incidents are resolved", func() bool {
		for _, id := range ids {
			if status, _ := resolved(t, p.url, tokens["ada"], id, told); status != "resolved" {
				return false
			}
		}
		return true
	})
	for _, id := range ids {
		if _, n := resolved(t, p.url, tokens["ada"], id, told); n != 1 {
			t.Errorf("incident %s: told %d times", id, n)
		}
	}
	want := 2 * incidents // that it came in, and that it is resolved
	mailtest.Eventually(t, "everybody is told", func() bool { return box.told("eva@exemple.test") >= want })
	if n := box.told("eva@exemple.test"); n != want {
		t.Errorf("%d mails, want %d", n, want)
	}
}

// resolved returns how often a text stands in a ticket, and after that its status: the cascade goes on meanwhile.
func resolved(t *testing.T, url, token, id, text string) (status string, n int) {
	t.Helper()
	var list struct{ Items []struct{ Body string } }
	if code, err := call(t.Context(), token, "GET", url+"/api/v1/tickets/"+id+"/messages", "", nil, &list); err != nil || code != 200 {
		t.Fatalf("messages: %d %v", code, err)
	}
	for _, m := range list.Items {
		if m.Body == text {
			n++
		}
	}
	var one struct{ Status string }
	if code, err := call(t.Context(), token, "GET", url+"/api/v1/tickets/"+id, "", nil, &one); err != nil || code != 200 {
		t.Fatalf("ticket: %d %v", code, err)
	}
	return one.Status, n
}
