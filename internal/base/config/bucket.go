package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Bucket is a place in a store of objects: s3://KEY:SECRET@HOST[:PORT]/BUCKET[/PREFIX][?region=REGION][&tls=none].
type Bucket struct {
	Host, Name string
	Prefix     string // "" or with a slash at its end
	Key        string
	Secret     Secret
	Region     string // "" = the store is asked
	Plain      bool   // http, for a store on the same machine or network
}

// Bucket reads an address that starts with s3://. Its errors say what is wrong and repeat no secret.
func (a Address) Bucket() (b Bucket, err error) {
	u, err := url.Parse(a.Reveal())
	if err != nil || u.Scheme != "s3" || u.Host == "" {
		return b, errors.New("write s3://KEY:SECRET@HOST/BUCKET; special characters of the secret as %XX")
	}
	b.Host, b.Key = u.Host, u.User.Username()
	secret, _ := u.User.Password()
	b.Secret = Secret(secret)
	if b.Key == "" || b.Secret == "" {
		return b, errors.New("the key and the secret are missing: s3://KEY:SECRET@HOST/BUCKET")
	}
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if b.Name = bucket; b.Name == "" {
		return b, errors.New("the bucket is missing: s3://KEY:SECRET@HOST/BUCKET")
	}
	if prefix != "" {
		b.Prefix = prefix + "/"
	}
	q := u.Query()
	for name := range q {
		if !slices.Contains([]string{"region", "tls"}, name) {
			return b, fmt.Errorf("%.40q is not known; region and tls are", name)
		}
	}
	b.Region = q.Get("region")
	switch tls := q.Get("tls"); tls {
	case "", "on":
	case "none":
		b.Plain = true
	default:
		return b, errors.New("tls is on or none")
	}
	return b, nil
}
