package job

import (
	"context"
	"fmt"

	"entraide/internal/base/db"
)

// Step notes that a record has its part of a cascade, a job that brings one thing to many records; fresh is false when it
// had it already. It is called in the transaction of that part, so that a crash leaves both or neither.
func Step(ctx context.Context, tx *db.Tx, cascade, ref string) (fresh bool, err error) {
	n, err := tx.Exec(ctx, "INSERT INTO job_step (cascade, ref, at) VALUES ($1, $2, $3) ON CONFLICT (cascade, ref) DO NOTHING", cascade, ref, db.Ms(tx.Now))
	if err != nil {
		return false, fmt.Errorf("step of %s: %w", cascade, err)
	}
	return n == 1, nil
}
