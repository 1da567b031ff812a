package importing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/mime"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/intake"
)

// Mail imports archives of mail: each message goes through the intake at the time it was sent, as part of the past.
type Mail struct {
	DB     *db.DB
	Blobs  blob.Store
	Intake intake.Options // To is the mailbox that they belong to
	// ClosedAfter is how long ago a conversation must have ended to be taken as resolved; 0 = all stay open.
	ClosedAfter time.Duration
	DryRun      bool               // read everything, store nothing
	Refuse      func(Bad) error    // told of each message that waits or is passed over
	Progress    func(done, of int) // told now and then
}

// Run imports the messages of paths, the oldest first, whatever the order of the files: so that answers find what they
// answer. A message that is known is passed over, so an import that was cut short is simply run again.
// Errors: errs.Forbidden unless a administers, and what ends the whole import: an unreadable path, a full disk.
func (m *Mail) Run(ctx context.Context, a auth.Actor, paths []string) (Report, error) {
	var rep Report
	if !a.Admin() {
		return rep, fmt.Errorf("import mail: %w", errs.Forbidden)
	}
	var all []letter
	for _, p := range paths {
		found, err := letters(p)
		if err != nil {
			return rep, err
		}
		all = append(all, found...)
	}
	slices.SortStableFunc(all, func(x, y letter) int { return x.at.Compare(y.at) })
	last := map[string]time.Time{} // ticket → its last message
	for i, l := range all {
		if err := m.one(ctx, l, i+1, &rep, last); err != nil {
			return rep, err
		}
		if i%100 == 99 || i == len(all)-1 {
			m.Progress(i+1, len(all))
		}
	}
	return rep, m.settle(ctx, last)
}

// one imports one message.
func (m *Mail) one(ctx context.Context, l letter, n int, rep *Report, last map[string]time.Time) error {
	if l.dropped {
		rep.Skipped++
		return nil
	}
	limit := m.Intake.Most()
	raw, size, err := l.read(limit)
	if err != nil {
		return fmt.Errorf("%s: %w", l.path, err)
	}
	o := m.Intake
	o.Past = l.at
	if size > limit {
		raw, o.Whole = raw[:min(len(raw), intake.HeadLength)], size
	}
	refuse := func(why error) error {
		rep.Failed++
		return m.Refuse(Bad{Line: n, ID: fmt.Sprintf("%s@%d", l.path, l.from), Err: why})
	}
	if m.DryRun {
		if _, err := (mime.Parser{Limit: limit}).Parse(bytes.NewReader(raw)); err != nil {
			return refuse(err)
		}
		rep.Imported++
		return nil
	}
	ref, known, err := m.has(ctx, l.id, raw)
	if err != nil {
		return err
	}
	r := intake.Result{Known: known, Ref: ref}
	if !known {
		if r, err = intake.Deliver(ctx, m.DB, m.Blobs, bytes.NewReader(raw), o); err != nil {
			return err
		}
	}
	switch {
	case r.Known:
		rep.Skipped++
	case r.Outcome == intake.Parked:
		return refuse(reason(r.Reason))
	case r.Outcome == intake.Ignored, r.Outcome == intake.Quarantined:
		rep.Skipped++
	default:
		rep.Imported++
	}
	if r.Ref != "" && l.at.After(last[r.Ref]) {
		last[r.Ref] = l.at
	}
	return nil
}

// has reports whether a message was taken in before, without reading it, and to which ticket it belongs: an import that
// goes on passes over what it has.
func (m *Mail) has(ctx context.Context, messageID string, raw []byte) (ref string, known bool, err error) {
	sum := sha256.Sum256(raw)
	err = m.DB.Read(ctx, func(tx *db.Tx) (err error) {
		ref, known, err = channel.Has(ctx, tx, auth.System("mail import"), messageID, hex.EncodeToString(sum[:]))
		return err
	})
	return ref, known, err
}

// reason is why a message waits, as an error in words.
func reason(s string) error {
	key, words := channel.Envelope{Reason: s}.Parts()
	return errs.Because(errs.Invalid, key, "words", words)
}

// settle resolves the conversations that ended long ago, at the moment they ended.
func (m *Mail) settle(ctx context.Context, last map[string]time.Time) error {
	if m.ClosedAfter <= 0 {
		return nil
	}
	before := m.DB.Now().Add(-m.ClosedAfter)
	ctx = event.AsHistory(ctx)
	desk := auth.System("mail import")
	for _, ref := range slices.Sorted(maps.Keys(last)) {
		if last[ref].After(before) {
			continue
		}
		err := m.DB.Write(ctx, func(tx *db.Tx) error {
			tx.Now = last[ref]
			t, err := ticket.Follow(ctx, tx, desk, ref[len("ticket/"):])
			if err != nil || t.MayResolve(desk) != nil {
				return err
			}
			_, err = ticket.Resolve(ctx, tx, desk, t.ID, ticket.Resolution{Channel: ticket.Mail})
			return err
		})
		if err != nil && !errors.Is(err, errs.NotFound) {
			return err
		}
	}
	return nil
}
