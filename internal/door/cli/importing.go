package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/domain/identity"
	"entraide/internal/usecase/importing"
)

type importCmd struct {
	Tickets importTicketsCmd `cmd:"" help:"Tickets with their history, JSONL; see docs/import.md."`
	People  importPeopleCmd  `cmd:"" help:"People (and groups, in files named groups*.csv), CSV."`
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
	var out *os.File
	refuse := func(v any) (err error) {
		if out == nil {
			if out, err = os.Create(report); err != nil {
				return err
			}
		}
		return json.NewEncoder(out).Encode(v)
	}
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
	if out != nil {
		failed = errors.Join(failed, out.Close())
		fmt.Fprintln(r.Err, r.loc.T("cli.import.report", "file", report))
	}
	if c.JSON {
		return errors.Join(failed, json.NewEncoder(r.Out).Encode(sum))
	}
	r.say("imported %d, skipped %d, failed %d", sum.Imported, sum.Skipped, sum.Failed)
	return failed
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
