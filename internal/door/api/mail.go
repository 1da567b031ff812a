package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/channel"
	"entraide/internal/usecase/intake"
)

type mailJSON struct {
	ID        string       `json:"id"`
	Direction string       `json:"direction" enum:"in,out"`
	State     string       `json:"state" enum:"received,done,ignored,parked,quarantined,waiting,sent,failed"`
	Reason    string       `json:"reason" doc:"Of the state, in the caller's language; empty if there is nothing to say."`
	MessageID string       `json:"message_id" doc:"Without angle brackets."`
	Sender    string       `json:"sender" example:"ann@example.org" doc:"Empty for what goes out under the organisation's address."`
	Recipient string       `json:"recipient"`
	Subject   string       `json:"subject"`
	Ref       *string      `json:"ref" example:"ticket/01JD8Z5K3M9Q2W4E6R8T0Y1U2I" doc:"What it belongs to; null = nothing."`
	Suggest   *string      `json:"suggest" doc:"What it may belong to: a question that waits for an agent; null = none."`
	Mailbox   *string      `json:"mailbox" doc:"Id of the mailbox by which it came or goes; null = a pipe, or the configured server."`
	Size      int64        `json:"size" doc:"Bytes of the raw message; 0 for what goes out."`
	At        time.Time    `json:"at"`
	DoneAt    *time.Time   `json:"done_at" doc:"null = under way."`
	Decisions []decideJSON `json:"decisions,omitempty" nullable:"false" doc:"Why it ended there, in order; for one mail."`
}

type decideJSON struct {
	Key  string `json:"key" example:"mail.step.by_address"`
	Text string `json:"text" doc:"In the caller's language."`
}

func showMail(l i18n.Loc, e channel.Envelope) mailJSON {
	j := mailJSON{ID: e.ID, Direction: string(e.Direction), State: string(e.State), Reason: e.Why(l), MessageID: e.MessageID, Sender: e.Sender,
		Recipient: e.Recipient, Subject: e.Subject, Ref: textOrNull(e.Ref), Suggest: textOrNull(e.Suggest), Mailbox: textOrNull(e.MailboxID), Size: e.Size, At: e.At.UTC()}
	if !e.DoneAt.IsZero() {
		done := e.DoneAt.UTC()
		j.DoneAt = &done
	}
	for _, s := range e.Trail {
		j.Decisions = append(j.Decisions, decideJSON{s.Key, l.T(s.Key, s.Words()...)})
	}
	return j
}

type mailsIn struct {
	Paged
	Direction string    `query:"direction" required:"false" enum:"in,out"`
	State     string    `query:"state" required:"false" enum:"received,done,ignored,parked,quarantined,waiting,sent,failed"`
	Mailbox   string    `query:"mailbox" required:"false" maxLength:"40" doc:"Id of a mailbox."`
	Address   string    `query:"address" required:"false" maxLength:"254" doc:"Of the sender or a recipient, whole or in part."`
	Q         string    `query:"q" required:"false" maxLength:"200" doc:"Words of the subject."`
	Since     time.Time `query:"since" required:"false" doc:"Not before this instant."`
}

type onMailIn struct {
	Keyed
	Identified
}

type blockJSON struct {
	Pattern string    `json:"pattern" example:"spam.example" doc:"An address, or a domain with its subdomains."`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
}

type blockIn struct {
	Keyed
	Body struct {
		Pattern string `json:"pattern" maxLength:"254" example:"spam.example" doc:"An address, or a domain with its subdomains."`
		Reason  string `json:"reason,omitempty" maxLength:"500"`
	}
}

type ofBlockIn struct {
	Pattern string `path:"pattern" maxLength:"254"`
}

func (s *server) mailRoutes() {
	get(s, s.op(http.MethodGet, "/mails", "list-mails", "admin", "mails"), func(ctx context.Context, tx *db.Tx, a auth.Actor, in *mailsIn) (out list[mailJSON], err error) {
		all, next, err := channel.Journal(ctx, tx, a, channel.Filter{Direction: channel.Direction(in.Direction), State: channel.State(in.State), MailboxID: in.Mailbox,
			Address: in.Address, Word: in.Q, From: in.Since, Before: in.Cursor, Limit: in.Limit})
		items := make([]mailJSON, len(all))
		for i, e := range all {
			items[i] = showMail(callOf(ctx).loc, e)
		}
		return page(items, next), err
	})
	get(s, s.op(http.MethodGet, "/mails/{id}", "get-mail", "admin", "mails"), func(ctx context.Context, tx *db.Tx, a auth.Actor, in *Identified) (mailJSON, error) {
		e, err := channel.Find(ctx, tx, a, in.ID)
		return showMail(callOf(ctx).loc, e), err
	})
	raw := s.op(http.MethodGet, "/mails/{id}/raw", "get-raw-mail", "admin", "mails")
	raw.Responses = map[string]*huma.Response{"200": {Description: "The message as it came.", Content: map[string]*huma.MediaType{
		"message/rfc822": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}}
	huma.Register(s.api, raw, s.rawMail)
	huma.Register(s.api, s.op(http.MethodPost, "/mails/{id}/replay", "replay-mail", "admin", "mails"), s.replay)
	s.blockRoutes()
}

func (s *server) blockRoutes() {
	get(s, s.op(http.MethodGet, "/mails/blocks", "list-blocks", "admin", "mails"), func(ctx context.Context, tx *db.Tx, a auth.Actor, in *Paged) (out list[blockJSON], err error) {
		all, err := channel.Blocks(ctx, tx, a)
		items := make([]blockJSON, len(all))
		for i, b := range all {
			items[i] = blockJSON{b.Pattern, b.Reason, b.At.UTC()}
		}
		return window(items, func(b blockJSON) string { return b.Pattern }, *in), err
	})
	o := s.op(http.MethodPost, "/mails/blocks", "block-sender", "admin", "mails")
	o.DefaultStatus = http.StatusNoContent
	do(s, o, func(ctx context.Context, tx *db.Tx, a auth.Actor, in *blockIn) error {
		return channel.Block(ctx, tx, a, in.Body.Pattern, in.Body.Reason)
	})
	do(s, s.op(http.MethodDelete, "/mails/blocks/{pattern}", "unblock-sender", "admin", "mails"), func(ctx context.Context, tx *db.Tx, a auth.Actor, in *ofBlockIn) error {
		return channel.Unblock(ctx, tx, a, in.Pattern)
	})
}

// rawMail hands the message out as it came.
func (s *server) rawMail(ctx context.Context, in *Identified) (*file, error) {
	c := callOf(ctx)
	var e channel.Envelope
	err := s.DB.Read(ctx, func(tx *db.Tx) (err error) { e, err = channel.Find(ctx, tx, c.actor, in.ID); return err })
	if err == nil && e.Hash == "" {
		err = errs.NotFound // what goes out has no raw form
	}
	if err != nil {
		return nil, s.fault(c, err)
	}
	content, err := s.Blobs.Open(ctx, e.Hash)
	if err != nil {
		return nil, s.fault(c, err)
	}
	return &file{func(h huma.Context) {
		r, w := humago.Unwrap(h)
		blob.Headers(w, e.ID+".eml", "message/rfc822", false)
		http.ServeContent(w, r, "", e.At, content)
		if err := content.Close(); err != nil {
			s.Log.WarnContext(ctx, "mail not closed", "error", err)
		}
	}}, nil
}

// replay takes a parked or quarantined mail in once more, or lets one that failed leave again. A second time it is no
// longer parked, so a key of idempotency has nothing to add.
func (s *server) replay(ctx context.Context, in *onMailIn) (*answer[mailJSON], error) {
	c := callOf(ctx)
	var e channel.Envelope
	err := s.DB.Read(ctx, func(tx *db.Tx) (err error) { e, err = channel.Find(ctx, tx, c.actor, in.ID); return err })
	if err == nil {
		err = s.again(ctx, c.actor, e)
	}
	if err == nil {
		err = s.DB.Read(ctx, func(tx *db.Tx) (err error) { e, err = channel.Find(ctx, tx, c.actor, in.ID); return err })
	}
	if err != nil {
		return nil, s.fault(c, err)
	}
	return &answer[mailJSON]{Status: http.StatusOK, Body: payload[mailJSON]{v: showMail(c.loc, e)}}, nil
}

func (s *server) again(ctx context.Context, a auth.Actor, e channel.Envelope) error {
	o := intake.Configured(s.Config)
	switch {
	case e.Direction == channel.Out:
		err := s.DB.Write(ctx, func(tx *db.Tx) error { return channel.Retry(ctx, tx, a, e.ID) })
		if errors.Is(err, errs.NotFound) {
			return errs.Conflict // it is there, and has not failed
		}
		return err
	case e.State == channel.Quarantined:
		_, err := intake.Release(ctx, s.DB, s.Blobs, a, e.ID, o)
		return err
	}
	_, err := intake.Again(ctx, s.DB, s.Blobs, a, e.ID, o)
	return err
}
