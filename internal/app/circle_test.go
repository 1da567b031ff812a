package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"entraide/internal/app"
	"entraide/internal/base/auth"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/mailtest"
	"entraide/internal/base/seal"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
)

// circle is the product between Debian's mail servers: people write to Postfix, which fills Dovecot's mailboxes, which
// the product fetches; what it answers goes the same way back.
type circle struct {
	t    *testing.T
	app  *app.App
	imap *mailtest.Dovecot
	smtp *mailtest.Postfix
}

func startCircle(t *testing.T) circle {
	t.Helper()
	c := circle{t: t, imap: mailtest.StartDovecot(t)}
	c.smtp = mailtest.StartPostfix(t, mailtest.Routes{Maildirs: filepath.Join(c.imap.Dir, "mail"),
		Mailboxes: []string{"aide@exemple.fr", "ann@exemple.fr", "paul@exemple.fr", "sav@exemple.fr"}})
	cfg := config.Default()
	cfg.Data, cfg.Listen, cfg.BaseURL = t.TempDir(), "127.0.0.1:0", "http://aide.exemple.fr"
	ctx, stop := context.WithCancel(t.Context())
	var err error
	if c.app, err = app.New(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.app.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := c.app.Close(); err != nil {
			t.Error(err)
		}
	})
	key, err := seal.Load(filepath.Join(cfg.Data, "keys", "seal.key"))
	if err != nil {
		t.Fatal(err)
	}
	c.write(func(ctx context.Context, tx *db.Tx) error {
		_, err := channel.SaveMailbox(ctx, tx, auth.System("test"), key, channel.Mailbox{Name: "Support", Address: "aide@exemple.fr", Active: true, Standard: true,
			In:  channel.Inbound{Way: channel.IMAP, Host: "127.0.0.1", Port: c.imap.Port, TLS: channel.Plain, User: "aide"},
			Out: channel.Outbound{Way: channel.SMTP, Host: "127.0.0.1", Port: c.smtp.Port, TLS: channel.Plain, Plus: true}},
			&channel.Secrets{Password: "secret"})
		return err
	})
	return c
}

func (c circle) write(f func(ctx context.Context, tx *db.Tx) error) {
	c.t.Helper()
	if err := c.app.DB.Write(c.t.Context(), func(tx *db.Tx) error { return f(c.t.Context(), tx) }); err != nil {
		c.t.Fatal(err)
	}
}

func (c circle) read(f func(ctx context.Context, tx *db.Tx) error) {
	c.t.Helper()
	if err := c.app.DB.Read(c.t.Context(), func(tx *db.Tx) error { return f(c.t.Context(), tx) }); err != nil {
		c.t.Fatal(err)
	}
}

// send writes a mail as a person's mail program does.
func (c circle) send(from, to, subject, head, body string) {
	c.t.Helper()
	raw := fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%d.%s>\r\n%s\r\n%s\r\n", from, to, subject, time.Now().Format(time.RFC1123Z), time.Now().UnixNano(), from, head, body)
	if err := smtp.SendMail(c.smtp.Address(), nil, from, []string{to}, []byte(raw)); err != nil {
		c.t.Fatal(err)
	}
}

// inbox returns what a person finds, oldest first.
func (c circle) inbox(who string) (list []*mail.Message) {
	c.t.Helper()
	cl := c.imap.Client(who)
	defer func() {
		if err := cl.Close(); err != nil {
			c.t.Error(err)
		}
	}()
	box, err := cl.Select("INBOX", nil).Wait()
	if err != nil {
		c.t.Fatal(err)
	}
	if box.NumMessages == 0 {
		return nil
	}
	var all imap.SeqSet
	all.AddRange(1, 0)
	section := &imap.FetchItemBodySection{Peek: true}
	got, err := cl.Fetch(all, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil {
		c.t.Fatal(err)
	}
	for _, g := range got {
		m, err := mail.ReadMessage(bytes.NewReader(g.FindBodySection(section)))
		if err != nil {
			c.t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

// talk returns the only ticket and what was said on it.
func (c circle) talk() (tk ticket.Ticket, said []ticket.Message) {
	c.t.Helper()
	c.read(func(ctx context.Context, tx *db.Tx) (err error) {
		if tk, err = ticket.Find(ctx, tx, auth.System("test"), "INC-1001"); err != nil {
			return err
		}
		said, err = ticket.Conversation(ctx, tx, auth.System("test"), tk)
		return err
	})
	return tk, said
}

func (c circle) count(table string) (n int) {
	c.t.Helper()
	c.read(func(ctx context.Context, tx *db.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&n)
	})
	return n
}

func TestFullCircle(t *testing.T) {
	c := startCircle(t)
	var paul auth.Actor
	c.write(func(ctx context.Context, tx *db.Tx) error {
		self := auth.System("test")
		p, err := identity.Create(ctx, tx, self, identity.Person{Name: "Paul Vasseur", Email: "paul@exemple.fr", Roles: []auth.Role{auth.Agent}})
		if err != nil {
			return err
		}
		paul, err = identity.LoadActor(ctx, tx, p.ID)
		return err
	})
	c.send("ann@exemple.fr", "aide@exemple.fr", "Le VPN se coupe", "", "Depuis ce matin.")
	mailtest.Eventually(t, "what Ann wrote is a ticket", func() bool { return c.count("ticket") == 1 })
	mailtest.Eventually(t, "Ann reads that it arrived", func() bool { return len(c.inbox("ann")) == 1 })
	tk, _ := c.talk()
	c.write(func(ctx context.Context, tx *db.Tx) error {
		var err error
		if paul.Teams = append(paul.Teams, tk.TeamID); err == nil {
			_, err = ticket.Reply(ctx, tx, paul, tk.ID, ticket.Say{Draught: ticket.Draught{Body: "Redémarrez le boîtier, **puis** dites-nous."}})
		}
		return err
	})
	mailtest.Eventually(t, "Ann reads the answer", func() bool { return len(c.inbox("ann")) == 2 })
	mails := c.inbox("ann")
	ack, answer := mails[0].Header, mails[1].Header
	body, err := io.ReadAll(mails[1].Body)
	if err != nil {
		t.Fatal(err)
	}
	if ack.Get("Auto-Submitted") != "auto-replied" || answer.Get("Auto-Submitted") != "" {
		t.Errorf("machines: %q, %q", ack.Get("Auto-Submitted"), answer.Get("Auto-Submitted"))
	}
	from, err := mail.ParseAddress(answer.Get("From"))
	if err != nil {
		t.Fatal(err)
	}
	reply := answer.Get("Reply-To")
	if !strings.Contains(reply, "aide+t.") || answer.Get("Message-Id") == "" || !strings.Contains(answer.Get("References"), ack.Get("Message-Id")) ||
		answer.Get("In-Reply-To") != ack.Get("Message-Id") || from.Name != "Paul Vasseur · Entraide" || !strings.Contains(string(body), "bo=C3=AEtier") {
		t.Errorf("the answer: %v\n%s", answer, body)
	}
	to, err := mail.ParseAddress(reply)
	if err != nil {
		t.Fatal(err)
	}
	c.send("ann@exemple.fr", to.Address, "Re: tout autre objet", "In-Reply-To: "+answer.Get("Message-Id")+"\r\nReferences: "+answer.Get("Message-Id")+"\r\n", "C'est fait, merci.")
	mailtest.Eventually(t, "what Ann answers joins", func() bool { _, said := c.talk(); return len(said) == 3 })
	if n := c.count("ticket"); n != 1 {
		t.Errorf("%d tickets", n)
	}
	// Postfix goes away in the middle: what Paul answers waits and arrives, once.
	c.smtp.Stop()
	c.write(func(ctx context.Context, tx *db.Tx) error {
		_, err := ticket.Reply(ctx, tx, paul, tk.ID, ticket.Say{Draught: ticket.Draught{Body: "Parfait."}})
		return err
	})
	mailtest.Eventually(t, "the answer waits", func() bool {
		var n int
		c.read(func(ctx context.Context, tx *db.Tx) error {
			return tx.QueryRowContext(ctx, "SELECT count(*) FROM envelope WHERE direction = 'out' AND state = 'waiting' AND reason <> ''").Scan(&n)
		})
		return n == 1
	})
	c.smtp.Start()
	c.write(func(ctx context.Context, tx *db.Tx) error { // as the button of settings does, so that nobody waits for the next try
		_, err := tx.ExecContext(ctx, "UPDATE job SET run_at = 0 WHERE kind = 'mail.send'")
		tx.Signal("jobs")
		return err
	})
	mailtest.Eventually(t, "it arrives", func() bool { return len(c.inbox("ann")) == 3 })
	if _, said := c.talk(); len(said) != 4 || c.count("envelope WHERE state = 'failed'") != 0 {
		t.Errorf("%d messages", len(said))
	}
}

// TestPipe lets Postfix run "entraide mail deliver" for each mail, as somebody who may do nothing else.
func TestPipe(t *testing.T) {
	dir, err := os.MkdirTemp("", "entraide-pipe-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	bin, data := filepath.Join(dir, "entraide"), filepath.Join(dir, "data")
	build(t, bin)
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(bin, 0o755), os.Mkdir(data, 0o700), os.Chown(data, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	server := mailtest.StartPostfix(t, mailtest.Routes{Maildirs: t.TempDir(), Transport: map[string]string{"aide@exemple.fr": "entraide:"},
		Pipe: bin + " mail deliver --data=" + data + " --to=${recipient}"})
	const raw = "From: <ann@exemple.fr>\r\nTo: <aide@exemple.fr>\r\nSubject: Le badge\r\nMessage-ID: <1@exemple.fr>\r\n\r\nIl ne marche plus.\r\n"
	for range 2 { // the second time it is known
		if err := smtp.SendMail(server.Address(), nil, "ann@exemple.fr", []string{"aide@exemple.fr"}, []byte(raw)); err != nil {
			t.Fatal(err)
		}
	}
	mailtest.Eventually(t, "both are delivered", func() bool { return strings.Count(server.Log(), "relay=entraide") == 2 })
	if log := server.Log(); strings.Count(log, "status=sent") != 2 {
		t.Errorf("Postfix says:\n%s", log)
	}
	cfg := config.Default()
	cfg.Data = data
	d, _, err := app.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	var tickets, envelopes int
	err = d.Read(t.Context(), func(tx *db.Tx) error {
		return tx.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM ticket), (SELECT count(*) FROM envelope WHERE direction = 'in')").Scan(&tickets, &envelopes)
	})
	if err != nil || tickets != 1 || envelopes != 1 {
		t.Errorf("%d tickets, %d envelopes, %v", tickets, envelopes, err)
	}
}
