package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"entraide/internal/base/db"
)

// server starts PostgreSQL once per test binary; the kernel ends it with the binary.
var server = sync.OnceValues(func() (string, error) {
	if u := os.Getenv("ENTRAIDE_TEST_POSTGRES"); u != "" {
		return u, nil
	}
	s, err := StartServer()
	if err != nil {
		return "", err
	}
	return s.URL, nil
})

// Server is a throw-away PostgreSQL server. It keeps nothing safe: it is for tests.
type Server struct {
	URL string // of its maintenance database
	PID int

	dir     string
	command func() *exec.Cmd
	exited  chan error
}

// StartServer starts a server in a temporary directory, on a Unix socket. It ends with this process at the latest.
// settings ("fsync=on") come after those that make it quick and careless.
func StartServer(settings ...string) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	sweep()
	dir, err := os.MkdirTemp("", "entraide-pg-")
	if err != nil {
		return nil, err
	}
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		if attr.Credential, err = postgresUser(); err != nil {
			return nil, err
		}
		if err := os.Chown(dir, int(attr.Credential.Uid), int(attr.Credential.Gid)); err != nil {
			return nil, err
		}
	}
	command := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(filepath.Join(bin, name), args...)
		c.SysProcAttr, c.Dir = attr, dir
		return c
	}
	if out, err := command("initdb", "-D", dir+"/data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	args := []string{"-D", dir + "/data", "-k", dir}
	for _, o := range append([]string{"listen_addresses=", "fsync=off", "full_page_writes=off", "synchronous_commit=off",
		"max_connections=200", "autovacuum=off", "jit=off"}, settings...) {
		args = append(args, "-c", o)
	}
	s := &Server{URL: "postgres://postgres@/postgres?host=" + dir, dir: dir, command: func() *exec.Cmd { return command("postgres", args...) }}
	return s, s.start()
}

// start runs the server on its directory and waits until it answers.
func (s *Server) start() error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	c := s.command()
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		return errors.Join(err, log.Close())
	}
	exited := make(chan error, 1)
	s.PID, s.exited = c.Process.Pid, exited
	go func() { exited <- errors.Join(c.Wait(), log.Close()) }()
	return s.ready()
}

// Restart stops the server as an operator does, which ends every connection in the middle of what it does, and starts it
// again on the same data.
func (s *Server) Restart() error {
	if err := syscall.Kill(s.PID, syscall.SIGINT); err != nil {
		return err
	}
	if err := <-s.exited; err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	return s.start()
}

// ready waits until the server accepts connections.
func (s *Server) ready() error {
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if d, err := db.Open(context.Background(), db.Options{URL: s.URL, MaxConns: 1}); err == nil {
			return d.Close()
		}
		select {
		case err := <-s.exited:
			out, _ := os.ReadFile(filepath.Join(s.dir, "log")) // best effort, for the message
			return fmt.Errorf("postgres ended: %w: %s", err, out)
		case <-deadline:
			return errors.New("postgres did not start within 30 s")
		case <-tick.C:
		}
	}
}

// Stop ends the server and removes its directory.
func (s *Server) Stop() error {
	if err := syscall.Kill(s.PID, syscall.SIGQUIT); err != nil {
		return err
	}
	<-s.exited // its exit status says only that it was told to
	return os.RemoveAll(s.dir)
}

func binaries() (string, error) {
	bins, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(bins) == 0 {
		return "", errors.New("PostgreSQL is not installed: run apt-get install postgresql, or set ENTRAIDE_TEST_POSTGRES")
	}
	return filepath.Dir(bins[len(bins)-1]), nil
}

func postgresUser() (*syscall.Credential, error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

// sweep removes the directories of servers that ended with their test binary.
func sweep() {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), "entraide-pg-*"))
	if err != nil {
		return
	}
	for _, d := range dirs {
		// A young one may be in the hands of initdb, whose process id says nothing.
		if info, err := os.Stat(d); err == nil && time.Since(info.ModTime()) > sweepAfter && !serves(d) {
			_ = os.RemoveAll(d) // housekeeping; the next run tries again
		}
	}
}

// sweepAfter is how long a directory is left alone whatever it looks like.
const sweepAfter = 10 * time.Minute

// serves reports whether the server of a directory runs, or may.
func serves(dir string) bool {
	b, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		return !errors.Is(err, os.ErrNotExist) // the server takes the file away when it ends
	}
	pid, err := strconv.Atoi(strings.SplitN(string(b), "\n", 2)[0])
	return err != nil || pid <= 0 || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) // initdb writes a negative one
}
