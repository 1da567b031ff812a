package config_test

import (
	"testing"

	"entraide/internal/base/config"
)

func TestHost(t *testing.T) {
	for base, want := range map[string]string{"https://aide.exemple.fr": "aide.exemple.fr", "http://127.0.0.1:8080": "127.0.0.1", "": "localhost", "://": "localhost"} {
		if got := config.Host(base); got != want {
			t.Errorf("Host(%q) = %q, want %q", base, got, want)
		}
	}
}
