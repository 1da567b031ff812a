package desk

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/netx"
	"entraide/internal/base/text"
	"entraide/internal/domain/ticket"
)

// picturePath leads to the nth picture of strangers in a message.
func picturePath(message string, n int) string {
	return "/desk/messages/" + message + "/pictures/" + strconv.Itoa(n)
}

// Bounds of one picture.
const (
	maxPicture  = 5 << 20 // bytes
	pictureTime = 8 * time.Second
)

// pictureClient fetches what strangers put into their mails: from public addresses only.
func pictureClient() *http.Client {
	return netx.NewClient(netx.Options{Timeout: pictureTime, MaxBytes: maxPicture, Redirects: 3})
}

// strangers lists the addresses of pictures that a message would load from elsewhere, in their order.
func strangers(m ticket.Message) (list []string) {
	text.Sanitise(m.HTML, func(u string) string {
		if strings.HasPrefix(u, "http") {
			list = append(list, u)
		}
		return ""
	})
	return list
}

// picture fetches a picture that an agent asked to see, for them: the sender learns that it is looked at, but neither by
// whom nor where, and sets no cookie. Only what stands in the message can be asked for, so that this fetches nothing else.
func (d *desk) picture(w http.ResponseWriter, r *http.Request) error {
	var list []string
	err := d.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		m, err := ticket.FindMessage(ctx, tx, a, r.PathValue("id"))
		list = strangers(m)
		return err
	})
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 0 || n >= len(list) {
		return errs.NotFound
	}
	b, kind, err := fetchPicture(r.Context(), d.pictures, list[n])
	if err != nil {
		// Nobody can mend it here; the page shows the picture's description.
		return fmt.Errorf("picture of a mail: %w: %w", err, errs.NotFound)
	}
	blob.Headers(w, "", kind, true)
	w.Header().Set("Cache-Control", "private, max-age=3600")
	_, err = w.Write(b)
	return err
}

// fetchPicture returns what lies at an address, if it is a picture that pages may show.
func fetchPicture(ctx context.Context, c *http.Client, address string) (b []byte, kind string, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", err
	}
	q.Header.Set("Accept", "image/*")
	resp, err := c.Do(q)
	if err != nil {
		return nil, "", err
	}
	var all bytes.Buffer
	_, err = io.Copy(&all, resp.Body)
	if e := resp.Body.Close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, "", err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("answer %s", resp.Status)
	}
	b = all.Bytes()
	kind = blob.Sniff("", b[:min(len(b), blob.SniffLength)])
	if !blob.Inline(kind) {
		return nil, "", fmt.Errorf("%s is no picture", kind)
	}
	return b, kind, nil
}
