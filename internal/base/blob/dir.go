package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Dir is a Store in a local directory: ab/cdef… by hash, and tmp for what is being written.
type Dir struct{ root string }

var _ Store = (*Dir)(nil)

// OpenDir makes the directory if needed and removes what a crash left behind.
func OpenDir(root string) (*Dir, error) {
	d := &Dir{root}
	return d, openTmp(d.tmp())
}

func (d *Dir) tmp() string { return filepath.Join(d.root, "tmp") }

func (d *Dir) path(hash string) string { return filepath.Join(d.root, hash[:2], hash[2:]) }

// Put implements Store: temporary file, fsync, rename, fsync of the directory.
func (d *Dir) Put(ctx context.Context, r io.Reader, limit int64) (ref Ref, err error) {
	f, ref, err := spool(ctx, d.tmp(), r, limit)
	if err != nil {
		return Ref{}, err
	}
	temp := f.Name()
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("put blob: %w", noRoom(err)), ignore(f.Close(), fs.ErrClosed), ignore(os.Remove(temp), fs.ErrNotExist))
			ref = Ref{}
		}
	}()
	path := d.path(ref.Hash)
	if kept, e := os.Stat(path); e == nil && kept.Size() == ref.Size {
		return ref, d.again(f, path)
	}
	if err = errors.Join(f.Sync(), f.Close()); err != nil {
		return ref, err
	}
	if err = os.Mkdir(filepath.Dir(path), 0o700); err == nil {
		err = syncDir(d.root)
	} else if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err != nil {
		return ref, err
	}
	if err = os.Rename(temp, path); err != nil {
		return ref, err
	}
	return ref, syncDir(filepath.Dir(path))
}

// again drops the temporary file of a content that is kept already, and marks the kept one as just put. Its directory
// is synced because the Put that made it may not have come so far.
func (d *Dir) again(temp *os.File, path string) error {
	now := time.Now()
	return errors.Join(temp.Close(), os.Remove(temp.Name()), os.Chtimes(path, now, now), syncDir(filepath.Dir(path)))
}

// Open implements Store.
func (d *Dir) Open(_ context.Context, hash string) (io.ReadSeekCloser, error) {
	if !validHash(hash) {
		return nil, fmt.Errorf("open %.80q: %w", hash, ErrNotFound)
	}
	f, err := os.Open(d.path(hash))
	if err != nil {
		return nil, notFound("open", hash, err)
	}
	return f, nil
}

// Stat implements Store.
func (d *Dir) Stat(_ context.Context, hash string) (Ref, error) {
	if !validHash(hash) {
		return Ref{}, fmt.Errorf("stat %.80q: %w", hash, ErrNotFound)
	}
	info, err := os.Stat(d.path(hash))
	if err != nil {
		return Ref{}, notFound("stat", hash, err)
	}
	return Ref{hash, info.Size()}, nil
}

// Delete implements Store.
func (d *Dir) Delete(_ context.Context, hash string) error {
	if !validHash(hash) {
		return nil
	}
	if err := ignore(os.Remove(d.path(hash)), fs.ErrNotExist); err != nil {
		return fmt.Errorf("delete blob: %w", err)
	}
	return nil
}

// Walk implements Store. Files that are not named like contents are passed over.
func (d *Dir) Walk(ctx context.Context, f func(Ref, time.Time) error) error {
	heads, err := os.ReadDir(d.root)
	if err != nil {
		return fmt.Errorf("walk blobs: %w", err)
	}
	for _, head := range heads {
		if len(head.Name()) != 2 || !head.IsDir() {
			continue
		}
		tails, err := os.ReadDir(filepath.Join(d.root, head.Name()))
		if err != nil {
			return fmt.Errorf("walk blobs: %w", err)
		}
		for _, tail := range tails {
			if err := ctx.Err(); err != nil {
				return err
			}
			info, err := tail.Info()
			if errors.Is(err, fs.ErrNotExist) || !validHash(head.Name()+tail.Name()) {
				continue // deleted meanwhile, or not ours
			}
			if err != nil {
				return fmt.Errorf("walk blobs: %w", err)
			}
			if err := f(Ref{head.Name() + tail.Name(), info.Size()}, info.ModTime()); err != nil {
				return err
			}
		}
	}
	return nil
}

// Check implements Store: it writes a file and removes it.
func (d *Dir) Check(context.Context) error {
	f, err := os.CreateTemp(d.tmp(), "check-")
	if err != nil {
		return fmt.Errorf("blob directory: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func notFound(verb, hash string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s %s: %w", verb, hash, ErrNotFound)
	}
	return fmt.Errorf("%s %s: %w", verb, hash, err)
}

func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
