package desk_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/intake"
)

func TestMailThatMayBelongElsewhere(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		in := func(n string) (ticket.Ticket, string) {
			raw := "From: Eve <eve" + n + "@ailleurs.example>\r\nTo: aide@x.example\r\nSubject: [" + x.Reference() + "] moi aussi\r\nMessage-ID: <" + n + "@ailleurs.example>\r\n\r\nChez moi aussi (" + n + ").\r\n"
			r, err := intake.Deliver(t.Context(), h.db, h.blobs, strings.NewReader(raw), intake.Options{})
			if err != nil || r.Outcome != intake.Opened {
				t.Fatalf("%+v, %v", r, err)
			}
			return h.find(strings.TrimPrefix(r.Ref, "ticket/")), r.Envelope
		}
		one, question := in("1")
		h.want(h.get("yanis", h.path(one, "")), 200, "eve1@ailleurs.example cite un ticket sans y participer", x.Reference(), "Oui, réunir")
		h.want(h.post("sophie", h.path(one, "/mails/"+question), url.Values{"same": {"yes"}}), 404) // of another team: does not act
		h.want(h.post("yanis", h.path(one, "/mails/none"), url.Values{"same": {"yes"}}), 404)
		a := h.want(h.post("yanis", h.path(one, "/mails/"+question), url.Values{"same": {"yes"}}), 303)
		if to := a.header.Get("Location"); !strings.Contains(to, x.Reference()) {
			t.Errorf("it leads to %s", to)
		}
		if got := h.find(one.ID); got.MergedInto != x.ID {
			t.Errorf("merged into %q", got.MergedInto)
		}
		h.want(h.post("yanis", h.path(one, "/mails/"+question), url.Values{"same": {"no"}}), 404)
		two, question := in("2")
		h.want(h.post("yanis", h.path(two, "/mails/"+question), url.Values{"same": {"no"}}), 303)
		if page := h.get("yanis", h.path(two, "")); strings.Contains(page.body, "Oui, réunir") {
			t.Error("asked again after no")
		}
	})
}

func TestWhatBecameOfAReply(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("VPN coupé", "")
		var m ticket.Message
		var e channel.Envelope
		write := func(f func(ctx context.Context, tx *db.Tx) error) {
			t.Helper()
			if err := h.db.Write(t.Context(), func(tx *db.Tx) error { return f(t.Context(), tx) }); err != nil {
				t.Fatal(err)
			}
		}
		machine := auth.System("test")
		write(func(ctx context.Context, tx *db.Tx) (err error) {
			if m, err = ticket.Reply(ctx, tx, machine, x.ID, ticket.Say{Draught: ticket.Draught{Body: "Regardez ceci."}}); err != nil {
				return err
			}
			e, _, err = channel.Post(ctx, tx, machine, channel.Outgoing{MessageID: "r1@x.example", Recipient: "camille@x.example", Key: "r1", Ref: x.Ref(), Message: m.ID}, tx.Now)
			return err
		})
		h.want(h.get("yanis", h.path(x, "")), 200, "Attend de partir vers camille@x.example.")
		write(func(ctx context.Context, tx *db.Tx) error {
			return channel.MarkFailed(ctx, tx, machine, e.ID, channel.Because("mail.reason.refused", "550 no such user"))
		})
		h.want(h.get("yanis", h.path(x, "")), 200, "N'est pas parti vers camille@x.example", "550 no such user", "Renvoyer")
		h.want(h.post("camille", h.path(x, "/deliveries/"+m.ID), nil), 403)
		h.want(h.post("yanis", h.path(x, "/deliveries/"+m.ID), nil), 303)
		h.want(h.get("yanis", h.path(x, "")), 200, "Attend de partir vers camille@x.example.")
	})
}

func TestAskingAThirdParty(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x := h.open("Imprimante", "")
		to := h.path(x, "/consultation")
		h.want(h.get("yanis", h.path(x, "")), 200, "Demander à un tiers")
		h.want(h.post("camille", to, url.Values{"address": {"sav@y.example"}, "body": {"?"}}), 403)
		h.want(h.post("yanis", to, url.Values{"address": {"nowhere"}, "body": {"Changez-vous le fuseur ?"}}), 422, "Changez-vous le fuseur ?", "nowhere")
		h.want(h.post("yanis", to, url.Values{"address": {"sav@y.example"}, "body": {" "}}), 422, "sav@y.example")
		h.want(h.post("yanis", to, url.Values{"address": {"sav@y.example"}, "body": {"Changez-vous le fuseur ?"}, "wait": {"1"}}), 303)
		h.want(h.get("yanis", h.path(x, "")), 200, "Changez-vous le fuseur ?", "Note interne", "Attend de partir vers sav@y.example.")
		if got := h.find(x.ID); got.Status != ticket.Pending || got.PendingOn != ticket.OnThirdParty {
			t.Errorf("the ticket is %s on %s", got.Status, got.PendingOn)
		}
	})
}
