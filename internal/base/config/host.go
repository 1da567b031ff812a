package config

import "net/url"

// Host is the host name of a base URL, "localhost" without one: the right side of message ids, and the mark by which
// our own mail is known.
func Host(baseURL string) string {
	if u, err := url.Parse(baseURL); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	return "localhost"
}
