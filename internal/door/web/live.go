package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/live"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	"entraide/internal/door/web/ui"
)

const (
	maxStreams = 5000 // of one process
	maxTopics  = 50   // of one page
)

// mountLive serves the stream that tells pages the names of what changed. Knowing a topic is not enough to hear it:
// who may not see a ticket may not know that it changes either.
func mountLive(k *kit.Kit, streams *live.Streams) {
	k.Route(kit.SignedIn, "GET "+ui.LivePath, func(w http.ResponseWriter, r *http.Request) error {
		asked := strings.Split(r.FormValue("topics"), ",")
		var topics []string
		err := k.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
			for _, t := range asked[:min(len(asked), maxTopics)] {
				ok, err := mayHear(ctx, tx, a, t)
				if err != nil {
					return err
				}
				if ok {
					topics = append(topics, t)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		sub := k.DB.Listen(func(t string) bool { return slices.Contains(topics, t) })
		defer sub.Close()
		return streams.Serve(r.Context(), w, live.Source{C: sub.C, Take: sub.Take},
			live.Options{Topics: topics, Last: r.Header.Get("Last-Event-ID"), Missed: k.Missed(r.FormValue("mark"), topics)})
	})
}

func mayHear(ctx context.Context, tx *db.Tx, a auth.Actor, topic string) (bool, error) {
	kind, key, _ := strings.Cut(topic, "/")
	switch kind {
	case "inbox", "requests":
		return key == a.ID, nil
	case "ticket", "presence":
		t, err := ticket.Find(ctx, tx, a, key)
		if errors.Is(err, errs.NotFound) {
			return false, nil
		}
		return err == nil && (kind == "ticket" || t.AsAgent(a)), err
	case "queue":
		all, err := ticket.Queues(ctx, tx, a)
		return slices.ContainsFunc(all, func(q ticket.Queue) bool { return q.ID == key }), err
	}
	return false, nil
}
