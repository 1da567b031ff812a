package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "entraide.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDefaultsAreValid(t *testing.T) {
	c, err := load("", nil, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if c != Default() || c.Listen != "127.0.0.1:8080" || c.Limits.Upload != 25<<20 {
		t.Errorf("got %+v", c)
	}
}

func TestPrecedence(t *testing.T) {
	file := write(t, `
data = "/file"
listen = "0.0.0.0:1"
base_url = "https://aide.example.org"
[limits]
upload = "10 MiB"
body = 2048
[session]
idle = "8h"
[smtp]
host = "mail"
from = "Aide <aide@example.org>"
`)
	c, err := load(file, []string{"ENTRAIDE_LISTEN=0.0.0.0:2", "ENTRAIDE_DATA=/env", "ENTRAIDE_SMTP_PORT=25",
		"ENTRAIDE_LIMITS_MAIL=1 KiB", "ENTRAIDE_SESSION_MAX=9h", "ENTRAIDE_CONFIG=x", "ENTRAIDE_TEST_X=y", "HOME=/x"}, Config{Data: "/flag"})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Data, want.Listen, want.BaseURL = "/flag", "0.0.0.0:2", "https://aide.example.org"
	want.Limits = Limits{Upload: 10 << 20, Body: 2048, Mail: 1024}
	want.Session = Session{Idle: 8 * time.Hour, Max: 9 * time.Hour}
	want.SMTP.Host, want.SMTP.From, want.SMTP.Port = "mail", "Aide <aide@example.org>", 25
	if c != want {
		t.Errorf("got\n%s\nwant\n%s", c, want)
	}
}

func TestProblemsNamePlaceKeyAndRemedy(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		env  []string
		flag Config
		want []string
	}{
		"misspelt":        {file: "\nlisen = \"x\"", want: []string{"entraide.toml:2", "unknown key lisen", "did you mean listen?"}},
		"in a table":      {file: "[smtp]\nport = 25\nhots = \"x\"", want: []string{"entraide.toml:3", "smtp.hots", "did you mean smtp.host?"}},
		"wrong table":     {file: "password = \"x\"", want: []string{"entraide.toml:1", "did you mean smtp.password?"}},
		"unknown table":   {file: "[ldap]\nserver = \"x\"\nuser = 1", want: []string{"entraide.toml:1", "unknown key ldap", "known are data, listen"}},
		"two at once":     {file: "lisen = \"x\"\ndta = \"y\"", want: []string{"mean listen?", "mean data?"}},
		"bad TOML":        {file: "data = \"x\"\nlisten = ", want: []string{"entraide.toml:2", "listen"}},
		"wrong type":      {file: "data = \"x\"\n[smtp]\nport = \"abc\"", want: []string{"entraide.toml:3", "smtp.port"}},
		"bad size":        {file: "[limits]\nupload = \"big\"", want: []string{"entraide.toml:2", "limits.upload", "25 MiB"}},
		"bad value":       {file: "\n[log]\nlevel = \"loud\"", want: []string{"entraide.toml:3", "log.level", "debug, info"}},
		"bad environment": {env: []string{"ENTRAIDE_LISTEN=8080"}, want: []string{"environment ENTRAIDE_LISTEN", "listen", "host:port"}},
		"bad number":      {env: []string{"ENTRAIDE_SMTP_PORT=x"}, want: []string{"ENTRAIDE_SMTP_PORT", "whole number"}},
		"bad duration":    {env: []string{"ENTRAIDE_SESSION_IDLE=3 days"}, want: []string{"ENTRAIDE_SESSION_IDLE", "168h"}},
		"unknown variable": {env: []string{"ENTRAIDE_BASEURL=x"},
			want: []string{"unknown variable ENTRAIDE_BASEURL", "did you mean ENTRAIDE_BASE_URL?"}},
		"bad flag":     {flag: Config{BaseURL: "aide.example.org"}, want: []string{"command line", "base_url", "https://"}},
		"database":     {flag: Config{Database: "mysql://u:hunter2@h/d"}, want: []string{"database", "postgres://"}},
		"slash":        {flag: Config{BaseURL: "https://a.example/"}, want: []string{"no slash"}},
		"mail":         {flag: Config{SMTP: SMTP{Host: "mail"}}, want: []string{"smtp.from", "smtp.host is set"}},
		"token":        {flag: Config{Metrics: Metrics{Token: "hunter2"}}, want: []string{"metrics.token", "16"}},
		"proxies":      {flag: Config{Proxies: "10.0.0.1, nonsense"}, want: []string{"proxies", "nonsense"}},
		"session":      {flag: Config{Session: Session{Max: time.Hour}}, want: []string{"session.max"}},
		"missing file": {file: "-", want: []string{"configuration file", "nowhere.toml"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := ""
			if c.file == "-" {
				file = filepath.Join(t.TempDir(), "nowhere.toml")
			} else if c.file != "" {
				file = write(t, c.file)
			}
			_, err := load(file, c.env, c.flag)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q shows the password", err)
			}
		})
	}
}

func TestUnknownTableIsReportedOnce(t *testing.T) {
	_, err := load(write(t, "[ldap]\nserver = \"x\"\nuser = 1"), nil, Config{})
	if n := strings.Count(fmt.Sprint(err), "unknown key"); n != 1 {
		t.Errorf("%d reports in %v", n, err)
	}
}

func TestSecretsStayHidden(t *testing.T) {
	c := Default()
	c.SMTP.Password, c.Metrics.Token = "hunter2", "hunter2hunter2hunter2"
	c.Database, c.Blob = "postgres://u:hunter2@db/e?sslpassword=hunter2", "s3://AKIA:hunter2@store/bucket"
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "config", c, "password", c.SMTP.Password, "db", c.Database)
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for how, text := range map[string]string{
		"String": c.String(), "%v": fmt.Sprintf("%v %+v", c, c), "%#v": fmt.Sprintf("%#v", c), "log": log.String(), "JSON": string(asJSON),
	} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("%s shows a secret: %s", how, text)
		}
	}
	if !strings.Contains(c.String(), "postgres://u:xxxxx@db/e") || !strings.Contains(log.String(), "smtp.port") {
		t.Errorf("too much is hidden: %s %s", c, log.String())
	}
	if c.SMTP.Password.Reveal() != "hunter2" || c.Blob.Reveal() != "s3://AKIA:hunter2@store/bucket" {
		t.Error("Reveal does not")
	}
}

func TestTrustedProxies(t *testing.T) {
	c := Config{Proxies: "10.0.0.5, 192.168.1.9/24 ::1"}
	if got := fmt.Sprint(c.TrustedProxies()); got != "[10.0.0.5/32 192.168.1.0/24 ::1/128]" {
		t.Errorf("got %s", got)
	}
}

func TestBytes(t *testing.T) {
	for in, want := range map[string]string{
		"25 MiB": "25 MiB", "1048576": "1 MiB", "500KB": "500000 B", "1.5 GiB": "1536 MiB", "10 Mo": "10000000 B", "0": "0 B",
		"-1": "", "": "", "MiB": "", "12 apples": "", "1e30 GiB": "", "NaN": "",
	} {
		var b Bytes
		err := b.UnmarshalText([]byte(in))
		if (err != nil) != (want == "") || err == nil && b.String() != want {
			t.Errorf("%q = %s, %v; want %s", in, b, err, want)
		}
	}
}
