package problems

import (
	"context"
	"errors"
	"strings"

	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/ticket"
)

// Name is the name of the reader in the table "event kind → who reacts".
const Name = "problem"

// Kinds lists the event kinds it reads.
func Kinds() []string { return []string{"ticket.reopened"} }

// Reader returns the reader that asks, on a problem that is over, whether it is: one of its incidents came back.
func Reader() event.Reader {
	return event.Reader{Name: Name, React: func(ctx context.Context, tx *db.Tx, e event.Event) error {
		incident, ok := strings.CutPrefix(e.Ref, "ticket/")
		if !ok {
			return nil
		}
		t, err := ticket.Find(ctx, tx, machine(), incident)
		if errors.Is(err, errs.NotFound) {
			return nil // erased since
		}
		if err != nil {
			return err
		}
		p, ok, err := Of(ctx, tx, machine(), t)
		if err != nil || !ok || p.Status.Active() {
			return err
		}
		_, err = ticket.Note(ctx, tx, machine(), p.ID, ticket.Say{Draught: ticket.Draught{Body: i18n.Loc{}.T("problem.back", "ref", t.Reference(), "subject", t.Subject)}})
		return err
	}}
}
