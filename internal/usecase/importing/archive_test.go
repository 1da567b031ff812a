package importing

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// subjects reads each message of a path and returns its first line, with ! for those dropped.
func subjects(t *testing.T, path string) string {
	t.Helper()
	list, err := letters(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, l := range list {
		raw, _, err := l.read(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(raw), "Subject: ")
		s, _, _ := strings.Cut(rest, "\n")
		if s = strings.TrimSpace(s); l.dropped {
			s = "!" + s
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestMbox(t *testing.T) {
	const m = "Subject: %s\nDate: Thu, 12 Mar 2026 09:44:00 +0100\n%s\nBonjour\n\n"
	msg := func(s, head string) string { return fmt.Sprintf(m, s, head) }
	const from, thunderbird, gmail = "From ann@exemple.fr Thu Mar 12 09:44:00 2026\n", "From - Thu Mar 12 09:44:00 2026\n", "From 1234567890@xxx Thu Mar 12 09:44:00 +0000 2026\n"
	for name, c := range map[string]struct{ text, want string }{
		"three programs":             {from + msg("a", "") + thunderbird + msg("b", "") + gmail + msg("c", ""), "a b c"},
		"a sentence":                 {from + msg("a", "") + "From now on, nothing.\n\n" + from + msg("b", ""), "a b"},
		"no blank line before":       {from + strings.TrimSuffix(msg("a", ""), "\n") + from + msg("b", ""), "a"},
		"cut in the middle":          {from + msg("a", "") + from + "Subject: b\nDate: Thu, 12", "a b"},
		"line ends of Windows":       {strings.ReplaceAll(from+msg("a", "")+from+msg("b", ""), "\n", "\r\n"), "a b"},
		"nothing between":            {from + from + msg("b", ""), "b"},
		"deleted in Thunderbird":     {thunderbird + msg("a", "X-Mozilla-Status: 0009\n") + thunderbird + msg("b", "X-Mozilla-Status: 0001\n"), "!a b"},
		"labels of Gmail":            {gmail + msg("a", "X-Gmail-Labels: Boîte de réception,Corbeille\n") + gmail + msg("b", "X-Gmail-Labels: Inbox\n"), "!a b"},
		"a line longer than a block": {from + "Subject: a\n\n" + strings.Repeat("x", 200_000) + "\n\n" + from + msg("b", ""), "a b"},
		"no archive":                 {msg("alone", ""), "alone"},
		"only a separator":           {from, ""},
	} {
		if got := subjects(t, write(t, filepath.Join(t.TempDir(), "inbox"), c.text)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestQuotedLines(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "inbox"), "From a Thu Mar 12 09:44:00 2026\nSubject: a\n\n>From here\n>>From there\n> From afar\n\n")
	list, err := letters(path)
	if err != nil || len(list) != 1 {
		t.Fatal(len(list), err)
	}
	raw, size, err := list[0].read(1 << 20)
	if want := "Subject: a\n\nFrom here\n>From there\n> From afar\n"; string(raw) != want || err != nil || size == 0 {
		t.Errorf("%q, %v", raw, err)
	}
	if raw, size, err := list[0].read(10); len(raw) > 11 || size < 40 || err != nil {
		t.Errorf("%q of %d, %v", raw, size, err)
	}
}

func TestFolders(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"cur/1:2,S", "new/2", "cur/3:2,ST", "cur/4:2,D", "tmp/5", ".Archives.2025/cur/6:2,", ".Trash/cur/7:2,S", ".INBOX.Corbeille/new/8"} {
		write(t, filepath.Join(dir, "maildir", f), "Subject: "+filepath.Base(f)[:1]+"\n\nx\n")
	}
	if got := subjects(t, filepath.Join(dir, "maildir")); got != "6 !8 !7 1 !3 !4 2" {
		t.Errorf("Maildir: %q", got)
	}
	for _, f := range []string{"a.eml", "sub/b.EML", "Spam/c.eml", "notes.txt"} {
		write(t, filepath.Join(dir, "folder", f), "Subject: "+strings.TrimSuffix(strings.ToLower(filepath.Base(f)), ".eml")+"\n\nx\n")
	}
	if got := subjects(t, filepath.Join(dir, "folder")); got != "!c a b" {
		t.Errorf("folder: %q", got)
	}
	if _, err := letters(filepath.Join(dir, "nothing")); err == nil {
		t.Error("a path that is not there")
	}
}

func TestDates(t *testing.T) {
	otherwise := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	for head, want := range map[string]time.Time{
		"Date: Thu, 12 Mar 2026 09:44:00 +0100\n": time.Date(2026, 3, 12, 8, 44, 0, 0, time.UTC),
		"Date: demain\n": otherwise,
		"Date: Thu, 12 Mar 2296 09:44:00 +0100\n": otherwise,
		"Date: Thu, 1 Jan 1970 00:00:00 +0000\n":  otherwise,
		"no header at all":                        otherwise,
		"":                                        otherwise,
	} {
		var l letter
		if l.mark([]byte(head), otherwise); !l.at.Equal(want) {
			t.Errorf("%q: %s, want %s", head, l.at, want)
		}
	}
	for line, want := range map[string]int{"From a Thu Mar 12 09:44:00 2026": 2026, "From - Mon Jan  5 10:00:00 2009": 2009, "From x Sat Mar 14 09:44:00 +0200 2015": 2015, "From 12:30 on": 1} {
		if got := postmark([]byte(line)).Year(); got != want {
			t.Errorf("%q: %d", line, got)
		}
	}
}

// FuzzMbox holds that each byte belongs to one message at most, in order, whatever the file.
func FuzzMbox(f *testing.F) {
	f.Add([]byte("From a Thu Mar 12 09:44:00 2026\nSubject: a\n\nx\n\nFrom - 10:00\n\n"))
	f.Add([]byte("From a 1:11\r\n\r\nFrom b 2:22\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := split(bufio.NewReaderSize(bytes.NewReader(data), 16), "x")
		if err != nil {
			t.Fatal(err)
		}
		var at int64
		for _, l := range list {
			if l.from < at || l.to < l.from || l.to > int64(len(data)) {
				t.Fatalf("%+v after %d of %d", l, at, len(data))
			}
			at = l.to
		}
	})
}
