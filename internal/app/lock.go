package app

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock makes sure that one process serves a SQLite database: it alone runs jobs. The kernel lets go of the lock when
// the process ends, however it ends.
func lock(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another entraide serves this data directory (%s): stop it first, or use PostgreSQL to run several", path), f.Close())
	}
	return f.Close, nil
}
