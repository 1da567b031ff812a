// Command gotest runs `go test -json` with the arguments it is given and prints what a reader needs: one line a package,
// the whole output of what failed, the slowest tests. A test that is skipped counts as failed: it would prove nothing.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// event is one line of go test -json.
type event struct {
	Action, Package, Test, Output string
	ImportPath                    string // of a build that fails
	Elapsed                       float64
}

// result is a test or, if Test is "", a package.
type result struct {
	pkg, test string
	seconds   float64
}

// summary is what a run amounts to.
type summary struct {
	passed          int // tests, subtests too
	failed, skipped []result
	slow            []result // top-level tests
}

func main() {
	c := exec.Command("go", append([]string{"test", "-json"}, os.Args[1:]...)...)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(1)
	}
	s, err := follow(out, os.Stdout)
	status := c.Wait()
	s.print(os.Stdout)
	if err = errors.Join(err, status); err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
	}
	if err != nil || len(s.failed)+len(s.skipped) > 0 || s.passed == 0 {
		os.Exit(1)
	}
}

// follow reads the events and writes what failed as it comes.
func follow(in io.Reader, w io.Writer) (s summary, err error) {
	outputs := make(map[string][]string) // by package and test
	lines := bufio.NewReader(in)
	for {
		line, readErr := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				fmt.Fprintf(w, "%s", line) // not an event: say it as it is
			} else {
				s.take(e, outputs, w)
			}
		}
		if readErr == io.EOF {
			return s, nil
		}
		if readErr != nil {
			return s, readErr
		}
	}
}

func (s *summary) take(e event, outputs map[string][]string, w io.Writer) {
	key := e.Package + " " + e.Test
	r := result{e.Package, e.Test, e.Elapsed}
	switch e.Action {
	case "output":
		outputs[key] = append(outputs[key], e.Output)
		return
	case "build-output":
		fmt.Fprint(w, e.Output)
		return
	case "build-fail":
		s.failed = append(s.failed, result{pkg: e.ImportPath})
		return
	case "pass":
		if e.Test == "" {
			fmt.Fprintf(w, "ok    %6.1f s  %s\n", e.Elapsed, e.Package)
			break
		}
		s.passed++
		if !strings.Contains(e.Test, "/") {
			s.slow = append(s.slow, r)
		}
	case "fail":
		s.failed = append(s.failed, r)
		fmt.Fprintf(w, "FAIL  %6.1f s  %s %s\n%s", e.Elapsed, e.Package, e.Test, strings.Join(outputs[key], ""))
	case "skip":
		if e.Test != "" { // else a package without tests
			s.skipped = append(s.skipped, r)
		}
	default:
		return
	}
	maps.DeleteFunc(outputs, func(k string, _ []string) bool { return k == key })
}

func (s *summary) print(w io.Writer) {
	slices.SortFunc(s.slow, func(a, b result) int { return cmp.Compare(b.seconds, a.seconds) })
	fmt.Fprintln(w, "slowest:")
	for _, r := range s.slow[:min(len(s.slow), 8)] {
		fmt.Fprintf(w, "      %6.1f s  %s %s\n", r.seconds, r.pkg, r.test)
	}
	for _, r := range s.skipped {
		fmt.Fprintf(w, "SKIPPED, which counts as failed: %s %s\n", r.pkg, r.test)
	}
	for _, r := range s.failed {
		fmt.Fprintf(w, "FAILED: %s %s\n", r.pkg, r.test)
	}
	fmt.Fprintf(w, "%d tests passed, %d failed, %d skipped\n", s.passed, len(s.failed), len(s.skipped))
}
