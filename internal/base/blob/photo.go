package blob

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"image"
	"io"
)

// photo is what a JPEG tells before its pixels.
type photo struct {
	orientation int  // EXIF, 1 (upright) to 8
	progressive bool // decoded as a whole before the first pixel is ready
}

// readPhoto walks the segments of a JPEG up to its pixels. Broken notes are no reason to refuse a picture: what
// cannot be read stays as it is by default.
func readPhoto(r io.Reader) photo {
	p := photo{orientation: 1}
	b := bufio.NewReader(r)
	var head [4]byte
	if _, err := io.ReadFull(b, head[:2]); err != nil {
		return p
	}
	for {
		if _, err := io.ReadFull(b, head[:]); err != nil || head[0] != 0xFF {
			return p
		}
		marker, length := head[1], int(binary.BigEndian.Uint16(head[2:]))-2
		if marker == 0xDA || length < 0 { // start of the pixels
			return p
		}
		if marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC {
			p.progressive = marker == 0xC2
			return p // the size: notes stand before it
		}
		segment := make([]byte, length)
		if _, err := io.ReadFull(b, segment); err != nil {
			return p
		}
		if tiff, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok && marker == 0xE1 {
			p.orientation = orientation(tiff)
		}
	}
}

// orientation reads tag 0x0112 of the first directory, 1 if there is none.
func orientation(tiff []byte) int {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if tiff[0] == 'M' {
		order = binary.BigEndian
	}
	start := int64(order.Uint32(tiff[4:]))
	if start+2 > int64(len(tiff)) {
		return 1
	}
	entries := tiff[start+2:]
	for range order.Uint16(tiff[start:]) {
		if len(entries) < 12 {
			return 1
		}
		if order.Uint16(entries) == 0x0112 {
			if v := int(order.Uint16(entries[8:])); v >= 1 && v <= 8 {
				return v
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}

// turned sets a picture upright. 2, 4, 5 and 7 are mirrored; from 5 on, width and height change places.
func turned(in *image.RGBA, orientation int) *image.RGBA {
	if orientation == 1 {
		return in
	}
	w, h := in.Rect.Dx(), in.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	if orientation >= 5 {
		out = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			var tx, ty int
			switch orientation {
			case 2:
				tx, ty = w-1-x, y
			case 3:
				tx, ty = w-1-x, h-1-y
			case 4:
				tx, ty = x, h-1-y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = h-1-y, x
			case 7:
				tx, ty = h-1-y, w-1-x
			case 8:
				tx, ty = y, w-1-x
			}
			copy(out.Pix[out.PixOffset(tx, ty):][:4], in.Pix[in.PixOffset(x, y):][:4])
		}
	}
	return out
}
