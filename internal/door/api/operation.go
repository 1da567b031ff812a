package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
)

// answer is the output of every operation with a body.
type answer[T any] struct {
	Status   int
	ETag     string `header:"ETag" doc:"Version of the record, for If-Match and If-None-Match."`
	Location string `header:"Location" doc:"Address of what was created."`
	Replayed string `header:"Idempotency-Replayed" doc:"true when this answers an Idempotency-Key used before."`
	Body     payload[T]
}

// payload is a T, or the JSON of one.
type payload[T any] struct {
	v    any
	json []byte
}

// Schema documents a payload as its T.
func (payload[T]) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

func (p payload[T]) rawJSON() ([]byte, error) {
	if p.json != nil {
		return p.json, nil
	}
	return json.Marshal(p.v)
}

// empty is the output of operations without a body.
type empty struct{}

// Keyed is exported, as Paged and Identified are, because huma looks into exported embedded structs only. It is the header every POST takes.
type Keyed struct {
	Key string `header:"Idempotency-Key" required:"false" maxLength:"200" example:"9f1c2d0e-order-17" doc:"Any text of yours. The same request sent again within 24 hours with the same key has its effect once and the first answer is given again."`
}

// Paged are the parameters of every list.
type Paged struct {
	Limit  int    `query:"limit" required:"false" minimum:"1" maximum:"200" example:"50" doc:"Items of a page; 50 unless given, 200 at most."`
	Cursor string `query:"cursor" required:"false" maxLength:"500" doc:"next_cursor of the page before."`
}

// list is a page of items.
type list[T any] struct {
	Items []T     `json:"items" nullable:"false" doc:"The page."`
	Next  *string `json:"next_cursor" doc:"Cursor of the next page; null at the end."`
}

func page[T any](items []T, next string) list[T] {
	l := list[T]{Items: items}
	if items == nil {
		l.Items = []T{}
	}
	if next != "" {
		l.Next = &next
	}
	return l
}

// op describes an operation. Its summary is the catalogue's "api.op." and its id; its tag the first part of the path.
func (s *server) op(method, path, id, scope, tag string) huma.Operation {
	o := huma.Operation{
		OperationID: id, Method: method, Path: prefix + path, Tags: []string{tag},
		Summary:      i18n.Loc{Lang: i18n.EN}.T("api.op." + id),
		Description:  "Scope of the token: `" + scope + "`.",
		MaxBodyBytes: int64(s.Config.Limits.Body),
		Errors:       []int{401, 403, 404, 422, 429},
		Middlewares:  huma.Middlewares{s.scoped(scope)},
		Security:     []map[string][]string{{"token": {scope}}, {"session": {}}},
	}
	if method != http.MethodGet {
		o.Errors = append(o.Errors, 400, 409, 413)
	}
	return o
}

// scoped lets only tokens with a scope pass. Sessions have them all.
func (s *server) scoped(scope string) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		c := callOf(ctx.Context())
		if !c.actor.Scoped(scope) {
			_, c.w = humago.Unwrap(ctx)
			s.refuse(c, problemOf(http.StatusForbidden, "api.scope", "scope", scope))
			return
		}
		next(ctx)
	}
}

// get registers an operation that reads.
func get[I, T any](s *server, o huma.Operation, f func(ctx context.Context, tx *db.Tx, a auth.Actor, in *I) (T, error)) {
	huma.Register(s.api, o, func(ctx context.Context, in *I) (*answer[T], error) {
		c, out := callOf(ctx), &answer[T]{Status: http.StatusOK}
		err := s.DB.Read(ctx, func(tx *db.Tx) error {
			v, err := f(ctx, tx, c.actor, in)
			out.Body.v = v
			return err
		})
		if err != nil {
			return nil, s.fault(c, err)
		}
		return out, nil
	})
}

// act registers an operation that writes. f's status and headers are those of its reply.
func act[I, T any](s *server, o huma.Operation, f func(ctx context.Context, tx *db.Tx, a auth.Actor, in *I) (reply, error)) {
	huma.Register(s.api, o, func(ctx context.Context, in *I) (*answer[T], error) {
		c := callOf(ctx)
		r, err := s.write(ctx, func(ctx context.Context, tx *db.Tx, c *call) (reply, error) { return f(ctx, tx, c.actor, in) })
		if err != nil {
			return nil, s.fault(c, err)
		}
		if r.status == 0 {
			r.status = max(o.DefaultStatus, http.StatusOK)
		}
		out := &answer[T]{Status: r.status, ETag: r.header["ETag"], Location: r.header["Location"], Body: payload[T]{r.value, r.body}}
		if r.again {
			out.Replayed = "true"
		}
		return out, nil
	})
}

// do registers an operation that writes and has nothing to tell.
func do[I any](s *server, o huma.Operation, f func(ctx context.Context, tx *db.Tx, a auth.Actor, in *I) error) {
	o.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, o, func(ctx context.Context, in *I) (*empty, error) {
		_, err := s.write(ctx, func(ctx context.Context, tx *db.Tx, c *call) (reply, error) {
			return reply{status: http.StatusNoContent}, f(ctx, tx, c.actor, in)
		})
		if err != nil {
			return nil, s.fault(callOf(ctx), err)
		}
		return nil, nil
	})
}
