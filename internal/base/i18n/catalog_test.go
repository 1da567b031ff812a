package i18n_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"entraide/internal/base/i18n"
)

// dynamic lists prefixes of keys that are put together from data no source file shows. A prefix that stands in the
// sources as a literal ending in a dot ("ticket.state." + s) is found without being listed here.
var dynamic = []string{}

func TestCataloguesLoad(t *testing.T) {
	if err := i18n.Load(); err != nil {
		t.Fatal(err)
	}
}

func TestBothLanguagesHaveEveryKey(t *testing.T) {
	french, english := i18n.Keys(i18n.FR), i18n.Keys(i18n.EN)
	slices.Sort(french)
	slices.Sort(english)
	for _, k := range french {
		if _, ok := slices.BinarySearch(english, k); !ok {
			t.Errorf("%s is missing in English", k)
		}
		if stem, ok := strings.CutSuffix(k, ".one"); ok && !slices.Contains(french, stem+".other") {
			t.Errorf("%s has no .other", k)
		}
	}
	for _, k := range english {
		if _, ok := slices.BinarySearch(french, k); !ok {
			t.Errorf("%s is missing in French", k)
		}
	}
}

func TestBothLanguagesHaveTheSamePlaceholders(t *testing.T) {
	en := i18n.Placeholders(i18n.EN)
	for key, names := range i18n.Placeholders(i18n.FR) {
		if strings.HasSuffix(key, ".one") {
			continue // « un jour » may do without {n}; what .one uses must still be known to .other, below
		}
		if !slices.Equal(names, en[key]) {
			t.Errorf("%s: French has %v, English %v", key, names, en[key])
		}
	}
	for _, lang := range i18n.Langs() {
		all := i18n.Placeholders(lang)
		for key, names := range all {
			stem, ok := strings.CutSuffix(key, ".one")
			for _, n := range names {
				if ok && !slices.Contains(all[stem+".other"], n) {
					t.Errorf("%s %s: {%s} is not in .other", lang, key, n)
				}
			}
		}
	}
}

// The calls that name a key: T("…"), T(ctx, "…"), N("…"), InvalidField("field", "…").
var (
	textCall   = regexp.MustCompile(`\b(?:T|InvalidField)\((?:[\w.()]+,\s*|"[^"]*",\s*)?"([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)"`)
	pluralCall = regexp.MustCompile(`\bN\((?:[\w.()]+,\s*)?"([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)"`)
	literal    = regexp.MustCompile("[\"'`]([a-z][a-z0-9_]*(?:\\.[a-z0-9_]+)*\\.?)[\"'`]")
)

var comment = regexp.MustCompile(`(?m)^\s*//.*$`)

func TestSourcesAndCataloguesAgree(t *testing.T) {
	has := map[string]bool{}
	for _, k := range i18n.Keys(i18n.FR) {
		has[k] = true
	}
	used, prefixes := map[string]bool{}, slices.Clone(dynamic)
	for file, src := range sources(t) {
		for _, m := range textCall.FindAllStringSubmatch(src, -1) {
			if !has[m[1]] {
				t.Errorf("%s: key %s is in no catalogue", file, m[1])
			}
		}
		for _, m := range pluralCall.FindAllStringSubmatch(src, -1) {
			if !has[m[1]+".one"] || !has[m[1]+".other"] {
				t.Errorf("%s: plural key %s is in no catalogue", file, m[1])
			}
		}
		for _, m := range literal.FindAllStringSubmatch(src, -1) {
			used[m[1]] = true
			if strings.HasSuffix(m[1], ".") {
				prefixes = append(prefixes, m[1])
			}
		}
	}
	for k := range has {
		stem := strings.TrimSuffix(strings.TrimSuffix(k, ".one"), ".other")
		built := slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(k, p) })
		if !used[k] && !used[stem] && !built {
			t.Errorf("key %s is used nowhere", k)
		}
	}
}

// sources reads every hand-written source file of the module that may name a key, tests left out.
func sources(t *testing.T) map[string]string {
	t.Helper()
	root := filepath.Join("..", "..", "..")
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "node_modules" || d.Name() == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		name := d.Name()
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_templ.go") ||
			!slices.Contains([]string{".go", ".templ", ".sql", ".toml"}, filepath.Ext(name)) {
			return nil
		}
		data, err := os.ReadFile(path)
		found[path] = comment.ReplaceAllString(string(data), "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 5 {
		t.Fatalf("only %d source files found under %s", len(found), root)
	}
	return found
}
