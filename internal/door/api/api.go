// Package api is the door for programs: /api/v1 in JSON, its OpenAPI 3.1 document and a page that shows it.
//
// A request passes the gate (who calls, in which language, how often, how large), then the operation's scope, then the
// validation by its schema; the handler turns JSON into calls of the rooms and back. Everything refused is an RFC 9457
// problem in the caller's language. What a POST with an Idempotency-Key answered is stored in the transaction of its
// effect.
package api

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/obs"
	"entraide/internal/domain/sla"
	"entraide/internal/domain/ticket"
)

// Deps is what the API stands on.
type Deps struct {
	DB     *db.DB
	Blobs  blob.Store
	Config config.Config
	Log    *slog.Logger // nil = the default one
	// Drain ends when the server stops: streams end with it.
	Drain context.Context
	// Stylesheet is the URL of the product's CSS for the documentation page; "" = none.
	Stylesheet string
	// Rate bounds the requests of one token or session; the zero Rate is generous, see Rate.
	Rate Rate
}

type server struct {
	Deps
	api        huma.API
	mux        *http.ServeMux
	tokens     *tokens
	categories *kept[ticket.Tree]
	policies   *kept[[]sla.Policy]
	limiter    *limiter
	foreign    *http.CrossOriginProtection
}

const prefix = "/api/v1"

// New returns the handler of everything below /api/. It expects the full path, and in the context the actor and the
// language of a browser session if there is one.
func New(d Deps) (http.Handler, error) {
	if d.DB == nil || d.Blobs == nil || d.Drain == nil {
		return nil, fmt.Errorf("api: database, blobs and drain are needed")
	}
	if d.Log == nil {
		d.Log = slog.Default()
	}
	s := &server{Deps: d, mux: http.NewServeMux(), tokens: newTokens(d),
		categories: newKept[ticket.Tree](d, func(topic string) bool { return strings.HasPrefix(topic, "category/") }),
		policies:   newKept[[]sla.Policy](d, func(topic string) bool { return topic == "policies" }),
		limiter:    newLimiter(d.Rate),
		foreign:    http.NewCrossOriginProtection()}
	s.api = humago.New(s.mux, s.settings())
	s.routes()
	doc := s.document()
	s.mux.HandleFunc("GET /api/openapi.json", doc.json)
	s.mux.HandleFunc("GET /api/docs", doc.page)
	s.mux.HandleFunc("/api/", s.nothing)
	return s.gate(obs.Route(s.mux)), nil
}

// settings is huma's configuration without what reaches for the network or writes its own routes.
func (s *server) settings() huma.Config {
	c := huma.DefaultConfig("Entraide", "1")
	c.DocsPath, c.OpenAPIPath, c.SchemasPath, c.CreateHooks = "", "", "", nil
	c.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	c.RejectUnknownQueryParameters = true
	format := huma.Format{Marshal: marshal, Unmarshal: unmarshal}
	c.Formats = map[string]huma.Format{"application/json": format, "json": format}
	c.Transformers = []huma.Transformer{s.translate}
	return c
}

// raw is a body that is JSON already.
type raw interface{ rawJSON() ([]byte, error) }

func marshal(w io.Writer, v any) error {
	if r, ok := v.(raw); ok {
		b, err := r.rawJSON()
		if err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	}
	return huma.DefaultJSONFormat.Marshal(w, v)
}

// routes lists every operation.
func (s *server) routes() {
	s.ticketRoutes()
	s.messageRoutes()
	s.attachmentRoutes()
	s.escalationRoutes()
	s.resolutionRoutes()
	s.relationRoutes()
	s.problemRoutes()
	s.viewRoutes()
	s.deskRoutes()
	s.peopleRoutes()
	s.groupRoutes()
	s.eventRoutes()
	s.calendarRoutes()
	s.mailRoutes()
}
