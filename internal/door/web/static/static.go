// Package static serves the built style sheet, scripts, icons and fonts.
//
// Each file is served at one URL that carries a hash of its content, so browsers keep it for good.
// The files come from assets/ (`npm ci && npm run build`), which also writes the URLs into url.go.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed dist
var dist embed.FS

// Prefix is the path under which Handler must be mounted.
const Prefix = "/static/"

// file is one embedded file, ready to send.
type file struct {
	kind string // media type
	raw  []byte
	gzip []byte // nil when compressing does not help
}

// Handler serves the embedded files under Prefix. It compresses each text file once, here, so that
// answers cost a copy.
// Errors: a damaged embedded file.
func Handler() (http.Handler, error) {
	entries, err := dist.ReadDir("dist")
	if err != nil {
		return nil, fmt.Errorf("static: %w", err)
	}
	files := make(map[string]file, len(entries))
	for _, e := range entries {
		raw, err := dist.ReadFile("dist/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("static: %w", err)
		}
		f := file{kind: mediaType(e.Name()), raw: raw}
		if f.kind != "font/woff2" {
			if f.gzip, err = compress(raw); err != nil {
				return nil, fmt.Errorf("static: compress %s: %w", e.Name(), err)
			}
		}
		files[hashedURL(e.Name(), raw)] = f
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		serve(w, r, f)
	}), nil
}

// serve sends f, compressed if the browser takes gzip.
func serve(w http.ResponseWriter, r *http.Request, f file) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	body := f.raw
	if f.gzip != nil {
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = f.gzip
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	// A failed write means that the browser has gone: nobody is left to tell.
	_, _ = w.Write(body)
}

// hashedURL is the URL of the file name with the content raw, as assets/build.mjs writes it.
func hashedURL(name string, raw []byte) string {
	sum := sha256.Sum256(raw)
	ext := path.Ext(name)
	return Prefix + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
}

func mediaType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	default:
		return "application/octet-stream"
	}
}

func compress(raw []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(raw); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
