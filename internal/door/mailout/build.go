package mailout

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"entraide/internal/base/text"
	"entraide/internal/domain/channel"
)

// letter is what build makes a message of.
type letter struct {
	envelope channel.Envelope
	from     mail.Address
	replyTo  string // address
	host     string // of X-Entraide-Loop; "" = not marked
	date     time.Time
	files    []file
}

// file is a file of a letter with its bytes.
type file struct {
	channel.File
	data []byte
}

// build writes the message with CRLF line ends. Nothing that a person typed reaches a header but cleaned to one line
// and encoded, so that no name or subject can add a header of its own.
func build(l letter) ([]byte, error) {
	to, err := wire(l.envelope.Recipient)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	h := func(name, value string) {
		if value != "" {
			b.WriteString(fold(name, value))
		}
	}
	c := l.envelope.Content
	h("Date", l.date.Format(time.RFC1123Z))
	h("From", person(l.from.Name, l.from.Address))
	if l.replyTo != "" {
		h("Reply-To", person(l.from.Name, l.replyTo))
	}
	h("To", person(c.ToName, to.address))
	h("Message-ID", bracket(l.envelope.MessageID))
	h("In-Reply-To", bracket(c.InReplyTo))
	var references []string
	for _, r := range c.References {
		if r = bracket(r); r != "" {
			references = append(references, r)
		}
	}
	h("References", strings.Join(references, " "))
	h("Subject", encode(text.Line(l.envelope.Subject)))
	suppress := "OOF, AutoReply" // a person wrote it: an answer is welcome, an absence note is not
	if auto := token(c.Auto); auto != "" {
		h("Auto-Submitted", auto)
		suppress = "All"
	}
	h("X-Auto-Response-Suppress", suppress)
	h("X-Entraide-Loop", token(l.host))
	if u := bracket(c.Unsubscribe); u != "" {
		h("List-Unsubscribe", u)
		h("Precedence", "bulk") // a digest: nobody wrote it, and nothing answers it
	}
	h("MIME-Version", "1.0")
	root := body(c, l.files)
	h("Content-Type", root.header().Get("Content-Type"))
	if e := root.header().Get("Content-Transfer-Encoding"); e != "" {
		h("Content-Transfer-Encoding", e)
	}
	b.WriteString("\r\n")
	err = root.write(&b)
	return b.Bytes(), err
}

// body arranges what the mail says: the text beside the HTML with its pictures, then the attachments.
func body(c channel.Content, files []file) *part {
	root := &part{kind: "text/plain; charset=utf-8", text: c.Text}
	var pictures, attached []*part
	for _, f := range files {
		if f.ContentID != "" && c.HTML != "" {
			pictures = append(pictures, &part{file: f})
		} else {
			attached = append(attached, &part{file: f})
		}
	}
	if c.HTML != "" {
		rich := &part{kind: "text/html; charset=utf-8", text: c.HTML}
		if len(pictures) > 0 {
			rich = multi("related", append([]*part{rich}, pictures...))
		}
		root = multi("alternative", []*part{root, rich})
	}
	if len(attached) > 0 {
		root = multi("mixed", append([]*part{root}, attached...))
	}
	return root
}

// part is one part of a message: parts, a text, or a file.
type part struct {
	kind     string
	boundary string
	parts    []*part
	text     string
	file     file
}

func multi(kind string, parts []*part) *part {
	p := &part{boundary: multipart.NewWriter(io.Discard).Boundary(), parts: parts}
	p.kind = mime.FormatMediaType("multipart/"+kind, map[string]string{"boundary": p.boundary})
	return p
}

func (p *part) header() textproto.MIMEHeader {
	h := textproto.MIMEHeader{}
	switch {
	case p.parts != nil:
		h.Set("Content-Type", p.kind)
	case p.kind != "":
		h.Set("Content-Type", p.kind)
		h.Set("Content-Transfer-Encoding", "quoted-printable")
	default:
		kind, how := "application/octet-stream", "attachment"
		if k, _, err := mime.ParseMediaType(p.file.Type); err == nil && len(k) <= 100 && strings.Contains(k, "/") && !strings.HasPrefix(k, "multipart/") && !strings.HasPrefix(k, "message/") {
			kind = k
		}
		if p.file.ContentID != "" {
			how = "inline"
			h.Set("Content-ID", bracket(p.file.ContentID))
		}
		h.Set("Content-Type", kind)
		h.Set("Content-Disposition", how+named(p.file.Name))
		h.Set("Content-Transfer-Encoding", "base64")
	}
	return h
}

func (p *part) write(w io.Writer) error {
	switch {
	case p.parts != nil:
		m := multipart.NewWriter(w)
		if err := m.SetBoundary(p.boundary); err != nil {
			return err
		}
		for _, k := range p.parts {
			inner, err := m.CreatePart(k.header())
			if err != nil {
				return err
			}
			if err := k.write(inner); err != nil {
				return err
			}
		}
		return m.Close()
	case p.kind != "":
		q := quotedprintable.NewWriter(w)
		if _, err := q.Write([]byte(p.text)); err != nil {
			return err
		}
		return q.Close()
	}
	return lines(w, p.file.data)
}

// lines writes data as base64 in lines of 76.
func lines(w io.Writer, data []byte) error {
	const line = 57 // bytes that fill 76 characters
	var out [78]byte
	for len(data) > 0 {
		n := min(line, len(data))
		size := base64.StdEncoding.EncodedLen(n)
		base64.StdEncoding.Encode(out[:], data[:n])
		copy(out[size:], "\r\n")
		if _, err := w.Write(out[:size+2]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// maxFileName is the longest name of a file in a header, in runes.
const maxFileName = 100

// named is the parameter that gives a file its name: plain for old mail programs, and as RFC 2231 has it when it needs
// more than ASCII.
func named(name string) string {
	name = text.Line(name)
	if n := utf8.RuneCountInString(name); n > maxFileName {
		end := path.Ext(name)
		if len(end) > 10 {
			end = ""
		}
		name = string([]rune(name)[:maxFileName-len(end)]) + end
	}
	ascii := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, name)
	out := ";\r\n filename=\"" + ascii + "\""
	if ascii != name {
		out += ";\r\n filename*=utf-8''" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	}
	return out
}

// person writes a name and an address, which may hold more than ASCII, for a header.
func person(name, address string) string {
	a := mail.Address{Name: text.Excerpt(name, 100), Address: address}
	if ascii(a.Name) {
		return a.String()
	}
	only := mail.Address{Address: address}
	return encode(a.Name) + " " + only.String()
}

// encode writes a text with more than ASCII as words of RFC 2047, each short enough for the first line of a header.
func encode(s string) string {
	if ascii(s) && !strings.Contains(s, "=?") && !slices.ContainsFunc(strings.Fields(s), func(w string) bool { return len(w) > 70 }) {
		return s
	}
	const most = 39 // bytes in one word
	var words []string
	for s != "" {
		n := min(most, len(s))
		for n > 1 && n < len(s) && !utf8.RuneStart(s[n]) {
			n--
		}
		words = append(words, "=?utf-8?B?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return strings.Join(words, " ")
}

// fold writes a header in lines of at most 76 characters where its words allow it.
func fold(name, value string) string {
	var b strings.Builder
	b.WriteString(name + ":")
	at := len(name) + 1
	for word := range strings.SplitSeq(value, " ") {
		if at+1+len(word) > 76 && at > len(name)+1 {
			b.WriteString("\r\n")
			at = 0
		}
		b.WriteString(" " + word)
		at += 1 + len(word)
	}
	return b.String() + "\r\n"
}

// bracket returns a message id as headers write it, "" for one that does not fit: foreign ids are whatever a sender
// wrote.
func bracket(id string) string {
	if id = token(id); id == "" {
		return ""
	}
	return "<" + id + ">"
}

// token returns s if it is one word of printable ASCII of a sensible length, else "".
func token(s string) string {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '<' || c == '>' {
			return ""
		}
	}
	if len(s) > 500 {
		return ""
	}
	return s
}
