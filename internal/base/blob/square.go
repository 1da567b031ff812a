package blob

import (
	"context"
	"fmt"
	"image"
	"io"
)

// Square draws the largest square in the middle of the picture r, at most side pixels wide and turned upright as the
// camera noted it. Nothing else of the file is kept: neither where nor with what it was taken. It waits for a free
// slot. Errors: as Thumbnail.
func (t *Thumbnailer) Square(ctx context.Context, r io.ReadSeeker, side int) (Thumb, error) {
	leave, err := t.enter(ctx)
	if err != nil {
		return Thumb{}, err
	}
	defer leave()
	img, turn, err := decode(ctx, r)
	if err != nil {
		return Thumb{}, fmt.Errorf("square: %w", err)
	}
	return drawn(turned(scaled(middle(img), max(1, side)), turn))
}

// middle is the largest square in the middle of img.
func middle(img image.Image) image.Image {
	b := img.Bounds()
	n := min(b.Dx(), b.Dy())
	at := b.Min.Add(image.Pt((b.Dx()-n)/2, (b.Dy()-n)/2))
	return part{img, image.Rectangle{Min: at, Max: at.Add(image.Pt(n, n))}}
}

// part is a part of a picture.
type part struct {
	image.Image
	bounds image.Rectangle
}

// Bounds of the part.
func (p part) Bounds() image.Rectangle { return p.bounds }
