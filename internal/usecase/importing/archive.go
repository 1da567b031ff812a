package importing

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// letter is where one message of an archive stands.
type letter struct {
	path     string
	from, to int64     // bytes; to 0 = the whole file
	at       time.Time // it was sent; zero = unknown
	mbox     bool      // its lines that begin with "From " are quoted
	dropped  bool      // a draft, or thrown away
	id       string    // Message-ID without brackets; "" = none
}

// headMost is how much of a message is read to find its date and marks.
const headMost = 256 << 10

// separator is the line between two messages of an mbox file (RFC 4155, and what Thunderbird and Gmail write): a time of
// day tells it from a sentence that begins with "From".
var separator = regexp.MustCompile(`^From \S.*\d\d?:\d\d`)

// discarded are folders whose mail nobody wants to keep, as programs name them in French and English.
var discarded = []string{"trash", "corbeille", "deleted", "deleted items", "deleted messages", "éléments supprimés", "junk", "spam", "indésirables", "courrier indésirable", "drafts", "brouillons", "templates", "modèles", "outbox"}

// letters lists the messages of a path: an mbox file, a Maildir with its sub-folders, a folder of .eml and .mbox files, a
// message. The order is that of the files.
func letters(path string) (list []letter, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return lettersOf(path, info.ModTime())
	}
	err = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			return nil
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		dir := filepath.Base(filepath.Dir(p))
		ext := strings.ToLower(filepath.Ext(p))
		maildir := dir == "cur" || dir == "new"
		if !maildir && ext != ".eml" && ext != ".mbox" {
			return nil
		}
		found, err := lettersOf(p, info.ModTime())
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		rel, err := filepath.Rel(path, p)
		if err != nil {
			return err
		}
		for _, l := range found {
			l.dropped = l.dropped || unwanted(rel) || maildir && flagged(p, "TD")
			list = append(list, l)
		}
		return nil
	})
	return list, err
}

// flagged reports whether a file of a Maildir has one of the flags: "…:2,ST".
func flagged(path, flags string) bool {
	_, has, ok := strings.Cut(filepath.Base(path), ":2,")
	return ok && strings.ContainsAny(has, flags)
}

// unwanted reports whether a file lies in a folder of thrown away mail: "Trash/x.eml", ".Archive.Trash/cur/1".
func unwanted(rel string) bool {
	for _, part := range strings.Split(strings.ToLower(filepath.Dir(rel)), string(filepath.Separator)) {
		words := strings.Split(strings.TrimPrefix(part, "."), ".")
		if slices.Contains(discarded, words[len(words)-1]) {
			return true
		}
	}
	return false
}

// lettersOf lists the messages of a file.
func lettersOf(path string, modified time.Time) (list []letter, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r := bufio.NewReaderSize(f, 64<<10)
	start, err := r.Peek(5)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if string(start) != "From " {
		head, err := io.ReadAll(io.LimitReader(r, headMost))
		if err != nil {
			return nil, err
		}
		l := letter{path: path}
		l.mark(head, modified)
		return []letter{l}, nil
	}
	list, err = split(r, path)
	for i := range list {
		if list[i].at.IsZero() {
			list[i].at = modified
		}
	}
	return list, err
}

// split finds the messages of an mbox file; its first line is a separator.
func split(r *bufio.Reader, path string) (list []letter, err error) {
	var at int64
	var head bytes.Buffer
	var posted time.Time
	blank, inHead := true, false
	end := func(to int64) {
		if len(list) > 0 {
			l := &list[len(list)-1]
			l.to = to
			l.mark(head.Bytes(), posted)
		}
		head.Reset()
	}
	for {
		line, err := r.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !long && !errors.Is(err, io.EOF) {
			return list, err
		}
		if len(line) == 0 {
			end(at)
			return list, nil
		}
		switch {
		case blank && separator.Match(line):
			end(at)
			posted = postmark(line)
			list = append(list, letter{path: path, from: at + int64(len(line)), mbox: true})
			inHead = true
		case inHead && head.Len() < headMost:
			head.Write(line)
			inHead = len(bytes.TrimRight(line, "\r\n")) > 0
		}
		blank = !long && len(bytes.TrimRight(line, "\r\n")) == 0
		at += int64(len(line))
	}
}

// postmark reads the time of a separator, zero if it has none that we know.
func postmark(line []byte) time.Time {
	s := string(bytes.TrimSpace(line))
	for _, day := range []string{"Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "} {
		i := strings.Index(s, day)
		if i < 0 {
			continue
		}
		for _, layout := range []string{"Mon Jan _2 15:04:05 2006", "Mon Jan _2 15:04:05 -0700 2006", "Mon Jan _2 15:04:05 MST 2006", "Mon Jan _2 15:04 2006"} {
			if t, err := time.Parse(layout, s[i:]); err == nil {
				return t.UTC()
			}
		}
	}
	return time.Time{}
}

// mark takes the date and what programs noted from the head of the message; otherwise is when the date is none.
func (l *letter) mark(head []byte, otherwise time.Time) {
	l.at = otherwise
	m, err := mail.ReadMessage(io.MultiReader(bytes.NewReader(head), strings.NewReader("\n\n")))
	if err != nil {
		return // the intake says what is wrong with it
	}
	l.id = strings.Trim(strings.TrimSpace(m.Header.Get("Message-ID")), "<>")
	if t, err := mail.ParseDate(m.Header.Get("Date")); err == nil && t.Year() >= 1980 && t.Before(time.Now().Add(24*time.Hour)) {
		l.at = t.UTC()
	}
	if n, err := strconv.ParseUint(m.Header.Get("X-Mozilla-Status"), 16, 16); err == nil && n&0x8 != 0 {
		l.dropped = true // Thunderbird keeps what was deleted until it compacts
	}
	for _, label := range strings.Split(m.Header.Get("X-Gmail-Labels"), ",") {
		if slices.Contains(discarded, strings.ToLower(strings.TrimSpace(label))) {
			l.dropped = true
		}
	}
}

// quotedFrom is a line that an mbox file quotes.
var quotedFrom = regexp.MustCompile(`(?m)^>(>*From )`)

// read returns at most limit bytes of a message, and its whole size.
func (l letter) read(limit int64) (raw []byte, size int64, err error) {
	f, err := os.Open(l.path)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size = l.to - l.from
	if l.to == 0 {
		info, err := f.Stat()
		if err != nil {
			return nil, 0, err
		}
		size = info.Size()
	}
	raw = make([]byte, min(size, limit))
	if _, err := io.ReadFull(io.NewSectionReader(f, l.from, size), raw); err != nil {
		return nil, size, err
	}
	if l.mbox {
		raw = quotedFrom.ReplaceAll(bytes.TrimRight(raw, "\r\n"), []byte("$1"))
		raw = append(raw, '\n')
	}
	return raw, size, nil
}
