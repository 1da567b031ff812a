// Command withpostgres runs a command with one throw-away PostgreSQL server for all the tests it starts:
// `withpostgres go test ./...`. The server listens on a Unix socket only and ends with the command, whose exit status
// is passed on. If ENTRAIDE_TEST_POSTGRES names a server already, the command just runs.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"entraide/internal/base/db/dbtest"
)

const variable = "ENTRAIDE_TEST_POSTGRES"

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: withpostgres command [argument...]")
		os.Exit(2)
	}
	status, err := run(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "withpostgres:", err)
		os.Exit(1)
	}
	os.Exit(status)
}

func run(name string, args []string) (status int, err error) {
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr, c.Env = os.Stdout, os.Stderr, os.Environ()
	if os.Getenv(variable) == "" {
		s, startErr := dbtest.StartServer()
		if startErr != nil {
			return 0, startErr
		}
		defer func() { err = errors.Join(err, s.Stop()) }()
		c.Env = append(c.Env, variable+"="+s.URL)
	}
	// Whoever ends us ends the command; we stay until it has ended, to stop the server.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := c.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for {
		select {
		case s := <-signals:
			if err := c.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
				return 0, err
			}
		case err := <-ended:
			var exit *exec.ExitError
			if !errors.As(err, &exit) {
				return 0, err
			}
			if exit.ExitCode() < 0 {
				return 1, nil // by a signal
			}
			return exit.ExitCode(), nil
		}
	}
}
