package identity

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"entraide/internal/base/errs"
	"entraide/internal/base/text"
)

// Bad is a line of an import that was left out, or taken with something missing.
type Bad struct {
	Line int    // in the file, the header being 1
	ID   string // as the file names the record; "" when it does not
	Key  string // catalogue key of what is wrong
	Args []any  // name, value pairs of the sentence
}

// table reads a CSV file whose columns have names.
type table struct {
	csv *csv.Reader
	at  map[string]int // where a column stands, by its name here
}

// columnNames lists under what names the files of the field call a column, folded to letters and digits.
var columnNames = map[string][]string{
	"external": {"id", "externalid", "matricule", "employeeid", "employeenumber", "identifiantrh", "numero"},
	"login":    {"login", "uid", "username", "user", "identifiant", "compte", "samaccountname"},
	"name":     {"name", "fullname", "displayname", "nomcomplet", "cn"},
	"given":    {"given", "givenname", "firstname", "prenom"},
	"surname":  {"sn", "surname", "lastname", "familyname", "nom", "nomdefamille"},
	"mail":     {"mail", "email", "mailaddress", "emailaddress", "courriel", "adressemail", "adresseelectronique"},
	"title":    {"title", "jobtitle", "fonction", "poste", "titre", "intitule"},
	"dept":     {"department", "dept", "departement", "service", "direction"},
	"manager":  {"manager", "managerid", "responsable", "superieur", "n1"},
	"site":     {"site", "location", "office", "lieu", "implantation"},
	"phone":    {"phone", "telephone", "telephonenumber", "tel", "fixe"},
	"mobile":   {"mobile", "cell", "portable", "telephonemobile"},
	"status":   {"status", "state", "statut", "etat"},
	"lang":     {"lang", "language", "preferredlanguage", "langue"},
	"code":     {"code", "groupe", "group"},
	"member":   {"member", "membre", "members", "membres"},
}

// openTable reads the header; separators are commas, semicolons or tabs, whichever the header has most of.
// Errors: errs.Invalid when the file is empty or its header cannot be read; those of r.
func openTable(r io.Reader) (*table, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	if head, err := b.Peek(3); err == nil && string(head) == "\uFEFF" {
		if _, err := b.Discard(3); err != nil {
			return nil, err
		}
	}
	head, err := b.Peek(4 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	first, _, _ := strings.Cut(string(head), "\n")
	t := &table{csv: csv.NewReader(b), at: map[string]int{}}
	t.csv.FieldsPerRecord = -1
	for _, sep := range []rune{';', '\t'} {
		if strings.Count(first, string(sep)) > strings.Count(first, string(t.csv.Comma)) {
			t.csv.Comma = sep
		}
	}
	header, err := t.csv.Read()
	var bad *csv.ParseError
	if errors.Is(err, io.EOF) || errors.As(err, &bad) {
		return nil, errs.InvalidField("file", "identity.import.columns")
	}
	if err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	for i, h := range header {
		h = strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				return r
			}
			return -1
		}, text.Fold(h))
		for name, known := range columnNames {
			if _, twice := t.at[name]; !twice && slices.Contains(known, h) {
				t.at[name] = i
			}
		}
	}
	return t, nil
}

// has reports whether the file has one of these columns.
func (t *table) has(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { _, ok := t.at[n]; return ok })
}

// line is one record of a table.
type line struct {
	number int
	fields []string
	at     map[string]int
}

// get returns a field on one line without blanks around, "" when the file has no such column.
func (l line) get(column string) string {
	i, ok := l.at[column]
	if !ok || i >= len(l.fields) {
		return ""
	}
	return text.Line(l.fields[i])
}

// each calls f for every record with something in it, and bad for those that cannot be read.
func (t *table) each(f func(line), bad func(Bad)) error {
	for {
		fields, err := t.csv.Read()
		var broken *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &broken):
			bad(Bad{Line: broken.StartLine, Key: "identity.import.line"})
			continue
		case err != nil:
			return fmt.Errorf("read import: %w", err)
		}
		number, _ := t.csv.FieldPos(0)
		switch {
		case !slices.ContainsFunc(fields, func(s string) bool { return strings.TrimSpace(s) != "" }):
		case slices.ContainsFunc(fields, func(s string) bool { return !utf8.ValidString(s) }):
			bad(Bad{Line: number, Key: "identity.import.encoding"})
		default:
			f(line{number: number, fields: fields, at: t.at})
		}
	}
}
