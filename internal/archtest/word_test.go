package archtest

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// forbidden are words that no file of the repository may hold. They are written in two halves so that this file may.
var forbidden = []struct{ pattern, why string }{
	{`(^|[\s"'(=:])/(wo` + `rk|ro` + `ot|tmp/br` + `ief)/`, "a path of one machine"},
	{`registry\.np` + `mjs|pypi\.or` + `g/simple|proxy\.gol` + `ang\.org`, "the address of a registry: each machine has its own"},
	{`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`, "a promise without date: do it, or open an issue"},
	{`(?i)\b(anth` + `ropic|chat` + `gpt|copi` + `lot)\b`, "the name of a tool that helped"},
}

// quiet are files whose words are not ours. Locks of npm are read: they hold addresses unless one takes care.
// In a second working tree .git is a file, and names a folder of the machine.
var quiet = []string{".git", "go.sum", "tools.sum"}

func checkWords(name string, content []byte) (found []finding) {
	if bytes.IndexByte(content[:min(len(content), 8000)], 0) >= 0 {
		return nil // no text
	}
	text := string(content)
	for _, f := range forbidden {
		for _, at := range compiled[f.pattern].FindAllStringIndex(text, -1) {
			line := strings.Count(text[:at[0]], "\n") + 1
			found = append(found, finding{fmt.Sprintf("%s:%d", name, line), strings.Trim(text[at[0]:at[1]], " \n\"'(=:") + " is " + f.why, name})
		}
	}
	return found
}

var compiled = compile()

func compile() map[string]*regexp.Regexp {
	m := make(map[string]*regexp.Regexp)
	for _, f := range forbidden {
		m[f.pattern] = regexp.MustCompile(f.pattern)
	}
	return m
}

func TestWords(t *testing.T) {
	var found []finding
	err := walk(func(name, file string) error {
		if slices.Contains(quiet, path.Base(name)) {
			return nil
		}
		b, err := os.ReadFile(file)
		if err == nil {
			found = append(found, checkWords(name, b)...)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	report(t, "the repository is read by people on other machines, today and in ten years", found, map[string]string{})
}

func TestWordsAreSeenFailing(t *testing.T) {
	bad := "cd /wo" + "rk/main\n// TO" + "DO later\nhttps://registry.np" + "mjs.org/x\n"
	expect(t, checkWords("a.md", []byte(bad)), "a.md:1", "a.md:3", "a.md:2")
	expect(t, checkWords("a.md", []byte("/homework/x, framework/y, mastodon, net/work/, a to-do row\n")))
	expect(t, checkWords("a.png", []byte("\x00"+bad)))
}
