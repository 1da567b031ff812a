package channel

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// DeliveryState is how far a message got on its way to one person.
type DeliveryState string

// The states, from the one that needs somebody most.
const (
	DeliveryBounced   DeliveryState = "bounced"    // it came back
	DeliveryFailed    DeliveryState = "failed"     // it was refused, or never left
	DeliveryWaiting   DeliveryState = "waiting"    // it will be tried, or tried again
	DeliveryNoAddress DeliveryState = "no_address" // whoever should read it has no mail address
	DeliverySent      DeliveryState = "sent"       // a mail server took it
)

var byNeed = []DeliveryState{DeliveryBounced, DeliveryFailed, DeliveryWaiting, DeliveryNoAddress, DeliverySent}

// Delivery says what became of a message that went out by mail.
type Delivery struct {
	State   DeliveryState
	Address string     // to which it went; "" for DeliveryNoAddress
	Reason  string     // see Why; "" = nothing to say
	At      time.Time  // when it left or failed; when it was promised while it waits
	All     []Delivery // one for each person, those in need first; nil in its own elements
}

// Why writes the reason as people read it.
func (d Delivery) Why(l i18n.Loc) string { return Envelope{Reason: d.Reason}.Why(l) }

// DeliveryOf returns, for each of the messages that went out by mail, what became of it: the worst of what became of it
// for each of its readers. It goes by messages, which a merge moves to another record. Whether a may see them is for the
// caller to decide.
// Errors: errs.Forbidden unless a is an agent.
func DeliveryOf(ctx context.Context, tx *db.Tx, a auth.Actor, messages []string) (map[string]Delivery, error) {
	if !a.Agent() {
		return nil, fmt.Errorf("look at deliveries: %w", errs.Forbidden)
	}
	type row struct {
		message string
		Delivery
	}
	rows, err := db.All(ctx, tx, func(r db.Row, x *row) error {
		var state State
		var at, done time.Time
		err := r.Scan(&x.message, &x.Address, &state, &x.Reason, db.Millis(&at), db.Millis(&done))
		x.State, x.At = deliveryState(state, x.Reason), at
		if !done.IsZero() {
			x.At = done
		}
		return err
	}, "SELECT message, recipient, state, reason, at, done_at FROM envelope WHERE "+tx.In("message", 1)+" AND message <> '' AND direction = 'out' ORDER BY at, id", db.List(messages))
	if err != nil {
		return nil, fmt.Errorf("deliveries: %w", err)
	}
	out := make(map[string]Delivery)
	for _, x := range rows {
		out[x.message] = Delivery{All: append(out[x.message].All, x.Delivery)}
	}
	for message, d := range out {
		slices.SortStableFunc(d.All, func(a, b Delivery) int { return slices.Index(byNeed, a.State) - slices.Index(byNeed, b.State) })
		worst := d.All[0]
		worst.All = d.All
		out[message] = worst
	}
	return out, nil
}

func deliveryState(s State, reason string) DeliveryState {
	switch {
	case s == Failed && strings.HasPrefix(reason, "mail.reason.bounce"):
		return DeliveryBounced
	case s == Failed:
		return DeliveryFailed
	case s == Ignored:
		return DeliveryNoAddress
	case s == Sent:
		return DeliverySent
	}
	return DeliveryWaiting
}

// NoAddress writes down that the message of o does not go to somebody by mail, since they have no address.
// Errors: errs.Forbidden unless a is the machine, errs.Invalid without a key or message.
func NoAddress(ctx context.Context, tx *db.Tx, a auth.Actor, o Outgoing) error {
	if err := mayHandle(a); err != nil {
		return err
	}
	if o.Key == "" || o.Message == "" {
		return fmt.Errorf("no address for message %q: %w", o.Message, errs.Invalid)
	}
	_, _, err := insert(ctx, tx, Envelope{ID: id.New(), Direction: Out, Subject: text.Excerpt(o.Subject, MaxSubject), State: Ignored,
		Reason: "mailout.reason.no_recipient", Ref: o.Ref, Message: o.Message, Key: o.Key, At: tx.Now})
	return err
}

// Resend promises again what failed of a message, after an address was revived or corrected: to the same addresses.
// It returns how many mails leave. Whether a may act on the message's record is for the caller to decide.
// Errors: errs.Forbidden unless a is an agent.
func Resend(ctx context.Context, tx *db.Tx, a auth.Actor, message string) (int, error) {
	if err := mayKnowAddresses(a); err != nil || message == "" {
		return 0, err
	}
	failed, err := db.Strings(ctx, tx, "SELECT id FROM envelope WHERE message = $1 AND message <> '' AND direction = 'out' AND state = 'failed' ORDER BY id", message)
	if err != nil {
		return 0, err
	}
	for _, id := range failed {
		if err := retry(ctx, tx, id); err != nil {
			return 0, err
		}
	}
	return len(failed), nil
}
