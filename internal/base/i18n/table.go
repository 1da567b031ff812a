package i18n

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"
)

//go:embed catalog/*/*.json
var files embed.FS

// text is one catalogue entry after typography. parts is nil when there is no placeholder.
type text struct {
	raw   string
	parts []part
}

// part is either a literal piece or the name of a placeholder.
type part struct{ literal, name string }

type plural struct{ one, other text }

// table holds one language; it never changes after loading.
type table struct {
	texts   map[string]text
	plurals map[string]plural // by key without ".one" and ".other"
}

type tables struct {
	fr, en table
	err    error
}

// catalogue parses the embedded files at first use. The tables are immutable, hence no mutable global.
var catalogue = sync.OnceValue(func() *tables {
	fr, errFR := load(FR)
	en, errEN := load(EN)
	return &tables{fr: fr, en: en, err: errors.Join(errFR, errEN)}
})

// Load parses the catalogues now and reports what is wrong in them: bad JSON, a key twice, a key outside its area.
func Load() error { return catalogue().err }

// Keys lists every key of a language, in no order. Plural keys are listed with their ".one" and ".other".
func Keys(lang Lang) []string {
	t := Loc{Lang: lang}.table()
	keys := make([]string, 0, len(t.texts))
	for k := range t.texts {
		keys = append(keys, k)
	}
	return keys
}

func (l Loc) table() *table {
	if l.Lang == EN {
		return &catalogue().en
	}
	return &catalogue().fr
}

func load(lang Lang) (table, error) {
	t := table{texts: map[string]text{}, plurals: map[string]plural{}}
	names, err := files.ReadDir("catalog/" + string(lang))
	errs := []error{err}
	for _, f := range names {
		name := path.Join("catalog", string(lang), f.Name())
		data, err := files.ReadFile(name)
		if err == nil {
			err = t.read(lang, strings.TrimSuffix(f.Name(), ".json"), data)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	for key, other := range t.texts {
		if stem, ok := strings.CutSuffix(key, ".other"); ok {
			if one, ok := t.texts[stem+".one"]; ok {
				t.plurals[stem] = plural{one, other}
			}
		}
	}
	return t, errors.Join(errs...)
}

// read adds the entries of one flat JSON file. It walks tokens, because Unmarshal hides a key written twice.
func (t *table) read(lang Lang, area string, data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if tok, err := d.Token(); err != nil || tok != json.Delim('{') {
		return errors.Join(errors.New("not a JSON object"), err)
	}
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			return err
		}
		key, _ := tok.(string)
		var s string
		if err := d.Decode(&s); err != nil {
			return fmt.Errorf("key %s: %w", key, err)
		}
		if !strings.HasPrefix(key, area+".") {
			return fmt.Errorf("key %s: must start with %q", key, area+".")
		}
		if _, twice := t.texts[key]; twice {
			return fmt.Errorf("key %s: written twice", key)
		}
		t.texts[key] = parse(Typo(lang, s))
	}
	_, err := d.Token()
	return err
}

var placeholder = regexp.MustCompile(`\{[a-z][a-zA-Z0-9_]*\}`)

// parse splits s at its {placeholders}; other braces are ordinary characters.
func parse(s string) text {
	t := text{raw: s}
	at := 0
	for _, m := range placeholder.FindAllStringIndex(s, -1) {
		if m[0] > at {
			t.parts = append(t.parts, part{literal: s[at:m[0]]})
		}
		t.parts = append(t.parts, part{name: s[m[0]+1 : m[1]-1]})
		at = m[1]
	}
	if t.parts != nil && at < len(s) {
		t.parts = append(t.parts, part{literal: s[at:]})
	}
	return t
}
