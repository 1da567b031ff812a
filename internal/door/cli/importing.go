package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/domain/identity"
	"entraide/internal/usecase/importing"
	"entraide/internal/usecase/intake"
)

type importCmd struct {
	Tickets importTicketsCmd `cmd:"" help:"Tickets with their history, JSONL; see docs/import.md."`
	People  importPeopleCmd  `cmd:"" help:"People (and groups, in files named groups*.csv), CSV."`
	Mail    importMailCmd    `cmd:"" help:"Archives of mail: mbox, Maildir, .eml; past times are kept, nobody is told."`
}

type importFlags struct {
	common
	Paths  []string `arg:"" help:"Files." type:"existingfile"`
	DryRun bool     `help:"Check everything, change nothing."`
	Report string   `help:"Where the refused items go, JSONL (default: refused-….jsonl beside the first file, only when there are some)." type:"path"`
}

// totals is what one import did.
type totals struct {
	Imported int `json:"imported"`
	Skipped  int `json:"skipped"`
	Failed   int `json:"failed"`
}

// files runs f on each path and sums up; refused items are written to a report.
func (r *run) files(c importFlags, f func(in io.Reader, path string, refuse func(any) error) (totals, error)) error {
	var sum totals
	report := c.Report
	if report == "" {
		report = filepath.Join(filepath.Dir(c.Paths[0]), "refused-"+strings.TrimSuffix(filepath.Base(c.Paths[0]), filepath.Ext(c.Paths[0]))+".jsonl")
	}
	out := refusals{path: report}
	refuse := out.add
	var failed error
	for _, path := range c.Paths {
		in, err := os.Open(path)
		if err != nil {
			failed = err
			break
		}
		t, err := f(in, path, refuse)
		sum.Imported, sum.Skipped, sum.Failed = sum.Imported+t.Imported, sum.Skipped+t.Skipped, sum.Failed+t.Failed
		if err = errors.Join(err, in.Close()); err != nil {
			failed = fmt.Errorf("%s: %w", path, err)
			break
		}
	}
	return r.summary(c.common, &out, sum, failed)
}

// refusals is the report of refused items; the file is made with the first.
type refusals struct {
	path string
	file *os.File
}

func (x *refusals) add(v any) (err error) {
	if x.file == nil {
		if x.file, err = os.Create(x.path); err != nil {
			return err
		}
	}
	return json.NewEncoder(x.file).Encode(v)
}

// summary ends an import: where the refused items are, and what was done.
func (r *run) summary(c common, out *refusals, sum totals, failed error) error {
	if out.file != nil {
		failed = errors.Join(failed, out.file.Close())
		fmt.Fprintln(r.Err, r.loc.T("cli.import.report", "file", out.path))
	}
	if c.JSON {
		return errors.Join(failed, json.NewEncoder(r.Out).Encode(sum))
	}
	r.say("imported %d, skipped %d, failed %d", sum.Imported, sum.Skipped, sum.Failed)
	return failed
}

type importMailCmd struct {
	common
	Paths       []string `arg:"" help:"mbox files, Maildirs, folders of .eml, messages."`
	To          string   `help:"Address of the mailbox that they belong to." placeholder:"ADDRESS"`
	ClosedAfter int      `help:"Days after its last message at which a conversation counts as resolved; 0 leaves all open." default:"30"`
	DryRun      bool     `help:"Read everything, store nothing."`
	Report      string   `help:"Where the messages go that could not be taken in, JSONL (default: refused-mail.jsonl, only when there are some)." type:"path"`
}

func (c importMailCmd) Run(r *run) error {
	out := refusals{path: c.Report}
	if out.path == "" {
		out.path = "refused-mail.jsonl"
	}
	return r.with(c.common, func(cfg config.Config, d *db.DB, blobs blob.Store) error {
		o := intake.Configured(cfg)
		o.To = c.To
		im := importing.Mail{DB: d, Blobs: blobs, DryRun: c.DryRun, ClosedAfter: time.Duration(c.ClosedAfter) * 24 * time.Hour,
			Intake:   o,
			Refuse:   func(b importing.Bad) error { return out.add(b.In(r.loc)) },
			Progress: func(n, of int) { fmt.Fprintf(r.Err, "\r%d / %d", n, of) }}
		rep, err := im.Run(r.ctx, operator(), c.Paths)
		fmt.Fprint(r.Err, "\r")
		return r.summary(c.common, &out, totals{rep.Imported, rep.Skipped, rep.Failed}, err)
	})
}

type importTicketsCmd struct{ importFlags }

func (c importTicketsCmd) Run(r *run) error {
	return r.with(c.common, func(_ config.Config, d *db.DB, blobs blob.Store) error {
		return r.files(c.importFlags, func(in io.Reader, path string, refuse func(any) error) (totals, error) {
			im := importing.Tickets{DB: d, Blobs: blobs, Base: filepath.Dir(path), DryRun: c.DryRun, Refuse: func(b importing.Bad) error { return refuse(b.In(r.loc)) },
				Progress: func(n int) { fmt.Fprintf(r.Err, "\r%d", n) }}
			rep, err := im.Run(r.ctx, operator(), in)
			fmt.Fprint(r.Err, "\r")
			for _, line := range rep.Lines(r.loc) {
				fmt.Fprintln(r.Err, line)
			}
			return totals{rep.Imported, rep.Skipped, rep.Failed}, err
		})
	})
}

type importPeopleCmd struct{ importFlags }

func (c importPeopleCmd) Run(r *run) error {
	return r.with(c.common, func(_ config.Config, d *db.DB, _ blob.Store) error {
		return r.files(c.importFlags, func(in io.Reader, path string, refuse func(any) error) (totals, error) {
			read := identity.ImportPeople
			if strings.HasPrefix(filepath.Base(path), "groups") {
				read = identity.ImportGroups
			}
			rep, err := read(r.ctx, d, operator(), in, identity.ImportOptions{DryRun: c.DryRun})
			if err != nil {
				return totals{}, err
			}
			for _, b := range rep.Failed {
				if err := refuse(map[string]any{"line": b.Line, "id": b.ID, "why": r.loc.T(b.Key, b.Args...)}); err != nil {
					return totals{}, err
				}
			}
			for _, b := range rep.Warned {
				fmt.Fprintf(r.Err, "%d %s: %s\n", b.Line, b.ID, r.loc.T(b.Key, b.Args...))
			}
			return totals{rep.Imported + rep.Updated, rep.Skipped, len(rep.Failed)}, nil
		})
	})
}
