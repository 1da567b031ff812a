package mime

import (
	"bytes"
	"io"
	"io/fs"
	"strings"
)

// chunk is how much is read at once from a reader of unknown length.
const chunk = 1 << 20

// readAll reads at most limit bytes. Growing one buffer would cost several times the message; a reader that tells its
// length is read into place, any other one in pieces that are joined once. Errors: those of r.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	r = io.LimitReader(r, limit)
	var whole []byte
	if n := length(r.(*io.LimitedReader).R); n > 0 {
		whole = make([]byte, min(n+1, limit)) // one more, so that the end is seen without another piece
	} else {
		whole = make([]byte, min(64<<10, limit))
	}
	n, err := io.ReadFull(r, whole)
	if err != nil {
		return whole[:n], ended(err)
	}
	if int64(n) == limit {
		return whole, nil
	}
	pieces, total := [][]byte{whole}, n
	for {
		piece := make([]byte, chunk)
		n, err := io.ReadFull(r, piece)
		pieces, total = append(pieces, piece[:n]), total+n
		if err == nil {
			continue
		}
		if err = ended(err); err != nil {
			return nil, err
		}
		whole = make([]byte, 0, total)
		for i, p := range pieces {
			whole = append(whole, p...)
			pieces[i] = nil
		}
		return whole, nil
	}
}

// ended returns nil for the end of the input, err for anything else.
func ended(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}

// length returns how many bytes r says it will give, 0 if it does not say. It is a hint, not a promise.
func length(r io.Reader) int64 {
	switch r := r.(type) {
	case interface{ Len() int }:
		return int64(r.Len())
	case interface{ Stat() (fs.FileInfo, error) }:
		if info, err := r.Stat(); err == nil && info.Mode().IsRegular() {
			return info.Size()
		}
	}
	return 0
}

// blank reports whether raw holds nothing but white space.
func blank(raw []byte) bool {
	for _, b := range raw {
		if b != ' ' && b != '\n' && b != '\r' && b != '\t' {
			return false
		}
	}
	return true
}

// lineEnds returns raw with LF at the line ends if it has none but CR, as old Macs write, and with one CR where a
// gateway wrote two.
func (c *collector) lineEnds(raw []byte) []byte {
	start := cutBytes(raw, maxField)
	if bytes.Contains(start, []byte("\r\r\n")) {
		return bytes.ReplaceAll(raw, []byte("\r\r\n"), []byte("\r\n"))
	}
	if bytes.IndexByte(start, '\n') >= 0 || bytes.Count(start, []byte{'\r'}) < 2 {
		return raw
	}
	c.problem("message: lines end with CR alone")
	return bytes.ReplaceAll(raw, []byte{'\r'}, []byte{'\n'})
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

func cutBytes(b []byte, n int) []byte { return b[:min(len(b), n)] }
