package mime

// pkcs7 keeps an S/MIME part whole. If it is only signed (RFC 8551 §3.5.2), the mail inside is read as well.
func (c *collector) pkcs7(p part, depth int) {
	data := decodeTransfer(p, c)
	c.file(p, "smime.p7m")
	if inner := signedContent(data); inner != nil && depth < maxDepth && c.guarded == "" {
		c.guarded = Signed
		h, body := c.readHeader(inner, false)
		c.walk(part{header: h, body: body, inside: "multipart/signed"}, depth+1)
		return
	}
	c.problem("encrypted: S/MIME, kept as it came")
	c.guarded = Encrypted
}

// oidData and oidSigned are the contents of ASN.1 object identifiers 1.2.840.113549.1.7.1 and .2.
const (
	oidData   = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
	oidSigned = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
)

// signedContent returns the content of a CMS SignedData (RFC 5652 §5), nil if src is something else. BER with
// indefinite lengths and content in pieces is understood, because Outlook writes it.
func signedContent(src []byte) []byte {
	_, info, _ := element(src)
	tag, id, rest := element(info)
	if tag != 0x06 || string(id) != oidSigned {
		return nil
	}
	_, wrapped, _ := element(rest)
	_, signed, _ := element(wrapped)
	for range 3 { // version, digests, content
		var body []byte
		tag, body, signed = element(signed)
		if tag != 0x30 {
			continue
		}
		tag, id, rest := element(body)
		if tag != 0x06 || string(id) != oidData {
			continue
		}
		_, wrapped, _ := element(rest)
		tag, content, _ := element(wrapped)
		switch tag {
		case 0x04:
			return content
		case 0x24: // in pieces
			return pieces(content)
		}
	}
	return nil
}

// pieces joins the octet strings of src.
func pieces(src []byte) []byte {
	out := make([]byte, 0, len(src))
	for len(src) > 0 {
		tag, piece, rest := element(src)
		if tag != 0x04 || len(rest) >= len(src) {
			break
		}
		out, src = append(out, piece...), rest
	}
	return out
}

// element reads one BER element: its tag, its content and what follows. tag is 0 if src holds none. Of an element of
// indefinite length everything up to the end of src is content: its own content tells where it ends.
func element(src []byte) (tag byte, content, rest []byte) {
	if len(src) < 2 || src[0]&0x1f == 0x1f {
		return 0, nil, nil
	}
	tag, size := src[0], int(src[1])
	src = src[2:]
	switch {
	case size == 0x80:
		return tag, src, nil
	case size > 0x84:
		return 0, nil, nil
	case size > 0x80:
		n := size - 0x80
		if len(src) < n {
			return 0, nil, nil
		}
		size = 0
		for _, b := range src[:n] {
			size = size<<8 | int(b)
		}
		src = src[n:]
	}
	if size > len(src) {
		return tag, src, nil // cut on the way: what there is
	}
	return tag, src[:size], src[size:]
}
