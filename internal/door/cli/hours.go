package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"

	"entraide/internal/domain/calendar"
)

type hoursCmd struct {
	common
	Calendars string `help:"JSON file of calendars by name: {\"paris\": {\"tz\": \"Europe/Paris\", \"hours\": {\"mon\": [[\"09:00\", \"18:00\"]]}, \"holidays\": {\"country\": \"FR\"}}}." required:"" placeholder:"FILE"`
	Questions string `arg:"" optional:"" help:"One JSON question a line: {\"id\", \"calendar\", \"op\": add, between or open, \"start\", \"end\", \"minutes\", \"pauses\"}; absent or - = standard input."`
}

// maxQuestion bounds one line of questions, in bytes.
const maxQuestion = 4 << 20

func (c hoursCmd) Run(r *run) (err error) {
	f, err := os.Open(c.Calendars)
	if err != nil {
		return err
	}
	book, err := calendar.ReadBook(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	in := r.In
	if c.Questions != "" && c.Questions != "-" {
		q, err := os.Open(c.Questions)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, q.Close()) }()
		in = q
	}
	return r.ask(book, in)
}

// badQuestion answers a question that cannot be answered.
type badQuestion struct {
	ID    json.RawMessage `json:"id"`
	Error string          `json:"error"`
}

// ask answers each line of in, a bad one with what is wrong with it.
func (r *run) ask(book *calendar.Book, in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxQuestion)
	out := bufio.NewWriter(r.Out)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		var q calendar.Question
		var a calendar.Answer
		err := json.Unmarshal([]byte(line), &q)
		if err == nil {
			a, err = book.Ask(q)
		}
		var answer any = a
		if err != nil {
			answer = badQuestion{q.ID, r.words(err)}
		}
		if err := e.Encode(answer); err != nil {
			return err
		}
	}
	return errors.Join(lines.Err(), out.Flush())
}
