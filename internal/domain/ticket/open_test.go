package ticket_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/domain/ticket"
)

func TestOpenTicketNamesEveryFault(t *testing.T) {
	long := strings.Repeat("é", ticket.MaxSubject+1)
	for name, c := range map[string]struct {
		by     auth.Actor
		d      func(*ticket.Draft)
		want   error
		fields []string
	}{
		"all is well":        {ann, func(*ticket.Draft) {}, nil, nil},
		"nothing said":       {ann, func(d *ticket.Draft) { d.Subject, d.Message.Body = " \n ", "\t " }, errs.Invalid, []string{"subject", "body"}},
		"nothing to see":     {ann, func(d *ticket.Draft) { d.Subject, d.Message.Body = "\u200b\u2060", "\u00a0\u200d\n\u3164" }, errs.Invalid, []string{"subject", "body"}},
		"too long":           {ann, func(d *ticket.Draft) { d.Subject, d.Message.Body = long, strings.Repeat("x", ticket.MaxBody+1) }, errs.Invalid, []string{"subject", "body"}},
		"just short enough":  {ann, func(d *ticket.Draft) { d.Subject = long[2:] }, nil, nil},
		"unknown type":       {ann, func(d *ticket.Draft) { d.Kind = "wish" }, errs.Invalid, []string{"type"}},
		"scales":             {ann, func(d *ticket.Draft) { d.Impact, d.Urgency = 5, -1 }, errs.Invalid, []string{"impact", "urgency"}},
		"category":           {ann, func(d *ticket.Draft) { d.CategoryID = "nope" }, errs.Invalid, []string{"category"}},
		"category closed":    {ann, func(d *ticket.Draft) { d.CategoryID = "old" }, errs.Invalid, []string{"category"}},
		"queue":              {pat, func(d *ticket.Draft) { d.QueueID = "nope" }, errs.Invalid, []string{"queue"}},
		"people":             {pat, func(d *ticket.Draft) { d.RequesterID, d.Watchers = "x", []string{"ann", "y"} }, errs.Invalid, []string{"requester", "watchers"}},
		"assignee elsewhere": {pat, func(d *ticket.Draft) { d.AssigneeID = "nina" }, errs.Invalid, []string{"assignee"}},
		"assignee":           {pat, func(d *ticket.Draft) { d.AssigneeID = "paul" }, nil, nil},
		"required field":     {ann, func(d *ticket.Draft) { d.CategoryID = "vpnhome" }, errs.Invalid, []string{"fields.serial"}},
		"required, by mail":  {ann, func(d *ticket.Draft) { d.CategoryID, d.Channel = "vpn", ticket.Mail }, nil, nil},
		"wrong, by mail": {ann, func(d *ticket.Draft) {
			d.CategoryID, d.Channel, d.Fields = "vpn", ticket.Mail, map[string]any{"floor": "x"}
		}, errs.Invalid, []string{"fields.floor"}},
		"field of no category": {ann, func(d *ticket.Draft) { d.Fields = map[string]any{"serial": "1"} }, errs.Invalid, []string{"fields.serial"}},
		"many faults": {ann, func(d *ticket.Draft) { d.Subject, d.Kind, d.CategoryID, d.Impact = "", "x", "x", 9 },
			errs.Invalid, []string{"subject", "type", "category", "impact"}},
		"for somebody else":    {ann, func(d *ticket.Draft) { d.RequesterID = "ben" }, errs.Forbidden, nil},
		"for oneself, named":   {ann, func(d *ticket.Draft) { d.RequesterID = "ann" }, nil, nil},
		"choosing a queue":     {ann, func(d *ticket.Draft) { d.QueueID = "q1" }, errs.Forbidden, nil},
		"choosing an agent":    {ann, func(d *ticket.Draft) { d.AssigneeID = "paul" }, errs.Forbidden, nil},
		"external id too long": {ann, func(d *ticket.Draft) { d.ExternalID = strings.Repeat("x", 201) }, errs.Invalid, []string{"external_id"}},
		"broken text": {pat, func(d *ticket.Draft) {
			d.Subject, d.Message = "a\xff\x00b", ticket.Draught{Body: "\xc3 corps\x00", HTML: "<p>\xff\x00</p>", Quoted: "\xfe"}
			d.ExternalID, d.Tags = "e\xff\x00", []string{"t\xff\x00"}
		}, nil, nil},
		"broken references": {pat, func(d *ticket.Draft) {
			d.RequesterID, d.QueueID, d.Watchers = "x\x00", "q\xff", []string{"\x00"}
		}, errs.Invalid, []string{"requester", "queue", "watchers"}},
		"broken upload": {pat, func(d *ticket.Draft) { d.Message.Attachments = []string{"\x00\xff"} }, errs.Invalid, []string{"attachments"}},
		"long tag":      {pat, func(d *ticket.Draft) { d.Tags = []string{strings.Repeat("é", 61)} }, errs.Invalid, []string{"tags"}},
		"nobody":        {auth.Actor{}, func(*ticket.Draft) {}, errs.Invalid, []string{"requester"}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(h *house) {
				d := draft("Écran noir")
				c.d(&d)
				err := h.try(func(ctx context.Context, tx *db.Tx) error { _, err := ticket.OpenTicket(ctx, tx, c.by, d); return err })
				fails(h.T, err, c.want, c.fields...)
				want := 1
				if c.want != nil {
					want = 0
				}
				for _, table := range []string{"ticket", "message", "stay"} {
					if n := dbtest.Count(h.T, h.d, table); n != want {
						h.Errorf("%d rows of %s", n, table)
					}
				}
			})
		})
	}
}

func TestOpenTicketReturnsWhatIsStored(t *testing.T) {
	each(t, func(h *house) {
		d := draft("VPN  coupé\n")
		d.Kind, d.CategoryID, d.Impact, d.Urgency, d.ExternalID = ticket.Request, "vpnhome", 1, 2, "x-1"
		d.RequesterID, d.Watchers, d.Tags, d.AssigneeID = "ann", []string{"ben", "ann"}, []string{"B", "a", "b "}, "nina"
		d.Fields = map[string]any{"serial": " S1 ", "floor": "3"}
		got := h.open(pat, d)
		if want := h.get(got.ID); !reflect.DeepEqual(got, want) {
			h.Errorf("returned\n%+v\nstored\n%+v", got, want)
		}
		if got.Subject != "VPN coupé" || got.QueueID != "q2" || got.Level != 2 || got.Priority != 1 || got.Status != ticket.Open || got.Reference() != "REQ-1001" {
			h.Errorf("%+v", got)
		}
		h.read(func(ctx context.Context, tx *db.Tx) error {
			tags, err := ticket.Tags(ctx, tx, got)
			same(h.T, "tags", tags, []string{"a", "b"})
			if err != nil {
				return err
			}
			w, err := ticket.Watchers(ctx, tx, got)
			if len(w) != 1 || w[0].PersonID != "ben" {
				h.Errorf("watchers %v: the requester is none", w)
			}
			return err
		})
		same(h.T, "timeline", kinds(h.history(pat, got.ID)), []string{"ticket.watched", "ticket.created"})
		plain := h.open(ann, draft("Simple"))
		if want := h.get(plain.ID); !reflect.DeepEqual(plain, want) {
			h.Errorf("returned\n%+v\nstored\n%+v", plain, want)
		}
		if m := h.talk(ann, plain.ID); len(m) != 1 || m[0].AuthorID != "ann" || m[0].ByAgent {
			h.Errorf("%+v", m)
		}
	})
}

func TestOnBehalf(t *testing.T) {
	for channel, author := range map[ticket.Channel]string{ticket.Phone: "ann", ticket.API: "pat"} {
		each(t, func(h *house) {
			d := draft("Appel")
			d.RequesterID, d.Channel = "ann", channel
			m := h.talk(ann, h.open(pat, d).ID)
			if len(m) != 1 || m[0].AuthorID != author || m[0].ByAgent != (author == "pat") {
				h.Errorf("%s: %+v", channel, m)
			}
		})
	}
}

func TestAnExternalIDIsTakenOnce(t *testing.T) {
	each(t, func(h *house) {
		d := draft("Importé")
		d.ExternalID = "zx-81"
		var mu sync.Mutex
		found, known := map[string]bool{}, 0
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				err := h.try(func(ctx context.Context, tx *db.Tx) error {
					t, err := ticket.OpenTicket(ctx, tx, ann, d)
					mu.Lock()
					defer mu.Unlock()
					found[t.ID] = true
					if errors.Is(err, ticket.ErrKnown) {
						known++
					}
					return err
				})
				if err != nil && !errors.Is(err, ticket.ErrKnown) {
					h.Error(err)
				}
			})
		}
		all.Wait()
		if len(found) != 1 || known != 5 || dbtest.Count(h.T, h.d, "ticket") != 1 {
			h.Errorf("%d tickets returned, %d known, %d stored", len(found), known, dbtest.Count(h.T, h.d, "ticket"))
		}
		err := h.try(func(ctx context.Context, tx *db.Tx) error {
			t, err := ticket.OpenTicket(ctx, tx, ben, d)
			if t.ID != "" {
				h.Error("a stranger is shown the ticket")
			}
			return err
		})
		fails(h.T, err, errs.Invalid, "external_id")
	})
}

func TestAttachments(t *testing.T) {
	each(t, func(h *house) {
		mine, his := h.upload(ann, "../é\x00.txt"), h.upload(ben, "b.txt")
		d := draft("Pièce")
		d.Message.Attachments = []string{mine.ID, his.ID}
		open := func(ctx context.Context, tx *db.Tx) error { _, err := ticket.OpenTicket(ctx, tx, ann, d); return err }
		fails(h.T, h.try(open), errs.Invalid, "attachments")
		d.Message.Attachments = make([]string, ticket.MaxAttachments+1)
		fails(h.T, h.try(open), errs.Invalid, "attachments")
		d.Message.Attachments = []string{mine.ID}
		got := h.open(ann, d)
		if m := h.talk(ann, got.ID); len(m[0].Attachments) != 1 || m[0].Attachments[0].ID != mine.ID {
			h.Errorf("%+v", m)
		}
		fails(h.T, h.try(open), errs.Invalid, "attachments") // it belongs to a message now
		h.wait(25 * 3600e9)
		h.do(func(ctx context.Context, tx *db.Tx) error {
			n, err := ticket.PurgeUploads(ctx, tx)
			if n != 1 {
				h.Errorf("purged %d", n)
			}
			return err
		})
		if dbtest.Count(h.T, h.d, "attachment") != 1 {
			h.Error("the file of a message is gone")
		}
		fails(h.T, h.try(func(ctx context.Context, tx *db.Tx) error {
			_, err := ticket.Upload(ctx, tx, auth.Actor{}, ticket.Attachment{})
			return err
		}), errs.Forbidden)
	})
}

// Who writes learns what to mend before they learn that there is nobody to read it.
func TestWithoutAnyQueue(t *testing.T) {
	each(t, func(h *house) {
		h.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE queue SET active = FALSE")
			return err
		})
		for subject, want := range map[string]error{"": errs.Invalid, "Panne": errs.Unavailable} {
			fails(h.T, h.try(func(ctx context.Context, tx *db.Tx) error {
				_, err := ticket.OpenTicket(ctx, tx, ann, draft(subject))
				return err
			}), want)
		}
	})
}
