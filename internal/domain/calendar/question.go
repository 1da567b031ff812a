package calendar

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"entraide/internal/base/errs"
)

// The operations of a Question.
const (
	OpAdd     = "add"     // when have Minutes passed since Start?
	OpBetween = "between" // how many minutes lie between Start and End?
	OpOpen    = "open"    // is Start working time?
)

// Question asks a calendar something.
type Question struct {
	ID       json.RawMessage `json:"id,omitempty"` // given back as it came
	Calendar string          `json:"calendar"`
	Op       string          `json:"op"`
	Start    string          `json:"start"` // RFC 3339
	End      string          `json:"end,omitempty"`
	Minutes  *float64        `json:"minutes,omitempty"`
	Pauses   [][2]*string    `json:"pauses,omitempty"` // from and to; a to of null has no end yet
}

// Answer is what a calendar says; one of the pointers is set.
type Answer struct {
	ID      json.RawMessage `json:"id,omitempty"`
	End     *time.Time      `json:"end,omitempty"`
	Minutes *float64        `json:"minutes,omitempty"`
	Open    *bool           `json:"open,omitempty"`
}

// Book holds calendars by name and compiles each when it is first asked. It serves one goroutine.
type Book struct {
	specs map[string]json.RawMessage
	ready map[string]*Calendar
	bad   map[string]error
}

// ReadBook reads a file of calendars: {"paris": {"tz": "Europe/Paris", "hours": …}}. One that is wrong spoils the
// answers about it only.
// Errors: errs.Invalid (calendars) for what is no JSON object.
func ReadBook(r io.Reader) (*Book, error) {
	b := &Book{ready: make(map[string]*Calendar), bad: make(map[string]error)}
	if err := json.NewDecoder(r).Decode(&b.specs); err != nil {
		return nil, errs.InvalidField("calendars", "calendar.json", "error", err.Error())
	}
	return b, nil
}

// Calendar returns a calendar by name.
// Errors: errs.Invalid (calendar, and what Compile says).
func (b *Book) Calendar(name string) (*Calendar, error) {
	if c := b.ready[name]; c != nil {
		return c, nil
	}
	if err := b.bad[name]; err != nil {
		return nil, err
	}
	raw, ok := b.specs[name]
	if !ok {
		return nil, errs.InvalidField("calendar", "calendar.unknown", "name", name)
	}
	var spec Spec
	err := json.Unmarshal(raw, &spec)
	if err != nil && errs.Fields(err) == nil {
		err = errs.InvalidField("calendar", "calendar.json", "error", err.Error())
	}
	var c *Calendar
	if err == nil {
		c, err = Compile(spec)
	}
	if err != nil {
		b.bad[name] = err
		return nil, err
	}
	b.ready[name] = c
	return c, nil
}

// Ask answers q from the calendar that it names.
// Errors: errs.Invalid (calendar, and what Calendar.Ask says).
func (b *Book) Ask(q Question) (Answer, error) {
	c, err := b.Calendar(q.Calendar)
	if err != nil {
		return Answer{ID: q.ID}, err
	}
	return c.Ask(q)
}

// Ask answers q.
// Errors: errs.Invalid (op, start, end, minutes, pauses).
func (c *Calendar) Ask(q Question) (a Answer, err error) {
	a.ID = q.ID
	var wrong []errs.Field
	start, wrong := instant("start", q.Start, wrong)
	pauses, wrong := q.pauses(wrong)
	var end time.Time
	var length time.Duration
	switch q.Op {
	case OpAdd:
		length, wrong = q.length(wrong)
	case OpBetween:
		if end, wrong = instant("end", q.End, wrong); len(wrong) == 0 && end.Before(start) {
			wrong = append(wrong, errs.Field{Name: "end", Key: "calendar.backwards"})
		}
	case OpOpen:
	default:
		wrong = append(wrong, errs.Field{Name: "op", Key: "calendar.op", Args: []any{"op", q.Op}})
	}
	if len(wrong) > 0 {
		return a, errs.InvalidFields(wrong)
	}
	switch q.Op {
	case OpAdd:
		end, err = c.AddPaused(start, length, pauses)
		end = end.UTC()
		a.End = &end
	case OpBetween:
		length, err = c.BetweenPaused(start, end, pauses)
		minutes := float64(length) / float64(time.Minute)
		a.Minutes = &minutes
	case OpOpen:
		open := c.Open(start)
		a.Open = &open
	}
	if errors.Is(err, ErrNever) {
		return Answer{ID: q.ID}, errs.InvalidField("start", "calendar.never")
	}
	return a, err
}

// instant reads a time of a question.
func instant(field, s string, wrong []errs.Field) (time.Time, []errs.Field) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		wrong = append(wrong, errs.Field{Name: field, Key: "calendar.instant", Args: []any{"value", s}})
	}
	return t, wrong
}

func (q Question) length(wrong []errs.Field) (time.Duration, []errs.Field) {
	const most = 200 * 366 * day // minutes
	if q.Minutes == nil || *q.Minutes < 0 || *q.Minutes > most || math.IsNaN(*q.Minutes) {
		return 0, append(wrong, errs.Field{Name: "minutes", Key: "calendar.minutes"})
	}
	whole, part := math.Modf(*q.Minutes)
	return time.Duration(whole)*time.Minute + time.Duration(math.Round(part*float64(time.Minute))), wrong
}

func (q Question) pauses(wrong []errs.Field) ([]Pause, []errs.Field) {
	var out []Pause
	for i, s := range q.Pauses {
		field := fmt.Sprintf("pauses[%d]", i)
		if s[0] == nil {
			wrong = append(wrong, errs.Field{Name: field, Key: "calendar.instant", Args: []any{"value", ""}})
			continue
		}
		var p Pause
		p.From, wrong = instant(field, *s[0], wrong)
		if s[1] != nil {
			if p.To, wrong = instant(field, *s[1], wrong); p.To.Before(p.From) {
				wrong = append(wrong, errs.Field{Name: field, Key: "calendar.backwards"})
			}
		}
		out = append(out, p)
	}
	return out, wrong
}
