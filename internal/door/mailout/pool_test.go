package mailout

import (
	"testing"

	"entraide/internal/domain/channel"
)

// A server that takes so many mails a minute gets no more: the rest comes back later, and says when.
func TestPace(t *testing.T) {
	p := newPool()
	slow := route{way: channel.SMTP, host: "smtp.office365.com", rate: 30}
	free := route{way: channel.SMTP, host: "mail.exemple.fr"}
	left := 0
	for range 20 {
		if p.line(free).rest() != 0 {
			t.Error("a server without a pace makes mail wait")
		}
		if wait := p.line(slow).rest(); wait == 0 {
			left++
		} else if wait > 2*patience {
			t.Errorf("a mail waits for %s", wait)
		}
	}
	if left < 5 || left > 7 {
		t.Errorf("%d of 20 left at once", left)
	}
	if first, again := p.line(slow), p.line(slow); first != again || first == p.line(free) {
		t.Error("lines are mixed up")
	}
}
