package promise

import (
	"context"
	"maps"
	"slices"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/event"
	"entraide/internal/base/job"
	"entraide/internal/domain/sla"
	"entraide/internal/domain/ticket"
)

// Ring lets the alarms go off whose moment has come: each appends its event once. It returns how many did.
func Ring(ctx context.Context, tx *db.Tx) (int, error) {
	told, err := sla.Ring(ctx, tx, machine())
	if err != nil || len(told) == 0 {
		return 0, err
	}
	policies, err := sla.Policies(ctx, tx)
	if err != nil {
		return 0, err
	}
	leads := map[string]sla.Leads{}
	for _, p := range policies {
		leads[p.ID] = p.Leads
	}
	for _, k := range told {
		extra := map[string]string{"metric": string(k.Metric), "due": k.Due.UTC().Format(time.RFC3339)}
		if leads[k.PolicyID].At(k.Breach) {
			extra["leads"] = "told"
		}
		kind := Warned
		if k.Breach {
			kind = Breached
		}
		_, err := event.Emit(ctx, tx, machine(), event.Event{Kind: kind, Ref: k.Ref, Internal: true,
			Data: event.Data{Extra: extra}})
		if err != nil {
			return 0, err
		}
	}
	return len(told), nil
}

// Changed promises to count all running clocks anew: a policy or a calendar is another now.
func Changed(ctx context.Context, tx *db.Tx) error {
	return job.Insert(ctx, tx, job.New{Kind: JobAnew, Payload: "", At: tx.Now})
}

// perAnew is how many tickets are counted anew in one transaction, so that agents never wait for long.
const perAnew = 100

// Anew counts the clocks of all active tickets, part by part.
func Anew(ctx context.Context, d *db.DB) error {
	for after := ""; ; {
		var part []string
		err := d.Write(ctx, func(tx *db.Tx) (err error) {
			if part, err = ticket.ActiveAfter(ctx, tx, machine(), after, perAnew); err != nil {
				return err
			}
			found, err := ticket.FindMany(ctx, tx, machine(), part)
			if err != nil {
				return err
			}
			r, err := readRules(ctx, tx)
			if err != nil {
				return err
			}
			if err := r.meet(ctx, tx, slices.Collect(maps.Values(found))...); err != nil {
				return err
			}
			for _, id := range part {
				if _, err := r.promise(ctx, tx, found[id]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(part) == 0 {
			return err
		}
		after = part[len(part)-1]
	}
}
