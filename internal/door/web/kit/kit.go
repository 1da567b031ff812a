// Package kit is what the parts of the web share: routes with their access, the actor of a request, the shell around a
// page, errors as pages, files and forms.
package kit

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/domain/identity"
)

// Kit is given to every part of the web at wiring.
type Kit struct {
	DB     *db.DB
	Blobs  blob.Store
	Thumbs *blob.Thumbnailer
	Hasher *identity.Hasher
	Config config.Config
	// Drain ends when the server stops: streams end with it.
	Drain context.Context
	// Proxies are trusted to say who calls.
	Proxies []netip.Prefix

	mux    *http.ServeMux
	heard  *heard
	routes []Route
}

// Handler answers one request. What it returns as an error becomes a page, see Fail.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Access is the outer gate of a route. Rooms decide about each record; this only keeps whole faces apart.
type Access string

// The gates.
const (
	Everyone Access = "everyone"  // also without signing in
	SignedIn Access = "signed in" // every person
	Agents   Access = "agents"    // the desk
	Leads    Access = "leads"     // leads and administrators
	Admins   Access = "admins"    // settings
)

// Route is one entry of the list of all routes, which a test holds against every role.
type Route struct {
	Access  Access
	Pattern string // "GET /requests/{id}"
}

// Route serves pattern ("POST /requests") with h behind a gate.
func (k *Kit) Route(access Access, pattern string, h Handler) {
	if k.mux == nil {
		k.mux = http.NewServeMux()
	}
	k.routes = append(k.routes, Route{access, pattern})
	k.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := access.check(auth.From(r.Context())); err != nil {
			k.Fail(w, r, err)
			return
		}
		if err := h(w, r); err != nil {
			k.Fail(w, r, err)
		}
	})
}

// Routes returns all routes, sorted by pattern.
func (k *Kit) Routes() []Route {
	all := slices.Clone(k.routes)
	slices.SortFunc(all, func(a, b Route) int { return strings.Compare(a.Pattern, b.Pattern) })
	return all
}

// Mux is the multiplexer of all routes, for the middlewares to wrap.
func (k *Kit) Mux() *http.ServeMux { return k.mux }

func (g Access) check(a auth.Actor) error {
	ok := false
	switch g {
	case Everyone:
		return nil
	case SignedIn:
		ok = a.ID != ""
	case Agents:
		ok = a.Agent()
	case Leads:
		ok = a.Is(auth.Lead)
	case Admins:
		ok = a.Admin()
	}
	switch {
	case ok:
		return nil
	case a.ID == "":
		return errSignIn
	default:
		return fmt.Errorf("%s only: %w", g, errs.Forbidden)
	}
}

// Read runs f in a read transaction with the request's context and actor.
func (k *Kit) Read(r *http.Request, f func(ctx context.Context, tx *db.Tx, a auth.Actor) error) error {
	ctx := r.Context()
	return k.DB.Read(ctx, func(tx *db.Tx) error { return f(ctx, tx, auth.From(ctx)) })
}

// Write runs f in a write transaction with the request's context and actor. On PostgreSQL f may run twice.
func (k *Kit) Write(r *http.Request, f func(ctx context.Context, tx *db.Tx, a auth.Actor) error) error {
	ctx := r.Context()
	return k.DB.Write(ctx, func(tx *db.Tx) error { return f(ctx, tx, auth.From(ctx)) })
}

// Render writes a page or fragment with a status. It is drawn in memory first, so that one that cannot be drawn is
// an error page rather than half a page.
func Render(w http.ResponseWriter, r *http.Request, status int, c templ.Component) error {
	var page bytes.Buffer
	if err := c.Render(r.Context(), &page); err != nil {
		return fmt.Errorf("render %s: %w", r.URL.Path, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	h.Add("Vary", "HX-Request")
	w.WriteHeader(status)
	if _, err := page.WriteTo(w); err != nil { // the reader is gone; there is nobody to show an error to
		slog.DebugContext(r.Context(), "page not sent", "path", r.URL.Path, "error", err)
	}
	return nil
}

// Fragment reports whether script asked for a part of a page.
func Fragment(r *http.Request) bool { return r.Header.Get("HX-Request") == "true" }

// Redirect sends the browser to a path of ours after a form: by 303, or by header when script sent it.
func Redirect(w http.ResponseWriter, r *http.Request, path string) error {
	path = Local(path, "/")
	if Fragment(r) {
		w.Header().Set("HX-Redirect", path)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}

// Local returns path if it leads to a page of ours, else fallback: a link given by somebody must not lead away.
func Local(path, fallback string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return fallback
	}
	return path
}
