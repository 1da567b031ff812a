package cli

import (
	"encoding/json"
	"errors"
	"io"
	"os"

	"entraide/internal/base/blob"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/mime"
	"entraide/internal/domain/channel"
	"entraide/internal/usecase/intake"
)

// What a mail server's pipe understands, from sysexits.h.
const (
	exDataErr  = 65 // the message is at fault: give it back
	exTempFail = 75 // try again later
)

type mailCmd struct {
	Parse   mailParseCmd   `cmd:"" help:"Show how a raw message is understood, as JSON."`
	Deliver mailDeliverCmd `cmd:"" help:"Take in one message from standard input; for a mail server's pipe transport."`
}

type mailParseCmd struct {
	common
	File     string   `arg:"" help:"Raw message; - = standard input."`
	Receiver []string `help:"Server, or domain of servers, whose Authentication-Results are believed; may be repeated." placeholder:"HOST"`
}

func (c mailParseCmd) Run(r *run) (err error) {
	in := r.In
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		in = f
	}
	m, err := mime.Parser{Receivers: c.Receiver}.Parse(in)
	if err != nil {
		return err
	}
	e := json.NewEncoder(r.Out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(m)
}

type mailDeliverCmd struct {
	common
	To []string `help:"Address it was delivered to; may be repeated." placeholder:"ADDRESS" sep:"none"`
}

func (c mailDeliverCmd) Run(r *run) error {
	err := r.with(c.common, func(cfg config.Config, d *db.DB, blobs blob.Store) error {
		o := intake.Configured(cfg)
		o.To = intake.Foremost(c.To)
		res, err := intake.Deliver(r.ctx, d, blobs, io.Reader(r.In), o)
		if err != nil {
			return err
		}
		if res.Refused() {
			return exit{exDataErr, errors.New(channel.Envelope{Reason: res.Reason}.Why(r.loc))}
		}
		if c.JSON {
			return json.NewEncoder(r.Out).Encode(map[string]any{"outcome": res.Outcome, "reference": res.Reference, "reason": res.Reason, "known": res.Known, "envelope": res.Envelope})
		}
		r.say("%s %s", res.Outcome, res.Reference)
		return nil
	})
	var e exit
	switch {
	case err == nil, errors.As(err, &e) && e.status == exDataErr:
		return err
	default: // anything else, a mistake in the configuration too, may pass: the mail server keeps the message
		return exit{exTempFail, err}
	}
}
