package mailin_test

import (
	"net"
	"net/smtp"
	"strings"
	"testing"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/mailtest"
	"entraide/internal/domain/channel"
	"entraide/internal/door/mailin"
)

// TestPostfixHandsOver sends with an ordinary client to Postfix, which hands over to us by LMTP: what arrives is a
// ticket; while we are away mail waits in its queue and arrives once when we are back.
func TestPostfixHandsOver(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	k := newDesk(t, d, channel.Inbound{})
	address, stop := k.open(true, func(*mailin.Listener) {})
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	server := mailtest.StartPostfix(t, mailtest.Routes{Maildirs: t.TempDir(), Transport: map[string]string{"aide@exemple.fr": "lmtp:inet:127.0.0.1:" + port}})
	send := func(n int) {
		t.Helper()
		if err := smtp.SendMail(server.Address(), nil, "ann@exemple.fr", []string{"aide+x@exemple.fr"}, []byte(mail(n))); err != nil {
			t.Fatal(err)
		}
	}
	send(1)
	eventually(t, "it is a ticket", func() bool { return k.tickets() == 1 })
	stop()
	send(2)
	eventually(t, "Postfix keeps it", func() bool { return deferred(server) })
	server.Stop()
	k.openAt(address, true, func(*mailin.Listener) {})
	server.Start()
	eventually(t, "it arrives when both are back", func() bool { return k.tickets() == 2 })
	if n := dbtest.Count(t, d, "message"); n != 2 {
		t.Errorf("%d messages of 2 mails\n%s", n, server.Log())
	}
}

// deferred reports whether the server could not hand a mail over, and keeps it.
func deferred(s *mailtest.Postfix) bool { return strings.Contains(s.Log(), "status=deferred") }
