package mime

import (
	"strings"
	"unicode/utf8"

	"entraide/internal/base/text"
)

// maxSubject is the longest subject kept, in characters: RFC 5322 allows no longer line.
const maxSubject = 998

// envelope reads the fields that say who wrote what to whom and when.
func (c *collector) envelope(h header) Message {
	subject := decodeText(h.get("subject"))
	if utf8.RuneCountInString(subject) > maxSubject {
		c.problem("subject: longer than %d characters, cut", maxSubject)
	}
	m := Message{
		Subject: text.Excerpt(subject, maxSubject),
		To:      addresses(h.all("to")), CC: addresses(h.all("cc")), ReplyTo: addresses(h.all("reply-to")),
		References: ids(h.all("references")), Recipients: []string{},
	}
	for _, f := range h {
		if strings.IndexByte(f.value, 0) >= 0 {
			c.problem("header: NUL bytes removed from %s", f.name)
		}
	}
	for _, name := range []string{"subject", "date", "content-type"} { // the others are judged where they are read
		if h.count(name) > 1 {
			c.problem("%s: more than one, the first is taken", name)
		}
	}
	c.identify(&m, h)
	c.sender(&m, h)
	c.dated(&m, h)
	for _, name := range []string{"delivered-to", "x-original-to", "envelope-to"} {
		for _, a := range addresses(h.all(name)) {
			m.Recipients = append(m.Recipients, a.Address)
		}
	}
	return m
}

func (c *collector) identify(m *Message, h header) {
	switch list := ids(h.all("message-id")); {
	case len(list) == 0:
		c.problem("message-id: missing")
	default:
		m.MessageID = list[0]
		if len(list) > 1 || h.count("message-id") > 1 {
			c.problem("message-id: more than one, the first is taken")
		}
	}
	if list := ids(h.get("in-reply-to")); len(list) > 0 {
		m.InReplyTo = list[0]
	}
}

func (c *collector) sender(m *Message, h header) {
	list := addresses(h.all("from"))
	if len(list) == 0 && strings.Contains(h.get("from"), "=?") {
		list = addresses(decodeText(h.get("from"))) // some encode the address with the name
	}
	switch {
	case len(list) > 0:
		m.From = list[0]
		if len(list) > 1 {
			c.problem("from: more than one, the first is taken")
		}
		if shown := mailAddress.FindString(m.From.Name); shown != "" && !strings.EqualFold(shown, m.From.Address) {
			c.problem("from: the name shows another address than that of the sender")
		}
		return
	case h.get("from") != "":
		c.problem("from: no address in %s", decodeText(h.get("from")))
		m.From.Name = personName(h.get("from"))
	default:
		c.problem("from: missing")
	}
	for _, name := range []string{"sender", "return-path", "reply-to"} {
		if list := addresses(h.all(name)); len(list) > 0 {
			m.From.Address = list[0].Address
			if m.From.Name == "" {
				m.From.Name = list[0].Name
			}
			return
		}
	}
}

func (c *collector) dated(m *Message, h header) {
	if t, ok := date(h.get("date")); ok {
		m.Date = t
		return
	}
	if h.get("date") == "" {
		c.problem("date: missing")
	} else {
		c.problem("date: not understood: %s", decodeText(h.get("date")))
	}
	// The first Received field was written last, by the server nearest to us.
	received := h.get("received")
	if t, ok := date(received[strings.LastIndexByte(received, ';')+1:]); ok {
		m.Date = t
	}
}
