package recipients

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/setting"
	"entraide/internal/base/text"
)

// TemplatesKey is the setting that holds the templates administrators wrote: kind → language → Template. What is not
// in it is the product's own.
const TemplatesKey = "mail.templates"

// Template is how mails of one kind are written: a subject in one line, a body in Markdown, both with variables
// ("{{reference}}"). "# " begins the title, "###### " a line in small print. Empty = the product's own.
type Template struct {
	Subject string `json:"subject"`
	Body    string `json:"body"`
}

// Templates are the templates by kind and language.
type Templates map[string]map[string]Template

// The kinds of mail that have a template.
const (
	Acknowledgement = "acknowledgement" // to who asked: we have it
	Created         = "created"         // to whom somebody else asked for
	Reply           = "reply"
	Pending         = "pending" // the desk waits for an answer
	Resolved        = "resolved"
	Reopened        = "reopened"
	Cancelled       = "cancelled"
	Merged          = "merged"
	Added           = "added"   // to a new follower
	Forwarded       = "forward" // to a third party
)

// TemplateKinds lists the kinds in the order in which a ticket meets them.
func TemplateKinds() []string {
	return []string{Acknowledgement, Created, Added, Reply, Pending, Resolved, Reopened, Cancelled, Merged, Forwarded}
}

// Variable is something that a template may name.
type Variable struct {
	Name  string // between the braces
	Key   string // catalogue key of what it stands for
	Block bool   // it fills lines of its own, and only in a body
}

var inline = []string{"reference", "subject", "headline", "recipient", "requester", "agent", "organisation", "queue", "link"}

// Variables lists what templates of a kind may name.
func Variables(kind string) []Variable {
	var list []Variable
	for _, n := range inline {
		if kind == Forwarded && (n == "link" || n == "headline") {
			continue // a third party has no page to open
		}
		list = append(list, Variable{Name: n, Key: "mailout.var." + n})
	}
	if kind == Merged {
		list = append(list, Variable{Name: "survivor", Key: "mailout.var.survivor"})
	}
	blocks := []string{"message", "signature", "button"}
	switch kind {
	case Resolved:
		blocks = append(blocks, "rating")
	case Forwarded:
		blocks = []string{"message", "signature"}
	}
	for _, n := range blocks {
		list = append(list, Variable{Name: n, Key: "mailout.var." + n, Block: true})
	}
	return list
}

// DefaultTemplate is the product's own template of a kind.
func DefaultTemplate(kind string, lang i18n.Lang) Template {
	l := i18n.Loc{Lang: lang}
	var same []any // each variable stands for itself
	for _, n := range append([]string{"survivor", "message", "signature", "button", "rating"}, inline...) {
		same = append(same, n, "{"+n+"}")
	}
	return Template{Subject: l.T("mailout.template."+kind+".subject", same...), Body: l.T("mailout.template."+kind+".body", same...)}
}

// Of returns the template of a kind: an administrator's, or the product's own for what they left empty.
func (ts Templates) Of(kind string, lang i18n.Lang) Template {
	own := DefaultTemplate(kind, lang)
	t := ts[kind][language(lang)]
	if strings.TrimSpace(t.Subject) == "" {
		t.Subject = own.Subject
	}
	if strings.TrimSpace(t.Body) == "" {
		t.Body = own.Body
	}
	return t
}

func language(l i18n.Lang) string {
	if l == "" {
		l = i18n.FR
	}
	return string(l)
}

// LoadTemplates returns what administrators wrote.
func LoadTemplates(ctx context.Context, tx *db.Tx) (Templates, error) {
	return setting.Get(ctx, tx, TemplatesKey, Templates{})
}

// SaveTemplate keeps a template; what is empty or as the product's own is forgotten.
// Errors: errs.Forbidden unless a is an administrator, errs.Invalid (subject, body; see CheckTemplate).
func SaveTemplate(ctx context.Context, tx *db.Tx, a auth.Actor, kind string, lang i18n.Lang, t Template) error {
	if !a.Admin() {
		return fmt.Errorf("template %s: %w", kind, errs.Forbidden)
	}
	t.Subject, t.Body = text.Line(t.Subject), strings.TrimSpace(text.Clean(t.Body))
	own := DefaultTemplate(kind, lang)
	if t.Subject == own.Subject {
		t.Subject = ""
	}
	if t.Body == strings.TrimSpace(own.Body) {
		t.Body = ""
	}
	if err := CheckTemplate(kind, t); err != nil {
		return err
	}
	all, err := LoadTemplates(ctx, tx)
	if err != nil {
		return err
	}
	if all[kind] == nil {
		all[kind] = map[string]Template{}
	}
	all[kind][language(lang)] = t
	if t == (Template{}) {
		delete(all[kind], language(lang))
	}
	return setting.Set(ctx, tx, a, TemplatesKey, all)
}

// Longest subject and body of a template, in bytes.
const (
	maxTemplateSubject = 300
	maxTemplateBody    = 20_000
)

var variable = regexp.MustCompile(`\{\{\s*([^{}\n]*?)\s*\}\}`)

// CheckTemplate says what is wrong with a template: variables nobody knows and where they stand, one that does not
// end, a body that would leave out what somebody wrote. Empty parts are fine.
// Errors: errs.Invalid (kind, subject, body).
func CheckTemplate(kind string, t Template) error {
	if !slices.Contains(TemplateKinds(), kind) {
		return errs.InvalidField("kind", "mailout.template.kind")
	}
	var wrong []errs.Field
	say := func(field, key string, args ...any) {
		wrong = append(wrong, errs.Field{Name: field, Key: key, Args: args})
	}
	if len(t.Subject) > maxTemplateSubject {
		say("subject", "mailout.template.long", "max", int64(maxTemplateSubject))
	}
	if len(t.Body) > maxTemplateBody {
		say("body", "mailout.template.long", "max", int64(maxTemplateBody))
	}
	known := Variables(kind)
	look := func(field, s string) {
		for i, line := range strings.Split(s, "\n") {
			for _, m := range variable.FindAllStringSubmatch(line, -1) {
				at := slices.IndexFunc(known, func(v Variable) bool { return v.Name == m[1] })
				switch {
				case at < 0:
					say(field, "mailout.template.unknown", "name", m[1], "line", int64(i+1))
				case field == "subject" && known[at].Block:
					say(field, "mailout.template.block", "name", m[1])
				}
			}
			if rest := variable.ReplaceAllString(line, ""); strings.Contains(rest, "{{") || strings.Contains(rest, "}}") {
				say(field, "mailout.template.open", "line", int64(i+1))
			}
		}
	}
	look("subject", t.Subject)
	look("body", t.Body)
	speaks := kind == Reply || kind == Pending || kind == Resolved || kind == Forwarded
	if speaks && t.Body != "" && !slices.ContainsFunc(variable.FindAllStringSubmatch(t.Body, -1), func(m []string) bool { return m[1] == "message" }) {
		say("body", "mailout.template.needs_message")
	}
	return errs.InvalidFields(wrong)
}

// fill replaces the variables of s; how is asked for the form of a value. Unknown ones stay.
func fill(s string, values map[string]string, how func(string) string) string {
	return variable.ReplaceAllStringFunc(s, func(m string) string {
		if v, ok := values[variable.FindStringSubmatch(m)[1]]; ok {
			return how(v)
		}
		return m
	})
}

// raw leaves a value as it is.
func raw(s string) string { return s }

var punctuation = regexp.MustCompile("[!-/:-@\\[-`{-~]")

// literal makes a value stand for itself in Markdown: a subject such as "*urgent* <b>" formats nothing and links to
// nothing.
func literal(s string) string { return punctuation.ReplaceAllString(text.Line(s), `\$0`) }

// piece is a stretch of a body: text with variables, or a block variable.
type piece struct{ block, text string }

// pieces cuts a body at its block variables.
func pieces(kind, body string) []piece {
	var list []piece
	known := Variables(kind)
	add := func(s string) {
		if strings.TrimSpace(s) != "" {
			list = append(list, piece{text: strings.Trim(s, "\n")})
		}
	}
	from := 0
	for _, m := range variable.FindAllStringSubmatchIndex(body, -1) {
		name := body[m[2]:m[3]]
		if !slices.ContainsFunc(known, func(v Variable) bool { return v.Block && v.Name == name }) {
			continue
		}
		add(body[from:m[0]])
		list = append(list, piece{block: name})
		from = m[1]
	}
	add(body[from:])
	return list
}
