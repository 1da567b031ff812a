// Package mime reads mail as it really arrives: whatever the bytes, they become a Message that names what was
// odd in its Problems. Only an empty input is an error.
//
// The tree of parts is read by this package and not by enmime: that parser walks all siblings for each part
// added and all ancestors for each line read, so that a crafted mail of 1 MB keeps it busy for minutes. Its
// tolerant reading of Content-Type parameters is used.
package mime

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"entraide/internal/base/text"
)

// DefaultLimit is the most bytes of a message that are read when no limit is given.
const DefaultLimit = 64 << 20

// Bounds on what one message may cost besides its bytes.
const (
	maxDepth    = 16       // multiparts inside multiparts; deeper ones are kept whole as an attachment
	maxParts    = 1000     // leaf parts; the rest is kept whole as one attachment
	maxHeader   = 1 << 20  // bytes of one header block that are read
	maxField    = 64 << 10 // bytes of one header field
	maxFields   = 2000     // header fields of one part
	maxText     = 2 << 20  // bytes of Text and of HTML
	maxProblems = 40
	maxList     = 500 // addresses or references of one field
)

// ErrEmpty is returned for input without a single byte besides white space.
var ErrEmpty = errors.New("mime: empty message")

// Address is one mailbox. Either part may be empty; both are free of control characters.
type Address struct {
	Name    string `json:"name"`
	Address string `json:"address"` // as written, without angle brackets; the domain in lower case
}

// Attachment is a part that is not the body: a file, an image shown in the body, a calendar entry, a mail.
type Attachment struct {
	Name        string `json:"name"`         // never empty, no path separators, at most 200 bytes
	ContentType string `json:"content_type"` // lower case, without parameters; as claimed, not checked
	Size        int64  `json:"size"`         // bytes after decoding
	Inline      bool   `json:"inline"`       // shown inside the text (the HTML names its ContentID)
	ContentID   string `json:"-"`            // without angle brackets; "" if none
	Data        []byte `json:"-"`            // decoded content; shares memory with the message read
}

// Bounce tells which recipient a mail of ours did not reach.
type Bounce struct {
	Recipient string `json:"recipient"` // address; "" if the notice does not say
	Status    string `json:"status"`    // enhanced code such as "5.1.1"; 4.x.x is a delay; "" if unknown
	Original  string `json:"-"`         // Message-ID of the mail returned; "" if unknown
}

// Message is one mail, ready to store and show. All strings are valid UTF-8 without NUL; those from header
// fields hold no line breaks, so that none can smuggle a header into a mail built from them.
type Message struct {
	MessageID   string       `json:"message_id"`  // without angle brackets; "" if missing
	InReplyTo   string       `json:"in_reply_to"` // the first one named
	References  []string     `json:"references"`  // oldest first
	Date        time.Time    `json:"date"`        // UTC; zero (null in JSON) if neither Date nor Received tells
	From        Address      `json:"from"`
	To          []Address    `json:"to"`
	CC          []Address    `json:"cc"`
	ReplyTo     []Address    `json:"reply_to"`
	Subject     string       `json:"subject"`
	Text        string       `json:"text"`       // the body as text; from the HTML if the mail holds no text
	HTML        string       `json:"html"`       // the body as HTML, sanitised, cid: addresses kept; "" if none
	ReplyText   string       `json:"reply_text"` // Text without quoted history and signature; Text itself for a forwarded mail
	Attachments []Attachment `json:"attachments"`
	Auto        bool         `json:"auto"`     // written by a machine: absence note, list, notice; never answer it
	Bounce      *Bounce      `json:"bounce"`   // nil unless the mail reports a failed or late delivery
	Loop        bool         `json:"loop"`     // it passed through us before, or through too many servers
	Problems    []string     `json:"problems"` // what was odd, in English, for the log and the intake page
	AutoReason  string       `json:"-"`        // why Auto is true, such as "auto-submitted: auto-replied"
	Recipients  []string     `json:"-"`        // addresses of Delivered-To, X-Original-To and Envelope-To: who really got it
	rawHTML     string
}

// MarshalJSON writes a missing date as null and never null for a list.
func (m Message) MarshalJSON() ([]byte, error) {
	type plain Message // without this method
	out := struct {
		plain
		Date *time.Time `json:"date"`
	}{plain: plain(m)}
	if !m.Date.IsZero() {
		out.Date = &m.Date
	}
	return json.Marshal(out)
}

// ReplyHTML returns the HTML of what the sender wrote, without history and signature, sanitised with rewrite
// as text.Sanitise does. "" if the mail has no HTML.
func (m Message) ReplyHTML(rewrite func(url string) string) string {
	if m.rawHTML == "" {
		return ""
	}
	if text.Forwarded(m.Subject) {
		return text.Sanitise(m.rawHTML, rewrite)
	}
	reply, _ := text.StripReplyHTML(m.rawHTML)
	return text.Sanitise(reply, rewrite)
}

// Parser reads messages. The zero value is ready.
type Parser struct {
	Limit       int64  // bytes read at most; 0 = DefaultLimit
	Host        string // what we write into X-Entraide-Loop; "" = any such field is ours
	MaxReceived int    // more Received fields are a loop; 0 = 50
}

// Parse reads one raw message of at most limit bytes (0 = DefaultLimit) with the defaults of Parser.
// Errors: ErrEmpty, or that of r.
func Parse(r io.Reader, limit int64) (Message, error) { return Parser{Limit: limit}.Parse(r) }

// Parse reads one raw message. Memory: the message itself, once more for decoded attachments, and at most
// about ten times maxText for the bodies; nothing is written to disk. What exceeds the limit is not read, and
// a problem says so. Errors: ErrEmpty, or that of r.
func (p Parser) Parse(r io.Reader) (Message, error) {
	if p.Limit <= 0 {
		p.Limit = DefaultLimit
	}
	if p.MaxReceived <= 0 {
		p.MaxReceived = 50
	}
	raw, err := io.ReadAll(io.LimitReader(r, p.Limit+1))
	if err != nil {
		return Message{}, fmt.Errorf("mime: read message: %w", err)
	}
	if strings.TrimSpace(string(raw[:min(len(raw), 4096)])) == "" && len(strings.TrimSpace(string(raw))) == 0 {
		return Message{}, ErrEmpty
	}
	var c collector
	if int64(len(raw)) > p.Limit {
		raw = raw[:p.Limit]
		c.problem("message: longer than %d bytes, cut", p.Limit)
	}
	h, body := c.readHeader(skipEnvelope(raw), true)
	m := c.envelope(h)
	c.walk(part{header: h, body: body}, 0)
	c.compose(&m)
	p.classify(&m, h, &c)
	m.Problems = append([]string{}, c.problems...)
	return m, nil
}

// skipEnvelope removes what stands before the header in mailboxes and pipes: an mbox "From " line, a byte order
// mark, empty lines.
func skipEnvelope(raw []byte) []byte {
	s := strings.TrimLeft(string(raw[:min(len(raw), 4096)]), "\ufeff\r\n")
	raw = raw[min(len(raw), 4096)-len(s):]
	if strings.HasPrefix(s, "From ") || strings.HasPrefix(s, ">From ") {
		for i, b := range raw {
			if b == '\n' {
				return raw[i+1:]
			}
		}
	}
	return raw
}

// collector gathers the parts of one message.
type collector struct {
	problems []string
	segments []segment
	files    []Attachment
	reports  []report // delivery reports and returned headers
	leaves   int
}

// problem notes what was odd, each text once.
func (c *collector) problem(format string, args ...any) {
	s := text.Excerpt(fmt.Sprintf(format, args...), 200)
	if len(c.problems) >= maxProblems {
		return
	}
	for _, p := range c.problems {
		if p == s {
			return
		}
	}
	c.problems = append(c.problems, s)
}
