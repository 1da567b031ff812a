package desk_test

import (
	"net/url"
	"strings"
	"testing"

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
