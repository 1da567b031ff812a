// Package cli is the command line: `entraide serve` and everything an administrator does beside it.
//
// Exit status: 0 done, 1 failed, 2 misused. Commands that deliver mail use the codes of sysexits.h instead.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/obs"
)

// Roof is what the roof lends the command line.
type Roof struct {
	Version string
	// Serve runs the product until ctx ends. ready is called once it serves, with its address and the path of the
	// first administrator's link, "" when there is an administrator.
	Serve func(ctx context.Context, cfg config.Config, ready func(url, welcome string)) error
	// Open opens an installation, beside a running server too.
	Open func(ctx context.Context, cfg config.Config) (*db.DB, blob.Store, error)
	// Prepare gives a fresh installation its first teams and queues.
	Prepare func(ctx context.Context, d *db.DB) error
	// DatabaseURL is where a configuration's database is.
	DatabaseURL func(cfg config.Config) string
}

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// common are the flags every command understands.
type common struct {
	Config   string `help:"Configuration file (TOML)." type:"path" env:"ENTRAIDE_CONFIG" placeholder:"FILE"`
	Data     string `help:"Data directory." type:"path" placeholder:"DIR"`
	Database string `help:"postgres://… ; absent = SQLite in the data directory." placeholder:"URL"`
	JSON     bool   `help:"Print data as JSON." name:"json"`
}

// load reads the configuration with the flags on top.
func (c common) load(more config.Config) (config.Config, error) {
	if c.Data != "" {
		more.Data = c.Data
	}
	if c.Database != "" {
		more.Database = config.Address(c.Database)
	}
	return config.Load(c.Config, more)
}

type commands struct {
	Serve   serveCmd   `cmd:"" help:"Run the product."`
	Demo    demoCmd    `cmd:"" help:"Run the product with an invented organisation, on a data directory of its own."`
	Migrate migrateCmd `cmd:"" help:"Bring the database schema up to date."`
	Doctor  doctorCmd  `cmd:"" help:"Check the health of the installation."`
	User    userCmd    `cmd:"" help:"People."`
	Token   tokenCmd   `cmd:"" help:"API tokens."`
	Import  importCmd  `cmd:"" help:"Take in tickets or people."`
	Mail    mailCmd    `cmd:"" help:"Incoming mail."`
	Hours   hoursCmd   `cmd:"" help:"Ask calendars of working hours: deadlines, time worked, open or closed."`
	Backup  backupCmd  `cmd:"" help:"Write everything into one file, also while the server runs."`
	Restore restoreCmd `cmd:"" help:"Make an empty data directory from a backup."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// run is what a command gets.
type run struct {
	Roof
	Streams
	ctx context.Context
	loc i18n.Loc
}

// exit is an error with a status of its own.
type exit struct {
	status int
	err    error
}

func (e exit) Error() string { return e.err.Error() }
func (e exit) Unwrap() error { return e.err }

// Main runs the command line and returns the exit status.
func Main(ctx context.Context, args []string, s Streams, roof Roof) int {
	var c commands
	status := -1
	k, err := kong.New(&c, kong.Name("entraide"), kong.Description("The support centre of an organisation, in one program."),
		kong.UsageOnError(), kong.Writers(s.Out, s.Err), kong.Exit(func(n int) { status = n }))
	if err != nil {
		fmt.Fprintln(s.Err, "entraide:", err)
		return 1
	}
	parsed, err := k.Parse(args)
	if status >= 0 { // --help
		return status
	}
	if err != nil {
		fmt.Fprintf(s.Err, "entraide: %v\nTry entraide --help.\n", err)
		return 2
	}
	r := &run{Roof: roof, Streams: s, ctx: ctx, loc: i18n.New(string(i18n.Match(language(), "")), "")}
	err = parsed.Run(r)
	if err == nil {
		return 0
	}
	fmt.Fprintln(s.Err, "entraide:", r.words(err))
	var e exit
	if errors.As(err, &e) {
		return e.status
	}
	return 1
}

// language is the terminal's.
func language() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			return strings.SplitN(v, "_", 2)[0]
		}
	}
	return "en"
}

// words is an error in plain words: the sentence for people when it carries one.
func (r *run) words(err error) string {
	if fields := errs.Fields(err); len(fields) > 0 {
		var lines []string
		for _, f := range fields {
			lines = append(lines, f.Name+": "+r.loc.T(f.Key, f.Args...))
		}
		return strings.Join(lines, "\n")
	}
	if key, args, ok := errs.Reason(err); ok {
		return r.loc.T(key, args...)
	}
	return obs.Redact(err.Error())
}

// with opens the installation, calls f and closes it.
func (r *run) with(c common, f func(cfg config.Config, d *db.DB, blobs blob.Store) error) error {
	cfg, err := c.load(config.Config{})
	if err != nil {
		return exit{2, err}
	}
	d, blobs, err := r.Open(r.ctx, cfg)
	if err != nil {
		return err
	}
	if err := r.Prepare(r.ctx, d); err != nil {
		return errors.Join(err, d.Close())
	}
	return errors.Join(f(cfg, d, blobs), d.Close())
}

// operator is who acts on the command line: whoever can read the data directory administers it.
func operator() auth.Actor { return auth.System("command line") }

func (r *run) say(format string, args ...any) { fmt.Fprintf(r.Out, format+"\n", args...) }

type versionCmd struct{}

func (versionCmd) Run(r *run) error {
	r.say("entraide %s", r.Version)
	return nil
}

// exists reports whether a path is there.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func databaseFile(cfg config.Config) string { return filepath.Join(cfg.Data, "entraide.db") }
