package ticket_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/job"
	"entraide/internal/base/setting"
	"entraide/internal/domain/ticket"
)

func (h *house) resolve(id string) { h.Helper(); h.end(paul, id) }

func (h *house) end(a auth.Actor, id string) {
	h.Helper()
	h.do(func(ctx context.Context, tx *db.Tx) error {
		_, err := ticket.Resolve(ctx, tx, a, id, ticket.Resolution{Cause: "câble"})
		return err
	})
}

func TestReplyMovesTheStatus(t *testing.T) {
	pend := func(on ticket.PendingOn) func(h *house, id string) {
		return func(h *house, id string) {
			h.do(func(ctx context.Context, tx *db.Tx) error {
				_, err := ticket.Pend(ctx, tx, paul, id, on, noon.Add(48*time.Hour), 0)
				return err
			})
		}
	}
	resolve := func(after time.Duration) func(h *house, id string) {
		return func(h *house, id string) { h.resolve(id); h.wait(after) }
	}
	nothing := func(*house, string) {}
	for name, c := range map[string]struct {
		before func(h *house, id string)
		by     auth.Actor
		want   error
		status ticket.Status
		last   string // event besides ticket.replied
	}{
		"the desk opens a new one":       {nothing, paul, nil, ticket.Open, "ticket.opened"},
		"the requester leaves it new":    {nothing, ann, nil, ticket.New, "ticket.replied"},
		"the requester wakes it":         {pend(ticket.OnRequester), ann, nil, ticket.Open, "ticket.opened"},
		"but not a third party's":        {pend(ticket.OnThirdParty), ann, nil, ticket.Pending, "ticket.replied"},
		"nor the desk":                   {pend(ticket.OnRequester), paul, nil, ticket.Pending, "ticket.replied"},
		"the requester reopens":          {resolve(time.Hour), ann, nil, ticket.Open, "ticket.reopened"},
		"the requester comes too late":   {resolve(8 * 24 * time.Hour), ann, errs.Conflict, ticket.Resolved, ""},
		"a watcher only says thanks":     {resolve(time.Hour), ben, nil, ticket.Resolved, "ticket.replied"},
		"a watcher, even late":           {resolve(8 * 24 * time.Hour), ben, nil, ticket.Resolved, "ticket.replied"},
		"the desk adds to a resolved":    {resolve(time.Hour), paul, nil, ticket.Resolved, "ticket.replied"},
		"a stranger does not see it":     {nothing, auth.Actor{ID: "zoe"}, errs.NotFound, ticket.New, ""},
		"another team's agent may speak": {nothing, nina, nil, ticket.Open, "ticket.opened"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(h *house) {
				d := draft("Imprimante")
				d.RequesterID, d.Watchers = "ann", []string{"ben"}
				x := h.open(pat, d)
				c.before(h, x.ID)
				h.wait(time.Minute)
				before := h.get(x.ID)
				err := h.try(func(ctx context.Context, tx *db.Tx) error {
					_, err := ticket.Reply(ctx, tx, c.by, x.ID, say("Voilà"))
					return err
				})
				fails(h.T, err, c.want)
				got := h.get(x.ID)
				if got.Status != c.status {
					h.Errorf("status %s, want %s", got.Status, c.status)
				}
				if c.want != nil {
					if len(h.talk(theo, x.ID)) != before.Messages {
						h.Error("a refused reply stays")
					}
					return
				}
				if all := kinds(h.history(theo, x.ID)); all[len(all)-1] != c.last || !slices.Contains(all, "ticket.replied") {
					h.Errorf("events %v, want %s at the end", all, c.last)
				}
				if got.Messages != before.Messages+1 || got.UpdatedAt != h.clock() {
					h.Errorf("%d messages, updated %v", got.Messages, got.UpdatedAt)
				}
				if desk := c.by.Agent(); !before.RespondedAt.IsZero() || desk != !got.RespondedAt.IsZero() {
					h.Errorf("responded %v after %v", got.RespondedAt, before.RespondedAt)
				}
				if (got.Version != before.Version) != (got.Status != before.Status) {
					h.Errorf("version %d after %d: a message makes none, a status does", got.Version, before.Version)
				}
				if got.Status == ticket.Open && (got.PendingOn != "" || !got.PendingUntil.IsZero() || !got.ResolvedAt.IsZero()) {
					h.Errorf("left over: %+v", got)
				}
			})
		})
	}
}

func TestTheFirstAnswerCounts(t *testing.T) {
	each(t, func(h *house) {
		x := h.open(ann, draft("Lent"))
		h.reply(ann, x.ID, say("Encore"))
		h.wait(time.Minute)
		h.note(paul, x.ID, "hum")
		h.reply(paul, x.ID, say("Je regarde"))
		first := h.clock()
		h.wait(time.Minute)
		h.reply(paul, x.ID, say("Alors ?"))
		if got := h.get(x.ID); got.RespondedAt != first || got.Messages != 5 {
			h.Errorf("responded %v, want %v; %d messages", got.RespondedAt, first, got.Messages)
		}
		same(h.T, "ann reads", bodies(h.talk(ann, x.ID)), []string{"Bonjour, Lent", "Encore", "Je regarde", "Alors ?"})
		same(h.T, "nina reads", bodies(h.talk(nina, x.ID)), []string{"Bonjour, Lent", "Encore", "hum", "Je regarde", "Alors ?"})
	})
}

func TestRepliesAreRefusedAtTheEnd(t *testing.T) {
	each(t, func(h *house) {
		x := h.open(ann, draft("Fini"))
		h.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Cancel(ctx, tx, ann, x.ID, "")
			return err
		})
		for _, a := range []auth.Actor{ann, paul, theo} {
			fails(h.T, h.try(func(ctx context.Context, tx *db.Tx) error {
				_, err := ticket.Reply(ctx, tx, a, x.ID, say("Hé"))
				return err
			}), errs.Conflict)
		}
		h.note(nina, x.ID, "pour mémoire")
		fails(h.T, h.try(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Note(ctx, tx, ann, x.ID, say("Hé"))
			return err
		}), errs.Forbidden)
		fails(h.T, h.try(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Note(ctx, tx, paul, x.ID, say(" "))
			return err
		}), errs.Invalid, "body")
	})
}

func TestCrossedMessagesAreNotSent(t *testing.T) {
	each(t, func(h *house) {
		x := h.open(ann, draft("Croisé"))
		seen := h.talk(paul, x.ID)[0].ID
		reply := func(a auth.Actor) error {
			s := say("Voilà")
			s.Seen = seen
			return h.try(func(ctx context.Context, tx *db.Tx) error { _, err := ticket.Reply(ctx, tx, a, x.ID, s); return err })
		}
		fails(h.T, reply(paul), nil)
		fails(h.T, reply(paul), nil) // one's own message does not cross
		h.note(nina, x.ID, "une note ne croise pas")
		fails(h.T, reply(paul), nil)
		fails(h.T, reply(ann), errs.Conflict)
		seen = h.talk(ann, x.ID)[3].ID
		fails(h.T, reply(ann), nil)
		fails(h.T, reply(pat), errs.Conflict)
	})
}

func TestTwoRepliesAtOnceAreBothKept(t *testing.T) {
	each(t, func(h *house) {
		x := h.open(ann, draft("Ensemble"))
		h.reply(paul, x.ID, say("Ouvert"))
		var all sync.WaitGroup
		for i := range 8 {
			a := []auth.Actor{ann, ben, paul, pat}[i%4]
			if a.ID == "ben" {
				a = nina
			}
			all.Go(func() {
				if err := h.try(func(ctx context.Context, tx *db.Tx) error {
					_, err := ticket.Reply(ctx, tx, a, x.ID, say(fmt.Sprint("n° ", i)))
					return err
				}); err != nil {
					h.Error(err)
				}
			})
		}
		all.Wait()
		if got := h.get(x.ID); got.Messages != 10 || len(h.talk(ann, x.ID)) != 10 {
			h.Errorf("%d messages counted, %d there", got.Messages, len(h.talk(ann, x.ID)))
		}
	})
}

func TestMentions(t *testing.T) {
	each(t, func(h *house) {
		x := h.open(ann, draft("Nommés"))
		h.note(paul, x.ID, "@[Nina Faure](person:nina) et @[Nina Faure](person:nina), @[Personne](person:ghost), @[Pat Morel](person:pat)")
		h.reply(paul, x.ID, say("Voyez avec @[Nina Faure](person:nina)"))
		h.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Resolve(ctx, tx, paul, x.ID, ticket.Resolution{Body: "Merci @[Théo Martin](person:theo)"})
			return err
		})
		if n := dbtest.Count(h.T, h.d, "mention"); n != 4 {
			h.Errorf("%d mentions", n)
		}
		told := map[string]int{}
		for _, e := range h.history(theo, x.ID) {
			if e.Kind == "ticket.mentioned" {
				told[fmt.Sprint(e.Data.Person, e.Internal)]++
			}
		}
		if told["ninatrue"] != 1 || told["ninafalse"] != 1 || told["pattrue"] != 1 || told["theofalse"] != 1 || len(told) != 4 {
			h.Errorf("told %v", told)
		}
		all, _ := h.list(nina, ticket.Filter{Mentioned: true}, ticket.Page{})
		same(h.T, "where nina is named", ids(all), []string{x.ID})
		all, _ = h.list(rita, ticket.Filter{Mentioned: true}, ticket.Page{})
		same(h.T, "where rita is named", ids(all), nil)
	})
}

func TestHeldReplies(t *testing.T) {
	release := func(ctx context.Context, tx *db.Tx, m ticket.Message) error { return ticket.Release(ctx, tx, m.ID) }
	undo := func(ctx context.Context, tx *db.Tx, m ticket.Message) error {
		back, err := ticket.Undo(ctx, tx, paul, m.ID)
		if err == nil && (back.Body != "Bientôt" || len(back.Attachments) != 1) {
			return fmt.Errorf("given back %+v", back)
		}
		return err
	}
	steal := func(ctx context.Context, tx *db.Tx, m ticket.Message) error {
		_, err := ticket.Undo(ctx, tx, pat, m.ID)
		return err
	}
	type step = func(ctx context.Context, tx *db.Tx, m ticket.Message) error
	for name, c := range map[string]struct {
		steps []step
		want  error // of the last
		sent  bool
	}{
		"it waits":               {nil, nil, false},
		"it leaves":              {[]step{release}, nil, true},
		"it leaves once":         {[]step{release, release}, nil, true},
		"it is taken back":       {[]step{undo}, nil, false},
		"taken back, no release": {[]step{undo, release}, nil, false},
		"taken back once":        {[]step{undo, undo}, errs.NotFound, false},
		"too late":               {[]step{release, undo}, errs.Conflict, true},
		"not by others":          {[]step{steal}, errs.NotFound, false},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(h *house) {
				x, f := h.open(ann, draft("Retenu")), h.upload(paul, "a.txt")
				s := ticket.Say{Hold: true, Draught: ticket.Draught{Body: "Bientôt", Attachments: []string{f.ID}}}
				m := h.reply(paul, x.ID, s)
				if m.HeldUntil != noon.Add(ticket.DefaultPolicy().Undo()) {
					h.Errorf("held until %v", m.HeldUntil)
				}
				if len(h.talk(ann, x.ID)) != 1 || len(h.talk(pat, x.ID)) != 1 || len(h.talk(paul, x.ID)) != 2 || h.get(x.ID).Messages != 1 {
					h.Error("a held reply is its author's only")
				}
				h.read(func(ctx context.Context, tx *db.Tx) error {
					j, err := job.Find(ctx, tx, ticket.JobRelease, m.ID)
					if err == nil && j.RunAt != m.HeldUntil {
						h.Errorf("leaves at %v", j.RunAt)
					}
					return err
				})
				var err error
				for _, s := range c.steps {
					err = h.try(func(ctx context.Context, tx *db.Tx) error { return s(ctx, tx, m) })
				}
				fails(h.T, err, c.want)
				got := h.get(x.ID)
				if sent := len(h.talk(ann, x.ID)) == 2; sent != c.sent || (got.Messages == 2) != c.sent || (got.Status == ticket.Open) != c.sent || got.RespondedAt.IsZero() == c.sent {
					h.Errorf("sent %v: %+v", sent, got)
				}
				n := 0
				for _, e := range h.history(theo, x.ID) {
					if e.Kind == "ticket.replied" {
						if n++; e.ActorID != "paul" || e.Actor != "Paul Petit" {
							h.Errorf("said by %q %q", e.ActorID, e.Actor)
						}
					}
				}
				if (n == 1) != c.sent || n > 1 {
					h.Errorf("told %d times", n)
				}
				if name == "it is taken back" {
					s.Hold = false
					h.reply(paul, x.ID, s) // with the same file
					if all := h.talk(ann, x.ID); len(all) != 2 || len(all[1].Attachments) != 1 {
						h.Errorf("%+v", all)
					}
				}
			})
		})
	}
}

func TestHoldingIsForTheDesk(t *testing.T) {
	each(t, func(h *house) {
		x := h.open(ann, draft("Direct"))
		s := say("Tout de suite")
		s.Hold = true
		if m := h.reply(ann, x.ID, s); !m.HeldUntil.IsZero() {
			h.Error("a requester's reply is held")
		}
		m := h.reply(self, x.ID, s)
		if m.HeldUntil.IsZero() {
			h.Error("the machine's is not")
		}
		h.do(func(ctx context.Context, tx *db.Tx) error { return ticket.Release(ctx, tx, m.ID) })
		if all := h.talk(ann, x.ID); len(all) != 3 || all[2].AuthorID != "" {
			h.Errorf("%+v", all)
		}
		h.do(func(ctx context.Context, tx *db.Tx) error {
			return setting.Set(ctx, tx, theo, ticket.PolicyKey, ticket.Policy{ReopenDays: 1, UndoSeconds: 0})
		})
		if m := h.reply(paul, x.ID, s); !m.HeldUntil.IsZero() {
			h.Error("held against the policy")
		}
	})
}

func TestUndoRacesRelease(t *testing.T) {
	each(t, func(h *house) {
		x := h.open(ann, draft("Course"))
		for range 10 {
			s := say("Bientôt")
			s.Hold = true
			m := h.reply(paul, x.ID, s)
			before := h.get(x.ID).Messages
			var all sync.WaitGroup
			var undone, released error
			all.Go(func() {
				undone = h.try(func(ctx context.Context, tx *db.Tx) error { _, err := ticket.Undo(ctx, tx, paul, m.ID); return err })
			})
			all.Go(func() {
				released = h.try(func(ctx context.Context, tx *db.Tx) error { return ticket.Release(ctx, tx, m.ID) })
			})
			all.Wait()
			sent := h.get(x.ID).Messages == before+1
			if released != nil || sent == (undone == nil) || undone != nil && !errors.Is(undone, errs.Conflict) {
				h.Fatalf("sent %v, undo %v, release %v", sent, undone, released)
			}
		}
	})
}

// A reply that meets somebody's change half way is written on what is there then: its author is not asked again.
func TestAReplyOutlivesAChange(t *testing.T) {
	h := build(t, db.Postgres) // SQLite has one writer: nobody meets anybody
	x := h.open(ann, draft("Panne"))
	changing, settled := make(chan struct{}), make(chan error, 1)
	go func() {
		settled <- h.try(func(ctx context.Context, tx *db.Tx) error {
			subject := "Panne générale"
			if _, err := ticket.Update(ctx, tx, theo, x.ID, ticket.Patch{Subject: &subject}); err != nil {
				return err
			}
			close(changing)
			for waiting := 0; waiting == 0; { // until the reply stands before the changed row
				if err := h.d.Raw().QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity
					WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting); err != nil {
					return err
				}
			}
			return nil
		})
	}()
	<-changing
	tries := 0
	h.do(func(ctx context.Context, tx *db.Tx) error {
		tries++
		_, err := ticket.Reply(ctx, tx, paul, x.ID, say("Nous regardons."))
		return err
	})
	fails(h.T, <-settled, nil)
	if got := h.get(x.ID); tries != 2 || got.Subject != "Panne générale" || got.Status != ticket.Open || got.Messages != 2 || len(h.talk(ann, x.ID)) != 2 {
		h.Errorf("%d tries: %+v", tries, got)
	}
}
