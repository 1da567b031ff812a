package recipients

import (
	"context"
	"errors"

	"entraide/internal/base/db"
	"entraide/internal/base/job"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/notify"
)

// JobDigest is the scheduled job that sends the digests whose hour has come.
const JobDigest = "notify.digest"

// DigestHandler returns the handler of JobDigest. It looks every five minutes, since people's hours and zones differ.
func (t Teller) DigestHandler(d *db.DB) job.Handler {
	return job.Handler{Every: "*/5 * * * *", Run: func(ctx context.Context, _ job.Job) error { return t.digests(ctx, d) }}
}

// digests sends what is due, each person in a transaction of their own: one that fails keeps nobody else waiting.
func (t Teller) digests(ctx context.Context, d *db.DB) error {
	var waiting []notify.Waiting
	err := d.Read(ctx, func(tx *db.Tx) (err error) {
		waiting, err = notify.DigestsWaiting(ctx, tx, machine())
		return err
	})
	if err != nil {
		return err
	}
	var failed error
	for _, w := range waiting {
		err := d.Write(ctx, func(tx *db.Tx) error { return t.sendDigest(ctx, tx, w) })
		failed = errors.Join(failed, err)
	}
	return failed
}

// sendDigest promises one person's digest if its hour has come.
func (t Teller) sendDigest(ctx context.Context, tx *db.Tx, w notify.Waiting) error {
	found, err := identity.FindMany(ctx, tx, machine(), []string{w.Person})
	if err != nil {
		return err
	}
	p := from(found[w.Person])
	if p.email == "" || p.outsider { // erased, deactivated or without an address since: nobody is left to write to
		_, err := notify.TakeDigest(ctx, tx, machine(), w.Person)
		return err
	}
	c, err := notify.ChoicesOf(ctx, tx, machine(), []string{p.id})
	if err != nil || c.Rhythm(p.id).NextDigest(w.Since, p.zone()).After(tx.Now) {
		return err
	}
	items, err := notify.TakeDigest(ctx, tx, machine(), p.id)
	if err != nil || len(items) == 0 {
		return err
	}
	return t.personal(ctx, tx, p, "digest "+items[0].EventID+" "+p.id, tx.Now, func(y style) letter { return y.digest(p.loc, p.loc.Date(tx.Now), items) })
}
