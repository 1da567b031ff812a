package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/job"
	"entraide/internal/base/schema"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/identity"
)

type migrateCmd struct {
	common
	Check bool `help:"Only tell; status 1 when steps are missing."`
}

func (c migrateCmd) Run(r *run) error {
	cfg, err := c.load(config.Config{})
	if err != nil {
		return exit{2, err}
	}
	if !c.Check {
		d, _, err := r.Open(r.ctx, cfg)
		if err != nil {
			return err
		}
		s, err := schema.Check(r.ctx, d)
		if err = errors.Join(err, d.Close()); err == nil {
			r.say("%s", r.loc.T("cli.migrate.done", "version", fmt.Sprint(s.Current)))
		}
		return err
	}
	d, err := db.Open(r.ctx, db.Options{URL: r.DatabaseURL(cfg)})
	if err != nil {
		return err
	}
	s, err := schema.Check(r.ctx, d)
	if err = errors.Join(err, d.Close()); err != nil {
		return err
	}
	if s.Pending() > 0 {
		return errors.New(r.loc.T("cli.migrate.pending", "current", fmt.Sprint(s.Current), "latest", fmt.Sprint(s.Latest)))
	}
	r.say("%s", r.loc.T("cli.migrate.done", "version", fmt.Sprint(s.Current)))
	return nil
}

type doctorCmd struct{ common }

// finding is one line of the doctor.
type finding struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Text string `json:"text"` // what is, and the remedy when it is not right
}

func (c doctorCmd) Run(r *run) error {
	cfg, err := c.load(config.Config{})
	if err != nil {
		return exit{2, err}
	}
	findings := r.examine(cfg)
	sick := 0
	for _, f := range findings {
		if !f.OK {
			sick++
		}
		if !c.JSON {
			mark := "✓"
			if !f.OK {
				mark = "✗"
			}
			r.say("%s %s: %s", mark, f.Name, f.Text)
		}
	}
	if c.JSON {
		if err := json.NewEncoder(r.Out).Encode(findings); err != nil {
			return err
		}
	}
	if sick > 0 {
		return errors.New(r.loc.N("cli.doctor.sick", int64(sick)))
	}
	return nil
}

func (r *run) examine(cfg config.Config) []finding {
	t := r.loc.T
	var out []finding
	add := func(key string, err error, fine string) {
		f := finding{Name: t("cli.doctor." + key), OK: err == nil, Text: fine}
		if err != nil {
			f.Text = r.words(err)
		}
		out = append(out, f)
	}
	add("data", writable(cfg.Data), cfg.Data)
	add("files", r.kept(cfg), cmp.Or(cfg.Blob.String(), filepath.Join(cfg.Data, "blobs")))
	if cfg.Database == "" && !exists(databaseFile(cfg)) {
		add("database", errors.New(t("cli.doctor.no_database")), "")
		return out
	}
	d, err := db.Open(r.ctx, db.Options{URL: r.DatabaseURL(cfg)})
	if err != nil {
		add("database", err, "")
		return out
	}
	add("database", r.integrity(d), string(d.Engine))
	s, err := schema.Check(r.ctx, d)
	if err == nil && s.Pending() > 0 {
		err = errors.New(t("cli.migrate.pending", "current", fmt.Sprint(s.Current), "latest", fmt.Sprint(s.Latest)))
	}
	add("schema", err, fmt.Sprint(s.Current))
	if err == nil {
		add("jobs", r.jobs(d), t("cli.doctor.jobs_fine"))
		add("admin", r.administered(d), t("cli.doctor.admin_fine"))
	}
	server, mail := cfg.SMTP.Host, error(nil)
	if server == "" && err == nil {
		server, mail = r.sends(d)
	}
	if server == "" && mail == nil {
		mail = errors.New(t("cli.doctor.no_smtp"))
	}
	add("mail", mail, server)
	if err := d.Close(); err != nil {
		add("database", err, "")
	}
	return out
}

// sends returns the address of the mailbox that sends when the configuration names no server; "" when none does.
func (r *run) sends(d *db.DB) (address string, err error) {
	err = d.Read(r.ctx, func(tx *db.Tx) error {
		m, _, err := channel.MailboxFor(r.ctx, tx, auth.System("doctor"), "", "")
		if m.Out.Way != channel.NoWay {
			address = m.Address
		}
		return err
	})
	return address, err
}

func (r *run) kept(cfg config.Config) error {
	s, err := blob.Open(cfg)
	if err != nil {
		return err
	}
	return s.Check(r.ctx)
}

func writable(dir string) error {
	f, err := os.CreateTemp(dir, "doctor-")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func (r *run) integrity(d *db.DB) error {
	return d.Read(r.ctx, func(tx *db.Tx) error {
		q := "SELECT 'ok'"
		if d.Engine == db.SQLite {
			q = "PRAGMA quick_check(1)"
		}
		var answer string
		if err := tx.QueryRowContext(r.ctx, q).Scan(&answer); err != nil {
			return err
		}
		if answer != "ok" {
			return errors.New(r.loc.T("cli.doctor.damaged", "answer", answer))
		}
		return nil
	})
}

func (r *run) jobs(d *db.DB) error {
	return d.Read(r.ctx, func(tx *db.Tx) error {
		counts, err := job.Counts(r.ctx, tx)
		if err == nil && counts[job.Dead] > 0 {
			err = errors.New(r.loc.N("cli.doctor.jobs_dead", counts[job.Dead]))
		}
		return err
	})
}

func (r *run) administered(d *db.DB) error {
	return d.Read(r.ctx, func(tx *db.Tx) error {
		admins, _, err := identity.List(r.ctx, tx, operator(), identity.Filter{Role: "admin", Limit: 1})
		if err == nil && len(admins) == 0 {
			err = errors.New(r.loc.T("cli.doctor.no_admin"))
		}
		return err
	})
}

type backupCmd struct {
	common
	File string `arg:"" help:"File to write; it must not exist." type:"path"`
}

func (c backupCmd) Run(r *run) error {
	return r.with(c.common, func(cfg config.Config, d *db.DB, blobs blob.Store) error {
		n, err := writeBackup(r.ctx, d, blobs, cfg.Data, c.File)
		if err == nil {
			r.say("%s", r.loc.T("cli.backup.done", "file", c.File, "size", r.loc.Size(n)))
		}
		return err
	})
}

type restoreCmd struct {
	common
	File string `arg:"" help:"Backup to read." type:"existingfile"`
}

func (c restoreCmd) Run(r *run) error {
	cfg, err := c.load(config.Config{})
	if err != nil {
		return exit{2, err}
	}
	if cfg.Database != "" {
		return exit{2, errors.New(r.loc.T("cli.restore.sqlite_only"))}
	}
	if entries, err := os.ReadDir(cfg.Data); err == nil && len(entries) > 0 {
		return errors.New(r.loc.T("cli.restore.not_empty", "dir", cfg.Data))
	}
	if err := readBackup(r.ctx, c.File, cfg); err != nil {
		return err
	}
	// Opening checks that this program knows the schema, and brings it up to date.
	d, _, err := r.Open(r.ctx, cfg)
	if errors.Is(err, schema.ErrNewer) {
		return errors.Join(err, os.RemoveAll(filepath.Join(cfg.Data)))
	}
	if err != nil {
		return err
	}
	r.say("%s", r.loc.T("cli.restore.done", "dir", cfg.Data))
	return d.Close()
}
