package blob_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"testing"

	"entraide/internal/base/blob"
)

func TestSquare(t *testing.T) {
	th := blob.NewThumbnailer(1)
	for name, c := range map[string]struct {
		data []byte
		side int
		red  bool // at the left of what is left
	}{
		"wide":         {encoded(t, flag(1200, 400, blue), "jpeg"), 100, false}, // the red third is cut off
		"wide, turned": {oriented(encoded(t, flag(1200, 400, blue), "jpeg"), 6, binary.LittleEndian), 100, false},
		"tall":         {encoded(t, flag(300, 900, blue), "png"), 100, true},
		"small":        {encoded(t, flag(30, 60, blue), "png"), 30, true},
	} {
		out, err := th.Square(t.Context(), bytes.NewReader(c.data), 100)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		m, _, err := image.Decode(bytes.NewReader(out.Data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if m.Bounds().Dx() != c.side || m.Bounds().Dy() != c.side || out.Width != c.side {
			t.Errorf("%s: %v, want %d × %[3]d", name, m.Bounds(), c.side)
		}
		if r, _, b, _ := m.At(2, c.side/2).RGBA(); c.red != (r > 0xc000 && b < 0x4000) {
			t.Errorf("%s: %v at the left", name, m.At(2, c.side/2))
		}
	}
	for name, bad := range map[string][]byte{"text": []byte("no picture"), "svg": []byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), "cut": encoded(t, flag(90, 90, blue), "png")[:200]} {
		if _, err := th.Square(t.Context(), bytes.NewReader(bad), 100); !errors.Is(err, blob.ErrNotImage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := th.Square(t.Context(), bytes.NewReader(promising(60000, 60000)), 100); !errors.Is(err, blob.ErrTooLarge) {
		t.Errorf("3600 megapixels: %v", err)
	}
}
