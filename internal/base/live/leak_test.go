package live_test

import (
	"testing"

	"go.uber.org/goleak"
)

// Streams that ended have left nothing behind.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("entraide/internal/base/db/dbtest.StartServer.func2")) // waits for the server
}
