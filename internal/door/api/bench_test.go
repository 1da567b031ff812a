package api_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the bare benchmark uses the driver itself
	_ "modernc.org/sqlite"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/id"
	"entraide/internal/usecase/react"
)

// clients is how many call at once.
const clients = 8

// BenchmarkCreateTicket compares creating a ticket through HTTP with inserting the same rows by the raw driver, each
// answer after its commit. Run it as: go test -run '^$' -bench CreateTicket -benchtime 3s ./internal/door/api
func BenchmarkCreateTicket(b *testing.B) {
	for _, e := range []db.Engine{db.SQLite, db.Postgres} {
		b.Run(string(e)+"/api", func(b *testing.B) { benchmarkAPI(b, e) })
		b.Run(string(e)+"/bare", func(b *testing.B) { benchmarkBare(b, e) })
	}
}

// loaded is a desk behind a real listener.
func loaded(b *testing.B, e db.Engine) (*desk, *httptest.Server, *http.Client) {
	b.Helper()
	k := newDesk(b, dbtest.Open(b, e, dbtest.Options{Reacts: react.Readers}))
	srv := httptest.NewServer(k.h)
	b.Cleanup(srv.Close)
	return k, srv, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
}

const newTicket = `{"type":"incident","subject":"Plus d’accès au VPN depuis ce matin","body":"Le client affiche « délai dépassé » après le mot de passe.\n\nRedémarré deux fois.","impact":3,"urgency":2}`

func send(b *testing.B, c *http.Client, token, method, url, body string, want int) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		b.Error(err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := c.Do(req)
	if err != nil {
		b.Error(err)
		return
	}
	answer, err := io.ReadAll(res.Body)
	if err := res.Body.Close(); err != nil {
		b.Error(err)
	}
	if err != nil || res.StatusCode != want {
		b.Errorf("%d %v: %.300s", res.StatusCode, err, answer)
	}
}

// measured runs f by eight clients and reports the rate and the percentiles.
func measured(b *testing.B, f func()) {
	var mu sync.Mutex
	var all []time.Duration
	b.SetParallelism((clients + 1) / 2)
	b.ReportAllocs()
	b.ResetTimer()
	start := time.Now()
	b.RunParallel(func(pb *testing.PB) {
		var mine []time.Duration
		for pb.Next() {
			t := time.Now()
			f()
			mine = append(mine, time.Since(t))
		}
		mu.Lock()
		all = append(all, mine...)
		mu.Unlock()
	})
	b.StopTimer()
	slices.Sort(all)
	ms := func(q float64) float64 { return float64(all[int(q*float64(len(all)-1))].Microseconds()) / 1000 }
	b.ReportMetric(float64(len(all))/time.Since(start).Seconds(), "op/s")
	b.ReportMetric(ms(0.5), "p50-ms")
	b.ReportMetric(ms(0.99), "p99-ms")
}

func benchmarkAPI(b *testing.B, e db.Engine) {
	k, srv, c := loaded(b, e)
	measured(b, func() { send(b, c, k.token["alice"], "POST", srv.URL+"/api/v1/tickets", newTicket, 201) })
}

// row is what one table holds of a ticket just created.
type row struct {
	table   string
	columns []string
	values  []any
}

// rowsOf reads every row that creating one ticket left.
func rowsOf(b *testing.B, k *desk) []row {
	b.Helper()
	var out []row
	err := k.db.Read(b.Context(), func(tx *db.Tx) error {
		for _, q := range [][2]string{{"ticket", ""}, {"stay", ""}, {"message", ""}, {"event", " WHERE kind = 'ticket.created'"},
			{"event_todo", " WHERE event_id IN (SELECT id FROM event WHERE kind = 'ticket.created')"}} {
			rows, err := tx.QueryContext(b.Context(), "SELECT * FROM "+q[0]+q[1])
			if err != nil {
				return err
			}
			cols, err := rows.Columns()
			if err != nil {
				return err
			}
			for rows.Next() {
				values := make([]any, len(cols))
				at := make([]any, len(cols))
				for i := range values {
					at[i] = &values[i]
				}
				if err := rows.Scan(at...); err != nil {
					return err
				}
				out = append(out, row{q[0], cols, values})
			}
			if err := rows.Close(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// benchmarkBare inserts the same rows with the raw driver: one transaction each, statements prepared, durable.
func benchmarkBare(b *testing.B, e db.Engine) {
	url := dbtest.URL(b, e)
	d, err := db.Open(b.Context(), db.Options{URL: url, Reacts: react.Readers})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := d.Close(); err != nil {
			b.Error(err)
		}
	})
	migrate(b, d)
	k := newDesk(b, d)
	k.call("alice", "POST", "/api/v1/tickets", newTicket).want(201)
	rows := rowsOf(b, k)
	raw := rawOpen(b, e, url)
	var numbers atomic.Int64
	numbers.Store(1_000_000)
	texts := make([]string, len(rows))
	for i, r := range rows {
		marks := make([]string, len(r.columns))
		for j := range marks {
			marks[j] = fmt.Sprintf("$%d", j+1)
		}
		texts[i] = "INSERT INTO " + r.table + " (" + strings.Join(r.columns, ", ") + ") VALUES (" + strings.Join(marks, ", ") + ")"
	}
	stmts := make([]*sql.Stmt, len(texts))
	for i, q := range texts {
		if stmts[i], err = raw.Prepare(q); err != nil {
			b.Fatal(err)
		}
	}
	measured(b, func() {
		if err := insertCopy(b.Context(), raw, stmts, rows, numbers.Add(1)); err != nil {
			b.Error(err)
		}
	})
}

func insertCopy(ctx context.Context, raw *sql.DB, stmts []*sql.Stmt, rows []row, number int64) error {
	tx, err := raw.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	fresh := map[string]string{} // new identifiers for old ones
	for i, r := range rows {
		args := slices.Clone(r.values)
		for j, col := range r.columns {
			s, ok := args[j].(string)
			switch {
			case col == "number":
				args[j] = number
			case ok && (col == "id" || col == "ticket_id" || col == "event_id"):
				if fresh[s] == "" {
					fresh[s] = id.New()
				}
				args[j] = fresh[s]
			case ok && col == "ref":
				args[j] = "ticket/" + fresh[strings.TrimPrefix(s, "ticket/")]
			}
		}
		if _, err := tx.StmtContext(ctx, stmts[i]).ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// rawOpen opens the driver with the durability that the product asks for.
func rawOpen(b *testing.B, e db.Engine, path string) *sql.DB {
	b.Helper()
	driver, dsn, conns := "pgx", path, 10
	if e == db.SQLite {
		v := url.Values{"_pragma": {"busy_timeout(10000)", "foreign_keys(1)", "journal_mode(wal)", "synchronous(full)", "cache_size(-16000)"}, "_txlock": {"immediate"}}
		driver, dsn, conns = "sqlite", "file:"+path+"?"+v.Encode(), 1
	}
	raw, err := sql.Open(driver, dsn)
	if err != nil {
		b.Fatal(err)
	}
	raw.SetMaxOpenConns(conns)
	raw.SetMaxIdleConns(conns)
	b.Cleanup(func() {
		if err := raw.Close(); err != nil {
			b.Error(err)
		}
	})
	return raw
}

// BenchmarkQueueList lists the first 50 of a queue of 2,000 tickets.
func BenchmarkQueueList(b *testing.B) {
	for _, e := range []db.Engine{db.SQLite, db.Postgres} {
		b.Run(string(e), func(b *testing.B) {
			k, srv, c := loaded(b, e)
			fillQueue(b, k, 2000)
			u := srv.URL + "/api/v1/tickets?status=active&queue=" + k.queues[0].ID
			measured(b, func() { send(b, c, k.token["carla"], "GET", u, "", 200) })
		})
	}
}

// BenchmarkOpenTicket reads one ticket and its conversation of ten messages: two requests an operation.
func BenchmarkOpenTicket(b *testing.B) {
	for _, e := range []db.Engine{db.SQLite, db.Postgres} {
		b.Run(string(e), func(b *testing.B) {
			k, srv, c := loaded(b, e)
			fillQueue(b, k, 200)
			t := k.open("alice", "Dix messages", nil).str("id")
			for i := range 9 {
				k.call([]string{"alice", "carla"}[i%2], "POST", "/api/v1/tickets/"+t+"/messages", obj{"body": "Encore un mot."}).want(201)
			}
			measured(b, func() {
				send(b, c, k.token["carla"], "GET", srv.URL+"/api/v1/tickets/"+t, "", 200)
				send(b, c, k.token["carla"], "GET", srv.URL+"/api/v1/tickets/"+t+"/messages", "", 200)
			})
		})
	}
}

// BenchmarkAct replies to tickets and gives them to and fro, each of 1,000 in turn, so that nobody meets another.
func BenchmarkAct(b *testing.B) {
	for _, e := range []db.Engine{db.SQLite, db.Postgres} {
		for name, act := range map[string]func(round int64) (method, path, body string, want int){
			"reply": func(int64) (string, string, string, int) {
				return "POST", "/messages", `{"body":"Essayez de nouveau, s’il vous plaît."}`, 201
			},
			"assign": func(round int64) (string, string, string, int) {
				return "PATCH", "", []string{`{"assignee":"me"}`, `{"assignee":null}`}[round%2], 200
			},
			"impact": func(round int64) (string, string, string, int) {
				return "PATCH", "", fmt.Sprintf(`{"impact":%d}`, 1+round%4), 200
			},
		} {
			b.Run(string(e)+"/"+name, func(b *testing.B) {
				k, srv, c := loaded(b, e)
				ids := make([]string, 1000)
				for i := range ids {
					ids[i] = k.open("alice", "Imprimante", nil).str("id")
				}
				var n atomic.Int64
				measured(b, func() {
					i := n.Add(1)
					method, path, body, want := act(i / int64(len(ids)))
					send(b, c, k.token["carla"], method, srv.URL+"/api/v1/tickets/"+ids[i%int64(len(ids))]+path, body, want)
				})
			})
		}
	}
}

func fillQueue(b *testing.B, k *desk, n int) {
	b.Helper()
	for range n {
		k.call("alice", "POST", "/api/v1/tickets", newTicket).want(201)
	}
}
