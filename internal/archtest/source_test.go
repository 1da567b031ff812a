package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// source is one Go file.
type source struct {
	path      string // from the root, with slashes
	text      string
	file      *ast.File
	fset      *token.FileSet
	test      bool
	generated bool
}

// dir is the folder of the package, "internal/domain/ticket".
func (s source) dir() string { return path.Dir(s.path) }

// at is where a node stands, for messages.
func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.fset.Position(n.Pos()).Line)
}

func (s source) line(p token.Pos) int { return s.fset.Position(p).Line }

// imports returns the imported paths.
func (s source) imports() []string {
	var all []string
	for _, i := range s.file.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil { // the parser accepted it
			panic(err)
		}
		all = append(all, p)
	}
	return all
}

func parse(name, text string) (source, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	return source{path: name, text: text, file: f, fset: fset, test: strings.HasSuffix(name, "_test.go"), generated: ast.IsGenerated(f)}, nil
}

// example parses a file that exists only in a test.
func example(t *testing.T, name, text string) source {
	t.Helper()
	s, err := parse(name, text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const root = "../.."

// notOurs are folders that hold nothing we wrote.
var notOurs = []string{".git", "node_modules", "bin", "testdata", "dist"}

// walk calls f with each file of the repository, its path from the root with slashes.
func walk(f func(name, file string) error) error {
	return filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if p != root && slices.Contains(notOurs, e.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !e.Type().IsRegular() {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		return f(filepath.ToSlash(rel), p)
	})
}

// sources are all Go files of the repository.
var sources = sync.OnceValues(func() (all []source, err error) {
	err = walk(func(name, file string) error {
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		s, err := parse(name, string(b))
		all = append(all, s)
		return err
	})
	return all, err
})

func all(t *testing.T) []source {
	t.Helper()
	s, err := sources()
	if err != nil {
		t.Fatal(err)
	}
	if len(s) < 50 {
		t.Fatalf("only %d Go files found", len(s))
	}
	return s
}

// finding is one place where a rule is broken.
type finding struct {
	at   string // "path:line"
	what string
	key  string // what an exception names
}

// report fails the test for each finding that no exception covers, and for each exception that covers nothing.
// Exceptions map the key of findings to a reason.
func report(t *testing.T, why string, found []finding, exceptions map[string]string) {
	t.Helper()
	used := make(map[string]bool)
	bad := 0
	for _, f := range found {
		if exceptions[f.key] != "" {
			used[f.key] = true
			continue
		}
		bad++
		t.Errorf("%s: %s", f.at, f.what)
	}
	for key := range exceptions {
		if !used[key] {
			t.Errorf("exception %q is needed no more: remove it", key)
		}
	}
	if bad > 0 {
		t.Logf("why: %s", why)
	}
}

// expect compares findings with what an example must yield: part of each message, in order.
func expect(t *testing.T, found []finding, want ...string) {
	t.Helper()
	for i, f := range found {
		if i >= len(want) || !strings.Contains(f.at+": "+f.what, want[i]) {
			t.Errorf("found %s: %s", f.at, f.what)
		}
	}
	if len(found) != len(want) {
		t.Errorf("%d findings, want %d: %q", len(found), len(want), want)
	}
}
