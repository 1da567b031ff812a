package mime

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// Attributes and properties of Outlook's rich text (MS-OXTNEF, MS-OXPROPS) that hold something to read.
const (
	tnefSignature   = 0x223e9f78
	tnefBody        = 0x0002800c
	tnefMessage     = 0x00069003 // properties of the message
	tnefAttachStart = 0x00069002
	tnefAttachTitle = 0x00018010
	tnefAttachData  = 0x0006800f
	tnefAttachProps = 0x00069005

	propBody      = 0x1000
	propBodyHTML  = 0x1013
	propLongName  = 0x3707
	propMIMEType  = 0x370e
	propContentID = 0x3712
)

// maxProps bounds the properties read of one list; real ones have some dozens.
const maxProps = 2000

// tnefFile is one file of a winmail.dat.
type tnefFile struct {
	name, kind, cid string
	data            []byte
}

// tnef is what a winmail.dat holds besides formatting.
type tnef struct {
	files []tnefFile
	body  string
	html  []byte
}

// readTNEF reads src as far as it follows the format; ok is false if it does not to the end. Every length is checked
// against what is left, and data shares the memory of src.
func readTNEF(src []byte) (t tnef, ok bool) {
	if len(src) < 6 || binary.LittleEndian.Uint32(src) != tnefSignature {
		return t, false
	}
	for src = src[6:]; len(src) > 0; {
		if len(src) < 11 {
			return t, false
		}
		id, size := binary.LittleEndian.Uint32(src[1:]), uint64(binary.LittleEndian.Uint32(src[5:]))
		if size > uint64(len(src)-11) {
			return t, false
		}
		t.attribute(id, src[9:9+size])
		src = src[11+size:] // two bytes of checksum, which many writers get wrong
	}
	return t, true
}

func (t *tnef) attribute(id uint32, data []byte) {
	last := len(t.files) - 1
	switch {
	case id == tnefBody:
		t.body, _ = decodeCharset([]byte(strings.TrimRight(string(cutBytes(data, maxText)), "\x00")), "")
	case id == tnefMessage:
		tnefProps(data, func(prop, kind uint16, value []byte) {
			switch prop {
			case propBody:
				t.body = tnefText(kind, value)
			case propBodyHTML:
				t.html = cutBytes(value, maxText)
			}
		})
	case id == tnefAttachStart:
		if len(t.files) < maxParts {
			t.files = append(t.files, tnefFile{})
		}
	case last < 0:
	case id == tnefAttachTitle:
		t.files[last].name = tnefText(0x1e, data)
	case id == tnefAttachData:
		t.files[last].data = data
	case id == tnefAttachProps:
		tnefProps(data, func(prop, kind uint16, value []byte) {
			switch prop {
			case propLongName:
				t.files[last].name = tnefText(kind, value)
			case propMIMEType:
				t.files[last].kind = tnefText(kind, value)
			case propContentID:
				t.files[last].cid = tnefText(kind, value)
			}
		})
	}
}

// tnefProps calls f for each property of a list whose value has a place of its own in it: text and bytes.
func tnefProps(src []byte, f func(prop, kind uint16, value []byte)) {
	u32 := func() (n uint32) {
		if len(src) < 4 {
			src = nil
			return 0
		}
		n, src = binary.LittleEndian.Uint32(src), src[4:]
		return n
	}
	skip := func(n uint64) {
		if n += -n & 3; n > uint64(len(src)) { // to the next multiple of four
			n = uint64(len(src))
		}
		src = src[n:]
	}
	for n := min(u32(), maxProps); n > 0 && len(src) > 0; n-- {
		tag := u32()
		kind, prop := uint16(tag), uint16(tag>>16)
		if prop >= 0x8000 { // a named one: set, then number or name
			skip(16)
			if u32() == 0 {
				skip(4)
			} else {
				skip(uint64(u32()))
			}
		}
		values := uint32(1)
		sized := kind&0xefff == 0x1e || kind&0xefff == 0x1f || kind&0xefff == 0x102 || kind&0xefff == 0x0d
		if sized || kind&0x1000 != 0 {
			values = min(u32(), maxProps)
		}
		for ; values > 0 && len(src) > 0; values-- {
			if !sized {
				skip(fixedSize(kind & 0xefff))
				continue
			}
			size := uint64(u32())
			if size > uint64(len(src)) {
				return
			}
			f(prop, kind, src[:size])
			skip(size)
		}
	}
}

// fixedSize is how many bytes a value of this kind takes that does not say so itself.
func fixedSize(kind uint16) uint64 {
	switch kind {
	case 0x05, 0x06, 0x07, 0x14, 0x40:
		return 8
	case 0x48:
		return 16
	}
	return 4
}

// tnefText reads a text property: 0x1f is UTF-16, anything else the writer's code page.
func tnefText(kind uint16, value []byte) string {
	value = cutBytes(value, maxText)
	if kind != 0x1f {
		s, _ := decodeCharset([]byte(strings.TrimRight(string(value), "\x00")), "")
		return s
	}
	units := make([]uint16, 0, len(value)/2)
	for i := 0; i+1 < len(value); i += 2 {
		units = append(units, binary.LittleEndian.Uint16(value[i:]))
	}
	return strings.TrimRight(string(utf16.Decode(units)), "\x00")
}

// richText takes the files, and the text if the mail has none, out of a winmail.dat that was just kept.
func (c *collector) richText(data []byte) {
	t, ok := readTNEF(data)
	if !ok {
		c.problem("attachment: Outlook rich text (winmail.dat) not understood, read as far as possible")
	}
	for _, f := range t.files {
		if f.data == nil || len(c.files) >= maxParts {
			continue
		}
		name := safeName(f.name)
		kind := strings.ToLower(f.kind)
		if kind == "" {
			kind = kindOf(name)
		}
		if name == "" {
			name = c.nameless(kind)
		}
		c.files = append(c.files, Attachment{Name: name, ContentType: kind, Size: int64(len(f.data)), ContentID: firstOf(ids(f.cid)), Data: f.data})
	}
	for _, s := range c.segments {
		if strings.TrimSpace(s.plain+s.html) != "" {
			return
		}
	}
	s := segment{plain: t.body, hasPlain: t.body != ""}
	if s.hasPlain || len(t.html) > 0 {
		if len(t.html) > 0 {
			s.html, _ = decodeCharset(t.html, metaCharset(t.html))
			s.hasHTML = true
		}
		c.segments = append(c.segments, s)
	}
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
