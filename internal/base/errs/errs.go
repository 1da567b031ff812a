// Package errs holds the five kinds of failure that doors translate for people.
//
// Every other error is a fault of the program or of the machine: doors show an id and log the rest.
package errs

import (
	"errors"
	"fmt"
	"strings"
)

// The kinds. Wrap them with %w and a short lower-case context; test with errors.Is.
var (
	// NotFound: it does not exist, or the actor may not know that it does.
	NotFound = errors.New("not found")
	// Forbidden: the actor sees it but may not do this.
	Forbidden = errors.New("forbidden")
	// Conflict: the state changed or does not allow it.
	Conflict = errors.New("conflict")
	// Invalid: what was sent cannot be accepted; see Fields.
	Invalid = errors.New("invalid")
	// Unavailable: something outside does not answer; trying again later may help.
	Unavailable = errors.New("unavailable")
)

// Field says what is wrong with one input.
type Field struct {
	Name string // as the door names it: "subject", "handover.asked"
	Key  string // catalogue key of the sentence shown to the person
	Args []any  // name, value pairs of the sentence
}

type invalid struct{ fields []Field }

func (e *invalid) Error() string {
	s := make([]string, len(e.fields))
	for i, f := range e.fields {
		s[i] = f.Name + ": " + f.Key
	}
	return "invalid: " + strings.Join(s, ", ")
}

func (e *invalid) Unwrap() error { return Invalid }

// Stale says why a change of a record at a version found none: there is no such record, as find says, or it has another
// version by now, a Conflict. Any err but NotFound is returned as it is.
func Stale(err error, find func() error) error {
	if !errors.Is(err, NotFound) {
		return err
	}
	if err := find(); err != nil {
		return err
	}
	return Conflict
}

// InvalidField returns an Invalid error about one field.
func InvalidField(name, key string, args ...any) error {
	return &invalid{[]Field{{Name: name, Key: key, Args: args}}}
}

// InvalidFields returns an Invalid error about all of fields, nil when there is none.
func InvalidFields(fields []Field) error {
	if len(fields) == 0 {
		return nil
	}
	return &invalid{fields}
}

// Fields returns what an Invalid error says field by field; nil for any other error.
func Fields(err error) []Field {
	var e *invalid
	if errors.As(err, &e) {
		return e.fields
	}
	return nil
}

type because struct {
	kind error
	key  string
	args []any
}

func (e *because) Error() string { return fmt.Sprintf("%v (%s)", e.kind, e.key) }
func (e *because) Unwrap() error { return e.kind }

// Because returns an error of one of the kinds with the catalogue key of a sentence that tells the person why.
// args are name, value pairs.
func Because(kind error, key string, args ...any) error { return &because{kind, key, args} }

// Reason returns the sentence given to Because; ok is false when err carries none.
func Reason(err error) (key string, args []any, ok bool) {
	var e *because
	if errors.As(err, &e) {
		return e.key, e.args, true
	}
	return "", nil, false
}
