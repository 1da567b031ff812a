// Package app is the roof: it wires everything by hand, in floor order, and runs it.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/i18n"
	"entraide/internal/base/job"
	"entraide/internal/base/obs"
	"entraide/internal/base/schema"
	"entraide/internal/base/seal"
	"entraide/internal/domain/identity"
	"entraide/internal/door/api"
	"entraide/internal/door/hook"
	"entraide/internal/door/mailin"
	"entraide/internal/door/mailout"
	"entraide/internal/door/web"
	"entraide/internal/door/web/desk"
	"entraide/internal/door/web/kit"
	"entraide/internal/door/web/static"
	"entraide/internal/usecase/consult"
	"entraide/internal/usecase/intake"
	"entraide/internal/usecase/problems"
	"entraide/internal/usecase/promise"
	"entraide/internal/usecase/react"
	"entraide/internal/usecase/recipients"
	"entraide/internal/usecase/scripts"
)

// Version is written by the linker in releases.
var Version = "dev"

// App is the running product.
type App struct {
	Config config.Config
	DB     *db.DB
	Blobs  blob.Store
	Hasher *identity.Hasher
	// Welcome is the path of the one-time link for the first administrator; "" when there is one already.
	Welcome string

	listener net.Listener
	listen   mailin.Listener
	doors    []mailDoor // where listen takes mail in
	server   *http.Server
	metrics  *http.Server // nil unless it has an address of its own
	readers  []event.Reader
	runner   job.Runner
	fetcher  mailin.Fetcher
	drain    context.CancelFunc // ends streams
	unlock   func() error
}

// New opens the data, brings the schema up to date, prepares a fresh installation and listens; nothing is served yet.
func New(ctx context.Context, cfg config.Config) (a *App, err error) {
	a = &App{Config: cfg}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if err = i18n.Load(); err != nil {
		return a, err
	}
	if err = a.openData(ctx); err != nil {
		return a, err
	}
	if err = Prepare(ctx, a.DB); err != nil {
		return a, err
	}
	if a.Welcome, err = welcome(ctx, a.DB); err != nil {
		return a, err
	}
	if a.listener, err = net.Listen("tcp", cfg.Listen); err != nil {
		return a, fmt.Errorf("listen: %w", err)
	}
	if err = a.openMail(); err != nil {
		return a, err
	}
	if a.Config.BaseURL == "" {
		a.Config.BaseURL = "http://" + reachable(a.listener.Addr())
	}
	return a, a.wire()
}

// openData locks the data directory and opens what is in it.
func (a *App) openData(ctx context.Context) (err error) {
	if err = os.MkdirAll(a.Config.Data, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if a.Config.Database == "" {
		if a.unlock, err = lock(filepath.Join(a.Config.Data, "serve.lock")); err != nil {
			return err
		}
	}
	a.DB, a.Blobs, err = Open(ctx, a.Config)
	a.Hasher = identity.NewHasher(max(1, runtime.NumCPU()))
	return err
}

// Open opens the database and the files of an installation and brings the schema up to date, with a copy of the
// database first where it has something to lose. It may be used beside a running server.
func Open(ctx context.Context, cfg config.Config) (*db.DB, blob.Store, error) {
	for _, dir := range []string{"keys", "backups"} {
		if err := os.MkdirAll(filepath.Join(cfg.Data, dir), 0o700); err != nil {
			return nil, nil, fmt.Errorf("data directory: %w", err)
		}
	}
	d, err := db.Open(ctx, db.Options{URL: DatabaseURL(cfg), Reacts: react.Readers})
	if err != nil {
		return nil, nil, err
	}
	if _, err := schema.Migrate(ctx, d, schema.BackupInto(filepath.Join(cfg.Data, "backups"), d)); err != nil {
		return nil, nil, errors.Join(err, d.Close())
	}
	blobs, err := openBlobs(ctx, cfg)
	if err != nil {
		return nil, nil, errors.Join(err, d.Close())
	}
	return d, blobs, nil
}

// openBlobs refuses a store that refuses us; one that does not answer keeps nobody from the rest of the product.
func openBlobs(ctx context.Context, cfg config.Config) (blob.Store, error) {
	s, err := blob.Open(cfg)
	if err != nil {
		return nil, err
	}
	err = s.Check(ctx)
	if errors.Is(err, errs.Unavailable) {
		slog.WarnContext(ctx, "files can be neither kept nor read for now", "error", err)
		err = nil
	}
	return s, err
}

// DatabaseURL is the configured database, or the SQLite file of the data directory.
func DatabaseURL(cfg config.Config) string {
	if cfg.Database != "" {
		return cfg.Database.Reveal()
	}
	return filepath.Join(cfg.Data, "entraide.db")
}

// wire builds readers, jobs and doors.
func (a *App) wire() error {
	cfg := a.Config
	streams, drain := context.WithCancel(context.Background())
	a.drain = drain
	place := func() recipients.Place { return recipients.Place{Base: cfg.BaseURL} }
	teller := recipients.Teller{Place: place}
	a.readers = []event.Reader{teller.Reader(), promise.Reader(), problems.Reader(), scripts.Reader()}
	key, err := seal.Load(filepath.Join(cfg.Data, "keys", "seal.key"))
	if err != nil {
		return err
	}
	signIn := newMailSignIn(a.DB, key, mailClient())
	sender := mailout.Sender{DB: a.DB, Blobs: a.Blobs, Key: key, SMTP: func() config.SMTP { return cfg.SMTP }, Host: config.Host(cfg.BaseURL),
		Doubt: cfg.SMTP.Doubt, Token: signIn.out, Spent: signIn.keeper.Spent, Graph: signIn.send}
	a.fetcher = mailin.Fetcher{DB: a.DB, Blobs: a.Blobs, Key: key, Token: signIn.in, Spent: signIn.keeper.Spent, Graph: signIn.graph, Notify: notifyAt(cfg.BaseURL),
		Intake: intake.Configured(cfg)}
	a.listen.DB, a.listen.Blobs, a.listen.Intake, a.listen.Domain = a.DB, a.Blobs, a.fetcher.Intake, config.Host(cfg.BaseURL)
	a.listen.Relays = cfg.Mail.Senders()
	a.runner = job.Runner{DB: a.DB, Handlers: handlers(a.DB, sender, teller)}

	k := &kit.Kit{DB: a.DB, Blobs: a.Blobs, Thumbs: blob.NewThumbnailer(2), Hasher: a.Hasher, Config: cfg, Drain: streams,
		Proxies: cfg.TrustedProxies()}
	metrics := obs.NewMetrics(Version)
	if err := gauges(metrics, a.DB); err != nil {
		return err
	}
	rest, err := api.New(api.Deps{DB: a.DB, Blobs: a.Blobs, Config: cfg, Log: slog.Default(), Drain: streams, Stylesheet: static.CSS})
	if err != nil {
		return fmt.Errorf("api: %w", err)
	}
	pages, err := web.New(k, web.Deps{Metrics: metrics, Log: slog.Default(), API: rest, Hooks: hook.Hooks{DB: a.DB, Key: key}.Handler(), Version: Version, Ready: a.ready,
		Seal: key, TestMail: testMail(a.fetcher, sender), Ask: func(ctx context.Context, tx *db.Tx, by auth.Actor, q desk.Question) error {
			_, err := consult.Ask(ctx, tx, by, place(), consult.Question{TicketID: q.TicketID, Address: q.Address, Name: q.Name, Body: q.Body, Quote: q.Quote, Wait: q.Wait})
			return err
		}})
	if err != nil {
		return fmt.Errorf("web: %w", err)
	}
	a.server = &http.Server{Handler: pages, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn)}
	if cfg.Metrics.Listen != "" {
		mux := http.NewServeMux()
		mux.Handle("/metrics", metrics.Handler())
		a.metrics = &http.Server{Addr: cfg.Metrics.Listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	}
	return nil
}

// ready reports whether requests can be served: the database answers.
func (a *App) ready(ctx context.Context) error {
	return a.DB.Read(ctx, func(tx *db.Tx) error {
		var one int
		return tx.QueryRowContext(ctx, "SELECT 1").Scan(&one)
	})
}

// URL is where the product is reached.
func (a *App) URL() string { return a.Config.BaseURL }

// drainFor is how long requests and jobs under way may take to end.
const drainFor = 8 * time.Second

// Run serves until ctx ends, then drains: no new connections, streams told to come back, requests, reactions and jobs
// under way finished.
func (a *App) Run(ctx context.Context) error {
	work, stopWork := context.WithCancel(ctx)
	defer stopWork()
	var background sync.WaitGroup
	background.Go(func() { event.Run(work, a.DB, a.readers) })
	background.Go(func() { a.fetcher.Run(work) })
	failed := make(chan error, 3+len(a.doors))
	for _, d := range a.doors {
		background.Go(func() {
			if err := a.listen.Serve(work, d.Listener, d.lmtp, drainFor); err != nil {
				failed <- err
			}
		})
	}
	background.Go(func() {
		if err := a.runner.Run(work); err != nil {
			failed <- fmt.Errorf("jobs: %w", err)
		}
	})
	go func() {
		if err := a.server.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}()
	if a.metrics != nil {
		go func() {
			if err := a.metrics.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("metrics: %w", err)
			}
		}()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	a.drain()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainFor)
	defer cancel()
	if e := a.server.Shutdown(end); e != nil {
		err = errors.Join(err, e, a.server.Close())
	}
	if a.metrics != nil {
		err = errors.Join(err, a.metrics.Shutdown(end))
	}
	stopWork()
	background.Wait()
	return err
}

// Close lets go of everything New opened. It is also right after a failed New.
func (a *App) Close() error {
	var err error
	if a.drain != nil {
		a.drain()
	}
	if a.listener != nil {
		if e := a.listener.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
			err = e
		}
	}
	for _, d := range a.doors {
		if e := d.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	if a.DB != nil {
		err = errors.Join(err, a.DB.Close())
	}
	if a.unlock != nil {
		err = errors.Join(err, a.unlock())
	}
	return err
}

// reachable is an address one can type for a listener: 0.0.0.0 and [::] are not.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() || strings.TrimSpace(host) == "" {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
