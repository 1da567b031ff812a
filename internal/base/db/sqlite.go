package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"entraide/internal/base/errs"
)

// How much one commit may gather: enough to share an fsync among everybody who waits, little enough that the first
// of them does not notice.
const (
	maxBatch  = 64
	maxGather = 8 * time.Millisecond
)

// busyTimeout is how long a statement waits for another process to let go of the file.
const busyTimeout = 10 * time.Second

var errClosed = fmt.Errorf("database closed: %w", errs.Unavailable)

func (d *DB) openSQLite(ctx context.Context, o Options) error {
	open := func(pragmas ...string) *sql.DB {
		v := url.Values{"_pragma": append([]string{fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "foreign_keys(1)"}, pragmas...)}
		db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: o.URL}).EscapedPath()+"?"+v.Encode())
		if err != nil { // only an unknown driver name, which would be a fault of this file
			panic(err)
		}
		return db
	}
	w := open("journal_mode(wal)", "synchronous(full)", "cache_size(-16000)", "journal_size_limit(67108864)")
	conn, err := firstConn(ctx, w)
	if err != nil {
		return errors.Join(err, w.Close())
	}
	d.writer = newWriter(w, conn)
	n := o.Readers
	if n == 0 {
		n = 4
	}
	d.reads = &readers{db: open("query_only(1)", "cache_size(-8000)"), idle: make(chan *stmtConn, n), n: n}
	d.reads.db.SetMaxOpenConns(n)
	for range n {
		d.reads.idle <- &stmtConn{}
	}
	return nil
}

// firstConn connects, and waits for others as busy_timeout would: a change of the journal mode does not wait by itself,
// and it fails while another process makes the same new file, or is the last to leave it.
// Source: https://sqlite.org/wal.html, "Sometimes queries return SQLITE_BUSY in WAL mode".
func firstConn(ctx context.Context, w *sql.DB) (*sql.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, busyTimeout)
	defer cancel()
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		conn, err := w.Conn(ctx)
		var e *sqlite.Error
		if !errors.As(err, &e) || e.Code()&0xff != sqlite3.SQLITE_BUSY {
			return conn, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// stmtConn is one connection that keeps what it prepared; preparing costs more than most of our statements.
type stmtConn struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

// maxStmts bounds the statements kept; texts are constants but for a few built filters.
const maxStmts = 400

func (c *stmtConn) prepare(ctx context.Context, q string) (*sql.Stmt, error) {
	if s, ok := c.stmts[q]; ok {
		return s, nil
	}
	s, err := c.conn.PrepareContext(ctx, q)
	if err != nil {
		return nil, err
	}
	if c.stmts == nil || len(c.stmts) >= maxStmts {
		for _, old := range c.stmts {
			if err := old.Close(); err != nil {
				return nil, err
			}
		}
		c.stmts = make(map[string]*sql.Stmt)
	}
	c.stmts[q] = s
	return s, nil
}

func (c *stmtConn) ExecContext(ctx context.Context, q string, args ...any) (sql.Result, error) {
	s, err := c.prepare(ctx, q)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (c *stmtConn) QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	s, err := c.prepare(ctx, q)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (c *stmtConn) QueryRowContext(ctx context.Context, q string, args ...any) *sql.Row {
	s, err := c.prepare(ctx, q)
	if err != nil {
		return c.conn.QueryRowContext(ctx, q, args...) // yields the same error, in the row
	}
	return s.QueryRowContext(ctx, args...)
}

func (c *stmtConn) exec(q string) error {
	_, err := c.ExecContext(context.Background(), q)
	return err
}

// readers is a pool of connections that keep their prepared statements; connections open on first use.
type readers struct {
	db   *sql.DB
	idle chan *stmtConn
	n    int
}

func (r *readers) do(ctx context.Context, d *DB, f func(*Tx) error) (err error) {
	var c *stmtConn
	select {
	case c = <-r.idle:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { r.idle <- c }()
	if c.conn == nil {
		if c.conn, err = r.db.Conn(ctx); err != nil {
			return fmt.Errorf("%w: %w", errs.Unavailable, err)
		}
	}
	if err := c.exec("BEGIN"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { err = errors.Join(err, c.exec("ROLLBACK")) }()
	return f(&Tx{Now: d.Now(), db: d, q: c})
}

func (r *readers) close() error {
	var err error
	for range r.n {
		if c := <-r.idle; c.conn != nil {
			err = errors.Join(err, c.conn.Close())
		}
	}
	return errors.Join(err, r.db.Close())
}

// writer owns the one writing connection. Its goroutine hands the connection to one waiting function after another
// and commits them together.
type writer struct {
	db    *sql.DB
	c     *stmtConn
	queue chan *turn
	quit  chan struct{}
	ended chan struct{}
	once  sync.Once
}

// turn is one function that waits to write.
type turn struct {
	ctx    context.Context
	alone  bool          // wants the connection outside a transaction
	start  chan struct{} // closed when the connection is its own
	ran    chan error    // what the function returned
	result chan error    // after the commit
}

func newWriter(db *sql.DB, conn *sql.Conn) *writer {
	w := &writer{db: db, c: &stmtConn{conn: conn}, queue: make(chan *turn, maxBatch), quit: make(chan struct{}), ended: make(chan struct{})}
	go w.loop()
	return w
}

func (w *writer) close() error {
	w.once.Do(func() { close(w.quit) })
	<-w.ended
	return errors.Join(w.c.conn.Close(), w.db.Close())
}

// enqueue waits for t's turn; f then runs in the caller's own goroutine, so its panics and stack are its own.
func (w *writer) enqueue(t *turn, f func() error) error {
	select {
	case w.queue <- t:
	case <-w.quit:
		return errClosed
	case <-t.ctx.Done():
		return context.Cause(t.ctx)
	}
	select {
	case <-t.start:
	case err := <-t.result: // refused before its turn
		return err
	case <-w.ended: // queued while the last turns were being refused
		return errClosed
	}
	returned := false
	defer func() {
		if !returned { // a panic or runtime.Goexit passes through: undo, and let the writer go on
			t.ran <- errors.New("transaction abandoned")
			<-t.result
		}
	}()
	err := f()
	returned = true
	t.ran <- err
	return <-t.result
}

func newTurn(ctx context.Context, alone bool) *turn {
	return &turn{ctx: ctx, alone: alone, start: make(chan struct{}), ran: make(chan error, 1), result: make(chan error, 1)}
}

func (w *writer) do(ctx context.Context, d *DB, f func(*Tx) error) error {
	tx := &Tx{db: d, q: w.c, keep: true}
	err := w.enqueue(newTurn(ctx, false), func() error {
		tx.Now = d.Now()
		return f(tx)
	})
	if err == nil {
		tx.committed()
	}
	return err
}

func (w *writer) exclusive(ctx context.Context, f func(*sql.Conn) error) error {
	return w.enqueue(newTurn(ctx, true), func() error { return f(w.c.conn) })
}

func (w *writer) loop() {
	defer close(w.ended)
	for {
		select {
		case t := <-w.queue:
			w.serve(t)
		case <-w.quit:
			for {
				select {
				case t := <-w.queue:
					t.result <- errClosed
				default:
					return
				}
			}
		}
	}
}

// serve runs t and whoever else waits, and commits them together.
func (w *writer) serve(t *turn) {
	for t != nil {
		if t.alone {
			close(t.start)
			t.result <- <-t.ran
			return
		}
		t = w.batch(t)
	}
}

// batch serves turns beginning with t until the commit is worth making. It returns a turn it took but could not serve.
func (w *writer) batch(t *turn) (left *turn) {
	if err := w.c.exec("BEGIN IMMEDIATE"); err != nil {
		t.result <- fmt.Errorf("begin: %w: %w", errs.Unavailable, err)
		return nil
	}
	type outcome struct {
		t   *turn
		err error
	}
	var served []outcome
	began := time.Now()
	var broken error
	for t != nil && broken == nil {
		var err error
		if t.ctx.Err() != nil {
			t.result <- context.Cause(t.ctx)
		} else {
			if len(served) == 0 {
				if err = w.firstTurn(t); err != nil { // nobody's work but its own was undone
					t.result <- err
					return nil
				}
			} else {
				err, broken = w.one(t)
			}
			served = append(served, outcome{t, err})
		}
		t = nil
		if len(served) < maxBatch && time.Since(began) < maxGather {
			select {
			case t = <-w.queue:
				if t.alone {
					left, t = t, nil
				}
			default:
			}
		}
	}
	if broken == nil {
		broken = w.c.exec("COMMIT")
	}
	if broken != nil {
		broken = fmt.Errorf("commit: %w: %w", errs.Unavailable, broken)
		if err := w.c.exec("ROLLBACK"); err != nil && !isNoTx(err) {
			broken = errors.Join(broken, err)
		}
	}
	for _, o := range served {
		if o.err == nil {
			o.err = broken
		}
		o.t.result <- o.err
	}
	return left
}

// firstTurn gives the connection to t, before which nobody wrote in this transaction: t needs no savepoint, since
// undoing its work is undoing all.
func (w *writer) firstTurn(t *turn) error {
	close(t.start)
	err := <-t.ran
	if err == nil {
		return nil
	}
	if e := w.c.exec("ROLLBACK"); e != nil && !isNoTx(e) {
		return errors.Join(err, fmt.Errorf("%w: %w", errs.Unavailable, e))
	}
	return err
}

// one gives the connection to t. err is what t's function returned, and its work is undone if that is not nil;
// broken means the whole transaction is lost.
func (w *writer) one(t *turn) (err, broken error) {
	if broken = w.c.exec("SAVEPOINT turn"); broken != nil {
		close(t.start)
		<-t.ran
		return broken, broken
	}
	close(t.start)
	if err = <-t.ran; err != nil {
		if broken = w.c.exec("ROLLBACK TO turn"); broken != nil {
			return err, broken
		}
	}
	return err, w.c.exec("RELEASE turn")
}

func isNoTx(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_ERROR
}
