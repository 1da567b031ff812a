package channel

import (
	"context"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/event"
)

// What administrators are told about mail; kinds of events whose Ref is "envelope/<id>".
const (
	MailHeld   = "mail.held"   // a sender's mail is held back by the fuse
	MailParked = "mail.parked" // a mail could not be taken in
)

// Alert appends an event for administrators about an envelope; who is a sender's address.
// Errors: errs.Forbidden unless a is the machine.
func Alert(ctx context.Context, tx *db.Tx, a auth.Actor, kind, envelopeID, who string) error {
	if err := mayHandle(a); err != nil {
		return err
	}
	_, err := event.Emit(ctx, tx, a, event.Event{Kind: kind, Ref: "envelope/" + envelopeID, Internal: true, Data: event.Data{Extra: map[string]string{"who": who}}})
	return err
}

// alertEvery is how long one alert about parked mail speaks for those that follow.
const alertEvery = time.Hour

// ParkedLately reports whether another mail was parked within the last hour.
// Errors: errs.Forbidden unless a is the machine.
func ParkedLately(ctx context.Context, tx *db.Tx, a auth.Actor, apart string) (bool, error) {
	if err := mayHandle(a); err != nil {
		return false, err
	}
	var n int
	// The list of states is that of the index envelope_trouble, which SQLite uses for no other words.
	err := db.First(ctx, tx, "SELECT count(*) FROM (SELECT 1 FROM envelope WHERE state = 'parked' AND state IN ('parked', 'waiting', 'failed') AND at > $1 AND id <> $2 LIMIT 1) x",
		[]any{db.Ms(tx.Now.Add(-alertEvery)), apart}, &n)
	return n > 0, err
}
