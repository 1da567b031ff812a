package mime_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"entraide/internal/base/mime"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestParse reads each testdata/*.eml and compares with the .json beside it.
func TestParse(t *testing.T) {
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d messages, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".eml"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			m, err := mime.Parser{Host: "aide.exemple.fr"}.Parse(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			sound(t, m)
			var got bytes.Buffer
			e := json.NewEncoder(&got)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			if err := e.Encode(m); err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".eml") + ".json"
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
}

// sound fails the test if m breaks what Message promises.
func sound(t *testing.T, m mime.Message) {
	t.Helper()
	head := []string{m.MessageID, m.InReplyTo, m.Subject, m.From.Name, m.From.Address}
	head = append(head, m.References...)
	for _, list := range [][]mime.Address{m.To, m.CC, m.ReplyTo} {
		for _, a := range list {
			head = append(head, a.Name, a.Address)
		}
	}
	for _, a := range m.Attachments {
		head = append(head, a.Name, a.ContentType, a.ContentID)
		if a.Name == "" || strings.ContainsAny(a.Name, `/\`) || a.Size != int64(len(a.Data)) {
			t.Errorf("attachment %q of %d bytes, size %d", a.Name, len(a.Data), a.Size)
		}
	}
	head = append(head, m.Problems...)
	for _, s := range head {
		if strings.ContainsAny(s, "\r\n") {
			t.Errorf("line break in %q", s)
		}
	}
	for _, s := range append(head, m.Text, m.HTML, m.ReplyText) {
		if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			t.Errorf("no clean text: %q", s)
		}
	}
	if strings.TrimSpace(m.Text) != "" && strings.TrimSpace(m.ReplyText) == "" {
		t.Errorf("nothing left of %q", m.Text)
	}
}

func TestParseErrors(t *testing.T) {
	if _, err := mime.Parse(strings.NewReader(" \r\n\n"), 0); !errors.Is(err, mime.ErrEmpty) {
		t.Errorf("empty input: %v", err)
	}
	broken := errors.New("line cut")
	if _, err := mime.Parse(iotest.ErrReader(broken), 0); !errors.Is(err, broken) {
		t.Errorf("broken reader: %v", err)
	}
}

func TestParseLimit(t *testing.T) {
	m, err := mime.Parse(strings.NewReader("Subject: a\n\n"+strings.Repeat("b", 1000)), 100)
	if err != nil || len(m.Text) > 100 || !strings.Contains(fmt.Sprint(m.Problems), "longer than 100 bytes") {
		t.Errorf("%d bytes of text, %v, %v", len(m.Text), m.Problems, err)
	}
}

// TestParseBounds feeds mails made to exhaust a parser; each must be read in about the time of its bytes.
func TestParseBounds(t *testing.T) {
	nested := ""
	for i := range 3000 {
		nested += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	const multi = "Content-Type: multipart/mixed; boundary=b\n\n"
	for name, raw := range map[string]string{
		"empty parts":      multi + strings.Repeat("--b\n\n", 1<<20),
		"nested parts":     nested + strings.Repeat("text\n", 1<<20),
		"same boundary":    strings.Repeat("Content-Type: multipart/mixed; boundary=b\n\n--b\n", 50000),
		"headers":          strings.Repeat("X-A: b\n", 1<<19),
		"one header":       "Subject: " + strings.Repeat("a\n ", 1<<20),
		"encoded words":    "Subject: " + strings.Repeat("=?utf-8?Q?a?= ", 1<<12) + strings.Repeat("=?", 1<<12),
		"addresses":        "To: " + strings.Repeat("a@b,", 1<<14),
		"angle brackets":   "References: " + strings.Repeat("<", 1<<16),
		"quotes":           "To: " + strings.Repeat(`"`, 1<<16),
		"groups":           "To: " + strings.Repeat(`a:`, 1<<15),
		"content type":     "Content-Type: text/plain; " + strings.Repeat("a=b; ", 1<<13),
		"quoted text":      "Subject: x\n\n" + strings.Repeat("> ", 1<<20),
		"attributions":     "Subject: x\n\n" + strings.Repeat("On 1 x\n", 1<<18),
		"heads":            "Subject: x\n\n" + strings.Repeat("De : x\n", 1<<18),
		"open tags":        "Content-Type: text/html\n\n" + strings.Repeat("<table><tr><td><a href=http://x>", 1<<15),
		"open quotes":      "Content-Type: text/html\n\n" + strings.Repeat("<blockquote>", 1<<16),
		"lists":            "Content-Type: text/html\n\n" + strings.Repeat("<ul><li>", 1<<16),
		"forward markers":  "Content-Type: text/html\n\n" + strings.Repeat(`<div class="gmail_quote">forwarded message `, 1<<14),
		"outlook rules":    "Content-Type: text/html\n\n" + strings.Repeat(`<div style="border:none;border-top:solid #E1E1E1 1.0pt">x `, 1<<13),
		"own lines":        "Content-Type: text/html\n\n" + strings.Repeat("reply above this line<br>", 1<<14),
		"data images":      "Content-Type: text/html\n\n" + strings.Repeat(`<img src="data:image/png;base64,`, 1<<15),
		"quoted printable": "Content-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("=", 1<<21),
		"soft line breaks": "Content-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("=  ", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			m, err := mime.Parse(strings.NewReader(raw), 0)
			if err != nil {
				t.Fatal(err)
			}
			sound(t, m)
			if d, limit := time.Since(start), time.Second+time.Duration(len(raw))*500; d > limit { // 50 ms per 100 KB, and a busy machine
				t.Errorf("took %v for %d bytes, at most %v", d, len(raw), limit)
			}
		})
	}
}

func TestReplyHTML(t *testing.T) {
	raw, err := os.ReadFile("testdata/gmail-reply.eml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := mime.Parse(bytes.NewReader(raw), 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.ReplyHTML(nil); !strings.Contains(got, "ça marche") || strings.Contains(got, "redémarré") {
		t.Errorf("ReplyHTML = %q", got)
	}
}

// FuzzParse reads anything: no crash, a sound message, and work in proportion to the bytes, counted and not timed. Its
// corpus is all the messages of testdata and what fuzzing found, in testdata/fuzz.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil {
		f.Fatal(err)
	}
	more, err := filepath.Glob("testdata/nasty/*.eml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, more...) {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, steps, err := nastyParser.Counted(bytes.NewReader(raw))
		if errors.Is(err, mime.ErrEmpty) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		sound(t, m)
		if limit := 24*len(raw) + 4096; steps > limit {
			t.Errorf("%d steps for %d bytes, at most %d", steps, len(raw), limit)
		}
		var files int64
		for _, a := range m.Attachments {
			files += a.Size
		}
		if limit := int64(24*len(raw) + 4096); files > limit {
			t.Errorf("attachments of %d bytes out of %d", files, len(raw))
		}
		m.ReplyHTML(nil)
		if _, err := json.Marshal(m); err != nil {
			t.Fatal(err)
		}
	})
}

// BenchmarkParse reads a reply with an image of 40 KB and a long history, in text and HTML.
func BenchmarkParse(b *testing.B) {
	history := strings.Repeat("> Avez-vous redémarré le poste ce matin, comme convenu ?\n", 60)
	rich := strings.Repeat(`<p class="MsoNormal" style="margin:0"><span style="font-size:11pt">Avez-vous redémarré <b>le poste</b> ?</span></p>`, 60)
	raw := "From: Ann <ann@exemple.fr>\nTo: s@exemple.fr\nSubject: =?utf-8?Q?Re:_=C3=89cran?=\nMessage-ID: <x@y>\nDate: Thu, 12 Mar 2026 10:05:00 +0100\n" +
		"Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/alternative; boundary=i\n\n--i\nContent-Type: text/plain; charset=utf-8\n\nOui.\n\nLe 12/03/2026 à 10:05, S a écrit :\n" + history +
		"\n--i\nContent-Type: text/html; charset=utf-8\n\n<p>Oui.</p><blockquote type=cite>" + rich + "</blockquote>\n--i--\n--o\nContent-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64\n\n" +
		strings.Repeat(strings.Repeat("iVBORw0K", 9)+"\n", 740) + "\n--o--\n"
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := mime.Parse(strings.NewReader(raw), 0); err != nil {
			b.Fatal(err)
		}
	}
}
