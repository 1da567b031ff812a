package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

// ErrNotImage: the content is no picture that can be drawn small: another type, or broken.
var ErrNotImage = errors.New("not an image")

// MaxPixels is the largest picture that is decoded: 50 megapixels, about 200 MB while it is drawn.
const MaxPixels = 50_000_000

// Thumb is a small picture.
type Thumb struct {
	Data          []byte
	Type          string // image/jpeg, or image/png if it has transparent parts
	Width, Height int    // pixels
}

// Thumbnailer draws small pictures, a few at a time because each may need a lot of memory. Use NewThumbnailer.
type Thumbnailer struct{ slots chan struct{} }

// NewThumbnailer lets at most parallel pictures be drawn at once; less than 1 means 1.
func NewThumbnailer(parallel int) *Thumbnailer {
	return &Thumbnailer{make(chan struct{}, max(1, parallel))}
}

// codec is how one type is read. Decoders are named here rather than registered, so that only these ever run.
type codec struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

func codecFor(contentType string) (codec, bool) {
	switch contentType {
	case "image/jpeg":
		return codec{jpeg.DecodeConfig, jpeg.Decode}, true
	case "image/png":
		return codec{png.DecodeConfig, png.Decode}, true
	case "image/gif":
		return codec{gif.DecodeConfig, gif.Decode}, true
	case "image/webp":
		return codec{webp.DecodeConfig, webp.Decode}, true
	case "image/bmp":
		return codec{bmp.DecodeConfig, bmp.Decode}, true
	}
	return codec{}, false
}

// Thumbnail draws the picture r so that neither side is longer than side pixels, turned upright as the camera noted
// it. Smaller pictures keep their size. It waits for a free slot. Errors: ErrNotImage, ErrTooLarge, those of ctx.
func (t *Thumbnailer) Thumbnail(ctx context.Context, r io.ReadSeeker, side int) (Thumb, error) {
	leave, err := t.enter(ctx)
	if err != nil {
		return Thumb{}, err
	}
	defer leave()
	img, turn, err := decode(ctx, r)
	if err != nil {
		return Thumb{}, fmt.Errorf("thumbnail: %w", err)
	}
	return drawn(turned(scaled(img, max(1, side)), turn))
}

// enter waits for a slot and returns what gives it back.
func (t *Thumbnailer) enter(ctx context.Context) (leave func(), err error) {
	select {
	case t.slots <- struct{}{}:
		return func() { <-t.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// drawn encodes a small picture.
func drawn(small *image.RGBA) (out Thumb, err error) {
	out = Thumb{Type: "image/jpeg", Width: small.Rect.Dx(), Height: small.Rect.Dy()}
	var b bytes.Buffer
	if small.Opaque() {
		err = jpeg.Encode(&b, small, &jpeg.Options{Quality: 82})
	} else {
		out.Type, err = "image/png", png.Encode(&b, small)
	}
	out.Data = b.Bytes()
	return out, err
}

// decode reads the picture after checking its size, and the orientation 1 to 8 of a photograph.
func decode(ctx context.Context, r io.ReadSeeker) (img image.Image, turn int, err error) {
	// A decoder that panics on hostile bytes must not end the program.
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: decoder: %v", ErrNotImage, cause)
		}
	}()
	head := make([]byte, SniffLength)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, 0, err
	}
	c, ok := codecFor(Sniff("", head[:n]))
	if !ok {
		return nil, 0, ErrNotImage
	}
	meta := photo{orientation: 1}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, 0, err
	}
	if head[0] == 0xFF {
		meta = readPhoto(r)
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			return nil, 0, err
		}
	}
	conf, err := c.config(&reader{ctx: ctx, r: r})
	if err != nil {
		return nil, 0, broken(ctx, err)
	}
	pixels := int64(conf.Width) * int64(conf.Height)
	if meta.progressive || deep(conf.ColorModel) {
		pixels *= 2 // these need twice the memory and more
	}
	if pixels > MaxPixels {
		return nil, 0, fmt.Errorf("%d × %d pixels: %w", conf.Width, conf.Height, ErrTooLarge)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, 0, err
	}
	img, err = c.decode(&reader{ctx: ctx, r: r})
	if err != nil {
		return nil, 0, broken(ctx, err)
	}
	if img.Bounds().Empty() {
		return nil, 0, ErrNotImage
	}
	return img, meta.orientation, nil
}

// broken tells the end of the context from the end of the picture.
func broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", ErrNotImage, err)
}

// deep reports 16 bits per channel.
func deep(m color.Model) bool {
	return m == color.RGBA64Model || m == color.NRGBA64Model || m == color.Gray16Model
}

// scaled fits img into side × side. Large reductions go over twice the size first: the good filter alone takes
// seconds on a photograph, the quick one alone leaves jagged lines.
func scaled(img image.Image, side int) *image.RGBA {
	b := img.Bounds()
	w, h := fit(b.Dx(), b.Dy(), side)
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	if b.Dx() > 4*w || b.Dy() > 4*h {
		half := image.NewRGBA(image.Rect(0, 0, 2*w, 2*h))
		draw.ApproxBiLinear.Scale(half, half.Rect, img, b, draw.Src, nil)
		img, b = half, half.Rect
	}
	draw.CatmullRom.Scale(out, out.Rect, img, b, draw.Src, nil)
	return out
}

func fit(w, h, side int) (int, int) {
	if w <= side && h <= side {
		return w, h
	}
	if w >= h {
		return side, max(1, h*side/w)
	}
	return max(1, w*side/h), side
}
