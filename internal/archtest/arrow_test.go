package archtest

import (
	"slices"
	"strings"
	"testing"
)

const module = "entraide"

// Floors of the house, the roof highest. What is on none of them (scripts, this package) may import everything and is
// imported by nobody.
var floors = []string{"internal/base/", "internal/domain/", "internal/usecase/", "internal/door/", "internal/app", "cmd/"}

// hallway rooms may be imported by other rooms.
var hallway = []string{"identity", "directory", "calendar", "form"}

func floor(dir string) int {
	for i, f := range floors {
		if strings.HasPrefix(dir+"/", f) {
			return i
		}
	}
	return len(floors)
}

// room is the folder below the floor: "web" of internal/door/web/page/desk.
func room(dir string) string {
	parts := strings.SplitN(dir, "/", 4)
	if len(parts) < 3 {
		return ""
	}
	return parts[2]
}

// arrow says what is wrong with an import of folder to by folder from; "" = nothing.
func arrow(from, to string) string {
	f, t := floor(from), floor(to)
	switch {
	case from == to || t < f:
		return ""
	case t > f:
		return "points up"
	case floors[f] == "internal/base/", floors[f] == "internal/usecase/", floors[f] == "cmd/" || floors[f] == "internal/app":
		return "" // the compiler refuses cycles
	case floors[f] == "internal/domain/":
		if slices.Contains(hallway, room(to)) {
			return ""
		}
		return "points into a room that is no hallway; an errand of two rooms is a use case"
	case room(from) == "web" && room(to) == "web":
		return ""
	}
	return "points from door to door"
}

func checkArrows(files []source) (found []finding) {
	for _, s := range files {
		for _, imp := range s.imports() {
			to, ours := strings.CutPrefix(imp, module+"/")
			if !ours {
				continue
			}
			if wrong := arrow(s.dir(), to); wrong != "" {
				found = append(found, finding{s.path, "import of " + to + " " + wrong, s.path + " → " + to})
			}
		}
	}
	return found
}

func TestArrows(t *testing.T) {
	report(t, "imports point down, so that each floor can be read and tested without those above it (architecture, house rule 1)",
		checkArrows(all(t)), map[string]string{})
}

// chain returns the longest chain of imports between our packages.
func chain(files []source) []string {
	next := make(map[string][]string)
	for _, s := range files {
		if s.test {
			continue
		}
		for _, imp := range s.imports() {
			if to, ours := strings.CutPrefix(imp, module+"/"); ours && !slices.Contains(next[s.dir()], to) {
				next[s.dir()] = append(next[s.dir()], to)
			}
		}
	}
	known := make(map[string][]string)
	var from func(dir string) []string
	from = func(dir string) []string {
		if c, ok := known[dir]; ok {
			return c
		}
		var best []string
		for _, to := range next[dir] {
			if c := from(to); len(c) > len(best) {
				best = c
			}
		}
		known[dir] = append([]string{dir}, best...)
		return known[dir]
	}
	var longest []string
	for dir := range next {
		if c := from(dir); len(c) > len(longest) {
			longest = c
		}
	}
	return longest
}

func TestLongestChain(t *testing.T) {
	const most = 10
	c := chain(all(t))
	t.Logf("longest chain, %d packages: %s", len(c), strings.Join(c, " → "))
	if len(c) > most {
		t.Errorf("a chain of %d packages, at most %d: a change below reaches too far up", len(c), most)
	}
}

func TestArrowsAreSeenFailing(t *testing.T) {
	file := func(name, imp string) source {
		return example(t, name, "package p\nimport _ \""+imp+"\"\n")
	}
	expect(t, checkArrows([]source{
		file("internal/base/db/a.go", "entraide/internal/domain/ticket"),
		file("internal/domain/ticket/a.go", "entraide/internal/usecase/intake"),
		file("internal/domain/ticket/a.go", "entraide/internal/domain/sla"),
		file("internal/door/api/a.go", "entraide/internal/door/web"),
		file("internal/usecase/intake/a.go", "entraide/internal/door/mailin"),
		file("internal/app/a.go", "entraide/scripts/x"),
	}), "points up", "points up", "no hallway", "door to door", "points up", "points up")
	expect(t, checkArrows([]source{
		file("internal/base/event/a.go", "entraide/internal/base/db"),
		file("internal/domain/ticket/a.go", "entraide/internal/domain/identity"),
		file("internal/usecase/intake/a.go", "entraide/internal/usecase/routing"),
		file("internal/door/web/desk/a.go", "entraide/internal/door/web/ui"),
		file("internal/app/a.go", "entraide/internal/door/web"),
		file("cmd/entraide/main.go", "entraide/internal/app"),
		file("internal/base/db/a.go", "fmt"),
	}))
	c := chain([]source{
		file("a/a.go", "entraide/b"), file("b/b.go", "entraide/c"), file("a/a.go", "entraide/c"), file("c/c_test.go", "entraide/d"),
	})
	if got := strings.Join(c, " "); got != "a b c" {
		t.Errorf("longest chain %s", got)
	}
}
