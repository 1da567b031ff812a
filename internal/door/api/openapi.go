package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"entraide/internal/base/i18n"
)

// document is the OpenAPI document and the pages that show it, each written once, when first asked for.
type document struct {
	s     *server
	body  func() ([]byte, error)
	pages map[i18n.Lang]func() ([]byte, error)
}

func (s *server) document() *document {
	o := s.api.OpenAPI()
	l := i18n.Loc{Lang: i18n.EN}
	o.Info.Description = l.T("api.about", "body", l.Size(int64(s.Config.Limits.Body)), "upload", l.Size(int64(s.Config.Limits.Upload)))
	o.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	if s.Config.BaseURL != "" {
		o.Servers = []*huma.Server{{URL: s.Config.BaseURL}}
	}
	o.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: l.T("api.about_token")},
		"session": {Type: "apiKey", In: "cookie", Name: "entraide_session", Description: l.T("api.about_session")},
	}
	// Refusals are ours, with more than huma's model says.
	o.Components.Schemas.Map()["ErrorModel"] = huma.SchemaFromType(o.Components.Schemas, reflect.TypeFor[problem]())
	delete(o.Components.Schemas.Map(), "ErrorDetail")
	for _, sch := range o.Components.Schemas.Map() {
		sayNull(sch)
	}
	d := &document{s: s, pages: make(map[i18n.Lang]func() ([]byte, error))}
	d.body = sync.OnceValues(func() ([]byte, error) { return json.MarshalIndent(o, "", "  ") })
	for _, lang := range i18n.Langs() {
		d.pages[lang] = sync.OnceValues(func() ([]byte, error) { return s.render(lang) })
	}
	return d
}

// schemaName is what clients' generators call a type: "Ticket" for ticketJSON, "NewTicketInput" for what creates one.
func schemaName(t reflect.Type, hint string) string {
	name := strings.ReplaceAll(huma.DefaultSchemaNamer(t, hint), "JSON", "")
	if s, ok := strings.CutSuffix(name, "InBody"); ok {
		return s + "Input"
	}
	return name
}

// sayNull documents the nulls that huma leaves out: of references, told by their description, and of enumerations.
func sayNull(sch *huma.Schema) {
	for name, p := range sch.Properties {
		if p.Nullable && len(p.Enum) > 0 && p.Enum[len(p.Enum)-1] != nil {
			p.Enum = append(slices.Clip(p.Enum), nil)
		}
		if p.Ref != "" && strings.Contains(p.Description, "null = ") {
			sch.Properties[name] = &huma.Schema{Description: p.Description, OneOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}}
		}
	}
}

func (d *document) json(w http.ResponseWriter, r *http.Request) {
	body, err := d.body()
	if err != nil {
		d.s.refuse(callOf(r.Context()), fmt.Errorf("openapi document: %w", err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(body) // the caller has gone: nobody to tell
}

// page shows the document to people, in their language.
func (d *document) page(w http.ResponseWriter, r *http.Request) {
	c := callOf(r.Context())
	body, err := d.pages[c.loc.Lang]()
	if err != nil {
		d.s.refuse(c, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", string(c.loc.Lang))
	h.Set("Cache-Control", "no-cache")
	h.Add("Vary", "Accept-Language, Cookie")
	if h.Get("Content-Security-Policy") == "" { // the pages' middleware has set a stricter or equal one
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	}
	_, _ = w.Write(body) // the caller has gone: nobody to tell
}
