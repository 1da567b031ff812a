package recipients

import (
	"strings"

	"entraide/internal/base/i18n"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
)

// maxCarried is the most that the files of one mail weigh, in bytes; many servers refuse what is twice as heavy once
// it is encoded.
const maxCarried = 10 << 20

// cargo is what a mail carries of a message's files, and what it says of them.
type cargo struct {
	files    []channel.File
	pictures map[string]string // "/attachments/01J…" in the message → "cid:…" in the mail
	lines    []link
}

// carry decides what the mail of s carries: files in their order, pictures that the message shows first, up to
// maxCarried. The rest is named with a link for who can follow it.
func carry(l i18n.Loc, p Place, s story) cargo {
	c := cargo{pictures: map[string]string{}}
	room := int64(maxCarried)
	take := func(f ticket.Attachment, cid string) bool {
		if f.Size > room {
			return false
		}
		room -= f.Size
		c.files = append(c.files, channel.File{Hash: f.Hash, Name: f.Name, Type: f.ContentType, Size: f.Size, ContentID: cid})
		return true
	}
	var attached, left []ticket.Attachment
	for _, f := range s.files {
		page := "/attachments/" + f.ID
		if !strings.HasPrefix(f.ContentType, "image/") || !strings.Contains(s.body, "]("+page) {
			attached = append(attached, f)
			continue
		}
		if cid := strings.ToLower(f.ID) + "@" + p.Host(); take(f, cid) {
			c.pictures[page] = "cid:" + cid
		} else {
			left = append(left, f)
		}
	}
	var lines []link
	for _, f := range attached {
		if take(f, "") {
			lines = append(lines, link{Text: f.Name + " · " + l.Size(f.Size)})
		} else {
			left = append(left, f)
		}
	}
	if len(lines) > 0 {
		c.lines = append([]link{{Text: l.N("mailout.files", int64(len(lines)))}}, lines...)
	}
	if len(left) > 0 {
		head := "mailout.files_linked"
		if s.outsider {
			head = "mailout.files_left"
		}
		c.lines = append(c.lines, link{Text: l.N(head, int64(len(left)))})
		for _, f := range left {
			x := link{Text: f.Name + " · " + l.Size(f.Size)}
			if !s.outsider {
				x.URL = p.attachment(f)
			}
			c.lines = append(c.lines, x)
		}
	}
	return c
}
