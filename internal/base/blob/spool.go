package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"entraide/internal/base/errs"
)

// abandoned is how old a temporary file must be to be certainly left over from a crash.
const abandoned = 24 * time.Hour

// openTmp makes the directory of temporary files if needed and removes what a crash left there.
func openTmp(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("blob directory: %w", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("blob directory: %w", err)
	}
	for _, e := range left {
		info, err := e.Info()
		if err == nil && time.Since(info.ModTime()) > abandoned {
			err = os.Remove(filepath.Join(dir, e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("blob directory: %w", err)
		}
	}
	return nil
}

// spool writes all that r gives into a temporary file of dir: only at its end is the name of a content known. The caller
// closes and removes the file; after an error there is none.
// Errors: errs.Unavailable when the disk is full.
func spool(ctx context.Context, dir string, r io.Reader, limit int64) (f *os.File, ref Ref, err error) {
	f, err = os.CreateTemp(dir, "put-*")
	if err != nil {
		return nil, Ref{}, fmt.Errorf("put blob: %w", noRoom(err))
	}
	sum := sha256.New()
	ref.Size, err = io.Copy(io.MultiWriter(f, sum), &reader{ctx: ctx, r: r, limit: limit})
	if err != nil {
		return nil, Ref{}, errors.Join(fmt.Errorf("put blob: %w", noRoom(err)), f.Close(), os.Remove(f.Name()))
	}
	ref.Hash = hexOf(sum.Sum(nil))
	return f, ref, nil
}

// noRoom marks the error of a full disk: it is nobody's fault who sends a file, and passes.
func noRoom(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", errs.Unavailable, err)
	}
	return err
}
