package job_test

import (
	"testing"

	"go.uber.org/goleak"
)

// A runner that ended has left nothing behind.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("entraide/internal/base/db/dbtest.StartServer.func2")) // waits for the server
}
