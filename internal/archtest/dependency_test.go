package archtest

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxDependencies bounds what a reader has to trust and an operator to update; tools of the build do not count.
const maxDependencies = 40

var (
	required = regexp.MustCompile(`(?m)^(?:require )?\s*([\w.-]+\.[\w./-]+) v\S+`)
	reasoned = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|[^|]*\\| *([^| ][^|]*)\\|")
)

// direct returns the modules of go.mod that our files import. The comments of go.mod are not asked: they may be stale.
func direct(goMod string, files []source) []string {
	var modules []string
	for _, m := range required.FindAllStringSubmatch(goMod, -1) {
		modules = append(modules, m[1])
	}
	var used []string
	for _, s := range files {
		for _, imp := range s.imports() {
			best := ""
			for _, m := range modules {
				if (imp == m || strings.HasPrefix(imp, m+"/")) && len(m) > len(best) {
					best = m
				}
			}
			if best != "" && !slices.Contains(used, best) {
				used = append(used, best)
			}
		}
	}
	slices.Sort(used)
	return used
}

// checkDependencies compares the modules we import with the table of reasons.
func checkDependencies(goMod, table string, files []source) (found []finding) {
	used := direct(goMod, files)
	var explained []string
	for _, m := range reasoned.FindAllStringSubmatch(table, -1) {
		explained = append(explained, m[1])
	}
	for _, m := range used {
		if !slices.Contains(explained, m) {
			found = append(found, finding{"docs/dependencies.md", m + " has no line with its reason", m})
		}
	}
	for _, m := range explained {
		if !slices.Contains(used, m) {
			found = append(found, finding{"docs/dependencies.md", m + " is imported by nothing", m})
		}
	}
	if len(used) > maxDependencies {
		found = append(found, finding{"go.mod", fmt.Sprintf("%d direct dependencies, at most %d", len(used), maxDependencies), "number"})
	}
	return found
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(root + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDependencies(t *testing.T) {
	goMod := read(t, "go.mod")
	t.Logf("%d direct dependencies", len(direct(goMod, all(t))))
	report(t, "each dependency is code that we answer for: it needs a reason that somebody wrote down",
		checkDependencies(goMod, read(t, "docs/dependencies.md"), all(t)), map[string]string{})
}

func TestDependenciesAreSeenFailing(t *testing.T) {
	goMod := "module entraide\n\nrequire (\n\texample.org/a v1.0.0\n\texample.org/a/v2 v2.0.0 // indirect\n\texample.org/unused v0.1.0\n)\n\nrequire example.org/b v1.0.0\n"
	files := []source{example(t, "p/a.go", "package p\n\nimport (\n\t\"fmt\"\n\t\"example.org/a/v2/x\"\n\t\"example.org/b\"\n)\n")}
	table := "| module | for | reason |\n|---|---|---|\n| `example.org/b` | tests | smallest |\n| `example.org/gone` | x | was good |\n| `example.org/a/v2` | x | |\n"
	expect(t, checkDependencies(goMod, table, files), "example.org/a/v2 has no line", "example.org/gone is imported by nothing")
	many := goMod
	var imports string
	for i := range maxDependencies {
		many += fmt.Sprintf("require example.org/m%d v1.0.0\n", i)
		imports += fmt.Sprintf("import _ \"example.org/m%d\"\n", i)
		table += fmt.Sprintf("| `example.org/m%d` | x | y |\n", i)
	}
	files = append(files, example(t, "p/b.go", "package p\n\n"+imports))
	if found := checkDependencies(many, table, files); found[len(found)-1].key != "number" {
		t.Errorf("27 dependencies accepted: %v", found)
	}
}
