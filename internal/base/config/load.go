package config

import (
	"encoding"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Prefix starts the name of every environment variable of the product.
const Prefix = "ENTRAIDE_"

// setting is one leaf of Config.
type setting struct {
	key   string // as in the file: smtp.host
	value reflect.Value
}

func (s setting) env() string {
	return Prefix + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

// settings lists the leaves of c, which they write through to.
func settings(c *Config) []setting { return leaves("", reflect.ValueOf(c).Elem()) }

func leaves(prefix string, v reflect.Value) (all []setting) {
	for i := range v.NumField() {
		key := prefix + v.Type().Field(i).Tag.Get("toml")
		if v.Field(i).Kind() == reflect.Struct {
			all = append(all, leaves(key+".", v.Field(i))...)
			continue
		}
		all = append(all, setting{key, v.Field(i)})
	}
	return all
}

// Load builds the configuration from the defaults, the TOML file (if file is not ""), the environment and overrides,
// whose non-zero fields come from the command line. All problems are reported at once, each with the place, the key
// and what to do. Errors: plain errors made for the person at the terminal.
func Load(file string, overrides Config) (Config, error) {
	return load(file, os.Environ(), overrides)
}

func load(file string, environ []string, overrides Config) (Config, error) {
	c := Default()
	origin := map[string]string{} // key → where its value was written
	var problems []error
	if file != "" {
		problems = append(problems, readFile(file, &c, origin)...)
	}
	problems = append(problems, readEnviron(environ, &c, origin)...)
	given := settings(&overrides)
	for i, s := range settings(&c) {
		if v := given[i].value; !v.IsZero() {
			s.value.Set(v)
			origin[s.key] = "command line"
		}
	}
	if len(problems) == 0 { // a rule about a value that was not read would only mislead
		problems = check(c, origin)
	}
	if err := errors.Join(problems...); err != nil {
		return Config{}, err
	}
	return c, nil
}

func readFile(file string, c *Config, origin map[string]string) []error {
	data, err := os.ReadFile(file)
	if err != nil {
		return []error{fmt.Errorf("configuration file: %w", err)}
	}
	meta, err := toml.Decode(string(data), c)
	if err != nil {
		return []error{syntax(file, err)}
	}
	lines := keyLines(string(data))
	known := settings(c)
	var problems []error
	var tables []string
	for _, k := range meta.Undecoded() {
		key := k.String()
		if slices.ContainsFunc(tables, func(t string) bool { return strings.HasPrefix(key, t+".") }) {
			continue // its table is already refused
		}
		tables = append(tables, key)
		problems = append(problems, fmt.Errorf("%s:%d: unknown key %s; %s", file, lines[key], key, nearest(key, names(known))))
	}
	for _, s := range known {
		if meta.IsDefined(strings.Split(s.key, ".")...) {
			origin[s.key] = fmt.Sprintf("%s:%d", file, lines[s.key])
		}
	}
	return problems
}

// located matches the place in the library's messages, which give it as text for wrong types.
var located = regexp.MustCompile(`^toml: line (\d+)(?: \(last key "([^"]*)"\))?: `)

// syntax puts file, line and key of a TOML error in front, as in all our messages.
func syntax(file string, err error) error {
	text := err.Error()
	m := located.FindStringSubmatch(text)
	if m == nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	where := file + ":" + m[1]
	if m[2] != "" {
		where += ": " + m[2]
	}
	return fmt.Errorf("%s: %s", where, text[len(m[0]):])
}

func readEnviron(environ []string, c *Config, origin map[string]string) []error {
	known := map[string]setting{}
	var envs []string
	for _, s := range settings(c) {
		known[s.env()] = s
		envs = append(envs, s.env())
	}
	var problems []error
	for _, e := range environ {
		name, text, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, Prefix) || foreign(name) || text == "" {
			continue
		}
		s, ok := known[name]
		if !ok {
			problems = append(problems, fmt.Errorf("environment: unknown variable %s; %s", name, nearest(name, envs)))
			continue
		}
		if err := set(s.value, text); err != nil {
			problems = append(problems, fmt.Errorf("environment %s: %w", name, err))
			continue
		}
		origin[s.key] = "environment " + name
	}
	return problems
}

// foreign are the variables that share the prefix but are no settings: ENTRAIDE_CONFIG names the file, which the
// command line reads before it calls Load, and ENTRAIDE_TEST_… tells the tests where their databases are.
func foreign(name string) bool {
	return name == Prefix+"CONFIG" || strings.HasPrefix(name, Prefix+"TEST_")
}

// set parses text into v by its type.
func set(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch v.Interface().(type) {
	case time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a duration; write for example \"90m\" or \"168h\"", text)
		}
		v.SetInt(int64(d))
		return nil
	case int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		v.SetInt(int64(n))
		return nil
	}
	v.SetString(text)
	return nil
}

// keyLines finds the line of each key. The TOML library gives positions of errors only, and a person who reads
// "unknown key" wants the line; keys in inline tables or written over several lines are simply not found (line 0).
func keyLines(data string) map[string]int {
	lines := map[string]int{}
	prefix := ""
	for i, line := range strings.Split(data, "\n") {
		line = strings.TrimSpace(line)
		if head, ok := strings.CutPrefix(line, "["); ok {
			head, _, _ = strings.Cut(strings.TrimPrefix(head, "["), "]")
			prefix = clean(head)
			lines[prefix] = i + 1
			prefix += "."
			continue
		}
		if key, _, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			lines[prefix+clean(key)] = i + 1
		}
	}
	return lines
}

func clean(key string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '"' || r == '\'' {
			return -1
		}
		return r
	}, key)
}

func names(all []setting) (keys []string) {
	for _, s := range all {
		keys = append(keys, s.key)
	}
	return keys
}
