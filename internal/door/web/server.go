// Package web serves everything a browser asks for: the portal, the desk, the settings, and what surrounds them.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"entraide/internal/base/errs"
	"entraide/internal/base/live"
	"entraide/internal/base/obs"
	"entraide/internal/base/seal"
	"entraide/internal/domain/channel"
	"entraide/internal/door/web/desk"
	"entraide/internal/door/web/front"
	"entraide/internal/door/web/kit"
	"entraide/internal/door/web/portal"
	"entraide/internal/door/web/settings"
	"entraide/internal/door/web/static"
	"entraide/internal/door/web/ui"
)

// Deps is what the web needs besides its kit.
type Deps struct {
	Metrics *obs.Metrics
	Log     *slog.Logger
	API     http.Handler                // everything under /api/
	Hooks   http.Handler                // everything under /hooks/, for other systems; nil = nothing
	Ready   func(context.Context) error // nil when requests can be served
	Version string
	Seal    seal.Key   // of the secrets of mailboxes
	Ask     desk.Asker // asks third parties
	// TestMail tries a mailbox as it is typed and sends one mail to an address; nil hides the button.
	TestMail func(ctx context.Context, m channel.Mailbox, s channel.Secrets, to string) []channel.Check
}

// New returns the handler of all pages, with the middlewares around it.
func New(k *kit.Kit, d Deps) (http.Handler, error) {
	files, err := static.Handler()
	if err != nil {
		return nil, err
	}
	streams := live.New(k.Drain, maxStreams)
	err = d.Metrics.Gauges("entraide_live_streams", "Open live streams of pages.", "state", func() map[string]float64 {
		return map[string]float64{"open": float64(streams.Open())}
	})
	if err != nil {
		return nil, err
	}
	mount(k, d, streams)
	mux := http.NewServeMux()
	pages, err := compress(k.Identify(obs.Recover(d.Log, k.Broken)(obs.Route(k.Mux()))))
	if err != nil {
		return nil, err
	}
	rest, err := compress(k.Identify(d.API))
	if err != nil {
		return nil, err
	}
	mux.Handle("/", pages)
	mux.Handle("/api/", rest)
	mux.Handle(static.Prefix, files)
	if d.Hooks != nil {
		mux.Handle("/hooks/", d.Hooks)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := d.Ready(r.Context()); err != nil {
			slog.WarnContext(r.Context(), "not ready", "error", err)
			plain(w, http.StatusServiceUnavailable, "not ready")
			return
		}
		plain(w, http.StatusOK, "ready")
	})
	if t := k.Config.Metrics.Token; t != "" {
		mux.Handle("GET /metrics", d.Metrics.Guarded(t.Reveal()))
	}
	return around(k, d, mux), nil
}

// mount registers the routes of every part.
func mount(k *kit.Kit, d Deps, streams *live.Streams) {
	front.Mount(k)
	portal.Mount(k)
	desk.Mount(k, d.Ask)
	settings.Mount(k)
	settings.MountMail(k, settings.Mail{Seal: d.Seal, Test: d.TestMail})
	mountLive(k, streams)
	mountGallery(k)
	k.Route(kit.Everyone, "GET /{nowhere...}", func(http.ResponseWriter, *http.Request) error { return errs.NotFound })
}

// around puts the middlewares around h, the outermost last.
func around(k *kit.Kit, d Deps, h http.Handler) http.Handler {
	h = crossOrigin(k, h)
	h = secure(strings.HasPrefix(k.Config.BaseURL, "https://"), h)
	h = obs.Recover(d.Log, func(w http.ResponseWriter, _ *http.Request, id string) {
		plain(w, http.StatusInternalServerError, "internal error "+id)
	})(h)
	h = obs.Access(d.Log, func(path string) bool {
		return strings.HasPrefix(path, static.Prefix) || path == "/healthz" || path == "/readyz" || path == ui.LivePath
	})(h)
	return obs.Trace(d.Metrics.HTTP(h))
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // nobody to tell when the caller is gone
}

// policy allows our own files only: no inline script or style, no frame but our own.
const policy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; object-src 'none'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'self'"

// secure sets the headers that keep a page to itself.
func secure(https bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		if https {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// crossOrigin refuses forms that other sites make a browser send. A call with a bearer token needs no such care: no
// browser adds one by itself.
func crossOrigin(k *kit.Kit, next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guarded := guard.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") && strings.HasPrefix(r.URL.Path, "/api/") {
			next.ServeHTTP(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

// mountGallery shows every component in every state.
func mountGallery(k *kit.Kit) {
	for path, page := range map[string]string{ui.GalleryPath: "", ui.GalleryPath + "/desk": "desk", ui.GalleryPath + "/sign-in": "sign-in"} {
		k.Route(kit.SignedIn, "GET "+path, func(w http.ResponseWriter, r *http.Request) error {
			s, err := k.Shell(w, r, "", "")
			if err != nil {
				return err
			}
			switch page {
			case "desk":
				return kit.Render(w, r, http.StatusOK, ui.GalleryDesk(s))
			case "sign-in":
				return kit.Render(w, r, http.StatusOK, ui.GallerySignIn(s))
			}
			return kit.Render(w, r, http.StatusOK, ui.Gallery(s))
		})
	}
}
