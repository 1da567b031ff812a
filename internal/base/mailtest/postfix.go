package mailtest

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Postfix is Debian's SMTP server on a port of its own. It needs root, as the program does.
type Postfix struct {
	Dir  string
	Port int
	t    *testing.T
	cmd  *exec.Cmd
}

const mainCF = `
compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = %[1]s/log/mail
maillog_file_prefixes = %[1]s/log
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
myhostname = mx.exemple.fr
mydestination =
alias_maps =
recipient_delimiter = +
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
disable_dns_lookups = yes
relay_transport = error:nowhere
default_transport = error:nowhere
virtual_mailbox_domains = exemple.fr
virtual_mailbox_base = %[2]s
virtual_mailbox_maps = inline:{ %[3]s }
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 100
transport_maps = inline:{ %[4]s }
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
entraide_destination_recipient_limit = 1
`

const masterCF = `
127.0.0.1:%[1]d inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
entraide unix - n n - - pipe flags=Rq user=nobody argv=%[2]s
`

// Routes say where Postfix puts mail.
type Routes struct {
	Maildirs  string            // directory of the mailboxes it delivers itself, as Maildir: those of Dovecot
	Mailboxes []string          // addresses of those; the left side is the folder's name
	Transport map[string]string // address → "lmtp:inet:127.0.0.1:24", "entraide:"
	Pipe      string            // command of the transport "entraide", run as nobody; "" = none
}

// StartPostfix starts a server for mail to exemple.fr, from and to this machine only.
func StartPostfix(t *testing.T, r Routes) *Postfix {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("Postfix runs as root only: run these tests as root, as the continuous check does")
	}
	dir, err := os.MkdirTemp("", "entraide-smtp-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	for name, mode := range map[string]os.FileMode{"": 0o755, "queue": 0o755, "data": 0o700, "log": 0o755, "conf": 0o755} {
		if err := os.MkdirAll(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("chown", "postfix", filepath.Join(dir, "data")).CombinedOutput(); err != nil {
		t.Fatalf("Debian's postfix is missing (scripts/setup installs it): %v %s", err, out)
	}
	s := &Postfix{Dir: dir, Port: freePort(t), t: t}
	if r.Pipe == "" {
		r.Pipe = "/bin/false"
	}
	files := map[string]string{
		"main.cf":   fmt.Sprintf(mainCF, dir, r.Maildirs, r.mailboxes(), r.transports()),
		"master.cf": fmt.Sprintf(masterCF, s.Port, r.Pipe),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, "conf", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

func (r Routes) mailboxes() string {
	var list []string
	for _, a := range append(slices.Collect(maps.Keys(r.Transport)), r.Mailboxes...) {
		who, _, _ := strings.Cut(a, "@")
		list = append(list, a+"="+who+"/")
	}
	return strings.Join(append(list, "none@exemple.fr=none/"), ", ")
}

func (r Routes) transports() string {
	list := []string{"none@exemple.fr=virtual:"}
	for a, to := range r.Transport {
		list = append(list, a+"="+to)
	}
	sort.Strings(list)
	return strings.Join(list, ", ")
}

// Start starts it again after Stop; what waited in its queue goes on.
func (s *Postfix) Start() {
	s.t.Helper()
	conf := filepath.Join(s.Dir, "conf")
	if out, err := exec.Command("/usr/sbin/postfix", "-c", conf, "check").CombinedOutput(); err != nil {
		s.t.Fatalf("postfix check: %v\n%s", err, out)
	}
	s.cmd = exec.Command("/usr/lib/postfix/sbin/master", "-c", conf, "-d")
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true} // its children are its group
	var said bytes.Buffer
	s.cmd.Stderr = &said
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("Debian's postfix is missing (scripts/setup installs it): %v", err)
	}
	answers(s.t, "SMTP", s.Address())
}

// Stop ends it, and what it runs.
func (s *Postfix) Stop() {
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Error(err)
	}
	if err := s.cmd.Wait(); err != nil && s.t.Failed() {
		s.t.Logf("postfix: %v\n%s", err, s.Log())
	}
	s.cmd = nil
}

// Log is what it wrote.
func (s *Postfix) Log() string {
	b, err := os.ReadFile(filepath.Join(s.Dir, "log", "mail"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Address is where SMTP answers.
func (s *Postfix) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }
