// Package blob keeps bytes of attachments under the SHA-256 of their content: the same file attached a hundred times
// is kept once, and what is read back is what was written. Contents are opaque: archives are stored, never expanded.
//
// Around the store: Sniff names the type of a file, SafeName and Headers make it safe to hand out, Thumbnailer draws
// its small picture.
package blob

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"entraide/internal/base/config"
)

var (
	// ErrTooLarge: the content is longer than the limit, or the picture has too many pixels.
	ErrTooLarge = errors.New("too large")
	// ErrNotFound: nothing is kept under this hash, or it is not a hash.
	ErrNotFound = errors.New("blob not found")
)

// Ref names one content.
type Ref struct {
	Hash string // SHA-256, 64 lower-case hexadecimal digits
	Size int64  // bytes
}

// Store is where contents are kept. All methods are safe for concurrent use.
type Store interface {
	// Put keeps everything r gives. When it returns without error the content survives a power cut. limit is in
	// bytes; 0 = none. Errors: ErrTooLarge, whatever r returns, errs.Unavailable when the store does not answer or is
	// full; nothing is kept then.
	Put(ctx context.Context, r io.Reader, limit int64) (Ref, error)
	// Open reads a content. The caller closes it. Errors: ErrNotFound.
	Open(ctx context.Context, hash string) (io.ReadSeekCloser, error)
	// Stat tells the size without reading. Errors: ErrNotFound.
	Stat(ctx context.Context, hash string) (Ref, error)
	// Delete forgets a content; one that is not there is no error.
	Delete(ctx context.Context, hash string) error
	// Walk calls f for each content, in no order, until f returns an error, which Walk returns. putAt is when it was
	// last Put: collectors of unused contents leave young ones alone, as their row may not be committed yet.
	Walk(ctx context.Context, f func(ref Ref, putAt time.Time) error) error
	// Check tells whether contents can be kept now. Errors: errs.Unavailable when the store does not answer, any other
	// when it refuses, with what is to be done.
	Check(ctx context.Context) error
}

// Open prepares the store of an installation: the configured bucket, else the directory blobs of its data.
func Open(cfg config.Config) (Store, error) {
	dir := filepath.Join(cfg.Data, "blobs")
	if cfg.Blob == "" {
		return OpenDir(dir)
	}
	bucket, err := cfg.Blob.Bucket()
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	return OpenS3(bucket, filepath.Join(dir, "tmp"))
}

// validHash guards every path and key that is made of a hash.
func validHash(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func hexOf(sum []byte) string { return hex.EncodeToString(sum) }

// reader stops when ctx ends and fails with ErrTooLarge once more than limit bytes came (0 = no limit).
type reader struct {
	ctx   context.Context
	r     io.Reader
	limit int64
	n     int64
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	r.n += int64(n)
	if r.limit > 0 && r.n > r.limit {
		return 0, ErrTooLarge
	}
	return n, err
}
