package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"entraide/internal/base/config"
	"entraide/internal/base/errs"
)

// Waiting for the store of objects: a person looks at the page meanwhile.
const (
	s3Dial   = 5 * time.Second
	s3Answer = 30 * time.Second // until an answer begins
	s3Tries  = 4                // of one request, with growing pauses
	s3Start  = 5 * time.Second  // for the look at the bucket when the program starts
	s3Fresh  = time.Hour        // since when a content counts as just put
)

// S3 is a Store in a bucket of any store that speaks the protocol of Amazon S3: ab/cdef… by hash, as Dir names its files,
// so that a directory copied into a bucket is found there. What is being written waits in a local directory.
type S3 struct {
	config.Bucket
	client *minio.Client
	tmp    string
}

var _ Store = (*S3)(nil)

// OpenS3 prepares the store; tmp is a local directory for what is being written. A store that is away at the moment is no
// error: the rest of the product works without it.
func OpenS3(b config.Bucket, tmp string) (*S3, error) {
	client, err := minio.New(b.Host, &minio.Options{
		Creds:      credentials.NewStaticV4(b.Key, b.Secret.Reveal(), ""),
		Secure:     !b.Plain,
		Region:     b.Region,
		MaxRetries: s3Tries,
		Transport: &http.Transport{ // not the guarded client: like the database, the operator named it
			DialContext:           (&net.Dialer{Timeout: s3Dial}).DialContext,
			TLSHandshakeTimeout:   s3Dial,
			ResponseHeaderTimeout: s3Answer,
			MaxIdleConnsPerHost:   16,
			IdleConnTimeout:       time.Minute,
			DisableCompression:    true, // contents are opaque
		},
	})
	if err != nil {
		return nil, fmt.Errorf("blob store: %w", err)
	}
	return &S3{b, client, tmp}, openTmp(tmp)
}

// Check implements Store: it asks for the bucket.
func (s *S3) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s3Start)
	defer cancel()
	there, err := s.client.BucketExists(ctx, s.Name)
	switch r := minio.ToErrorResponse(err); {
	case err == nil && there:
		return nil
	case err == nil:
		return errs.Because(errs.Invalid, "base.blob_no_bucket", "host", s.Host, "bucket", s.Name)
	case r.StatusCode == http.StatusForbidden || r.StatusCode == http.StatusUnauthorized:
		return errs.Because(errs.Forbidden, "base.blob_refused", "host", s.Host, "bucket", s.Name, "why", r.Code)
	default:
		return fmt.Errorf("%w: %w", errs.Because(errs.Unavailable, "base.blob_away", "host", s.Host, "why", err.Error()), err)
	}
}

func (s *S3) key(hash string) string { return s.Prefix + hash[:2] + "/" + hash[2:] }

// Put implements Store.
func (s *S3) Put(ctx context.Context, r io.Reader, limit int64) (ref Ref, err error) {
	f, ref, err := spool(ctx, s.tmp, r, limit)
	if err != nil {
		return Ref{}, err
	}
	defer func() {
		if err = errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
			ref = Ref{}
		}
	}()
	key := s.key(ref.Hash)
	kept, err := s.client.StatObject(ctx, s.Name, key, minio.StatObjectOptions{})
	switch {
	case err == nil && kept.Size == ref.Size && time.Since(kept.LastModified) < s3Fresh:
	case err == nil || missing(err):
		// An old one is sent again: that alone makes it young everywhere, as copying it onto itself does not.
		if _, err = f.Seek(0, io.SeekStart); err == nil {
			// The store compares the MD5; signing the content in pieces beside it is what some stores do not understand.
			_, err = s.client.PutObject(ctx, s.Name, key, f, ref.Size, minio.PutObjectOptions{
				ContentType: "application/octet-stream", SendContentMd5: true, DisableContentSha256: true})
		}
	}
	return ref, s.failed("put", ref.Hash, err)
}

// Open implements Store.
func (s *S3) Open(ctx context.Context, hash string) (io.ReadSeekCloser, error) {
	if !validHash(hash) {
		return nil, fmt.Errorf("open %.80q: %w", hash, ErrNotFound)
	}
	o, err := s.client.GetObject(ctx, s.Name, s.key(hash), minio.GetObjectOptions{})
	if err != nil {
		return nil, s.failed("open", hash, err)
	}
	if _, err := o.Stat(); err != nil { // nothing was asked before
		return nil, errors.Join(s.failed("open", hash, err), o.Close())
	}
	return o, nil
}

// Stat implements Store.
func (s *S3) Stat(ctx context.Context, hash string) (Ref, error) {
	if !validHash(hash) {
		return Ref{}, fmt.Errorf("stat %.80q: %w", hash, ErrNotFound)
	}
	o, err := s.client.StatObject(ctx, s.Name, s.key(hash), minio.StatObjectOptions{})
	if err != nil {
		return Ref{}, s.failed("stat", hash, err)
	}
	return Ref{hash, o.Size}, nil
}

// Delete implements Store.
func (s *S3) Delete(ctx context.Context, hash string) error {
	if !validHash(hash) {
		return nil
	}
	err := s.client.RemoveObject(ctx, s.Name, s.key(hash), minio.RemoveObjectOptions{})
	if missing(err) {
		return nil
	}
	return s.failed("delete", hash, err)
}

// Walk implements Store. Objects that are not named like contents are passed over.
func (s *S3) Walk(ctx context.Context, f func(Ref, time.Time) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for o := range s.client.ListObjectsIter(ctx, s.Name, minio.ListObjectsOptions{Prefix: s.Prefix, Recursive: true}) {
		if o.Err != nil {
			return s.failed("walk", s.Name, o.Err)
		}
		head, tail, _ := strings.Cut(strings.TrimPrefix(o.Key, s.Prefix), "/")
		if len(head) != 2 || !validHash(head+tail) {
			continue
		}
		if err := f(Ref{head + tail, o.Size}, o.LastModified); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func missing(err error) bool {
	return err != nil && minio.ToErrorResponse(err).Code == minio.NoSuchKey
}

// failed says in our errors what the store said. A call that was given up keeps its own reason.
func (s *S3) failed(verb, hash string, err error) error {
	switch {
	case err == nil:
		return nil
	case missing(err):
		return fmt.Errorf("%s %s: %w", verb, hash, ErrNotFound)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s %s: %w", verb, hash, err)
	default:
		return fmt.Errorf("%s %s: blob store %s: %w: %w", verb, hash, s.Host, errs.Unavailable, err)
	}
}
