package config

import (
	"strings"
	"testing"
)

func TestBucket(t *testing.T) {
	for in, want := range map[string]Bucket{
		"s3://k:s%2Fx@s3.example.com/aide":                      {Host: "s3.example.com", Name: "aide", Key: "k", Secret: "s/x"},
		"s3://k:s@10.0.0.1:9000/aide/a/b/?tls=none&region=eu-1": {Host: "10.0.0.1:9000", Name: "aide", Prefix: "a/b/", Key: "k", Secret: "s", Region: "eu-1", Plain: true},
	} {
		if got, err := Address(in).Bucket(); got != want || err != nil {
			t.Errorf("%s: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "s3://", "http://k:hidden@h/b", "s3://h/b", "s3://k@h/b", "s3://k:hidden@h", "s3://k:hidden@h/", "s3://k:hidden@h/b?tls=off", "s3://k:hidden@h/b?zone=1", "s3://k:hid%zz@h/b"} {
		if _, err := Address(in).Bucket(); err == nil || strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "hid%zz") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestDatabaseAddresses(t *testing.T) {
	for in, ok := range map[Address]bool{
		"":                                     true,
		"postgres://u:p@db.example/entraide":   true,
		"postgresql:///entraide":               true,
		"postgres:///entraide?host=/run/pg":    true,
		"postgres://postgres@/a?host=/run/pg":  true,
		"postgres://":                          false,
		"mysql://u:p@h/d":                      false,
		"/var/lib/entraide.db":                 false,
		"postgres://u:%zz@db.example/entraide": false,
	} {
		if wrong := database(in); (wrong == "") != ok {
			t.Errorf("%s: %q", string(in), wrong)
		}
	}
}
