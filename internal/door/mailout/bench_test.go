package mailout_test

import (
	"context"
	"testing"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/id"
	"entraide/internal/base/job"
	"entraide/internal/domain/channel"
)

// BenchmarkSend sends b.N mails of 4 KB to a server in this process, each written down before it leaves and after it
// was taken.
func BenchmarkSend(b *testing.B) {
	for _, engine := range []db.Engine{db.SQLite, db.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			d := dbtest.Open(b, engine, dbtest.Options{})
			srv := &server{}
			c, _ := start(b, srv, false)
			err := d.Write(b.Context(), func(tx *db.Tx) error {
				for range b.N {
					o := channel.Outgoing{MessageID: channel.ThreadID(id.New(), "aide.exemple.fr"), Recipient: "helene@exemple.fr", Key: id.New(), Subject: "Le réseau se coupe",
						Content: channel.Content{Text: "Bonjour", HTML: string(make([]byte, 3000))}}
					if _, _, err := channel.Post(b.Context(), tx, self, o, time.Time{}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			ctx, stop := context.WithTimeout(b.Context(), 2*time.Minute)
			done := make(chan error, 1)
			go func() {
				done <- job.Runner{DB: d, Handlers: map[string]job.Handler{channel.JobSend: sender(d, c).Handler()}, Workers: 4}.Run(ctx)
			}()
			heard := d.Listen(func(topic string) bool { return topic == "envelopes" })
			defer heard.Close()
			for srv.count() < b.N {
				select {
				case <-heard.C:
					heard.Take()
				case <-ctx.Done():
					b.Fatalf("%d of %d left", srv.count(), b.N)
				}
			}
			stop()
			if err := <-done; err != nil {
				b.Error(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
		})
	}
}
