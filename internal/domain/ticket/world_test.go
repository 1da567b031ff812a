package ticket_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/event"
	"entraide/internal/domain/ticket"
)

// The people: ann and ben ask; pat and paul work on level 1, and pat leads it; nina works the network on level 2;
// rita works the private queue of personnel; theo administers.
const world = `
INSERT INTO person (id, name, name_fold, email, email_key, site, created_at, updated_at) VALUES
	('ann', 'Ann Le Gall', 'ann le gall', 'ann@example.org', 'ann@example.org', 'Rennes', 0, 0),
	('ben', 'Ben Roux', 'ben roux', 'ben@example.org', 'ben@example.org', 'Brest', 0, 0),
	('pat', 'Pat Morel', 'pat morel', 'pat@example.org', 'pat@example.org', '', 0, 0),
	('paul', 'Paul Petit', 'paul petit', 'paul@example.org', 'paul@example.org', '', 0, 0),
	('nina', 'Nina Faure', 'nina faure', 'nina@example.org', 'nina@example.org', '', 0, 0),
	('rita', 'Rita Blanc', 'rita blanc', 'rita@example.org', 'rita@example.org', '', 0, 0),
	('theo', 'Théo Martin', 'theo martin', 'theo@example.org', 'theo@example.org', '', 0, 0);
INSERT INTO person_role (person_id, role) VALUES ('pat', 'lead'), ('paul', 'agent'), ('nina', 'agent'), ('rita', 'agent'), ('theo', 'admin');
INSERT INTO team (id, name, level, created_at) VALUES ('desk', 'Accueil', 1, 0), ('net', 'Réseau', 2, 0), ('staff', 'Personnel', 2, 0);
INSERT INTO team_member (person_id, team_id, leads) VALUES ('pat', 'desk', TRUE), ('paul', 'desk', FALSE), ('nina', 'net', FALSE), ('rita', 'staff', FALSE);
INSERT INTO queue (id, name, team_id, level, private, position, created_at) VALUES
	('q1', 'Accueil', 'desk', 1, FALSE, 0, 0), ('q2', 'Réseau', 'net', 2, FALSE, 1, 0), ('qp', 'Personnel', 'staff', 2, TRUE, 2, 0);
INSERT INTO category (id, parent_id, name_fr, name_en, queue_id, position, active, created_at) VALUES
	('it', NULL, 'Informatique', 'Computing', NULL, 0, TRUE, 0), ('vpn', 'it', 'VPN', 'VPN', 'q2', 0, TRUE, 0),
	('vpnhome', 'vpn', 'À la maison', 'At home', NULL, 0, TRUE, 0), ('old', NULL, 'Ancien', 'Old', NULL, 9, FALSE, 0);
INSERT INTO field (id, key, label_fr, label_en, kind, required, category_id, created_at) VALUES
	('f1', 'serial', 'N° de série', 'Serial number', 'text', TRUE, 'vpn', 0), ('f2', 'floor', 'Étage', 'Floor', 'number', FALSE, 'vpn', 0)`

var (
	ann  = auth.Actor{ID: "ann", Name: "Ann Le Gall"}
	ben  = auth.Actor{ID: "ben", Name: "Ben Roux"}
	pat  = auth.Actor{ID: "pat", Name: "Pat Morel", Roles: []auth.Role{auth.Lead}, Teams: []string{"desk"}, LeadOf: []string{"desk"}}
	paul = auth.Actor{ID: "paul", Name: "Paul Petit", Roles: []auth.Role{auth.Agent}, Teams: []string{"desk"}}
	nina = auth.Actor{ID: "nina", Name: "Nina Faure", Roles: []auth.Role{auth.Agent}, Teams: []string{"net"}}
	rita = auth.Actor{ID: "rita", Name: "Rita Blanc", Roles: []auth.Role{auth.Agent}, Teams: []string{"staff"}}
	theo = auth.Actor{ID: "theo", Name: "Théo Martin", Roles: []auth.Role{auth.Admin}}
	self = auth.System("test")

	everybody = []auth.Actor{ann, ben, pat, paul, nina, rita, theo, self, {}}
)

// noon is when tests begin.
var noon = time.Date(2026, 3, 12, 12, 0, 0, 0, time.UTC)

// house is one database with people in it and a clock that stands still until it is moved.
type house struct {
	*testing.T
	d   *db.DB
	mu  sync.Mutex
	now time.Time
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) wait(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// each runs f in a house on each engine.
func each(t *testing.T, f func(h *house)) {
	t.Helper()
	for _, e := range []db.Engine{db.SQLite, db.Postgres} {
		t.Run(string(e), func(t *testing.T) { f(build(t, e)) })
	}
}

func build(t *testing.T, e db.Engine) *house {
	h := &house{T: t, now: noon}
	h.d = dbtest.Open(t, e, dbtest.Options{Seed: world, Now: h.clock, Reacts: func(string) []string { return []string{"test"} }})
	return h
}

// try writes and returns the error.
func (h *house) try(f func(ctx context.Context, tx *db.Tx) error) error {
	h.Helper()
	return h.d.Write(h.Context(), func(tx *db.Tx) error { return f(h.Context(), tx) })
}

// do writes what must succeed.
func (h *house) do(f func(ctx context.Context, tx *db.Tx) error) {
	h.Helper()
	if err := h.try(f); err != nil {
		h.Fatal(err)
	}
}

// read reads what must succeed.
func (h *house) read(f func(ctx context.Context, tx *db.Tx) error) {
	h.Helper()
	if err := h.d.Read(h.Context(), func(tx *db.Tx) error { return f(h.Context(), tx) }); err != nil {
		h.Fatal(err)
	}
}

func draft(subject string) ticket.Draft {
	return ticket.Draft{Subject: subject, Channel: ticket.Portal, Message: ticket.Draught{Body: "Bonjour, " + subject}}
}

func (h *house) open(a auth.Actor, d ticket.Draft) (t ticket.Ticket) {
	h.Helper()
	h.do(func(ctx context.Context, tx *db.Tx) (err error) {
		t, err = ticket.OpenTicket(ctx, tx, a, d)
		return err
	})
	return t
}

// private opens a ticket of ann's in the queue of personnel.
func (h *house) private() ticket.Ticket {
	h.Helper()
	d := draft("Congé")
	d.QueueID, d.RequesterID = "qp", "ann"
	return h.open(rita, d)
}

func (h *house) get(id string) (t ticket.Ticket) {
	h.Helper()
	h.read(func(ctx context.Context, tx *db.Tx) (err error) { t, err = ticket.Find(ctx, tx, self, id); return err })
	return t
}

func say(body string) ticket.Say { return ticket.Say{Draught: ticket.Draught{Body: body}} }

func (h *house) reply(a auth.Actor, id string, s ticket.Say) (m ticket.Message) {
	h.Helper()
	h.do(func(ctx context.Context, tx *db.Tx) (err error) { m, err = ticket.Reply(ctx, tx, a, id, s); return err })
	return m
}

func (h *house) note(a auth.Actor, id, body string) (m ticket.Message) {
	h.Helper()
	h.do(func(ctx context.Context, tx *db.Tx) (err error) {
		m, err = ticket.Note(ctx, tx, a, id, say(body))
		return err
	})
	return m
}

func (h *house) upload(a auth.Actor, name string) (f ticket.Attachment) {
	h.Helper()
	h.do(func(ctx context.Context, tx *db.Tx) (err error) {
		f, err = ticket.Upload(ctx, tx, a, ticket.Attachment{Hash: "aa", Name: name, ContentType: "text/plain", Size: 3})
		return err
	})
	return f
}

func (h *house) talk(a auth.Actor, id string) (all []ticket.Message) {
	h.Helper()
	h.read(func(ctx context.Context, tx *db.Tx) error {
		t, err := ticket.Find(ctx, tx, a, id)
		if err == nil {
			all, err = ticket.Conversation(ctx, tx, a, t)
		}
		return err
	})
	return all
}

func bodies(all []ticket.Message) (out []string) {
	for _, m := range all {
		out = append(out, m.Body)
	}
	return out
}

// history is the timeline that an actor reads.
func (h *house) history(a auth.Actor, id string) (all []event.Event) {
	h.Helper()
	h.read(func(ctx context.Context, tx *db.Tx) error {
		t, err := ticket.Find(ctx, tx, a, id)
		if err == nil {
			all, err = ticket.Timeline(ctx, tx, a, t)
		}
		return err
	})
	return all
}

func kinds(all []event.Event) (out []string) {
	for _, e := range all {
		out = append(out, e.Kind)
	}
	return out
}

func (h *house) list(a auth.Actor, f ticket.Filter, p ticket.Page) (all []ticket.Ticket, next string) {
	h.Helper()
	h.read(func(ctx context.Context, tx *db.Tx) (err error) {
		all, next, err = ticket.List(ctx, tx, a, f, p)
		return err
	})
	return all, next
}

func ids(all []ticket.Ticket) (out []string) {
	for _, t := range all {
		out = append(out, t.ID)
	}
	return out
}

func subjects(all []ticket.Ticket) (out []string) {
	for _, t := range all {
		out = append(out, t.Subject)
	}
	slices.Sort(out)
	return out
}

// fails checks the kind of an error, and the fields it names.
func fails(t *testing.T, err, want error, fields ...string) {
	t.Helper()
	if !errors.Is(err, want) || want == nil && err != nil {
		t.Errorf("error = %v, want %v", err, want)
	}
	if fields == nil {
		return
	}
	var named []string
	for _, f := range errs.Fields(err) {
		named = append(named, f.Name)
	}
	slices.Sort(named)
	slices.Sort(fields)
	if !slices.Equal(named, fields) {
		t.Errorf("fields %v, want %v", named, fields)
	}
}

func same[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}
