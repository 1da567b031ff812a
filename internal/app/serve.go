package app

import (
	"context"
	"errors"

	"entraide/internal/base/config"
)

// Serve runs the product until ctx ends. ready is called once it listens, with its address and the path of the first
// administrator's link, "" when there is an administrator.
func Serve(ctx context.Context, cfg config.Config, ready func(url, welcome string)) error {
	a, err := New(ctx, cfg)
	if err != nil {
		return err
	}
	ready(a.URL(), a.Welcome)
	return errors.Join(a.Run(ctx), a.Close())
}
