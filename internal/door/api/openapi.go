package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"entraide/internal/base/i18n"
)

// document is the OpenAPI document, made once.
type document struct {
	s    *server
	body []byte
}

func (s *server) document() (*document, error) {
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
	body, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("openapi document: %w", err)
	}
	return &document{s, body}, nil
}

func (d *document) json(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(d.body) // the caller has gone: nobody to tell
}

func (d *document) page(w http.ResponseWriter, r *http.Request) { d.json(w, r) }
