package cli

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
)

// A backup is a gzipped tar: entraide.db first, then keys/ as in the data directory, then blobs/ by hash. Attachments are only
// ever added, so copying them after the database leaves none of its references without bytes.

const blobPrefix = "blobs/"

var errBackupEngine = errors.New("with PostgreSQL, back up the database with pg_dump and copy keys/ of the data directory and blobs/, or the bucket that is configured")

// writeBackup writes a backup while the server may run, and returns its size. A file that could not be written whole
// does not stay under the name.
func writeBackup(ctx context.Context, d *db.DB, blobs blob.Store, data, file string) (size int64, err error) {
	if d.Engine != db.SQLite {
		return 0, errBackupEngine
	}
	if exists(file) {
		return 0, fmt.Errorf("%s exists: choose another name", file)
	}
	dir, err := os.MkdirTemp(filepath.Join(data, "backups"), "tmp-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	copied := filepath.Join(dir, "entraide.db")
	err = d.Exclusive(ctx, func(c *sql.Conn) error {
		_, err := c.ExecContext(ctx, "VACUUM INTO $1", copied)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("copy database: %w", err)
	}
	part := file + ".part"
	out, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	err = pack(ctx, out, copied, filepath.Join(data, "keys"), blobs)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return 0, errors.Join(err, os.Remove(part))
	}
	if err := os.Rename(part, file); err != nil {
		return 0, err
	}
	st, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

func pack(ctx context.Context, out io.Writer, database, keys string, blobs blob.Store) error {
	zip := gzip.NewWriter(out)
	tw := tar.NewWriter(zip)
	if err := packFile(tw, database, "entraide.db"); err != nil {
		return err
	}
	entries, err := os.ReadDir(keys)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			if err := packFile(tw, filepath.Join(keys, e.Name()), "keys/"+e.Name()); err != nil {
				return err
			}
		}
	}
	err = blobs.Walk(ctx, func(ref blob.Ref, _ time.Time) error {
		f, err := blobs.Open(ctx, ref.Hash)
		if err != nil {
			return err
		}
		err = packStream(tw, f, ref.Size, blobPrefix+ref.Hash)
		return errors.Join(err, f.Close())
	})
	return errors.Join(err, tw.Close(), zip.Close())
}

func packFile(tw *tar.Writer, path, name string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err == nil {
		err = packStream(tw, f, st.Size(), name)
	}
	return errors.Join(err, f.Close())
}

func packStream(tw *tar.Writer, r io.Reader, size int64, name string) error {
	if err := tw.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, err := io.Copy(tw, r); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// readBackup unpacks a backup into an empty or absent data directory, and its attachments into the store that is configured.
func readBackup(ctx context.Context, file string, cfg config.Config) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	zip, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("%s is no backup of Entraide: %w", file, err)
	}
	tr := tar.NewReader(zip)
	first := true
	var blobs blob.Store
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) && !first {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s is damaged: %w", file, err)
		}
		if first && h.Name != "entraide.db" {
			return fmt.Errorf("%s is no backup of Entraide", file)
		}
		if first {
			first = false
			if blobs, err = blob.Open(cfg); err != nil {
				return err
			}
		}
		if hash, ok := strings.CutPrefix(h.Name, blobPrefix); ok {
			err = unpackBlob(ctx, tr, hash, blobs)
		} else {
			err = unpack(tr, h, cfg.Data)
		}
		if err != nil {
			return err
		}
	}
}

// unpackBlob stores bytes under their hash, and notices when they are not those that were backed up.
func unpackBlob(ctx context.Context, r io.Reader, hash string, blobs blob.Store) error {
	ref, err := blobs.Put(ctx, r, 0)
	if err == nil && ref.Hash != hash {
		err = fmt.Errorf("attachment %.12s… is damaged in the backup", hash)
	}
	return err
}

// unpack writes one entry, only below data and only where a backup has files.
func unpack(r io.Reader, h *tar.Header, data string) error {
	if h.Typeflag != tar.TypeReg || !filepath.IsLocal(h.Name) ||
		h.Name != "entraide.db" && !strings.HasPrefix(h.Name, "keys/") {
		return fmt.Errorf("%q does not belong into a backup: %w", h.Name, errs.Invalid)
	}
	path := filepath.Join(data, filepath.FromSlash(h.Name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, r)
	return errors.Join(err, out.Sync(), out.Close())
}
