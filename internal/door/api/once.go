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
	"entraide/internal/base/errs"
)

// reply is what a write answers.
type reply struct {
	status int // 0 = the operation's own
	header map[string]string
	value  any    // what becomes the body
	body   []byte // JSON, when known already
	again  bool   // it was answered before
}

// keptFor is how long an Idempotency-Key is remembered.
const keptFor = 24 * time.Hour

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
	hash := c.fingerprint()
	n, err := tx.Exec(ctx, `INSERT INTO idempotency (actor_id, key, request_hash, status, header, body, at)
		VALUES ($1, $2, $3, 0, '', '', $4) ON CONFLICT (actor_id, key) DO NOTHING`, c.actor.ID, key, hash, db.Ms(tx.Now))
	if err != nil {
		return reply{}, err
	}
	if n == 0 {
		return replay(ctx, tx, c.actor.ID, key, hash)
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
	return out, tx.ExecOne(ctx, "UPDATE idempotency SET status = $1, header = $2, body = $3 WHERE actor_id = $4 AND key = $5",
		out.status, db.JSON(out.header), string(out.body), c.actor.ID, key)
}

func replay(ctx context.Context, tx *db.Tx, actorID, key, hash string) (reply, error) {
	out := reply{again: true}
	var was, body string
	err := db.First(ctx, tx, "SELECT request_hash, status, header, body FROM idempotency WHERE actor_id = $1 AND key = $2",
		[]any{actorID, key}, &was, &out.status, db.JSON(&out.header), &body)
	switch {
	case errors.Is(err, errs.NotFound): // the first one failed between our two statements
		p := problemOf(http.StatusConflict, "api.key_busy")
		p.after = time.Second
		return out, p
	case err != nil:
		return out, err
	case was != hash:
		return out, &problem{Status: http.StatusUnprocessableEntity, key: "api.key_reused"}
	}
	out.body = []byte(body)
	return out, nil
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

// PurgeIdempotency forgets the answers to requests older than a day: the work of a scheduled job.
func PurgeIdempotency(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, "DELETE FROM idempotency WHERE at < $1", db.Ms(tx.Now.Add(-keptFor)))
	return err
}
