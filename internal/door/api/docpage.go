package api

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"entraide/internal/base/i18n"
)

//go:embed docpage.html
var docPage string

// docView is what the page shows.
type docView struct {
	Lang, Stylesheet, Base string
	Sections               []docSection
	l                      i18n.Loc
}

// T is a text of the page.
func (v docView) T(key string) string { return v.l.T("api.doc." + key) }

type docSection struct {
	Tag, Title string
	Operations []docOperation
}

type docOperation struct {
	ID, Method, Path, Summary, Scope, Limit, Curl string
	Params, Body                                  []docField
	Answers                                       []docAnswer
}

type docField struct{ Name, Where, Type, Doc, Rules string }

type docAnswer struct {
	Status string
	Fields []docField
}

// render makes the page in one language from the OpenAPI document.
func (s *server) render(lang i18n.Lang) ([]byte, error) {
	v := docView{Lang: string(lang), Stylesheet: s.Stylesheet, Base: s.Config.BaseURL, l: i18n.Loc{Lang: lang}}
	o := s.api.OpenAPI()
	for path, item := range o.Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete} {
			if op == nil {
				continue
			}
			tag := op.Tags[0]
			i := slices.IndexFunc(v.Sections, func(s docSection) bool { return s.Tag == tag })
			if i < 0 {
				i = len(v.Sections)
				v.Sections = append(v.Sections, docSection{Tag: tag, Title: v.T("tag." + tag)})
			}
			v.Sections[i].Operations = append(v.Sections[i].Operations, s.operation(v, method, path, op))
		}
	}
	order := []string{"tickets", "attachments", "views", "desk", "people", "events"}
	slices.SortFunc(v.Sections, func(a, b docSection) int { return slices.Index(order, a.Tag) - slices.Index(order, b.Tag) })
	methods := []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
	for _, sec := range v.Sections {
		slices.SortFunc(sec.Operations, func(a, b docOperation) int {
			return cmp.Or(strings.Compare(a.Path, b.Path), slices.Index(methods, a.Method)-slices.Index(methods, b.Method))
		})
	}
	t, err := template.New("docs").Parse(docPage)
	if err != nil {
		return nil, fmt.Errorf("documentation page: %w", err)
	}
	var b bytes.Buffer
	err = t.Execute(&b, v)
	return b.Bytes(), err
}

func (s *server) operation(v docView, method, path string, op *huma.Operation) docOperation {
	d := docOperation{ID: op.OperationID, Method: method, Path: path, Summary: v.l.T("api.op." + op.OperationID)}
	for _, need := range op.Security {
		if scopes := need["token"]; len(scopes) > 0 {
			d.Scope = scopes[0]
		}
	}
	for _, p := range op.Parameters {
		f := s.field(p.Name, p.Schema, p.Required, v)
		f.Where = p.In
		if f.Doc == "" {
			f.Doc = p.Description
		}
		d.Params = append(d.Params, f)
	}
	var example any
	kind := "application/json"
	if op.RequestBody != nil {
		for ct, m := range op.RequestBody.Content {
			kind = ct
			d.Body = s.fields("", m.Schema, v, 0)
			example = s.example(m.Schema)
		}
		d.Limit = v.l.Size(op.MaxBodyBytes)
	}
	var codes []string
	for code := range op.Responses {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	for _, code := range codes {
		a := docAnswer{Status: code}
		if code < "300" {
			for _, m := range op.Responses[code].Content {
				for _, f := range s.fields("", m.Schema, v, 0) {
					f.Rules = strings.TrimPrefix(strings.TrimPrefix(f.Rules, v.T("required")), ", ") // everything told is told always
					a.Fields = append(a.Fields, f)
				}
			}
		}
		d.Answers = append(d.Answers, a)
	}
	d.Curl = curl(v.Base, method, path, kind, example)
	return d
}

// curl is a call one can paste.
func curl(base, method, path, kind string, example any) string {
	var b strings.Builder
	b.WriteString("curl -X " + method + " " + base + strings.NewReplacer("{id}", "INC-1042", "{", "", "}", "").Replace(path) + " \\\n  -H \"Authorization: Bearer $TOKEN\"")
	if method == http.MethodPost {
		b.WriteString(" \\\n  -H \"Idempotency-Key: $(uuidgen)\"")
	}
	switch {
	case kind == "multipart/form-data":
		b.WriteString(" \\\n  -F file=@capture.png")
	case example != nil:
		j, err := json.MarshalIndent(example, "  ", "  ")
		if err != nil { // made of plain values
			panic(err)
		}
		b.WriteString(" \\\n  -H \"Content-Type: application/json\" \\\n  -d '" + strings.ReplaceAll(string(j), "'", `'\''`) + "'")
	}
	return b.String()
}

// resolve follows a reference of the document.
func (s *server) resolve(sch *huma.Schema) *huma.Schema {
	if sch != nil && len(sch.OneOf) == 2 && sch.OneOf[1].Type == "null" {
		sch = sch.OneOf[0]
	}
	if sch != nil && sch.Ref != "" {
		return s.api.OpenAPI().Components.Schemas.SchemaFromRef(sch.Ref)
	}
	return sch
}

const deepest = 2 // levels of objects in objects that the page unfolds

// fields lists the properties of an object and those below.
func (s *server) fields(prefix string, sch *huma.Schema, v docView, depth int) []docField {
	sch = s.resolve(sch)
	if sch == nil {
		return nil
	}
	if sch.Items != nil && sch.Type == huma.TypeArray {
		return s.fields(prefix+"[]", sch.Items, v, depth)
	}
	var out []docField
	names := make([]string, 0, len(sch.Properties))
	for n := range sch.Properties {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		p := sch.Properties[n]
		name := strings.TrimPrefix(prefix+"."+n, ".")
		out = append(out, s.field(name, p, slices.Contains(sch.Required, n), v))
		if depth < deepest {
			out = append(out, s.fields(name, p, v, depth+1)...)
		}
	}
	return out
}

func (s *server) field(name string, sch *huma.Schema, required bool, v docView) docField {
	r := s.resolve(sch)
	if r == nil {
		return docField{Name: name}
	}
	f := docField{Name: name, Type: r.Type, Doc: sch.Description}
	if f.Doc == "" {
		f.Doc = r.Description
	}
	if r.Items != nil {
		f.Type = strings.TrimSuffix(s.field("", r.Items, false, v).Type, "[]") + "[]"
	}
	if r.Format != "" && r.Format != "int64" {
		f.Type += " " + r.Format
	}
	var rules []string
	if required {
		rules = append(rules, v.T("required"))
	}
	enum := r.Enum
	if r.Items != nil {
		enum = r.Items.Enum
	}
	if len(enum) > 0 {
		var words []string
		for _, e := range enum {
			if e != nil {
				words = append(words, fmt.Sprint(e))
			}
		}
		rules = append(rules, strings.Join(words, " | "))
	}
	if r.MaxLength != nil {
		rules = append(rules, "≤ "+strconv.Itoa(*r.MaxLength))
	}
	if r.MaxItems != nil {
		rules = append(rules, "≤ "+strconv.Itoa(*r.MaxItems))
	}
	if r.Minimum != nil && r.Maximum != nil {
		rules = append(rules, fmt.Sprintf("%v–%v", *r.Minimum, *r.Maximum))
	}
	f.Rules = strings.Join(rules, ", ")
	return f
}

// example is a body made of the examples of its fields and what is required.
func (s *server) example(sch *huma.Schema) any {
	sch = s.resolve(sch)
	if sch == nil {
		return nil
	}
	if len(sch.Examples) > 0 {
		return sch.Examples[0]
	}
	if len(sch.Properties) == 0 {
		return nil
	}
	out := make(map[string]any)
	for n, p := range sch.Properties {
		e := s.example(p)
		if e == nil && slices.Contains(sch.Required, n) {
			switch r := s.resolve(p); {
			case len(r.Enum) > 0:
				e = r.Enum[0]
			case r.Type == huma.TypeArray:
				e = []string{"…"}
			case r.Type == huma.TypeString:
				e = "…"
			}
		}
		if e != nil && n != "version" && n != "queue" && n != "requester_name" {
			out[n] = e
		}
	}
	return out
}
