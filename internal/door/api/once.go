package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/once"
)

// reply is what a write answers.
type reply struct {
	status int // 0 = the operation's own
	header map[string]string
	value  any    // what becomes the body
	body   []byte // JSON, when known already
	again  bool   // it was answered before
}

// write runs f in a write transaction. With an Idempotency-Key it runs once: what it answered is stored in the same
// transaction and given again to the same request; another request under the key is refused. A second request that
// comes while the first is under way waits for it.
func (s *server) write(ctx context.Context, f func(ctx context.Context, tx *db.Tx, c *call) (reply, error)) (reply, error) {
	c := callOf(ctx)
	key, err := c.key()
	if err != nil {
		return reply{}, err
	}
	var out reply
	attempt := func() error {
		return s.DB.Write(ctx, func(tx *db.Tx) (err error) {
			if key == "" {
				out, err = f(ctx, tx, c)
				return err
			}
			out, err = s.once(ctx, tx, c, key, f)
			return err
		})
	}
	err = attempt()
	if db.IsUnique(err) { // lost a race for an external id or the like: the second look finds the winner's row
		err = attempt()
	}
	return out, err
}

func (s *server) once(ctx context.Context, tx *db.Tx, c *call, key string, f func(context.Context, *db.Tx, *call) (reply, error)) (reply, error) {
	k := once.Key{Sender: c.actor.ID, Key: key, Print: c.fingerprint()}
	was, again, err := once.Begin(ctx, tx, k)
	switch {
	case errors.Is(err, once.ErrBusy):
		p := problemOf(http.StatusConflict, "api.key_busy")
		p.after = time.Second
		return reply{}, p
	case errors.Is(err, once.ErrOther):
		return reply{}, &problem{Status: http.StatusUnprocessableEntity, key: "api.key_reused"}
	case err != nil:
		return reply{}, err
	case again:
		return reply{status: was.Status, header: was.Header, body: []byte(was.Body), again: true}, nil
	}
	out, err := f(ctx, tx, c)
	if err != nil {
		return out, err
	}
	if out.value != nil {
		if out.body, err = json.Marshal(out.value); err != nil {
			return out, err
		}
	}
	return out, once.Finish(ctx, tx, k, once.Answer{Status: out.status, Header: out.header, Body: string(out.body)})
}

// key returns the Idempotency-Key of a POST, "" without one.
func (c *call) key() (string, error) {
	k := c.r.Header.Get("Idempotency-Key")
	if c.r.Method != http.MethodPost || k == "" {
		return "", nil
	}
	ok := len(k) <= 200
	for i := range len(k) {
		ok = ok && k[i] > ' ' && k[i] < 0x7f
	}
	if !ok {
		return "", &problem{Status: http.StatusUnprocessableEntity, key: "api.invalid",
			Errors: []mistake{{Location: "header.Idempotency-Key", Message: c.loc.T("api.key_form")}}}
	}
	return k, nil
}

// fingerprint tells requests under the same key apart.
func (c *call) fingerprint() string {
	h := sha256.New()
	h.Write([]byte(c.r.Method + " " + c.r.URL.EscapedPath() + "?" + c.r.URL.RawQuery + "\n" + c.file + "\n"))
	if c.body != nil {
		h.Write(c.body.Bytes())
	}
	return hex.EncodeToString(h.Sum(nil))
}
