package web

import (
	"net/http"

	"github.com/klauspost/compress/gzhttp"
)

// smallest is the size from which compressing an answer is worth its time.
const smallest = 1024

// compress sends pages and API answers compressed to those who take it. Streams and downloads pass as they are; the
// static files were compressed once, at the start. A page carries no secret that an attacker who controls part of it
// could find out by its length: there is no CSRF token, and the session is in a cookie.
func compress(next http.Handler) (http.Handler, error) {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(smallest),
		gzhttp.ContentTypes([]string{"text/html", "application/json", "application/problem+json"}))
	if err != nil {
		return nil, err
	}
	return wrap(next), nil
}
