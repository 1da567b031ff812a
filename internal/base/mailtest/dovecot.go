// Package mailtest runs Debian's mail servers for tests: Dovecot (IMAP) and Postfix (SMTP), on loopback, each with its own
// directories, ended with the test.
package mailtest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// Dovecot is Debian's IMAP server on a port of its own, with its own directories.
type Dovecot struct {
	Dir  string // its mail is in mail/<user>, as Maildir
	Port int    // of IMAP, without TLS
	t    *testing.T
	cmd  *exec.Cmd
}

const conf = `
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:%[1]s/mail/%%u
first_valid_uid = 1
default_internal_user = %[3]s
default_internal_group = %[4]s
default_login_user = %[3]s
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=%[3]s gid=%[4]s home=%[1]s/mail/%%u
}
service imap-login {
  chroot =
  inet_listener imap {
    port = %[2]d
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
`

// StartDovecot starts a server where anybody signs in with the password "secret".
func StartDovecot(t *testing.T) *Dovecot {
	t.Helper()
	dir, err := os.MkdirTemp("", "entraide-imap-") // short: sockets have short names
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	for _, d := range []string{"", "mail", "run", "state"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	who, group := owner(t)
	if os.Getuid() == 0 {
		if err := os.Chown(filepath.Join(dir, "mail"), 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	s := &Dovecot{t: t, Dir: dir, Port: freePort(t)}
	if err := os.WriteFile(filepath.Join(dir, "conf"), fmt.Appendf(nil, conf, dir, s.Port, who, group), 0o644); err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// owner is as whom the server reads mail: it refuses to do so as root.
func owner(t *testing.T) (name, group string) {
	t.Helper()
	if os.Getuid() == 0 {
		return "nobody", "nogroup"
	}
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		t.Fatal(err)
	}
	return u.Username, g.Name
}

// Start starts it again after Stop.
func (s *Dovecot) Start() {
	s.t.Helper()
	s.cmd = exec.Command("/usr/sbin/dovecot", "-F", "-c", filepath.Join(s.Dir, "conf"))
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	var said bytes.Buffer
	s.cmd.Stderr = &said
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("Debian's dovecot-imapd is missing (scripts/setup installs it): %v", err)
	}
	answers(s.t, "IMAP", s.Address())
}

// Stop ends it; connections break.
func (s *Dovecot) Stop() {
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Error(err)
	}
	if err := s.cmd.Wait(); err != nil {
		log, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
		s.t.Logf("dovecot: %v\n%s", err, log)
	}
	s.cmd = nil
}

// Address is where IMAP answers.
func (s *Dovecot) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// Client signs in as a person with a mail program would.
func (s *Dovecot) Client(who string) *imapclient.Client {
	s.t.Helper()
	c, err := imapclient.DialInsecure(s.Address(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := c.Login(who, "secret").Wait(); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// Append puts a message into a folder as it is.
func (s *Dovecot) Append(who, folder, raw string) {
	s.t.Helper()
	c := s.Client(who)
	cmd := c.Append(folder, int64(len(raw)), nil)
	if _, err := io.WriteString(cmd, raw); err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Close(); err != nil {
		s.t.Fatal(err)
	}
	if _, err := cmd.Wait(); err != nil {
		s.t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		s.t.Fatal(err)
	}
}

// Unseen counts what nobody has read in the folder, and all of it.
func (s *Dovecot) Unseen(who, folder string) (unread, all uint32) {
	s.t.Helper()
	c := s.Client(who)
	defer func() {
		if err := c.Close(); err != nil {
			s.t.Error(err)
		}
	}()
	st, err := c.Status(folder, &imap.StatusOptions{NumMessages: true, NumUnseen: true}).Wait()
	if err != nil {
		s.t.Fatal(err)
	}
	return *st.NumUnseen, *st.NumMessages
}

// For gives the running server to another test.
func (s *Dovecot) For(t *testing.T) *Dovecot { return &Dovecot{Dir: s.Dir, Port: s.Port, t: t} }

// answers waits until a server takes connections.
func answers(t *testing.T, what, address string) {
	t.Helper()
	Eventually(t, "the "+what+" server answers", func() bool {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
}

// freePort finds a port on which nothing listens.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}

// Eventually waits for something to become true, half a minute at most.
func Eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(30 * time.Second)
	for !f() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("never: %s", what)
		}
	}
}
