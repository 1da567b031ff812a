package cli

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"log/slog"

	"entraide/internal/base/config"
	"entraide/internal/base/obs"
	"entraide/internal/domain/identity"
	"entraide/internal/usecase/sample"
)

type serveFlags struct {
	common
	Listen  string `help:"Address to listen on (default 127.0.0.1:8080)." placeholder:"ADDR"`
	BaseURL string `help:"Address people use, https://…" name:"base-url" placeholder:"URL"`
	Blob    string `help:"s3://KEY:SECRET@HOST/BUCKET for attachments; absent = data directory." placeholder:"URL"`
	Mail    string `help:"Where mail servers hand mail over: lmtp://127.0.0.1:2424, lmtp:///path/to.sock, smtp://127.0.0.1:2525." name:"mail-listen" placeholder:"URL"`
}

func (f serveFlags) config() (config.Config, error) {
	cfg, err := f.load(config.Config{Listen: f.Listen, BaseURL: f.BaseURL, Blob: config.Address(f.Blob), Mail: config.Mail{Listen: f.Mail}})
	if err != nil {
		return cfg, exit{2, err}
	}
	return cfg, nil
}

type serveCmd struct{ serveFlags }

func (c serveCmd) Run(r *run) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	return r.serve(cfg, func(url, welcome string) {
		r.say("Entraide %s: %s", r.Version, url)
		if welcome != "" {
			r.say("%s", r.loc.T("cli.welcome", "url", url+welcome))
		}
	})
}

// serve runs the product until it is told to stop.
func (r *run) serve(cfg config.Config, ready func(url, welcome string)) error {
	slog.SetDefault(obs.Logger(r.Err, cfg.Log.Level, cfg.Log.Format))
	ctx, stop := signal.NotifyContext(r.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	return r.Serve(ctx, cfg, ready)
}

type demoCmd struct {
	serveFlags
	People  int  `help:"Size of the organisation." default:"300"`
	Tickets int  `help:"Tickets of its last year." default:"3000"`
	Fresh   bool `help:"Throw away what was done in the demonstration and begin again."`
}

func (c demoCmd) Run(r *run) error {
	if c.Data == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		c.Data = filepath.Join(cache, "entraide-demo")
	}
	cfg, err := c.config()
	if err != nil {
		return err
	}
	if c.Fresh && cfg.Database == "" {
		if err := removeDemo(cfg.Data); err != nil {
			return err
		}
	}
	if !exists(filepath.Join(cfg.Data, demoMark)) {
		if err := r.fill(cfg, c); err != nil {
			return err
		}
	}
	plan, err := sample.Make(sample.Options{Now: time.Now(), People: c.People, Tickets: 1})
	if err != nil {
		return err
	}
	return r.serve(cfg, func(url, _ string) { r.accounts(plan, url) })
}

// demoMark is written once a demonstration is whole: one that was cut short is filled again.
const demoMark = "demonstration"

func removeDemo(dir string) error {
	if exists(dir) && !exists(filepath.Join(dir, demoMark)) {
		return fmt.Errorf("%s holds no demonstration; --fresh would delete it, so nothing was done", dir)
	}
	return os.RemoveAll(dir)
}

func (r *run) fill(cfg config.Config, c demoCmd) error {
	if cfg.Database == "" && exists(databaseFile(cfg)) {
		if exists(filepath.Join(cfg.Data, "serve.lock")) && !exists(filepath.Join(cfg.Data, demoMark+".begun")) {
			return fmt.Errorf("%s holds an installation that is no demonstration: choose another --data", cfg.Data)
		}
		if err := os.RemoveAll(cfg.Data); err != nil { // a demonstration that was cut short
			return err
		}
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(cfg.Data, demoMark+".begun"), nil, 0o600); err != nil {
		return err
	}
	began := time.Now()
	d, blobs, err := r.Open(r.ctx, cfg)
	if err != nil {
		return err
	}
	plan, err := sample.Make(sample.Options{Now: time.Now(), People: c.People, Tickets: c.Tickets})
	if err == nil {
		f := sample.Filler{DB: d, Blobs: blobs, Hasher: identity.NewHasher(2)}
		err = f.Fill(r.ctx, plan)
	}
	if err = errors.Join(err, d.Close()); err != nil {
		return err
	}
	r.say("%s", r.loc.T("cli.demo.filled", "org", plan.Name, "people", len(plan.People), "tickets", len(plan.Stories), "time", r.loc.Decimal(time.Since(began).Seconds(), 1)))
	return os.WriteFile(filepath.Join(cfg.Data, demoMark), nil, 0o600)
}

func (r *run) accounts(plan sample.Plan, url string) {
	r.say("\n%s\n", r.loc.T("cli.demo.ready", "url", url))
	by := make(map[string]sample.Person)
	for _, p := range plan.People {
		by[p.Key] = p
	}
	levels := make(map[string]string)
	for _, t := range plan.Teams {
		for _, m := range append(t.Members, t.Lead) {
			levels[m] = t.Name.FR
		}
	}
	for _, key := range plan.Accounts {
		p := by[key]
		r.say("  %-42s %-18s %s", p.Email, r.loc.T("identity.role."+p.Role), levels[key])
	}
	r.say("\n%s", r.loc.T("cli.demo.password", "password", sample.Password))
}
