package blob_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"testing"

	"entraide/internal/base/blob"
)

// flag is a picture with a red left third on blue, or on nothing.
func flag(w, h int, ground color.Color) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			if x < w/3 {
				m.Set(x, y, color.NRGBA{R: 255, A: 255})
			} else {
				m.Set(x, y, ground)
			}
		}
	}
	return m
}

var blue = color.NRGBA{B: 255, A: 255}

func encoded(t *testing.T, m image.Image, format string) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch format {
	case "png":
		err = png.Encode(&b, m)
	case "gif":
		err = gif.Encode(&b, m, nil)
	default:
		err = jpeg.Encode(&b, m, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// oriented puts an EXIF note with this orientation into a JPEG.
func oriented(photo []byte, orientation byte, order binary.AppendByteOrder) []byte {
	mark := "II"
	if order == binary.AppendByteOrder(binary.BigEndian) {
		mark = "MM"
	}
	note := order.AppendUint32(order.AppendUint16([]byte("Exif\x00\x00"+mark), 42), 8)
	note = order.AppendUint16(note, 1)
	note = order.AppendUint16(order.AppendUint16(note, 0x0112), 3)
	note = order.AppendUint16(order.AppendUint32(note, 1), uint16(orientation))
	note = append(note, 0, 0, 0, 0, 0, 0)
	segment := binary.BigEndian.AppendUint16([]byte{0xFF, 0xE1}, uint16(len(note)+2))
	return append(append(append([]byte{}, photo[:2]...), append(segment, note...)...), photo[2:]...)
}

func TestThumbnail(t *testing.T) {
	th := blob.NewThumbnailer(2)
	for name, c := range map[string]struct {
		data []byte
		typ  string
		w, h int
	}{
		"wide jpeg":   {encoded(t, flag(1200, 600, blue), "jpeg"), "image/jpeg", 100, 50},
		"tall png":    {encoded(t, flag(60, 300, blue), "png"), "image/jpeg", 20, 100},
		"transparent": {encoded(t, flag(300, 300, color.Transparent), "png"), "image/png", 100, 100},
		"gif":         {encoded(t, flag(300, 150, blue), "gif"), "image/jpeg", 100, 50},
		"small stays": {encoded(t, flag(40, 30, blue), "png"), "image/jpeg", 40, 30},
		"thin":        {encoded(t, flag(3000, 1, blue), "png"), "image/jpeg", 100, 1},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := th.Thumbnail(t.Context(), bytes.NewReader(c.data), 100)
			if err != nil {
				t.Fatal(err)
			}
			m, format, err := image.Decode(bytes.NewReader(out.Data))
			if err != nil {
				t.Fatal(err)
			}
			if out.Type != c.typ || "image/"+format != c.typ || m.Bounds().Dx() != c.w || m.Bounds().Dy() != c.h || out.Width != c.w || out.Height != c.h {
				t.Errorf("%s (%s) %v, want %s %d×%d", out.Type, format, m.Bounds(), c.typ, c.w, c.h)
			}
			if r, _, b, _ := m.At(1, c.h/2).RGBA(); r < 0xc000 || b > 0x4000 {
				t.Errorf("the left is not red: %v", m.At(1, c.h/2))
			}
		})
	}
}

func TestOrientation(t *testing.T) {
	photo := encoded(t, flag(90, 60, blue), "jpeg")
	for orientation, red := range map[byte]image.Point{ // where the red third must lie
		1: {5, 30}, 2: {85, 30}, 3: {85, 30}, 4: {5, 30}, 5: {30, 5}, 6: {30, 5}, 7: {30, 85}, 8: {30, 85}, 9: {5, 30},
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			out, err := blob.NewThumbnailer(0).Thumbnail(t.Context(), bytes.NewReader(oriented(photo, orientation, order)), 90)
			if err != nil {
				t.Fatal(err)
			}
			m, err := jpeg.Decode(bytes.NewReader(out.Data))
			if err != nil {
				t.Fatal(err)
			}
			if tall := m.Bounds().Dy() == 90; tall != (orientation >= 5 && orientation <= 8) {
				t.Errorf("orientation %d: %v", orientation, m.Bounds())
			}
			if r, _, b, _ := m.At(red.X, red.Y).RGBA(); r < 0xc000 || b > 0x4000 {
				t.Errorf("orientation %d: no red at %v", orientation, red)
			}
		}
	}
}

// promising is a valid PNG header that announces w × h pixels, and nothing else.
func promising(w, h uint32) []byte {
	ihdr := append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte("IHDR"), w), h), 8, 2, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\r"), ihdr...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(ihdr))
}

func TestThumbnailRefuses(t *testing.T) {
	jpg := encoded(t, flag(200, 200, blue), "jpeg")
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"text":           {[]byte("bonjour"), blob.ErrNotImage},
		"nothing":        {nil, blob.ErrNotImage},
		"svg":            {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), blob.ErrNotImage},
		"cut off":        {jpg[:len(jpg)/2], blob.ErrNotImage},
		"pixel bomb":     {promising(50_000, 50_000), blob.ErrTooLarge},
		"just too large": {promising(50_001, 1_000), blob.ErrTooLarge},
		"only promises":  {promising(5_000, 5_000), blob.ErrNotImage},
	} {
		if _, err := blob.NewThumbnailer(1).Thumbnail(t.Context(), bytes.NewReader(c.data), 100); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// held is a picture whose first byte waits.
type held struct {
	*bytes.Reader
	started, release chan struct{}
}

func (h *held) Read(p []byte) (int, error) {
	if h.started != nil {
		close(h.started)
		h.started = nil
		<-h.release
	}
	return h.Reader.Read(p)
}

func TestThumbnailsWaitForASlot(t *testing.T) {
	th := blob.NewThumbnailer(1)
	h := &held{bytes.NewReader(encoded(t, flag(10, 10, blue), "png")), make(chan struct{}), make(chan struct{})}
	started, done := h.started, make(chan error, 1)
	go func() {
		_, err := th.Thumbnail(t.Context(), h, 10)
		done <- err
	}()
	<-started
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := th.Thumbnail(gone, strings.NewReader(""), 10); !errors.Is(err, context.Canceled) {
		t.Errorf("while the slot is taken: %v", err)
	}
	close(h.release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := th.Thumbnail(t.Context(), bytes.NewReader(encoded(t, flag(10, 10, blue), "png")), 10); err != nil {
		t.Errorf("the slot is not free again: %v", err)
	}
}

func BenchmarkThumbnail12MP(b *testing.B) {
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, flag(4000, 3000, blue), nil); err != nil {
		b.Fatal(err)
	}
	th := blob.NewThumbnailer(1)
	for b.Loop() {
		if _, err := th.Thumbnail(b.Context(), io.NewSectionReader(bytes.NewReader(photo.Bytes()), 0, int64(photo.Len())), 320); err != nil {
			b.Fatal(err)
		}
	}
}
