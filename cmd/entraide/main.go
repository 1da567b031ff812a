// Command entraide is the support centre of an organisation: `entraide serve` runs it, `entraide demo` shows it.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // a static program on a bare machine still knows time zones

	"entraide/internal/app"
	"entraide/internal/door/cli"
)

func main() {
	roof := cli.Roof{Version: app.Version, Serve: app.Serve, Open: app.Open, Prepare: app.Prepare, DatabaseURL: app.DatabaseURL}
	os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, roof))
}
