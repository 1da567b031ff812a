// Package msgraph reads and sends the mail of Microsoft 365 through Microsoft Graph, version 1.0: changes of a folder by
// delta query, messages in MIME form (RFC 5322), sendMail with MIME content.
// Source: learn.microsoft.com/graph/api, message-delta, message-get ($value), user-sendmail, message-move.
package msgraph

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Base is where Graph answers.
const Base = "https://graph.microsoft.com/v1.0"

// MaxMail is the most bytes of a message that one request takes: it is at most 4 MB, and the message travels in base64.
const MaxMail = 2_900_000

// Client calls Graph. Safe for concurrent use.
type Client struct {
	HTTP *http.Client // nil = http.DefaultClient
	Base string       // "" = Base
}

// Error is an answer of Graph that is no success.
type Error struct {
	Status int    // of HTTP
	Code   string // Graph's own: "ErrorItemNotFound"
	Words  string
	After  time.Duration // it asks to wait; 0 = it does not
}

// Error implements error.
func (e Error) Error() string {
	return strings.TrimSpace(fmt.Sprintf("Microsoft Graph %d %s: %s", e.Status, e.Code, e.Words))
}

// Gone reports whether err says that there is no such thing, or none any more.
func Gone(err error) bool {
	var e Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// Resync reports whether err says that a delta link is too old: all is read anew.
func Resync(err error) bool {
	var e Error
	return errors.As(err, &e) && (e.Status == http.StatusGone || strings.EqualFold(e.Code, "syncStateNotFound") || strings.EqualFold(e.Code, "resyncRequired"))
}

// Item is a message of a folder as a delta query lists it.
type Item struct {
	ID      string
	Read    bool
	Removed bool      // deleted, or moved away
	At      time.Time // it was received
}

// Page is a part of what changed in a folder.
type Page struct {
	Items []Item
	Next  string // link to go on with; "" = all is told
	Delta string // link to ask by for what changes from now on; "" until all is told
}

// Changes returns a page of what changed in a folder ("inbox", or an id) of a user since link; link "" = all it holds.
func (c Client) Changes(ctx context.Context, token, user, folder, link string) (p Page, err error) {
	address := link
	if link == "" {
		address = c.mailbox(user) + "/mailFolders/" + url.PathEscape(folder) + "/messages/delta?$select=isRead,receivedDateTime"
	} else if !strings.HasPrefix(link, c.base()+"/") {
		return p, fmt.Errorf("delta link leads elsewhere: %.80q", link)
	}
	var answer struct {
		Value []struct {
			ID      string          `json:"id"`
			IsRead  bool            `json:"isRead"`
			At      time.Time       `json:"receivedDateTime"`
			Removed json.RawMessage `json:"@removed"`
		} `json:"value"`
		Next  string `json:"@odata.nextLink"`
		Delta string `json:"@odata.deltaLink"`
	}
	if err := c.do(ctx, http.MethodGet, address, token, nil, &answer); err != nil {
		return p, err
	}
	p.Next, p.Delta = answer.Next, answer.Delta
	for _, v := range answer.Value {
		p.Items = append(p.Items, Item{ID: v.ID, Read: v.IsRead, Removed: len(v.Removed) > 0, At: v.At})
	}
	return p, nil
}

// Message opens a message in MIME form.
func (c Client) Message(ctx context.Context, token, user, id string) (io.ReadCloser, error) {
	r, err := c.call(ctx, http.MethodGet, c.message(user, id)+"/$value", token, "", nil)
	if err != nil {
		return nil, err
	}
	return r.Body, nil
}

// MarkRead marks a message as read.
func (c Client) MarkRead(ctx context.Context, token, user, id string) error {
	return c.do(ctx, http.MethodPatch, c.message(user, id), token, map[string]any{"isRead": true}, nil)
}

// Move moves a message to a folder: an id, or a well-known name such as "archive".
func (c Client) Move(ctx context.Context, token, user, id, folder string) error {
	return c.do(ctx, http.MethodPost, c.message(user, id)+"/move", token, map[string]any{"destinationId": folder}, nil)
}

// Delete moves a message to the deleted ones.
func (c Client) Delete(ctx context.Context, token, user, id string) error {
	return c.do(ctx, http.MethodDelete, c.message(user, id), token, nil, nil)
}

// Folder returns the id of a folder by its name, "" when there is none: first the well-known names, then those of the top
// level and below the inbox.
func (c Client) Folder(ctx context.Context, token, user, name string) (id string, err error) {
	var f named
	err = c.do(ctx, http.MethodGet, c.mailbox(user)+"/mailFolders/"+url.PathEscape(name)+"?$select=id", token, nil, &f)
	var e Error
	if !errors.As(err, &e) || e.Status != http.StatusNotFound && e.Status != http.StatusBadRequest {
		return f.ID, err
	}
	filter := "?$select=id&$filter=" + url.QueryEscape("displayName eq '"+strings.ReplaceAll(name, "'", "''")+"'")
	for _, in := range []string{"/mailFolders", "/mailFolders/inbox/childFolders"} {
		var list struct {
			Value []named `json:"value"`
		}
		err := c.do(ctx, http.MethodGet, c.mailbox(user)+in+filter, token, nil, &list)
		if err != nil {
			return "", err
		}
		if len(list.Value) > 0 {
			return list.Value[0].ID, nil
		}
	}
	return "", nil
}

// named is an answer of which only the id counts.
type named struct {
	ID string `json:"id"`
}

// Send sends a message in MIME form as user.
func (c Client) Send(ctx context.Context, token, user string, raw []byte) error {
	r, err := c.call(ctx, http.MethodPost, c.mailbox(user)+"/sendMail", token, "text/plain", inBase64(raw))
	if err != nil {
		return err
	}
	return drain(r)
}

func inBase64(raw []byte) []byte {
	body := make([]byte, base64.StdEncoding.EncodedLen(len(raw)))
	base64.StdEncoding.Encode(body, raw)
	return body
}

// Subscribe asks Graph to call address when a message comes into a folder, with state, until a moment: seven days ahead at
// most. It returns the subscription's id.
func (c Client) Subscribe(ctx context.Context, token, user, folder, address, state string, until time.Time) (id string, err error) {
	var s named
	err = c.do(ctx, http.MethodPost, c.base()+"/subscriptions", token, map[string]any{"changeType": "created", "notificationUrl": address, "clientState": state,
		"expirationDateTime": until.UTC().Format(time.RFC3339), "resource": "users/" + user + "/mailFolders('" + folder + "')/messages"}, &s)
	return s.ID, err
}

// Renew prolongs a subscription. Gone tells that there is none any more.
func (c Client) Renew(ctx context.Context, token, id string, until time.Time) error {
	return c.do(ctx, http.MethodPatch, c.base()+"/subscriptions/"+url.PathEscape(id), token, map[string]any{"expirationDateTime": until.UTC().Format(time.RFC3339)}, nil)
}

// Unsubscribe ends a subscription.
func (c Client) Unsubscribe(ctx context.Context, token, id string) error {
	return c.do(ctx, http.MethodDelete, c.base()+"/subscriptions/"+url.PathEscape(id), token, nil, nil)
}

func (c Client) base() string {
	if c.Base != "" {
		return c.Base
	}
	return Base
}

func (c Client) mailbox(user string) string { return c.base() + "/users/" + url.PathEscape(user) }

func (c Client) message(user, id string) string {
	return c.mailbox(user) + "/messages/" + url.PathEscape(id)
}

// do asks with body as JSON, nil for none, and reads the answer into answer, nil to pass it over.
func (c Client) do(ctx context.Context, method, address, token string, body, answer any) (err error) {
	var b []byte
	kind := ""
	if body != nil {
		if b, err = json.Marshal(body); err != nil {
			return err
		}
		kind = "application/json"
	}
	r, err := c.call(ctx, method, address, token, kind, b)
	if err != nil {
		return err
	}
	if answer == nil {
		return drain(r)
	}
	defer func() { err = errors.Join(err, r.Body.Close()) }()
	if err := json.NewDecoder(r.Body).Decode(answer); err != nil {
		return fmt.Errorf("answer of Microsoft Graph: %w", err)
	}
	return nil
}

// retryAfter reads how long an answer asks to wait, in seconds or until a moment of the server's clock (RFC 9110, 10.2.3).
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if n, err := strconv.Atoi(v); err == nil && n > 0 {
		return time.Duration(min(n, 24*60*60)) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return min(max(at.Sub(now), 0), 24*time.Hour)
}

// Later reports whether an HTTP status says that nothing was done and the same may be asked later: too many calls, or a
// service that is out of order for a while.
// Source: learn.microsoft.com/graph/errors.
func Later(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || status == 509
}

// drain reads what is left of an answer, so that its connection serves again.
func drain(r *http.Response) error {
	_, err := io.Copy(io.Discard, r.Body)
	return errors.Join(err, r.Body.Close())
}

func (c Client) client() *http.Client {
	if c.HTTP == nil {
		return http.DefaultClient
	}
	return c.HTTP
}

// call asks once. Errors: Error for an answer that is no success; any other means that its answer is not known.
func (c Client) call(ctx context.Context, method, address, token, kind string, body []byte) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	q, err := http.NewRequestWithContext(ctx, method, address, reader)
	if err != nil {
		return nil, err
	}
	q.Header.Set("Authorization", "Bearer "+token)
	q.Header.Set("Prefer", `IdType="ImmutableId"`) // ids that stay when a message is moved
	if kind != "" {
		q.Header.Set("Content-Type", kind)
	}
	r, err := c.client().Do(q)
	if err != nil {
		return nil, fmt.Errorf("call of Microsoft Graph: %w", err)
	}
	if r.StatusCode < 300 {
		return r, nil
	}
	e := Error{Status: r.StatusCode}
	e.After = retryAfter(r.Header)
	var answer struct {
		Error struct{ Code, Message string } `json:"error"`
	}
	// What is no JSON says nothing that a person could use; the status does.
	if json.NewDecoder(io.LimitReader(r.Body, 64<<10)).Decode(&answer) == nil {
		e.Code, e.Words = answer.Error.Code, answer.Error.Message
	}
	return nil, errors.Join(e, r.Body.Close())
}
